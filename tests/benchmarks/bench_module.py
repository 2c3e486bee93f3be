"""A sale's whole road through the module on a pty: intent, ISSUE and outcome, each on the disk.

The promise is 4 fsyncs and 5 ms in the middle and 50 ms for the slowest in a hundred. What an
fsync takes is measured between the sales, in the same folder.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from posapp.bootstrap import module as bootstrap
from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.sale import Tender, TenderKind
from posapp.lanes import ThreadLanes
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.manager import ModuleManager
from tests.benchmarks.row import Row
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import GRACE, METERS, Counter, a_counter
from tests.stores import TILL_ID, a_meter_number

SALES = 600
WARM_UP = 30
FSYNCS = 4
BESIDE_MS = 5.0
SLOWEST_MS = 50.0
PAGE = bytes(4096)
AMOUNTS = (10_000, 20_000, 50_000, 75_000)


class Disk:
    """Writes a page at the end of a file and waits until the disk has it."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def fsync_ms(self) -> float:
        os.write(self._handle, PAGE)
        start = time.perf_counter()
        os.fsync(self._handle)
        return (time.perf_counter() - start) * 1000

    def close(self) -> None:
        os.close(self._handle)


def a_paired_manager(
    folder: Path, module: ModuleProcess, lanes: ThreadLanes, *, sealed: bool
) -> ModuleManager:
    """The till's hand on the running module, over a session when `sealed`."""
    keys = LineKeys(folder, bytes(range(32)), SystemRandomness())
    manager = ModuleManager(
        module.address,
        till_id=TILL_ID,
        clock=SystemClock(),
        lanes=lanes,
        line_keys=keys if sealed else None,
    )
    if sealed:
        words = bootstrap.pair(module.folder).splitlines()[0].split()
        manager.pair("".join(word for word in words if word.isdigit()), "T001")
    return manager


def sell(counter: Counter, number: int) -> float:
    """One sale to one of the town's meters, quoted before; its milliseconds."""
    context = counter.prepare(a_meter_number(number % METERS + 1))
    quote = context.by_money(AMOUNTS[number % len(AMOUNTS)])
    cash = Tender(TenderKind.CASH, quote.amount_minor)
    start = time.perf_counter()
    counter.sell(context, quote, (cash,), GRACE.operator_id)
    return (time.perf_counter() - start) * 1000


def _measured(*, sealed: bool) -> tuple[list[float], list[float]]:
    """Milliseconds of each sale, and of an fsync after each."""
    sales: list[float] = []
    fsyncs: list[float] = []
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        folder, lanes = Path(name), ThreadLanes()
        module = ModuleProcess.make(folder / "module")
        with module.running():
            manager = a_paired_manager(folder, module, lanes, sealed=sealed)
            counter = a_counter(folder / "till", manager, lanes=lanes)
            disk = Disk(folder / "page")
            for number in range(SALES + WARM_UP):
                took, fsync = sell(counter, number), disk.fsync_ms()
                if number >= WARM_UP:
                    sales.append(took)
                    fsyncs.append(fsync)
            disk.close()
            manager.close()
            counter.store.close()
            lanes.close()
    return sales, fsyncs


def bench_sale_through_the_pty() -> list[Row]:
    """In the clear, as in a laboratory, and in a session, as at a paired till."""
    rows = []
    for line, sealed in (("clear", False), ("sealed", True)):
        sales, fsyncs = _measured(sealed=sealed)
        limit = FSYNCS * statistics.median(fsyncs) + BESIDE_MS
        slowest = statistics.quantiles(sales, n=100)[98]
        name = f"sale through the pty, {line} line"
        rows += [
            Row(f"{name}, p50, beside 4 fsyncs + 5 ms", statistics.median(sales), limit, "ms", 1),
            Row(f"{name}, p99", slowest, SLOWEST_MS, "ms", 1),
        ]
    return rows
