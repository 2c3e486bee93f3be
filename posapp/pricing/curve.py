"""The parts of a tariff that climb with the units sold, bound to one meter's month.

Each is an exact cost of units, linear between its breaks, and the lines it puts on paper.
`components` makes them, `cost` adds them up and inverts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from posapp.domain.sale import LineKind, SaleLine
from posapp.pricing.exact import HUNDREDTH, NOTHING, MoneyRounding, plain, rate_text, rounded


@dataclass(frozen=True, slots=True)
class Sold:
    """What the lines of a sale are made from.

    `at_units` is each part's exact cost, in minor units, of the units the token carries;
    `at_money` of the units, not on the grid, that the money paid would buy to the last cent;
    both without dues. `dues` is what was taken before any energy, with its taxes.
    """

    units_tenths: int
    at_units: Sequence[Decimal]
    at_money: Sequence[Fraction]
    dues: Sequence[Fraction]
    rounding: MoneyRounding = MoneyRounding.HALF_UP

    def minor(self, amount: Decimal | Fraction) -> int:
        """Whole minor units of a line."""
        return rounded(amount, self.rounding)


class Part(Protocol):
    """One part of a tariff in one situation. Costs are exact minor units."""

    @property
    def code(self) -> str:
        """Its name in the pack and on the lines."""
        ...

    def breaks(self) -> tuple[int, ...]:
        """Tenths of this sale (> 0) up to which one price holds and after which another does."""
        ...

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        """Minor units for `halves` > 0 twentieths of a kWh, given what earlier parts cost."""
        ...

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        """Its lines; `net` is the share of its printed price that is no included VAT."""
        ...


@dataclass(frozen=True, slots=True)
class Month:
    """Where the month stands: tenths that count before this sale, and how many of them were free.

    What is free is never priced, also where a limit prices the whole month anew.
    """

    start: int = 0
    free: int = 0

    @property
    def has_bought(self) -> bool:
        """Whether anything was paid for in the month before this sale."""
        return self.start > self.free


@dataclass(frozen=True, slots=True)
class Span:
    """The tenths of a month for which a part holds: above `above`, up to `up_to` (None: no end).

    A month that leaves the span loses the part for all its units; one that enters gets it for all.
    """

    above: int = 0
    up_to: int | None = None

    def holds(self, halves: int) -> bool:
        """Whether a month of `halves` twentieths of a kWh is in it."""
        return self.above * 2 < halves and (self.up_to is None or halves <= self.up_to * 2)

    def breaks(self, start: int) -> tuple[int, ...]:
        """Its edges, in tenths of a sale that begins at `start`."""
        edges = (self.above, self.up_to or 0)
        return tuple(edge - start for edge in edges if edge > start)


@dataclass(frozen=True, slots=True)
class Block:
    """Energy at one price up to `up_to_tenths` bought in the month; None is without end."""

    label: str
    up_to_tenths: int | None
    price: Decimal
    step_minor: Decimal


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy, or a surcharge a kWh: blocks that start again every month, or a single price.

    With a `span` the whole month is priced by where it stands after the sale, and what earlier
    sales of the month were priced at is given back.
    """

    code: str
    kind: LineKind
    blocks: tuple[Block, ...]
    month: Month
    span: Span | None = None

    def breaks(self) -> tuple[int, ...]:
        start = self.month.start
        ends = (b.up_to_tenths for b in self.blocks if b.up_to_tenths is not None)
        own = tuple(end - start for end in ends if end > start)
        return own if self.span is None else (*own, *self.span.breaks(start))

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        total = NOTHING
        for begin, end, sign in self._segments(self.month.start * 2 + halves):
            total += self._price(begin, end) * sign
        return total

    def _segments(self, stop: int) -> Iterator[tuple[int, int, int]]:
        """What is priced (1) and given back (-1), in twentieths of a kWh of the month."""
        start, free = self.month.start * 2, self.month.free * 2
        if self.span is None:
            yield start, stop, 1
            return
        was = self.month.has_bought and self.span.holds(start)
        holds = self.span.holds(stop)
        if was and not holds:
            yield free, start, -1
        elif holds:
            yield start if was else free, stop, 1

    def _price(self, begin: int, end: int) -> Decimal:
        total = NOTHING
        for block in self.blocks:
            stop = end if block.up_to_tenths is None else min(end, block.up_to_tenths * 2)
            if stop > begin:
                total += block.step_minor * (stop - begin)
                begin = stop
        return total

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        found = []
        for begin, end, sign in self._segments((self.month.start + sold.units_tenths) * 2):
            for block in self.blocks:
                stop = end if block.up_to_tenths is None else min(end, block.up_to_tenths * 2)
                if stop > begin:
                    if block.price:  # at no price the units are another component's
                        cost = without_vat(block.step_minor * (stop - begin), net) * sign
                        amount, units = sold.minor(cost), (stop - begin) // 2 * sign
                        rate = rate_text(block.price, net)
                        found.append(SaleLine(self.kind, block.label, amount, units, rate))
                    begin = stop
        return tuple(found)

    def block_after(self) -> tuple[int, Block, Block] | None:
        """(tenths left in the present block, it, the next one); None in the last block."""
        if self.span is not None:
            return None
        for block, following in zip(self.blocks, self.blocks[1:], strict=False):
            assert block.up_to_tenths is not None  # only the last block has no end
            left = block.up_to_tenths - self.month.start
            if left > 0:
                return (left, block, following) if block.price and following.price else None
        return None


