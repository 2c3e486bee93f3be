"""The slip that adds up one payment for several meters. Each sale has a receipt of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber
from posapp.domain.money import amount_text, currency, money_text
from posapp.domain.site import Site
from posapp.journal.facts import SaleIntended
from posapp.reports.document import (
    Align,
    Banner,
    Block,
    Cut,
    Document,
    KeyValue,
    Rule,
    RuleStyle,
    Text,
    literal,
)
from posapp.reports.texts import short_name, time_text
from posapp.reports.words import words


@dataclass(frozen=True, slots=True)
class SumFacts:
    """Everything the slip says; `sales` has one at least, `back_minor` went back."""

    site: Site
    sales: tuple[SaleIntended, ...]
    back_minor: int
    at: datetime
    operator_name: str
    language: str = "en"


def build_payment_sum(facts: SumFacts) -> Document:
    """The slip."""
    say, site = words(facts.language), facts.site
    unit = currency(facts.sales[0].currency)
    total = sum(sale.amount_minor for sale in facts.sales)
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Banner(say("sum.title"), say("sum.note")),
        KeyValue(time_text(facts.at, site.zone), short_name(facts.operator_name)),
        Rule(),
    ]
    for sale in facts.sales:
        receipt = str(ReceiptNumber(site.till_code, sale.receipt))
        amount = amount_text(sale.amount_minor, unit)
        blocks += [
            KeyValue(MeterNumber(sale.meter).grouped, amount),
            Text(receipt),
        ]
    blocks += [
        Rule(RuleStyle.SUM),
        KeyValue(say("receipt.total"), money_text(total, unit), bold=True),
        KeyValue(say("receipt.change"), amount_text(facts.back_minor, unit)),
        Cut(),
    ]
    title = say("sum.title")
    return Document("sum", title, say.language, site.zone, tuple(blocks))
