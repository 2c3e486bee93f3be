"""The form of a refund or reallocation request: what was bought, what is wanted, who signed.

The token stands on it only by its last group: whoever finds the form must not find cash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber
from posapp.domain.money import currency, money_text
from posapp.domain.site import Site
from posapp.journal.facts import RefundRequested, SaleIntended
from posapp.reports.document import (
    Align,
    Banner,
    Block,
    Cut,
    Document,
    Feed,
    KeyValue,
    Rule,
    Text,
    literal,
)
from posapp.reports.texts import short_name, time_text
from posapp.reports.words import words


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """Everything the form says. `record` is the sale in question, `at` the moment of asking."""

    site: Site
    record: SaleIntended
    request: RefundRequested
    at: datetime
    first_name: str
    second_name: str
    chain_code: str
    language: str = "en"


def build_refund(facts: RefundFacts) -> Document:
    """The form, one copy for the customer; head office has the journal."""
    say, site, sale = words(facts.language), facts.site, facts.record
    asked = facts.request
    unit = currency(asked.currency)
    receipt = str(ReceiptNumber(site.till_code, sale.receipt))
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Banner(say("refund.title"), say("refund.note")),
        KeyValue(time_text(facts.at, site.zone), short_name(facts.first_name)),
        Rule(),
        KeyValue(say("refund.receipt"), receipt, bold=True),
        KeyValue(say("receipt.meter"), MeterNumber(sale.meter).grouped),
        KeyValue(say("refund.paid"), money_text(sale.amount_minor, unit)),
        Rule(),
        KeyValue(say("refund.asked"), money_text(asked.amount_minor, unit), bold=True),
    ]
    if asked.units_tenths:
        units = say("receipt.kwh", units=units_text(asked.units_tenths))
        blocks.append(KeyValue(say("receipt.units"), units))
    if asked.right_meter:
        meter = MeterNumber(asked.right_meter).grouped
        blocks.append(KeyValue(say("refund.right_meter"), meter))
    blocks += [
        KeyValue(say("refund.reason"), literal(asked.reason)),
        KeyValue(say("refund.evidence"), literal(asked.evidence)),
        Rule(),
        Text(say("refund.customer_signs")),
        Feed(60),
        Rule(),
        KeyValue(short_name(facts.first_name), short_name(facts.second_name)),
        Text(say("receipt.chain", code=literal(facts.chain_code)), Align.CENTER),
        Cut(),
    ]
    return Document("refund", receipt, say.language, site.zone, tuple(blocks))
