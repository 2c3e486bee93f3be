"""The slip of a shift: X while it is open, Z when it was counted. All sums are the ledger's.

What is printed was added up by the store over one stretch of the journal; nothing is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posapp.domain.cash import CashKind
from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import amount_text, money_text
from posapp.domain.shift import CashCount, Shift
from posapp.domain.site import Site
from posapp.journal.cash_facts import NOT_COMPARED, Commission, ModuleCount
from posapp.journal.postings import TENDER_OF, Account, Booking
from posapp.ports.ledger import CashRecord, HeldSale, PeriodTotals
from posapp.reports.document import (
    Align,
    Block,
    Cut,
    Document,
    Feed,
    KeyValue,
    Rule,
    RuleStyle,
    Signatures,
    Text,
    literal,
)
from posapp.reports.ended import why_no_token
from posapp.reports.texts import tender_kind_text, time_text
from posapp.reports.words import Words, words

LISTED_MAX = 20  # of any list on the slip; how many more there are is said

# Bookings that sales put into the drawer, or took out of it.
_OF_SALES = (Booking.SALE, Booking.HELD, Booking.RELEASED, Booking.HANDED_BACK, Booking.VOID)
_MOVES = (CashKind.IN, CashKind.OUT, CashKind.DROP, CashKind.RETURN)
_SIGN = {CashKind.IN: 1}
NOTHING_COUNTED = CashCount(())


@dataclass(frozen=True, slots=True)
class FloatFigures:
    """The vendor's float since the Z before: authorised less sold, in minor units."""

    opening_minor: int
    topped_up_minor: int
    sold_minor: int

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.topped_up_minor - self.sold_minor


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """A shift and its stretch of the journal. Money in minor units.

    `z_number` 0 makes an X: the shift is open, nothing is counted and nothing is final.
    `drawer` is the drawer's cash by kind of booking, without the closing. `previous_receipt` is
    the last number of the Z before, 0 when there was none.
    """

    site: Site
    shift: Shift
    operator_name: str
    totals: PeriodTotals
    drawer: Mapping[Booking, int]
    made_at: datetime
    chain_code: str
    z_number: int = 0
    count: CashCount = NOTHING_COUNTED
    moves: tuple[CashRecord, ...] = ()
    held: tuple[HeldSale, ...] = ()
    float_figures: FloatFigures | None = None
    commissions: tuple[Commission, ...] = ()
    module: ModuleCount = NOT_COMPARED
    signed_by: str = ""
    previous_receipt: int = 0
    slips_printed: int = 0
    copies_printed: int = 0
    waiting_slips: int = 0
    language: str = "en"

    @property
    def expected_minor(self) -> int:
        """What should be in the drawer."""
        return sum(self.drawer.values())

    @property
    def gaps(self) -> int:
        """Receipt numbers of the stretch that nothing is known of, its beginning included."""
        totals = self.totals
        before = totals.first_receipt - self.previous_receipt - 1 if totals.first_receipt else 0
        return totals.gaps + (before if self.previous_receipt else 0)


def build_shift_slip(facts: ShiftFacts) -> Document:
    """The X, or the Z that cashier and supervisor sign."""
    say = words(facts.language)
    parts = [_head, _sums, _cash, _receipts, _module, _float]
    blocks = [block for part in parts for block in part(facts, say)]
    if facts.z_number:
        blocks += _signatures(facts, say)
    else:
        blocks += [Rule(), Text(say("shift.not_final"), Align.CENTER)]
    return Document("shift", _title(facts, say), say.language, facts.site.zone, (*blocks, Cut()))


def _title(facts: ShiftFacts, say: Words) -> str:
    if facts.z_number:
        return say("shift.z", number=facts.z_number)
    return say("shift.x", shift=facts.shift.number)


def _head(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    site, shift = facts.site, facts.shift
    yield Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2)
    yield Text(f"{literal(site.vendor)}, {literal(site.vendor_address)}", Align.CENTER)
    yield Rule()
    title = say("shift.title") if facts.z_number else say("shift.x_title")
    yield KeyValue(title, _title(facts, say), bold=True)
    yield KeyValue(say("shift.shift", number=shift.number), literal(facts.operator_name))
    yield KeyValue(literal(site.till_name), site.till_code)
    yield KeyValue(say("shift.opened"), time_text(shift.opened_at, site.zone))
    ended = say("shift.closed") if facts.z_number else say("shift.made")
    yield KeyValue(ended, time_text(shift.closed_at or facts.made_at, site.zone))


