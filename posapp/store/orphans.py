"""Orphans and the state of a restored store: their projection, and the questions about them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from posapp.clock import from_epoch_ms
from posapp.errors import StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.restore_facts import OrphanFound, OrphanSettled
from posapp.ports.backups import OrphanRecord
from posapp.store import schema

_ADD = "INSERT INTO orphan (place, request_id, value_minor) VALUES (?, ?, ?)"
_TID = (
    "INSERT INTO tid (meter, base_date, tid, reserved, place) VALUES (?, ?, ?, 0, ?)"
    " ON CONFLICT DO NOTHING"
)
_SETTLE = "UPDATE orphan SET settled_place = ?, how = ?, reason = ? WHERE place = ? AND how = 0"
ORPHANS = (
    "SELECT o.place, j.entry FROM orphan o JOIN journal j ON j.place = o.place"
    " WHERE o.how = 0 ORDER BY o.place LIMIT ?"
)
ORPHAN_KNOWN = "SELECT 1 FROM orphan WHERE request_id = ? LIMIT 1"
_SINCE = "SELECT value FROM meta WHERE key = ?"


def add(run: Any, place: int, orphan: OrphanFound) -> None:
    """Its row, and its TIDs: no token of that meter may ever have one of them."""
    run(_ADD, (place, orphan.request_id, orphan.value_minor))
    for item in orphan.items:
        if item.tid:
            run(_TID, (orphan.meter, item.base_date, item.tid, place))


def settle(run: Any, place: int, orphan_place: int, fact: OrphanSettled) -> None:
    """Raises StoreError SALE_STATE_WRONG when there is no such orphan, or it is settled."""
    if run(_SETTLE, (place, fact.how, fact.reason, orphan_place)).rowcount != 1:
        raise StoreError("SALE_STATE_WRONG", place=place)


def unsettled(connection: Connection, limit: int) -> tuple[OrphanRecord, ...]:
    """See `ports.Reader.orphans`."""
    return tuple(_record(row) for row in connection.exec_driver_sql(ORPHANS, (limit,)))


def is_known(connection: Connection, request_id: bytes) -> bool:
    """See `ports.Reader.is_orphan`."""
    return connection.exec_driver_sql(ORPHAN_KNOWN, (request_id,)).first() is not None


def recovering_since_ms(connection: Connection) -> int | None:
    """When the backup was made whose module has not been asked yet; None for no such thing."""
    row = connection.exec_driver_sql(_SINCE, (schema.RECOVERING,)).first()
    return None if row is None else int.from_bytes(row[0], "big")


def _record(row: Any) -> OrphanRecord:
    place, data = row
    entry = Entry.from_bytes(data)
    fact = facts.read(entry.kind, entry.version, entry.body)
    if not isinstance(fact, OrphanFound):
        raise StoreError("STORE_DAMAGED", seq=entry.seq)
    return OrphanRecord(schema.seq_of(place), from_epoch_ms(fact.made_ms), fact)
