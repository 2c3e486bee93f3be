"""The components a pack is written with, each able to say what it is in one situation.

`parts` reads them from a file; bound to a situation they are the parts of `curve` and `dues`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

from posapp.domain.sale import LineKind
from posapp.errors import SaleError
from posapp.pricing.curve import (
    Absent,
    Block,
    Credit,
    Energy,
    FreeUnits,
    Month,
    Part,
    Span,
    SpanFee,
)
from posapp.pricing.curve import IncludedVat as IncludedVat
from posapp.pricing.curve import Share as Share
from posapp.pricing.dues import NO_CAP, ArrearsDue, Cap, ChannelDue, FeeAsleep, FeeDue
from posapp.pricing.exact import half_up, plain, step_minor
from posapp.pricing.situation import FeeState, Situation, months_between


@dataclass(frozen=True, slots=True)
class When:
    """For whom and when a component holds. Tenths of kWh; an average not known counts as 0.

    `span` looks at the month with this sale in it, all else at what was before.
    """

    span: Span | None = None
    average_above: int | None = None
    average_up_to: int | None = None
    months: frozenset[int] = frozenset()
    entitled: bool | None = None

    def holds(self, situation: Situation) -> bool:
        """Whether everything but the span holds."""
        average = situation.average_tenths or 0
        return (
            (self.average_above is None or average > self.average_above)
            and (self.average_up_to is None or average <= self.average_up_to)
            and (not self.months or situation.at.month in self.months)
            and (self.entitled is None or situation.entitled is self.entitled)
        )


ALWAYS = When()


@dataclass(frozen=True, slots=True)
class Binding:
    """What binds a component: the situation, where its month stands, and money's conversions.

    `rate` is what prices are multiplied with (1 in the tariff's own currency) and `decimals` to
    what a converted price is rounded half up (None: not at all); `scale` is minor units in a major
    one; `free` is whose free units this customer gets.
    """

    situation: Situation
    month: Month
    rate: Decimal
    decimals: int | None
    scale: int
    free: FreeBasic | None = None

    def price(self, printed: Decimal) -> Decimal:
        """A printed price or sum in the currency that is paid, in major units."""
        converted = printed * self.rate
        if self.decimals is None:
            return converted
        return Decimal(half_up(converted.scaleb(self.decimals))).scaleb(-self.decimals)

    def minor(self, printed: Decimal) -> Decimal:
        """The same in minor units."""
        return self.price(printed) * self.scale


class Component(Protocol):
    """One part of a tariff as its file says it."""

    @property
    def code(self) -> str:
        """Its name in the pack and on the lines."""
        ...

    def bind(self, binding: Binding) -> Part:
        """What it is in a situation. Raises SaleError where the pack says nothing of it."""
        ...


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A row of the printed table; `up_to_tenths` None is without end."""

    label: str
    up_to_tenths: int | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class BlockEnergy:
    """Energy in blocks of the month. With `adds_up` the months without a purchase add theirs."""

    code: str
    rows: tuple[BlockRow, ...]
    adds_up: bool = False
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        situation = binding.situation
        if not self.when.holds(situation):
            return Absent(self.code)
        months = 1
        if self.adds_up and situation.last_bought is not None:
            months = max(1, months_between(situation.last_bought, situation.day))
        blocks = []
        for row in self.rows:
            price = binding.price(row.price)
            end = None if row.up_to_tenths is None else row.up_to_tenths * months
            blocks.append(Block(row.label, end, price, step_minor(price, binding.scale)))
        return Energy(self.code, LineKind.ENERGY, tuple(blocks), binding.month, self.when.span)


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price a kWh from a local moment on."""

    since: datetime | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class PerKwh:
    """One price for every kWh, which may change from date to date."""

    code: str
    kind: LineKind
    prices: tuple[DatedPrice, ...]
    until: datetime | None = None
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        situation = binding.situation
        if not self.when.holds(situation):
            return Absent(self.code)
        found = [p for p in self.prices if p.since is None or p.since <= situation.at]
        if not found or (self.until is not None and situation.at >= self.until):
            raise SaleError("TARIFF_PRICE_MISSING", component=self.code, day=situation.day)
        if not found[-1].price:
            return Absent(self.code)
        price = binding.price(found[-1].price)
        block = Block(self.code, None, price, step_minor(price, binding.scale))
        return Energy(self.code, self.kind, (block,), binding.month, self.when.span)


class Skipped(StrEnum):
    """What becomes of the fees of months in which nothing was bought."""

    LOST = "lost"
    ADD_UP = "add_up"


@dataclass(frozen=True, slots=True)
class MonthlyFee:
    """A fixed sum a calendar month, due with the first sale; what a cap leaves stays owed."""

    code: str
    amount: Decimal
    skipped: Skipped = Skipped.LOST
    months_max: int | None = None
    cap: Cap = NO_CAP
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        holds = self.when.holds(binding.situation)
        if self.when.span is not None:
            amount = binding.minor(self.amount)
            span = self.when.span
            return SpanFee(self.code, amount, binding.month, span) if holds else Absent(self.code)
        state = binding.situation.fee(self.code)
        if not holds:
            return _asleep(self.code, state, binding.situation.day)
        months = self._months(state, binding.situation.day)
        return _fee_due(self, state, months, binding)

    def _months(self, state: FeeState, day: date) -> int:
        if state.through is None:
            return 1
        months = months_between(state.through, day)
        if self.skipped is Skipped.LOST:
            return min(1, months)
        return months if self.months_max is None else min(months, self.months_max)


def _asleep(code: str, state: FeeState, day: date) -> Part:
    """What is not charged now is not charged later either; one never charged has no time yet."""
    if state.through is None or state.through >= day:
        return Absent(code)
    return FeeAsleep(code, state.owed_minor)


@dataclass(frozen=True, slots=True)
class DailyFee:
    """A fixed sum for each day since the last sale; what a cap leaves stays owed."""

    code: str
    amount: Decimal
    days_max: int | None = None
    cap: Cap = NO_CAP
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        situation = binding.situation
        state = situation.fee(self.code)
        if not self.when.holds(situation):
            return _asleep(self.code, state, situation.day)
        days = 0 if state.through is None else max(0, (situation.day - state.through).days)
        if self.days_max is not None:
            days = min(days, self.days_max)
        return _fee_due(self, state, days, binding)


def _fee_due(fee: MonthlyFee | DailyFee, state: FeeState, times: int, binding: Binding) -> FeeDue:
    """So many months or days of a fee, and what is owed from before."""
    owed = state.owed_minor + times * binding.minor(fee.amount)
    parts = []
    if state.owed_minor:
        before = Decimal(state.owed_minor) / binding.scale
        parts.append(plain(before.quantize(1 / Decimal(binding.scale))))
    if times:
        parts.append(f"{times} x {plain(binding.price(fee.amount))}")
    told = " + ".join(parts) if times != 1 or len(parts) > 1 else ""
    return FeeDue(fee.code, Fraction(owed), fee.cap, told, state.through is None)


@dataclass(frozen=True, slots=True)
class ChannelFee:
    """What the place of sale takes for each sale."""

    code: str
    amount: Decimal
    percent: Decimal
    least: Decimal
    most: Decimal | None
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        if not self.when.holds(binding.situation):
            return Absent(self.code)
        most = None if self.most is None else binding.minor(self.most)
        return ChannelDue(
            self.code,
            binding.minor(self.amount),
            self.percent,
            binding.minor(self.least),
            most,
            NO_CAP,
        )


class Order(StrEnum):
    """Which of several debts is paid back first."""

    OLDEST = "oldest"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Arrears:
    """Debts paid back with each sale: of `accounts`, or of all where there are none named."""

    code: str
    accounts: tuple[str, ...]
    order: Order
    cap: Cap
    when: When = ALWAYS

    def bind(self, binding: Binding) -> Part:
        situation = binding.situation
        debts = [d for d in situation.debts if d.balance_minor > 0]
        if self.accounts:
            debts = [d for d in debts if d.account in self.accounts]
        if not debts or not self.when.holds(situation):
            return Absent(self.code)
        if self.order is Order.OLDEST:
            debts.sort(key=lambda debt: (debt.since, debt.account))
        else:
            debts.sort(key=lambda debt: self.accounts.index(debt.account))
        return ArrearsDue(self.code, tuple(debts), self.cap)


@dataclass(frozen=True, slots=True)
class FreeBasic:
    """Units of the month that cost nothing, claimed once; what is not claimed is lost."""

    code: str
    units_tenths: int
    counts_in_blocks: bool
    when: When = ALWAYS

    def due_tenths(self, situation: Situation) -> int:
        """What may still be claimed this month by those it is for."""
        return max(0, self.units_tenths - situation.free_tenths)

    def bind(self, binding: Binding) -> Part:
        due = self.due_tenths(binding.situation) if binding.free is self else 0
        return FreeUnits(self.code, due) if due else Absent(self.code)


@dataclass(frozen=True, slots=True)
class MoneyCredit:
    """What is left of the payment goes onto a meter that counts money."""

    code: str

    def bind(self, binding: Binding) -> Part:
        return Credit(self.code)


@dataclass(frozen=True, slots=True)
class Levy:
    """A levy or a tax on top: a percentage of the components at `base`."""

    share: Share
    when: When = ALWAYS

    @property
    def code(self) -> str:
        return self.share.code

    def bind(self, binding: Binding) -> Part:
        return self.share if self.when.holds(binding.situation) else Absent(self.code)


@dataclass(frozen=True, slots=True)
class Inclusive:
    """A tax that the prices at its base contain."""

    vat: IncludedVat

    @property
    def code(self) -> str:
        return self.vat.code

    def bind(self, binding: Binding) -> Part:
        return self.vat
