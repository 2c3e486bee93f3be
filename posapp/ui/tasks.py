"""Work leaves the UI thread here and comes back as one value, on the UI thread.

One QObject lives on the UI thread and receives results by `Signal(object)`; workers never
touch a QObject. The Qt-free side that presenters know is `posapp.ui.running`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from posapp.clock import SystemClock
from posapp.errors import PosError
from posapp.lanes import Lane, Lanes, Urgency
from posapp.log import write_crash

T = TypeVar("T")

CRASHES = "crash"  # the folder beside the store where tracebacks are kept

log = logging.getLogger("posapp.ui")


class _Mailbox(QObject):
    """Where results arrive; its thread is the UI thread."""

    arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.arrived.connect(self._open)

    @Slot(object)
    def _open(self, deliver: Callable[[], None]) -> None:
        deliver()


class Tasks:
    """Runs work on lanes and hands its result to the page that asked."""

    def __init__(
        self, lanes: Lanes, parent: QObject | None = None, crashes: Path | None = None
    ) -> None:
        """`crashes` is the folder where the traceback of what nobody expected is kept."""
        self._lanes = lanes
        self._mailbox = _Mailbox(parent)
        self._latest: dict[str, tuple[int, Future[Any]]] = {}
        self._count = 0
        self._closed = False
        self._crashes = crashes
        self._kept: set[tuple[str, int]] = set()

    def run(
        self,
        lane: Lane,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[PosError], None],
        *,
        key: str = "",
        urgency: Urgency = Urgency.NORMAL,
    ) -> None:
        """Run `work` on `lane`; then `then(result)` or `failed(error)` on the UI thread.

        A newer run with the same `key` makes this one's result worthless: it is dropped, and
        its work too if it has not begun. An exception that nobody expected becomes a crash file
        and the PosError UNEXPECTED, so that no page waits for ever.
        """
        self._count += 1
        ticket = self._count
        future = self._lanes.run(lane, lambda: self._guarded(work), urgency)
        if key:
            older = self._latest.get(key)
            self._latest[key] = (ticket, future)
            if older is not None:
                older[1].cancel()
        future.add_done_callback(
            lambda done: self._post(lambda: self._deliver(done, then, failed, key, ticket))
        )

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except PosError:
            raise
        except Exception as error:
            self._keep(error)
            raise PosError("UNEXPECTED") from error

    def _keep(self, error: Exception) -> None:
        """Once a place: what the poll meets every second must not push older files out."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (type(error).__name__, 0)
        if place is not None:
            where = (f"{where[0]} in {place.tb_frame.f_code.co_filename}", place.tb_lineno)
        if where in self._kept:
            log.info("unexpected %s again", type(error).__name__)
            return
        self._kept.add(where)
        path = write_crash(self._crashes, error, SystemClock().now()) if self._crashes else None
        log.error("unexpected %s; its traceback is in %s", type(error).__name__, path)

    def close(self) -> None:
        """Drop what still arrives."""
        self._closed = True

    def _post(self, deliver: Callable[[], None]) -> None:
        if not self._closed:
            self._mailbox.arrived.emit(deliver)

    def _deliver(
        self,
        done: Future[T],
        then: Callable[[T], None],
        failed: Callable[[PosError], None],
        key: str,
        ticket: int,
    ) -> None:
        if self._closed or (key and self._latest.get(key, (ticket,))[0] != ticket):
            return
        if key:
            self._latest.pop(key, None)
        try:
            result = done.result()
        except CancelledError:
            return
        except PosError as error:
            failed(error)
            return
        then(result)
