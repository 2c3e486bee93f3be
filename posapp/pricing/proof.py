"""A pack's own published examples, priced again: what came out against what was printed.

`pack.check_pack` runs them; `check` puts them on a person's screen.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from posapp.domain.energy import units_text
from posapp.domain.money import amount_text
from posapp.errors import SaleError
from posapp.pricing.components import EXACT, half_up, plain
from posapp.pricing.cost import Costing
from posapp.pricing.quote import Quote, by_money, by_units
from posapp.pricing.tariff import Example, TariffPack


@dataclass(frozen=True, slots=True)
class VectorOutcome:
    """One example: `failures` say what came out instead of what, and are empty if it passed."""

    name: str
    line: int
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def prove(pack: TariffPack, example: Example) -> VectorOutcome:
    """Price one example and compare every figure it prints."""
    failures = []
    try:
        if example.pay_minor is not None:
            quote = by_money(pack, example.pay_minor, example.month)
            failures += _compare_money(pack, example, quote)
        else:
            assert example.buy_tenths is not None and example.cost is not None
            quote = by_units(pack, example.buy_tenths, example.month)
            failures += _compare_cost(pack, example)
        failures += _compare_lines(pack, example, quote)
    except SaleError as error:
        failures.append(str(error))
    return VectorOutcome(example.name, example.line, tuple(failures))


def _compare_money(pack: TariffPack, example: Example, quote: Quote) -> list[str]:
    failures = []
    assert example.pay_minor is not None and example.units_tenths is not None
    if quote.units_tenths != example.units_tenths:
        failures.append(
            f"{units_text(quote.units_tenths)} kWh, not {units_text(example.units_tenths)}"
        )
    if example.raw_units is not None:
        with localcontext(EXACT):
            raw = Costing(pack, example.month).position(example.pay_minor).raw_tenths / 10
        got = _as_published(raw, example.raw_units)
        if got != example.raw_units:
            failures.append(f"{plain(got)} kWh before the grid, not {plain(example.raw_units)}")
    return failures


def _compare_cost(pack: TariffPack, example: Example) -> list[str]:
    assert example.buy_tenths is not None and example.cost is not None
    with localcontext(EXACT):
        total = Costing(pack, example.month).total(example.buy_tenths)
    got = _as_published(Fraction(total) / pack.currency.scale, example.cost)
    if got == example.cost:
        return []
    return [f"{plain(got)} {pack.currency.code}, not {plain(example.cost)}"]


def _compare_lines(pack: TariffPack, example: Example, quote: Quote) -> list[str]:
    sums: dict[str, int] = defaultdict(int)
    for line in quote.lines:
        sums[line.code] += line.amount_minor
    return [
        f"{code} {amount_text(sums[code], pack.currency)}, not {amount_text(due, pack.currency)}"
        for code, due in example.lines
        if sums[code] != due
    ]


def _as_published(exact: Fraction, printed: Decimal) -> Decimal:
    """`exact` rounded half up to as many decimals as the table prints."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = max(0, -exponent)
    return Decimal(half_up(exact * 10**digits)).scaleb(-digits)
