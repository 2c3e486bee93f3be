"""What a scanner, a card reader or a hand may enter for a meter, and which meter it means.

The label carries the DRN as digits or a barcode; cards carry the PAN or a whole record; the
receipt carries the token beside the meter number, and must not be taken for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from posapp.domain.digits import is_digits, joined
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.sts.card import MeterCard, is_card, parse_card
from posapp.sts.numbers import DRN_LENGTHS, PAN_LENGTH, parse_pan

_TOKEN_LENGTH = 20
_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: some scanners say what they read


class Form(StrEnum):
    """In which form a meter was entered."""

    DRN = "drn"
    DRN_PADDED = "drn_padded"
    PAN = "pan"
    CARD = "card"
    TOKEN = "token"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Scan:
    """`number` is the meter, None for a token and for what is none of the forms."""

    form: Form
    number: MeterNumber | None = None
    card: MeterCard | None = None


def read_scan(text: str) -> Scan:
    """The meter that `text` names, whatever way it came in.

    Interleaved 2 of 5 needs an even count of digits, so a DRN stands there with a zero in
    front; without a right check digit it is something else, a phone perhaps. Twenty digits are
    a token, never a meter. Raises InputError METER_CHECK_DIGIT for 11 or 13 digits, and what
    `parse_pan` and `parse_card` raise for theirs.
    """
    plain = _SYMBOLOGY.sub("", text.strip(), count=1) if text[:1] == "]" else text.strip()
    if is_card(plain):
        card = parse_card(plain)
        return Scan(Form.CARD, card.number, card)
    digits = joined(plain)
    if not is_digits(digits):
        return Scan(Form.OTHER)
    length = len(digits)
    if length in DRN_LENGTHS:
        return Scan(Form.DRN, MeterNumber(digits))
    if length - 1 in DRN_LENGTHS and digits[0] == "0" and luhn_digit(digits[:-1]) == digits[-1]:
        return Scan(Form.DRN_PADDED, MeterNumber(digits[1:]))
    if length == PAN_LENGTH:
        return Scan(Form.PAN, parse_pan(digits))
    return Scan(Form.TOKEN if length == _TOKEN_LENGTH else Form.OTHER)
