"""One process a store: an operating-system lock that ends with the process that holds it.

A lock file's presence says nothing; only the lock on it does. Two tills on one store would
number two sales the same.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from posapp.errors import ConfigError, StoreError

if sys.platform == "win32":
    from posapp.db.lock_windows import try_lock, unlock
else:
    from posapp.db.lock_posix import try_lock, unlock

AGAIN_S = 0.01


class FileLock:
    """Holds `path` until `release`; raises StoreError STORE_IN_USE if another process does."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] | None = path.open("ab")
        if os.name == "posix":
            path.chmod(0o600)
        if not try_lock(self._file):
            self._file.close()
            self._file = None
            raise StoreError("STORE_IN_USE", folder=str(path.parent))

    def release(self) -> None:
        """Let others in. The file stays: deleting it would let two processes lock two files."""
        if self._file is not None:
            unlock(self._file)
            self._file.close()
            self._file = None


@contextmanager
def held(path: Path, *, within_s: float) -> Iterator[None]:
    """Holds `path` inside; waits up to `within_s` seconds for whoever holds it now, another
    process or this one. Raises StoreError STORE_BUSY; ConfigError FILE_UNWRITABLE.
    """
    until = time.monotonic() + within_s
    lock = _try(path)
    while lock is None:
        if time.monotonic() > until:
            raise StoreError("STORE_BUSY")
        time.sleep(AGAIN_S)
        lock = _try(path)
    try:
        yield
    finally:
        lock.release()


def _try(path: Path) -> FileLock | None:
    try:
        return FileLock(path)
    except StoreError:
        return None
    except OSError as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(path), reason=str(error.strerror)) from None
