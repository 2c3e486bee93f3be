"""Stored slips that came out long ago: counted and deleted for `posapp.services.retain`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from posapp.clock import epoch_ms
from posapp.lanes import Urgency
from posapp.store.store import SqlStore

STEP = 200  # rows in one transaction: under 20 ms on the store lane
_DONE = "state IN ('printed', 'cancelled') AND queued_ms < ?"
_COUNT = f"SELECT count(*) FROM print_job WHERE {_DONE}"
_DELETE = (
    f"DELETE FROM print_job WHERE job_id IN (SELECT job_id FROM print_job WHERE {_DONE} LIMIT ?)"
)


class Slips:
    """What is still to be printed is never over its time."""

    name = "slips"

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def over(self, before: datetime) -> int:
        at_ms = epoch_ms(before)
        row = self._store.look(lambda c: c.exec_driver_sql(_COUNT, (at_ms,)).one())
        return int(row[0])

    def delete(self, before: datetime) -> int:
        at_ms = epoch_ms(before)

        def step(connection: Connection) -> int:
            return connection.exec_driver_sql(_DELETE, (at_ms, STEP)).rowcount

        gone = 0
        while True:
            some = self._store.transaction(step, Urgency.CHORE)
            gone += some
            if some < STEP:
                return gone
