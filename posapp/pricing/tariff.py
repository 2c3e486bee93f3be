"""A tariff as a value: its parts in order, its dates, its rule for units, its own examples.

`pack` reads one from a file; `quote` prices sales under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from posapp.domain.money import Currency
from posapp.pricing.components import Component, IncludedVat
from posapp.pricing.month import MonthLedger


class UnitRounding(StrEnum):
    """How money becomes units on the grid of 0.1 kWh; each tariff must name one."""

    UP = "up"
    NEAREST = "nearest"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Example:
    """A sale that the utility published: what was put in and what must come out.

    Either `pay_minor` with `units_tenths` (and `raw_units` in kWh before the grid), or
    `buy_tenths` with `cost` in major units. `raw_units` and `cost` hold as many decimals as
    were published. `lines` are amounts by line code.
    """

    name: str
    line: int
    month: MonthLedger
    pay_minor: int | None = None
    units_tenths: int | None = None
    raw_units: Decimal | None = None
    buy_tenths: int | None = None
    cost: Decimal | None = None
    lines: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class TariffPack:
    """One version of one tariff. `effective_*` are local times of the site; until is exclusive."""

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

    @property
    def reference(self) -> str:
        """`KE-D1@3`: what a sale and its receipt name."""
        return f"{self.code}@{self.version}"

    def is_effective(self, local: datetime) -> bool:
        """Whether a sale at `local` (the site's own time, without a zone) is under this version."""
        until = self.effective_until
        return self.effective_from <= local and (until is None or local < until)

    @cached_property
    def net_shares(self) -> tuple[Fraction, ...]:
        """For each component the share of its printed price that is no included VAT."""
        shares = [Fraction(1)] * len(self.components)
        for component in self.components:
            if isinstance(component, IncludedVat):
                for index in component.base:
                    shares[index] = component.net
        return tuple(shares)
