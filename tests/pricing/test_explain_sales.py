"""The reasons for fewer units: right in kind, and adding up to the difference."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.sale import LineKind
from posapp.pricing.explain import Sale, compare
from posapp.pricing.pack import load_pack
from posapp.pricing.quote import Quote, by_money
from posapp.pricing.situation import FeeState, Situation

TARIFFS = Path(__file__).resolve().parents[2] / "resources" / "tariffs"


def shipped(name):
    return load_pack((TARIFFS / name).read_text(encoding="utf-8"), name)


UGANDA = shipped("ug-domestic.toml")
JOBURG = shipped("za-city-power-2024.toml")


def breakdown(quote: Quote) -> Sale:
    return Sale(quote.amount_minor, quote.units_tenths, quote.tariff, quote.lines)


def of_uganda(amount, bought, *, paid):
    fees = (("service_fee", FeeState(date(2021, 2, 1))),) if paid else ()
    situation = Situation(datetime(2021, 2, 3, 9), bought_tenths=bought, fees=fees)
    return breakdown(by_money(UGANDA, amount, situation))


def codes(reasons):
    return [reason.code for reason in reasons]


def test_the_fee_of_a_new_month_and_its_cheap_units_are_both_named():
    later, first = of_uganda(20_000, 281, paid=True), of_uganda(20_000, 0, paid=False)
    assert (later.units_tenths, first.units_tenths) == (226, 281)
    reasons = compare(later, first)
    assert codes(reasons) == ["BLOCKS", "FEES"]
    assert reasons[0].units_tenths > 0 > reasons[1].units_tenths
    assert reasons[1].amount_minor == 3360


def test_a_higher_block_is_named_when_nothing_else_changed():
    cheap = of_uganda(3_000, 0, paid=True)
    dear = of_uganda(3_000, 150, paid=True)
    assert codes(compare(cheap, dear)) == ["BLOCKS"]
    assert compare(cheap, dear)[0].units_tenths == dear.units_tenths - cheap.units_tenths


def test_less_money_is_named_before_anything_else():
    reasons = compare(of_uganda(40_000, 281, paid=True), of_uganda(10_000, 281, paid=True))
    assert codes(reasons) == ["LESS_MONEY"]
    assert reasons[0].amount_minor == -30_000


def test_another_version_of_the_tariff_is_no_block():
    sale = of_uganda(20_000, 281, paid=True)
    older = Sale(sale.amount_minor, 300, "UG-DOM@2020", sale.lines)
    assert codes(compare(older, sale)) == ["PRICES"]


def test_a_sale_that_bought_no_energy_is_compared_with_nothing():
    sale = of_uganda(20_000, 281, paid=True)
    assert compare(Sale(500, 0, sale.tariff, ()), sale) == ()


@given(st.integers(3_000, 200_000), st.integers(3_000, 200_000), st.integers(0, 6_000))
def test_the_reasons_add_up_to_the_difference(first, second, bought):
    before = Situation(datetime(2024, 8, 3, 9), bought_tenths=bought)
    after = Situation(
        datetime(2024, 8, 3, 9),
        bought_tenths=6_000 - bought,
        fees=(("service_charge", FeeState(date(2024, 8, 1))),),
    )
    old = breakdown(by_money(JOBURG, first, before))
    new = breakdown(by_money(JOBURG, second, after))
    told = sum(reason.units_tenths for reason in compare(old, new))
    # A small earlier sale is known to 0.1 kWh only, and is scaled to the larger sum.
    lost = sum(
        abs(line.amount_minor)
        for sale in (old, new)
        for line in sale.lines
        if line.kind is LineKind.ROUNDING
    )
    assert abs(told - (new.units_tenths - old.units_tenths)) <= 5 + lost // 20 + second // first
