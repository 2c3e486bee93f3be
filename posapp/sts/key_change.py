"""The tokens that give a meter its next key (IEC 62055-41 6.2.7, 6.2.8).

They are encrypted under the old key and carry the new one. They have no TID and no RND, so the
same inputs always give the same digits: printing a set again is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from posapp.domain.digits import is_digits, is_within
from posapp.domain.meter import MAGNETIC_CARD, EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, SaleError
from posapp.sts import crc
from posapp.sts import tid as tids
from posapp.sts.ciphers import KEY_BYTES, cipher
from posapp.sts.keys import AnyKey, VendingKey, check_active, decoder_key
from posapp.sts.sta import StaTables
from posapp.sts.tokens import TokenClass, digits_of, insert_class

SUBCLASSES = (3, 4, 8, 9)  # of class 2, in the order of sections


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
            "key": type(self.key) is bytes,
            "kt": type(self.kt) is KeyType,
            "krn": is_within(self.krn, 1, 9),
            "ti": is_digits(self.ti, 2),
            "ken": is_within(self.ken, 0, 255),
            "sgc": is_digits(self.sgc, 6),
            "rollover": type(self.rollover) is bool,
        }
        for name, right in checks.items():
            if not right:
                raise InputError("KEY_CHANGE_FIELD", field=name)


@dataclass(frozen=True, slots=True)
class Side:
    """What one end of a key change hangs on: a vending key and the meter's tariff index.

    The rules (`check_change`) need no secret: attributes will do. The two ends may be of
    different DKGA, as in the migration from 64-bit to 160-bit vending keys: a meter only sees
    key bits (one source; the text of the standard assumes one DKGA for both).
    Raises InputError TARIFF_INDEX when `ti` is no two digits.
    """

    vending_key: AnyKey
    ti: str

    def __post_init__(self) -> None:
        if not is_digits(self.ti, 2):
            raise InputError("TARIFF_INDEX", ti=str(self.ti)[:10])

    def decoder_key(self, number: MeterNumber, ea: EncryptionAlgorithm) -> bytes:
        """The meter's key at this end. Raises like `keys.decoder_key`."""
        assert isinstance(self.vending_key, VendingKey), "whoever keeps the key derives from it"
        return decoder_key(self.vending_key, number, self.ti, ea)


def check_change(old: Side, new: Side, moment: datetime, tct: int, *, zone: tzinfo = UTC) -> None:
    """Refuse a key change that the standard forbids, or that changes nothing (6.5.2).

    From an expired or ended key to a valid one is allowed: it is the only way out. So is a new
    base date that has not begun, though nothing can be sold to the meter before it. `moment` is
    aware, `tct` the meter's token carrier type, `zone` the clock rule of the new key's group.
    Raises SaleError KEY_CHANGE_NOTHING(sgc, krn);
    KEY_CHANGE_TYPE(old, new) to an initial key, or to a common one without a magnetic card;
    KEY_CHANGE_EXPIRED(ken) to an expired key; KEY_SUBCLASS(token_class, subclass) when the old
    key makes no key changes; and what `check_active` and `tid_at` raise for the new one.
    """
    before, after = old.vending_key, new.vending_key
    if _identity(old) == _identity(new):
        raise SaleError("KEY_CHANGE_NOTHING", sgc=after.sgc, krn=after.krn)
    to_initial = after.kt == KeyType.INITIAL != before.kt
    if to_initial or (after.kt == KeyType.COMMON and tct != MAGNETIC_CARD):
        raise SaleError("KEY_CHANGE_TYPE", old=int(before.kt), new=int(after.kt))
    if before.permitted is not None and (2, SUBCLASSES[0]) not in before.permitted:
        raise SaleError("KEY_SUBCLASS", token_class=2, subclass=SUBCLASSES[0])
    check_active(after, moment)
    begun = tids.minutes_at(moment, after.base_date, zone=zone) >= 0
    if begun and tids.is_expired(tids.tid_at(moment, after.base_date, zone=zone), after.ken):
        raise SaleError("KEY_CHANGE_EXPIRED", ken=after.ken)


def _identity(side: Side) -> tuple[object, ...]:
    """Everything that a key change can change (6.5.2)."""
    key = side.vending_key
    secret = key.secret if isinstance(key, VendingKey) else b""
    return secret, key.sgc, key.krn, key.kt, key.base_date, key.ken, side.ti


def new_key(old: Side, new: Side, number: MeterNumber, ea: EncryptionAlgorithm) -> NewKey:
    """What the tokens carry from one side to the other. Raises like `keys.decoder_key`."""
    key = new.vending_key
    return NewKey(
        key=new.decoder_key(number, ea),
        kt=key.kt,
        krn=key.krn,
        ti=new.ti,
        ken=key.ken,
        sgc=key.sgc,
        rollover=key.base_date != old.vending_key.base_date,
    )


def blocks(ea: EncryptionAlgorithm, new: NewKey, *, third_token: bool = False) -> tuple[int, ...]:
    """The data blocks of a set, in the order the customer enters them.

    EA07 takes two, or three with `third_token` for meters that keep their SGC; EA11 four.
    Raises InputError DECODER_KEY_LENGTH.
    """
    if len(new.key) != KEY_BYTES[ea]:
        raise InputError("DECODER_KEY_LENGTH", length=len(new.key), expected=KEY_BYTES[ea])
    words = [int.from_bytes(new.key[i : i + 4], "big") for i in range(0, len(new.key), 4)]
    short = ea == EncryptionAlgorithm.STA
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
