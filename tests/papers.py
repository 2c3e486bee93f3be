"""Builders of what goes on paper: a site, a sale, its receipt, a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from posapp.domain.lease import Lease
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration
from posapp.domain.sale import LineKind, SaleLine, SaleState, Tender, TenderKind, TokenKind
from posapp.domain.shift import CashCount, Shift
from posapp.domain.site import Site
from posapp.journal.facts import SaleIntended, TokenItem
from posapp.ports import SaleRecord
from posapp.reports.daily_facts import DailyFacts, facts_from
from posapp.reports.receipt import ReceiptFacts
from posapp.reports.shift_slip import ShiftFacts, shift_facts

TOKEN = "52601815908301661318"
SOLD_AT = datetime(2026, 11, 18, 6, 42, 18, tzinfo=UTC)
PEOPLE = {1: "Grace Otieno", 2: "Ibrahim Traoré", 3: "Thandiwe Nkosi"}


def a_site() -> Site:
    return Site(
        till_id=bytes(16),
        till_code="MM03",
        till_name="Till 3",
        utility="Umoja Power",
        utility_tax_number="P051234567Q",
        vendor="Baraka General Store",
        vendor_address="Market Street",
        help_line="0800 100 200, free of charge",
        zone="Africa/Nairobi",
        currency_code="KES",
    )


def a_sale(
    *,
    receipt: int = 18355,
    shift: int = 14,
    operator_id: int = 1,
    tariff: str = "KE-D1@1",
    energy_minor: int = 125616,
    tender: TenderKind = TenderKind.CASH,
    received_minor: int | None = None,
) -> SaleIntended:
    """A sale of the sample tariff; the default one is of 1,530.00 for 71.1 kWh."""
    first = min(energy_minor, 51150)
    energy = [SaleLine(LineKind.ENERGY, "block 1", first, first * 10 // 1650, "16.50")]
    if energy_minor > first:
        rest = energy_minor - first
        energy.append(SaleLine(LineKind.ENERGY, "block 2", rest, rest * 10 // 1857, "18.57"))
    levy = (energy_minor * 5 + 50) // 100
    tax = ((energy_minor + levy) * 16 + 50) // 100
    lines = (
        *energy,
        SaleLine(LineKind.LEVY, "levy", levy, rate="5"),
        SaleLine(LineKind.TAX, "vat", tax, rate="16"),
    )
    due = sum(line.amount_minor for line in lines)
    units = sum(line.units_tenths for line in energy)
    reference = "" if tender is TenderKind.CASH else "QK7 31"
    got = -(-due // 10_000) * 10_000 if received_minor is None else received_minor
    if tender is not TenderKind.CASH:
        got = due
    return SaleIntended(
        sale_id=receipt.to_bytes(16, "big"),
        receipt=receipt,
        shift=shift,
        operator_id=operator_id,
        business_date=date(2026, 11, 18),
        meter="45123098761",
        configuration=MeterConfiguration(EncryptionAlgorithm.STA, "600727", 2, "01", 2014),
        customer_id=77,
        tariff=tariff,
        currency="KES",
        lines=lines,
        tenders=(Tender(tender, got, reference),),
        units_tenths=units,
        month_units_before=690,
        items=(TokenItem(TokenKind.CREDIT, 0, 5_000_000, units, due),),
        module_id="SM-1",
        sequence=receipt,
    )


def a_receipt(**changes: object) -> ReceiptFacts:
    """The facts of the sample receipt; `changes` replace fields."""
    facts = ReceiptFacts(
        site=a_site(),
        sale=a_sale(),
        tokens=(TOKEN,),
        at=SOLD_AT,
        operator_name=PEOPLE[1],
        tariff_name="Domestic D1",
        chain_code="9F27 C1A0 44DE",
        certified=True,
        last_purchase=date(2026, 11, 12),
        has_account=True,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def people(person_id: int, field: str) -> str | None:
    """A resolver that knows one customer, 77."""
    known = {"masked_name": "A**** W******", "account": "0031 442", "name": "Achieng Wanjiru"}
    return known.get(field) if person_id == 77 else None


def a_record(intent: SaleIntended, *, at: datetime = SOLD_AT) -> SaleRecord:
    """A sold sale."""
    state = SaleState.REVEALED
    return SaleRecord(intent, intent.receipt, at, state, (TOKEN,), audit_no=intent.receipt)


def a_day() -> tuple[list[SaleRecord], list[Shift]]:
    """Sixty sales by three people, two receipts abandoned; every shift closed, one short."""
    records: list[SaleRecord] = []
    ways = (TenderKind.CASH, TenderKind.CASH, TenderKind.MOBILE, TenderKind.CASH, TenderKind.CARD)
    for place in range(62):
        shift = place // 21
        sale = a_sale(
            receipt=18310 + place,
            shift=14 + shift,
            operator_id=1 + shift,
            tariff=("KE-D1@1", "KE-D1@1", "KE-SC@1", "KE-DL@2")[place * 7 % 4],
            energy_minor=20_000 + place * 7919 % 210_000,
            tender=ways[place % 5],
        )
        record = a_record(sale, at=SOLD_AT + timedelta(minutes=8 * place - 160))
        if place in (17, 40):
            record = replace(record, state=SaleState.REFUSED, tokens=(), ended_reason="TID_WINDOW")
        records.append(record)
    shifts = []
    for number, operator_id in ((14, 1), (15, 2), (16, 3)):
        kept = sum(
            r.intent.amount_minor
            for r in records
            if r.tokens and r.intent.shift == number
            if r.intent.tenders[0].kind is TenderKind.CASH
        )
        short = 5000 if number == 15 else 0
        opened = SOLD_AT + timedelta(hours=3 * (number - 14) - 3)
        shifts.append(
            Shift(
                number,
                operator_id,
                opened,
                200_000,
                opened + timedelta(hours=3),
                200_000 + kept - short,
                200_000 + kept,
                "gave change twice" if short else "",
            )
        )
    return records, shifts


def a_daily(**changes: object) -> DailyFacts:
    """The facts of `a_day`."""
    records, shifts = a_day()
    sold = sum(r.intent.amount_minor for r in records if r.tokens)
    facts = facts_from(
        a_site(),
        date(2026, 11, 18),
        records,
        shifts,
        made_at=datetime(2026, 11, 18, 16, 6, 41, tzinfo=UTC),
        chain_code="9F27 C1A0 44DE",
        operator_names=PEOPLE,
        tariff_names={"KE-D1": "Domestic D1", "KE-SC": "Business SC", "KE-DL": "Lifeline DL"},
        lease=Lease(3, 90_000_000, 5_000_000, 2_000, SOLD_AT + timedelta(days=12)),
        vended_total_minor=21_431_000 + sold,
        copies=4,
        waiting_entries=12,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def a_shift() -> ShiftFacts:
    """The facts of the short shift of `a_day`."""
    records, shifts = a_day()
    shift = shifts[1]
    counted = shift.counted_minor or 0
    pieces = []
    for face in (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 100, 1):
        pieces.append((face, counted // face))
        counted %= face
    return shift_facts(
        a_site(),
        shift,
        PEOPLE[2],
        CashCount(tuple(pieces)),
        (record for record in records if record.intent.shift == shift.number),
        chain_code="9F27 C1A0 44DE",
        slips_printed=20,
        copies_printed=1,
    )
