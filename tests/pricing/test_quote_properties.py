"""What must hold for every tariff, month and sum: checked against the slow way of the builder."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tariff_builder import MONTHS, Plan, plans

from posapp.domain.sale import LineKind
from posapp.errors import SaleError
from posapp.pricing.components import EXACT, half_up
from posapp.pricing.cost import Costing
from posapp.pricing.month import MonthLedger
from posapp.pricing.quote import by_money, by_units
from posapp.sts.amounts import decode_units, encode_units

EVALUATIONS_MAX = 40


def attempt(price, pack, amount, month):
    """The quote, or the refusal."""
    try:
        return price(pack, amount, month)
    except SaleError as error:
        return error


@given(plans(), MONTHS, st.integers(1, 300), st.integers(0, 5000))
def test_money_buys_the_units_that_trying_them_all_finds(plan, month, around, more):
    amount = int(plan.cost(around, month)) + more % max(1, int(plan.cost(1, MonthLedger(0, True))))
    pack = plan.pack()
    quote = attempt(by_money, pack, amount, month)
    if isinstance(quote, SaleError):
        assert quote.code == "AMOUNT_BELOW_MINIMUM"
        assert amount < quote.params["minimum_minor"]
        return
    assert quote.units_tenths == plan.units_for(amount, month, 3000)
    assert sum(line.amount_minor for line in quote.lines) == quote.amount_minor == amount
    assert quote.tariff == "TEST@7" and quote.month == month


@given(plans(), MONTHS, st.integers(1, 5000))
def test_by_units_and_by_money_are_one_quote(plan, month, units):
    pack = plan.pack()
    asked = by_units(pack, units, month)
    assert asked.units_tenths == units
    assert by_money(pack, asked.amount_minor, month) == asked
    assert abs(asked.amount_minor - plan.cost(units, month)) < 1


@given(plans(), MONTHS, st.integers(1, 2000))
def test_the_cost_is_exact_and_climbs_with_every_unit(plan, month, units):
    with localcontext(EXACT):
        costing = Costing(plan.pack(), month)
        costs = [costing.total(u) for u in (units, units + 1)]
    assert [Fraction(c) for c in costs] == [plan.cost(u, month) for u in (units, units + 1)]
    assert costs[0] < costs[1]


@given(plans(), MONTHS, st.integers(0, 10**7))
def test_the_least_useful_amount_buys_and_a_minor_unit_less_does_not(plan, month, amount):
    pack = plan.pack()
    with pytest.raises(SaleError, match="AMOUNT_BELOW_MINIMUM") as refused:
        by_money(pack, 0, month)
    least = refused.value.params["minimum_minor"]
    assert by_units(pack, 1, month).amount_minor == least
    assert by_money(pack, least, month).units_tenths == 1
    with pytest.raises(SaleError, match="AMOUNT_BELOW_MINIMUM"):
        by_money(pack, least - 1, month)
    if amount >= least:
        assert by_money(pack, amount, month).units_tenths >= 1


@given(plans(), MONTHS, st.integers(1, 2_000_000))
def test_the_rounding_line_is_worth_less_than_a_step_of_the_grid(plan, month, amount):
    quote = attempt(by_money, plan.pack(), amount, month)
    assume(not isinstance(quote, SaleError))
    assume(quote.units_tenths <= 16_383)
    rounding = [line for line in quote.lines if line.kind is LineKind.ROUNDING]
    assert len(rounding) <= 1 and all(line.amount_minor for line in rounding)
    step = (max(plan.prices) + (plan.surcharge or 0)) * plan.scale / 10
    share = Decimal("0.5") if plan.rounding == "nearest" else 1
    cents = Decimal(len(quote.lines)) / 2
    for line in rounding:
        assert abs(line.amount_minor) <= step * share + cents
        assert plan.rounding != "down" or line.amount_minor >= -cents
        assert plan.rounding != "up" or line.amount_minor <= cents


@given(plans(), MONTHS, st.integers(1, 2_000_000))
def test_vat_on_everything_is_the_vat_contained_in_what_the_customer_paid(plan, month, amount):
    assume(plan.vat is not None)
    quote = attempt(by_money, plan.pack(), amount, month)
    assume(not isinstance(quote, SaleError))
    (vat,) = [line for line in quote.lines if line.kind is LineKind.TAX]
    assert vat.amount_minor == half_up(amount * Fraction(plan.vat) / (100 + Fraction(plan.vat)))


@given(plans(), MONTHS, st.integers(1, 10**12))
def test_a_quote_asks_for_the_cost_at_most_forty_times(plan, month, amount):
    pack = plan.pack()
    counted: list[Costing] = []
    real = Costing.__init__

    def counting(self, *arguments):
        real(self, *arguments)
        counted.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Costing, "__init__", counting)
        for price, given_value in ((by_money, amount), (by_units, 711)):
            counted.clear()
            quote = attempt(price, pack, given_value, month)
            if isinstance(quote, SaleError):
                assert quote.code in ("AMOUNT_BELOW_MINIMUM", "UNITS_ABOVE_TOKEN")
            assert 0 < sum(c.evaluations for c in counted) <= EVALUATIONS_MAX


@given(plans(), MONTHS, st.integers(1, 300_000), st.integers(1, 300_000))
def test_splitting_a_purchase_changes_the_units_by_at_most_the_grid(plan, month, first, second):
    month = MonthLedger(month.units_tenths, fee_paid=True)
    pack = plan.pack()
    try:
        one = by_money(pack, first, month)
        after = MonthLedger(month.units_tenths + one.units_tenths, fee_paid=True)
        two = by_money(pack, second, after)
        both = by_money(pack, first + second, month)
    except SaleError:
        return
    assume(both.units_tenths <= 16_383)
    # Each sale rounds by less than a step, and the first moves the block edges of the second by
    # as much; with prices at most four times apart that is worth a few steps, never more.
    assert abs(one.units_tenths + two.units_tenths - both.units_tenths) <= 6


@settings(max_examples=60)
@given(st.sampled_from(["up", "nearest", "down"]), st.integers(16_000, 18_201_624))
def test_the_quote_says_what_the_token_carries(rounding, units):
    pack = Plan(rounding=rounding).pack()
    quote = by_units(pack, units, MonthLedger())
    assert quote.units_tenths == decode_units(encode_units(units)) >= units
    assert by_money(pack, quote.amount_minor, MonthLedger()) == quote


def test_units_between_two_steps_of_the_token_are_the_upper_step_for_the_same_money():
    # 43,000.00 is worth 2007.3 kWh; the token's fields are 2006.4 and 2007.4.
    quote = by_money(Plan().pack(), 4_300_000, MonthLedger())
    assert decode_units(encode_units(quote.units_tenths)) == quote.units_tenths == 20_074
    assert sum(line.amount_minor for line in quote.lines) == 4_300_000


@pytest.mark.parametrize("rounding", ["up", "nearest", "down"])
def test_more_than_one_token_carries_is_refused_with_what_it_can(rounding):
    pack = Plan(rounding=rounding).pack()
    with pytest.raises(SaleError, match="UNITS_ABOVE_TOKEN") as refused:
        by_units(pack, 18_201_625, MonthLedger())
    most = refused.value.params["maximum_minor"]
    assert refused.value.params["maximum_tenths"] == 18_201_624
    assert by_money(pack, most, MonthLedger()).units_tenths == 18_201_624
    with pytest.raises(SaleError, match="UNITS_ABOVE_TOKEN"):
        by_money(pack, most + 1000, MonthLedger())


@pytest.mark.parametrize("rounding", ["up", "nearest", "down"])
def test_a_price_below_a_minor_unit_for_a_step_still_never_sells_nothing(rounding):
    pack = Plan(prices=(Decimal("0.04"),), ends=(), vat=None, rounding=rounding).pack()
    with pytest.raises(SaleError, match="AMOUNT_BELOW_MINIMUM") as refused:
        by_money(pack, 0, MonthLedger())
    least = refused.value.params["minimum_minor"]
    assert least == 1
    assert by_money(pack, least, MonthLedger()).units_tenths >= 1
    assert by_units(pack, 1, MonthLedger()).amount_minor == 1


@pytest.mark.parametrize("units", [0, -5])
def test_no_units_are_no_sale(units):
    with pytest.raises(SaleError, match=r"AMOUNT_BELOW_MINIMUM \(minimum_minor=191\)"):
        by_units(Plan().pack(), units, MonthLedger())


def test_a_sale_that_leaves_its_block_says_what_was_left_of_it():
    quote = by_money(Plan(levy=Decimal(5)).pack(), 153_000, MonthLedger(690))
    (advice,) = quote.advice
    assert advice.code == "BLOCK_LEFT"
    assert advice.params == {
        "amount_minor": 62_301,
        "units_tenths": 310,
        "rate": "16.50",
        "next_rate": "18.57",
    }
    assert by_money(Plan().pack(), 10_000, MonthLedger(690)).advice == ()
    assert by_money(Plan().pack(), 10_000, MonthLedger(1000)).advice == ()


def test_the_months_fee_is_announced_with_its_vat_until_it_is_paid():
    pack = Plan(fee=Decimal(120)).pack()
    (advice,) = by_money(pack, 50_000, MonthLedger(0)).advice
    assert (advice.code, advice.params) == ("FEE_DUE", {"amount_minor": 13_920})
    assert by_money(pack, 50_000, MonthLedger(0, fee_paid=True)).advice == ()


def test_money_that_only_pays_the_fee_is_refused_with_what_would_buy_a_unit():
    pack = Plan(fee=Decimal(120), rounding="down").pack()
    with pytest.raises(SaleError) as refused:
        by_money(pack, 13_920, MonthLedger())
    assert refused.value.code == "AMOUNT_BELOW_MINIMUM"
    assert refused.value.params == {"minimum_minor": 13_920 + 192}
