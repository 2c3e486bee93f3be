"""Leases: how long and how much a till may sell without us; renewed whenever it says hello.

The authorised total only grows and validity is short, so a lost, doubled or late lease makes no
money and a stolen till is worth what is left of its float.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.headoffice import feed
from posapp.headoffice.schema import till
from posapp.wire.feed import Entity, till_scope
from posapp.wire.lease import SignedLease

DAYS_DEFAULT = 14  # a till sells two weeks without a line
RENEW_AT = 2  # a lease is renewed when less than 1/2 of its days is left


def current(row: Any, key: SigningKey) -> SignedLease:
    """The document of a till's newest lease; the same row gives the same document."""
    lease = Lease(
        number=row.lease_number,
        authorised_total_minor=row.authorised_minor,
        max_sale_minor=row.max_sale_minor,
        min_sale_minor=row.min_sale_minor,
        valid_until=from_epoch_ms(row.lease_until_ms),
    )
    return SignedLease.sign(bytes(row.till_id), lease, key)


def is_due(row: Any, now: datetime) -> bool:
    """Whether a till's lease is old enough to be renewed."""
    left_ms = int(row.lease_until_ms) - epoch_ms(now)
    return left_ms * RENEW_AT < int(row.lease_days) * 86_400_000


def renew(connection: Connection, row: Any, key: SigningKey, now: datetime) -> None:
    """Give a till its next lease, from now on, and send it down with the feed."""
    until = now + timedelta(days=int(row.lease_days))
    values = {"lease_number": row.lease_number + 1, "lease_until_ms": epoch_ms(until)}
    connection.execute(update(till).where(till.c.till_id == row.till_id).values(**values))
    fresh = connection.execute(till.select().where(till.c.till_id == row.till_id)).one()
    scope = till_scope(bytes(row.till_id))
    change = feed.Change(scope, Entity.LEASE, "lease", current(fresh, key))
    feed.publish(connection, [change])
