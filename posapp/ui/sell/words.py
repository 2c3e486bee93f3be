"""What the sell page says about meters, quotes and sales, in the language of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from posapp.domain.customer import phone_ends
from posapp.domain.energy import units_text
from posapp.domain.meter import MeterState
from posapp.domain.money import Currency, amount_text, money_text
from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.domain.site import Site
from posapp.journal.facts import TokenItem
from posapp.pricing.explain import MONEY_REASONS
from posapp.ui import cash
from posapp.ui.i18n import day_text, ltr, meter_text, time_text, translate
from posapp.ui.sell.token_set import TokenRow
from posapp.ui.widgets.lines import Line
from posapp.ui.widgets.rows import Row

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, LastSale, SaleRecord
    from posapp.pricing.quote import Advice, Quote
    from posapp.services.quote import SaleContext


def name_of(found: FoundMeter) -> str:
    """The customer's name, or that nobody is known."""
    if found.customer is not None and found.customer.name:
        return found.customer.name
    return translate("Sell", "No customer on this meter")


def address_of(found: FoundMeter, *, phone: bool = False) -> str:
    """The address, and the end of the phone number where there is room."""
    customer = found.customer
    if customer is None:
        return ""
    ends = phone_ends(customer.phone)
    if phone and ends:
        words = translate("Sell", "{address} · phone ends {digits}")
        return words.format(address=customer.address, digits=ltr(ends))
    return customer.address


def state_of(found: FoundMeter) -> tuple[str, str]:
    """Chip state and word of a meter in a list."""
    if found.meter.state is MeterState.BLOCKED:
        return "bad", translate("Sell", "Blocked")
    if found.meter.pending is not None or found.meter.configuration.base_date == 1993:
        return "warn", translate("Sell", "Key change")
    return "ok", translate("Sell", "Ready")


def when_text(moment: datetime, site: Site, now: datetime) -> str:
    """The time today, else the day."""
    local = site.local(moment)
    if local.date() == site.local(now).date():
        return time_text(local)
    return day_text(local)


def hit_row(found: FoundMeter, site: Site, now: datetime) -> Row:
    """A row of the search."""
    state, word = state_of(found)
    last = found.last_sale
    return Row(
        name_of(found),
        address_of(found),
        meter_text(found.meter.number.digits),
        state,
        word,
        when=when_text(last.at, site, now) if last else "",
    )


def recent_row(found: FoundMeter, site: Site, now: datetime) -> Row:
    """A row of the recent customers."""
    last = found.last_sale
    return Row(
        name_of(found),
        address_of(found),
        meter_text(found.meter.number.digits),
        amount=amount_text(last.amount_minor, site.currency) if last else "",
        units=f"{units_text(last.units_tenths)} kWh" if last else "",
        when=when_text(last.at, site, now) if last else "",
    )


def last_sale_text(last: LastSale | None, site: Site, *, short: bool = False) -> str:
    """`Last sale 12 Nov · 500.00 · 22.4 kWh`."""
    if last is None:
        return translate("Sell", "No sale on this till yet")
    day = day_text(site.local(last.at))
    amount = ltr(amount_text(last.amount_minor, site.currency))
    if short:
        return f"{day} · {amount}"
    words = translate("Sell", "Last sale {day} · {amount} · {units} kWh")
    return words.format(day=day, amount=amount, units=ltr(units_text(last.units_tenths)))


def _is_free(line: SaleLine) -> bool:
    return line.amount_minor == 0 and line.rate == "0"


def line_of(line: SaleLine, lines: tuple[SaleLine, ...], unit: Currency) -> Line:
    """A line of a quote as the slip shows it."""
    value = amount_text(line.amount_minor, unit)
    second = ""
    if line.kind is LineKind.ENERGY:
        energies = [o for o in lines if o.kind is LineKind.ENERGY and not _is_free(o)]
        words = translate("Sell", "Energy")
        second = f"{ltr(units_text(line.units_tenths))} kWh × {ltr(line.rate)}"
        block = line.code.rpartition("block ")[2]
        if _is_free(line):
            words = translate("Sell", "Free units")
            second = f"{ltr(units_text(line.units_tenths))} kWh"
        elif line.units_tenths < 0:
            words = translate("Sell", "Given back: cheaper units")
        elif len(energies) > 1 and block.isdigit():
            words = translate("Sell", "Energy, block {number}").format(number=block)
    elif line.kind is LineKind.TAX:
        words = translate("Sell", "VAT {rate} %").format(rate=ltr(line.rate))
    elif line.kind is LineKind.LEVY:
        words = line.code.replace("_", " ").capitalize()
        if line.rate and line.units_tenths:
            second = f"{ltr(units_text(line.units_tenths))} kWh × {ltr(line.rate)}"
        elif line.rate:
            words = translate("Sell", "{levy} {rate} %").format(levy=words, rate=ltr(line.rate))
    elif line.kind is LineKind.FEE:
        words, second = line.code.replace("_", " ").capitalize(), ltr(line.rate)
    elif line.kind is LineKind.ARREARS:
        account = line.code.partition(" ")[2].replace("_", " ")
        words = translate("Sell", "Arrears, {account}").format(account=account)
    elif line.code == "cash_rounding":
        words = translate("Sell", "Rounding to coins")
    else:
        words = translate("Sell", "Rounding")
    return Line(words, value, second)


