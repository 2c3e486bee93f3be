"""The customer's slip: what was paid, for what, and the token to key in.

`build_receipt` makes the original; a copy is the same document marked by `copy.marked_copy`
when it is printed, so the stored bytes never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from posapp.domain.energy import units_text
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import MeterNumber
from posapp.domain.money import amount_text, currency, money_text
from posapp.domain.sale import LineKind, SaleKind, TokenDigits, TokenKind
from posapp.domain.site import Site
from posapp.journal.facts import SaleIntended, TokenItem
from posapp.pricing.explain import Reason
from posapp.reports.document import (
    QR,
    Align,
    Banner,
    Barcode,
    Block,
    Cut,
    Document,
    Feed,
    KeyValue,
    Rule,
    RuleStyle,
    Text,
    Token,
    literal,
    person,
)
from posapp.reports.texts import (
    date_text,
    line_text,
    reason_lines,
    short_name,
    taxed_kinds,
    tender_text,
    time_text,
)
from posapp.reports.words import Words, words
from posapp.sts.amounts import UNITS_PER_CURRENCY

MONEY_SUBCLASSES = range(4, 8)  # credit in money, IEC 62055-41 6.2.2
_TITLES = {
    SaleKind.KEY_CHANGE: "key_title",
    SaleKind.FREE_ISSUE: "free_title",
    SaleKind.REPLACEMENT: "replacement_title",
    SaleKind.ENGINEERING: "engineering_title",
    SaleKind.PAYMENT: "payment_title",
}
_MANAGEMENT = {  # subclasses of class 2, IEC 62055-41 6.2.4 to 6.2.9
    0: "power_limit_token",
    1: "clear_credit_token",
    5: "clear_tamper_token",
    6: "phase_unbalance_token",
}


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """Everything a receipt says. `at` is the moment of sale (UTC).

    `debts` are what accounts still owe after the sale, in minor units; `reasons` say why the
    units are fewer or more than on `last_purchase`.

    `tokens` are in entry order; `chain_code` ties the slip to the journal; `block_left` is
    (units in tenths, rate) of the cheap block that is left this month, if the tariff has one;
    `has_account` says whether the customer's account number is known. The customer's own data
    enter only as references to `sale.customer_id` (0: nobody).
    """

    site: Site
    sale: SaleIntended
    tokens: tuple[str, ...]
    at: datetime
    operator_name: str
    tariff_name: str
    chain_code: str
    certified: bool
    last_purchase: date | None = None
    block_left: tuple[int, str] | None = None
    debts: tuple[tuple[str, int], ...] = ()
    reasons: tuple[Reason, ...] = ()
    has_account: bool = False
    message: str = ""
    language: str = "en"


def build_receipt(facts: ReceiptFacts) -> Document:
    """The original slip of a sale that has its tokens.

    Raises InputError TOKEN_FORM or METER_NUMBER_* when the facts are no sale.
    """
    say = words(facts.language)
    receipt = ReceiptNumber(facts.site.till_code, facts.sale.receipt)
    blocks = (
        *_head(facts, say),
        *_sale(facts, say, receipt),
        *_tokens(facts, say),
        *_money(facts, say),
        *_month(facts, say),
        *_why(facts, say),
        *_foot(facts, say),
        Cut(),
    )
    return Document("receipt", str(receipt), say.language, facts.site.zone, blocks)


def _head(facts: ReceiptFacts, say: Words) -> list[Block]:
    site = facts.site
    trade = say("receipt.trade")
    if site.utility_tax_number:
        trade += "  " + say("receipt.vat_no", number=literal(site.utility_tax_number))
    sold_by = say(
        "receipt.sold_by", vendor=literal(site.vendor), address=literal(site.vendor_address)
    )
    blocks: list[Block] = [
        Text(literal(site.utility).upper(), Align.CENTER, bold=True, size=2),
        Text(trade, Align.CENTER),
        Text(sold_by, Align.CENTER),
    ]
    if not facts.certified:
        blocks.append(Banner(say("receipt.not_certified"), say("receipt.not_certified_note")))
    if facts.sale.kind is SaleKind.UNKNOWN_METER:
        blocks.append(Banner(say("receipt.unknown_meter"), say("receipt.unknown_meter_note")))
    return blocks


def _sale(facts: ReceiptFacts, say: Words, receipt: ReceiptNumber) -> list[Block]:
    site, sale, meter = facts.site, facts.sale, facts.sale.configuration
    who = f"{literal(site.till_name)}  {short_name(facts.operator_name)}"
    blocks: list[Block] = [
        Rule(),
        KeyValue(_title(sale, say), str(receipt), bold=True),
        KeyValue(time_text(facts.at, site.zone), who),
        Rule(),
    ]
    if sale.customer_id:
        masked = person(sale.customer_id, "masked_name")
        blocks.append(KeyValue(say("receipt.customer"), masked))
        if facts.has_account:
            account = person(sale.customer_id, "account")
            blocks.append(KeyValue(say("receipt.account"), account))
    key = say("receipt.meter_key", sgc=meter.sgc, krn=meter.krn, ti=meter.ti)
    kind = say("receipt.meter_kind", ea=f"{int(meter.ea):02d}", tct=f"{meter.tct:02d}")
    tariff = f"{literal(facts.tariff_name)}, {literal(sale.tariff)}"
    blocks.append(KeyValue(say("receipt.meter"), MeterNumber(sale.meter).grouped))
    if sale.tariff:
        blocks.append(KeyValue(say("receipt.tariff"), tariff))
    blocks.append(KeyValue(key, kind))
    blocks += _cause(sale, say)
    if facts.last_purchase is not None:
        blocks.append(KeyValue(say("receipt.last_purchase"), date_text(facts.last_purchase)))
    return blocks


def _title(sale: SaleIntended, say: Words) -> str:
    """What kind of paper it is: the tariff's own title for a sale, else what was done."""
    return literal(sale.invoice[0]) or say(f"receipt.{_TITLES.get(sale.kind, 'title')}")


