"""Key-change sets for many meters: the digits of `posapp.sts.key_change`, a row a meter.

`campaign` comes here with what it read from a list of meters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts.bulk.arrays import Bytes, Flags, Integers, slices
from posapp.sts.bulk.ciphers import prepared
from posapp.sts.bulk.digits import TOKEN_DIGITS, token_digits
from posapp.sts.bulk.tokens import checksums
from posapp.sts.ciphers import KEY_BYTES
from posapp.sts.key_change import SUBCLASSES
from posapp.sts.sta import StaTables
from posapp.sts.tokens import TokenClass

_RANGES = {"kt": (0, 3), "krn": (1, 9), "ti": (0, 99), "ken": (0, 255), "sgc": (0, 999_999)}


@dataclass(frozen=True, slots=True)
class NewKeys:
    """`posapp.sts.key_change.NewKey` in columns, a row a meter; `keys` is (rows, 8 or 16) bytes.

    All are numbers here: `ti` 0..99, `sgc` 0..999999. Raises InputError
    KEY_CHANGE_FIELD(field).
    """

    keys: Bytes = field(repr=False)
    kt: Integers
    krn: Integers
    ti: Integers
    ken: Integers
    sgc: Integers
    rollover: Flags

    def __post_init__(self) -> None:
        for name, (lowest, highest) in _RANGES.items():
            column: Integers = getattr(self, name)
            if ((column < lowest) | (column > highest)).any():
                raise InputError("KEY_CHANGE_FIELD", field=name)


def change_sets(
    old_keys: Bytes,
    ea: EncryptionAlgorithm,
    new: NewKeys,
    tables: StaTables,
    *,
    third_token: bool = False,
) -> Bytes:
    """The digits of each row's set in entry order, as (rows, tokens, 20) bytes of ASCII.

    EA07 takes two, or three with `third_token` for meters that keep their SGC; EA11 four.
    `old_keys` is (rows, 8 or 16) bytes. Raises InputError EA_UNKNOWN, DECODER_KEY_LENGTH.
    """
    length, count = new.keys.shape[1], _tokens_in_set(ea, third_token=third_token)
    if length != KEY_BYTES.get(ea, length):
        raise InputError("DECODER_KEY_LENGTH", length=length, expected=KEY_BYTES[ea])
    made = np.empty((len(old_keys), count, TOKEN_DIGITS), np.uint8)
    for rows in slices(len(old_keys)):
        ciphers = prepared(ea, old_keys[rows], tables)
        for place, content in enumerate(_sections(new, rows, count)):
            data = (SUBCLASSES[place] << 44 | content).astype(np.uint64)
            blocks = data << np.uint64(16) | checksums(TokenClass.MANAGEMENT, data)
            encrypted = ciphers.encrypt(blocks)
            made[rows, place] = token_digits(encrypted, TokenClass.MANAGEMENT)
    return made


def _tokens_in_set(ea: EncryptionAlgorithm, *, third_token: bool) -> int:
    if ea == EncryptionAlgorithm.MISTY1:
        return 4
    return 3 if third_token else 2


def _sections(new: NewKeys, rows: slice, count: int) -> Iterator[Integers]:
    """The 44 bits below SubClass of each token of the sets (6.2.7, 6.2.8)."""
    words = np.ascontiguousarray(new.keys[rows]).view(">u4").astype(np.int64)
    ken, sgc = new.ken[rows], new.sgc[rows]
    third = 4 if count == 3 else 0
    attributes = new.krn[rows] << 4 | new.rollover[rows] * 8 | third | new.kt[rows]
    yield ken >> 4 << 40 | attributes << 32 | words[:, 0]
    yield (ken & 15) << 40 | new.ti[rows] << 32 | words[:, -1]
    if count == 3:
        yield sgc << 20
    elif count == 4:
        yield (sgc & 0xFFF) << 32 | words[:, 1]
        yield sgc >> 12 << 32 | words[:, 2]
