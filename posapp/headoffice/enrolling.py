"""Takes a new till in: its code is checked, counted and used up in one transaction.

The same key may ask again and gets the same answer, for its first answer may have been lost;
but not after the till's first hello or the code's end: a captured frame is worth nothing then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from posapp.clock import epoch_ms
from posapp.codec import cbor
from posapp.domain.operator import OperatorRecord
from posapp.errors import InputError
from posapp.headoffice import feed, leases
from posapp.headoffice.office import Office
from posapp.headoffice.schema import ACTIVE, GONE, enrol_code, operator, till, till_branch
from posapp.journal.chain import genesis
from posapp.wire.enrolment import OPERATORS_MAX, TRIES_MAX, EnrolmentAnswer, EnrolRequest
from posapp.wire.envelope import Frame
from posapp.wire.feed import Entity, read_value

FIRST_EPOCH = 1


def enrol(office: Office, frame: Frame, data: bytes) -> dict[int, Any]:
    """The body of the answer.

    Raises InputError ENROL_CODE_WRONG, _BLOCKED, _EXPIRED, _USED; TILL_SUSPENDED.
    """
    request = EnrolRequest.from_body(frame.claimed_body())
    frame.open(request.public_key)  # whoever asks holds the private key
    with office.write() as connection:
        code = connection.execute(
            enrol_code.select().where(enrol_code.c.name == request.code_name)
        ).first()
        refusal = _refusal(connection, code, request, office)
        answer = None if refusal else _accept(connection, code, request, office)
    if answer is None or code is None:
        raise InputError(refusal)
    return answer.to_body(bytes(code.secret), data)


def _refusal(connection: Connection, code: Any, request: EnrolRequest, office: Office) -> str:
    if code is None:
        return "ENROL_CODE_WRONG"
    if code.misses >= TRIES_MAX:
        return "ENROL_CODE_BLOCKED"
    if not request.proven(bytes(code.secret)):
        connection.execute(
            update(enrol_code)
            .where(enrol_code.c.name == code.name)
            .values(misses=enrol_code.c.misses + 1)
        )
        return "ENROL_CODE_WRONG"
    one = connection.execute(till.select().where(till.c.till_id == code.till_id)).one()
    if code.used_by is not None:
        foreign = bytes(code.used_by) != request.public_key
        if foreign or one.last_seen_ms is not None:
            return "ENROL_CODE_USED"
    if epoch_ms(office.clock.now()) > code.expires_ms:
        return "ENROL_CODE_EXPIRED"
    return "" if one.status == ACTIVE else "TILL_SUSPENDED"


def _accept(
    connection: Connection, code: Any, request: EnrolRequest, office: Office
) -> EnrolmentAnswer:
    till_id = bytes(code.till_id)
    mine = till.c.till_id == till_id
    if code.used_by is None:
        connection.execute(
            update(enrol_code)
            .where(enrol_code.c.name == code.name)
            .values(used_by=request.public_key)
        )
        connection.execute(
            update(till)
            .where(mine)
            .values(public_key=request.public_key, software=request.software)
        )
        _begin_branch(connection, till_id)
        row = connection.execute(till.select().where(mine)).one()
        leases.renew(connection, row, office.key, office.clock.now())
        feed.sequence(connection)
    row = connection.execute(till.select().where(mine)).one()
    site = office.utility.site(till_id, row.code, row.name, row.vendor, row.vendor_address)
    return EnrolmentAnswer(
        site, office.key.public, _operators(connection), leases.current(row, office.key)
    )


def _begin_branch(connection: Connection, till_id: bytes) -> None:
    mine = (till_branch.c.till_id == till_id) & (till_branch.c.epoch == FIRST_EPOCH)
    if connection.execute(select(till_branch.c.seq).where(mine)).first() is not None:
        return  # an earlier code was used and its answer never came to anything
    start = genesis(till_id, FIRST_EPOCH).hash
    connection.execute(
        insert(till_branch).values(
            till_id=till_id,
            epoch=FIRST_EPOCH,
            seq=0,
            hash=start,
            genesis=start,
            projected_seq=0,
        )
    )


def _operators(connection: Connection) -> tuple[OperatorRecord, ...]:
    here = operator.c.body != GONE
    rows = connection.execute(
        operator.select().where(here).order_by(operator.c.operator_id).limit(OPERATORS_MAX)
    ).all()
    found = []
    for row in rows:
        value = read_value(Entity.OPERATOR, cbor.decode(bytes(row.body)))
        assert isinstance(value, OperatorRecord)
        found.append(value)
    return tuple(found)
