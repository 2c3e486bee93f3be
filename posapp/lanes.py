"""Named one-thread lanes: all waiting happens here, never on the UI thread.

A lane runs its work one by one, urgent work first. `InlineLanes` runs everything at once in
the caller's thread; tests use it so that nothing is left to timing.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

QUEUE_LIMIT = 10_000  # a lane with this much waiting is stuck; more would only hide it


class Lane(StrEnum):
    """One thread each; see the README for what belongs where."""

    LOOKUP = "lookup"
    SALE = "sale"
    STORE = "store"
    MODULE = "module"
    PRINTER = "printer"
    SYNC = "sync"
    REPORT = "report"


class Urgency(IntEnum):
    """Sale work goes first, chores last; within one urgency, first come first served."""

    SALE = 0
    NORMAL = 1
    CHORE = 2


class Lanes(Protocol):
    """Where work goes that may wait."""

    def run(
        self, lane: Lane, work: Callable[[], T], urgency: Urgency = Urgency.NORMAL
    ) -> Future[T]:
        """Queue `work` on `lane`; the future carries its result or its exception.

        Returns at once. Raises RuntimeError when the lane is closed or its queue is full.
        Called from the lane itself, the work runs at once (a lane never waits for itself).
        """
        ...

    def close(self) -> None:
        """Finish what is queued, then end the threads. Takes as long as the work does."""
        ...


class _OneThread:
    def __init__(self, name: str) -> None:
        self._heap: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._closing = False
        self.thread = threading.Thread(target=self._loop, name=f"lane-{name}", daemon=True)
        self.thread.start()

    def put(self, work: Callable[[], Any], urgency: Urgency) -> Future[Any]:
        future: Future[Any] = Future()
        if threading.current_thread() is self.thread:
            _run(work, future)
            return future
        with self._wake:
            if self._closing:
                raise RuntimeError("this lane is closed")
            if len(self._heap) >= QUEUE_LIMIT:
                raise RuntimeError("this lane's queue is full")
            heapq.heappush(self._heap, (int(urgency), next(self._order), work, future))
            self._wake.notify()
        return future

    def _loop(self) -> None:
        while True:
            with self._wake:
                while not self._heap and not self._closing:
                    self._wake.wait()
                if not self._heap:
                    return
                _, _, work, future = heapq.heappop(self._heap)
            _run(work, future)
            del work, future

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        if threading.current_thread() is not self.thread:
            self.thread.join()


def _run(work: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


class ThreadLanes:
    """Real lanes, each thread started when it is first needed."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, _OneThread] = {}
        self._lock = threading.Lock()

    def run(
        self, lane: Lane, work: Callable[[], T], urgency: Urgency = Urgency.NORMAL
    ) -> Future[T]:
        with self._lock:
            one = self._lanes.get(lane)
            if one is None:
                one = self._lanes[lane] = _OneThread(lane.value)
        return one.put(work, urgency)

    def close(self) -> None:
        with self._lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()


class InlineLanes:
    """Everything at once, in the caller's thread."""

    def run(
        self, lane: Lane, work: Callable[[], T], urgency: Urgency = Urgency.NORMAL
    ) -> Future[T]:
        future: Future[T] = Future()
        _run(work, future)
        return future

    def close(self) -> None:
        return None
