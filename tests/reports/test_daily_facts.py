"""The daily report: every sum is made again here, and a wrong one turns its tick to a cross."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from posapp.domain.sale import LineKind, SaleState, TenderKind
from posapp.domain.shift import Shift
from posapp.reports.daily_facts import DailyFacts, facts_from
from posapp.reports.daily_sales import build_daily, build_daily_slip
from posapp.reports.document import Check, KeyValue, Row, Text
from tests.papers import PEOPLE, a_daily, a_day, a_record, a_sale, a_site

DAY = date(2026, 11, 18)


def facts_of(records, shifts, **changes) -> DailyFacts:
    options = {
        "made_at": datetime(2026, 11, 18, 16, tzinfo=UTC),
        "chain_code": "9F27 C1A0 44DE",
        "operator_names": PEOPLE,
    }
    return facts_from(a_site(), DAY, records, shifts, **(options | changes))


def broken(facts: DailyFacts) -> list[str]:
    return [identity.key for identity in facts.identities if not identity.holds]


def test_every_sum_is_the_sum_of_the_sales():
    records, _ = a_day()
    sold = [r.intent for r in records if r.tokens]
    facts = a_daily()
    assert facts.issued == len(sold) == 60 and facts.refused == 2
    assert facts.gross_minor == sum(s.amount_minor for s in sold)
    assert facts.units_tenths == sum(s.units_tenths for s in sold)
    for row in facts.tariffs:
        own = [s for s in sold if s.tariff.startswith(row.tariff)]
        assert row.sales == len(own)
        for kind in LineKind:
            lines = [line.amount_minor for s in own for line in s.lines if line.kind is kind]
            assert row.of(kind) == sum(lines)
    for tender in facts.tenders:
        own = [s for s in sold if s.tenders[0].kind is tender.kind]
        assert (tender.sales, tender.kept_minor) == (len(own), sum(s.amount_minor for s in own))
    for row in facts.shifts:
        own = [s for s in sold if s.shift == row.number]
        cash = [s.amount_minor for s in own if s.tenders[0].kind is TenderKind.CASH]
        assert (row.sales, row.gross_minor) == (len(own), sum(s.amount_minor for s in own))
        assert row.cash_minor == sum(cash)
    assert (facts.first_receipt, facts.last_receipt, facts.gaps) == (18310, 18371, 0)
    assert facts.variance_minor == -5000
    assert facts.all_hold


def test_a_missing_receipt_number_is_a_gap_and_a_cross():
    records, shifts = a_day()
    facts = facts_of([r for r in records if r.intent.receipt != 18330], shifts)
    assert facts.gaps == 1
    assert set(broken(facts)) == {"daily.check_cash", "daily.check_receipts"}


def test_a_drawer_that_expects_something_else_is_a_cross():
    records, shifts = a_day()
    wrong = replace(shifts[0], expected_minor=(shifts[0].expected_minor or 0) + 1)
    assert broken(facts_of(records, [wrong, *shifts[1:]])) == ["daily.check_cash"]


def test_a_sale_outside_every_shift_is_a_cross():
    records, shifts = a_day()
    assert "daily.check_sums" in broken(facts_of(records, shifts[:2]))


def test_a_lost_token_is_a_cross():
    records, shifts = a_day()
    records[0] = replace(records[0], tokens=())
    assert broken(facts_of(records, shifts)) == ["daily.check_tokens"]


def test_more_sold_than_the_lease_allows_is_a_cross():
    facts = a_daily()
    assert facts.float_row is not None
    records, shifts = a_day()
    lease = a_lease_of(facts.gross_minor - 1)
    assert broken(facts_of(records, shifts, lease=lease, vended_total_minor=facts.gross_minor)) == [
        "daily.check_float"
    ]


def a_lease_of(total_minor: int):
    from posapp.domain.lease import Lease

    return Lease(1, total_minor, 10**7, 100, datetime(2026, 12, 1, tzinfo=UTC))


def test_unfinished_sales_hold_the_float_and_are_named():
    records, shifts = a_day()
    records[5] = replace(records[5], state=SaleState.UNKNOWN, tokens=())
    open_minor = records[5].intent.amount_minor
    vended = sum(r.intent.amount_minor for r in records if r.tokens) + open_minor
    lease = a_lease_of(10**8)
    facts = facts_of(records, shifts[1:], lease=lease, vended_total_minor=vended)
    assert facts.unfinished == 1
    assert facts.float_row is not None
    assert facts.float_row.held_minor == open_minor
    assert facts.float_row.sold_before_minor == 0


def test_a_shift_over_midnight_is_not_checked_against_one_day():
    sale = a_record(a_sale(shift=20))
    late = Shift(
        20,
        1,
        sale.at,
        0,
        sale.at + timedelta(days=1),
        999,
        999,
    )
    assert facts_of([sale], [late]).all_hold


def test_a_day_without_sales_is_a_report_too():
    facts = facts_of([], [])
    assert facts.all_hold and facts.gross_minor == 0
    for document in (build_daily(facts), build_daily_slip(facts)):
        assert document.to_bytes()


def test_page_and_slip_say_the_same_sums():
    facts = a_daily()
    page, slip = build_daily(facts), build_daily_slip(facts)

    def said(document) -> set[str]:
        words: set[str] = set()
        for block in document.walk():
            if isinstance(block, KeyValue):
                words.add(block.right)
            elif isinstance(block, Row):
                words.update(block.cells)
            elif isinstance(block, Check):
                words.add(f"{block.holds} {block.value}")
            elif isinstance(block, Text):
                words.add(block.text)
        return words

    checks = {word for word in said(slip) if word.startswith("True")}
    assert checks and checks <= said(page)
    for row in facts.tariffs:
        assert any(f"{row.gross_minor // 100:,}." in word for word in said(slip))


def test_the_same_day_gives_the_same_bytes():
    assert build_daily(a_daily()).to_bytes() == build_daily(a_daily()).to_bytes()
