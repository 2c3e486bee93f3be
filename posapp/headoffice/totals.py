"""What the tills sold on a business date, from the projections: to compare with their own sums.

Money is minor units by currency; energy tenths of a kWh; only sales whose token was made count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from posapp.domain.sale import OPEN_STATES, SOLD_STATES
from posapp.headoffice.schema import dead_letter, incident, posting, sale, till, till_branch
from posapp.journal.postings import Account, Booking

_SOLD = [state.value for state in SOLD_STATES]
_OPEN = [state.value for state in OPEN_STATES]
_OF_SALES = [
    int(kind)
    for kind in Booking
    if kind not in (Booking.OPENING, Booking.CASH, Booking.CLOSING, Booking.COMMISSION)
]


@dataclass(frozen=True, slots=True)
class TillTotals:
    """One till's business date in one currency.

    `unresolved` counts sales whose outcome has not come yet; `accounts` are the sums of its
    sales' postings by account name, which add up to zero; `seq` is how far its journal is here.
    """

    till: str
    currency: str
    sales: int
    amount_minor: int
    units_tenths: int
    unresolved: int
    accounts: dict[str, int] = field(default_factory=dict)
    seq: int = 0
    waiting: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "till": self.till,
            "currency": self.currency,
            "sales": self.sales,
            "amount_minor": self.amount_minor,
            "units_tenths": self.units_tenths,
            "unresolved": self.unresolved,
            "accounts": self.accounts,
            "journal_seq": self.seq,
            "entries_waiting": self.waiting,
        }


@dataclass(frozen=True, slots=True)
class DayTotals:
    """All tills of a business date, by till code.

    `incidents` counts what any till ever sent and head office could not take: other histories
    (a cloned or restored store), unreadable batches. It must be 0; each needs a person.
    """

    date: date
    tills: tuple[TillTotals, ...]
    incidents: int = 0

    @property
    def sales(self) -> int:
        return sum(one.sales for one in self.tills)

    @property
    def amount_minor(self) -> dict[str, int]:
        """By currency."""
        sums: dict[str, int] = {}
        for one in self.tills:
            sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
        return sums

    @property
    def units_tenths(self) -> int:
        return sum(one.units_tenths for one in self.tills)

    def to_json(self) -> dict[str, Any]:
        return {
            "date": self.date.isoformat(),
            "sales": self.sales,
            "amount_minor": self.amount_minor,
            "units_tenths": self.units_tenths,
            "incidents": self.incidents,
            "tills": [one.to_json() for one in self.tills],
        }


def totals(connection: Connection, day: date) -> DayTotals:
    """The totals of one business date; a till without sales on it is left out."""
    number = day.toordinal()
    sums: dict[tuple[bytes, str], dict[str, int]] = {}
    states = (
        select(
            sale.c.till_id,
            sale.c.currency,
            sale.c.state,
            func.count().label("sales"),
            func.sum(sale.c.amount_minor).label("amount_minor"),
            func.sum(sale.c.units_tenths).label("units_tenths"),
        )
        .where(sale.c.business_date == number)
        .group_by(sale.c.till_id, sale.c.currency, sale.c.state)
    )
    for row in connection.execute(states):
        one = sums.setdefault((bytes(row.till_id), row.currency), _zero())
        if row.state in _SOLD:
            one["sales"] += int(row.sales)
            one["amount_minor"] += int(row.amount_minor)
            one["units_tenths"] += int(row.units_tenths)
        elif row.state in _OPEN:
            one["unresolved"] += int(row.sales)
    accounts = _accounts(connection, number)
    places = _places(connection)
    found = [
        TillTotals(
            till=places[till_id][0],
            currency=currency,
            **one,
            accounts=accounts.get((till_id, currency), {}),
            seq=places[till_id][1],
            waiting=places[till_id][2],
        )
        for (till_id, currency), one in sums.items()
    ]
    found.sort(key=lambda one: (one.till, one.currency))
    incidents = connection.execute(select(func.count()).select_from(incident)).scalar_one()
    return DayTotals(day, tuple(found), int(incidents))


def _zero() -> dict[str, int]:
    return {"sales": 0, "amount_minor": 0, "units_tenths": 0, "unresolved": 0}


def _accounts(connection: Connection, number: int) -> dict[tuple[bytes, str], dict[str, int]]:
    query = (
        select(
            posting.c.till_id,
            posting.c.currency,
            posting.c.account,
            func.sum(posting.c.amount_minor).label("amount_minor"),
        )
        .where(posting.c.business_date == number, posting.c.booking.in_(_OF_SALES))
        .group_by(posting.c.till_id, posting.c.currency, posting.c.account)
        .order_by(posting.c.account)
    )
    found: dict[tuple[bytes, str], dict[str, int]] = {}
    for row in connection.execute(query):
        name = Account(row.account).name
        found.setdefault((bytes(row.till_id), row.currency), {})[name] = int(row.amount_minor)
    return found


def _places(connection: Connection) -> dict[bytes, tuple[str, int, int]]:
    """For each till its code, its newest journal position here, and what is not projected."""
    letters = {
        bytes(row.till_id): int(row.letters)
        for row in connection.execute(
            select(dead_letter.c.till_id, func.count().label("letters")).group_by(
                dead_letter.c.till_id
            )
        )
    }
    query = select(
        till.c.till_id, till.c.code, till_branch.c.seq, till_branch.c.projected_seq
    ).join(till_branch, till_branch.c.till_id == till.c.till_id)
    found: dict[bytes, tuple[str, int, int]] = {}
    for row in connection.execute(query.order_by(till_branch.c.epoch)):
        waiting = row.seq - row.projected_seq + letters.get(bytes(row.till_id), 0)
        found[bytes(row.till_id)] = row.code, row.seq, waiting
    return found
