"""The slip of cash that moved without a sale: put in, paid out, to the safe, to the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posapp.domain.cash import CashKind
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import money_text
from posapp.domain.site import Site
from posapp.journal.cash_facts import CashMoved
from posapp.reports.document import (
    Align,
    Block,
    Cut,
    Document,
    Feed,
    KeyValue,
    Rule,
    Signatures,
    Text,
    literal,
)
from posapp.reports.texts import time_text
from posapp.reports.words import words


@dataclass(frozen=True, slots=True)
class CashSlipFacts:
    """A movement and who made it, when (aware UTC)."""

    site: Site
    fact: CashMoved
    operator_name: str
    at: datetime
    chain_code: str
    language: str = "en"


def build_cash_slip(facts: CashSlipFacts) -> Document:
    """One slip; whoever hands the money over and whoever takes it sign it."""
    say, site, fact = words(facts.language), facts.site, facts.fact
    title = say(f"cash.{fact.kind.name.lower()}")
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Text(f"{literal(site.vendor)}, {literal(site.vendor_address)}", Align.CENTER),
        Rule(),
        Text(title.upper(), Align.CENTER, bold=True),
        KeyValue(f"{literal(site.till_name)} {site.till_code}", time_text(facts.at, site.zone)),
        KeyValue(say("cash.by"), literal(facts.operator_name)),
    ]
    if fact.shift:
        blocks.append(KeyValue(say("cash.shift"), str(fact.shift)))
    if fact.kind is not CashKind.DRAWER:
        amount = money_text(fact.amount_minor, site.currency)
        blocks.append(KeyValue(say("cash.amount"), amount, bold=True, size=2))
    if fact.receipt:
        number = str(ReceiptNumber(site.till_code, fact.receipt))
        blocks.append(KeyValue(say("cash.for_receipt"), number))
    if fact.reference:
        blocks.append(KeyValue(say("cash.reference"), literal(fact.reference)))
    if fact.reason:
        blocks.append(Text(say("cash.reason", reason=literal(fact.reason))))
    if fact.kind is not CashKind.DRAWER:
        blocks += [Rule(), Signatures((say("cash.signed_giver"), say("cash.signed_taker")))]
    chain = say("receipt.chain", code=literal(facts.chain_code))
    blocks += [Feed(16), Text(chain, Align.CENTER), Cut()]
    return Document("cash", title, say.language, site.zone, tuple(blocks))
