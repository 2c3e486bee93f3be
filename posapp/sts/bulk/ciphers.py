"""Both encryption algorithms behind one door, as in `posapp.sts.ciphers`, for many rows.

`tokens` and `key_change` come here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts.bulk.arrays import Blocks, Bytes, slices
from posapp.sts.bulk.misty1 import Misty1Keys
from posapp.sts.bulk.sta import StaKeys
from posapp.sts.ciphers import KEY_BYTES
from posapp.sts.sta import StaTables


class RowCiphers(Protocol):
    """A cipher with the key of each row already prepared."""

    def encrypt(self, blocks: Blocks) -> Blocks:
        """One block a row, about 0.1 microseconds each."""
        ...

    def decrypt(self, blocks: Blocks) -> Blocks:
        """One block a row, about 0.1 microseconds each."""
        ...


def prepared(ea: EncryptionAlgorithm, keys: Bytes, tables: StaTables) -> RowCiphers:
    """The ciphers of one chunk of rows under their decoder keys.

    `keys` is (rows, 8) bytes for EA07, (rows, 16) for EA11. Raises InputError EA_UNKNOWN(ea),
    DECODER_KEY_LENGTH(length, expected).
    """
    expected = KEY_BYTES.get(ea)
    if expected is None:
        raise InputError("EA_UNKNOWN", ea=int(ea))
    if keys.shape[1] != expected:
        raise InputError("DECODER_KEY_LENGTH", length=keys.shape[1], expected=expected)
    return StaKeys(keys, tables) if ea == EncryptionAlgorithm.STA else Misty1Keys(keys)


def encrypt(ea: EncryptionAlgorithm, keys: Bytes, blocks: Blocks, tables: StaTables) -> Blocks:
    """One block (0..2^64-1) a row under the row's own decoder key. Raises like `prepared`."""
    made = np.empty_like(blocks)
    for rows in slices(len(blocks)):
        made[rows] = prepared(ea, keys[rows], tables).encrypt(blocks[rows])
    return made


def decrypt(ea: EncryptionAlgorithm, keys: Bytes, blocks: Blocks, tables: StaTables) -> Blocks:
    """The blocks that `encrypt` made these from. Raises like `prepared`."""
    made = np.empty_like(blocks)
    for rows in slices(len(blocks)):
        made[rows] = prepared(ea, keys[rows], tables).decrypt(blocks[rows])
    return made