def _cause(sale: SaleIntended, say: Words) -> list[Block]:
    """Why a token was made that nobody paid for, and the papers it goes with."""
    blocks: list[Block] = []
    if sale.reason:
        blocks.append(KeyValue(say("receipt.reason"), literal(sale.reason)))
    if sale.reference:
        key = "work_order" if sale.kind is SaleKind.ENGINEERING else "reference"
        blocks.append(KeyValue(say(f"receipt.{key}"), literal(sale.reference)))
    return blocks


def _tokens(facts: ReceiptFacts, say: Words) -> list[Block]:
    """All tokens in the order they are keyed in, each with its name and place."""
    sale, count = facts.sale, len(facts.tokens)
    if not count:
        return []
    blocks: list[Block] = [Rule(RuleStyle.DOUBLE)]
    names = _token_names(sale, say)
    pairs = zip(facts.tokens, names, strict=True)
    for number, (digits, name) in enumerate(pairs, 1):
        title = KeyValue(name, say("receipt.of", n=number, all=count), bold=True)
        blocks += [title, Feed(6), Token(TokenDigits(digits).digits)]
    if sale.free_tenths:
        free = say("receipt.kwh", units=units_text(sale.free_tenths))
        blocks.append(KeyValue(say("receipt.free_units"), free))
    return [*blocks, *_bought(sale, say), Rule(RuleStyle.DOUBLE)]


def _token_names(sale: SaleIntended, say: Words) -> list[str]:
    """A name for each token: `KEY CHANGE 1 of 2`, `CREDIT TOKEN`."""
    names: list[str] = []
    for item in sale.items:
        parts = item.token_count(sale.configuration.ea)
        if item.kind is TokenKind.KEY_CHANGE:
            names += [say("receipt.key_part", part=n + 1, parts=parts) for n in range(parts)]
        else:
            names.append(say(f"receipt.{_token_name(item)}"))
    return names


def _token_name(item: TokenItem) -> str:
    if item.kind is TokenKind.METER_TEST:
        return "test_token"
    if item.kind is TokenKind.MANAGEMENT:
        return _MANAGEMENT.get(item.subclass, "other_token")
    return "credit_token" if item.value_minor else "free_token"


def _bought(sale: SaleIntended, say: Words) -> list[Block]:
    """What was bought: energy, or money for a meter that counts money.

    A meter behind current transformers gets fewer units on its token than were bought.
    """
    credit = sale.items[-1]
    if credit.kind is not TokenKind.CREDIT:
        return []
    if credit.subclass in MONEY_SUBCLASSES:
        unit = currency(sale.currency)
        minor = credit.units * unit.scale // UNITS_PER_CURRENCY
        return [KeyValue(say("receipt.credit"), money_text(minor, unit), bold=True, size=2)]
    given = sale.units_tenths if sale.lines else credit.units
    sold = say("receipt.kwh", units=units_text(given))
    blocks: list[Block] = [KeyValue(say("receipt.units"), sold, bold=True, size=2)]
    if credit.kind is TokenKind.CREDIT and credit.units != given:
        on_token = units_text(credit.units)
        blocks.append(KeyValue(say("receipt.on_token"), say("receipt.kwh", units=on_token)))
    return blocks


