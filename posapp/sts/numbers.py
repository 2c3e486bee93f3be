"""Meter numbers as the standard counts them: DRN, PAN and their check digits (6.1.2).

`posapp.domain.meter.MeterNumber` is the number on the label; here is what is made from it.
"""

from __future__ import annotations

from posapp.domain.digits import is_digits, joined
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.errors import InputError

_IIN_BY_LENGTH = {11: "600727", 13: "0000"}
DRN_LENGTHS = tuple(_IIN_BY_LENGTH)
PAN_LENGTH = 18


def iin(number: MeterNumber) -> str:
    """The issuer identification number: 600727 for 11 digits, 0000 for 13 (6.1.2.2)."""
    return _IIN_BY_LENGTH[len(number.digits)]


def maker(number: MeterNumber) -> str:
    """The manufacturer code: two digits of an 11-digit number, four of a 13-digit one."""
    return number.digits[:2] if len(number.digits) == 11 else number.digits[:4]


def pan(number: MeterNumber) -> str:
    """The 18 digits of the meter's primary account number (6.1.2.1)."""
    body = iin(number) + number.digits
    return body + luhn_digit(body)


def parse_pan(text: str) -> MeterNumber:
    """The meter of an 18-digit PAN; separators are ignored, both check digits are verified.

    Raises InputError PAN_FORM, PAN_ISSUER, PAN_CHECK_DIGIT, METER_CHECK_DIGIT.
    """
    digits = joined(text)
    if not is_digits(digits, PAN_LENGTH):
        raise InputError("PAN_FORM", length=len(digits))
    issuer = next((i for i in _IIN_BY_LENGTH.values() if digits.startswith(i)), None)
    if issuer is None:
        raise InputError("PAN_ISSUER", issuer=digits[:6])
    if luhn_digit(digits[:-1]) != digits[-1]:
        raise InputError("PAN_CHECK_DIGIT", pan=digits)
    return MeterNumber(digits[len(issuer) : -1])


def valid_neighbours(text: str) -> tuple[str, ...]:
    """Numbers with right check digits that are one swap or one wrong digit away from `text`.

    `text` is a DRN of 11 or 13 digits or a PAN of 18; for anything else there is nothing. Swaps
    of two neighbours come first, then single digits from left to right; `text` itself is not
    among them.
    """
    digits = joined(text)
    if len(digits) not in (*DRN_LENGTHS, PAN_LENGTH) or not is_digits(digits):
        return ()
    swaps = (
        digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)
    )
    slips = (
        digits[:i] + other + digits[i + 1 :] for i in range(len(digits)) for other in "0123456789"
    )
    candidates = dict.fromkeys((*swaps, *slips))
    candidates.pop(digits, None)
    return tuple(c for c in candidates if _is_right(c))


def _is_right(digits: str) -> bool:
    if len(digits) != PAN_LENGTH:
        return luhn_digit(digits[:-1]) == digits[-1]
    try:
        parse_pan(digits)
    except InputError:
        return False
    return True
