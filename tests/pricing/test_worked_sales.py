"""Sales that somebody published or worked out by hand, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from tariff_builder import FRESH, Plan, after, blocks, pack_of, vat

from posapp import paths
from posapp.domain.sale import LineKind
from posapp.errors import SaleError
from posapp.pricing.cost import Costing
from posapp.pricing.exact import EXACT, UnitRounding, half_up
from posapp.pricing.pack import check_pack, load_pack
from posapp.pricing.quote import by_money, by_units
from posapp.pricing.situation import Debt, FeeState, Situation
from posapp.pricing.terms import bind


def shipped(name):
    file = paths.resources() / "tariffs" / f"{name}.toml"
    return load_pack(file.read_text("utf-8"), file.name)


def start_of(pack, **facts):
    """A meter on the first day of a pack."""
    return Situation(at=pack.effective_from, **facts)


def raw_kwh(pack, amount_minor, situation, digits=3):
    """Before the grid, rounded as a person writes it down."""
    with localcontext(EXACT):
        terms = bind(pack, situation)
        left = amount_minor - terms.dues_total(amount_minor)
        raw = Costing(terms).position(left).raw_tenths / 10
    return Decimal(half_up(raw * 10**digits)).scaleb(-digits)


def exact_cost(pack, tenths, situation):
    """Major units, without any rounding."""
    with localcontext(EXACT):
        costing = Costing(bind(pack, situation))
        return Decimal(costing.total(tenths)) / pack.currency.scale


def amounts(quote):
    return {line.code: line.amount_minor for line in quote.lines}


def rounding_down(pack):
    return replace(pack, unit_rounding=UnitRounding.DOWN)


def joburg(*first, of=("fee", "energy")):
    """City Power's first block behind a fee or a debt, all with VAT."""
    return pack_of(*first, blocks(["2.0967"]), vat("15", *of), currency="ZAR")


def test_w1_block_crossing_with_vat_on_top():
    pack = shipped("za-homelight-20a-2020")
    month = start_of(pack, bought_tenths=1000)
    quote = by_money(pack, 60_000, month)
    assert raw_kwh(pack, 60_000, month) == Decimal("407.815")
    assert quote.units_tenths == 4078
    assert amounts(quote) == {"block 1": 30_418, "block 2": 21_754, "vat": 7_826, "rounding": 2}
    assert [line.units_tenths for line in quote.lines] == [2500, 1578, 0, 0]
    assert [line.rate for line in quote.lines] == ["1.2167", "1.3786", "15", ""]


def test_w1_from_the_prices_with_vat_included_is_the_same_sale():
    prices = (Decimal("1.3992"), Decimal("1.5854"))
    pack = Plan(prices, (3500,), vat=Decimal(15), included=True, currency="ZAR").pack()
    month = replace(FRESH, bought_tenths=1000)
    quote = by_money(pack, 60_000, month)
    assert raw_kwh(pack, 60_000, month) == Decimal("407.815")
    assert quote.units_tenths == 4078
    assert amounts(quote)["vat"] == 7_826
    assert amounts(quote)["block 1"] == 30_417  # 349.80 less its VAT
    assert [line.rate for line in quote.lines[:2]] == ["1.216696", "1.378609"]
    assert sum(amounts(quote).values()) == 60_000


def test_w3_free_units_are_a_token_of_their_own_beside_the_sale():
    pack = shipped("za-cape-town-lifeline-2025")
    month = start_of(pack, entitled=True, average_tenths=2000)
    quote = by_money(pack, 15_000, month)
    assert quote.free_tenths == 600
    assert raw_kwh(pack, 15_000, month) == Decimal("57.579")
    assert quote.units_tenths == 576
    assert by_money(rounding_down(pack), 15_000, month).units_tenths == 575
    lines = amounts(quote)
    assert (lines["free_basic"], lines["vat"]) == (0, 1_957)
    assert lines["energy"] == half_up(Decimal("226.53") * Decimal("57.6"))
    then = after(month, quote)
    assert then.bought_tenths + then.free_tenths == 1176
    assert by_money(pack, 15_000, then).free_tenths == 0


