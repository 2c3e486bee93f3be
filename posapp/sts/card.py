"""The identification record of a meter card: 35 digits or a magnetic track 2 (IEC 62055-41 6.1).

The record says which key the meter had when the card was made; head office knows better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from posapp.domain.digits import is_digits, is_within
from posapp.domain.meter import TOKEN_CARRIERS, EncryptionAlgorithm, MeterNumber
from posapp.errors import InputError, SaleError
from posapp.sts.numbers import PAN_LENGTH, pan, parse_pan

RECORD_LENGTH = 35
_UNUSED = "0000"
_CENTURY = 100
# ISO/IEC 7811: start, PAN, separator, the rest, end, and whatever check character a reader adds.
_TRACK_2 = re.compile(r";?([0-9]{18})=([0-9]{17})(?:\?.?)?")
_PLAIN = re.compile(r"([0-9]{18})([0-9]{17})")


@dataclass(frozen=True, slots=True)
class MeterCard:
    """What a meter card says. `expires` is (year of the century, month) or None for never.

    `tct` 1..7 is the token carrier type, `krn` 1..9. `raw` is what the reader sent, kept as it
    came. Raises InputError CARD_FIELD(field).
    """

    number: MeterNumber
    expires: tuple[int, int] | None
    tct: int
    ea: EncryptionAlgorithm
    sgc: str
    ti: str
    krn: int
    raw: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        year, month = self.expires or (0, 1)
        checks = {
            "expires": is_within(year, 0, _CENTURY - 1) and is_within(month, 1, 12),
            "tct": is_within(self.tct, TOKEN_CARRIERS[0], TOKEN_CARRIERS[-1]),
            "ea": type(self.ea) is EncryptionAlgorithm,
            "sgc": is_digits(self.sgc, 6),
            "ti": is_digits(self.ti, 2),
            "krn": is_within(self.krn, 1, 9),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("CARD_FIELD", field=name)

    @property
    def digits(self) -> str:
        """PAN 18, DOE 4, TCT 2, EA 2, SGC 6, TI 2, KRN 1: the record of 35 digits."""
        doe = _UNUSED if self.expires is None else "{:02d}{:02d}".format(*self.expires)
        return f"{pan(self.number)}{doe}{self.tct:02d}{self.ea:02d}{self.sgc}{self.ti}{self.krn}"

    @property
    def track_2(self) -> str:
        """The record as a magnetic track holds it, without the check character."""
        return f";{self.digits[:PAN_LENGTH]}={self.digits[PAN_LENGTH:]}?"

    def check_expiry(self, today: date) -> None:
        """Refuse a card after the last day of its month: SaleError CARD_EXPIRED(year, month).

        The record has two digits of the year; the century is the one that brings it nearest to
        `today` (the shop's local date).
        """
        if self.expires is None:
            return
        year, month = self.expires
        nearest = today.year + (year - today.year + _CENTURY // 2) % _CENTURY - _CENTURY // 2
        if (nearest, month) < (today.year, today.month):
            raise SaleError("CARD_EXPIRED", year=nearest, month=month)


def is_card(text: str) -> bool:
    """Whether `text` has the shape of a record or of its track 2; nothing is verified."""
    return (_PLAIN.fullmatch(text) or _TRACK_2.fullmatch(text)) is not None


def parse_card(text: str) -> MeterCard:
    """The card of 35 digits, or of a track 2 with or without its sentinels.

    Both check digits are verified; the expiry is not: `MeterCard.check_expiry`. Raises
    InputError CARD_FORM(length), PAN_ISSUER, PAN_CHECK_DIGIT, METER_CHECK_DIGIT, EA_UNKNOWN,
    CARD_FIELD(field).
    """
    found = _PLAIN.fullmatch(text) or _TRACK_2.fullmatch(text)
    if found is None:
        raise InputError("CARD_FORM", length=len(text))
    number, rest = parse_pan(found[1]), found[2]
    ea = int(rest[6:8])
    if ea not in tuple(EncryptionAlgorithm):
        raise InputError("EA_UNKNOWN", ea=ea)
    return MeterCard(
        number=number,
        expires=None if rest[:4] == _UNUSED else (int(rest[:2]), int(rest[2:4])),
        tct=int(rest[4:6]),
        ea=EncryptionAlgorithm(ea),
        sgc=rest[8:14],
        ti=rest[14:16],
        krn=int(rest[16]),
        raw=text,
    )