def _money(facts: ReceiptFacts, say: Words) -> list[Block]:
    sale, unit = facts.sale, currency(facts.sale.currency)
    if not sale.lines:
        return []
    money = partial(amount_text, unit=unit)
    blocks: list[Block] = [
        KeyValue(line_text(line, sale.lines, say, money), money(line.amount_minor))
        for line in sale.lines
    ]
    total = money_text(sale.amount_minor, unit)
    blocks += [Rule(RuleStyle.SUM), KeyValue(say("receipt.total"), total, bold=True)]
    for tender in sale.tenders:
        blocks.append(KeyValue(tender_text(tender, say), money(tender.received_minor)))
    blocks.append(KeyValue(say("receipt.change"), money(sale.change_minor)))
    blocks += [KeyValue(text, money(left)) for text, left in _owed(facts, say)]
    if sale.rate is not None:
        rate = say("receipt.rate", currency=sale.rate.currency, rate=f"{sale.rate.rate:f}")
        blocks.append(KeyValue(rate, date_text(sale.rate.stamped)))
    return blocks


def _owed(facts: ReceiptFacts, say: Words) -> Iterator[tuple[str, int]]:
    """What is still owed of fees and accounts; of an account that is paid off now, nothing."""
    lines = facts.sale.lines
    taxed: set[LineKind] = set()
    for line in lines:
        if line.kind is LineKind.TAX and line.amount_minor:
            taxed.update(taxed_kinds(line, lines))
    for code, state in facts.sale.fees:
        if state.owed_minor:
            yield _still(code, say, LineKind.FEE in taxed), state.owed_minor
    paid = (line.code.partition(" ")[2] for line in lines if line.kind is LineKind.ARREARS)
    for account, left in (dict.fromkeys(paid, 0) | dict(facts.debts)).items():
        yield _still(account, say, left > 0 and LineKind.ARREARS in taxed), left


def _still(code: str, say: Words, plus_tax: bool) -> str:
    key = "receipt.still_owed_net" if plus_tax else "receipt.still_owed"
    return say(key, name=literal(code).replace("_", " ").capitalize())


def _why(facts: ReceiptFacts, say: Words) -> list[Block]:
    """Why there are fewer units, or more, than last time."""
    if facts.last_purchase is None:
        return []
    return [*reason_lines(facts.reasons, date_text(facts.last_purchase), say)]


def _month(facts: ReceiptFacts, say: Words) -> list[Block]:
    sale = facts.sale
    if not sale.units_tenths:
        return []
    bought = units_text(sale.month_units_before + sale.units_tenths)
    blocks: list[Block] = [
        Rule(),
        KeyValue(say("receipt.month"), say("receipt.kwh", units=bought)),
    ]
    if facts.block_left is not None:
        units, rate = facts.block_left
        left = say("receipt.kwh", units=units_text(units))
        blocks.append(KeyValue(say("receipt.block_left", rate=literal(rate)), left))
    return blocks


def _foot(facts: ReceiptFacts, say: Words) -> list[Block]:
    blocks: list[Block] = [Rule()]
    note = literal(facts.sale.invoice[1])
    blocks += [Text(line, Align.CENTER) for line in (note, *_how_to_key(facts, say)) if line]
    if facts.site.help_line:
        line = say("receipt.help", line=literal(facts.site.help_line))
        blocks.append(Text(line, Align.CENTER))
    if facts.message:
        blocks.append(Text(literal(facts.message), Align.CENTER))
    meter = MeterNumber(facts.sale.meter)
    chain = say("receipt.chain", code=literal(facts.chain_code))
    blocks += [Feed(14), Barcode(meter.digits, meter.grouped), Feed(16)]
    if facts.tokens:
        captions = (*say.many("receipt.qr"), "", chain)
        blocks.append(QR("".join(facts.tokens), captions))
    else:
        blocks.append(Text(chain, Align.CENTER))
    return blocks


def _how_to_key(facts: ReceiptFacts, say: Words) -> tuple[str, ...]:
    """What the customer does at the meter; with several tokens the order is what matters."""
    count = len(facts.tokens)
    if count < 2:
        return say.many("receipt.how_to_key") if count else ()
    lines = tuple(say("receipt.how_to_key_all", count=count).splitlines())
    kinds = [item.kind for item in facts.sale.items]
    if TokenKind.KEY_CHANGE in kinds and TokenKind.CREDIT in kinds:
        lines += (say("receipt.after_key_change"),)
    return lines
