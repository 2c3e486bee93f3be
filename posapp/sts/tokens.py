"""From amount to twenty digits and back, one step a line (IEC 62055-41 6.2 to 6.5).

Start at `credit`. Keys come from `keys`; `meter` judges what is made here without using it.

Amounts arrive as whole units, which `amounts.whole_units` makes of a decimal sale. The four
random bits (`rnd`) are drawn by the caller from a secure source, so that nothing here is by
chance. One published credit of 0.1 kWh (STS 531-1-11), step by step as `credit` does it:

>>> from datetime import UTC, datetime
>>> from posapp.sts.ciphers import sample_tables
>>> from posapp.sts.tid import tid_at
>>> key = bytes.fromhex("929bd3a415c9420a05ec5ee9f3ce91c3")
>>> tid = tid_at(datetime(2014, 3, 1, 13, 0, tzinfo=UTC), base_date=2014)
>>> tid, f"{tid:06x}"
(85740, '014eec')
>>> block = credit_block(subclass=0, rnd=5, tid=tid, units=1)
>>> f"{block:016x}"  # 0 subclass, 5 rnd, 014eec TID, 0001 amount, 3188 CRC
'05014eec00013188'
>>> encrypted = cipher(EncryptionAlgorithm.MISTY1, key, sample_tables()).encrypt(block)
>>> f"{encrypted:016x}"
'2d98a5617b45be2e'
>>> number = insert_class(encrypted, TokenClass.CREDIT)
>>> f"{number:017x}"
'32d98a5616345be2e'
>>> digits_of(number)
'58625789986991357486'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from posapp.domain.digits import is_digits, joined
from posapp.domain.meter import ALL_REGISTERS, EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts import amounts, crc
from posapp.sts.ciphers import cipher
from posapp.sts.sta import StaTables
from posapp.sts.tid import check_tid

TOKEN_BITS = 66
CURRENCY_SUBCLASSES = range(4, 8)
FLAGS_INDEX = 63  # of the extended set: here the value is a flag's number and state


class TokenClass(IntEnum):
    """What a token is for (6.3.2). Class 3 is reserved: no token may be made."""

    CREDIT = 0
    TEST = 1
    MANAGEMENT = 2
    RESERVED = 3


# ---------------------------------------------------------------- class 0: credit


def credit(
    decoder_key: bytes,
    ea: EncryptionAlgorithm,
    subclass: int,
    rnd: int,
    tid: int,
    units: int,
    tables: StaTables,
) -> str:
    """The twenty digits of a credit of at least `units` of 0.1 kWh, 0.1 m3 or 0.1 minute.

    `subclass` is 0 electricity, 1 water, 2 gas, 3 time (6.3.3); `rnd` four secure random bits,
    `tid` from `posapp.sts.tid`. The token carries
    `amounts.decode_units(amounts.encode_units(units))`. The other makers go the same way in
    `_sealed`; here it is spelt out. Raises InputError TOKEN_SUBCLASS, TOKEN_FIELD,
    DECODER_KEY_LENGTH; SaleError TID_RANGE, TOKEN_UNITS_RANGE.
    """
    block = credit_block(subclass, rnd, tid, units)  # 6.2.2 the fields, 6.3.7 their checksum
    encrypted = cipher(ea, decoder_key, tables).encrypt(block)  # 6.5.4 EA07, 6.5.6 EA11
    number = insert_class(encrypted, TokenClass.CREDIT)  # 6.4.2 the class joins in the clear
    return digits_of(number)  # 6.4.3, IEC 62055-51: 66 bits as twenty digits


def credit_block(subclass: int, rnd: int, tid: int, units: int) -> int:
    """SubClass 4, RND 4, TID 24, Amount 16, CRC 16 bits (6.2.2). Raises like `credit`."""
    if subclass not in range(4):
        raise InputError("TOKEN_SUBCLASS", token_class=0, subclass=subclass)
    _check("rnd", rnd, 4)
    check_tid(tid)
    amount = amounts.encode_units(units)  # 6.3.6.1, rounded up
    data = subclass << 44 | rnd << 40 | tid << 16 | amount
    return data << 16 | crc.field(TokenClass.CREDIT, data)  # 6.3.7


def currency_credit(
    decoder_key: bytes,
    ea: EncryptionAlgorithm,
    subclass: int,
    tid: int,
    units: int,
    tables: StaTables,
) -> str:
    """The twenty digits of a credit in money: `subclass` 4..7, `units` of 0.00001, signed.

    There is no RND: its place holds the sign and the high bits of the exponent (6.3.6.2).
    Raises like `credit`.
    """
    block = currency_block(subclass, tid, units)
    return _sealed(TokenClass.CREDIT, block, decoder_key, ea, tables)


def currency_block(subclass: int, tid: int, units: int) -> int:
    """SubClass 4, S&E 4, TID 24, Amount 16, CRC_C 16 bits (6.2.2). Raises like `credit`."""
    if subclass not in CURRENCY_SUBCLASSES:
        raise InputError("TOKEN_SUBCLASS", token_class=0, subclass=subclass)
    check_tid(tid)
    s_and_e, amount = amounts.encode_currency(units)  # 6.3.6.2
    data = subclass << 44 | s_and_e << 40 | tid << 16 | amount
    return data << 16 | crc.currency_field(data)  # 6.3.22


# ---------------------------------------------------------------- class 1: tests and displays


def meter_test(subclass: int, control: int, maker: int = 0) -> str:
    """A token that is the same for every meter and never encrypted (6.2.3, 6.3.8).

    Subclass 0 for makers with two digits (`control` 36 bits, `maker` 8), 1 for four digits
    (28 and 16), 2 an extended read (36, `maker` 0). Raises InputError TOKEN_SUBCLASS,
    TOKEN_FIELD.
    """
    return digits_of(insert_class(meter_test_block(subclass, control, maker), TokenClass.TEST))


def meter_test_block(subclass: int, control: int, maker: int = 0) -> int:
    """SubClass 4, Control 36 or 28, manufacturer code 8 or 16, CRC 16 bits (6.2.3)."""
    if subclass not in range(3):
        raise InputError("TOKEN_SUBCLASS", token_class=1, subclass=subclass)
    maker_bits = 16 if subclass == 1 else 8
    _check("control", control, 44 - maker_bits)
    _check("maker", maker, 0 if subclass == 2 else maker_bits)
    data = subclass << 44 | control << maker_bits | maker
    return data << 16 | crc.field(TokenClass.TEST, data)


def extended_control(index: int, rest: int = 0) -> int:
    """The control field of an extended read: `index` 6 bits, then 30 (STS 202-5)."""
    _check("index", index, 6)
    _check("rest", rest, 30)
    return index << 30 | rest


# ---------------------------------------------------------------- class 2: management


class Management(IntEnum):
    """Management tokens that carry a TID and one 16-bit value (6.2.4 to 6.2.11, 6.3.3).

    The subclasses between them are key changes: `posapp.sts.key_change`.
    """

    MAXIMUM_POWER_LIMIT = 0
    CLEAR_CREDIT = 1
    TARIFF_RATE = 2
    CLEAR_TAMPER = 5
    MAXIMUM_PHASE_UNBALANCE = 6
    WATER_METER_FACTOR = 7
    EXTENDED_WRITE = 10


REGISTERS = range(8)  # of CLEAR_CREDIT: the credit subclasses
WATT_FIELDS = (Management.MAXIMUM_POWER_LIMIT, Management.MAXIMUM_PHASE_UNBALANCE)


def management(
    decoder_key: bytes,
    ea: EncryptionAlgorithm,
    subclass: Management,
    rnd: int,
    tid: int,
    value: int,
    tables: StaTables,
) -> str:
    """The twenty digits of a management token with a 16-bit `value`.

    For WATT_FIELDS the value is `amounts.encode_units(watts)`; for CLEAR_CREDIT a register
    0..7 or ALL_REGISTERS; for CLEAR_TAMPER 0. Raises InputError TOKEN_SUBCLASS when `subclass`
    is no `Management`, TOKEN_FIELD, DECODER_KEY_LENGTH; SaleError TID_RANGE.
    """
    block = management_block(subclass, rnd, tid, value)
    return _sealed(TokenClass.MANAGEMENT, block, decoder_key, ea, tables)


def management_block(subclass: Management, rnd: int, tid: int, value: int) -> int:
    """SubClass 4, RND 4, TID 24, value 16, CRC 16 bits. Raises like `management`."""
    if not isinstance(subclass, Management):  # another number could be a section of a new key
        raise InputError("TOKEN_SUBCLASS", token_class=2, subclass=subclass)
    _check("rnd", rnd, 4)
    check_tid(tid)
    _check("value", value, 0 if subclass == Management.CLEAR_TAMPER else 16)
    if subclass == Management.CLEAR_CREDIT and value not in (*REGISTERS, ALL_REGISTERS):
        raise InputError("TOKEN_FIELD", field="value", bits=3)
    data = subclass << 44 | rnd << 40 | tid << 16 | value
    return data << 16 | crc.field(TokenClass.MANAGEMENT, data)


def extended_value(index: int, value: int) -> int:
    """The 16 bits of an extended write: `index` 6 bits, `value` 10 bits (STS 202-5)."""
    _check("index", index, 6)
    _check("value", value, 10)
    return index << 10 | value


def flag_value(flag: int, *, on: bool) -> int:
    """The 16 bits of an extended write that sets or clears flag 0..511 (STS 202-5).

    Published examples set flag 0 only.
    """
    _check("flag", flag, 9)
    return extended_value(FLAGS_INDEX, flag << 1 | on)


# ---------------------------------------------------------------- block to digits


def _sealed(
    token_class: TokenClass,
    block: int,
    decoder_key: bytes,
    ea: EncryptionAlgorithm,
    tables: StaTables,
) -> str:
    """The last three steps of `credit`, the same for every encrypted token."""
    encrypted = cipher(ea, decoder_key, tables).encrypt(block)
    return digits_of(insert_class(encrypted, token_class))


_CLASS_BITS = 3 << 27  # bits 28 and 27
_BLOCK_BITS = (1 << 64) - 1


def insert_class(block: int, token_class: int) -> int:
    """The 66-bit token: bits 28 and 27 move to 65 and 64, the class takes their place (6.4.2).

    ::

        block            63 .............. 29 | 28 27 | 26 ...... 0
                                                 |
                     +---------------------------+
                     v
        token    65 64 | 63 .............. 29 | class | 26 ...... 0
    """
    moved = (block >> 27) & 3
    return (moved << 64) | (block & ~_CLASS_BITS) | (token_class << 27)


def extract_class(number: int) -> tuple[int, int]:
    """The class and the 64-bit block of a 66-bit token (6.4.2 backwards)."""
    moved = number >> 64
    rest = number & _BLOCK_BITS & ~_CLASS_BITS
    return (number >> 27) & 3, rest | (moved << 27)


def digits_of(number: int) -> str:
    """A 66-bit token as twenty digits; leading zeros count."""
    return f"{number:020d}"


def number_of(digits: str) -> int:
    """The 66-bit token of twenty digits; separators between groups are ignored.

    Raises InputError TOKEN_FORM (not twenty digits) or TOKEN_RANGE (above 66 bits).
    """
    plain = joined(digits)
    if not is_digits(plain, 20):
        raise InputError("TOKEN_FORM", length=len(plain))
    number = int(plain)
    if number >> TOKEN_BITS:
        raise InputError("TOKEN_RANGE")
    return number


def _check(name: str, value: int, bits: int) -> None:
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise InputError("TOKEN_FIELD", field=name, bits=bits)


# ---------------------------------------------------------------- digits back to fields


@dataclass(frozen=True, slots=True)
class Layout:
    """The 44 bits between SubClass and CRC of one kind of token, first field first."""

    name: str
    fields: tuple[tuple[str, int], ...]

    def read(self, block: int) -> dict[str, int]:
        """The fields of a 64-bit data block by name."""
        values = {}
        place = 60  # SubClass stands above
        for name, width in self.fields:
            place -= width
            values[name] = block >> place & (1 << width) - 1
        return values


def _layouts() -> dict[tuple[int, int], Layout]:
    things = ("electricity", "water", "gas", "time")
    test = "InitiateMeterTest/Display"
    valued = (("rnd", 4), ("tid", 24), ("value", 16))
    units = (("rnd", 4), ("tid", 24), ("amount", 16))
    money = (("s_and_e", 4), ("tid", 24), ("amount", 16))
    first = (("kenho", 4), ("krn", 4), ("ro", 1), ("kct3", 1), ("kt", 2), ("nkho", 32))
    return {
        **{(0, i): Layout(f"TransferCredit {thing}", units) for i, thing in enumerate(things)},
        **{
            (0, i): Layout(f"TransferCredit {thing} currency", money)
            for i, thing in enumerate(things, start=4)
        },
        (1, 0): Layout(f"{test}, 2-digit manufacturer", (("control", 36), ("maker", 8))),
        (1, 1): Layout(f"{test}, 4-digit manufacturer", (("control", 28), ("maker", 16))),
        (1, 2): Layout("ExtendedTokenSet read", (("control", 36), ("zero", 8))),
        (2, 0): Layout("SetMaximumPowerLimit", valued),
        (2, 1): Layout("ClearCredit", valued),
        (2, 2): Layout("SetTariffRate", valued),
        (2, 3): Layout("Set1stSectionDecoderKey", first),
        (2, 4): Layout("Set2ndSectionDecoderKey", (("kenlo", 4), ("ti", 8), ("nklo", 32))),
        (2, 5): Layout("ClearTamperCondition", valued),
        (2, 6): Layout("SetMaximumPhasePowerUnbalanceLimit", valued),
        (2, 7): Layout("SetWaterMeterFactor", valued),
        (2, 8): Layout("Set3rdSectionDecoderKey", (("sgclo", 12), ("nkmo2", 32))),
        (2, 9): Layout("Set4thSectionDecoderKey", (("sgcho", 12), ("nkmo1", 32))),
        (2, 10): Layout("ExtendedTokenSet write", valued),
    }


LAYOUTS: Mapping[tuple[int, int], Layout] = _layouts()
KEY_FIELDS = ("nkho", "nklo", "nkmo1", "nkmo2")  # parts of a new key: never shown


@dataclass(frozen=True, slots=True, repr=False)
class DecodedToken:
    """What a token says under a key that fits. `fields` has the names of LAYOUTS.

    `repr` leaves the blocks out and masks KEY_FIELDS.
    """

    token_class: int
    subclass: int
    name: str
    fields: Mapping[str, int]
    block: int
    encrypted_block: int

    def __repr__(self) -> str:
        shown = (f"{n}={'***' if n in KEY_FIELDS else value}" for n, value in self.fields.items())
        return f"DecodedToken({self.token_class}.{self.subclass} {self.name}, {', '.join(shown)})"

    @property
    def tid(self) -> int | None:
        """The token identifier; None for tests and key changes, which have none."""
        return self.fields.get("tid")

    @property
    def units(self) -> int | None:
        """What a credit carries: 0.1 kWh, 0.1 m3, 0.1 minute, or 0.00001 of the currency."""
        if self.token_class != TokenClass.CREDIT:
            return None
        if self.subclass in CURRENCY_SUBCLASSES:
            return amounts.decode_currency(self.fields["s_and_e"], self.fields["amount"])
        return amounts.decode_units(self.fields["amount"])


def decode(
    digits: str, decoder_key: bytes, ea: EncryptionAlgorithm, tables: StaTables
) -> DecodedToken:
    """Everything that twenty digits say under a decoder key (not needed for class 1).

    Raises InputError TOKEN_FORM, TOKEN_RANGE; TOKEN_CRC when digits and key do not belong
    together (one wrong pair in 65 536 is not noticed); TOKEN_CLASS for class 3; TOKEN_SUBCLASS
    for a proprietary or reserved subclass.
    """
    token_class, encrypted = extract_class(number_of(digits))
    block = encrypted
    if token_class != TokenClass.TEST:  # class 1 is never encrypted
        block = cipher(ea, decoder_key, tables).decrypt(encrypted)
    data, subclass = block >> 16, block >> 60
    in_currency = token_class == TokenClass.CREDIT and subclass in CURRENCY_SUBCLASSES
    expected = crc.currency_field(data) if in_currency else crc.field(token_class, data)
    if block & 0xFFFF != expected:
        raise InputError("TOKEN_CRC")
    if token_class == TokenClass.RESERVED:
        raise InputError("TOKEN_CLASS", token_class=token_class)
    layout = LAYOUTS.get((token_class, subclass))
    if layout is None:
        raise InputError("TOKEN_SUBCLASS", token_class=token_class, subclass=subclass)
    fields = layout.read(block)
    return DecodedToken(token_class, subclass, layout.name, fields, block, encrypted)
