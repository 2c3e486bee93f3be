"""Small files: from outside within a limit whatever they are, and our own past a power cut."""

from __future__ import annotations

import json
import os
from pathlib import Path


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


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in `folder` outlasts a power cut. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
