"""What must hold for every tariff, month and sum: checked against the slow way of slow_pricing."""

from __future__ import annotations

from dataclasses import replace
from decimal import localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from slow_pricing import SlowTariff, half_up, rounded
from tariff_builder import after, money_tariffs, situations, tariffs

from posapp.domain.sale import LineKind
from posapp.errors import SaleError
from posapp.pricing.cost import Costing
from posapp.pricing.exact import EXACT
from posapp.pricing.quote import Asked, by_money, by_units
from posapp.pricing.situation import FeeState
from posapp.pricing.terms import bind

EVALUATIONS_MAX = 40
RATIOS = (1, 1, 1, 2, 5)
SHORT = settings(max_examples=40)


def attempt(price, pack, amount, situation):
    """The quote, or the refusal."""
    try:
        return price(pack, amount, situation)
    except SaleError as error:
        event(error.code)
        return error


def same(one, other):
    """One quote, whatever was asked for."""
    return replace(one, asked=Asked()) == replace(other, asked=Asked())


def payment_around(slow, tenths):
    """A sum that buys about so many tenths."""
    low, high = 0, 1
    while slow.left(high) < slow.cost(tenths):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if slow.left(middle) >= slow.cost(tenths) else (middle, high)
    return high


def sums(quote, *kinds):
    """Amounts by code of lines of some kinds; nought left out."""
    found = {}
    for line in quote.lines:
        if line.kind in kinds and line.amount_minor:
            found[line.code] = found.get(line.code, 0) + line.amount_minor
    return found


def assert_it_adds_up(quote, tender):
    """Lines + change + rounding = tender; units on the lines are the units of the tokens."""
    assert sum(line.amount_minor for line in quote.lines) == quote.amount_minor
    assert quote.amount_minor + quote.back_minor == tender and quote.back_minor >= 0
    carried = sum(line.units_tenths for line in quote.lines if line.kind is LineKind.ENERGY)
    if not quote.carries_money:
        assert carried >= quote.units_tenths + quote.free_tenths > 0
    assert all(line.amount_minor for line in quote.lines if line.kind is LineKind.ROUNDING)


@settings(max_examples=70)
@given(tariffs(cliffs="up"), situations(ratios=RATIOS), st.integers(1, 60), st.integers(0, 90))
def test_money_buys_the_units_that_trying_them_all_finds(drawn, situation, around, more):
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    tender = payment_around(slow, around) + more
    quote = attempt(by_money, pack, tender, situation)
    raw = slow.raw_tenths(slow.left(tender))
    if isinstance(quote, SaleError):
        if quote.code == "AMOUNT_BELOW_MINIMUM":
            assert slow.steps(raw) <= 1 and tender < quote.params["minimum_minor"]
        return
    assert quote.units_tenths == slow.steps(raw) * slow.step
    assert quote.token_units == slow.steps(raw)
    assert quote.free_tenths == slow.free_tenths
    assert_it_adds_up(quote, tender)
    paid_raw = slow.raw_tenths(slow.left(quote.amount_minor))
    lines = slow.line_sums(quote.amount_minor, paid_raw)
    codes = {code.partition(" ")[0] for code in lines}
    assert lines == {c: a for c, a in sums(quote, *LineKind).items() if c.split(" ")[0] in codes}


@settings(max_examples=70)
@given(tariffs(cliffs="up"), situations(ratios=RATIOS), st.integers(1, 500_000))
def test_what_is_owed_after_a_sale_is_what_was_owed_less_what_its_lines_paid(
    drawn, situation, tender
):
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    quote = attempt(by_money, pack, tender, situation)
    assume(not isinstance(quote, SaleError))
    paid = sums(quote, LineKind.FEE, LineKind.ARREARS)
    fees = dict(quote.fees)
    for c in drawn.components:
        if c["kind"] in ("monthly_fee", "daily_fee") and slow.is_due(c):
            code = c["code"]
            owed = half_up(slow.owed(c, Fraction(quote.amount_minor)))
            gross = rounded(slow.dues(quote.amount_minor)[code], slow.money_rule)
            after = fees.pop(code) if owed else fees.pop(code, FeeState())
            assert after.owed_minor == max(0, owed - gross)
            assert slow.net(code) < 1 or gross == paid.get(code, 0)
        if c["kind"] == "arrears" and slow.is_due(c):
            for debt in slow.debts(c):
                left = dict(quote.debts)[debt.account]
                assert left == debt.balance_minor - paid.get(f"{c['code']} {debt.account}", 0)
                assert left >= 0
    for code, asleep in fees.items():  # their conditions do not hold: only time goes on
        assert asleep == replace(situation.fee(code), through=situation.day)
        assert code not in paid


