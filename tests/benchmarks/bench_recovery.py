"""A start with ten orders left open: what recovery costs beyond what the module itself needs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posapp.errors import ModuleError, Outcome
from posapp.ports import IssueRequest
from posapp.services.recover import Recover
from tests.benchmarks.row import Row
from tests.services.counter import CountedQueue, a_counter
from tests.services.easy_module import EasyModule
from tests.stores import Seller, StoppedClock

OPEN = 10
PROMISED_MS = 1_000.0


class TimedModule(EasyModule):
    """Adds up how long its answers took."""

    spent_s = 0.0

    def _timed(self, ask: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            return ask()
        finally:
            self.spent_s += time.perf_counter() - start

    def issue(self, request: IssueRequest) -> Any:
        return self._timed(lambda: super(TimedModule, self).issue(request))

    def fetch(self, request_id: bytes, till_id: bytes) -> Any:
        return self._timed(lambda: super(TimedModule, self).fetch(request_id, till_id))


def bench_open_intents() -> list[Row]:
    """Half of them had reached the module. The promise is one second, whatever the module needs."""
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        module, clock = TimedModule(), StoppedClock()
        counter = a_counter(Path(name), module, clock)
        seller = Seller(counter.store, clock)
        for number in range(OPEN):
            _, sale = seller.begin(number + 1)
            if number % 2:
                items, till = sale.items, counter.store.read(lambda r: r.site().till_id)
                request = IssueRequest(
                    sale.sale_id, till, sale.sequence, sale.meter, sale.configuration, items
                )
                module.issue(request)
        module.spent_s = 0.0
        recover = Recover(counter.store, module, CountedQueue(), clock)
        start = time.perf_counter()
        resolved = recover().resolved
        took = time.perf_counter() - start - module.spent_s
        if len(resolved) != OPEN or counter.open_sales():
            raise ModuleError("OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN)
        counter.store.close()
    return [Row("recovery of 10 open orders, module aside", took * 1000, PROMISED_MS, "ms", 1.0)]
