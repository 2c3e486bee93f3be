"""Sales, tokens, postings and shifts out of the tills' journals, after the facts are safe.

Each step moves the branch's `projected_seq` in its own transaction, so a crash repeats nothing
and loses nothing; what cannot be projected waits in `dead_letter` and stops nobody.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, delete, select, update

from posapp.errors import PosError
from posapp.headoffice.books import Books, OutOfPlaceError
from posapp.headoffice.schema import (
    dead_letter,
    journal,
    posting,
    sale,
    shift,
    till_branch,
    token,
)
from posapp.journal import facts
from posapp.journal.chain import Entry

ENTRIES_A_STEP = 2_000
KIND_UNKNOWN = "KIND_UNKNOWN"

_log = logging.getLogger(__name__)


def project(connection: Connection) -> bool:
    """Project a stretch of every branch that has entries waiting; whether more is left."""
    waiting = connection.execute(
        select(till_branch).where(till_branch.c.projected_seq < till_branch.c.seq)
    ).all()
    more = False
    for branch in waiting:
        reached = _project_branch(connection, branch)
        connection.execute(
            update(till_branch)
            .where(till_branch.c.till_id == branch.till_id, till_branch.c.epoch == branch.epoch)
            .values(projected_seq=reached)
        )
        more = more or reached < branch.seq
    return more


def forget(connection: Connection) -> None:
    """Throw all projections away, to be made again from the journals."""
    for table in (sale, token, posting, shift, dead_letter):
        connection.execute(delete(table))
    connection.execute(update(till_branch).values(projected_seq=0))


def _project_branch(connection: Connection, branch: Any) -> int:
    rows = connection.execute(
        select(journal.c.entry)
        .where(
            journal.c.till_id == branch.till_id,
            journal.c.epoch == branch.epoch,
            journal.c.seq > branch.projected_seq,
        )
        .order_by(journal.c.seq)
        .limit(ENTRIES_A_STEP)
    ).all()
    books = Books(connection, bytes(branch.till_id), branch.epoch)
    read: list[tuple[Entry, facts.Fact]] = []
    last = int(branch.projected_seq)
    for row in rows:
        entry = Entry.from_bytes(bytes(row.entry))
        last = entry.seq
        try:
            fact = facts.read(entry.kind, entry.version, entry.body)
            if fact is None:
                raise OutOfPlaceError(KIND_UNKNOWN, f"{entry.kind}/{entry.version}")
        except (OutOfPlaceError, PosError) as error:
            _set_aside(books, entry, error)
        else:
            read.append((entry, fact))
    books.load([fact for _, fact in read])
    for entry, fact in read:
        try:
            books.book(entry.seq, entry.at_ms, fact)
        except (OutOfPlaceError, PosError) as error:
            _set_aside(books, entry, error)
    books.flush()
    return last


def _set_aside(books: Books, entry: Entry, error: OutOfPlaceError | PosError) -> None:
    _log.info("entry %d of a till waits as %s", entry.seq, error.code)
    books.set_aside(entry.seq, error.code, str(error))
