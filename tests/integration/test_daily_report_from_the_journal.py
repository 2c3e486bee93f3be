"""Every sum of the daily report, added up again from the journal's own bytes."""

from __future__ import annotations

import io
from collections import Counter, defaultdict

import pytest
from pypdf import PdfReader

from posapp.clock import SystemClock
from posapp.domain.money import amount_text
from posapp.domain.sale import LineKind, Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.ports import IssueResult, ModuleState, ModuleStatus, SupplyKey
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.services.report import DailyReport
from tests.services.counter import GRACE, CountedQueue, a_counter
from tests.stores import a_meter_number

KEYS = (
    SupplyKey("201457", 1, 2014, 255, 4, test=True),
    SupplyKey("123456", 1, 2014, 255, 2, test=True),
)


class NumberingModule:
    """Numbers its tokens; refuses when told. The report does not look inside a token."""

    def __init__(self) -> None:
        self.count = 0
        self.refuse = False

    def status(self) -> ModuleStatus:
        return ModuleStatus(ModuleState.READY, "M-1", keys=KEYS)

    refresh = status

    def issue(self, request):
        if self.refuse:
            raise ModuleError("KEY_EXPIRED", outcome=Outcome.NOT_EXECUTED, ken=85)
        self.count += 1
        return IssueResult(request.request_id, (f"{self.count:020d}",), "M-1", self.count)

    def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A day of 60 sales with every tender, a refusal, and a closed shift."""
    module = NumberingModule()
    counter = a_counter(tmp_path_factory.mktemp("till"), module)
    for number in range(1, 61):
        meter = a_meter_number(number % 37 + 1)
        context = counter.prepare(meter)
        amount = 10_000 + number * 1_370
        kind = TenderKind(number % 4) if number % 3 == 0 else TenderKind.CASH
        tender = Tender(kind, amount, f"REF{number}")
        if kind is TenderKind.CASH:
            tender = Tender(kind, amount + 5_000 * (number % 5))
        module.refuse = number == 30
        quote = context.by_money(amount)
        if module.refuse:
            with pytest.raises(SaleError):
                counter.sell(context, quote, (tender,), GRACE.operator_id)
        else:
            counter.sell(context, quote, (tender,), GRACE.operator_id)
    expected = counter.close_shift.preview(CashCount(())).expected_minor
    counter.close_shift(GRACE, CashCount(((100, expected // 100 - 3),)), "three short")
    previewer = DocumentPreviewer(load_profile("generic-80"), lambda *_: "")
    report = DailyReport(counter.store, CountedQueue(), SystemClock(), previewer)
    yield counter, report
    counter.store.close()


def read_journal(counter):
    """(intents that got tokens, opened shifts, closed shifts) from raw entries alone."""
    intents, issued, ended, opened, closed = {}, set(), set(), [], []
    for data in counter.store.read(lambda reader: reader.entries(0, 1_000)):
        entry = Entry.from_bytes(data)
        fact = facts.read(entry.kind, entry.version, entry.body)
        if isinstance(fact, facts.SaleIntended):
            intents[entry.seq] = fact
        elif isinstance(fact, facts.SaleIssued):
            issued.add(fact.intent_seq)
        elif isinstance(fact, facts.SaleEnded):
            ended.add(fact.intent_seq)
        elif isinstance(fact, facts.ShiftOpened):
            opened.append(fact)
        elif isinstance(fact, facts.ShiftClosed):
            closed.append(fact)
    assert issued | ended == set(intents)
    return [intents[seq] for seq in sorted(issued)], opened, closed


def test_every_sum_of_the_report_follows_from_the_journal(day):
    counter, report = day
    sold, opened, closed = read_journal(counter)
    facts_of_day = report.facts(sold[0].business_date)
    tariffs, lines = Counter(), defaultdict(Counter)
    units, tenders = Counter(), Counter()
    for intent in sold:
        code = intent.tariff.partition("@")[0]
        tariffs[code] += sum(line.amount_minor for line in intent.lines)
        units[code] += intent.units_tenths
        for line in intent.lines:
            lines[code][line.kind] += line.amount_minor
        for tender in intent.tenders:
            tenders[tender.kind] += tender.received_minor
        tenders[TenderKind.CASH] -= sum(t.received_minor for t in intent.tenders) - sum(
            line.amount_minor for line in intent.lines
        )
    assert facts_of_day.issued == len(sold) == 59
    assert facts_of_day.refused == 1
    assert facts_of_day.gaps == 0
    assert {row.tariff: row.gross_minor for row in facts_of_day.tariffs} == tariffs
    assert {row.tariff: row.units_tenths for row in facts_of_day.tariffs} == units
    for row in facts_of_day.tariffs:
        assert {kind: row.of(kind) for kind in LineKind if row.of(kind)} == {
            kind: minor for kind, minor in lines[row.tariff].items() if minor
        }
    assert {row.kind: row.kept_minor for row in facts_of_day.tenders} == {
        kind: tenders[kind] for kind in TenderKind
    }
    (shift,) = facts_of_day.shifts
    cash = opened[0].opening_minor + tenders[TenderKind.CASH]
    assert shift.expected_minor == closed[0].expected_minor == cash
    assert shift.variance_minor == closed[0].counted_minor - cash
    assert facts_of_day.all_hold


def test_the_page_and_the_slip_show_those_sums(day):
    counter, report = day
    sold, _, _ = read_journal(counter)
    business_date = sold[0].business_date
    total = amount_text(sum(intent.amount_minor for intent in sold), counter_currency(counter))
    pdf = PdfReader(io.BytesIO(report.pdf(business_date)))
    text = "\n".join(page.extract_text() for page in pdf.pages)
    assert len(pdf.pages) == 1
    assert total in text
    slip = DocumentPreviewer(load_profile("generic-80"), lambda *_: "").text(
        report.slip(business_date)
    )
    assert total in slip
    assert "\u2717" not in text


def counter_currency(counter):
    return counter.store.read(lambda reader: reader.site().currency)


def test_the_same_day_gives_the_same_page_again(day):
    counter, report = day
    sold, _, _ = read_journal(counter)
    first, second = report.facts(sold[0].business_date), report.facts(sold[0].business_date)
    assert {**_without_time(first)} == {**_without_time(second)}


def _without_time(value):
    return {name: getattr(value, name) for name in value.__slots__ if name != "made_at"}
