"""What the strip at the bottom shows: module, printer, head office, float, clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from posapp.domain.shift import Shift
from posapp.ports import (
    BackupStatus,
    Clock,
    DiskStatus,
    ModuleStatus,
    PrinterStatus,
    PrintQueue,
    Reader,
    SecurityModule,
    Store,
    SyncEngine,
    SyncStatus,
)
from posapp.services.quote import clock_is_back

NO_BACKUPS = BackupStatus()
FLOAT_WARN_SHARE = 5  # warn when less than one fifth of the last authorisation is left


@dataclass(frozen=True, slots=True)
class TillStatus:
    """A snapshot for the status strip."""

    module: ModuleStatus
    printer: PrinterStatus
    sync: SyncStatus
    float_left_minor: int
    float_authorised_minor: int
    lease_until: datetime | None
    clock_trusted: bool
    shift: Shift | None
    open_sales: int
    backup: BackupStatus = NO_BACKUPS
    disk: DiskStatus | None = None

    @property
    def float_low(self) -> bool:
        """Less than a fifth of what was authorised is left."""
        return self.float_left_minor * FLOAT_WARN_SHARE < self.float_authorised_minor


class ReadStatus:
    """Runs on the lookup lane; never asks a device, only what is known of it."""

    def __init__(
        self,
        store: Store,
        module: SecurityModule,
        queue: PrintQueue,
        sync: SyncEngine,
        clock: Clock,
        backup: Callable[[], BackupStatus] = BackupStatus,
        disk: Callable[[], DiskStatus | None] = lambda: None,
    ) -> None:
        self._store = store
        self._module = module
        self._queue = queue
        self._sync = sync
        self._clock = clock
        self._backup = backup
        self._disk = disk

    def __call__(self) -> TillStatus:
        """One snapshot. Raises StoreError only."""
        now = self._clock.now()

        def read(reader: Reader) -> TillStatus:
            lease = reader.lease()
            authorised = lease.authorised_total_minor if lease else 0
            return TillStatus(
                module=self._module.status(),
                printer=self._queue.status(),
                sync=replace(self._sync.status(), waiting=_unsent(reader)),
                float_left_minor=max(0, authorised - reader.vended_total_minor()),
                float_authorised_minor=authorised,
                lease_until=lease.valid_until if lease else None,
                clock_trusted=not clock_is_back(reader, now),
                shift=reader.open_shift(),
                open_sales=len(reader.open_sales()),
                backup=self._backup(),
                disk=self._disk(),
            )

        return self._store.read(read)


def _unsent(reader: Reader) -> int:
    """Journal entries that head office has not confirmed, now and not at its last answer."""
    return reader.head().seq - reader.acknowledged_seq()
