"""Why this customer gets fewer units than last time, or more: two breakdowns side by side.

What the same money would have bought under the earlier sale's prices and shares is taken apart
exactly: each group of lines took more or less of the payment, and energy itself cost more or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from posapp.domain.sale import LineKind, SaleLine
from posapp.pricing.exact import half_up


@dataclass(frozen=True, slots=True)
class Sale:
    """A breakdown: minor units paid, tenths of a kWh bought for them, `code@version`, lines."""

    amount_minor: int
    units_tenths: int
    tariff: str
    lines: tuple[SaleLine, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause and what it is worth: `units_tenths` below 0 are units fewer.

    LESS_MONEY, MORE_MONEY: another sum was paid. FEES, ARREARS, TAXES (levies too): they took
    `amount_minor` more of the payment than last time's share. BLOCKS: the units are dearer or
    cheaper on average because the month stands elsewhere. PRICES: the tariff is another one.
    """

    code: str
    units_tenths: int
    amount_minor: int = 0


MONEY_REASONS = ("LESS_MONEY", "MORE_MONEY")  # no news to whoever pays it
_GROUPS = (
    ("FEES", (LineKind.FEE,)),
    ("ARREARS", (LineKind.ARREARS,)),
    ("TAXES", (LineKind.TAX, LineKind.LEVY)),
)


def compare(earlier: Sale, now: Sale) -> tuple[Reason, ...]:
    """What made the difference in units, the largest first; causes below 0.1 kWh are left out.

    Nothing where a sale has no paid energy. The reasons add up to the difference, but for
    rounding: what the grid and the rounding line took belongs to nobody.
    """
    energy = _paid_energy(earlier.lines), _paid_energy(now.lines)
    sums = (earlier.amount_minor, now.amount_minor, earlier.units_tenths, now.units_tenths)
    if min(*energy, *sums) <= 0:
        return ()
    found = [r for r in _reasons(earlier, now, energy) if r.units_tenths]
    return tuple(sorted(found, key=lambda r: -abs(r.units_tenths)))


def _reasons(earlier: Sale, now: Sale, energy: tuple[int, int]) -> Iterator[Reason]:
    times = Fraction(now.amount_minor, earlier.amount_minor)
    more = earlier.units_tenths * (times - 1)
    code = "LESS_MONEY" if more < 0 else "MORE_MONEY"
    paid_more = now.amount_minor - earlier.amount_minor
    yield Reason(code, half_up(more), paid_more)
    tenths_a_minor = Fraction(earlier.units_tenths, energy[0])
    for code, kinds in _GROUPS:
        took = _sum(now.lines, kinds) - _sum(earlier.lines, kinds) * times
        yield Reason(code, half_up(-took * tenths_a_minor), half_up(took))
    dearer = now.units_tenths - energy[1] * tenths_a_minor
    yield Reason("PRICES" if earlier.tariff != now.tariff else "BLOCKS", half_up(dearer))


def _paid_energy(lines: Sequence[SaleLine]) -> int:
    return _sum(lines, (LineKind.ENERGY,))


def _sum(lines: Sequence[SaleLine], kinds: Sequence[LineKind]) -> int:
    return sum(line.amount_minor for line in lines if line.kind in kinds)