@settings(max_examples=70)
@given(tariffs(cliffs="any"), situations(), st.integers(1, 600), st.integers(0, 2_000_000))
def test_the_cost_of_units_and_what_is_due_first_are_exact(drawn, situation, units, payment):
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    with localcontext(EXACT):
        terms = bind(pack, situation)
        costing = Costing(terms)
        assert [Fraction(cost) for cost in costing.amounts(units)] == [
            *slow.parts(Fraction(units, 2)).values()
        ]
        assert payment - terms.dues_total(payment) == slow.left(payment)
        if not drawn.jumps:
            assert costing.total(units) < costing.total(units + 1)


@settings(max_examples=50)
@given(tariffs(cliffs="up"), situations(ratios=RATIOS), st.integers(1, 3000))
def test_by_units_and_by_money_are_one_quote(drawn, situation, units):
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    asked = by_units(pack, units, situation)
    assert asked.units_tenths == -(-units // slow.step) * slow.step
    assert same(by_money(pack, asked.amount_minor, situation), asked)
    cost = slow.cost(asked.units_tenths)
    if slow.left(asked.amount_minor) < cost:  # rounded down
        assert drawn.head["unit_rounding"] != "down"
        assert slow.left(asked.amount_minor + 1) > cost
    else:
        assert asked.amount_minor == 1 or slow.left(asked.amount_minor - 1) < cost


@settings(max_examples=50)
@given(tariffs(cliffs="up"), situations(ratios=RATIOS))
def test_the_least_useful_amount_buys_and_a_minor_unit_less_does_not(drawn, situation):
    pack = drawn.pack()
    with pytest.raises(SaleError, match="AMOUNT_BELOW_MINIMUM") as refused:
        by_money(pack, 0, situation)
    least = refused.value.params["minimum_minor"]
    quote = by_money(pack, least, situation)
    assert quote.units_tenths >= situation.ct_ratio and quote.amount_minor == least
    assert by_units(pack, 1, situation).amount_minor == least
    with pytest.raises(SaleError, match="AMOUNT_BELOW_MINIMUM") as refused:
        by_money(pack, least - 1, situation)
    assert refused.value.params["minimum_minor"] == least


@settings(max_examples=70)
@given(tariffs(cliffs="sure"), situations(ratios=RATIOS), st.integers(-30, 3000))
def test_both_sums_named_at_a_gap_can_be_sold(drawn, situation, beyond):
    whens = [c.get("when", {}) for c in drawn.components]
    (limit,) = {int(when["month_above"] * 10) for when in whens if "month_above" in when}
    situation = replace(situation, bought_tenths=situation.bought_tenths % limit)
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    with localcontext(EXACT):
        cliffs = Costing(bind(pack, situation)).cliffs()
    if not cliffs:
        return  # free units lead beyond the limit
    tender = payment_around(slow, cliffs[0].at_tenths) + beyond
    gap = attempt(by_money, pack, tender, situation)
    if not isinstance(gap, SaleError):
        assert_it_adds_up(gap, tender)
        return
    if gap.code != "AMOUNT_IN_GAP":
        assert gap.code == "AMOUNT_BELOW_MINIMUM" and tender < gap.params["minimum_minor"]
        return
    lower, upper = gap.params["lower_minor"], gap.params["upper_minor"]
    assert lower <= tender < upper
    below, above = by_money(pack, lower, situation), by_money(pack, upper, situation)
    assert below.units_tenths == gap.params["lower_tenths"]
    assert above.units_tenths == below.units_tenths + slow.step


@settings(max_examples=50)
@given(tariffs(cliffs="any"), situations(ratios=RATIOS), st.integers(1, 300_000))
def test_the_rounding_line_is_worth_at_most_a_step_of_the_grid(drawn, situation, tender):
    pack = replace(drawn.pack(), gives_change=False)
    slow = SlowTariff(drawn.text, situation)
    quote = attempt(by_money, pack, tender, situation)
    assume(not isinstance(quote, SaleError) and 0 < quote.units_tenths <= 16_383)
    units = quote.units_tenths
    step = max(
        2 * (slow.cost(near + slow.step) - slow.cost(near + Fraction(slow.step, 2)))
        for near in (max(0, units - slow.step), units, units + slow.step)
    )
    cents = max(2, len(quote.lines))
    assert abs(sums(quote, LineKind.ROUNDING).get("rounding", 0)) <= step + cents


@settings(max_examples=50)
@given(tariffs(cliffs="up"), situations(ratios=RATIOS), st.integers(1, 500_000))
def test_what_goes_back_buys_nothing(drawn, situation, tender):
    pack = replace(drawn.pack(), gives_change=True)
    quote = attempt(by_money, pack, tender, situation)
    assume(not isinstance(quote, SaleError))
    assert_it_adds_up(quote, tender)
    if quote.back_minor:
        sold = by_money(pack, quote.amount_minor, situation)
        assert same(sold, replace(quote, back_minor=0))
        slow = SlowTariff(drawn.text, situation)
        left = slow.left(tender)
        whole = slow.cost(quote.units_tenths + slow.step)
        half = slow.cost(quote.units_tenths + Fraction(slow.step, 2))
        nearest = drawn.head["unit_rounding"] == "nearest" and not drawn.jumps
        assert left < (half if nearest else whole)


@SHORT
@given(tariffs(), situations(), st.integers(1, 3000), st.sampled_from([5, 10, 100]))
def test_cash_is_asked_for_in_whole_coins_and_the_difference_is_a_line(
    drawn, situation, units, coin
):
    coins = {"step": coin, "rule": "half_up"}
    pack = replace(drawn, head={**drawn.head, "currency": "UGX", "cash_rounding": coins}).pack()
    exact, cash = by_units(pack, units, situation), by_units(pack, units, situation, cash=True)
    asked = cash.amount_minor
    assert asked % coin == 0
    assert abs(asked - exact.amount_minor) * 2 <= coin or exact.amount_minor < asked == coin
    assert sum(line.amount_minor for line in cash.lines) == cash.amount_minor
    assert cash.lines[: len(exact.lines)] == exact.lines and cash.units_tenths == exact.units_tenths
    assert {line.code for line in cash.lines[len(exact.lines) :]} <= {"cash_rounding"}


@settings(max_examples=50)
@given(tariffs(cliffs="any"), situations(ratios=(1, 5, 200)), st.integers(1, 10**12))
def test_a_quote_asks_for_the_cost_at_most_forty_times(drawn, situation, tender):
    pack = drawn.pack()
    counted: list[Costing] = []
    real = Costing.__init__

    def counting(self, *arguments):
        real(self, *arguments)
        counted.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Costing, "__init__", counting)
        for price, given_value in (
            (by_money, tender),
            (by_money, tender % 10_000),
            (by_units, 711),
        ):
            counted.clear()
            attempt(price, pack, given_value, situation)
            assert 0 < sum(c.evaluations for c in counted) <= EVALUATIONS_MAX