def test_w5_a_fee_takes_at_most_half_of_the_payment_and_the_rest_stays_owed():
    fee = {"kind": "monthly_fee", "code": "fee", "amount": 200, "share": 50}
    quote = by_money(joburg(fee), 25_000, FRESH)
    assert quote.units_tenths == 518
    assert amounts(quote)["fee"] == 10_870
    assert amounts(quote)["vat"] == 3_261  # 16.30 of the fee and 16.30 of the energy
    assert dict(quote.fees) == {"fee": FeeState(FRESH.day, 9_130)}
    assert quote.advice[0].params == {"amount_minor": 12_500}


def test_w5_under_the_shipped_pack():
    pack = shipped("za-city-power-2024")
    quote = by_money(pack, 25_000, start_of(pack))
    assert quote.units_tenths == 518
    assert amounts(quote)["service_charge"] == 10_870 and amounts(quote)["vat"] == 3_261
    assert dict(quote.fees)["service_charge"].owed_minor == 9_130


def test_w6_a_fee_taken_whole_before_energy():
    fee = {"kind": "monthly_fee", "code": "fee", "amount": 200, "share": 50}
    pack = joburg(fee)
    quote = by_money(pack, 50_000, FRESH)
    # 270 / 1.15 / 2.0967; with the net sum first rounded to 234.78 it would be 111.976.
    assert raw_kwh(pack, 50_000, FRESH) == Decimal("111.977")
    assert quote.units_tenths == 1120
    assert by_money(rounding_down(pack), 50_000, FRESH).units_tenths == 1119
    assert amounts(quote)["fee"] == 20_000 and dict(quote.fees)["fee"].owed_minor == 0
    assert quote.advice[0].params == {"amount_minor": 23_000}


def test_w6_under_the_shipped_pack():
    pack = shipped("za-city-power-2024")
    month = start_of(pack)
    assert raw_kwh(pack, 50_000, month) == Decimal("111.977")
    assert by_money(pack, 50_000, month).units_tenths == 1120
    assert by_money(rounding_down(pack), 50_000, month).units_tenths == 1119


def test_w7_arrears_take_half_of_the_payment_with_their_vat():
    pack = joburg({"kind": "arrears", "code": "arrears", "share": 50}, of=("arrears", "energy"))
    owing = replace(FRESH, debts=(Debt("backlog", 120_000, date(2024, 1, 1)),))
    quote = by_money(pack, 10_000, owing)
    assert quote.units_tenths == 207
    assert amounts(quote)["arrears backlog"] == 4_348
    assert amounts(quote)["vat"] == 1_304  # 6.52 of the arrears and 6.52 of the energy
    assert quote.debts == (("backlog", 115_652),)


def test_w7_under_the_shipped_pack_once_the_charge_is_paid():
    pack = shipped("za-city-power-2024")
    day = pack.effective_from.date()
    owing = start_of(
        pack,
        fees=(("service_charge", FeeState(day)),),
        debts=(Debt("backlog", 120_000, date(2024, 1, 1)),),
    )
    quote = by_money(pack, 10_000, owing)
    assert quote.units_tenths == 207
    assert quote.debts == (("backlog", 115_652),)


def test_w9_the_whole_month_costs_more_beyond_the_lifeline():
    pack = shipped("gh-residential-2025")
    month = start_of(pack)
    costs = [exact_cost(pack, units, month) for units in (300, 310, 3000)]
    assert costs == [Decimal("27.182202"), Decimal("69.38165685"), Decimal("578.318991")]
    assert costs[1] - costs[0] == Decimal("42.19945485")
    (cliff,) = [a for a in by_units(pack, 300, month).advice if a.code == "CLIFF_AHEAD"]
    assert cliff.params == {"units_tenths": 0, "jump_minor": 4031}
    assert by_units(pack, 310, month).amount_minor == 6938


def test_w9_two_sales_of_a_month_that_crosses_cost_what_one_does():
    pack = shipped("gh-residential-2025")
    month = start_of(pack)
    first = after(month, by_units(pack, 200, month))
    both = exact_cost(pack, 200, month) + exact_cost(pack, 1100, first)
    assert both == exact_cost(pack, 1300, month)


