"""Tariff packs: a TOML text becomes a TariffPack, and its own examples prove it.

The format is described for people in resources/tariffs/README.md; keep the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import localcontext

from posapp.domain.money import CURRENCIES, Currency
from posapp.domain.sale import LineKind
from posapp.pricing.components import (
    BlockEnergy,
    Component,
    DailyFee,
    MoneyCredit,
    MonthlyFee,
    PerKwh,
)
from posapp.pricing.coverage import Priced, gap_in
from posapp.pricing.curve import Span
from posapp.pricing.exact import EXACT, MoneyRounding, UnitRounding
from posapp.pricing.examples import Examples
from posapp.pricing.parts import Parts, minor
from posapp.pricing.proof import VectorOutcome as VectorOutcome
from posapp.pricing.proof import prove
from posapp.pricing.reader import Mistake, MistakeError, Table, parse
from posapp.pricing.tariff import CashRounding, Example, InvoiceTitle, Pegged
from posapp.pricing.tariff import TariffPack as TariffPack

FORMAT = 1
CHARACTERS_MAX = 64_000  # what head office sends of one pack; the largest shipped one has 5,000
COMPONENTS_MAX = 24  # more lines than a receipt holds
EXAMPLES_MAX = 100
INVOICES_MAX = 6
VERSION_MAX = 999_999
AVERAGE_MONTHS_MAX = 36
PEGGED_DECIMALS_MAX = 6
PEGGED_DAYS_MAX = 400
TITLE_MAX = 40
NOTE_MAX = 120

_FIELDS = (
    "format",
    "code",
    "version",
    "name",
    "currency",
    "prices_in",
    "effective_from",
    "effective_until",
    "unit_rounding",
    "money_rounding",
    "leftover",
    "average_months",
    "source",
    "pegged",
    "cash_rounding",
    "invoice",
    "component",
    "example",
)


def load_pack(text: str, name: str) -> TariffPack:
    """The pack of a TOML text; `name` is the file's, for messages only.

    Raises InputError TARIFF_INVALID(file, line, field, expected, found) for the first mistake.
    """
    found = read_pack(text)
    if isinstance(found, TariffPack):
        return found
    raise found[0].error(name)


def check_pack(pack: TariffPack) -> tuple[VectorOutcome, ...]:
    """Price the pack's own published examples; a pack may be used only if all passed."""
    return tuple(prove(pack, example) for example in pack.examples)


def read_pack(text: str) -> TariffPack | tuple[Mistake, ...]:
    """The pack, or its mistakes: one of the head, else of each component, else each example."""
    if len(text) > CHARACTERS_MAX:
        words = f"a file of at most {CHARACTERS_MAX} characters"
        return (Mistake(1, "", words, str(len(text))),)
    try:
        with localcontext(EXACT):
            top = parse(text)
            return _assemble(top, _read_head(top))
    except MistakeError as error:
        return (error.mistake,)


@dataclass(frozen=True, slots=True)
class _Head:
    code: str
    version: int
    name: str
    currency: Currency
    prices_in_minor: bool
    effective_from: datetime
    effective_until: datetime | None
    unit_rounding: UnitRounding
    money_rounding: MoneyRounding
    gives_change: bool
    average_months: int
    sources: tuple[str, ...]
    pegged: Pegged | None
    cash_rounding: CashRounding | None
    invoices: tuple[InvoiceTitle, ...]


def _read_head(top: Table) -> _Head:
    top.only(_FIELDS)
    top.whole("format", FORMAT, FORMAT)
    code = top.text(
        "code",
        "a code of up to 16 capital letters, digits and -, beginning with a letter",
        pattern=r"[A-Z][A-Z0-9-]{0,15}",
    )
    version = top.whole("version", 1, VERSION_MAX)
    name = top.text("name", what="the tariff's name for people, up to 40 characters", most=40)
    unit = CURRENCIES[top.choice("currency", tuple(CURRENCIES))]
    prices_in = top.choice("prices_in", ("major", "minor")) if "prices_in" in top else "major"
    start = top.instant("effective_from")
    until = top.instant("effective_until") if "effective_until" in top else None
    if until is not None and until <= start:
        raise top.mistake("effective_until", "a moment after effective_from, or no such field")
    leftover = top.choice("leftover", ("rounding", "change")) if "leftover" in top else "rounding"
    words = "where the figures were published and when: a text, or a list of texts"
    return _Head(
        code=code,
        version=version,
        name=name,
        currency=unit,
        prices_in_minor=prices_in == "minor",
        effective_from=start,
        effective_until=until,
        unit_rounding=UnitRounding(top.choice("unit_rounding", tuple(UnitRounding))),
        money_rounding=_money_rounding(top, "money_rounding"),
        gives_change=leftover == "change",
        average_months=(
            top.whole("average_months", 1, AVERAGE_MONTHS_MAX) if "average_months" in top else 12
        ),
        sources=top.texts("source", words),
        pegged=_pegged(top, unit),
        cash_rounding=_cash_rounding(top, unit),
        invoices=tuple(_invoices(top, unit)),
    )


def _money_rounding(table: Table, key: str) -> MoneyRounding:
    if key not in table:
        return MoneyRounding.HALF_UP
    return MoneyRounding(table.choice(key, tuple(MoneyRounding)))


