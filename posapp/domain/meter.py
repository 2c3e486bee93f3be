"""Meters: the number on the label, and the attributes that decide its decoder key.

The abbreviations are the standard's own (IEC 62055-41 clause 3): DRN decoder reference number,
EA encryption algorithm, TCT token carrier type, SGC supply group code, KRN key revision number,
TI tariff index, KT key type, KEN key expiry number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from posapp.domain.digits import is_digits, is_within, joined
from posapp.errors import InputError

# TCT 01 magnetic card, 02 numeric (what is typed off paper), 07 virtual, over a direct local
# connection; 03 to 06 are makers' own of the early years (IEC 62055-41 6.1.3). 00 is none.
MAGNETIC_CARD = 1
NUMERIC = 2
TOKEN_CARRIERS = range(1, 8)
ALL_REGISTERS = 0xFFFF  # in a token that clears credit: every register (IEC 62055-41 6.2.5)

_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")  # twice a digit, less 9 when above 9


def luhn_digit(body: str) -> str:
    """The check digit of a string of digits (IEC 62055-41 6.1.2.3, ISO/IEC 7812-1)."""
    digits = body.encode("ascii")
    doubled = digits[::-1][::2].translate(_DOUBLED)
    total = sum(doubled) + sum(digits[-2::-2]) - len(digits) * ord("0")
    return str(-total % 10)


@dataclass(frozen=True, slots=True, order=True)
class MeterNumber:
    """A DRN of 11 or 13 digits whose check digit fits. A string of digits, never a number."""

    digits: str

    def __post_init__(self) -> None:
        if not is_digits(self.digits):
            raise InputError("METER_NUMBER_LETTERS", number=self.digits[:40])
        if len(self.digits) not in (11, 13):
            raise InputError("METER_NUMBER_LENGTH", length=len(self.digits))
        if luhn_digit(self.digits[:-1]) != self.digits[-1]:
            raise InputError("METER_CHECK_DIGIT", number=self.digits)

    def __str__(self) -> str:
        return self.digits

    @classmethod
    def parse(cls, text: str) -> MeterNumber:
        """From what was typed or scanned: spaces, dots and dashes between groups are ignored."""
        return cls(joined(text))

    @property
    def grouped(self) -> str:
        """`4512 3098 761`: groups of four for eyes and voices."""
        return " ".join(self.digits[i : i + 4] for i in range(0, len(self.digits), 4))


class EncryptionAlgorithm(IntEnum):
    """EA: fixed by the meter's hardware (IEC 62055-41 6.1.5)."""

    STA = 7
    MISTY1 = 11


class KeyType(IntEnum):
    """KT of a decoder key (IEC 62055-41 6.1.9)."""

    INITIAL = 0
    DEFAULT = 1
    UNIQUE = 2
    COMMON = 3


@dataclass(frozen=True, slots=True)
class MeterConfiguration:
    """What a meter's decoder key is made from, besides its number; head office says it.

    `base_date` is the year of the vending key's base date: 1993, 2014 or 2035; `tct` one of
    TOKEN_CARRIERS. Raises InputError METER_CONFIGURATION, also for a number of another type:
    a decoder key made from it would be wrong without a word.
    """

    ea: EncryptionAlgorithm
    sgc: str
    krn: int
    ti: str
    base_date: int
    ken: int = 255
    tct: int = NUMERIC
    kt: KeyType = KeyType.UNIQUE

    def __post_init__(self) -> None:
        valid = (
            type(self.ea) is EncryptionAlgorithm
            and is_digits(self.sgc, 6)
            and is_within(self.krn, 1, 9)
            and is_digits(self.ti, 2)
            and type(self.base_date) is int
            and self.base_date in (1993, 2014, 2035)
            and is_within(self.ken, 0, 255)
            and is_within(self.tct, TOKEN_CARRIERS[0], TOKEN_CARRIERS[-1])
            and type(self.kt) is KeyType
        )
        if not valid:
            raise InputError("METER_CONFIGURATION", sgc=self.sgc, krn=self.krn, ti=self.ti)


class MeterState(StrEnum):
    """Whether head office lets this meter buy."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as head office knows it. `customer_id` 0 means none; `phases` is 1 or 3.

    `ct_ratio` is what a meter behind current transformers counts too little, 1 for all others.
    `configuration` is the key the meter was last known to have; `pending` is the one it is to
    get, None where both are the same.
    """

    number: MeterNumber
    configuration: MeterConfiguration
    tariff: str
    customer_id: int = 0
    state: MeterState = MeterState.ACTIVE
    phases: int = 1
    maker: str = ""
    ct_ratio: int = 1
    pending: MeterConfiguration | None = None
