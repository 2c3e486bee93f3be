"""Reads accounts.csv (how meters' accounts stand) and rates.csv (other currencies), a row each.

`imports` finds the files and saves what is made here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from posapp.domain.energy import parse_units
from posapp.domain.meter import MeterNumber
from posapp.domain.money import CURRENCIES, Currency, parse_amount
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import InputError

# (column, must be there, what stands in it)
ACCOUNTS = (
    ("meter", True, "11 or 13 digits with a correct check digit"),
    ("as_of", True, "when it stood so: 2025-08-01T06:00, by the utility's clock"),
    ("entitled", False, "yes for customers who are listed for free units; no when empty"),
    ("average", False, "kWh a month; the till counts its own when empty"),
    ("debts", False, "account:sum:since, several with spaces: water:1200.00:2024-01-31"),
    ("fees", False, "fee:owed:paid until, several with spaces: network_charge:91.30:2024-07-31"),
)
LISTS = frozenset({"debts", "fees"})  # columns with several values in a cell
RATES = (
    ("currency", True, "ISO 4217 code of the other currency"),
    ("rate", True, "what one of it costs in the utility's currency"),
    ("stamped", True, "the day it was fixed: 2025-08-01"),
)
ROWS_OF_ACCOUNT_MAX = 24
FIRST_YEAR = 2000  # before it nobody sold with this; a year of two digits is a slip
_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")

Row = dict[str, str]


class AccountRows:
    """Makes values of rows, in the utility's currency and zone.

    Nothing may be later than `now`: a till would take what it sold before that moment for known.
    """

    def __init__(
        self, unit: Currency, zone: str, now: datetime, meters: Callable[[str], bool]
    ) -> None:
        self._unit = unit
        self._zone = ZoneInfo(zone)
        self._now = now
        self._knows = meters

    def standing(self, row: Row) -> tuple[object, Standing]:
        """How one meter's account stands. Raises InputError."""
        number = MeterNumber.parse(row["meter"])
        if not self._knows(number.digits):
            raise InputError("METER_NOT_FOUND", number=number.digits)
        average = row.get("average", "")
        return number.digits, Standing(
            number,
            self._moment(row["as_of"]),
            _yes(row),
            parse_units(average) if average else None,
            tuple(self._debts(row.get("debts", ""))),
            tuple(self._fees(row.get("fees", ""))),
        )

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
            known = moment.year >= FIRST_YEAR
        except ValueError:
            known = False
        if not known:
            raise InputError("FIELD_FORM", field="as_of", expected="2025-08-01T06:00")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        if moment > self._now:
            raise InputError("FIELD_FUTURE", field="as_of")
        return moment.astimezone(UTC)

    def _debts(self, text: str) -> Iterator[Debt]:
        for name, amount, day in _parts(text, "debts"):
            yield Debt(name, parse_amount(amount, self._unit), _day(day, "debts"))

    def _fees(self, text: str) -> Iterator[tuple[str, FeeState]]:
        for name, amount, day in _parts(text, "fees"):
            through = _day(day, "fees") if day else None
            yield name, FeeState(through, parse_amount(amount, self._unit))

    def rate(self, row: Row) -> tuple[object, Rate]:
        """What another currency costs. Raises InputError."""
        code = row["currency"].upper()
        if code not in CURRENCIES or code == self._unit.code:
            others = sorted(set(CURRENCIES) - {self._unit.code})
            raise InputError("FIELD_VALUE", field="currency", expected=", ".join(others))
        stamped = _day(row["stamped"], "stamped")
        if stamped > self._now.astimezone(self._zone).date():
            raise InputError("FIELD_FUTURE", field="stamped")
        try:
            return code, Rate(code, Decimal(row["rate"]), stamped)
        except (ValueError, ArithmeticError):
            raise InputError("FIELD_FORM", field="rate", expected="129.50") from None


def _yes(row: Row) -> bool:
    text = row.get("entitled", "").lower()
    if text not in ("", "yes", "no"):
        raise InputError("FIELD_VALUE", field="entitled", expected="yes, no")
    return text == "yes"


def _parts(text: str, field: str) -> Iterator[tuple[str, str, str]]:
    rows = text.split()
    if len(rows) > ROWS_OF_ACCOUNT_MAX:
        raise InputError("FIELD_NUMBER", field=field, low=0, high=ROWS_OF_ACCOUNT_MAX, found="more")
    names = set()
    for row in rows:
        name, amount, day = (*row.split(":"), "", "", "")[:3]
        if row.count(":") not in (1, 2) or not _NAME.fullmatch(name) or name in names:
            raise InputError("FIELD_FORM", field=field, expected="water:1200.00:2024-01-31")
        names.add(name)
        yield name, amount, day


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("FIELD_FORM", field=field, expected="2024-01-31") from None
