"""Keeps a till's house in order between key presses: one thread that only starts work on lanes.

Once a second it lets the spooler look at the printer, looks for the module, and now and then
talks to head office and rests the store. When the module is back, open sales are finished.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from posapp.errors import PosError
from posapp.lanes import Lane, Lanes, Urgency
from posapp.ports import LinkState, Reader
from posapp.printing.spooler import Spooler
from posapp.security_module.manager import ModuleManager
from posapp.services.backup import Backup
from posapp.services.note_module import NoteModule
from posapp.services.recover import Recover
from posapp.services.recover_answers import RecoverAnswers
from posapp.store.store import SqlStore
from posapp.sync.http_sync import HttpSync

ROUND_S = 1.0
SYNC_WAITING_MS = 5_000  # while something waits to be sent
SYNC_IDLE_MS = 60_000  # to learn of new customers and tariffs
REST_ROUNDS = 3
ABSENT_ROUNDS = 3  # a module that is away is looked for less often than one that is there
RECOVER_AGAIN_ROUNDS = 15
BACKUP_ROUNDS = 10  # a shift that was closed is copied soon after

log = logging.getLogger("posapp.caretaker")


class Caretaker:
    """Starts with `start`, ends with `stop`; never raises, never waits for what it started."""

    def __init__(
        self,
        lanes: Lanes,
        store: SqlStore,
        module: ModuleManager,
        spooler: Spooler,
        sync: HttpSync | None,
        recover: Recover,
        backup: Backup,
        answers: RecoverAnswers,
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._module = module
        self._spooler = spooler
        self._sync = sync
        self._recover = recover
        self._backup = backup
        self._answers = answers
        self._note_module = NoteModule(store, module)
        self._stop = threading.Event()
        self._running: dict[str, Future[object]] = {}
        self._sync_in_ms = 0
        self._online = False
        self._rounds = 0
        self._recover_in = 0
        self._thread = threading.Thread(target=self._loop, name="caretaker", daemon=True)

    def start(self) -> None:
        """Begin to look after things."""
        self._thread.start()

    def stop(self) -> None:
        """End; at most one round's starting of work is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(ROUND_S):
            try:
                self._round()
            except PosError as error:
                log.info("a round was cut short: %s", error)
            except Exception:
                if self._stop.is_set():  # the lanes close while the till ends
                    return
                log.exception("a round was cut short")

    def _round(self) -> None:
        self._rounds += 1
        self._spooler.tick()
        there = self._module.status().state.answers
        if there or self._rounds % ABSENT_ROUNDS == 0:
            self._once("module", Lane.MODULE, self._module.poll)
        self._recover_in -= 1
        if there and self._recover_in <= 0:
            self._once("recover", Lane.SALE, self._finish_open_sales)
        if there:
            self._once("book's key", Lane.REPORT, self._note_module)
        if self._rounds % REST_ROUNDS == 0:
            self._once("rest", Lane.REPORT, self._store.idle)
        if self._rounds % BACKUP_ROUNDS == 0:
            self._once("backup", Lane.REPORT, self._backup.if_due)
        self._sync_in_ms -= int(ROUND_S * 1000)
        if self._sync is not None and self._sync_in_ms <= 0:
            self._once("sync", Lane.SYNC, self._talk)
        elif self._online and self._store.read(_waiting):
            self._sync_in_ms = min(self._sync_in_ms, SYNC_WAITING_MS)

    def _finish_open_sales(self) -> None:
        self._answers()
        if self._store.read(lambda reader: reader.open_sales()) and self._recover().unresolved:
            self._recover_in = RECOVER_AGAIN_ROUNDS

    def _talk(self) -> None:
        assert self._sync is not None
        status = self._sync.run_once()
        self._online = status.state is LinkState.ONLINE
        if not self._online:
            self._sync_in_ms = self._sync.pause_ms()
        else:
            self._sync_in_ms = SYNC_WAITING_MS if status.waiting else SYNC_IDLE_MS

    def _once(self, name: str, lane: Lane, work: Callable[[], object]) -> None:
        """Start `work` unless it is still under way from an earlier round."""
        before = self._running.get(name)
        if before is not None and not before.done():
            return
        if before is not None and before.exception() is not None:
            error = before.exception()
            if isinstance(error, PosError):
                log.info("%s: %s", name, error)
            else:
                log.error("%s failed", name, exc_info=error)
        self._running[name] = self._lanes.run(lane, work, Urgency.CHORE)


def _waiting(reader: Reader) -> bool:
    """Whether head office has not yet everything."""
    return reader.head().seq > reader.acknowledged_seq()
