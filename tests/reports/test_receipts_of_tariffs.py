"""What a receipt tells of its tariff: titles, free units, taxes, debts, rates, why fewer units."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.domain.standing import FeeState, Rate
from posapp.journal.facts import SaleIntended, TokenItem
from posapp.pricing.explain import Reason
from posapp.reports.document import KeyValue, Text
from posapp.reports.receipt import ReceiptFacts, build_receipt
from posapp.reports.texts import taxed_kinds
from tests.papers import TOKEN, a_receipt, a_sale

FREE_TOKEN = "00112233445566778899"
ENERGY = SaleLine(LineKind.ENERGY, "energy", 6_600, 33, "20.00")
FEE = SaleLine(LineKind.FEE, "service_charge", 13_043)
DEBT = SaleLine(LineKind.ARREARS, "arrears rates", 6_522)
GRID = SaleLine(LineKind.ROUNDING, "rounding", -78)
COINS = SaleLine(LineKind.ROUNDING, "cash_rounding", -25)


def vat(amount_minor: int, rate: str = "15") -> SaleLine:
    return SaleLine(LineKind.TAX, "vat", amount_minor, rate=rate)


def sale_of(*lines: SaleLine, **changes: object) -> SaleIntended:
    due = sum(line.amount_minor for line in lines)
    units = sum(line.units_tenths for line in lines if line.amount_minor)
    plain = replace(
        a_sale(),
        lines=lines,
        units_tenths=units,
        items=(TokenItem(TokenKind.CREDIT, 0, 5_000_000, units, due),),
        tenders=(Tender(TenderKind.CASH, due),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def told(facts: ReceiptFacts) -> dict[str, str]:
    """Left and right words, in their order."""
    blocks = build_receipt(facts).blocks
    return {block.left: block.right for block in blocks if isinstance(block, KeyValue)}


def texts(facts: ReceiptFacts) -> list[str]:
    return [block.text for block in build_receipt(facts).blocks if isinstance(block, Text)]


def test_a_tariff_names_its_receipts_and_adds_a_line_at_the_foot():
    words = ("RECEIPT", "VAT is shown per line")
    facts = a_receipt(sale=replace(a_sale(), invoice=words))
    assert next(iter(told(facts))) == "RECEIPT"
    assert "VAT is shown per line" in texts(facts)
    assert next(iter(told(a_receipt()))) == "TAX INVOICE"
    assert next(iter(told(a_receipt(language="fr")))) == "FACTURE"


def test_a_title_cannot_borrow_a_persons_name():
    facts = a_receipt(sale=replace(a_sale(), invoice=("{person:77.name}", "{person:77.name}")))
    assert next(iter(told(facts))) == "(person:77.name)"
    assert "(person:77.name)" in texts(facts)


def test_free_units_are_a_token_with_its_own_name_and_every_token_is_to_be_keyed():
    free = TokenItem(TokenKind.CREDIT, 0, 4_999_999, 500, 0)
    credit = TokenItem(TokenKind.CREDIT, 0, 5_000_000, 33, 6_600)
    gift = SaleLine(LineKind.ENERGY, "free_basic", 0, 500, "0")
    sale = sale_of(gift, ENERGY, free_tenths=500, items=(free, credit))
    facts = a_receipt(sale=sale, tokens=(FREE_TOKEN, TOKEN))
    found = told(facts)
    assert found["FREE UNITS TOKEN"] == "1 of 2"
    assert found["CREDIT TOKEN"] == "2 of 2"
    assert (found["Free units"], found["UNITS"]) == ("50.0 kWh", "3.3 kWh")
    assert found["Free  50.0 kWh"] == "0.00"
    assert "Key in all 2 numbers, from the first" in texts(facts)
    assert "number 1 first, enter after each." not in texts(a_receipt())


@pytest.mark.parametrize(
    ("lines", "base"),
    [
        ((ENERGY, vat(990)), "66.00"),
        ((ENERGY, FEE, vat(2_946)), "196.43"),
        ((ENERGY, FEE, vat(990)), "66.00"),
        ((ENERGY, FEE, DEBT, GRID, vat(3_913)), "260.87"),
        ((ENERGY, FEE, DEBT, GRID, vat(2_935)), "195.65"),
        ((ENERGY, DEBT, GRID, vat(978)), "65.22"),
        ((ENERGY, COINS, vat(990)), "66.00"),
    ],
)
def test_a_tax_names_what_it_is_of(lines, base):
    found = told(a_receipt(sale=sale_of(*lines)))
    assert [left for left in found if left.startswith("VAT")] == [f"VAT 15 % of {base}"]


def test_a_tax_that_is_of_something_else_names_no_base():
    assert "VAT 15 %" in told(a_receipt(sale=sale_of(ENERGY, FEE, vat(1_234))))
    odd = vat(990, "a share")
    assert taxed_kinds(odd, (ENERGY, odd)) == ()


def test_what_is_still_owed_is_said_with_its_tax_where_there_is_one():
    owed = (("service_charge", FeeState(date(2026, 11, 18), 6_957)), ("other", FeeState(None, 0)))
    debts = (("rates", 893_478), ("water", 30_000))
    taxed = a_receipt(sale=sale_of(ENERGY, FEE, DEBT, GRID, vat(3_913), fees=owed), debts=debts)
    found = told(taxed)
    assert found["Service charge, still owed + VAT"] == "69.57"
    assert found["Rates, still owed + VAT"] == "8,934.78"
    assert found["Water, still owed + VAT"] == "300.00"
    assert not [left for left in found if left.startswith("Other")]
    plain = told(a_receipt(sale=sale_of(ENERGY, DEBT, GRID, vat(978), fees=owed), debts=debts))
    assert plain["Rates, still owed"] == "8,934.78"
    untaxed = told(a_receipt(sale=sale_of(ENERGY, FEE, fees=owed)))
    assert untaxed["Service charge, still owed"] == "69.57"


def test_a_debt_that_is_paid_off_is_said_to_be_so():
    found = told(a_receipt(sale=sale_of(ENERGY, DEBT), debts=(("water", 5),)))
    assert (found["Arrears, rates"], found["Rates, still owed"]) == ("65.22", "0.00")
    assert found["Water, still owed"] == "0.05"


def test_units_that_were_sold_and_are_priced_anew_are_no_negative_energy():
    again = SaleLine(LineKind.ENERGY, "lifeline", -3_000, -300, "1.00")
    found = told(a_receipt(sale=sale_of(again, ENERGY)))
    assert found["Priced anew  30.0 kWh x 1.00"] == "\u221230.00"
    assert not [left for left in found if left.startswith("Energy  -")]


def test_a_rate_stands_with_the_day_it_was_fixed():
    rate = Rate("USD", Decimal("129.2400"), date(2026, 11, 17))
    assert told(a_receipt(sale=sale_of(ENERGY, rate=rate)))["1 USD = 129.2400"] == "17.11.2026"
    assert not [left for left in told(a_receipt()) if left.startswith("1 ")]


def test_a_meter_that_counts_less_is_told_what_it_will_add():
    item = TokenItem(TokenKind.CREDIT, 0, 5_000_000, 1, 6_600)
    found = told(a_receipt(sale=sale_of(ENERGY, items=(item,))))
    assert (found["UNITS"], found["Added on the meter"]) == ("3.3 kWh", "0.1 kWh")
    assert "Added on the meter" not in told(a_receipt())


def test_a_meter_that_counts_money_is_told_money_and_no_kwh():
    item = TokenItem(TokenKind.CREDIT, 4, 5_000_000, 7_826_624, 10_000)
    credit = SaleLine(LineKind.ENERGY, "credit", 7_826)
    sale = sale_of(credit, vat(1_174), items=(item,), units_tenths=0)
    found = told(a_receipt(sale=sale))
    assert found["CREDIT"] == "KSh 78.26"
    assert found["Credit"] == "78.26"
    assert not [left for left, right in found.items() if "kWh" in left + right]


@pytest.mark.parametrize("code", ["FEES", "ARREARS", "TAXES", "BLOCKS", "PRICES"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_reason_for_other_units_has_words(code, language):
    facts = a_receipt(reasons=(Reason(code, -31, 500), Reason(code, 4)), language=language)
    blocks = build_receipt(facts).blocks
    shown = [b for b in blocks if isinstance(b, KeyValue) and b.right[:1] in "+-" and b.right]
    assert [block.right for block in shown] == ["-3.1 kWh", "+0.4 kWh"]


def test_a_first_purchase_is_compared_with_nothing():
    reasons = (Reason("FEES", -31, 500),)
    first = a_receipt(reasons=reasons, last_purchase=None)
    assert not [right for right in told(first).values() if right.startswith("-")]
