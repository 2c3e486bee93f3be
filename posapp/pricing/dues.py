"""What a payment settles before it buys energy: fees, arrears, the channel's own fee.

A due may depend on the sum paid, never on the units. It is counted without its taxes; the caps a
tariff prints are of what the customer pays, with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from posapp.domain.sale import LineKind, SaleLine
from posapp.pricing.curve import Sold
from posapp.pricing.exact import NOTHING
from posapp.pricing.situation import Debt


@dataclass(frozen=True, slots=True)
class Cap:
    """The most a payment gives to a due: a percentage, of what is left if `of_rest`; a sum."""

    percent: Decimal | None = None
    of_rest: bool = False
    most_minor: Decimal | None = None

    def limit(self, payment: Fraction, left: Fraction) -> Fraction:
        """Minor units with taxes, of a payment of which `left` is not given away yet."""
        found = left
        if self.percent is not None:
            whole = left if self.of_rest else payment
            found = min(found, whole * Fraction(self.percent) / 100)
        if self.most_minor is not None:
            found = min(found, Fraction(self.most_minor))
        return found


NO_CAP = Cap()


class Due(Protocol):
    """A part that takes its sum first. On the curve of units it costs nothing."""

    @property
    def code(self) -> str:
        """Its name in the pack and on the lines."""
        ...

    @property
    def depends_on_payment(self) -> bool:
        """Whether a larger payment may settle more of it."""
        ...

    def owed(self, payment: Fraction) -> Fraction:
        """What there is to settle, in minor units without taxes."""
        ...

    @property
    def cap(self) -> Cap:
        """The most that a payment gives to it."""
        ...


def settle(due: Due, payment: Fraction, left: Fraction, factor: Fraction) -> Fraction:
    """What a payment settles, with its taxes; `factor` is a sum with its taxes over it."""
    return min(due.owed(payment) * factor, due.cap.limit(payment, left))


@dataclass(frozen=True, slots=True)
class _Flat:
    """On the curve of units a due is nothing."""

    def breaks(self) -> tuple[int, ...]:
        return ()

    def cost(self, halves: int, earlier: Sequence[Decimal]) -> Decimal:
        return NOTHING


@dataclass(frozen=True, slots=True)
class FeeDue(_Flat):
    """A fee of months or days, with what is still owed from before.

    `parts` says how it came about, `3 x 70` or `91.30 + 1 x 200`; nothing for once the fee.
    `first` says that it was never charged before: from now on it is counted.
    """

    code: str
    owed_minor: Fraction
    cap: Cap
    parts: str = ""
    first: bool = False

    @property
    def depends_on_payment(self) -> bool:
        return self.cap.percent is not None and self.owed_minor > 0

    def owed(self, payment: Fraction) -> Fraction:
        return self.owed_minor

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        amount = sold.minor(sold.dues[index] * net)
        if not self.owed_minor:
            return ()
        return (SaleLine(LineKind.FEE, self.code, amount, rate=self.parts),)


@dataclass(frozen=True, slots=True)
class FeeAsleep(_Flat):
    """A fee whose condition does not hold: the time up to this sale passes without it."""

    code: str
    owed_minor: int

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class ArrearsDue(_Flat):
    """Debts of one or more accounts, in the order they are paid back."""

    code: str
    debts: tuple[Debt, ...]
    cap: Cap

    @property
    def depends_on_payment(self) -> bool:
        return self.cap.percent is not None

    def owed(self, payment: Fraction) -> Fraction:
        return Fraction(sum(debt.balance_minor for debt in self.debts))

    def shares(self, amount_minor: int) -> tuple[tuple[Debt, int], ...]:
        """Who gets how much of a sum: each debt is paid off before the next gets anything."""
        found = []
        for debt in self.debts:
            part = min(amount_minor, debt.balance_minor)
            found.append((debt, part))
            amount_minor -= part
        return tuple(found)

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        shares = self.shares(sold.minor(sold.dues[index]))
        return tuple(
            SaleLine(LineKind.ARREARS, f"{self.code} {debt.account}", part)
            for debt, part in shares
            if part
        )


@dataclass(frozen=True, slots=True)
class ChannelDue(_Flat):
    """What the place of sale takes for each sale: a sum, a percentage of the payment, or both."""

    code: str
    amount_minor: Decimal
    percent: Decimal
    least_minor: Decimal
    most_minor: Decimal | None
    cap: Cap

    @property
    def depends_on_payment(self) -> bool:
        return self.percent != 0

    def owed(self, payment: Fraction) -> Fraction:
        fee = Fraction(self.amount_minor) + payment * Fraction(self.percent) / 100
        fee = max(fee, Fraction(self.least_minor))
        return fee if self.most_minor is None else min(fee, Fraction(self.most_minor))

    def lines(self, sold: Sold, index: int, net: Fraction) -> tuple[SaleLine, ...]:
        return (SaleLine(LineKind.FEE, self.code, sold.minor(sold.dues[index] * net)),)


DUES = (FeeDue, ArrearsDue, ChannelDue)  # each of them a Due; a Protocol is slow to ask for