def test_w10_money_that_does_not_pay_for_passing_the_lifeline_is_refused_with_what_would():
    pack = shipped("gh-residential-2025")
    month = start_of(pack, bought_tenths=300)
    assert exact_cost(pack, 1, month) == Decimal("40.307494500") + Decimal("0.189196035")
    with pytest.raises(SaleError) as refused:
        by_money(pack, 2_000, month)
    assert refused.value.code == "AMOUNT_BELOW_MINIMUM"
    assert refused.value.params == {"minimum_minor": 4_050}
    assert by_money(pack, 4_050, month).units_tenths == 1


def test_w10_a_sum_in_the_gap_is_refused_with_both_its_sides():
    pack = shipped("gh-residential-2025")
    with pytest.raises(SaleError) as refused:
        by_money(pack, 5_000, start_of(pack))
    assert refused.value.code == "AMOUNT_IN_GAP"
    # 30 kWh for 27.182202; 30.1 kWh for 10.730886 + 30.1 x 1.89196035
    assert refused.value.params == {
        "lower_minor": 2_718,
        "lower_tenths": 300,
        "upper_minor": 6_768,
    }
    kept = by_money(replace(pack, gives_change=True), 5_000, start_of(pack))
    assert (kept.units_tenths, kept.amount_minor, kept.back_minor) == (300, 2_718, 2_282)


def test_johannesburgs_published_totals_of_two_blocks():
    pack = pack_of(blocks(["2.0967", "2.405"], [3500]), currency="ZAR")
    first = exact_cost(pack, 3500, FRESH)
    second = exact_cost(pack, 240, replace(FRESH, bought_tenths=3500))
    assert half_up(Fraction(first) * 100) == 73_385 and half_up(Fraction(second) * 100) == 5_772


def test_w12_the_first_sale_of_a_month_pays_the_fee_and_has_the_cheap_units():
    pack = shipped("ug-domestic")
    month = start_of(pack)
    quote = by_money(pack, 20_000, month)
    assert raw_kwh(pack, 20_000, month) == Decimal("28.103")
    assert quote.units_tenths == 281
    assert amounts(quote) == {
        "service_fee": 3360,
        "block 1": 3750,
        "block 2": 9837,
        "vat": 3051,
        "rounding": 2,
    }
    kinds = [line.kind for line in quote.lines]
    assert kinds[0] is LineKind.FEE and kinds[-1] is LineKind.ROUNDING
    assert {a.code for a in quote.advice} == {"FEE_DUE", "BLOCK_LEFT"}


def test_w12_a_later_sale_of_the_month_buys_less():
    pack = shipped("ug-domestic")
    month = after(start_of(pack), by_money(pack, 20_000, start_of(pack)))
    quote = by_money(pack, 20_000, month)
    assert raw_kwh(pack, 20_000, month) == Decimal("22.572")
    assert quote.units_tenths == 226
    assert amounts(quote)["block 2"] == 16_970 and amounts(quote)["vat"] == 3051
    assert amounts(quote)["rounding"] == -21
    assert "service_fee" not in amounts(quote)


def test_w15_a_fee_for_every_day_since_the_last_purchase():
    pack = shipped("za-cape-town-high-2010")
    month = Situation(
        at=datetime(2010, 8, 13, 9), fees=(("service_charge", FeeState(date(2010, 8, 1))),)
    )
    quote = by_money(pack, 30_000, month)
    assert quote.units_tenths == 2303
    assert amounts(quote)["service_charge"] == half_up(Fraction(9_000 * 100, 114))  # VAT apart
    assert amounts(quote)["vat"] == half_up(Fraction(30_000 * 14, 114))
    assert quote.advice[0].params == {"amount_minor": 9_000}
    again = by_money(pack, 30_000, after(month, quote))
    assert again.units_tenths == 3291
    assert "service_charge" not in amounts(again)


