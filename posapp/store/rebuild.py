"""Makes every projection again from the journal: to prove them, or to repair them.

A check projects into a scratch file beside the store, under a key nobody keeps, and compares
row by row; a repair replaces the rows in one transaction and keeps the local steps of sales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from posapp.clock import Randomness
from posapp.db import migrations
from posapp.db.engine import open_sqlcipher
from posapp.errors import StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.facts import SaleIntended
from posapp.store.projections import Projector
from posapp.store.schema import MIGRATIONS, PROJECTED, VERSION_TABLE, place_of
from posapp.store.till_row import TillRow

PAGE = 500  # entries in one transaction of the scratch file
DIFFERENCES_MAX = 20  # enough to see what is wrong

_JOURNAL = "SELECT place, entry, hash FROM journal WHERE place > ? ORDER BY place LIMIT ?"
_COPY = "INSERT INTO journal (place, entry, hash) VALUES (?, ?, ?)"
_STEPS = "CREATE TEMP TABLE kept_step AS SELECT place, step FROM sale WHERE step <> 0"
_STEPS_BACK = "UPDATE sale SET step = k.step FROM temp.kept_step k WHERE k.place = sale.place"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """How many entries were projected, and where the store differs from its journal."""

    entries: int
    differences: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.differences


def check(connection: Connection, folder: Path, randomness: Randomness) -> Rebuild:
    """Project the journal that `connection` sees into a scratch file and compare bit for bit."""
    stored = _till(connection)
    path = folder / f"rebuild-{randomness.bytes(8).hex()}.db"
    scratch = open_sqlcipher(path, randomness.bytes(32), create=True)
    try:
        migrations.upgrade(scratch, MIGRATIONS, VERSION_TABLE)
        till = TillRow(stored.genesis, stored.parent_hash)
        open_intents: dict[int, SaleIntended] = {}
        count = 0
        for page in _pages(connection):
            with scratch.write() as other:
                other.exec_driver_sql(_COPY, page)
                projector = Projector(other, till, open_intents)
                _project(projector, till, page)
            count += len(page)
        with scratch.read() as other:
            found = [*_till_differences(stored, till), *_table_differences(connection, other)]
    finally:
        scratch.close()
        for left in folder.glob(path.name + "*"):
            left.unlink()
    return Rebuild(count, tuple(found[:DIFFERENCES_MAX]))


def repair(connection: Connection) -> tuple[int, TillRow]:
    """Throw the projections away and make them again, in the caller's transaction.

    Returns the number of entries and the till's row as it follows from them; its owner saves it.
    """
    stored = _till(connection)
    run = connection.exec_driver_sql
    run(_STEPS)
    for table, _, _ in PROJECTED:
        run(f"DELETE FROM {table}")
    till = TillRow(stored.genesis, stored.parent_hash, floor_ms=stored.floor_ms)
    projector = Projector(connection, till, {})
    count = 0
    for page in _pages(connection):
        _project(projector, till, page)
        count += len(page)
    run(_STEPS_BACK)
    run("DROP TABLE temp.kept_step")
    if till.head != stored.head:
        raise StoreError("STORE_DAMAGED", seq=till.head.seq)
    return count, till


def _project(projector: Projector, till: TillRow, page: list[tuple[int, bytes, bytes]]) -> None:
    for place, data, _ in page:
        entry = Entry.from_bytes(data)
        if place != place_of(till.head.epoch, till.head.seq + 1) or entry.seq != till.head.seq + 1:
            raise StoreError("STORE_DAMAGED", seq=till.head.seq + 1)
        till.head = till.head.follow(data)
        fact = facts.read(entry.kind, entry.version, entry.body)
        if fact is not None:
            projector.apply(place, entry.at_ms, fact)


def _pages(connection: Connection) -> Iterator[list[tuple[int, bytes, bytes]]]:
    place = 0
    while True:
        rows = connection.exec_driver_sql(_JOURNAL, (place, PAGE)).all()
        if not rows:
            return
        yield [(row[0], row[1], row[2]) for row in rows]
        place = rows[-1][0]


def _till(connection: Connection) -> TillRow:
    till = TillRow.load(connection)
    if till is None:
        raise StoreError("NOT_ENROLLED")
    return till


def _till_differences(stored: TillRow, rebuilt: TillRow) -> Iterator[str]:
    for name in ("head", "receipt", "vended_minor"):
        if getattr(stored, name) != getattr(rebuilt, name):
            yield f"till.{name}"


def _table_differences(ours: Connection, rebuilt: Connection) -> Iterator[str]:
    for table, columns, order in PROJECTED:
        statement = f"SELECT {columns} FROM {table} ORDER BY {order}"  # every row, streamed
        pairs = zip_longest(ours.exec_driver_sql(statement), rebuilt.exec_driver_sql(statement))
        yield from (f"{table}: {_key(a, b)}" for a, b in pairs if _differ(a, b))


def _differ(a: Any, b: Any) -> bool:
    return a is None or b is None or tuple(a) != tuple(b)


def _key(a: Any, b: Any) -> str:
    """The keys of a pair of rows that differ; never what stands in them."""
    return "/".join("missing" if row is None else str(row[0]) for row in (a, b))
