"""Tariff packs: a TOML text becomes a TariffPack, and its own examples prove it.

The format is described for people in resources/tariffs/README.md; keep the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import localcontext

from posapp.domain.money import CURRENCIES, Currency
from posapp.pricing.components import EXACT
from posapp.pricing.parts import Parts, read_example
from posapp.pricing.proof import VectorOutcome as VectorOutcome
from posapp.pricing.proof import prove
from posapp.pricing.reader import Mistake, MistakeError, Table, parse
from posapp.pricing.tariff import Example, UnitRounding
from posapp.pricing.tariff import TariffPack as TariffPack

FORMAT = 1
CHARACTERS_MAX = 64_000  # what head office sends of one pack; the largest shipped one has 3,000
COMPONENTS_MAX = 24  # more lines than a receipt holds
EXAMPLES_MAX = 100
VERSION_MAX = 999_999

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
    "source",
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
    sources: tuple[str, ...]


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
    rounding = UnitRounding(top.choice("unit_rounding", tuple(UnitRounding)))
    words = "where the figures were published and when: a text, or a list of texts"
    sources = top.texts("source", words)
    return _Head(code, version, name, unit, prices_in == "minor", start, until, rounding, sources)


def _assemble(top: Table, head: _Head) -> TariffPack | tuple[Mistake, ...]:
    tables = tuple(top.tables("component", "[[component]] tables, 1 to 24", COMPONENTS_MAX))
    words = "[[example]] tables, 1 to 100: published sales that prove the pack"
    proofs = tuple(top.tables("example", words, EXAMPLES_MAX))
    parts = Parts(head.currency, prices_in_minor=head.prices_in_minor)
    examples: list[Example] = []
    mistakes: list[Mistake] = []
    for table in tables:
        try:
            parts.add(table)
        except MistakeError as error:
            mistakes.append(error.mistake)
    if not mistakes and not parts.sells_energy:
        energy = 'at least one component that sells energy: "blocks", or "per_kwh"'
        raise tables[-1].mistake("kind", energy)
    if mistakes:
        return tuple(mistakes)
    for table in proofs:
        try:
            examples.append(read_example(table, head.currency, parts.line_codes))
        except MistakeError as error:
            mistakes.append(error.mistake)
    if mistakes:
        return tuple(mistakes)
    return TariffPack(
        code=head.code,
        version=head.version,
        name=head.name,
        currency=head.currency,
        effective_from=head.effective_from,
        effective_until=head.effective_until,
        unit_rounding=head.unit_rounding,
        components=tuple(parts.components),
        examples=tuple(examples),
        sources=head.sources,
    )
