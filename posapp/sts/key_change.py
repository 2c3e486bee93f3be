"""The tokens that give a meter its next key (IEC 62055-41 6.2.7, 6.2.8).

They are encrypted under the old key and carry the new one. They have no TID and no RND, so the
same inputs always give the same digits: printing a set again is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.errors import InputError
from posapp.sts import crc
from posapp.sts.ciphers import KEY_BYTES, cipher
from posapp.sts.keys import is_digits
from posapp.sts.sta import StaTables
from posapp.sts.tokens import TokenClass, digits_of, insert_class


@dataclass(frozen=True, slots=True)
class NewKey:
    """A decoder key with the attributes that the tokens carry beside it.

    `ti` two digits, `krn` 1..9, `ken` 0..255, `sgc` six digits. `rollover` is true exactly when
    the new vending key has another base date: the meter then forgets every TID.
    Raises InputError KEY_CHANGE_FIELD(field).
    """

    key: bytes = field(repr=False)
    kt: KeyType
    krn: int
    ti: str
    ken: int
    sgc: str
    rollover: bool

    def __post_init__(self) -> None:
        checks = {
            "krn": 1 <= self.krn <= 9,
            "ti": is_digits(self.ti, 2),
            "ken": 0 <= self.ken <= 255,
            "sgc": is_digits(self.sgc, 6),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("KEY_CHANGE_FIELD", field=name)


def blocks(ea: EncryptionAlgorithm, new: NewKey, *, third_token: bool = False) -> tuple[int, ...]:
    """The data blocks of a set, in the order the customer enters them.

    EA07 takes two, or three with `third_token` for meters that keep their SGC; EA11 four.
    Raises InputError DECODER_KEY_LENGTH.
    """
    if len(new.key) != KEY_BYTES[ea]:
        raise InputError("DECODER_KEY_LENGTH", length=len(new.key), expected=KEY_BYTES[ea])
    words = [int.from_bytes(new.key[i : i + 4], "big") for i in range(0, len(new.key), 4)]
    short = ea is EncryptionAlgorithm.STA
    third = third_token and short
    attributes = new.krn << 4 | new.rollover << 3 | third << 2 | new.kt
    sgc = int(new.sgc)
    sections = [
        (3, (new.ken >> 4) << 40 | attributes << 32 | words[0]),  # 6.2.7.2: NKHO
        (4, (new.ken & 15) << 40 | int(new.ti) << 32 | words[-1]),  # 6.2.7.3: NKLO
    ]
    if third:
        sections.append((8, sgc << 20))
    elif not short:
        sections.append((8, (sgc & 0xFFF) << 32 | words[1]))  # NKMO2
        sections.append((9, (sgc >> 12) << 32 | words[2]))  # NKMO1
    return tuple(_block(subclass << 44 | content) for subclass, content in sections)


def _block(data: int) -> int:
    return data << 16 | crc.field(TokenClass.MANAGEMENT, data)


def change_set(
    old_key: bytes,
    ea: EncryptionAlgorithm,
    new: NewKey,
    tables: StaTables,
    *,
    third_token: bool = False,
) -> tuple[str, ...]:
    """The twenty digits of each token of a set, in entry order. Raises like `blocks`."""
    encrypt = cipher(ea, old_key, tables).encrypt
    return tuple(
        digits_of(insert_class(encrypt(block), TokenClass.MANAGEMENT))
        for block in blocks(ea, new, third_token=third_token)
    )
