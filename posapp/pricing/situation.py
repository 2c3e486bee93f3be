"""What a price depends on besides the tariff: this meter's month, its fees, debts and the day.

Everything is read before a quote; the engine asks nobody. Sums are minor units of the tariff's
currency, energy is tenths of a kWh, days are the site's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from posapp.domain.standing import Debt as Debt
from posapp.domain.standing import FeeState as FeeState
from posapp.domain.standing import Rate as Rate


@dataclass(frozen=True, slots=True)
class Situation:
    """One meter at one moment.

    `at` is the site's local time, without a zone. `bought_tenths` and `free_tenths` are this
    month's before this sale; `average_tenths` a month's average of the months before, None when
    nothing is known. `entitled` says that head office lists the customer for free units.
    `last_bought` is the day of the last purchase before this month. `ct_ratio` is what a meter
    behind current transformers counts too little: a token carries units divided by it.
    """

    at: datetime
    bought_tenths: int = 0
    free_tenths: int = 0
    average_tenths: int | None = None
    entitled: bool = False
    last_bought: date | None = None
    fees: tuple[tuple[str, FeeState], ...] = ()
    debts: tuple[Debt, ...] = ()
    rate: Rate | None = None
    ct_ratio: int = 1

    @property
    def day(self) -> date:
        """The local day."""
        return self.at.date()

    def fee(self, code: str) -> FeeState:
        """How far a fee of the tariff is settled."""
        for name, state in self.fees:
            if name == code:
                return state
        return _NEVER

    def differences(self, other: Situation) -> tuple[str, ...]:
        """Which facts differ, by name, but for the time of day."""
        names = [n for n in _FACTS if getattr(self, n) != getattr(other, n)]
        return tuple(names if self.day == other.day else ["day", *names])


_NEVER = FeeState()
_FACTS = (
    "bought_tenths",
    "free_tenths",
    "average_tenths",
    "entitled",
    "last_bought",
    "fees",
    "debts",
    "rate",
    "ct_ratio",
)


def months_between(earlier: date, later: date) -> int:
    """Calendar months from one day's month to another's; 0 within a month, never below 0."""
    return max(0, (later.year - earlier.year) * 12 + later.month - earlier.month)
