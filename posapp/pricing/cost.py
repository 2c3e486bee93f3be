"""What units cost under a tariff, exactly, and which units a sum of money is worth.

Costs are linear between the breaks the parts name, so the inverse needs no search for units: it
finds the stretch between two breaks, then divides. `quote` makes sales of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from posapp.pricing.curve import Energy, SpanFee
from posapp.pricing.exact import NOTHING, UnitRounding, half_up, on_grid
from posapp.pricing.terms import Terms


@dataclass(frozen=True, slots=True)
class Position:
    """Where a sum of money stops on the cost curve: units in tenths, not on the grid.

    `amounts` is what each part costs there, without dues. `unspent_minor` is what buys nothing
    because the next unit costs more at once than is left; `next_minor` is what 0.1 kWh costs
    from there on, the jump not counted.
    """

    raw_tenths: Fraction
    amounts: tuple[Fraction, ...]
    unspent_minor: Fraction
    next_minor: Fraction


@dataclass(frozen=True, slots=True)
class Cliff:
    """Beyond `at_tenths` of this sale the whole month costs `jump_minor` more at once."""

    at_tenths: int
    jump_minor: Decimal


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The cost curve right after `start_tenths`: where it begins and how it climbs a tenth."""

    start_tenths: int
    begins: tuple[Decimal, ...]
    climbs: tuple[Decimal, ...]

    @property
    def begin(self) -> Decimal:
        return sum(self.begins, NOTHING)

    @property
    def climb(self) -> Decimal:
        return sum(self.climbs, NOTHING)


