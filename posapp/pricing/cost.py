"""What units cost under a tariff, exactly, and which units a sum of money is worth.

Costs are linear between the breaks the components name, so the inverse needs no search for
units: it finds the stretch between two breaks, then divides. `quote` makes sales of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from posapp.pricing.components import half_up
from posapp.pricing.month import MonthLedger
from posapp.pricing.tariff import TariffPack, UnitRounding


@dataclass(frozen=True, slots=True)
class Position:
    """Where a sum of money stops on the cost curve: units in tenths, not on the grid.

    `amounts` is what each component costs there; they add up to the sum, unless it stops at a
    jump that it cannot pay.
    """

    raw_tenths: Fraction
    amounts: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The cost curve right after `start_tenths`: where it begins and how it climbs a tenth."""

    start_tenths: int
    begins: tuple[Decimal, ...]
    climbs: tuple[Decimal, ...]


class Costing:
    """The cost curve of one tariff for one meter's month. Use it inside the EXACT context."""

    def __init__(self, pack: TariffPack, month: MonthLedger) -> None:
        self.evaluations = 0
        self.pack = pack
        self.month = month

    def amounts(self, halves: int) -> tuple[Decimal, ...]:
        """Exact minor units by component for `halves` > 0 twentieths of a kWh."""
        self.evaluations += 1
        costs: list[Decimal] = []
        for component in self.pack.components:
            costs.append(component.cost(halves, self.month, costs))
        return tuple(costs)

    def total(self, units_tenths: int) -> Decimal:
        """T(units): exact minor units for tenths of a kWh on the grid, 0 for none."""
        return sum(self.amounts(units_tenths * 2), Decimal(0)) if units_tenths else Decimal(0)

    def price(self, units_tenths: int) -> int:
        """Minor units to ask for these units: T rounded so that the sum buys them again.

        Up where units are rounded down, down where they are rounded up, else half up.
        """
        total = self.total(units_tenths)
        over, under = total.as_integer_ratio()
        match self.pack.unit_rounding:
            case UnitRounding.DOWN:
                return -(-over // under)
            case UnitRounding.UP:
                return over // under
            case UnitRounding.NEAREST:
                return half_up(total)

    def entry_minor(self) -> int:
        """What falls due before the first unit: fees with their levies and taxes."""
        return half_up(sum(self._stretch(0).begins, Decimal(0)))

    def least_minor(self) -> int:
        """The least useful amount: what 0.1 kWh costs."""
        asked = self.price(1)
        if self.on_grid(self.position(asked).raw_tenths) >= 1:
            return asked
        over, under = self.total(1).as_integer_ratio()  # 0.1 kWh costs less than a minor unit
        return -(-over // under)

    def position(self, amount_minor: int) -> Position:
        """Where `amount_minor` stops: sup of all units whose cost it covers."""
        stretch = self._stretch(self._last_break_within(amount_minor))
        left = amount_minor - sum(stretch.begins, Decimal(0))
        climb = sum(stretch.climbs, Decimal(0))
        assert climb > 0, "a tariff's energy has a price"
        beyond = Fraction(max(left, Decimal(0))) / Fraction(climb)
        amounts = tuple(
            Fraction(begin) + Fraction(rise) * beyond
            for begin, rise in zip(stretch.begins, stretch.climbs, strict=True)
        )
        return Position(stretch.start_tenths + beyond, amounts)

    def on_grid(self, raw_tenths: Fraction) -> int:
        """Whole tenths by the tariff's rule; nearest takes the half up."""
        over, under = raw_tenths.as_integer_ratio()
        match self.pack.unit_rounding:
            case UnitRounding.DOWN:
                return over // under
            case UnitRounding.UP:
                return -(-over // under)
            case UnitRounding.NEAREST:
                return half_up(raw_tenths)

    def _last_break_within(self, amount_minor: int) -> int:
        """The last break whose units the amount covers, 0 if none; by bisection."""
        found = {b for c in self.pack.components for b in c.breaks(self.month)}
        edges = sorted(found)
        low, high = 0, len(edges)
        while low < high:
            middle = (low + high) // 2
            if self.total(edges[middle]) <= amount_minor:
                low = middle + 1
            else:
                high = middle
        return edges[low - 1] if low else 0

    def _stretch(self, start_tenths: int) -> _Stretch:
        """From two points within the first tenth after `start`: breaks lie on the grid."""
        halfway = self.amounts(start_tenths * 2 + 1)
        whole = self.amounts(start_tenths * 2 + 2)
        both = tuple(zip(halfway, whole, strict=True))
        begins = tuple(2 * h - w for h, w in both)
        climbs = tuple(2 * (w - h) for h, w in both)
        return _Stretch(start_tenths, begins, climbs)