def _sums(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    money, totals = _money(facts), facts.totals
    yield Rule()
    yield KeyValue(say("shift.sales"), str(totals.sales))
    for row in totals.types if len(totals.types) > 1 else ():
        name = say(f"shift.kind_{row.kind.name.lower()}")
        yield KeyValue(f"  {name} ({row.sales})", money(row.amount_minor))
    yield KeyValue(say("shift.units"), say("receipt.kwh", units=units_text(totals.units_tenths)))
    if totals.free_tenths:
        free = say("receipt.kwh", units=units_text(totals.free_tenths))
        yield KeyValue(say("shift.free"), free)
    for tender in totals.tenders:
        name = tender_kind_text(TENDER_OF[tender.account], say)
        yield KeyValue(f"{name} ({tender.count})", money(tender.amount_minor))
    held = -totals.of(Account.HELD) - _returned(facts)
    if held:
        yield KeyValue(say("shift.held_change"), money(-held))
    yield Rule(RuleStyle.SUM)
    gross = money_text(totals.gross_minor, facts.site.currency)
    yield KeyValue(say("shift.gross"), gross, bold=True)


def _returned(facts: ShiftFacts) -> int:
    """Held money that was fetched: its debit of HELD is no sale's."""
    return sum(m.fact.amount_minor for m in facts.moves if m.fact.kind is CashKind.RETURN)


def _cash(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    money, shift = _money(facts), facts.shift
    if facts.z_number:
        yield Rule()
        yield Text(say("shift.count"), bold=True)
        for face, count in facts.count.pieces:
            if count:
                text = say("shift.pieces", face=money(face), count=count)
                yield KeyValue("  " + text, money(face * count))
    yield Rule()
    yield KeyValue(say("shift.opening"), money(facts.drawer.get(Booking.OPENING, 0)))
    sales = sum(facts.drawer.get(kind, 0) for kind in _OF_SALES)
    yield KeyValue(say("shift.cash_sales"), money(sales))
    for kind in _MOVES:
        amounts = [m.fact.amount_minor for m in facts.moves if m.fact.kind is kind]
        if amounts:
            name = say(f"shift.cash_{kind.name.lower()}", count=len(amounts))
            yield KeyValue(name, money(_SIGN.get(kind, -1) * sum(amounts)))
    yield KeyValue(say("shift.expected"), money(facts.expected_minor), bold=True)
    if facts.z_number:
        counted = facts.count.total_minor
        variance = counted - facts.expected_minor
        word = "shift.exact" if variance == 0 else "shift.over" if variance > 0 else "shift.short"
        yield KeyValue(say("shift.counted"), money(counted), bold=True)
        yield KeyValue(say(word), money(variance), bold=True)
        if shift.variance_reason:
            yield Text(say("shift.reason", reason=literal(shift.variance_reason)))
    opened = [m.fact.reason for m in facts.moves if m.fact.kind is CashKind.DRAWER]
    if opened:
        yield KeyValue(say("shift.drawer_opened"), str(len(opened)), bold=True)
        yield from _listed([literal(reason) for reason in opened], say)
    for sale in facts.held[:LISTED_MAX]:
        number = str(ReceiptNumber(facts.site.till_code, sale.receipt))
        key = "shift.held_open" if sale.open else "shift.held_owed"
        yield KeyValue(say(key, receipt=number), money(sale.amount_minor), bold=True)


def _receipts(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    code, totals = facts.site.till_code, facts.totals
    yield Rule()
    if totals.first_receipt:
        first = str(ReceiptNumber(code, totals.first_receipt))
        yield KeyValue(say("shift.first_receipt"), first)
        yield KeyValue(say("shift.last_receipt"), str(ReceiptNumber(code, totals.last_receipt)))
    abandoned = totals.refused + totals.cancelled
    numbers = (
        ("shift.issued", totals.issued, True),
        ("shift.abandoned", abandoned, bool(abandoned)),
        ("shift.open_sales", totals.unfinished, bool(totals.unfinished)),
        ("shift.late", totals.late_issued + totals.late_abandoned, False),
        ("shift.gaps", facts.gaps, True),
    )
    for key, number, shown in numbers:
        if shown or number:
            yield KeyValue(say(key), str(number), bold=key != "shift.issued")
        if key == "shift.abandoned":
            told = [
                f"{ReceiptNumber(code, a.receipt)}  {why_no_token(a.reason, say)}"
                for a in totals.abandoned
            ]
            yield from _listed(told, say)
    yield KeyValue(say("shift.originals"), str(facts.slips_printed))
    yield KeyValue(say("shift.copies"), str(facts.copies_printed))
    if facts.waiting_slips:
        yield KeyValue(say("shift.waiting"), str(facts.waiting_slips), bold=True)


def _module(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    module = facts.module
    yield KeyValue(say("shift.tokens"), str(facts.totals.token_count))
    if not module.compared:
        yield Text(say("shift.module_not_compared"))
        return
    yield KeyValue(say("shift.module_tokens"), str(module.module_tokens))
    yield KeyValue(say("shift.ledger_tokens"), str(module.ledger_tokens))
    difference = module.module_tokens - module.ledger_tokens
    yield KeyValue(say("shift.module_difference"), str(difference), bold=not module.agrees)
    if module.orphans:
        yield Text(say("shift.orphans"), bold=True)
        yield from _listed([str(number) for number in module.orphans], say)
    if facts.signed_by:
        yield KeyValue(say("shift.signed_off"), literal(facts.signed_by), bold=True)


def _float(facts: ShiftFacts, say: Words) -> Iterator[Block]:
    figures, money = facts.float_figures, _money(facts)
    if figures is not None:
        yield Rule()
        yield KeyValue(say("shift.float_opening"), money(figures.opening_minor))
        yield KeyValue(say("shift.float_topped_up"), money(figures.topped_up_minor))
        yield KeyValue(say("shift.float_sold"), money(-figures.sold_minor))
        yield KeyValue(say("shift.float_closing"), money(figures.closing_minor), bold=True)
    for one in facts.commissions:
        name = say("shift.commission", code=literal(one.code), rate=literal(one.rate))
        yield KeyValue(name, money(one.amount_minor))


def _listed(lines: list[str], say: Words) -> Iterator[Block]:
    for line in lines[:LISTED_MAX]:
        yield Text(f"  {line}")
    if len(lines) > LISTED_MAX:
        yield Text("  " + say("shift.more", count=len(lines) - LISTED_MAX))


def _signatures(facts: ShiftFacts, say: Words) -> list[Block]:
    cashier = say("shift.signed_cashier", name=literal(facts.operator_name))
    return [
        Rule(),
        Signatures((cashier, say("shift.signed_supervisor"))),
        Feed(16),
        Text(say("receipt.chain", code=literal(facts.chain_code)), Align.CENTER),
    ]


def _money(facts: ShiftFacts) -> partial[str]:
    return partial(amount_text, unit=facts.site.currency)
