"""Reads the [[component]] and [[example]] tables of a pack; `pack` reads the rest.

Every rule a clerk can break has its words here, and a case in tests/pricing/test_mistakes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.money import Currency
from posapp.domain.sale import LineKind
from posapp.pricing.components import (
    Block,
    BlockEnergy,
    Component,
    IncludedVat,
    MonthlyFee,
    PerKwh,
    Share,
    step_minor,
)
from posapp.pricing.month import MonthLedger
from posapp.pricing.quote import ROUNDING
from posapp.pricing.reader import Table
from posapp.pricing.tariff import Example

BLOCKS_MAX = 12
PRICE_MAX = Decimal(10) ** 6  # in the unit of the pack's prices, a kWh
PERCENT_MAX = Decimal(100)
ZERO = Decimal(0)

_CODE = r"[a-z][a-z0-9_]{0,23}"
_CODE_WORDS = "a name of small letters, digits and _, beginning with a letter"
_PRICE_WORDS = "a price a kWh above 0 as a number, with a point before the decimals"
_OF_WORDS = "a list of codes of earlier components, each once"
_TENTHS_WORDS = "kWh with at most one decimal"


class Parts:
    """Collects the components of one pack in their order."""

    def __init__(self, unit: Currency, *, prices_in_minor: bool) -> None:
        self.components: list[Component] = []
        self.sells_energy = False
        self._unit = unit
        self._prices_in_minor = prices_in_minor
        self._codes: dict[str, int] = {}
        self._included: set[str] = set()  # codes whose price contains its VAT
        self._shared: set[str] = set()  # codes a percentage is taken of
        self._kinds: dict[str, Callable[[Table, str], Component]] = {
            "blocks": self._blocks,
            "per_kwh": self._per_kwh,
            "monthly_fee": self._monthly_fee,
            "levy": self._levy,
            "vat": self._vat,
        }

    @property
    def line_codes(self) -> tuple[str, ...]:
        """What the lines of a quote may be called, but for the rounding line."""
        blocks = max(
            (len(c.blocks) for c in self.components if isinstance(c, BlockEnergy)), default=0
        )
        return (*self._codes, *(f"block {n + 1}" for n in range(blocks)))

    def add(self, table: Table) -> None:
        """Read one component. Raises MistakeError."""
        kind = table.choice("kind", tuple(self._kinds))
        code = table.text("code", _CODE_WORDS, pattern=_CODE)
        if code in self._codes or code == ROUNDING:
            raise table.mistake("code", f'a code of its own, not used before and not "{ROUNDING}"')
        try:
            self.components.append(self._kinds[kind](table, code))
        finally:
            # A component with a mistake keeps its name, or each `of` would be a mistake too.
            self._codes[code] = len(self._codes)

    def _blocks(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "blocks"))
        if any(isinstance(c, BlockEnergy) for c in self.components):
            raise table.mistake("kind", 'only one component of kind "blocks"')
        words = f"one to {BLOCKS_MAX} blocks like {{ up_to = 50, price = 12.50 }}"
        tables = tuple(table.tables("blocks", words, BLOCKS_MAX))
        blocks: list[Block] = []
        for number, row in enumerate(tables, 1):
            row.only(("up_to", "price"))
            end = None
            if number == len(tables):
                if "up_to" in row:
                    raise row.mistake("up_to", "no up_to in the last block: it has no end")
            else:
                end = tenths(row, "up_to")
                before = (blocks[-1].up_to_tenths or 0) if blocks else 0
                if end <= before:
                    raise row.mistake("up_to", "more kWh than the block before ends at")
            price = self._price(row)
            blocks.append(Block(end, price, step_minor(price, self._unit.scale)))
        self.sells_energy = True
        return BlockEnergy(code, tuple(blocks))

    def _per_kwh(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "price", "counts_as"))
        kinds = {"energy": LineKind.ENERGY, "levy": LineKind.LEVY}
        counts_as = table.choice("counts_as", tuple(kinds)) if "counts_as" in table else "energy"
        price = self._price(table)
        self.sells_energy |= counts_as == "energy"
        return PerKwh(code, kinds[counts_as], price, step_minor(price, self._unit.scale))

    def _monthly_fee(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "amount"))
        words = f"an amount of {self._unit.code} a month above 0"
        return MonthlyFee(code, table.number("amount", words, above=ZERO) * self._unit.scale)

    def _levy(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "percent", "of"))
        words = "a percentage above 0, at most 100"
        percent = table.number("percent", words, above=ZERO, most=PERCENT_MAX)
        return Share(code, LineKind.LEVY, percent, self._base(table))

    def _vat(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "percent", "of", "included"))
        percent = table.number("percent", "a percentage from 0 to 100", most=PERCENT_MAX)
        if not table.flag("included"):
            return Share(code, LineKind.TAX, percent, self._base(table))
        base = self._base(table)
        self._included.update(c for c, index in self._codes.items() if index in base)
        self._included.add(code)
        return IncludedVat(code, percent, base)

    def _base(self, table: Table) -> tuple[int, ...]:
        codes = table.texts("of", _OF_WORDS)
        included = "included" in table and table.flag("included")
        for code in codes:
            if code not in self._codes:
                known = ", ".join(self._codes) or "there are none"
                raise table.mistake("of", f"{_OF_WORDS} ({known})")
            if code in self._included or (included and code in self._shared):
                words = f'no "{code}": what has its VAT included takes no other percentage'
                raise table.mistake("of", words)
        if len(set(codes)) != len(codes):
            raise table.mistake("of", _OF_WORDS)
        self._shared.update(codes)
        return tuple(self._codes[code] for code in codes)

    def _price(self, table: Table) -> Decimal:
        price = table.number("price", _PRICE_WORDS, above=ZERO, most=PRICE_MAX)
        return price.scaleb(-self._unit.minor_digits) if self._prices_in_minor else price


def tenths(table: Table, key: str) -> int:
    """Tenths of a kWh of a field that lies on the grid."""
    value = table.number(key, _TENTHS_WORDS, most=Decimal(UNITS_TENTHS_MAX) / 10) * 10
    if value % 1:
        raise table.mistake(key, _TENTHS_WORDS)
    return int(value)


def minor(table: Table, key: str, unit: Currency) -> int:
    """Minor units of a field that is a sum a customer can pay."""
    words = f"an amount of {unit.code} with at most {unit.minor_digits} decimals"
    value = table.number(key, words) * unit.scale
    if value % 1:
        raise table.mistake(key, words)
    return int(value)


def read_example(table: Table, unit: Currency, line_codes: tuple[str, ...]) -> Example:
    """One published sale. Raises MistakeError."""
    common = ("name", "bought", "fee_paid", "lines")
    if "pay" in table and "buy" not in table:
        table.only((*common, "pay", "units", "raw_units"))
    elif "buy" in table and "pay" not in table:
        table.only((*common, "buy", "cost"))
    else:
        raise table.mistake("", "either pay (money) with units, or buy (kWh) with cost")
    by_money = "pay" in table
    bought = tenths(table, "bought") if "bought" in table else 0
    fee_paid = table.flag("fee_paid") if "fee_paid" in table else False
    raw_units = cost = None
    if "raw_units" in table:
        raw_units = table.number("raw_units", "kWh before the grid, as published")
    if not by_money:
        cost = table.number("cost", f"what they cost in {unit.code}, as published")
    return Example(
        name=table.text("name", "a name for the example"),
        line=table.line,
        month=MonthLedger(bought, fee_paid),
        pay_minor=minor(table, "pay", unit) if by_money else None,
        units_tenths=tenths(table, "units") if by_money else None,
        raw_units=raw_units,
        buy_tenths=None if by_money else tenths(table, "buy"),
        cost=cost,
        lines=_lines(table, unit, line_codes),
    )


def _lines(table: Table, unit: Currency, codes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    if "lines" not in table:
        return ()
    rows = table.table("lines", 'amounts by line, like { "block 1" = 511.50, vat = 211.03 }')
    rows.only(codes)
    return tuple((code, minor(rows, code, unit)) for code in rows.names)