@dataclass(frozen=True, slots=True)
class SpanFee:
    """A fee of the month that depends on where the month stands after the sale."""

    code: str
    amount_minor: Decimal
    month: Month
    span: Span

    def breaks(self) -> tuple[int, ...]:
        return self.span.breaks(self.month.start)

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        start = self.month.start * 2
        was = self.month.has_bought and self.span.holds(start)
        return self.amount_minor * (int(self.span.holds(start + halves)) - int(was))

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = sold.minor(without_vat(sold.at_units[index], net))
        return (SaleLine(LineKind.FEE, self.code, amount),) if amount else ()


@dataclass(frozen=True, slots=True)
class Credit:
    """Money onto a meter that counts money: each minor unit costs one. Its step is no energy."""

    code: str

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        return halves * _HALF

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = sold.minor(without_vat(sold.at_units[index], net))
        return (SaleLine(LineKind.ENERGY, self.code, amount),)


@dataclass(frozen=True, slots=True)
class FreeUnits:
    """Units of the month that cost nothing; they are a token of their own."""

    code: str
    units_tenths: int

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        return NOTHING

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        return (SaleLine(LineKind.ENERGY, self.code, 0, self.units_tenths, "0"),)


@dataclass(frozen=True, slots=True)
class Share:
    """A levy or tax as a percentage of the parts at `base` (indexes, all earlier).

    Its line follows the money paid, not the units carried: the part of the payment that made no
    whole 0.1 kWh is taxed and levied like the rest.
    """

    code: str
    kind: LineKind
    percent: Decimal
    base: tuple[int, ...]

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        total = NOTHING
        for index in self.base:
            total += earlier[index]
        return total * self.percent * HUNDREDTH

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = sold.minor((sold.at_money[index] + sold.dues[index]) * net)
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

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        return NOTHING

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        gross = sum((sold.at_money[i] + sold.dues[i] for i in self.base), Fraction(0))
        amount = sold.minor(gross * (1 - self.net))
        return (SaleLine(LineKind.TAX, self.code, amount, rate=plain(self.percent)),)


@dataclass(frozen=True, slots=True)
class Absent:
    """A component that does not hold in this situation; it keeps its place among the others."""

    code: str

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        return NOTHING

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        return ()


def without_vat(amount: Decimal, net: Fraction) -> Decimal | Fraction:
    """A cost without the VAT that its price contains."""
    return amount if net == 1 else Fraction(amount) * net


_HALF = Decimal("0.5")
