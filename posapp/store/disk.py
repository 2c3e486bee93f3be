"""The disk below the store: full is seen before the module is asked, worn at the checkpoint.

A ballast file lies beside the store: when the disk is full all the same, it is given up, so that
what is open can end and the write-ahead log can be moved into the store.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from posapp.db.pragmas import WAL_LIMIT_BYTES
from posapp.errors import StoreError
from posapp.ports import DiskStatus

RESERVE_BYTES = 200 * 1024 * 1024  # below this no new sale starts: what is open can still end
BALLAST_BYTES = 64 * 1024 * 1024  # twice the log that a checkpoint must be able to move
BALLAST_FILE = "ballast"
_STEP_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


def free_bytes(folder: Path) -> int:
    """What is free on the disk of `folder` for this user. Some microseconds. Raises OSError."""
    return shutil.disk_usage(folder).free


class Disk:
    """Watches one store's disk. Called on the store lane; `status` from anywhere."""

    def __init__(
        self,
        store: Path,
        reserve_bytes: int = RESERVE_BYTES,
        ballast_bytes: int = 0,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """`store` is the store's file; without `ballast_bytes` there is no ballast."""
        self._log = store.with_name(f"{store.name}-wal")
        self._folder = store.parent
        self._reserve_bytes = reserve_bytes
        self._ballast_bytes = ballast_bytes
        self._ballast = store.parent / BALLAST_FILE
        self._free = free
        self._problem = ""
        self._stuck = False
        self._failures = 0

    def require(self) -> None:
        """Before anything that a token is asked for.

        Raises StoreError DISK_FULL(free_mib, needed_mib), and after a checkpoint that failed its
        code, once 32 MiB wait to be moved: a disk like that takes no new sales.
        """
        free = self._free_now()
        if free < self._reserve_bytes:
            needed_mib = self._reserve_bytes >> 20
            raise StoreError("DISK_FULL", free_mib=free >> 20, needed_mib=needed_mib)
        if self._stuck and self._log.exists() and self._log.stat().st_size > WAL_LIMIT_BYTES:
            raise StoreError(self._problem)

    def checkpointed(self) -> None:
        """A checkpoint went well. A disk that was full is not any more; one that once failed to
        write may fail again, whatever it says now.
        """
        self._stuck = False
        if self._problem == "DISK_FULL":
            self._problem = ""

    def failed(self, error: StoreError) -> None:
        """A commit or a checkpoint did not: for a full disk the ballast is given up."""
        if error.code == "DISK_FULL" and self._ballast.exists():
            self._ballast.unlink()
            log.error("the disk is full; the ballast was given up")

    def checkpoint_failed(self, error: StoreError) -> None:
        """Every commit so far is safe in the log; the status says that the disk is not."""
        self._problem, self._stuck = error.code, True
        self._failures += 1
        self.failed(error)

    def keep_ballast(self) -> None:
        """Put the ballast there when there is room for it; once a till, up to a second."""
        if not self._ballast_bytes or self._ballast.exists():
            return
        if self._free_now() < self._reserve_bytes + 2 * self._ballast_bytes:
            return
        making = self._ballast.with_suffix(".new")
        try:
            with making.open("wb") as stream:
                for _ in range(0, self._ballast_bytes, _STEP_BYTES):
                    stream.write(bytes(min(_STEP_BYTES, self._ballast_bytes)))
            making.replace(self._ballast)
        except OSError as error:
            making.unlink(missing_ok=True)
            log.info("no ballast beside the store: %s", error.strerror)

    def status(self) -> DiskStatus:
        """What is known now. Never raises."""
        try:
            free = self._free(self._folder)
        except OSError:
            return DiskStatus(0, is_low=True, problem="STORE_DISK_ERROR")
        return DiskStatus(free, free < self._reserve_bytes, self._problem, self._failures)

    def _free_now(self) -> int:
        try:
            return self._free(self._folder)
        except OSError as error:
            raise StoreError("STORE_DISK_ERROR", cause=type(error).__name__) from error
