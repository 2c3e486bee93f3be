"""Builders of what goes on paper: a site, a sale, its receipt, a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from posapp.domain.cash import CashKind
from posapp.domain.lease import Lease
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration
from posapp.domain.sale import (
    LineKind,
    SaleKind,
    SaleLine,
    SaleState,
    Tender,
    TenderKind,
    TokenKind,
)
from posapp.domain.shift import CashCount, Shift
from posapp.domain.site import Site
from posapp.journal.cash_facts import CashMoved, Commission, ModuleCount
from posapp.journal.facts import SaleIntended, TokenItem
from posapp.journal.postings import TENDER_OF, Booking
from posapp.ports import SaleRecord
from posapp.ports.ledger import (
    Abandoned,
    CashRecord,
    HeldSale,
    PeriodTotals,
    TenderTotal,
    TokenTotal,
    TypeTotal,
)
from posapp.reports.daily_facts import DailyFacts, facts_from
from posapp.reports.receipt import ReceiptFacts
from posapp.reports.shift_slip import FloatFigures, ShiftFacts
from posapp.reports.tenders import kept_by_tender

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


def a_shift(**changes: object) -> ShiftFacts:
    """The facts of the short shift of `a_day`, with cash that moved and a stuck sale."""
    records, shifts = a_day()
    shift = shifts[1]
    own = [r for r in records if r.intent.shift == shift.number]
    sold = [r.intent for r in own if r.tokens]
    counted = shift.counted_minor or 0
    pieces = []
    for face in (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 100, 1):
        pieces.append((face, counted // face))
        counted %= face
    kept = {kind: (count, amount) for kind, count, amount in kept_by_tender(sold_records(own))}
    account = {kind: account for account, kind in TENDER_OF.items()}
    gross = sum(s.amount_minor for s in sold)
    units = sum(s.units_tenths for s in sold)
    facts = ShiftFacts(
        site=a_site(),
        shift=shift,
        operator_name=PEOPLE[2],
        totals=PeriodTotals(
            first_receipt=own[0].intent.receipt,
            last_receipt=own[-1].intent.receipt,
            numbers=len(own),
            issued=len(sold),
            refused=len(own) - len(sold),
            types=(TypeTotal(SaleKind.SALE, len(sold), gross, units, 0),),
            tenders=tuple(
                TenderTotal(account[kind], count, amount)
                for kind, (count, amount) in kept.items()
                if count
            ),
            tokens=(TokenTotal(TokenKind.CREDIT, False, len(sold)),),
            abandoned=tuple(
                Abandoned(r.intent.receipt, r.ended_reason) for r in own if not r.tokens
            ),
        ),
        drawer={
            Booking.OPENING: shift.opening_minor,
            Booking.SALE: kept[TenderKind.CASH][1],
        },
        made_at=SOLD_AT,
        chain_code="9F27 C1A0 44DE",
        z_number=15,
        count=CashCount(tuple(pieces)),
        float_figures=FloatFigures(68_000_000, 500_000, gross),
        commissions=(Commission("share", gross, "2.5", gross * 25 // 1000),),
        module=ModuleCount("SM-1", 40, 61, len(sold), len(sold)),
        previous_receipt=own[0].intent.receipt - 1,
        slips_printed=20,
        copies_printed=1,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def sold_records(records: list[SaleRecord]) -> list[SaleRecord]:
    """The ones with tokens."""
    return [record for record in records if record.tokens]


def a_busy_shift() -> ShiftFacts:
    """A Z with everything on it: cash in and out, a held sale, an orphan, a signature."""
    plain = a_shift()

    def moved(kind: CashKind, amount: int, reason: str) -> CashRecord:
        day = date(2026, 11, 18)
        return CashRecord(CashMoved(kind, 15, 2, day, "KES", amount, reason), 9, SOLD_AT)

    sales = plain.drawer[Booking.SALE]
    moves = (
        moved(CashKind.IN, 50_000, "change from the safe"),
        moved(CashKind.OUT, 12_000, "water"),
        moved(CashKind.DROP, 900_000, ""),
        moved(CashKind.DRAWER, 0, "changed a note"),
        moved(CashKind.DRAWER, 0, "coins had jammed"),
    )
    drawer = {
        Booking.OPENING: 200_000,
        Booking.SALE: sales,
        Booking.CASH: 50_000 - 12_000 - 900_000,
    }
    expected = sum(drawer.values())
    return replace(
        plain,
        drawer=drawer,
        moves=moves,
        count=CashCount(((1, expected),)),
        shift=replace(plain.shift, variance_reason=""),
        held=(HeldSale(18349, 50_000, True), HeldSale(18201, 20_000, False)),
        module=ModuleCount("SM-1", 40, 61, 21, 20, (57,)),
        signed_by="Kwame Mensah",
    )
