"""What the counter asks of people and orders: limits, quotas, signatures, key changes, payments."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from posapp.clock import from_epoch_ms
from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Role
from posapp.domain.role_limits import USUAL, RoleLimits
from posapp.ports.counter import Signature

LIMITS = (
    "SELECT max_sale_minor, free_issues_a_day, free_tenths, max_void_minor"
    " FROM role_limit WHERE role = ? LIMIT 1"
)
FREE_ISSUES = (  # the index holds free issues only; a person's day is the limit
    "SELECT count(*) FROM sale WHERE business_date = ? AND operator_id = ? AND kind = 2"
    " AND state IN (0, 1, 4)"
)
SIGNATURES = (
    "SELECT at_ms, operation, first_id, second_id, reason, note, subject FROM override_signed"
    " WHERE business_date = ? ORDER BY place LIMIT ?"
)
# Asked only for a meter that is to get another key; walks that meter's sales, newest first.
KEY_CHANGE = (
    "SELECT s.place FROM sale s WHERE s.meter = ? AND s.state = 1"
    " AND EXISTS (SELECT 1 FROM token t WHERE t.place = s.place AND t.kind = 3)"
    " ORDER BY s.month DESC, s.place DESC LIMIT 1"
)
KEY_ANSWER = "SELECT took FROM key_answer WHERE sale_place = ? LIMIT 1"
REFUNDED = "SELECT coalesce(sum(amount_minor), 0) FROM refund WHERE sale_place = ?"


def role_limits(connection: Connection, role: Role) -> RoleLimits:
    """See `ports.Reader.role_limits`."""
    row = connection.exec_driver_sql(LIMITS, (role.value,)).first()
    return USUAL[role] if row is None else RoleLimits(role, *row)


def free_issues(connection: Connection, operator_id: int, day: date) -> int:
    """See `ports.Reader.free_issues`."""
    row = connection.exec_driver_sql(FREE_ISSUES, (day.toordinal(), operator_id)).one()
    return int(row[0])


def signatures_on(connection: Connection, day: date, limit: int) -> tuple[Signature, ...]:
    """See `ports.Reader.signatures_on`."""
    rows = connection.exec_driver_sql(SIGNATURES, (day.toordinal(), limit))
    return tuple(
        Signature(from_epoch_ms(at_ms), operation, first, second, reason, note, subject or b"")
        for at_ms, operation, first, second, reason, note, subject in rows
    )


def key_change_place(connection: Connection, number: MeterNumber) -> int | None:
    """The place of the newest sold order to a meter that made a key-change set."""
    row = connection.exec_driver_sql(KEY_CHANGE, (number.digits,)).first()
    return None if row is None else int(row[0])


def key_answer(connection: Connection, place: int) -> bool | None:
    """What the customer said of the set made at `place`; None: nobody has asked yet."""
    row = connection.exec_driver_sql(KEY_ANSWER, (place,)).first()
    return None if row is None else bool(row[0])


def refunded_minor(connection: Connection, place: int) -> int:
    """What was asked back of the sale at `place` so far."""
    return int(connection.exec_driver_sql(REFUNDED, (place,)).one()[0])
