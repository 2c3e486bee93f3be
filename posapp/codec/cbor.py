"""Canonical CBOR (RFC 8949 4.2.1): one value, one string of bytes. No floats, ever."""

from __future__ import annotations

from typing import Any

import cbor2

from posapp.errors import InputError

DECODE_LIMIT = 16 * 1024 * 1024  # bytes; larger input is refused before it is parsed
DEPTH_LIMIT = 32
_LEAVES = frozenset({type(None), bool, int, bytes, str})


def encode(value: Any) -> bytes:
    """Canonical bytes of None, bool, int, bytes, str, list, tuple and dict.

    Raises TypeError for anything else (a float above all).
    """
    _check(value, 0)
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Any:
    """The value of canonical bytes. Raises InputError CBOR_INVALID for anything else."""
    if len(data) > DECODE_LIMIT:
        raise InputError("CBOR_INVALID", reason="too large")
    try:
        value = cbor2.loads(data)
        _check(value, 0)
        again = cbor2.dumps(value, canonical=True)
    except Exception as error:
        raise InputError("CBOR_INVALID", reason=type(error).__name__) from None
    if again != data:
        raise InputError("CBOR_INVALID", reason="not canonical")
    return value


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise TypeError("nested too deeply")
    if value is None or isinstance(value, (bool, int, bytes, str)):
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            if type(item) not in _LEAVES:  # nearly all are; a call each would be half the work
                _check(item, depth + 1)
        return
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            if type(item) not in _LEAVES:
                _check(item, depth + 1)
        return
    raise TypeError(f"{type(value).__name__} has no place in canonical CBOR")
