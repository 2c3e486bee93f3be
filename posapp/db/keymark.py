"""Tells a wrong key from a damaged first page, which look the same to the cipher.

Beside the store lie a few bytes that follow from its key and give nothing of it away.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

_PURPOSE = b"posapp/store-key-mark/1"
_MARK_BYTES = 8


def _mark(key: bytes) -> str:
    return hmac.new(key, _PURPOSE, hashlib.sha256).digest()[:_MARK_BYTES].hex()


def _file(path: Path) -> Path:
    return path.with_name(path.name + ".keymark")


def write(path: Path, key: bytes) -> None:
    """Leave the mark of a new store's key beside it."""
    _file(path).write_text(_mark(key) + "\n", encoding="ascii")


def fits(path: Path, key: bytes) -> bool:
    """Whether the store at `path` was made with this key; false when the mark is missing."""
    try:
        found = _file(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return hmac.compare_digest(found, _mark(key))
