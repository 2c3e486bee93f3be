"""What this till knows of a meter's account: its own sales, and how head office says it stood."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import LineKind
from posapp.domain.standing import FeeState, Rate, Standing
from posapp.ports import MeterHistory, SettledFee
from posapp.store.schema import month_of
from posapp.wire.feed import Entity, read_value

FEES_MAX = 100  # rows looked at for the newest state of each fee of a meter

# Open and sold sales count; the sums walk one meter's sales, so they need no limit.
MONTH = (
    "SELECT coalesce(sum(units_tenths), 0), coalesce(sum(free_tenths), 0) FROM sale"
    " WHERE meter = ? AND month = ? AND state IN (0, 1, 4)"
)
EARLIER = (
    "SELECT coalesce(sum(units_tenths + free_tenths), 0), count(*) FROM sale"
    " WHERE meter = ? AND month >= ? AND month < ? AND state IN (0, 1, 4)"
)
LAST_BOUGHT = (
    "SELECT business_date FROM sale"
    " WHERE meter = ? AND month < ? AND state IN (0, 1, 4) AND amount_minor > 0 AND kind = 0"
    " ORDER BY month DESC, place DESC LIMIT 1"
)
FEES = (
    "SELECT f.code, f.through, f.owed_minor, s.at_ms FROM sale s"
    " CROSS JOIN sale_fee f ON f.place = s.place"
    " WHERE s.meter = ? AND s.state IN (0, 1, 4) ORDER BY s.month DESC, s.place DESC LIMIT ?"
)
ARREARS = (
    "SELECT l.code, sum(l.amount_minor) FROM sale s"
    f" CROSS JOIN sale_line l ON l.place = s.place AND l.kind = {int(LineKind.ARREARS)}"
    " WHERE s.meter = ? AND s.at_ms > ? AND s.state IN (0, 1, 4) GROUP BY l.code"
)
STANDING = "SELECT body FROM standing WHERE meter = ?"
RATE = "SELECT rate, stamped FROM rate WHERE currency = ?"


def history(
    connection: Connection, number: MeterNumber, month: date, months: int, since: datetime | None
) -> MeterHistory:
    """See `ports.Reader.history`."""
    run, digits, this = connection.exec_driver_sql, number.digits, month_of(month)
    bought, free = run(MONTH, (digits, this)).one()
    earlier, sales = run(EARLIER, (digits, this - months, this)).one()
    last = run(LAST_BOUGHT, (digits, this)).first()
    fees: dict[str, SettledFee] = {}
    for code, through, owed, at_ms in run(FEES, (digits, FEES_MAX)):
        if code not in fees:
            day = date.fromordinal(through) if through else None
            fees[code] = SettledFee(code, FeeState(day, owed), from_epoch_ms(at_ms))
    paid: dict[str, int] = {}
    for code, amount in run(ARREARS, (digits, -1 if since is None else epoch_ms(since))):
        account = code.partition(" ")[2]
        paid[account] = paid.get(account, 0) + amount
    return MeterHistory(
        bought_tenths=bought,
        free_tenths=free,
        earlier_tenths=earlier if sales else None,
        last_bought=None if last is None else date.fromordinal(last[0]),
        fees=tuple(fees.values()),
        arrears_paid=tuple(sorted(paid.items())),
    )


def standing(connection: Connection, number: MeterNumber) -> Standing | None:
    """See `ports.Reader.standing`."""
    row = connection.exec_driver_sql(STANDING, (number.digits,)).first()
    if row is None:
        return None
    value = read_value(Entity.STANDING, cbor.decode(row[0]))
    assert isinstance(value, Standing)
    return value


def rate(connection: Connection, currency: str) -> Rate | None:
    """See `ports.Reader.rate`."""
    row = connection.exec_driver_sql(RATE, (currency,)).first()
    return None if row is None else Rate(currency, Decimal(row[0]), date.fromordinal(row[1]))
