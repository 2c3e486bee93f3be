"""Arithmetic between a rate and a line: exact, and rounded once, where the tariff says so."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from enum import StrEnum
from fractions import Fraction

# Everything between a rate and a line is computed in this context. 400 digits hold the product of
# a price, a rate, units and a percentage of each component a pack may have; a result that would
# not be exact is a crash, never a cent.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero])
HALVES_A_KWH = 20  # costs are asked for at whole and half steps of the 0.1 kWh grid
RATE_EXTRA_DIGITS = 2  # a price shown without its included VAT: published decimals and two more
HUNDREDTH = Decimal("0.01")
NOTHING = Decimal(0)


class UnitRounding(StrEnum):
    """How money becomes units on the grid of 0.1 kWh; each tariff must name one."""

    UP = "up"
    NEAREST = "nearest"
    DOWN = "down"


class MoneyRounding(StrEnum):
    """How a line becomes whole minor units, and a cash sum whole coins."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


def half_up(amount: Decimal | Fraction) -> int:
    """To the nearest whole number, half away from zero."""
    over, under = amount.as_integer_ratio()
    if over < 0:
        return -((2 * -over + under) // (2 * under))
    return (2 * over + under) // (2 * under)


def rounded(amount: Decimal | Fraction, rule: MoneyRounding) -> int:
    """To a whole number by a tariff's rule; up and down are away from and towards zero."""
    over, under = amount.as_integer_ratio()
    if over < 0:
        return -rounded(Fraction(-over, under), rule)
    match rule:
        case MoneyRounding.HALF_UP:
            return (2 * over + under) // (2 * under)
        case MoneyRounding.HALF_EVEN:
            whole, rest = divmod(over, under)
            return whole + (2 * rest > under or (2 * rest == under and whole % 2 == 1))
        case MoneyRounding.UP:
            return -(-over // under)
        case MoneyRounding.DOWN:
            return over // under


def on_grid(amount: Fraction, rule: UnitRounding) -> int:
    """Whole steps by a tariff's rule, `amount` not below 0; nearest takes the half up."""
    over, under = amount.as_integer_ratio()
    match rule:
        case UnitRounding.DOWN:
            return over // under
        case UnitRounding.UP:
            return -(-over // under)
        case UnitRounding.NEAREST:
            return half_up(amount)


def step_minor(price: Decimal, scale: int) -> Decimal:
    """Minor units for a twentieth of a kWh at `price` major units a kWh."""
    return price * scale * Decimal("0.05")


def plain(number: Decimal) -> str:
    """As the pack prints it, without an exponent: `16.50`, `7.5`, `16`."""
    return format(number, "f")


def as_published(exact: Fraction, printed: Decimal) -> Decimal:
    """`exact` rounded half up to as many decimals as `printed` has."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = max(0, -exponent)
    return Decimal(half_up(exact * 10**digits)).scaleb(-digits)


def rate_text(price: Decimal, net: Fraction) -> str:
    """The published price; without its included VAT where the line is without it too."""
    if net == 1:
        return plain(price)
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = max(0, -exponent) + RATE_EXTRA_DIGITS
    scaled = half_up(Fraction(price) * net * 10**digits)
    with_zeros = Decimal(scaled).scaleb(-digits)
    return plain(with_zeros.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
