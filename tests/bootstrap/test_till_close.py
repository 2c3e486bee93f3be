"""How a till ends: what its sale lane has begun comes before the end of the store."""

from __future__ import annotations

import threading

from posapp import config
from posapp.bootstrap import till as bootstrap
from posapp.lanes import Lane
from tests.benchmarks.bench_heartbeat import a_tills_folder


def test_what_the_sale_lane_has_begun_is_written_before_the_store_closes(tmp_path, monkeypatch):
    till = bootstrap.build(config.load(a_tills_folder(tmp_path, "serial:none")))
    begun, closed, close = threading.Event(), threading.Event(), till.store.close

    def closing():
        close()
        closed.set()

    def sale():
        begun.set()
        closed.wait(0.3)  # as long as a module takes to answer
        return till.store.write(lambda uow: uow.next_receipt())

    monkeypatch.setattr(till.store, "close", closing)
    sold = till.lanes.run(Lane.SALE, sale)
    assert begun.wait(5)
    till.close()
    assert closed.is_set() and sold.result(0) == 1