@pytest.mark.parametrize(
    ("rounding", "units", "rest"),
    [
        (UnitRounding.DOWN, 449, 1_701),
        (UnitRounding.NEAREST, 450, -367),
        (UnitRounding.UP, 450, -367),
    ],
)
def test_w16_vat_only(rounding, units, rest):
    pack = replace(shipped("ng-ikeja-band-a"), unit_rounding=rounding)
    quote = by_money(pack, 1_000_000, start_of(pack))
    assert raw_kwh(pack, 1_000_000, start_of(pack)) == Decimal("44.982")
    assert quote.units_tenths == units
    energy = half_up(Decimal(units) * 2068)
    assert amounts(quote) == {"energy": energy, "vat": 69_767, "rounding": rest}


def test_w19_a_service_fee_without_vat_and_energy_with_it():
    fee = {"kind": "monthly_fee", "code": "service_fee", "amount": 40}
    pack = pack_of(fee, blocks(["2.2297"]), vat("15", "energy"), currency="ZAR")
    quote = by_money(pack, 9_000, FRESH)
    assert quote.units_tenths == 195
    assert amounts(quote) == {"service_fee": 4_000, "block 1": 4_348, "vat": 652}
    assert quote.amount_minor == 9_000


@pytest.mark.parametrize(("share_of", "paid"), [("payment", 5_000), ("rest", 4_000)])
def test_a_share_is_of_the_payment_or_of_what_is_left_of_it(share_of, paid):
    shop = {"kind": "channel_fee", "code": "shop", "amount": 20}
    arrears = {"kind": "arrears", "code": "old", "share": 50, "share_of": share_of}
    pack = pack_of(shop, arrears, blocks(["10"]))
    owing = replace(FRESH, debts=(Debt("water", 90_000, date(2024, 1, 1)),))
    quote = by_money(pack, 10_000, owing)
    assert amounts(quote) == {"shop": 2_000, "old water": paid, "block 1": 8_000 - paid}


def test_the_blocks_of_skipped_months_add_up_for_the_first_sale_after_them():
    pack = pack_of(blocks(["2", "7"], [150], skipped_months="add_up"))
    skipped = replace(FRESH, last_bought=date(2025, 5, 10))
    assert exact_cost(pack, 450, skipped) == 90
    assert exact_cost(pack, 460, skipped) == 97
    assert exact_cost(pack, 160, replace(skipped, last_bought=date(2025, 7, 31))) == 37


def test_the_sample_sale_has_no_rounding_line():
    pack = shipped("ke-domestic")
    quote = by_money(pack, 153_000, start_of(pack, bought_tenths=690))
    assert quote.units_tenths == 711
    assert [(line.code, line.amount_minor) for line in quote.lines] == [
        ("block 1", 51_150),
        ("block 2", 74_466),
        ("levy", 6_281),
        ("vat", 21_103),
    ]
    assert quote.tariff_name == "Domestic D1" and quote.currency.code == "KES"


def test_a_tax_on_the_upper_block_alone_is_two_components_with_one_table():
    text = """
format = 1
code = "SN-DPP"
version = 1
name = "Woyofal"
currency = "XOF"
effective_from = 2025-01-01
unit_rounding = "down"
source = "made up, after the way of Senegal: VAT above 250 kWh"

[[component]]
kind = "blocks"
code = "plain"
blocks = [{ up_to = 150, price = 91.17 }, { up_to = 250, price = 136.49 }, { price = 0 }]

[[component]]
kind = "blocks"
code = "taxed"
blocks = [{ up_to = 250, price = 0 }, { price = 149.06 }]

[[component]]
kind = "vat"
code = "vat"
percent = 18
of = ["taxed"]
included = false

[[example]]
name = "260 kWh: 13675.50 + 13649 + 1490.60 and 18 % of that"
buy = 260
cost = 29083.41
lines = { vat = 268 }
"""
    pack = load_pack(text, "sn.toml")
    assert all(outcome.passed for outcome in check_pack(pack))
    quote = by_units(pack, 2600, Situation(datetime(2025, 2, 1)))
    energy = [line for line in quote.lines if line.kind is LineKind.ENERGY]
    assert [line.units_tenths for line in energy] == [1500, 1000, 100]


