"""The store against raw sqlcipher3 with the same key, settings, rows and commits.

The raw side replays, statement by statement, what ours was recorded to do on an equal copy.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from posapp.db import pragmas
from posapp.lanes import InlineLanes, Lanes, ThreadLanes
from posapp.store import feed, search
from posapp.store.schema import STORE_FILE
from posapp.store.store import SqlStore, open_store
from tests.benchmarks.row import Row
from tests.stores import (
    KEY,
    SeededRandomness,
    Seller,
    StoppedClock,
    a_customer,
    a_meter,
    a_meter_number,
    a_store,
)

ROUNDS = 15
SALES = 20  # in one round
METERS = 100_000
LOOKUPS = 400  # in one round
FEED_ROWS = 10_000
_BEGIN, _COMMIT = "BEGIN IMMEDIATE", "COMMIT"

Recorded = list[tuple[str, Any, bool]]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        yield Path(name)


def _open(folder: Path, lanes: Lanes) -> SqlStore:
    return open_store(folder, KEY, clock=StoppedClock(), randomness=SeededRandomness(), lanes=lanes)


def _record(folder: Path, rounds: int) -> list[Recorded]:
    """What ours says to the driver in `rounds` rounds of sales."""
    store = _open(folder, InlineLanes())
    said: Recorded = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        said.append((statement, values, many))

    engine = store._database._write_engine
    event.listen(engine, "begin", lambda _c: said.append((_BEGIN, (), False)))
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda _c: said.append((_COMMIT, (), False)))
    seller = Seller(store)
    recorded = []
    for _ in range(rounds):
        said.clear()
        for number in range(SALES):
            seller.sell(number + 1)
        recorded.append(list(said))
    store.close()
    return recorded


def _replay(connection: Any, said: Recorded) -> None:
    for statement, values, many in said:
        if many:
            connection.executemany(statement, values)
        else:
            connection.execute(statement, values).fetchall()


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bench_sale_commit() -> list[Row]:
    """Intent and outcome: journal, signature, sale, lines, TID, token, postings, print job."""
    with _folder() as folder:
        names = ("recorded", "raw", "inline", "threads")
        a_store(folder / names[0]).close()
        for name in names[1:]:
            shutil.copytree(folder / names[0], folder / name)
        recorded = _record(folder / "recorded", ROUNDS + 1)
        raw = pragmas.connect(folder / "raw" / STORE_FILE, KEY, pragmas.WRITER)
        lanes = ThreadLanes()
        inline = _open(folder / "inline", InlineLanes())
        threads = _open(folder / "threads", lanes)
        sellers = [Seller(inline), Seller(threads)]
        times: list[list[float]] = [[], [], []]
        for round_no, said in enumerate(recorded):
            sides: list[Callable[[], object]] = [lambda said=said: _replay(raw, said)]  # type: ignore[misc]
            sides += [lambda s=s: [s.sell(n + 1) for n in range(SALES)] for s in sellers]  # type: ignore[misc]
            for side in range(3):  # everyone goes first in turn
                which = (side + round_no) % 3
                times[which].append(_timed(sides[which]))
        same = _count(raw), _count_of(inline), _count_of(threads)
        assert same[0] == same[1] == same[2], same
        raw.close()
        inline.close()
        threads.close()
        lanes.close()
    limit, ours, laned = (statistics.median(side[1:]) / SALES * 1000 for side in times)
    return [
        Row("sale commit, both transactions", ours, limit, "ms", 2.0),
        Row("sale commit, through the store lane", laned, limit, "ms", 2.0),
    ]


_COUNT = (
    "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM sale_line),"
    " (SELECT count(*) FROM posting), (SELECT count(*) FROM token), (SELECT hash FROM till)"
)


def _count(raw: Any) -> tuple[Any, ...]:
    return tuple(raw.execute(_COUNT).fetchone())


def _count_of(store: SqlStore) -> tuple[Any, ...]:
    return tuple(store.look(lambda c: c.exec_driver_sql(_COUNT).one()))


def _town(folder: Path, meters: int) -> None:
    """A store with `meters` meters, two for every three customers having sold sales."""
    store = a_store(folder)

    def fill(connection: Any) -> None:
        for number in range(1, meters + 1):
            feed._put_customer(connection, a_customer(number))
            connection.exec_driver_sql(feed._METER, feed._meter_values(a_meter(number, number)))

    store.transaction(fill)
    seller = Seller(store)
    for number in range(1, 301):
        seller.sell(number * 7)
    store.close()


def bench_meter_lookup() -> list[Row]:
    """One exact number among 100,000: meter, customer and last sale, as a screen needs them."""
    with _folder() as folder:
        _town(folder / "town", METERS)
        store = _open(folder / "town", InlineLanes())
        path = folder / "town" / STORE_FILE
        raw = pragmas.connect(path, KEY, pragmas.READER)
        numbers = [a_meter_number(n * 251 % METERS + 1) for n in range(LOOKUPS)]

        def ours() -> None:
            for number in numbers:
                found = store.read(lambda reader, number=number: reader.meter(number))  # type: ignore[misc]
                assert found is not None and found.customer is not None

        def bare() -> None:
            for number in numbers:
                row = raw.execute(search.EXACT, (number.digits, 1)).fetchone()
                assert row is not None

        times: list[list[float]] = [[], []]
        for round_no in range(ROUNDS):
            for side in (0, 1) if round_no % 2 else (1, 0):
                times[side].append(_timed((bare, ours)[side]))
        raw.close()
        store.close()
    limit, mine = (statistics.median(side[1:]) / LOOKUPS * 1e6 for side in times)
    return [Row("exact meter among 100,000", mine, limit, "us", 3.0)]


def bench_feed_step() -> list[Row]:
    """How long a sale can have to wait behind a feed: the promise is 20 ms, not a ratio."""
    with _folder() as folder:
        store = a_store(folder / "town")
        times: list[float] = []
        transact = store.transaction

        def timed(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = transact(*arguments)
            times.append((time.perf_counter() - start) * 1000)
            return result

        store.transaction = timed  # type: ignore[method-assign]
        rows = [
            feed.FeedRow(n, feed.Entity.CUSTOMER, str(n), a_customer(n))
            for n in range(1, FEED_ROWS + 1)
        ]
        feed.SqlSyncStore(store).apply_rows("global", rows, FEED_ROWS)
        store.close()
    return [Row("feed step, the usual one", statistics.median(times), 20.0, "ms", 1.0)]
