"""A tariff bound to one meter at one moment: what its components are here, and what is due first.

Made once when a customer was found; every key press then asks `cost` and `quote` about it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from posapp.errors import SaleError
from posapp.pricing.components import Binding, FreeBasic
from posapp.pricing.curve import Absent, FreeUnits, Month, Part, Share
from posapp.pricing.dues import DUES, ArrearsDue, Due, settle
from posapp.pricing.situation import Situation
from posapp.pricing.tariff import TariffPack


@dataclass(frozen=True)
class Terms:
    """The parts of `pack` in `situation`, in order. `step_tenths` is the grid of its units."""

    pack: TariffPack
    situation: Situation
    parts: tuple[Part, ...]

    @property
    def step_tenths(self) -> int:
        """What the smallest amount on a token is worth: 0.1 kWh, times a CT ratio."""
        return 1 if self.pack.sells_money else self.situation.ct_ratio

    @cached_property
    def free_tenths(self) -> int:
        """Free units that come with this sale."""
        return sum(part.units_tenths for part in self.parts if isinstance(part, FreeUnits))

    @cached_property
    def _due_places(self) -> tuple[tuple[int, Due, Fraction], ...]:
        return tuple(
            (place, part, self.with_taxes(place))
            for place, part in enumerate(self.parts)
            if isinstance(part, DUES)
        )

    @cached_property
    def dues_depend_on_payment(self) -> bool:
        """Whether a larger payment may settle more."""
        return any(due.depends_on_payment for _, due, _ in self._due_places)

    def with_taxes(self, place: int) -> Fraction:
        """What one unit of money of the part at `place` costs with all levies and taxes on it."""
        return self._factors[place]

    @cached_property
    def _factors(self) -> tuple[Fraction, ...]:
        """From the last part back: a tax is of earlier parts only."""
        found = [Fraction(1)] * len(self.parts)
        for place in range(len(self.parts) - 1, -1, -1):
            part = self.parts[place]
            if isinstance(part, Share):
                share = Fraction(part.percent) / 100 * found[place]
                for index in part.base:
                    found[index] += share
        return tuple(found)

    def _taxed(self, amounts: list[Fraction]) -> list[Fraction]:
        for place, part in enumerate(self.parts):
            if isinstance(part, Share):
                taxed = [amounts[index] for index in part.base if amounts[index]]
                if taxed:
                    amounts[place] = sum(taxed, Fraction(0)) * Fraction(part.percent) / 100
        return amounts

    @cached_property
    def _no_dues(self) -> tuple[Fraction, ...]:
        return (Fraction(0),) * len(self.parts)

    def dues(self, payment: Fraction | int) -> tuple[Fraction, ...]:
        """What a payment settles first, by part, in minor units, with the taxes on it."""
        if not self._due_places:
            return self._no_dues
        found = self._known_dues.get(payment)
        if found is None:
            left = whole = Fraction(payment)
            amounts = list(self._no_dues)
            for place, due, factor in self._due_places:
                gross = settle(due, whole, left, factor)
                amounts[place] = gross / factor
                left -= gross
            found = self._known_dues[payment] = tuple(self._taxed(amounts))
        return found

    @cached_property
    def _known_dues(self) -> dict[Fraction | int, tuple[Fraction, ...]]:
        return {}  # a quote asks for those of one payment from several sides

    def dues_total(self, payment: Fraction | int) -> Fraction:
        """All of it."""
        left = whole = Fraction(payment)
        for _, due, factor in self._due_places:
            left -= settle(due, whole, left, factor)
        return whole - left


def bind(pack: TariffPack, situation: Situation) -> Terms:
    """The terms of a pack for a meter. Call it inside the EXACT context.

    Raises SaleError TARIFF_PRICE_MISSING(component, day), RATE_MISSING(currency),
    RATE_OLD(currency, stamped).
    """
    decimals = None if pack.pegged is None else pack.pegged.decimals
    free = next((f for f in pack.free if f.when.holds(situation)), None)
    binding = Binding(
        situation,
        _month(situation, free),
        _rate(pack, situation),
        decimals,
        pack.currency.scale,
        free,
    )
    parts = tuple(c.bind(binding) for c in pack.components)
    return Terms(pack, situation, _each_debt_once(parts) if situation.debts else parts)


def _each_debt_once(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """A debt is paid back by the first component that it is for, by no other."""
    taken: set[str] = set()
    found: list[Part] = []
    for part in parts:
        if isinstance(part, ArrearsDue):
            debts = tuple(debt for debt in part.debts if debt.account not in taken)
            taken.update(debt.account for debt in debts)
            part = replace(part, debts=debts) if debts else Absent(part.code)
        found.append(part)
    return tuple(found)


def _month(situation: Situation, free: FreeBasic | None) -> Month:
    """Where blocks begin: free units count where the tariff says so, those of this sale too."""
    counted = 0
    if free is not None and free.counts_in_blocks:
        counted = situation.free_tenths + free.due_tenths(situation)
    return Month(situation.bought_tenths + counted, counted)


def _rate(pack: TariffPack, situation: Situation) -> Decimal:
    if pack.pegged is None:
        return Decimal(1)
    rate = situation.rate
    code = pack.pegged.currency.code
    if rate is None or rate.currency != code:
        raise SaleError("RATE_MISSING", currency=code, tariff=pack.reference)
    if (situation.day - rate.stamped).days > pack.pegged.days_max:
        raise SaleError("RATE_OLD", currency=code, stamped=rate.stamped, tariff=pack.reference)
    return rate.rate