def _pegged(top: Table, unit: Currency) -> Pegged | None:
    if "pegged" not in top:
        return None
    table = top.table("pegged", 'a table like { currency = "USD", days_max = 7 }')
    table.only(("currency", "decimals", "days_max"))
    other = CURRENCIES[table.choice("currency", tuple(CURRENCIES))]
    if other == unit:
        raise table.mistake("currency", "another currency than the one that is paid")
    decimals = None
    if "decimals" in table:
        decimals = table.whole("decimals", 0, PEGGED_DECIMALS_MAX)
    return Pegged(other, decimals, table.whole("days_max", 1, PEGGED_DAYS_MAX))


def _cash_rounding(top: Table, unit: Currency) -> CashRounding | None:
    if "cash_rounding" not in top:
        return None
    table = top.table("cash_rounding", 'a table like { step = 0.05, rule = "half_up" }')
    table.only(("step", "rule"))
    step = minor(table, "step", unit)
    if not step:
        raise table.mistake("step", f"the smallest coin of {unit.code}")
    return CashRounding(step, MoneyRounding(table.choice("rule", tuple(MoneyRounding))))


def _invoices(top: Table, unit: Currency) -> Iterator[InvoiceTitle]:
    if "invoice" not in top:
        return
    last = -1
    words = "[[invoice]] tables with from and title, at most 6"
    for table in top.tables("invoice", words, INVOICES_MAX):
        table.only(("from", "title", "note"))
        start = minor(table, "from", unit)
        if start <= last:
            raise table.mistake("from", "a larger sum than the [[invoice]] before has")
        last = start
        title = table.text("title", "what the receipt is called", most=TITLE_MAX)
        note = table.text("note", "a line for its foot", most=NOTE_MAX) if "note" in table else ""
        yield InvoiceTitle(start, title, note)


def _assemble(top: Table, head: _Head) -> TariffPack | tuple[Mistake, ...]:
    tables = tuple(top.tables("component", "[[component]] tables, 1 to 24", COMPONENTS_MAX))
    words = "[[example]] tables, 1 to 100: published sales that prove the pack"
    proofs = tuple(top.tables("example", words, EXAMPLES_MAX))
    blocks = sum(table.says("kind", "blocks") for table in tables)
    printed = head.currency if head.pegged is None else head.pegged.currency
    parts = Parts(
        head.currency,
        printed,
        prices_in_minor=head.prices_in_minor,
        several_blocks=blocks > 1,
    )
    mistakes: list[Mistake] = []
    for table in tables:
        try:
            parts.add(table)
        except MistakeError as error:
            mistakes.append(error.mistake)
    if mistakes:
        return tuple(mistakes)
    _check_energy(tables, parts.components)
    fees = [c.code for c in parts.components if isinstance(c, (MonthlyFee, DailyFee))]
    examples = Examples(
        head.currency,
        head.effective_from,
        None if head.pegged is None else head.pegged.currency,
        fees,
        parts.labels,
        parts.debtors,
    )
    found: list[Example] = []
    for table in proofs:
        try:
            found.append(examples.read(table))
        except MistakeError as error:
            mistakes.append(error.mistake)
    if mistakes:
        return tuple(mistakes)
    return _pack(head, tuple(parts.components), tuple(found))


def _priced(component: BlockEnergy | PerKwh) -> Priced:
    if isinstance(component, PerKwh):
        return Priced(component.when)
    zero = tuple(
        Span(before.up_to_tenths or 0 if before else 0, row.up_to_tenths)
        for before, row in zip((None, *component.rows), component.rows, strict=False)
        if not row.price
    )
    return Priced(component.when, zero)


def _check_energy(tables: Sequence[Table], components: Sequence[Component]) -> None:
    """Energy or money for everybody, at all times, and not both."""
    last = tables[-1]
    credits = sum(isinstance(c, MoneyCredit) for c in components)
    energy = [
        (table, c)
        for table, c in zip(tables, components, strict=True)
        if isinstance(c, BlockEnergy) or (isinstance(c, PerKwh) and c.kind is LineKind.ENERGY)
    ]
    if not energy and not credits:
        words = 'at least one component that sells energy: "blocks", or "per_kwh"'
        raise last.mistake("kind", words)
    if credits and (energy or credits > 1):
        raise last.mistake(
            "kind", 'one "credit" alone, without energy, for meters that count money'
        )
    gap = "" if credits else gap_in([_priced(c) for _, c in energy])
    if gap:
        raise energy[-1][0].mistake("when", f"a price for everybody; there is none {gap}")


def _pack(
    head: _Head, components: tuple[Component, ...], examples: tuple[Example, ...]
) -> TariffPack:
    return TariffPack(
        code=head.code,
        version=head.version,
        name=head.name,
        currency=head.currency,
        effective_from=head.effective_from,
        effective_until=head.effective_until,
        unit_rounding=head.unit_rounding,
        components=components,
        examples=examples,
        sources=head.sources,
        money_rounding=head.money_rounding,
        gives_change=head.gives_change,
        average_months=head.average_months,
        pegged=head.pegged,
        cash_rounding=head.cash_rounding,
        invoices=head.invoices,
    )