@settings(max_examples=50)
@given(tariffs(dues=False), situations(), st.integers(1, 300_000), st.integers(1, 300_000))
def test_splitting_a_purchase_changes_the_units_by_at_most_the_grid(
    drawn, situation, first, second
):
    head = {**drawn.head, "leftover": "rounding"}
    pack = replace(drawn, head=head).pack()
    one = attempt(by_money, pack, first, situation)
    assume(not isinstance(one, SaleError))
    two = attempt(by_money, pack, second, after(situation, one))
    both = attempt(by_money, pack, first + second, situation)
    assume(not isinstance(two, SaleError) and both.units_tenths <= 16_383)
    # Each sale rounds by less than a step, and the first moves the block edges of the second by
    # as much; with prices at most four times apart that is worth a few steps, never more.
    assert abs(one.units_tenths + two.units_tenths - both.units_tenths) <= 6


@SHORT
@given(tariffs(cliffs="any"), situations(ratios=RATIOS), st.integers(1, 400_000))
def test_where_a_limit_makes_the_month_cheaper_a_sale_still_adds_up(drawn, situation, tender):
    quote = attempt(by_money, drawn.pack(), tender, situation)
    if not isinstance(quote, SaleError):
        assert sum(line.amount_minor for line in quote.lines) == quote.amount_minor
        assert quote.amount_minor + quote.back_minor == tender
        assert quote.units_tenths > 0


@SHORT
@given(money_tariffs(), situations(), st.integers(1, 400_000))
def test_a_meter_that_counts_money_gets_what_is_left_of_the_payment(drawn, situation, tender):
    pack, slow = drawn.pack(), SlowTariff(drawn.text, situation)
    quote = attempt(by_money, pack, tender, situation)
    if isinstance(quote, SaleError):
        assert quote.code == "AMOUNT_BELOW_MINIMUM" and tender < quote.params["minimum_minor"]
        return
    assert_it_adds_up(quote, tender)
    assert quote.carries_money and quote.units_tenths == 0
    credit = int(slow.left(quote.amount_minor) / slow.taxed("credit"))
    carried = quote.token_units * slow.scale
    assert credit * 100_000 <= carried
    assert carried * 1000 <= credit * 100_000 * 1001 or credit * 100_000 < 2**14 * slow.scale
    (line,) = [line for line in quote.lines if line.code == "credit"]
    assert abs(line.amount_minor - credit * slow.net("credit")) <= 1
