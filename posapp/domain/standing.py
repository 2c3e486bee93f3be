"""What a tariff needs to know of a customer's account: fees, debts, averages, exchange rates.

Head office says how an account stood at one moment; the till goes on from there by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from posapp.domain.meter import MeterNumber

RATE_DECIMALS_MAX = 12
RATE_END = 10**9  # no currency is worth so much of another


@dataclass(frozen=True, slots=True)
class FeeState:
    """How far a fee is settled. `through` is the last day it was charged for (None: never).

    `owed_minor` was charged and not paid yet, without its taxes.
    """

    through: date | None = None
    owed_minor: int = 0


@dataclass(frozen=True, slots=True)
class Debt:
    """Arrears of one account, as the tariff's rule takes them back. `since` orders them."""

    account: str
    balance_minor: int
    since: date


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of another currency costs in the tariff's; head office stamps the day.

    Raises ValueError for a rate that is no price.
    """

    currency: str
    rate: Decimal
    stamped: date

    def __post_init__(self) -> None:
        exponent = self.rate.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -RATE_DECIMALS_MAX:
            raise ValueError("rate")
        if not 0 < self.rate < RATE_END:
            raise ValueError("rate")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a meter's account stood at `as_of` (aware UTC), every sale before it included.

    `average_tenths` is a month's average of the tariff's months, None when head office leaves it
    to the till; `entitled` says that the customer is listed for free units. `fees` are by code.
    """

    meter: MeterNumber
    as_of: datetime
    entitled: bool = False
    average_tenths: int | None = None
    debts: tuple[Debt, ...] = ()
    fees: tuple[tuple[str, FeeState], ...] = ()
