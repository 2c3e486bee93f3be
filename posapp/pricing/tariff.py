"""A tariff as a value: its components in order, its dates, its rules, its own examples.

`pack` reads one from a file; `terms` binds it to a meter; `quote` prices sales under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from posapp.domain.money import Currency
from posapp.pricing.components import Component, FreeBasic, Inclusive, MoneyCredit
from posapp.pricing.exact import MoneyRounding, UnitRounding
from posapp.pricing.situation import Situation


@dataclass(frozen=True, slots=True)
class Pegged:
    """Prices in another currency; each quote stamps the rate it was made with.

    A converted price is rounded half up to `decimals` of a major unit, kept exact for None. A
    rate older than `days_max` days prices nothing.
    """

    currency: Currency
    decimals: int | None
    days_max: int


@dataclass(frozen=True, slots=True)
class CashRounding:
    """The smallest coin: a sum asked for in cash is a multiple of `step_minor`."""

    step_minor: int
    rule: MoneyRounding


@dataclass(frozen=True, slots=True)
class InvoiceTitle:
    """What the receipt of a sale of `from_minor` and more is called, and what it must say."""

    from_minor: int
    title: str
    note: str = ""

    @property
    def words(self) -> tuple[str, str]:
        """Title and note."""
        return self.title, self.note


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out of an example; None where the table does not print it."""

    units_tenths: int | None = None
    raw_units: Decimal | None = None
    cost: Decimal | None = None
    free_tenths: int | None = None
    refused_minor: int | None = None
    lines: tuple[tuple[str, int], ...] = ()
    left: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A sale that the utility published: either `pay_minor` or `buy_tenths` was put in.

    Decimals of what is expected hold as many digits as were published; `lines` are amounts by
    line code, `left` what fees and accounts still owe.
    """

    name: str
    line: int
    situation: Situation
    pay_minor: int | None
    buy_tenths: int | None
    expected: Expected


@dataclass(frozen=True)
class TariffPack:
    """One version of one tariff. `effective_*` are local times of the site; until is exclusive.

    `average_months` is how many months before this one an average is taken of.
    `gives_change` says that what buys no whole step goes back to the customer.
    """

    code: str
    version: int
    name: str
    currency: Currency
    effective_from: datetime
    effective_until: datetime | None
    unit_rounding: UnitRounding
    components: tuple[Component, ...]
    examples: tuple[Example, ...]
    sources: tuple[str, ...]
    money_rounding: MoneyRounding = MoneyRounding.HALF_UP
    gives_change: bool = False
    average_months: int = 12
    pegged: Pegged | None = None
    cash_rounding: CashRounding | None = None
    invoices: tuple[InvoiceTitle, ...] = ()

    @property
    def reference(self) -> str:
        """`KE-D1@3`: what a sale and its receipt name."""
        return f"{self.code}@{self.version}"

    def is_effective(self, local: datetime) -> bool:
        """Whether a sale at `local` (the site's own time, without a zone) is under this version."""
        until = self.effective_until
        return self.effective_from <= local and (until is None or local < until)

    def invoice(self, amount_minor: int) -> InvoiceTitle | None:
        """What the receipt of a sale is called; None where the tariff does not say."""
        found = [rule for rule in self.invoices if rule.from_minor <= amount_minor]
        return found[-1] if found else None

    @cached_property
    def sells_money(self) -> bool:
        """Whether its tokens carry money, for meters that have the tariff in themselves."""
        return any(isinstance(c, MoneyCredit) for c in self.components)

    @cached_property
    def free(self) -> tuple[FreeBasic, ...]:
        """Its free units; a customer gets those of the first whose conditions hold."""
        return tuple(c for c in self.components if isinstance(c, FreeBasic))

    @cached_property
    def net_shares(self) -> tuple[Fraction, ...]:
        """For each component the share of its printed price that is no included VAT."""
        shares = [Fraction(1)] * len(self.components)
        for component in self.components:
            if isinstance(component, Inclusive):
                for index in component.vat.base:
                    shares[index] = component.vat.net
        return tuple(shares)