def quote_lines(quote: Quote) -> tuple[Line, ...]:
    """All lines and the sum."""
    rows = [line_of(line, quote.lines, quote.currency) for line in quote.lines]
    total = money_text(quote.amount_minor, quote.currency)
    rows.append(Line(translate("Sell", "Customer pays"), total, total=True))
    return tuple(rows)


def why_text(context: SaleContext, quote: Quote, site: Site) -> str:
    """Why the same money buys fewer units than at the last sale, or more; mostly nothing."""
    reasons = [r for r in context.why(quote) if r.code not in MONEY_REASONS]
    if not reasons or context.earlier is None:
        return ""
    table = {
        "FEES": translate("Sell", "charges {units}"),
        "ARREARS": translate("Sell", "arrears {units}"),
        "TAXES": translate("Sell", "levies and taxes {units}"),
        "BLOCKS": translate("Sell", "price of the block {units}"),
        "PRICES": translate("Sell", "new tariff {units}"),
    }
    causes = ", ".join(table[r.code].format(units=_signed(r.units_tenths)) for r in reasons)
    words = translate("Sell", "For the same money beside {day}: {causes} kWh.")
    return words.format(day=day_text(site.local(context.earlier.at)), causes=causes)


def _signed(units_tenths: int) -> str:
    sign = "+" if units_tenths > 0 else ""
    return ltr(f"{sign}{units_text(units_tenths)}")


NOTES_MAX = 2  # more would push the total off a small screen


def notes_html(quote: Quote, *, short: bool) -> str:
    """What the customer may want to know before paying, the most telling first."""
    day = quote.situation.day
    found = [advice_html(advice, day, quote.currency, short=short) for advice in quote.advice]
    return "<br>".join([html for html in found if html][: 1 if short else NOTES_MAX])


def advice_html(advice: Advice, day: date, unit: Currency, *, short: bool) -> str:
    """One note as safe HTML, or nothing for advice this screen has no words for.

    `day` is the local day of the quote.
    """
    params = advice.params
    if advice.code == "BLOCK_LEFT":
        words = (
            translate("Sell", "<b>{amount}</b> buys {units} kWh at {rate}. More costs {next}.")
            if short
            else translate(
                "Sell",
                "<b>{amount}</b> buys the {units} kWh left at {rate}.<br>"
                "Then {next} for each kWh until {day}.",
            )
        )
        return words.format(
            amount=ltr(money_text(int(params["amount_minor"]), unit)),
            units=ltr(units_text(int(params["units_tenths"]))),
            rate=ltr(str(params["rate"])),
            next=ltr(str(params["next_rate"])),
            day=_day_of(_next_month(day.replace(day=1))),
        )
    words = {
        "FEE_DUE": translate("Sell", "<b>{amount}</b> of it pays charges that are due."),
        "BLOCK_ROOM": translate(
            "Sell", "<b>{amount}</b> more stays at {rate}: {units} kWh. Then {next} for each kWh."
        ),
        "CLIFF_AHEAD": translate(
            "Sell", "After <b>{units} kWh</b> more the whole month costs {jump} more."
        ),
        "CLIFF_CROSSED": translate(
            "Sell", "<b>{lower}</b> buys {units} kWh. One unit more costs {jump} at once."
        ),
        "FREE_UNITS": translate("Sell", "<b>{units} kWh</b> are free this month, on a token."),
    }.get(advice.code, "")
    return words.format(
        amount=_money(params, "amount_minor", unit),
        lower=_money(params, "lower_minor", unit),
        jump=_money(params, "jump_minor", unit),
        units=ltr(units_text(int(params.get("units_tenths", 0)))),
        rate=ltr(str(params.get("rate", ""))),
        next=ltr(str(params.get("next_rate", ""))),
    )


