"""Key-change sets for many meters: the digits of `posapp.sts.key_change`, a row a meter.

`campaign` comes here with what it read from a list of meters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts.bulk.arrays import Blocks, Bytes, Flags, Integers, slices
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


def tokens_in_set(ea: EncryptionAlgorithm, *, third_token: bool) -> int:
    """EA07 takes two, or three with `third_token` for meters that keep their SGC; EA11 four."""
    if ea is EncryptionAlgorithm.MISTY1:
        return 4
    return 3 if third_token else 2


def change_sets(
    old_keys: Bytes,
    ea: EncryptionAlgorithm,
    new: NewKeys,
    tables: StaTables,
    *,
    third_token: bool = False,
) -> Bytes:
    """The digits of each row's set in entry order, as (rows, tokens, 20) bytes of ASCII.

    `old_keys` is (rows, 8 or 16) bytes. Raises InputError EA_UNKNOWN, DECODER_KEY_LENGTH.
    """
    blocks = _blocks(ea, new, third_token=third_token)
    made = np.empty((len(old_keys), len(blocks), TOKEN_DIGITS), np.uint8)
    for rows in slices(len(old_keys)):
        ciphers = prepared(ea, old_keys[rows], tables)
        for place, column in enumerate(blocks):
            encrypted = ciphers.encrypt(column[rows])
            made[rows, place] = token_digits(encrypted, TokenClass.MANAGEMENT)
    return made


def _blocks(ea: EncryptionAlgorithm, new: NewKeys, *, third_token: bool) -> list[Blocks]:
    """The data blocks of the sets (6.2.7, 6.2.8), one array for each token of a set."""
    length = new.keys.shape[1]
    if length != KEY_BYTES.get(ea, length):
        raise InputError("DECODER_KEY_LENGTH", length=length, expected=KEY_BYTES[ea])
    words = np.ascontiguousarray(new.keys).view(">u4").astype(np.int64)
    short = ea == EncryptionAlgorithm.STA
    third = third_token and short
    attributes = new.krn << 4 | new.rollover << 3 | third << 2 | new.kt
    sections = [
        new.ken >> 4 << 40 | attributes << 32 | words[:, 0],
        (new.ken & 15) << 40 | new.ti << 32 | words[:, -1],
    ]
    if third:
        sections.append(new.sgc << 20)
    elif not short:
        sections.append((new.sgc & 0xFFF) << 32 | words[:, 1])
        sections.append(new.sgc >> 12 << 32 | words[:, 2])
    blocks = []
    for subclass, content in zip(SUBCLASSES, sections, strict=False):
        data = (subclass << 44 | content).astype(np.uint64)
        blocks.append(data << np.uint64(16) | checksums(TokenClass.MANAGEMENT, data))
    return blocks
