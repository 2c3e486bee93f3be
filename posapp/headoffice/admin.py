"""What people at head office do: operators, limits, tills, one-time codes, floats, suspension.

Each function is one transaction; what tills must know of it goes down with the feed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from posapp.clock import epoch_ms
from posapp.codec import cbor, pin
from posapp.domain.energy import UNITS_TENTHS_MAX
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.role_limits import NO_LIMIT, USUAL, RoleLimits
from posapp.errors import InputError
from posapp.headoffice import feed, leases
from posapp.headoffice.office import Office
from posapp.headoffice.schema import (
    ACTIVE,
    GONE,
    SUSPENDED,
    enrol_code,
    operator,
    till,
    till_branch,
)
from posapp.wire.enrolment import CODE_BYTES, OPERATORS_MAX, VALID_HOURS, EnrolCode
from posapp.wire.feed import FREE_ISSUES_MAX, GLOBAL, Entity, body_of, read_value
from posapp.wire.fields import INT_MAX

SALT_BYTES = 16
TILL_ID_BYTES = 16
TEXT_MAX = 120
_LIMIT_MOST = {"free_issues_a_day": FREE_ISSUES_MAX, "free_tenths": UNITS_TENTHS_MAX}


@dataclass(frozen=True, slots=True)
class TillTerms:
    """What a till may do without us: float, limits a sale (minor units), days of a lease."""

    authorised_minor: int
    max_sale_minor: int
    min_sale_minor: int
    lease_days: int = leases.DAYS_DEFAULT

    def __post_init__(self) -> None:
        sums = 0 <= self.min_sale_minor <= self.max_sale_minor and self.authorised_minor >= 0
        if not sums or not 1 <= self.lease_days <= 90:
            raise InputError("TILL_TERMS_INVALID")


def add_operator(office: Office, name: str, role: str, pin_text: str) -> int:
    """A person who may sign in at every till; the number. About 50 ms for the PIN.

    Raises InputError OPERATOR_NAME, OPERATOR_ROLE, OPERATORS_TOO_MANY, PIN_FORM.
    """
    if not name.strip() or len(name) > TEXT_MAX:
        raise InputError("OPERATOR_NAME")
    if role not in set(Role):
        raise InputError("OPERATOR_ROLE", role=role, expected=", ".join(Role))
    verifier = pin.make_verifier(pin_text, office.randomness.bytes(SALT_BYTES))
    with office.write() as connection:
        last = connection.execute(select(func.max(operator.c.operator_id))).scalar_one() or 0
        here = select(func.count()).select_from(operator).where(operator.c.body != GONE)
        if connection.execute(here).scalar_one() >= OPERATORS_MAX:
            raise InputError("OPERATORS_TOO_MANY", most=OPERATORS_MAX)
        record = OperatorRecord(Operator(last + 1, name.strip(), Role(role)), verifier)
        connection.execute(insert(operator).values(operator_id=last + 1, body=GONE))
        _put_operator(connection, last + 1, record)
    return int(last) + 1


def set_pin(office: Office, number: int, pin_text: str) -> Operator:
    """A new PIN for a person, who is no longer blocked at any till; about 50 ms.

    Raises InputError OPERATOR_UNKNOWN, PIN_FORM.
    """
    verifier = pin.make_verifier(pin_text, office.randomness.bytes(SALT_BYTES))
    with office.write() as connection:
        person = _operator(connection, number)
        _put_operator(connection, number, OperatorRecord(person, verifier))
    return person


def remove_operator(office: Office, number: int) -> Operator:
    """A person leaves; the number is never given to another. Raises InputError OPERATOR_UNKNOWN."""
    with office.write() as connection:
        person = _operator(connection, number)
        _put_operator(connection, number, None)
    return person


def _operator(connection: Connection, number: int) -> Operator:
    row = None
    if 0 < number <= INT_MAX:
        row = connection.execute(operator.select().where(operator.c.operator_id == number)).first()
    if row is None or row.body == GONE:
        raise InputError("OPERATOR_UNKNOWN", number=number)
    record = read_value(Entity.OPERATOR, cbor.decode(bytes(row.body)))
    assert isinstance(record, OperatorRecord)
    return record.operator


def _put_operator(connection: Connection, number: int, record: OperatorRecord | None) -> None:
    """Write a person's row and send it down; None: the person has left."""
    body = GONE if record is None else cbor.encode(body_of(record))
    connection.execute(update(operator).where(operator.c.operator_id == number).values(body=body))
    feed.publish(connection, [feed.Change(GLOBAL, Entity.OPERATOR, str(number), record)])
    feed.sequence(connection)


def set_limits(office: Office, role: str, wanted: Mapping[str, int]) -> RoleLimits:
    """Other limits for a role at every till; what `wanted` does not name stays as it is.

    Names and units are those of `RoleLimits`. Raises InputError OPERATOR_ROLE, ROLE_LIMIT.
    """
    if role not in set(Role):
        raise InputError("OPERATOR_ROLE", role=role, expected=", ".join(Role))
    for name, value in wanted.items():
        most = _LIMIT_MOST.get(name, NO_LIMIT)
        if not 0 <= value <= most:
            raise InputError("ROLE_LIMIT", name=name, most=most)
    with office.write() as connection:
        now = _limits(connection, Role(role))
        limits = RoleLimits(
            now.role,
            wanted.get("max_sale_minor", now.max_sale_minor),
            wanted.get("free_issues_a_day", now.free_issues_a_day),
            wanted.get("free_tenths", now.free_tenths),
            wanted.get("max_void_minor", now.max_void_minor),
        )
        feed.publish(connection, [feed.Change(GLOBAL, Entity.ROLE_LIMITS, role, limits)])
        feed.sequence(connection)
    return limits