def _money(params: Mapping[str, int | str], name: str, unit: Currency) -> str:
    return ltr(money_text(int(params.get(name, 0)), unit))


def _next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _day_of(day: date) -> str:
    return day_text(day)


def tender_word(kind: TenderKind) -> str:
    """How a customer pays."""
    return {
        TenderKind.CASH: translate("Sell", "Cash"),
        TenderKind.MOBILE: translate("Sell", "Mobile money"),
        TenderKind.CARD: translate("Sell", "Card"),
        TenderKind.ACCOUNT: translate("Sell", "Account"),
        TenderKind.CHEQUE: translate("Sell", "Cheque"),
    }[kind]


def part_line(tender: Tender, unit: Currency) -> Line:
    """One part of a payment, with its reference."""
    words = received_word(tender.kind)
    if tender.reference:
        words = f"{words}, {ltr(tender.reference)}"
    return Line(words, amount_text(tender.received_minor, unit))


def units_on(record: SaleRecord) -> int:
    """0.1 kWh of an order: what was sold, or what was given."""
    if record.intent.lines:
        return record.intent.units_tenths
    return sum(i.units for i in record.intent.items if i.kind is TokenKind.CREDIT)


def token_rows(record: SaleRecord) -> tuple[TokenRow, ...]:
    """Every token of an order in entry order, with its name and what it carries."""
    sale, rows = record.intent, []
    digits = iter(record.tokens)
    for item in sale.items:
        parts = item.token_count(sale.configuration.ea)
        for part in range(1, parts + 1):
            name = _token_name(item, part, parts)
            units = units_text(item.units) if item.kind is TokenKind.CREDIT else ""
            rows.append(TokenRow(name, next(digits), units))
    return tuple(rows)


def order_html(record: SaleRecord) -> str:
    """What the cashier tells a customer with several numbers, as safe HTML; one needs nothing."""
    count = len(record.tokens)
    if count < 2:
        return ""
    words = translate(
        "Sell", "<b>Tell the customer:</b> key in all {count} numbers from top to bottom."
    ).format(count=count)
    kinds = [item.kind for item in record.intent.items]
    if TokenKind.KEY_CHANGE in kinds and TokenKind.CREDIT in kinds:
        words += " " + translate("Sell", "The credit works only after the key change.")
    return words


def _token_name(item: TokenItem, part: int, parts: int) -> str:
    if item.kind is TokenKind.KEY_CHANGE:
        words = translate("Sell", "Key change, part {part} of {parts}")
        return words.format(part=part, parts=parts)
    if item.kind is TokenKind.METER_TEST:
        return translate("Sell", "Meter test")
    if item.kind is TokenKind.MANAGEMENT:
        return {
            0: translate("Sell", "Power limit"),
            1: translate("Sell", "Clear credit"),
            5: translate("Sell", "Clear tamper"),
            6: translate("Sell", "Phase unbalance"),
        }.get(item.subclass, translate("Sell", "Engineering"))
    return translate("Sell", "Credit") if item.value_minor else translate("Sell", "Free units")


def received_word(kind: TenderKind) -> str:
    """`Received, cash`."""
    return {
        TenderKind.CASH: translate("Sell", "Received, cash"),
        TenderKind.MOBILE: translate("Sell", "Received, mobile money"),
        TenderKind.CARD: translate("Sell", "Received, card"),
        TenderKind.ACCOUNT: translate("Sell", "Charged to account"),
        TenderKind.CHEQUE: translate("Sell", "Received, cheque"),
    }[kind]


def pieces_text(amount_minor: int, unit: Currency) -> str:
    """`one 200, one 100`, or that nothing goes back."""
    if not amount_minor:
        return translate("Sell", "paid exactly")
    counted = cash.pieces(amount_minor, unit)
    words = [
        f"{count} × {ltr(amount_text(face, unit).removesuffix('.' + '0' * unit.minor_digits))}"
        for face, count in counted
    ]
    return ",  ".join(words)


def plain_amount(amount_minor: int, unit: Currency) -> str:
    """`1,700` where there are no cents, for keys and presets."""
    return amount_text(amount_minor, unit).removesuffix("." + "0" * unit.minor_digits)
