"""Small files that only their owner may read; they are written by `codec.files`."""

from __future__ import annotations

import os
from pathlib import Path

from posapp.codec.files import read_bounded
from posapp.errors import ConfigError


def read_private(path: Path, bytes_max: int) -> bytes:
    """The content of a private file.

    Raises ConfigError FILE_UNREADABLE, FILE_EXPOSED when others may read it.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError("FILE_EXPOSED", file=str(path))
        return read_bounded(path, bytes_max)
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=str(error)) from None
