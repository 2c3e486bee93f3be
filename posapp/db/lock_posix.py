"""The lock of `lock` by flock: tied to the open file, gone when the process dies."""

from __future__ import annotations

import fcntl
from typing import IO


def try_lock(file: IO[bytes]) -> bool:
    """Whether the exclusive lock is ours now. Returns at once."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def unlock(file: IO[bytes]) -> None:
    """Give the lock back."""
    fcntl.flock(file, fcntl.LOCK_UN)
