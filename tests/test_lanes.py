"""Lanes: one thread each, urgent work first, nothing waits for itself."""

from __future__ import annotations

import threading

import pytest

from posapp import lanes as lanes_module
from posapp.lanes import InlineLanes, Lane, ThreadLanes, Urgency


@pytest.fixture
def lanes():
    made = ThreadLanes()
    yield made
    made.close()


def test_a_lane_is_always_the_same_thread_and_lanes_differ(lanes):
    names = {lanes.run(Lane.STORE, lambda: threading.current_thread().name).result(5) for _ in "ab"}
    other = lanes.run(Lane.SALE, lambda: threading.current_thread().name).result(5)
    assert names == {"lane-store"}
    assert other == "lane-sale"


def test_sale_work_overtakes_chores(lanes):
    gate, order = threading.Event(), []
    lanes.run(Lane.STORE, gate.wait)
    futures = [
        lanes.run(Lane.STORE, lambda name=name: order.append(name), urgency)
        for name, urgency in (
            ("chore", Urgency.CHORE),
            ("normal", Urgency.NORMAL),
            ("sale 1", Urgency.SALE),
            ("sale 2", Urgency.SALE),
        )
    ]
    gate.set()
    for future in futures:
        future.result(5)
    assert order == ["sale 1", "sale 2", "normal", "chore"]


def test_work_that_asks_its_own_lane_does_not_wait_for_ever(lanes):
    inner = lanes.run(Lane.STORE, lambda: lanes.run(Lane.STORE, lambda: 7).result(5))
    assert inner.result(5) == 7


@pytest.mark.parametrize("make", [ThreadLanes, InlineLanes])
def test_an_error_arrives_with_the_result(make):
    made = make()

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        made.run(Lane.REPORT, fail).result(5)
    made.close()


def test_a_closed_lane_finishes_its_work_and_takes_no_more(lanes):
    done = []
    lanes.run(Lane.SYNC, lambda: done.append(1))
    lanes.close()
    assert done == [1]
    with pytest.raises(RuntimeError):
        lanes.run(Lane.SYNC, lambda: None)


def test_a_full_queue_is_an_error_not_a_leak(lanes, monkeypatch):
    monkeypatch.setattr(lanes_module, "QUEUE_LIMIT", 2)
    gate, busy = threading.Event(), threading.Event()
    lanes.run(Lane.SYNC, lambda: (busy.set(), gate.wait()))
    assert busy.wait(5)
    lanes.run(Lane.SYNC, lambda: None)
    lanes.run(Lane.SYNC, lambda: None)
    with pytest.raises(RuntimeError):
        lanes.run(Lane.SYNC, lambda: None)
    gate.set()
