"""Sales, tokens, postings and shifts out of the tills' journals, after the facts are safe.

Each step moves one branch's `projected_seq` in a transaction of its own, so a crash repeats
nothing and loses nothing; what cannot be projected waits in `dead_letter` and stops nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from posapp.db.errors import translate
from posapp.errors import PosError, StoreError
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
PROJECTION_BROKE = "PROJECTION_BROKE"

_log = logging.getLogger(__name__)


Place = tuple[bytes, int]  # a till's id and the epoch of its journal


def waiting(connection: Connection) -> tuple[Place, ...]:
    """The branches that have entries which are not projected."""
    query = select(till_branch.c.till_id, till_branch.c.epoch).where(
        till_branch.c.projected_seq < till_branch.c.seq
    )
    return tuple((bytes(row.till_id), row.epoch) for row in connection.execute(query))


def project(connection: Connection, place: Place) -> bool:
    """Project a stretch of one branch in the caller's transaction; whether more is left.

    Whatever an entry does, it ends at worst as a dead letter. Raises only what the database
    itself says: no disk, no lock, a damaged page.
    """
    till_id, epoch = place
    mine = (till_branch.c.till_id == till_id) & (till_branch.c.epoch == epoch)
    branch = connection.execute(select(till_branch).where(mine)).one()
    rows = connection.execute(
        select(journal.c.seq, journal.c.entry)
        .where(
            journal.c.till_id == till_id,
            journal.c.epoch == epoch,
            journal.c.seq > branch.projected_seq,
        )
        .order_by(journal.c.seq)
        .limit(ENTRIES_A_STEP)
    ).all()
    if not rows:
        return False
    _project_some(connection, place, rows)
    reached = rows[-1].seq
    connection.execute(update(till_branch).where(mine).values(projected_seq=reached))
    return bool(reached < branch.seq)


def forget(connection: Connection) -> None:
    """Throw all projections away, to be made again from the journals."""
    for table in (sale, token, posting, shift, dead_letter):
        connection.execute(delete(table))
    connection.execute(update(till_branch).values(projected_seq=0))


def _project_some(connection: Connection, place: Place, rows: Sequence[Any]) -> None:
    """All of `rows` at once; when that breaks, each half by itself, down to the one that does."""
    try:
        with connection.begin_nested():
            _book(Books(connection, *place), rows)
        return
    except Exception as error:
        if isinstance(error, StoreError) or translate(error) is not None:
            raise  # the disk's fault and not an entry's
        broken = error
    if len(rows) > 1:
        middle = len(rows) // 2
        _project_some(connection, place, rows[:middle])
        _project_some(connection, place, rows[middle:])
        return
    _log.error(
        "entry %d of till %s cannot be projected", rows[0].seq, place[0].hex(), exc_info=broken
    )
    books = Books(connection, *place)
    books.set_aside(rows[0].seq, PROJECTION_BROKE, type(broken).__name__)
    books.flush()


def _book(books: Books, rows: Sequence[Any]) -> None:
    read: list[tuple[Entry, facts.Fact]] = []
    for row in rows:
        try:
            entry = Entry.from_bytes(bytes(row.entry))
            fact = facts.read(entry.kind, entry.version, entry.body)
            if fact is None:
                raise OutOfPlaceError(KIND_UNKNOWN, f"{entry.kind}/{entry.version}")
        except (OutOfPlaceError, PosError) as error:
            _set_aside(books, row.seq, error)
        else:
            read.append((entry, fact))
    books.load([fact for _, fact in read])
    for entry, fact in read:
        try:
            books.book(entry.seq, entry.at_ms, fact)
        except (OutOfPlaceError, PosError) as error:
            _set_aside(books, entry.seq, error)
    books.flush()


def _set_aside(books: Books, seq: int, error: OutOfPlaceError | PosError) -> None:
    _log.info("entry %d of a till waits as %s", seq, error.code)
    books.set_aside(seq, error.code, str(error))
