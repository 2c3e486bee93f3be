"""What a Unix process that holds keys must not do: leave a core file behind."""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """A crash of this process writes no memory to a disk, whatever the system's settings."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
