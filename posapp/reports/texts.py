"""Dates, amounts and labels the way paper writes them; the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from posapp.domain.energy import units_text
from posapp.domain.money import round_minor
from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind
from posapp.pricing.explain import MONEY_REASONS, Reason
from posapp.reports.document import Block, KeyValue, Text, literal
from posapp.reports.words import Words

Money = Callable[[int], str]
"""Minor units to the words for paper, without the currency's sign."""

_TENDER_KEYS = {
    TenderKind.CASH: "tender.cash",
    TenderKind.MOBILE: "tender.mobile",
    TenderKind.CARD: "tender.card",
    TenderKind.ACCOUNT: "tender.account",
    TenderKind.CHEQUE: "tender.cheque",
}


def date_text(day: date) -> str:
    """`18.11.2026`."""
    return f"{day:%d.%m.%Y}"


def time_text(moment: datetime, zone: str) -> str:
    """`18.11.2026 09:42:18 +03:00`: local time with its offset from UTC."""
    local = moment.astimezone(ZoneInfo(zone))
    offset = f"{local:%z}"
    return f"{local:%d.%m.%Y %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def clock_text(moment: datetime, zone: str) -> str:
    """`09:42`."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def long_date_text(day: date, words: Words) -> str:
    """`Wednesday 18 November 2026`."""
    weekday = words("daily.weekdays").split()[day.weekday()]
    month = words("daily.months").split()[day.month - 1]
    return words("daily.date", weekday=weekday, day=day.day, month=month, year=day.year)


def short_name(name: str) -> str:
    """`Grace O.` for Grace Otieno."""
    parts = literal(name).split()
    return f"{parts[0]} {parts[-1][0]}." if len(parts) > 1 else literal(name)


def tender_text(tender: Tender, words: Words) -> str:
    """`Cash`, or the kind with its reference."""
    kind = words(_TENDER_KEYS[tender.kind])
    if not tender.reference.strip():
        return kind
    return words("tender.with_reference", kind=kind, reference=literal(tender.reference.strip()))


def tender_kind_text(kind: TenderKind, words: Words) -> str:
    """`Mobile money`."""
    return words(_TENDER_KEYS[kind])


def line_text(line: SaleLine, lines: tuple[SaleLine, ...], words: Words, money: Money) -> str:
    """What stands before a line's amount, with the tariff's own published rate."""
    name = literal(line.code).replace("_", " ").capitalize()
    if line.kind is LineKind.ENERGY and not line.units_tenths:
        return name
    if line.kind is LineKind.ENERGY and line.rate == "0" and not line.amount_minor:
        return words("line.free", units=units_text(line.units_tenths))
    if line.kind is LineKind.ENERGY:
        units = units_text(abs(line.units_tenths))
        key = "line.energy" if line.units_tenths > 0 else "line.energy_anew"
        return words(key, units=units, rate=literal(line.rate))
    if line.kind is LineKind.LEVY:
        if line.units_tenths:
            units = units_text(line.units_tenths)
            return words("line.levy_energy", name=name, units=units, rate=literal(line.rate))
        key = "line.levy" if line.rate else "line.levy_flat"
        return words(key, name=name, rate=_plain_rate(line.rate))
    if line.kind is LineKind.FEE:
        return f"{name}  {literal(line.rate)}" if line.rate else name
    if line.kind is LineKind.TAX:
        return _tax_text(line, lines, words, money)
    if line.kind is LineKind.ARREARS:
        account = literal(line.code.partition(" ")[2]).replace("_", " ")
        return words("line.arrears", account=account)
    if line.kind is LineKind.PAYMENT:
        return words("line.payment")
    return words("line.coins" if line.code == "cash_rounding" else "line.rounding")


def reason_lines(reasons: tuple[Reason, ...], day: str, words: Words) -> Iterator[Block]:
    """Why the same money buys fewer units, or more, than at the sale of `day`; mostly nothing."""
    told = [reason for reason in reasons if reason.code not in MONEY_REASONS]
    if told:
        yield Text(words("receipt.compared", day=day))
    for reason in told:
        sign = "+" if reason.units_tenths > 0 else "-"
        units = words("receipt.kwh", units=f"{sign}{units_text(abs(reason.units_tenths))}")
        yield KeyValue(words(f"receipt.reason_{reason.code.lower()}"), units)


def _tax_text(line: SaleLine, lines: tuple[SaleLine, ...], words: Words, money: Money) -> str:
    """The base is named only when the tax recomputes from it to the last minor unit."""
    rate = _plain_rate(line.rate)
    kinds = taxed_kinds(line, lines)
    if not kinds:
        return words("line.tax", rate=rate)
    return words("line.tax_of", rate=rate, base=money(_sum(lines, kinds)))


def taxed_kinds(tax: SaleLine, lines: tuple[SaleLine, ...]) -> tuple[LineKind, ...]:
    """The kinds of lines that a tax is of; none where it recomputes from no sum of lines."""
    for kinds in _TAX_BASES:
        try:
            found = round_minor(_sum(lines, kinds) * Decimal(tax.rate) / 100)
        except InvalidOperation:
            return ()
        if found == tax.amount_minor:
            return kinds
    return ()


# The rounding line is energy money too: what was paid is taxed, not what the grid made of it.
_TAX_BASES = tuple(
    (*kinds, *rounding)
    for kinds in (
        (LineKind.ENERGY, LineKind.LEVY, LineKind.FEE),
        (LineKind.ENERGY, LineKind.LEVY, LineKind.FEE, LineKind.ARREARS),
        (LineKind.ENERGY, LineKind.LEVY),
        (LineKind.ENERGY, LineKind.LEVY, LineKind.ARREARS),
    )
    for rounding in ((), (LineKind.ROUNDING,))
)


def _sum(lines: tuple[SaleLine, ...], kinds: tuple[LineKind, ...]) -> int:
    return sum(
        line.amount_minor for line in lines if line.kind in kinds and line.code != "cash_rounding"
    )


def _plain_rate(rate: str) -> str:
    """`5` for `5.00`, `8.25` as it is."""
    text = literal(rate)
    return text.rstrip("0").rstrip(".") if "." in text else text
