"""What a till heard at the counter of a key change that head office wants.

A confirmed change counts once, and only while it is the one that is wanted: journals that are
booked again, and answers that come late, change nothing.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select, update

from posapp.codec import cbor
from posapp.domain.meter import Meter
from posapp.domain.sale import KeyTarget
from posapp.headoffice import feed
from posapp.headoffice.schema import meter
from posapp.wire.feed import GLOBAL, Entity, body_of, read_value


def confirm(connection: Connection, number: str, took: KeyTarget) -> bool:
    """The wanted key becomes the present one and goes down with the meter; false: nothing to do.

    `number` is the meter's digits, `took` the key of the set that was made for it.
    """
    query = select(meter.c.body).where(meter.c.number == number).with_for_update()
    body = connection.execute(query).scalar_one_or_none()
    if body is None:
        return False
    known = _read(bytes(body))
    wanted = known.pending
    if wanted is None or (wanted.sgc, wanted.krn, wanted.ti) != (took.sgc, took.krn, took.ti):
        return False
    changed = replace(known, configuration=wanted, pending=None)
    row = update(meter).where(meter.c.number == number)
    connection.execute(row.values(body=cbor.encode(body_of(changed))))
    feed.publish(connection, [feed.Change(GLOBAL, Entity.METER, number, changed)])
    return True


def settled(row: Meter, here: bytes | None) -> Meter:
    """What to keep of a utility's row that still asks for the key which the meter has by now.

    `here` is the meter's body from before, None for a new meter.
    """
    if row.pending is None or here is None or _read(here).configuration != row.pending:
        return row
    return replace(row, configuration=row.pending, pending=None)


def _read(body: bytes) -> Meter:
    value = read_value(Entity.METER, cbor.decode(body))
    assert isinstance(value, Meter)
    return value