def test_a_fee_says_how_many_months_it_is_for_and_what_was_owed_before():
    pack = shipped("za-city-power-2024")

    def fee_line(**changes):
        quote = by_money(pack, 500_000, Situation(datetime(2024, 9, 3), **changes))
        (line,) = [line for line in quote.lines if line.kind is LineKind.FEE]
        return line.rate, line.amount_minor

    def service(through, owed=0):
        return {"fees": (("service_charge", FeeState(through, owed)),)}

    assert fee_line() == ("", 20_000)
    assert fee_line(**service(date(2024, 6, 30))) == ("3 x 200", 60_000)
    assert fee_line(**service(date(2024, 8, 2), 9_130)) == ("91.30 + 1 x 200", 29_130)
    assert fee_line(**service(date(2024, 9, 1), 9_130)) == ("91.30", 9_130)


def test_a_fee_that_is_paid_ahead_stays_paid_ahead():
    pack = pack_of({"kind": "daily_fee", "code": "charge", "amount": 5}, blocks(["10"]))
    ahead = FeeState(date(2025, 8, 31), 700)
    sale = by_money(pack, 10_000, replace(FRESH, fees=(("charge", ahead),)))
    assert dict(sale.fees) == {"charge": FeeState(date(2025, 8, 31), 0)}


@pytest.mark.parametrize("kind", ["monthly_fee", "daily_fee"])
def test_the_time_of_a_customer_who_need_not_pay_a_fee_is_not_charged_later(kind):
    fee = {"kind": kind, "code": "charge", "amount": 200, "when": {"entitled": False}}
    if kind == "monthly_fee":
        fee["skipped_months"] = "add_up"
    pack = pack_of(fee, blocks(["10"]))

    def sold(day, state, *, exempt):
        at = datetime(2025, 8, day) if day else FRESH.at
        return by_money(
            pack,
            900_000,
            replace(FRESH, at=at, entitled=exempt, fees=(("charge", state),) if state else ()),
        )

    before = FeeState(date(2025, 3, 5), 9_130)
    exempt = sold(12, before, exempt=True)
    assert "charge" not in amounts(exempt)
    assert dict(exempt.fees) == {"charge": FeeState(date(2025, 8, 12), 9_130)}
    next_day = sold(13, dict(exempt.fees)["charge"], exempt=False)
    assert amounts(next_day)["charge"] == 9_130 + (20_000 if kind == "daily_fee" else 0)
    assert sold(12, None, exempt=True).fees == ()
    ahead = FeeState(date(2025, 8, 31), 0)
    assert sold(12, ahead, exempt=True).fees == ()


@pytest.mark.parametrize("rule", ["down", "half_up", "half_even"])
def test_units_cost_one_coin_at_least(rule):
    coins = {"step": 50, "rule": rule}
    pack = pack_of(blocks(["200"]), currency="TZS", cash_rounding=coins)
    assert by_units(pack, 1, FRESH, cash=True).amount_minor == 5_000
    assert by_units(pack, 6, FRESH, cash=True).amount_minor == 10_000


def test_a_debt_is_paid_back_by_one_component_only():
    """30.00 are owed for water; 20 % and 30 % of 100.00 would take 50.00 for it."""
    first = {"kind": "arrears", "code": "first", "share": 20, "accounts": ["water"]}
    others = {"kind": "arrears", "code": "others", "share": 30}
    pack = pack_of(first, others, blocks(["10"]))
    day = date(2024, 1, 1)
    owing = replace(FRESH, debts=(Debt("water", 3_000, day), Debt("rates", 1_000, day)))
    quote = by_money(pack, 10_000, owing)
    assert amounts(quote) == {"first water": 2_000, "others rates": 1_000, "block 1": 7_000}
    assert dict(quote.debts) == {"water": 1_000, "rates": 0}
    alone = by_money(pack, 10_000, replace(FRESH, debts=(Debt("water", 3_000, day),)))
    assert amounts(alone) == {"first water": 2_000, "block 1": 8_000}
