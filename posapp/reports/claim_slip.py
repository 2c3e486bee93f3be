"""The slip that a customer keeps whose token is not there: no receipt, and not money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber
from posapp.domain.money import money_text
from posapp.domain.site import Site
from posapp.ports import SaleRecord
from posapp.reports.document import (
    Align,
    Banner,
    Block,
    Cut,
    Document,
    KeyValue,
    Rule,
    Text,
    literal,
)
from posapp.reports.texts import time_text
from posapp.reports.words import words


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """`at` is when the slip is made (UTC). The sale's receipt number is the claim's."""

    site: Site
    record: SaleRecord
    at: datetime
    operator_name: str
    chain_code: str
    language: str = "en"


def build_claim(facts: ClaimFacts) -> Document:
    """The slip of a claim."""
    say, site, sale = words(facts.language), facts.site, facts.record.intent
    number = str(ReceiptNumber(site.till_code, sale.receipt))
    title = say("claim.title", number=number)
    paid = money_text(sale.amount_minor, site.currency)
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Banner(title, say("claim.note")),
        KeyValue(time_text(facts.at, site.zone), literal(facts.operator_name)),
        Rule(),
        KeyValue(say("claim.sold_at"), time_text(facts.record.at, site.zone)),
        KeyValue(say("receipt.meter"), MeterNumber(sale.meter).grouped),
        KeyValue(say("claim.paid"), paid, bold=True),
        KeyValue(say("receipt.units"), say("receipt.kwh", units=units_text(sale.units_tenths))),
        Rule(),
        Text(say("claim.what")),
        Text(say("receipt.help", line=literal(site.help_line)), Align.CENTER),
        Text(say("receipt.chain", code=facts.chain_code), Align.CENTER),
        Cut(),
    ]
    return Document("claim", title, say.language, site.zone, tuple(blocks))
