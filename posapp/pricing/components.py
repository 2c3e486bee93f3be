"""The parts a tariff is made of, each an exact cost of units and the lines it puts on paper.

`tariff` holds them in order, `cost` adds them up and inverts them, `pack` reads them from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from fractions import Fraction
from typing import Protocol

from posapp.domain.sale import LineKind, SaleLine
from posapp.pricing.month import MonthLedger

# Everything between a rate and a line is computed in this context. 320 digits hold the product of
# a price, units and a percentage of each component a pack may have; a result that would not be
# exact is a crash, never a cent.
EXACT = Context(prec=320, traps=[Inexact, InvalidOperation, DivisionByZero])
HALVES_A_KWH = 20  # costs are asked for at whole and half steps of the 0.1 kWh grid
RATE_EXTRA_DIGITS = 2  # a price shown without its included VAT: published decimals and two more


@dataclass(frozen=True, slots=True)
class Sold:
    """What the lines of a sale are made from.

    `at_units` is each component's exact cost, in minor units, of the units the token carries;
    `at_money` of the units, not on the grid, that the money paid would buy to the last cent.
    """

    units_tenths: int
    month: MonthLedger
    at_units: Sequence[Decimal]
    at_money: Sequence[Fraction]


class Component(Protocol):
    """One part of a tariff. Costs are exact minor units, linear between two breaks."""

    @property
    def code(self) -> str:
        """Its name in the pack and on the lines."""
        ...

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        """Tenths of this sale (> 0) up to which one price holds and after which another does."""
        ...

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        """Minor units for `halves` > 0 twentieths of a kWh, given what earlier components cost."""
        ...

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        """Its lines; `net` is the share of its printed price that is no included VAT."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """Energy at one price up to `up_to_tenths` bought in the month; None is without end."""

    up_to_tenths: int | None
    price: Decimal
    step_minor: Decimal


@dataclass(frozen=True, slots=True)
class BlockEnergy:
    """Energy in blocks that start again every month; each unit pays its own block's price."""

    code: str
    blocks: tuple[Block, ...]

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        ends = (b.up_to_tenths for b in self.blocks if b.up_to_tenths is not None)
        return tuple(end - month.units_tenths for end in ends if end > month.units_tenths)

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        total = Decimal(0)
        start = month.units_tenths * 2
        stop = start + halves
        for block in self.blocks:
            end = stop if block.up_to_tenths is None else min(stop, block.up_to_tenths * 2)
            if end > start:
                total += block.step_minor * (end - start)
                start = end
        return total

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        lines = []
        start = sold.month.units_tenths
        stop = start + sold.units_tenths
        for number, block in enumerate(self.blocks, 1):
            end = stop if block.up_to_tenths is None else min(stop, block.up_to_tenths)
            if end > start:
                cost = _net(block.step_minor * 2 * (end - start), net)
                rate = rate_text(block.price, net)
                code = f"block {number}"
                lines.append(SaleLine(LineKind.ENERGY, code, half_up(cost), end - start, rate))
                start = end
        return tuple(lines)

    def block_after(self, month: MonthLedger) -> tuple[int, Block, Block] | None:
        """(tenths left in the present block, it, the next one); None in the last block."""
        for block, following in zip(self.blocks, self.blocks[1:], strict=False):
            assert block.up_to_tenths is not None  # only the last block has no end
            left = block.up_to_tenths - month.units_tenths
            if left > 0:
                return left, block, following
        return None


@dataclass(frozen=True, slots=True)
class PerKwh:
    """One price for every unit: flat energy, or a surcharge that counts as a levy."""

    code: str
    kind: LineKind
    price: Decimal
    step_minor: Decimal

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        return self.step_minor * halves

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = half_up(_net(sold.at_units[index], net))
        return (
            SaleLine(self.kind, self.code, amount, sold.units_tenths, rate_text(self.price, net)),
        )


@dataclass(frozen=True, slots=True)
class MonthlyFee:
    """A fixed sum with the first sale of a month, taken before any energy."""

    code: str
    amount_minor: Decimal

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        return Decimal(0) if month.fee_paid else self.amount_minor

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        if sold.month.fee_paid:
            return ()
        return (SaleLine(LineKind.FEE, self.code, half_up(_net(self.amount_minor, net))),)


@dataclass(frozen=True, slots=True)
class Share:
    """A levy or tax as a percentage of the components at `base` (indexes, all earlier).

    Its line follows the money paid, not the units carried: the part of the payment that made no
    whole 0.1 kWh is taxed and levied like the rest.
    """

    code: str
    kind: LineKind
    percent: Decimal
    base: tuple[int, ...]

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        total = Decimal(0)
        for index in self.base:
            total += earlier[index]
        return total * self.percent * _HUNDREDTH

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = half_up(sold.at_money[index] * net)
        return (SaleLine(self.kind, self.code, amount, rate=plain(self.percent)),)


@dataclass(frozen=True, slots=True)
class IncludedVat:
    """VAT that the prices at `base` already contain: costs nothing, but has its line."""

    code: str
    percent: Decimal
    base: tuple[int, ...]

    @property
    def net(self) -> Fraction:
        """The share of a price of its base that is no VAT."""
        return 100 / (100 + Fraction(self.percent))

    def breaks(self, month: MonthLedger) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, month: MonthLedger, earlier: Sequence[Decimal]) -> Decimal:
        return Decimal(0)

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        gross = sum((sold.at_money[i] for i in self.base), Fraction(0))
        amount = half_up(gross * (1 - self.net))
        return (SaleLine(LineKind.TAX, self.code, amount, rate=plain(self.percent)),)


_HUNDREDTH = Decimal("0.01")


def step_minor(price: Decimal, scale: int) -> Decimal:
    """Minor units for a twentieth of a kWh at `price` major units a kWh."""
    return price * scale * Decimal("0.05")


def half_up(amount: Decimal | Fraction) -> int:
    """To whole minor units, half up; `amount` is not negative."""
    over, under = amount.as_integer_ratio()
    return (2 * over + under) // (2 * under)


def plain(number: Decimal) -> str:
    """As the pack prints it, without an exponent: `16.50`, `7.5`, `16`."""
    return format(number, "f")


def _net(amount: Decimal, net: Fraction) -> Decimal | Fraction:
    return amount if net == 1 else Fraction(amount) * net


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
