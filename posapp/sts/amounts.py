"""Amounts as a token carries them: sixteen bits of exponent and mantissa (IEC 62055-41 6.3.6).

Rounding is always in the customer's favour; what the customer is shown is what `decode_*`
says of the field, not what was asked for.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from posapp.errors import SaleError

MANTISSA_MAX = 16_383
UNITS_PER_KWH = 10  # a unit is 0.1 kWh, 0.1 m3 or 0.1 minute
UNITS_PER_CURRENCY = 100_000  # a currency unit is 0.00001 of the base currency
_UNITS_EXPONENT_MAX = 3
_CURRENCY_EXPONENT_MAX = 31


def _offset(exponent: int) -> int:
    """Where the range of an exponent begins: 0, 16384, 180224, 1818624 ..."""
    return 16_384 * (int(10**exponent) - 1) // 9


def _value(exponent: int, mantissa: int) -> int:
    return int(10**exponent) * mantissa + _offset(exponent)


UNITS_MAX = _value(_UNITS_EXPONENT_MAX, MANTISSA_MAX)  # 18 201 624
CURRENCY_MAX = _value(_CURRENCY_EXPONENT_MAX, MANTISSA_MAX)


def whole_units(amount: Decimal, units_per_one: int) -> int:
    """The integer number of smallest units of an amount, rounded up, exactly.

    `units_per_one` is UNITS_PER_KWH or UNITS_PER_CURRENCY. Negative amounts go towards zero.
    """
    numerator, denominator = amount.as_integer_ratio()
    return -(-numerator * units_per_one // denominator)


def _encode_up(units: int, exponent_max: int) -> tuple[int, int]:
    """The smallest exponent that reaches `units`, and the mantissa rounded up."""
    for exponent in range(exponent_max + 1):
        mantissa = max(0, -((_offset(exponent) - units) // 10**exponent))
        if mantissa <= MANTISSA_MAX:
            return exponent, mantissa
    raise AssertionError("the caller checked the range")


def encode_units(units: int) -> int:
    """The 16-bit field that carries at least `units` (0..UNITS_MAX), by less than one step.

    Units are 0.1 kWh, 0.1 m3, 0.1 minute or, for power limits, 1 W (6.3.6.1).
    Raises SaleError TOKEN_UNITS_RANGE.
    """
    if not 0 <= units <= UNITS_MAX:
        raise SaleError("TOKEN_UNITS_RANGE", units=units, maximum=UNITS_MAX)
    exponent, mantissa = _encode_up(units, _UNITS_EXPONENT_MAX)
    return exponent << 14 | mantissa


def decode_units(field: int) -> int:
    """What a 16-bit field carries, in units: every one of the 65 536 fields means something."""
    return _value(field >> 14, field & MANTISSA_MAX)


class CurrencyField(NamedTuple):
    """A currency amount on a token: sign and high exponent bits in place of RND, and the field."""

    s_and_e: int
    field: int


def encode_currency(units: int) -> CurrencyField:
    """The fields that carry at least `units` of 0.00001 of the currency (6.3.6.2).

    Positive amounts are rounded up, negative ones towards zero: both favour the customer.
    Raises SaleError TOKEN_UNITS_RANGE beyond ±CURRENCY_MAX.
    """
    if abs(units) > CURRENCY_MAX:
        raise SaleError("TOKEN_UNITS_RANGE", units=units, maximum=CURRENCY_MAX)
    if units >= 0:
        exponent, mantissa = _encode_up(units, _CURRENCY_EXPONENT_MAX)
    else:
        exponents = range(_CURRENCY_EXPONENT_MAX, -1, -1)
        exponent = next(e for e in exponents if _offset(e) <= -units)
        mantissa = min(MANTISSA_MAX, (-units - _offset(exponent)) // 10**exponent)
    sign = 8 if units < 0 else 0
    return CurrencyField(sign | exponent >> 2, (exponent & 3) << 14 | mantissa)


def decode_currency(s_and_e: int, field: int) -> int:
    """What the fields carry, in units of 0.00001 of the currency; negative deducts."""
    magnitude = _value((s_and_e & 7) << 2 | field >> 14, field & MANTISSA_MAX)
    return -magnitude if s_and_e & 8 else magnitude
