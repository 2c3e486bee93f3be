"""A shift's Z and the rebuild of a store against raw sqlcipher3 doing the same statements."""

from __future__ import annotations

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posapp.db import pragmas
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.shift import CashCount
from posapp.journal.facts import SaleIssued, ShiftOpened
from posapp.services.reconcile import Reconcile
from posapp.services.shift import CloseShift
from posapp.services.sign_in import SignIn
from posapp.services.x_report import XReport
from posapp.store import ledger, rebuild
from posapp.store.feed import SqlSyncStore
from posapp.store.schema import STORE_FILE
from posapp.store.store import SqlStore
from posapp.wire.feed import Entity, FeedRow
from tests.benchmarks.row import Row
from tests.services.booked_module import BookedModule
from tests.services.counter import CountedQueue
from tests.stores import KEY, SeededRandomness, Seller, StoppedClock, a_store

Z_SALES = 3_000
REBUILD_SALES = 10_000  # measured; the promise is for 100,000
PROMISED_SALES = 100_000
IN_ONE = 200  # sales in a transaction while the store is filled
ROUNDS = 7
GRACE = Operator(3, "Grace Otieno", Role.CLERK)


@contextmanager
def _sold(sales: int) -> Iterator[tuple[SqlStore, StoppedClock, Path]]:
    """A store with an open shift of so many sales."""
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        clock = StoppedClock()
        store = a_store(Path(name), clock)
        row = FeedRow(1, Entity.OPERATOR, "3", OperatorRecord(GRACE, ""))
        SqlSyncStore(store).apply_rows("global", [row], 1)
        day = clock.now().date()
        store.write(lambda unit: unit.append(ShiftOpened(1, 3, 100_000, day, "KES")))
        seller = Seller(store, clock)

        def fill(unit: Any, count: int) -> None:
            for number in range(count):
                sale = seller.intent(unit, number % 500 + 1)
                seq = unit.append(sale)
                unit.append(SaleIssued(seq, (seller.token(),), seq))

        for start in range(0, sales, IN_ONE):
            store.write(lambda unit, start=start: fill(unit, min(IN_ONE, sales - start)))  # type: ignore[misc]
        yield store, clock, Path(name) / STORE_FILE
        store.close()


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def bench_shift_sums() -> list[Row]:
    """X and Z of 3,000 sales: the promise is 0.3 s; beside it, the bare statements."""
    with _sold(Z_SALES) as (store, clock, path):
        queue, module = CountedQueue(), BookedModule(gone=True)
        x = XReport(store, queue, clock)
        ours = _median(x.document)
        raw = pragmas.connect(path, KEY, pragmas.READER)
        ends = (0, 1 << 62)
        statements = [
            (ledger.PERIOD_STATES, ends),
            (ledger.PERIOD_LATE, ends),
            (ledger.PERIOD_TYPES, ends),
            (ledger.PERIOD_TENDERS, ends),
            (ledger.PERIOD_ACCOUNTS, ends),
            (ledger.PERIOD_TOKENS, ends),
            (ledger.PERIOD_ABANDONED, (*ends, 500)),
            (ledger.DRAWER_PARTS, (1,)),
        ]
        bare = _median(lambda: [raw.execute(s, values).fetchall() for s, values in statements])
        raw.close()
        sign_in = SignIn(store, module)
        close = CloseShift(store, queue, clock, Reconcile(store, module), sign_in)
        expected = close.preview(CashCount(())).expected_minor
        start = time.perf_counter()
        close(GRACE, CashCount(((1, expected),)))
        took = time.perf_counter() - start
    return [
        Row("Z over 3,000 sales", took * 1000, 300.0, "ms", 1.0),
        Row("X over 3,000 sales, beside its statements", ours * 1000, bare * 1000, "ms", 2.0),
    ]


def bench_rebuild() -> list[Row]:
    """All projections again: the time of 100,000 sales, its memory, and the bare inserts."""
    with _sold(REBUILD_SALES) as (store, _, path):
        start = time.perf_counter()
        store.rebuild()
        took = time.perf_counter() - start
        tracemalloc.start()
        store.look(lambda c: rebuild.check(c, store.folder, SeededRandomness(5)))
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        bare = _bare_copy(path)
    scale = PROMISED_SALES / REBUILD_SALES
    return [
        Row("rebuild of 100,000 sales", took * scale, 60.0, "s", 1.0),
        Row("rebuild, beside bare copies of its rows", took * scale, bare * scale, "s", 16.0),
        Row("memory of a rebuild check", peak, 40.0, "MB", 1.0),
    ]


def _bare_copy(path: Path) -> float:
    """The same rows put into empty tables of the same form, each table one statement."""
    raw = pragmas.connect(path, KEY, pragmas.WRITER)
    tables = ("sale", "sale_line", "sale_fee", "token", "booking", "posting", "tid", "shift")
    kept = {t: raw.execute(f"SELECT * FROM {t}").fetchall() for t in tables}
    start = time.perf_counter()
    raw.execute("BEGIN IMMEDIATE")
    for table, rows in kept.items():
        raw.execute(f"DELETE FROM {table}")
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            raw.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    raw.execute("COMMIT")
    took = time.perf_counter() - start
    raw.close()
    return took