def _limits(connection: Connection, role: Role) -> RoleLimits:
    """What holds now. Limits have no table of their own: the feed keeps the newest of a role."""
    body = feed.newest(connection, GLOBAL, Entity.ROLE_LIMITS, role.value)
    if body is None:
        return USUAL[role]
    value = read_value(Entity.ROLE_LIMITS, cbor.decode(body))
    assert isinstance(value, RoleLimits)
    return value


def set_up_till(
    office: Office, code: str, name: str, vendor: str, vendor_address: str, terms: TillTerms
) -> bytes:
    """A till that may be enrolled, new or changed while it is not enrolled; its id.

    `code` is four of A-Z and 0-9, printed on its receipts. Raises InputError TILL_CODE_INVALID,
    TILL_TEXT_TOO_LONG, TILL_ALREADY_ENROLLED.
    """
    if not re.fullmatch(r"[A-Z0-9]{4}", code):
        raise InputError("TILL_CODE_INVALID", code=code[:40])
    if any(len(text) > TEXT_MAX for text in (name, vendor, vendor_address)):
        raise InputError("TILL_TEXT_TOO_LONG", most=TEXT_MAX)
    values = {
        "name": name or f"Till {code}",
        "vendor": vendor,
        "vendor_address": vendor_address,
        "authorised_minor": terms.authorised_minor,
        "max_sale_minor": terms.max_sale_minor,
        "min_sale_minor": terms.min_sale_minor,
        "lease_days": terms.lease_days,
    }
    with office.write() as connection:
        row = connection.execute(till.select().where(till.c.code == code)).first()
        if row is None:
            till_id = office.randomness.bytes(TILL_ID_BYTES)
            start = {
                "till_id": till_id,
                "code": code,
                "status": ACTIVE,
                "lease_number": 0,
                "lease_until_ms": 0,
                "software": "",
            }
            connection.execute(insert(till).values(**start, **values))
            return till_id
        _refuse_enrolled(connection, row)
        connection.execute(update(till).where(till.c.till_id == row.till_id).values(**values))
        return bytes(row.till_id)


def make_code(office: Office, till_code: str) -> EnrolCode:
    """A new one-time code for a till; an unused older one of the same till ends.

    Good for 72 hours, one till and five tries. Raises InputError TILL_UNKNOWN,
    TILL_ALREADY_ENROLLED.
    """
    with office.write() as connection:
        row = _till(connection, till_code)
        _refuse_enrolled(connection, row)
        connection.execute(delete(enrol_code).where(enrol_code.c.till_id == row.till_id))
        while True:
            code = EnrolCode.make(office.randomness.bytes(CODE_BYTES))
            taken = select(enrol_code.c.name).where(enrol_code.c.name == code.name)
            if connection.execute(taken).first() is None:
                break
        expires_ms = epoch_ms(office.clock.now()) + VALID_HOURS * 3_600_000
        connection.execute(
            insert(enrol_code).values(
                name=code.name,
                till_id=row.till_id,
                secret=code.key(),
                expires_ms=expires_ms,
                misses=0,
            )
        )
    return code


def add_float(office: Office, till_code: str, more_minor: int) -> int:
    """Let a till sell `more_minor` (> 0) more; the new authorised total, which only grows.

    Raises InputError TILL_UNKNOWN, FLOAT_NOT_POSITIVE.
    """
    if more_minor <= 0:
        raise InputError("FLOAT_NOT_POSITIVE")
    with office.write() as connection:
        row = _till(connection, till_code)
        total = int(row.authorised_minor) + more_minor
        connection.execute(
            update(till).where(till.c.till_id == row.till_id).values(authorised_minor=total)
        )
        if row.public_key is not None:
            fresh = _till(connection, till_code)
            leases.renew(connection, fresh, office.key, office.clock.now())
            feed.sequence(connection)
    return total


def set_suspended(office: Office, till_code: str, *, suspended: bool) -> None:
    """Stop serving a till (stolen, cloned) or serve it again. Raises InputError TILL_UNKNOWN."""
    status = SUSPENDED if suspended else ACTIVE
    with office.write() as connection:
        row = _till(connection, till_code)
        connection.execute(update(till).where(till.c.till_id == row.till_id).values(status=status))


def _till(connection: Connection, code: str) -> Any:
    row = connection.execute(till.select().where(till.c.code == code)).first()
    if row is None:
        raise InputError("TILL_UNKNOWN", code=code[:40])
    return row


def _refuse_enrolled(connection: Connection, row: Any) -> None:
    """A till that has spoken keeps its key: a second one would number its receipts again."""
    if row.public_key is None:
        return
    sent = connection.execute(
        select(func.max(till_branch.c.seq)).where(till_branch.c.till_id == row.till_id)
    ).scalar_one()
    if sent or row.last_seen_ms is not None:
        raise InputError("TILL_ALREADY_ENROLLED", code=row.code)
