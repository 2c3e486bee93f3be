"""A pack's own published examples, priced again: what came out against what was printed.

`pack.check_pack` runs them; `check` puts them on a person's screen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import localcontext
from fractions import Fraction

from posapp.domain.energy import units_text
from posapp.domain.money import amount_text
from posapp.errors import SaleError
from posapp.pricing.cost import Costing
from posapp.pricing.exact import EXACT, as_published, plain
from posapp.pricing.quote import Quote, by_money, by_units
from posapp.pricing.tariff import Example, TariffPack
from posapp.pricing.terms import bind


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
    try:
        found = list(_compare(pack, example))
    except SaleError as error:
        found = list(_compare_refusal(pack, example, error))
    return VectorOutcome(example.name, example.line, tuple(found))


def _compare(pack: TariffPack, example: Example) -> Iterator[str]:
    if example.pay_minor is not None:
        quote = by_money(pack, example.pay_minor, example.situation)
        if example.expected.refused_minor is not None:
            yield f"{units_text(quote.units_tenths)} kWh, not a refusal"
        yield from _compare_units(pack, example, example.pay_minor, quote)
    else:
        assert example.buy_tenths is not None
        quote = by_units(pack, example.buy_tenths, example.situation)
        yield from _compare_cost(pack, example, example.buy_tenths)
    yield from _compare_lines(pack, example, quote)
    yield from _compare_left(pack, example, quote)


def _compare_refusal(pack: TariffPack, example: Example, error: SaleError) -> Iterator[str]:
    wanted = example.expected.refused_minor
    name = _LEAST.get(error.code)
    if wanted is None or name is None:
        yield _refusal(pack, error)
        return
    least = error.params[name]
    assert isinstance(least, int)
    if least != wanted:
        least_text = amount_text(least, pack.currency)
        yield f"refused below {least_text}, not {amount_text(wanted, pack.currency)}"


def _refusal(pack: TariffPack, error: SaleError) -> str:
    """A refusal that nobody expected, in words."""
    params = error.params

    def money(name: str) -> str:
        value = params[name]
        assert isinstance(value, int)
        return amount_text(value, pack.currency)

    match error.code:
        case "AMOUNT_BELOW_MINIMUM":
            return f"refused: the least sum is {money('minimum_minor')}"
        case "AMOUNT_IN_GAP":
            sums = f"{money('lower_minor')} or {money('upper_minor')}"
            return f"refused: at a cliff, it would have to be {sums}"
        case "TARIFF_PRICE_MISSING":
            return f"refused: {params['component']} has no price on {params['day']}"
        case "RATE_MISSING":
            return f"refused: the example has no rate, what one {params['currency']} costs"
        case "UNITS_ABOVE_TOKEN":
            return f"refused: one token carries at most what {money('maximum_minor')} buys"
        case _:
            return str(error)


# Which sum a refusal tells the customer to pay instead.
_LEAST = {"AMOUNT_BELOW_MINIMUM": "minimum_minor", "AMOUNT_IN_GAP": "upper_minor"}


def _compare_units(
    pack: TariffPack, example: Example, pay_minor: int, quote: Quote
) -> Iterator[str]:
    expected = example.expected
    if expected.units_tenths is not None and quote.units_tenths != expected.units_tenths:
        got = units_text(quote.units_tenths)
        yield f"{got} kWh, not {units_text(expected.units_tenths)}"
    if expected.raw_units is not None:
        with localcontext(EXACT):
            terms = bind(pack, example.situation)
            left = pay_minor - terms.dues_total(pay_minor)
            raw = Costing(terms).position(left).raw_tenths / 10
        printed = as_published(raw, expected.raw_units)
        if printed != expected.raw_units:
            yield f"{plain(printed)} kWh before the grid, not {plain(expected.raw_units)}"


def _compare_cost(pack: TariffPack, example: Example, units_tenths: int) -> Iterator[str]:
    assert example.expected.cost is not None
    with localcontext(EXACT):
        costing = Costing(bind(pack, example.situation))
        exact = costing.exact_payment(Fraction(costing.total(units_tenths)))
    got = as_published(exact / pack.currency.scale, example.expected.cost)
    if got != example.expected.cost:
        yield f"{plain(got)} {pack.currency.code}, not {plain(example.expected.cost)}"


def _compare_lines(pack: TariffPack, example: Example, quote: Quote) -> Iterator[str]:
    sums: dict[str, int] = defaultdict(int)
    for line in quote.lines:
        sums[line.code] += line.amount_minor
    yield from _compare_sums(pack, sums, example.expected.lines, "")
    free = example.expected.free_tenths
    if free is not None and free != quote.free_tenths:
        yield f"{units_text(quote.free_tenths)} kWh free, not {units_text(free)}"


def _compare_left(pack: TariffPack, example: Example, quote: Quote) -> Iterator[str]:
    owed: dict[str, int] = defaultdict(int)
    owed.update({code: state.owed_minor for code, state in example.situation.fees})
    owed.update({debt.account: debt.balance_minor for debt in example.situation.debts})
    owed.update({code: state.owed_minor for code, state in quote.fees})
    owed.update(dict(quote.debts))
    yield from _compare_sums(pack, owed, example.expected.left, " left")


def _compare_sums(
    pack: TariffPack,
    found: Mapping[str, int],
    wanted: tuple[tuple[str, int], ...],
    what: str,
) -> Iterator[str]:
    for code, due in wanted:
        if found[code] != due:
            got = amount_text(found[code], pack.currency)
            yield f"{code}{what} {got}, not {amount_text(due, pack.currency)}"
