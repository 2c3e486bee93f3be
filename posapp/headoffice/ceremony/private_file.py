"""Small files that only their owner may read, replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from posapp.codec.files import read_bounded, sync_folder
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


def write_private(path: Path, data: bytes, *, new: bool = False) -> None:
    """Write a file (0600) durably; `new`: never over another one.

    Raises ConfigError FILE_EXISTS, FILE_UNWRITABLE.
    """
    target = path if new else path.with_name(path.name + ".new")
    try:
        if not new:
            target.unlink(missing_ok=True)  # of an attempt that was cut off
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            target.replace(path)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except FileExistsError:
        raise ConfigError("FILE_EXISTS", file=str(path)) from None
    except OSError as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(path), reason=error.strerror) from None
