"""The seam to where copies of the store are kept, and what is known of them and of its disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from posapp.journal.restore_facts import OrphanFound


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that was read back: its file's name, when, the last journal entry in it, bytes."""

    name: str
    at: datetime
    seq: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """What is known of backups: the last good one, and why the last try failed (empty: it did not).

    `configured` says whether this till has a place for them; `same_disk` that it would be lost
    with the store. `tried_at` is the last try, good or not; `seq` the last journal entry in it.
    """

    configured: bool = False
    made_at: datetime | None = None
    seq: int = 0
    tried_at: datetime | None = None
    problem: str = ""
    same_disk: bool = False


@dataclass(frozen=True, slots=True)
class OrphanRecord:
    """Tokens that the module made for this till and no sale tells of, not yet settled.

    `seq` is the position of its fact, `at` the time of the module's clock.
    """

    seq: int
    at: datetime
    found: OrphanFound


class Backups(Protocol):
    """Where backups of the till's store are made. Called on the report lane."""

    @property
    def same_disk(self) -> bool:
        """Whether a backup would die with the store's own disk. Some microseconds."""
        ...

    def newest(self) -> BackupMade | None:
        """The newest backup of this store's journal that lies there, by its name. Never raises."""
        ...

    def make(self) -> BackupMade:
        """Copy the store, read the copy back, keep it; forget what is older than 7 days + 4 weeks.

        Seconds for a hundred MB; sales go on meanwhile. Raises StoreError BACKUP_FOLDER_MISSING,
        BACKUP_NO_SPACE, BACKUP_FAILED, BACKUP_DAMAGED and those of a store.
        """
        ...


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The disk below the store: bytes free, and whether new sales are refused for it.

    `problem` is why a checkpoint failed (empty: none did): how a worn disk begins. Only a full
    disk that has room again is forgotten before the next start. `failures` counts them all.
    """

    free_bytes: int
    is_low: bool = False
    problem: str = ""
    failures: int = 0
