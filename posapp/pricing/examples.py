"""Reads the [[example]] tables of a pack: published sales, with what stood when they were made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from posapp.domain.money import Currency
from posapp.pricing.parts import ACCOUNT, minor, tenths
from posapp.pricing.reader import Table
from posapp.pricing.situation import Debt, FeeState, Rate, Situation
from posapp.pricing.tariff import Example, Expected

_GIVEN = (
    "name",
    "at",
    "bought",
    "free_taken",
    "average",
    "entitled",
    "last_bought",
    "fee_paid",
    "fees",
    "debts",
    "rate",
    "ct_ratio",
)
_EXPECTED = ("lines", "left", "free")
_OWN = {  # by whether money is put in, and whether it must be refused
    (False, False): ("buy", "cost"),
    (True, False): ("pay", "units", "raw_units"),
    (True, True): ("pay", "refused"),
}
CT_RATIO_MAX = 10_000


class Examples:
    """Reads the examples of one pack.

    `start` is the first moment of the pack, `fees` the codes of its fees, `labels` what its lines
    may be called and `debtors` the codes that stand before an account's name.
    """

    def __init__(
        self,
        unit: Currency,
        start: datetime,
        pegged: Currency | None,
        fees: Sequence[str],
        labels: Sequence[str],
        debtors: Sequence[str],
    ) -> None:
        self._unit = unit
        self._start = start
        self._pegged = pegged
        self._fees = fees
        self._labels = (*labels, "rounding", "cash_rounding")
        self._debtors = debtors

    def read(self, table: Table) -> Example:
        """One published sale. Raises MistakeError."""
        if ("pay" in table) == ("buy" in table):
            raise table.mistake("", "either pay (money) with units, or buy (kWh) with cost")
        by_money = "pay" in table
        refused = by_money and "refused" in table
        table.only((*_GIVEN, *_EXPECTED, *_OWN[by_money, refused]))
        return Example(
            name=table.text("name", "a name for the example"),
            line=table.line,
            situation=self._situation(table),
            pay_minor=minor(table, "pay", self._unit) if by_money else None,
            buy_tenths=None if by_money else tenths(table, "buy"),
            expected=self._expected(table, by_money=by_money, refused=refused),
        )

    def _expected(self, table: Table, *, by_money: bool, refused: bool) -> Expected:
        raw = cost = None
        if "raw_units" in table:
            raw = table.number("raw_units", "kWh before the grid, as published")
        if not by_money:
            cost = table.number("cost", f"what they cost in {self._unit.code}, as published")
        return Expected(
            units_tenths=tenths(table, "units") if by_money and not refused else None,
            raw_units=raw,
            cost=cost,
            free_tenths=tenths(table, "free") if "free" in table else None,
            refused_minor=minor(table, "refused", self._unit) if refused else None,
            lines=self._lines(table),
            left=self._sums(table, "left", "what is still owed, like { water = 1156.52 }"),
        )

    def _situation(self, table: Table) -> Situation:
        at = table.instant("at") if "at" in table else self._start
        rate = None
        if "rate" in table:
            if self._pegged is None:
                raise table.mistake("rate", "no rate: the pack is not pegged to a currency")
            value = table.number("rate", "what one of the other currency costs", above=Decimal(0))
            rate = Rate(self._pegged.code, value, at.date())
        return Situation(
            at=at,
            bought_tenths=tenths(table, "bought") if "bought" in table else 0,
            free_tenths=tenths(table, "free_taken") if "free_taken" in table else 0,
            average_tenths=tenths(table, "average") if "average" in table else None,
            entitled=table.flag("entitled") if "entitled" in table else False,
            last_bought=table.day("last_bought") if "last_bought" in table else None,
            fees=self._settled(table, at.date()),
            debts=self._debts(table, at.date()),
            rate=rate,
            ct_ratio=table.whole("ct_ratio", 1, CT_RATIO_MAX) if "ct_ratio" in table else 1,
        )

    def _settled(self, table: Table, day: date) -> tuple[tuple[str, FeeState], ...]:
        if "fee_paid" in table:
            if "fees" in table:
                raise table.mistake("fees", "either fee_paid for all fees, or fees one by one")
            paid = table.flag("fee_paid")
            return tuple((code, FeeState(day)) for code in self._fees) if paid else ()
        if "fees" not in table:
            return ()
        words = "fees by code, like { service = { through = 2024-07-31, owed = 200.00 } }"
        rows = table.table("fees", words)
        rows.only(self._fees)
        return tuple((code, self._fee(rows.table(code, words))) for code in rows.names)

    def _fee(self, row: Table) -> FeeState:
        row.only(("through", "owed"))
        owed = minor(row, "owed", self._unit) if "owed" in row else 0
        return FeeState(row.day("through") if "through" in row else None, owed)

    def _debts(self, table: Table, day: date) -> tuple[Debt, ...]:
        """As listed, the oldest first."""
        sums = self._sums(
            table, "debts", "what is owed by account, in small letters, like { water = 1200.00 }"
        )
        first = day - timedelta(days=len(sums))
        return tuple(
            Debt(account, owed, first + timedelta(days=place))
            for place, (account, owed) in enumerate(sums)
        )

    def _sums(self, table: Table, key: str, words: str) -> tuple[tuple[str, int], ...]:
        if key not in table:
            return ()
        rows = table.table(key, words)
        for name in rows.names:
            rows.named(name, ACCOUNT, words)
        return tuple((name, minor(rows, name, self._unit)) for name in rows.names)

    def _lines(self, table: Table) -> tuple[tuple[str, int], ...]:
        if "lines" not in table:
            return ()
        rows = table.table("lines", 'amounts by line, like { "block 1" = 511.50, vat = 211.03 }')
        accounts = [
            name
            for name in rows.names
            if name.partition(" ")[0] in self._debtors and name.partition(" ")[2]
        ]
        patterns = [f"{code} ACCOUNT" for code in self._debtors]
        rows.only((*self._labels, *patterns, *accounts))
        return tuple((name, signed_minor(rows, name, self._unit)) for name in rows.names)


def signed_minor(table: Table, key: str, unit: Currency) -> int:
    """Minor units of a line, which may be below 0."""
    words = f"an amount of {unit.code} with at most {unit.minor_digits} decimals"
    value = table.signed(key, words) * unit.scale
    if value % 1:
        raise table.mistake(key, words)
    return int(value)
