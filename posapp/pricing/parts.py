"""Reads the [[component]] tables of a pack; `pack` reads the head, `examples` the examples.

Every rule a clerk can break has its words here, and a case in tests/pricing/test_pack_mistakes.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.money import Currency
from posapp.domain.sale import LineKind
from posapp.pricing.components import (
    ALWAYS,
    Arrears,
    BlockEnergy,
    BlockRow,
    ChannelFee,
    Component,
    DailyFee,
    DatedPrice,
    FreeBasic,
    IncludedVat,
    Inclusive,
    Levy,
    MoneyCredit,
    MonthlyFee,
    Order,
    PerKwh,
    Share,
    Skipped,
    When,
)
from posapp.pricing.curve import Span
from posapp.pricing.dues import NO_CAP, Cap
from posapp.pricing.reader import Table

BLOCKS_MAX = 12
DATED_MAX = 120  # prices of ten years, one a month
ACCOUNTS_MAX = 12
PERIODS_MAX = 3660
PRICE_MAX = Decimal(10) ** 6  # in the unit of the pack's prices, a kWh
HUNDRED = Decimal(100)
ZERO = Decimal(0)
CODES_TAKEN = ("rounding", "cash_rounding")
ACCOUNT = r"[a-z][a-z0-9_]{0,23}"

_CODE_WORDS = "a name of small letters, digits and _, beginning with a letter"
_PRICE_WORDS = "a price a kWh above 0, without quotes and with a point before the decimals"
_DATED_WORDS = "a price a kWh, 0 for none, without quotes and with a point before the decimals"
_PERCENT_WORDS = "a percentage above 0, at most 100, without its sign"
_OF_WORDS = "a list of codes of earlier components, each once"
_TENTHS_WORDS = "kWh with at most one decimal"
_CAP_FIELDS = ("share", "share_of", "most")
_WHEN_FIELDS = (
    "month_above",
    "month_up_to",
    "average_above",
    "average_up_to",
    "months",
    "entitled",
)


class Parts:
    """Collects the components of one pack in their order.

    `unit` is the currency that is paid, `printed` the one of prices and fees.
    """

    def __init__(
        self, unit: Currency, printed: Currency, *, prices_in_minor: bool, several_blocks: bool
    ) -> None:
        self.components: list[Component] = []
        self.labels: list[str] = []  # what the lines of a quote may be called
        self.debtors: list[str] = []  # codes whose lines name an account too
        self._several_blocks = several_blocks
        self._unit = unit
        self._printed = printed
        self._prices_in_minor = prices_in_minor
        self._codes: dict[str, int] = {}
        self._included: set[str] = set()  # codes whose price contains its VAT
        self._shared: set[str] = set()  # codes a percentage is taken of
        self._untaxable: set[str] = set()  # codes that cost nothing, or a tax included would blur
        self._nameless = False  # a component before has no usable name
        self._left_over = Decimal(1)  # the share of a payment that no due may take
        self._of_payment: dict[str, Decimal] = {}  # codes that are a share of the payment
        self._kinds: dict[str, Callable[[Table, str], Component]] = {
            "blocks": self._blocks,
            "per_kwh": self._per_kwh,
            "monthly_fee": self._monthly_fee,
            "daily_fee": self._daily_fee,
            "channel_fee": self._channel_fee,
            "arrears": self._arrears,
            "free_units": self._free_units,
            "credit": self._credit,
            "levy": self._levy,
            "vat": self._vat,
        }

    def add(self, table: Table) -> None:
        """Read one component. Raises MistakeError."""
        code = ""
        try:
            code = self._code(table)
            kind = table.choice("kind", tuple(self._kinds))
            self.components.append(self._kinds[kind](table, code))
        finally:
            # A component with a mistake keeps its name, or each `of` would be a mistake too.
            if code:
                self._codes[code] = len(self._codes)
            else:
                self._nameless = True

    def _code(self, table: Table) -> str:
        code = table.text("code", _CODE_WORDS, pattern=ACCOUNT)
        if code in self._codes or code in CODES_TAKEN:
            taken = " or ".join(f'"{taken}"' for taken in CODES_TAKEN)
            raise table.mistake("code", f"a code of its own, not used before and not {taken}")
        return code

    # ------------------------------------------------------------ energy

    def _blocks(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "blocks", "skipped_months", "when"))
        words = f"one to {BLOCKS_MAX} blocks like {{ up_to = 50, price = 12.50 }}"
        tables = tuple(table.tables("blocks", words, BLOCKS_MAX))
        rows: list[BlockRow] = []
        for number, row in enumerate(tables, 1):
            row.only(("up_to", "price"))
            end = None
            if number == len(tables):
                if "up_to" in row:
                    raise row.mistake("up_to", "no up_to in the last block: it has no end")
            else:
                end = tenths(row, "up_to")
                before = (rows[-1].up_to_tenths or 0) if rows else 0
                if end <= before:
                    raise row.mistake("up_to", "more kWh than the block before ends at")
            label = f"{code} block {number}" if self._several_blocks else f"block {number}"
            above = None if self._several_blocks else ZERO
            rows.append(BlockRow(label, end, self._price(row, above=above)))
            self.labels.append(label)
        if not any(row.price for row in rows):
            raise table.mistake("blocks", "a price above 0 in at least one block")
        adds_up = _skipped(table) is Skipped.ADD_UP
        when = read_when(table)
        if adds_up and when.span is not None:
            raise table.mistake("skipped_months", 'no "add_up" where a month has limits (when)')
        return BlockEnergy(code, tuple(rows), adds_up, when)

    def _per_kwh(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "price", "prices", "until", "counts_as", "when"))
        kinds = {"energy": LineKind.ENERGY, "levy": LineKind.LEVY}
        counts_as = table.choice("counts_as", tuple(kinds)) if "counts_as" in table else "energy"
        if ("price" in table) == ("prices" in table):
            raise table.mistake("", "either price, or prices with their dates")
        until = None
        if "price" in table:
            prices = [DatedPrice(None, self._price(table, above=ZERO))]
            if "until" in table:
                raise table.mistake("until", "no until beside a single price")
        else:
            prices = self._dated(table, least_above=ZERO if counts_as == "energy" else None)
            until = table.instant("until") if "until" in table else None
        self.labels.append(code)
        return PerKwh(code, kinds[counts_as], tuple(prices), until, read_when(table))

    def _dated(self, table: Table, *, least_above: Decimal | None) -> list[DatedPrice]:
        words = f"one to {DATED_MAX} prices like {{ from = 2025-07-01, price = 3.20 }}"
        found: list[DatedPrice] = []
        for row in table.tables("prices", words, DATED_MAX):
            row.only(("from", "price"))
            since = row.instant("from")
            last = found[-1].since if found else None
            if last is not None and since <= last:
                raise row.mistake("from", "a later moment than the price before begins at")
            found.append(DatedPrice(since, self._price(row, above=least_above)))
        return found

    def _credit(self, table: Table, code: str) -> Component:
        table.only(("kind", "code"))
        self.labels.append(code)
        return MoneyCredit(code)

    def _free_units(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "units", "counts_in_blocks", "when"))
        units = tenths(table, "units")
        if not units:
            raise table.mistake("units", "kWh above 0 with at most one decimal")
        self._untaxable.add(code)
        self.labels.append(code)
        counts = table.flag("counts_in_blocks")
        return FreeBasic(code, units, counts, read_when(table, no_span="free units"))

    # ------------------------------------------------------------ what is due first

    def _monthly_fee(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "amount", "skipped_months", "months_max", *_CAP_FIELDS, "when"))
        amount = self._amount(table, "amount", "a month above 0", above=ZERO)
        when, skipped, cap = read_when(table), _skipped(table), self._cap(table)
        most = table.whole("months_max", 1, PERIODS_MAX) if "months_max" in table else None
        if when.span is not None and (
            skipped is Skipped.ADD_UP or cap != NO_CAP or most is not None
        ):
            words = "no month_above or month_up_to for a fee that adds up or has a limit"
            raise table.mistake("when", words)
        self.labels.append(code)
        return MonthlyFee(code, amount, skipped, most, cap, when)

    def _daily_fee(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "amount", "days_max", *_CAP_FIELDS, "when"))
        amount = self._amount(table, "amount", "a day above 0", above=ZERO)
        most = table.whole("days_max", 1, PERIODS_MAX) if "days_max" in table else None
        self.labels.append(code)
        when = read_when(table, no_span="a fee by day")
        return DailyFee(code, amount, most, self._cap(table), when)

    def _channel_fee(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "amount", "percent", "least", "most", "when"))
        if "amount" not in table and "percent" not in table:
            raise table.mistake("", "an amount, a percent, or both")
        words = "a sale"
        amount = self._amount(table, "amount", words) if "amount" in table else ZERO
        percent = ZERO
        if "percent" in table:
            percent = table.number("percent", _PERCENT_WORDS, above=ZERO, most=HUNDRED)
            self._takes(table, "percent", percent, of_rest=False)
            self._of_payment[code] = percent
        least = self._amount(table, "least", words) if "least" in table else ZERO
        most = self._amount(table, "most", words) if "most" in table else None
        if most is not None and most < least:
            raise table.mistake("most", "a sum not below least")
        self.labels.append(code)
        when = read_when(table, no_span="a fee of the place of sale")
        return ChannelFee(code, amount, percent, least, most, when)

    def _arrears(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "accounts", "order", *_CAP_FIELDS, "when"))
        words = f"a list of accounts in small letters, at most {ACCOUNTS_MAX}, each once"
        accounts: tuple[str, ...] = ()
        if "accounts" in table:
            accounts = table.texts("accounts", words)
            named = all(re.fullmatch(ACCOUNT, account) for account in accounts)
            if not named or len(set(accounts)) != len(accounts) or len(accounts) > ACCOUNTS_MAX:
                raise table.mistake("accounts", words)
        order = Order(table.choice("order", tuple(Order))) if "order" in table else Order.OLDEST
        if order is Order.LISTED and not accounts:
            raise table.mistake("order", 'accounts to go by, or order = "oldest"')
        self.debtors.append(code)
        when = read_when(table, no_span="arrears")
        return Arrears(code, accounts, order, self._cap(table), when)

    def _cap(self, table: Table) -> Cap:
        percent = None
        of_rest = False
        if "share" in table:
            percent = table.number("share", _PERCENT_WORDS, above=ZERO, most=HUNDRED)
            if "share_of" in table:
                of_rest = table.choice("share_of", ("payment", "rest")) == "rest"
            self._takes(table, "share", percent, of_rest=of_rest)
        elif "share_of" in table:
            raise table.mistake("share", "the percentage that share_of is about")
        most = None
        if "most" in table:
            words = f"a sum of {self._unit.code} above 0 that a sale gives at most"
            most = table.number("most", words, above=ZERO) * self._unit.scale
        return Cap(percent, of_rest, most)

    def _takes(self, table: Table, key: str, percent: Decimal, *, of_rest: bool) -> None:
        share = percent / 100
        self._left_over -= self._left_over * share if of_rest else share
        if self._left_over <= 0:
            words = "a percentage that leaves something of a payment for energy"
            raise table.mistake(key, words)

    # ------------------------------------------------------------ percentages

    def _levy(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "percent", "of", "when"))
        percent = table.number("percent", _PERCENT_WORDS, above=ZERO, most=HUNDRED)
        base = self._on_top(table, code, percent)
        self.labels.append(code)
        when = read_when(table, no_span="a levy")
        return Levy(Share(code, LineKind.LEVY, percent, base), when)

    def _vat(self, table: Table, code: str) -> Component:
        table.only(("kind", "code", "percent", "of", "included", "when"))
        words = "a percentage from 0 to 100, without its sign"
        percent = table.number("percent", words, most=HUNDRED)
        self.labels.append(code)
        if not table.flag("included"):
            share = Share(code, LineKind.TAX, percent, self._on_top(table, code, percent))
            return Levy(share, read_when(table, no_span="a tax"))
        if "when" in table:
            raise table.mistake("when", "no when for a tax that prices contain")
        base = self._base(table)
        self._included.update(c for c, index in self._codes.items() if index in base)
        self._included.add(code)
        return Inclusive(IncludedVat(code, percent, base))

    def _on_top(self, table: Table, code: str, percent: Decimal) -> tuple[int, ...]:
        """Its base; what it adds to a share of the payment is taken of the payment too."""
        base = self._base(table)
        shares = [s for c, s in self._of_payment.items() if self._codes[c] in base]
        if shares:
            self._of_payment[code] = sum(shares, ZERO) * percent / 100
            self._takes(table, "percent", self._of_payment[code], of_rest=False)
        return base

    def _base(self, table: Table) -> tuple[int, ...]:
        codes = table.texts("of", _OF_WORDS)
        included = "included" in table and table.flag("included")
        for code in codes:
            if self._nameless and code not in self._codes:
                continue  # it may mean the one without a name, which is a mistake already
            if code not in self._codes or code in self._untaxable:
                known = ", ".join(c for c in self._codes if c not in self._untaxable)
                raise table.mistake("of", f"{_OF_WORDS} ({known or 'there are none'})")
            if code in self._included or (included and code in self._shared):
                words = f'no "{code}": what has its VAT included takes no other percentage'
                raise table.mistake("of", words)
            if included and code in self.debtors:
                raise table.mistake("of", f'no "{code}": arrears are listed without their VAT')
        if len(set(codes)) != len(codes):
            raise table.mistake("of", _OF_WORDS)
        self._shared.update(codes)
        return tuple(self._codes[code] for code in codes if code in self._codes)

    def _price(self, table: Table, *, above: Decimal | None) -> Decimal:
        words = _DATED_WORDS if above is None else _PRICE_WORDS
        price = table.number("price", words, above=above, most=PRICE_MAX)
        return price.scaleb(-self._printed.minor_digits) if self._prices_in_minor else price

    def _amount(
        self, table: Table, key: str, what: str, *, above: Decimal | None = None
    ) -> Decimal:
        return table.number(key, f"an amount of {self._printed.code} {what}", above=above)


def read_when(table: Table, *, no_span: str = "") -> When:
    """The `when` of a component; `no_span` names what cannot depend on this month's units."""
    if "when" not in table:
        return ALWAYS
    rows = table.table("when", "conditions like { month_up_to = 30 }")
    rows.only(_WHEN_FIELDS)
    if not rows.names:
        raise table.mistake("when", "at least one condition, or no when")
    if no_span and ("month_above" in rows or "month_up_to" in rows):
        raise table.mistake("when", f"no month_above or month_up_to for {no_span}")
    limits = {key: tenths(rows, key) for key in _WHEN_FIELDS[:4] if key in rows}
    for name in ("month", "average"):
        low, high = limits.get(f"{name}_above"), limits.get(f"{name}_up_to")
        if high is not None and high <= (low or 0):
            raise rows.mistake(f"{name}_up_to", f"more kWh than {name}_above, above 0")
    span = None
    if "month_above" in limits or "month_up_to" in limits:
        span = Span(limits.get("month_above", 0), limits.get("month_up_to"))
    return When(
        span,
        limits.get("average_above"),
        limits.get("average_up_to"),
        _calendar(rows),
        rows.flag("entitled") if "entitled" in rows else None,
    )


def _calendar(rows: Table) -> frozenset[int]:
    if "months" not in rows:
        return frozenset()
    return frozenset(
        rows.wholes("months", "a list of months, 1 to 12, each once, like [6, 7]", 1, 12)
    )


def _skipped(table: Table) -> Skipped:
    if "skipped_months" not in table:
        return Skipped.LOST
    return Skipped(table.choice("skipped_months", tuple(Skipped)))


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
