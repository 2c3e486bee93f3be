"""Double entry: whatever the sale, its postings sum to zero and the drawer is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind
from posapp.errors import SaleError
from posapp.journal.facts import SaleIntended
from posapp.journal.postings import Account, Posting, negated, refunded, sold, tax_code
from tests.journals import DAY
from tests.stores import LINES, a_configuration


def a_sale(lines: tuple[SaleLine, ...] = LINES, *tenders: Tender) -> SaleIntended:
    return SaleIntended(
        sale_id=bytes(16), receipt=1, shift=1, operator_id=1, business_date=DAY,
        meter="45123098761", configuration=a_configuration(), customer_id=1, tariff="dom@3",
        currency="KES", lines=lines, tenders=tenders or (Tender(TenderKind.CASH, 20_000),),
        units_tenths=93, month_units_before=0, items=(), module_id="M", sequence=1,
    )  # fmt: skip


def test_a_cash_sale_with_change_books_what_stays_in_the_drawer():
    sale = a_sale(LINES, Tender(TenderKind.CASH, 50_000))
    assert sold(sale) == (
        Posting(Account.CASH, "", 20_000),
        Posting(Account.ELECTRICITY, "", -15_759),
        Posting(Account.LEVY, "levy", -326),
        Posting(Account.FEE, "fixed fee", -1_000),
        Posting(Account.VAT, "vat 16", -2_734),
        Posting(Account.ROUNDING, "", -181),
    )


def test_tenders_of_two_kinds_are_booked_apart_and_change_is_cash():
    sale = a_sale(LINES, Tender(TenderKind.MOBILE, 15_000, "QK7"), Tender(TenderKind.CASH, 10_000))
    booked = {p.account: p.amount_minor for p in sold(sale)}
    assert (booked[Account.MOBILE], booked[Account.CASH]) == (15_000, 5_000)


def test_change_cannot_come_from_a_card():
    sale = a_sale(LINES, Tender(TenderKind.CARD, 50_000, "X"))
    with pytest.raises(SaleError) as caught:
        sold(sale)
    assert caught.value.code == "CHANGE_WITHOUT_CASH"


def test_too_little_money_is_refused():
    sale = a_sale(LINES, Tender(TenderKind.CASH, 19_999))
    with pytest.raises(SaleError) as caught:
        sold(sale)
    assert caught.value.code == "TENDER_TOO_SMALL"
    assert caught.value.params == {"missing_minor": 1}


@given(
    st.lists(
        st.builds(
            SaleLine,
            st.sampled_from(LineKind),
            st.just("x"),
            st.integers(0, 10**9) | st.just(0),
        ),
        max_size=8,
    ),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_postings_sum_to_zero_and_hold_no_zeros(lines: list[SaleLine], change: int, mobile: int):
    due = sum(line.amount_minor for line in lines)
    by_phone = min(mobile, due)
    tenders = (
        Tender(TenderKind.MOBILE, by_phone, "Q"),
        Tender(TenderKind.CASH, due - by_phone + change),
    )
    sale = replace(a_sale(), lines=tuple(lines), tenders=tenders)
    booked = sold(sale)
    assert sum(p.amount_minor for p in booked) == 0
    assert all(p.amount_minor for p in booked)
    debits = sum(p.amount_minor for p in booked if p.account < Account.ELECTRICITY)
    assert debits == due
    keys = [(p.account, p.code) for p in booked]
    assert keys == sorted(set(keys))
    if due:
        part = due // 3 + 1
        back = refunded(sale, part)
        assert sum(p.amount_minor for p in back) == 0
        assert Posting(Account.REFUNDS, "", -part) in back
        whole = negated(p for p in booked if p.account >= Account.ELECTRICITY)
        assert refunded(sale, due)[: len(whole)] == tuple(whole)


def test_two_taxes_two_levies_and_two_debts_stand_apart():
    lines = (
        SaleLine(LineKind.ENERGY, "block 1", 100),
        SaleLine(LineKind.TAX, "vat", 16, 0, "16"),
        SaleLine(LineKind.TAX, "vat", 4, 0, "8"),
        SaleLine(LineKind.LEVY, "fuel", 3),
        SaleLine(LineKind.LEVY, "rural", 2),
        SaleLine(LineKind.ARREARS, "arrears old_meter", 30),
        SaleLine(LineKind.ARREARS, "arrears tamper", 45),
    )
    booked = {(p.account, p.code): p.amount_minor for p in sold(a_sale(lines))}
    assert booked[Account.VAT, "vat 16"] == -16 and booked[Account.VAT, "vat 8"] == -4
    assert booked[Account.LEVY, "fuel"] == -3 and booked[Account.LEVY, "rural"] == -2
    assert booked[Account.ARREARS, "old_meter"] == -30 and booked[Account.ARREARS, "tamper"] == -45
    assert tax_code(lines[1]) == "vat 16"
