"""The slip of a closed shift: what was sold, what should be in the drawer, what was counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import amount_text, money_text
from posapp.domain.sale import SOLD_STATES, TenderKind
from posapp.domain.shift import CashCount, Shift
from posapp.domain.site import Site
from posapp.ports import SaleRecord
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
from posapp.reports.texts import tender_kind_text, time_text
from posapp.reports.words import Words, words


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """A closed shift, its count and the sums of its sold sales. Money in minor units.

    `tenders` holds (kind, sales, kept) with change already taken off cash.
    """

    site: Site
    shift: Shift
    operator_name: str
    count: CashCount
    sales: int
    tokens: int
    units_tenths: int
    gross_minor: int
    tenders: tuple[tuple[TenderKind, int, int], ...]
    first_receipt: int
    last_receipt: int
    chain_code: str
    slips_printed: int = 0
    copies_printed: int = 0
    waiting_slips: int = 0
    open_sales: int = 0
    language: str = "en"

    @property
    def cash_sales_minor(self) -> int:
        """Cash that stayed in the drawer."""
        return sum(kept for kind, _, kept in self.tenders if kind is TenderKind.CASH)


def shift_facts(
    site: Site,
    shift: Shift,
    operator_name: str,
    count: CashCount,
    sales: Iterable[SaleRecord],
    *,
    chain_code: str,
    slips_printed: int = 0,
    copies_printed: int = 0,
    waiting_slips: int = 0,
    open_sales: int = 0,
    language: str = "en",
) -> ShiftFacts:
    """Sum the sales of a shift; sales without a token count for nothing."""
    sold = [record for record in sales if record.state in SOLD_STATES]
    receipts = [record.intent.receipt for record in sold]
    return ShiftFacts(
        site=site,
        shift=shift,
        operator_name=operator_name,
        count=count,
        sales=len(sold),
        tokens=sum(len(record.tokens) for record in sold),
        units_tenths=sum(record.intent.units_tenths for record in sold),
        gross_minor=sum(record.intent.amount_minor for record in sold),
        tenders=kept_by_tender(sold),
        first_receipt=min(receipts, default=0),
        last_receipt=max(receipts, default=0),
        chain_code=chain_code,
        slips_printed=slips_printed,
        copies_printed=copies_printed,
        waiting_slips=waiting_slips,
        open_sales=open_sales,
        language=language,
    )


def kept_by_tender(sold: Iterable[SaleRecord]) -> tuple[tuple[TenderKind, int, int], ...]:
    """(kind, sales, kept minor units) of every kind; change was given in cash."""
    counts = dict.fromkeys(TenderKind, 0)
    kept = dict.fromkeys(TenderKind, 0)
    for record in sold:
        intent = record.intent
        for kind in {tender.kind for tender in intent.tenders}:
            counts[kind] += 1
        for tender in intent.tenders:
            kept[tender.kind] += tender.received_minor
        kept[TenderKind.CASH] -= intent.change_minor
    return tuple((kind, counts[kind], kept[kind]) for kind in TenderKind)


def build_shift_slip(facts: ShiftFacts) -> Document:
    """The slip that cashier and supervisor sign."""
    say = words(facts.language)
    title = say("shift.shift", number=facts.shift.number)
    blocks = (*_head(facts, say, title), *_sums(facts, say), *_drawer(facts, say))
    ends = (*_counts(facts, say), *_signatures(facts, say), Cut())
    return Document("shift", title, say.language, facts.site.zone, blocks + ends)


def _head(facts: ShiftFacts, say: Words, title: str) -> list[Block]:
    site, shift = facts.site, facts.shift
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Text(f"{literal(site.vendor)}, {literal(site.vendor_address)}", Align.CENTER),
        Rule(),
        KeyValue(say("shift.title"), title, bold=True),
        KeyValue(f"{literal(site.till_name)} {site.till_code}", literal(facts.operator_name)),
        KeyValue(say("shift.opened"), time_text(shift.opened_at, site.zone)),
    ]
    if shift.closed_at is not None:
        blocks.append(KeyValue(say("shift.closed"), time_text(shift.closed_at, site.zone)))
    return blocks


def _sums(facts: ShiftFacts, say: Words) -> list[Block]:
    money = partial(amount_text, unit=facts.site.currency)
    blocks: list[Block] = [
        Rule(),
        KeyValue(say("shift.sales"), str(facts.sales)),
        KeyValue(say("shift.units"), say("receipt.kwh", units=units_text(facts.units_tenths))),
    ]
    for kind, count, kept in facts.tenders:
        if count:
            blocks.append(KeyValue(f"{tender_kind_text(kind, say)} ({count})", money(kept)))
    gross = money_text(facts.gross_minor, facts.site.currency)
    blocks += [Rule(RuleStyle.SUM), KeyValue(say("shift.gross"), gross, bold=True)]
    return blocks


def _drawer(facts: ShiftFacts, say: Words) -> list[Block]:
    shift = facts.shift
    money = partial(amount_text, unit=facts.site.currency)
    expected = shift.expected_minor or 0
    variance = facts.count.total_minor - expected
    word = "shift.exact" if variance == 0 else "shift.over" if variance > 0 else "shift.short"
    blocks: list[Block] = [Rule(), Text(say("shift.count"), bold=True)]
    for face, count in facts.count.pieces:
        if count:
            text = say("shift.pieces", face=money(face), count=count)
            blocks.append(KeyValue("  " + text, money(face * count)))
    blocks += [
        Rule(),
        KeyValue(say("shift.opening"), money(shift.opening_minor)),
        KeyValue(say("shift.cash_sales"), money(facts.cash_sales_minor)),
        KeyValue(say("shift.expected"), money(expected), bold=True),
        KeyValue(say("shift.counted"), money(facts.count.total_minor), bold=True),
        KeyValue(say(word), money(variance), bold=True),
    ]
    if shift.variance_reason:
        blocks.append(Text(say("shift.reason", reason=literal(shift.variance_reason))))
    return blocks


def _counts(facts: ShiftFacts, say: Words) -> list[Block]:
    code = facts.site.till_code
    blocks: list[Block] = [Rule()]
    if facts.first_receipt:
        blocks += [
            KeyValue(say("shift.first_receipt"), str(ReceiptNumber(code, facts.first_receipt))),
            KeyValue(say("shift.last_receipt"), str(ReceiptNumber(code, facts.last_receipt))),
        ]
    blocks += [
        KeyValue(say("shift.tokens"), str(facts.tokens)),
        KeyValue(say("shift.originals"), str(facts.slips_printed)),
        KeyValue(say("shift.copies"), str(facts.copies_printed)),
    ]
    if facts.waiting_slips:
        blocks.append(KeyValue(say("shift.waiting"), str(facts.waiting_slips), bold=True))
    if facts.open_sales:
        blocks.append(KeyValue(say("shift.open_sales"), str(facts.open_sales), bold=True))
    return blocks


def _signatures(facts: ShiftFacts, say: Words) -> list[Block]:
    cashier = say("shift.signed_cashier", name=literal(facts.operator_name))
    return [
        Rule(),
        Signatures((cashier, say("shift.signed_supervisor"))),
        Feed(16),
        Text(say("receipt.chain", code=literal(facts.chain_code)), Align.CENTER),
    ]
