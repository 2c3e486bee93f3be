"""Small files from outside, read within a limit whatever they are: devices have no size."""

from __future__ import annotations

import json
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
