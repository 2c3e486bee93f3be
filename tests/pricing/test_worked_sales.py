"""Sales that somebody published or worked out by hand, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from tariff_builder import Plan

from posapp import paths
from posapp.domain.sale import LineKind
from posapp.pricing.components import EXACT, half_up
from posapp.pricing.cost import Costing
from posapp.pricing.month import MonthLedger
from posapp.pricing.pack import load_pack
from posapp.pricing.quote import by_money
from posapp.pricing.tariff import UnitRounding


def shipped(name):
    file = paths.resources() / "tariffs" / f"{name}.toml"
    return load_pack(file.read_text("utf-8"), file.name)


def raw_kwh(pack, amount_minor, month, digits=3):
    """Before the grid, rounded as a person writes it down."""
    with localcontext(EXACT):
        raw = Costing(pack, month).position(amount_minor).raw_tenths / 10
    return Decimal(half_up(raw * 10**digits)).scaleb(-digits)


def amounts(quote):
    return {line.code: line.amount_minor for line in quote.lines}


def test_w1_block_crossing_with_vat_on_top():
    pack, month = shipped("za-homelight-20a-2020"), MonthLedger(1000)
    quote = by_money(pack, 60_000, month)
    assert raw_kwh(pack, 60_000, month) == Decimal("407.815")
    assert quote.units_tenths == 4078
    assert amounts(quote) == {"block 1": 30_418, "block 2": 21_754, "vat": 7_826, "rounding": 2}
    assert [line.units_tenths for line in quote.lines] == [2500, 1578, 0, 0]
    assert [line.rate for line in quote.lines] == ["1.2167", "1.3786", "15", ""]


def test_w1_from_the_prices_with_vat_included_is_the_same_sale():
    prices = (Decimal("1.3992"), Decimal("1.5854"))
    plan = Plan(prices, (3500,), vat=Decimal(15), included=True, currency="ZAR")
    pack, month = plan.pack(), MonthLedger(1000)
    quote = by_money(pack, 60_000, month)
    assert raw_kwh(pack, 60_000, month) == Decimal("407.815")
    assert quote.units_tenths == 4078
    assert amounts(quote)["vat"] == 7_826
    assert amounts(quote)["block 1"] == 30_417  # 349.80 less its VAT
    assert [line.rate for line in quote.lines[:2]] == ["1.216696", "1.378609"]
    assert sum(amounts(quote).values()) == 60_000


def test_w6_a_fee_taken_whole_before_energy():
    plan = Plan((Decimal("2.0967"),), (), fee=Decimal(200), vat=Decimal(15), currency="ZAR")
    pack = plan.pack()
    quote = by_money(pack, 50_000, MonthLedger())
    # 270 / 1.15 / 2.0967; with the net sum first rounded to 234.78 it would be 111.976.
    assert raw_kwh(pack, 50_000, MonthLedger()) == Decimal("111.977")
    assert quote.units_tenths == 1120
    down = replace(pack, unit_rounding=UnitRounding.DOWN)
    assert by_money(down, 50_000, MonthLedger()).units_tenths == 1119
    assert quote.advice[0].params == {"amount_minor": 23_000}


def test_johannesburgs_published_totals_of_two_blocks():
    plan = Plan((Decimal("2.0967"), Decimal("2.405")), (3500,), vat=None, currency="ZAR")
    pack = plan.pack()
    with localcontext(EXACT):
        first = Costing(pack, MonthLedger()).total(3500)
        second = Costing(pack, MonthLedger(3500)).total(240)
    assert half_up(Fraction(first)) == 73_385 and half_up(Fraction(second)) == 5_772


def test_w12_the_first_sale_of_a_month_pays_the_fee_and_has_the_cheap_units():
    pack, month = shipped("ug-domestic"), MonthLedger()
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
    pack, month = shipped("ug-domestic"), MonthLedger(281, fee_paid=True)
    quote = by_money(pack, 20_000, month)
    assert raw_kwh(pack, 20_000, month) == Decimal("22.572")
    assert quote.units_tenths == 226
    assert amounts(quote) == {"block 2": 16_970, "vat": 3051, "rounding": -21}


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
    quote = by_money(pack, 1_000_000, MonthLedger())
    assert raw_kwh(pack, 1_000_000, MonthLedger()) == Decimal("44.982")
    assert quote.units_tenths == units
    energy = half_up(Decimal(units) * 2068)
    assert amounts(quote) == {"energy": energy, "vat": 69_767, "rounding": rest}


def test_the_sample_sale_has_no_rounding_line():
    quote = by_money(shipped("ke-domestic"), 153_000, MonthLedger(690))
    assert quote.units_tenths == 711
    assert [(line.code, line.amount_minor) for line in quote.lines] == [
        ("block 1", 51_150),
        ("block 2", 74_466),
        ("levy", 6_281),
        ("vat", 21_103),
    ]
    assert quote.tariff_name == "Domestic D1" and quote.currency.code == "KES"
