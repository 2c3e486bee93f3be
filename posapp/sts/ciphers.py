"""The two encryption algorithms behind one door (IEC 62055-41 6.1.5): EA07 and EA11.

Shared by `tokens` and `meter`. The work is in `sta` and `misty1`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

from posapp.codec.files import read_json
from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts.misty1 import Misty1Cipher
from posapp.sts.sta import SAMPLE, StaCipher, StaTables

KEY_BYTES = {EncryptionAlgorithm.STA: 8, EncryptionAlgorithm.MISTY1: 16}
_TABLES_BYTES_MAX = 4096  # the three lists take about 400 bytes
_KEYS_KEPT = 64  # a key-change set and its credit use two; a module serves a few tills


class BlockCipher(Protocol):
    """A cipher with its key already prepared; blocks are integers of 64 bits."""

    def encrypt(self, block: int) -> int:
        """About 10 microseconds."""
        ...

    def decrypt(self, block: int) -> int:
        """About 10 microseconds."""
        ...


def sample_tables() -> StaTables:
    """The standard's own sample set, for tests, training and laboratories only."""
    return SAMPLE


def load_tables(path: Path) -> StaTables:
    """A site's tables: JSON with `s1`, `s2` (16 numbers each) and `p` (64 numbers).

    Raises InputError STA_TABLES_UNREADABLE(file, reason), and STA_TABLES_FILE(field, expected,
    file) when it is not exactly that. The operational set belongs to the site and is never part
    of this program.
    """
    try:
        content = read_json(path, _TABLES_BYTES_MAX)
    except OSError as error:
        raise InputError("STA_TABLES_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError:
        raise InputError("STA_TABLES_FILE", field="file", expected="JSON", file=str(path)) from None
    if not isinstance(content, dict) or set(content) != {"s1", "s2", "p"}:
        raise InputError("STA_TABLES_FILE", field="file", expected="s1, s2, p", file=str(path))
    for field, values in content.items():
        if not isinstance(values, list) or not all(type(v) is int for v in values):
            raise InputError("STA_TABLES_FILE", field=field, expected="numbers", file=str(path))
    try:
        return StaTables(content["s1"], content["s2"], content["p"])
    except InputError as error:
        raise InputError("STA_TABLES_FILE", **error.params, file=str(path)) from None


@lru_cache(maxsize=_KEYS_KEPT)
def cipher(ea: EncryptionAlgorithm, key: bytes, tables: StaTables) -> BlockCipher:
    """The cipher of a meter's EA under a decoder key; the newest few are kept prepared.

    Raises InputError EA_UNKNOWN(ea), DECODER_KEY_LENGTH(length, expected).
    """
    if ea == EncryptionAlgorithm.STA:
        return StaCipher(key, tables)
    if ea == EncryptionAlgorithm.MISTY1:
        return Misty1Cipher(key)
    raise InputError("EA_UNKNOWN", ea=int(ea))


def forget_keys() -> None:
    """Drop every prepared key from memory; for when a module locks or closes."""
    cipher.cache_clear()


def encrypt(ea: EncryptionAlgorithm, key: bytes, block: int, tables: StaTables) -> int:
    """One block (0..2^64-1) under a decoder key of 8 bytes (EA07) or 16 (EA11)."""
    return cipher(ea, key, tables).encrypt(block)


def decrypt(ea: EncryptionAlgorithm, key: bytes, block: int, tables: StaTables) -> int:
    """The block that `encrypt` made this from."""
    return cipher(ea, key, tables).decrypt(block)
