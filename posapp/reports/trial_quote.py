"""A quote on paper: what a sum would buy now, line by line. It is no receipt and has no token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from posapp.domain.energy import units_text
from posapp.domain.meter import MeterNumber
from posapp.domain.money import amount_text, money_text
from posapp.domain.site import Site
from posapp.pricing.explain import Reason
from posapp.pricing.quote import Quote
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
from posapp.reports.texts import date_text, line_text, reason_lines, time_text
from posapp.reports.words import words


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """What the slip says. `at` is when the quote was made (UTC); `reasons` are beside `compared`,
    the local day of the sale before.
    """

    site: Site
    meter: MeterNumber
    quote: Quote
    at: datetime
    operator_name: str
    compared: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    language: str = "en"


def build_trial_quote(facts: TrialFacts) -> Document:
    """The slip of a trial quote."""
    say, quote = words(facts.language), facts.quote
    money = partial(amount_text, unit=quote.currency)
    head: list[Block] = [
        Text(literal(facts.site.utility).upper(), Align.CENTER, bold=True, size=2),
        Banner(say("quote.title"), say("quote.note")),
        KeyValue(time_text(facts.at, facts.site.zone), literal(facts.operator_name)),
        Rule(),
        KeyValue(say("receipt.meter"), facts.meter.grouped),
        KeyValue(say("receipt.tariff"), f"{literal(quote.tariff_name)}, {literal(quote.tariff)}"),
        Rule(),
    ]
    lines: list[Block] = [
        KeyValue(line_text(line, quote.lines, say, money), money(line.amount_minor))
        for line in quote.lines
    ]
    total = money_text(quote.amount_minor, quote.currency)
    foot: list[Block] = [
        Rule(RuleStyle.SUM),
        KeyValue(say("receipt.total"), total, bold=True),
    ]
    if quote.units_tenths:
        units = say("receipt.kwh", units=units_text(quote.units_tenths))
        foot.append(KeyValue(say("receipt.units"), units, bold=True, size=2))
    if facts.reasons and facts.compared is not None:
        day = date_text(facts.site.local(facts.compared).date())
        foot += [*reason_lines(facts.reasons, day, say)]
    foot += [Rule(), Text(say("quote.until"), Align.CENTER), Cut()]
    return Document(
        "quote", say("quote.title"), say.language, facts.site.zone, (*head, *lines, *foot)
    )
