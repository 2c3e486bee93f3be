"""What a Unix process that holds keys must not do: leave a core file behind, or be looked into."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """A crash of this process writes no memory to a disk, whatever the system's settings.

    On Linux a limit of 0 does not keep a program that the system pipes cores to from getting
    one; a process that is not dumpable has none, and others of the same account cannot read its
    memory. Raises OSError.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
