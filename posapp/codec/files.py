"""Small files: from outside within a limit whatever they are, and our own past a power cut."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from posapp.errors import ConfigError

UNFINISHED = ".new"  # the ending of a file that is being written


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """All of a file of at most `bytes_max` bytes. Raises OSError, ValueError for a longer one."""
    with path.open("rb") as stream:
        raw = stream.read(bytes_max + 1)
    if len(raw) > bytes_max:
        raise ValueError("too long")
    return raw


def read_text(path: Path, bytes_max: int) -> str:
    """A UTF-8 text of at most `bytes_max` bytes. Raises OSError, ValueError."""
    return read_bounded(path, bytes_max).decode("utf-8")


def read_json(path: Path, bytes_max: int) -> object:
    """The value of a JSON file of at most `bytes_max` bytes. Raises OSError, ValueError.

    The ValueError says nothing of the content, which may be secret.
    """
    raw = read_bounded(path, bytes_max)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # brackets nested by the thousand
        raise ValueError("no JSON") from None


def write_private(path: Path, data: bytes, *, new: bool = False) -> None:
    """Put `data` in `path`, whole or not at all, durable, for its owner only (0600).

    `new`: never over another file. A process that is killed here leaves a file of another name
    that ends in `UNFINISHED`. Raises ConfigError FILE_UNWRITABLE, FILE_EXISTS.
    """
    try:
        # A name that nobody has yet, so that neither a link nor a second writer gets the bytes.
        handle, name = tempfile.mkstemp(UNFINISHED, f".{path.name}.", path.parent)
        making = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if new:
                _take_name(making, path)
            else:
                making.replace(path)
        finally:
            making.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError:
        raise ConfigError("FILE_EXISTS", file=str(path)) from None
    except OSError as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(path), reason=error.strerror) from None


def _take_name(making: Path, path: Path) -> None:
    """Give `making` the name `path` if nobody has it. Raises FileExistsError."""
    try:
        os.link(making, path)
    except FileExistsError:
        raise
    except OSError:  # a stick with FAT knows no second names
        path.open("xb").close()
        making.replace(path)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in `folder` outlasts a power cut. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
