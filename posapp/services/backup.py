"""Back up after a shift's close and every night; say how it went, and never stand in a sale's way.

What happened is remembered in this process only: after a start the newest file says it again.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import datetime, time, timedelta

from posapp.errors import PosError
from posapp.ports import Backups, BackupStatus, Clock, Reader, Store

NIGHT = time(2, 30)  # local: shops are closed, and the day's reports are done
AGAIN = timedelta(minutes=15)  # a stick that was pulled is soon put back

log = logging.getLogger("posapp.backup")


class Backup:
    """Runs on the report lane; `status` may be asked from anywhere."""

    def __init__(self, store: Store, backups: Backups | None, clock: Clock) -> None:
        """Without `backups` there is no place for them: nothing is ever due."""
        self._store = store
        self._backups = backups
        self._clock = clock
        self._guard = threading.Lock()
        newest = None if backups is None else backups.newest()
        self._status = BackupStatus(
            configured=backups is not None,
            made_at=None if newest is None else newest.at,
            seq=0 if newest is None else newest.seq,
            tried_at=None if newest is None else newest.at,
            same_disk=backups is not None and backups.same_disk,
        )

    def status(self) -> BackupStatus:
        """What is known now. Returns at once; never raises."""
        with self._guard:
            return self._status

    def __call__(self) -> BackupStatus:
        """Make one now. Raises nothing the world can cause: the status says what went wrong."""
        if self._backups is None:
            return self.status()
        now = self._clock.now()
        try:
            made = self._backups.make()
        except PosError as error:
            log.info("no backup was made: %s", error)
            return self._remember(replace(self.status(), tried_at=now, problem=error.code))
        return self._remember(
            replace(
                self.status(),
                made_at=made.at,
                seq=made.seq,
                tried_at=now,
                problem="",
                same_disk=self._backups.same_disk,
            )
        )

    def if_due(self) -> BackupStatus | None:
        """Make one if it is time; None when it is not. Raises StoreError."""
        return self() if self._store.read(self.is_due) else None

    def is_due(self, reader: Reader) -> bool:
        """Whether a shift was closed, or a night has passed, since the last good one.

        Only when the journal has grown since; after a failure not before a quarter of an hour.
        """
        status, now = self.status(), self._clock.now()
        if not status.configured or reader.head().seq <= status.seq:
            return False
        if status.problem and status.tried_at is not None:
            waited = now - status.tried_at
            if timedelta() <= waited < AGAIN:
                return False
        if status.made_at is None:
            return True
        shift = reader.shift(reader.last_shift_number())
        closed = shift.closed_at if shift is not None else None
        if closed is not None and closed >= status.made_at:
            return True
        return status.made_at < _last_night(reader.site().local(now))

    def _remember(self, status: BackupStatus) -> BackupStatus:
        with self._guard:
            self._status = status
        return status


def _last_night(local: datetime) -> datetime:
    """The newest half past two in the morning before a local time."""
    night = datetime.combine(local.date(), NIGHT, local.tzinfo)
    return night if night <= local else night - timedelta(days=1)