class Costing:
    """The cost curve of one meter's terms, dues left out. Use it inside the EXACT context."""

    def __init__(self, terms: Terms) -> None:
        self.evaluations = 0
        self.terms = terms
        self._stretches: dict[int, _Stretch] = {}
        self._totals: dict[int, Decimal] = {}

    def amounts(self, halves: int) -> tuple[Decimal, ...]:
        """Exact minor units by part for `halves` > 0 twentieths of a kWh."""
        self.evaluations += 1
        costs: list[Decimal] = []
        for part in self.terms.parts:
            costs.append(part.cost(halves, costs))
        return tuple(costs)

    def total(self, units_tenths: int) -> Decimal:
        """T(units): exact minor units for tenths of a kWh on the grid, 0 for none."""
        if not units_tenths:
            return NOTHING
        found = self._totals.get(units_tenths)
        if found is None:
            found = sum(self.amounts(units_tenths * 2), NOTHING)
            self._totals[units_tenths] = found
        return found

    def payment(self, units_tenths: int) -> int:
        """The sum to ask for units: their cost with all dues, so that it buys them again.

        Rounded up where units are rounded down, down where they are rounded up, else half up.
        """
        match self.terms.pack.unit_rounding:
            case UnitRounding.DOWN:
                return self._asked(self.total(units_tenths), "up")
            case UnitRounding.UP:
                return self._asked(self.total(units_tenths), "down")
            case UnitRounding.NEAREST:
                return self._asked(self.total(units_tenths), "half up")

    def _asked(self, energy: Decimal, how: str) -> int:
        exact = self.exact_payment(Fraction(energy))
        over, under = exact.as_integer_ratio()
        if how == "half up":
            return half_up(exact)
        return over // under if how == "down" else -(-over // under)

    def exact_payment(self, energy_minor: Fraction) -> Fraction:
        """The least payment of which `energy_minor` is left after all dues."""
        terms = self.terms
        if not terms.dues_depend_on_payment:
            # With more money than any due every due is settled whole.
            return energy_minor + terms.dues_total(_MORE_THAN_ANY_DUE)
        low, at_low = 0, Fraction(0)
        high = max(1, int(energy_minor))
        while (at_high := high - terms.dues_total(high)) < energy_minor:
            low, at_low, high = high, at_high, high * 2
        straight = False
        while high - low > 1 and at_low < energy_minor:
            # What is left is straight between few bends: guesses along it, and halves in turn.
            middle = (low + high) // 2
            if straight := not straight:
                along = (energy_minor - at_low) / (at_high - at_low) * (high - low)
                middle = min(max(low + 1, low + int(along)), high - 1)
            at_middle = middle - terms.dues_total(middle)
            if at_middle >= energy_minor:
                high, at_high = middle, at_middle
            else:
                low, at_low = middle, at_middle
        if at_low >= energy_minor:
            return Fraction(low)
        # Straight within a minor unit.
        return low + (energy_minor - at_low) / (at_high - at_low)

    def least_minor(self) -> int:
        """The least useful amount: what the first step of the grid costs, with all dues."""
        return self._least_minor

    @cached_property
    def _least_minor(self) -> int:
        step = self.terms.step_tenths
        asked = self.payment(step)
        left = asked - self.terms.dues_total(asked)
        if self.steps(self.position(left).raw_tenths) >= 1:
            return asked
        return self._asked(self.total(step), "up")  # it costs less than a minor unit

    def steps(self, raw_tenths: Fraction) -> int:
        """Whole steps of the grid by the tariff's rule.

        Never beyond a jump that the money does not cover, nor back over one that makes the month
        cheaper: that would cost more than a step.
        """
        step = self.terms.step_tenths
        found = on_grid(raw_tenths / step, self.terms.pack.unit_rounding)
        for edge in self._jumps:
            if raw_tenths <= edge < found * step:
                return int(raw_tenths // step)
            if found * step <= edge < raw_tenths and self._jump(edge) < 0:
                return int(raw_tenths // step) + 1
        return found

    def jumped(self, raw_tenths: Fraction, units_tenths: int) -> bool:
        """Whether money paid for a jump that lies between the units and what it would buy."""
        return any(units_tenths <= edge < raw_tenths for edge in self._jumps)

    def position(self, left: Fraction | int) -> Position:
        """Where `left` minor units stop, dues already taken: sup of all units they cover."""
        stretch = self._stretch_within(left)
        climb = stretch.climb
        assert climb > 0, "a tariff's energy has a price"
        rest = Fraction(left) - Fraction(stretch.begin)
        beyond = max(Fraction(0), rest / Fraction(climb))
        end = self._next_break(stretch.start_tenths)
        unspent = Fraction(0)
        if end is not None and stretch.start_tenths + beyond > end:
            unspent = (beyond - (end - stretch.start_tenths)) * Fraction(climb)
            beyond = Fraction(end - stretch.start_tenths)
        elif rest < 0:
            unspent = Fraction(left)  # not even the first unit of all
        amounts = tuple(
            Fraction(begin) + Fraction(rise) * beyond if begin or rise else _ZERO
            for begin, rise in zip(stretch.begins, stretch.climbs, strict=True)
        )
        return Position(stretch.start_tenths + beyond, amounts, unspent, Fraction(climb))

    def cliffs(self) -> tuple[Cliff, ...]:
        """Where the month's cost jumps, in this sale, the nearest first."""
        found = []
        for edge in self._jumps:
            jump = self._jump(edge)
            if jump:
                found.append(Cliff(edge, jump))
        return tuple(found)

    def _jump(self, edge: int) -> Decimal:
        return self._stretch(edge).begin - self.total(edge)

    @cached_property
    def _jumps(self) -> tuple[int, ...]:
        """Tenths of this sale at which parts of spans come and go, in order."""
        found: set[int] = set()
        for part in self.terms.parts:
            if isinstance(part, (Energy, SpanFee)) and part.span is not None:
                found.update(part.span.breaks(part.month.start))
        return tuple(sorted(found))

    @cached_property
    def _edges(self) -> tuple[int, ...]:
        return tuple(sorted({0, *(b for part in self.terms.parts for b in part.breaks())}))

    def _next_break(self, start_tenths: int) -> int | None:
        later = [edge for edge in self._edges if edge > start_tenths]
        return later[0] if later else None

    def _stretch_within(self, left: Fraction | int) -> _Stretch:
        """The last stretch whose first units the sum covers, or the very first one.

        Between two jumps the cost climbs, so bisection finds it there; a jump may go down as
        well as up, so the stretches between jumps are tried from the last.
        """
        bounds = [0, *self._jumps]
        for place in range(len(bounds) - 1, -1, -1):
            first = bounds[place]
            if place and self._stretch(first).begin >= left:
                continue
            after = bounds[place + 1] if place + 1 < len(bounds) else None
            edges = [e for e in self._edges if e >= first and (after is None or e < after)]
            low, high = 0, len(edges) - 1  # the stretch of edges[low] is covered
            while low < high:
                middle = (low + high + 1) // 2
                if self.total(edges[middle]) < left:
                    low = middle
                else:
                    high = middle - 1
            return self._stretch(edges[low])
        raise AssertionError("the first stretch is always there")

    def _stretch(self, start_tenths: int) -> _Stretch:
        """From two points within the first tenth after `start`: breaks lie on the grid."""
        found = self._stretches.get(start_tenths)
        if found is None:
            halfway = self.amounts(start_tenths * 2 + 1)
            whole = self.amounts(start_tenths * 2 + 2)
            both = tuple(zip(halfway, whole, strict=True))
            begins = tuple(2 * h - w for h, w in both)
            climbs = tuple(2 * (w - h) for h, w in both)
            found = self._stretches[start_tenths] = _Stretch(start_tenths, begins, climbs)
        return found


_MORE_THAN_ANY_DUE = 10**30
_ZERO = Fraction(0)
