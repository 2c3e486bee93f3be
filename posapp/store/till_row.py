"""The one row that says where the till stands: journal head, counters, clock floor.

The store keeps it in memory between transactions (it is the only writer) and writes it once a
transaction, with the new head's signature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from posapp.codec.signing import SigningKey
from posapp.errors import StoreError
from posapp.journal.chain import Head, genesis

_SELECT = (
    "SELECT till_id, epoch, parent_hash, seq, hash, receipt, vended_minor, floor_ms"
    " FROM till WHERE one = 1"
)
_UPDATE = (
    "UPDATE till SET seq = ?, hash = ?, signature = ?, receipt = ?, vended_minor = ?,"
    " floor_ms = ? WHERE one = 1"
)
_FLOOR = "UPDATE till SET floor_ms = ? WHERE one = 1"
_INSERT = (
    "INSERT INTO till (one, till_id, epoch, parent_hash, seq, hash, signature, receipt,"
    " vended_minor, floor_ms, acked_seq, acked_hash) VALUES (1, ?, ?, ?, 0, ?, ?, 0, 0, 0, 0, ?)"
)


@dataclass(slots=True)
class TillRow:
    """`receipt` is the last one used; `vended_minor` all sold and open sales since enrolment."""

    head: Head
    parent_hash: bytes
    receipt: int = 0
    vended_minor: int = 0
    floor_ms: int = 0

    def copy(self) -> TillRow:
        """For one transaction: kept if it commits."""
        return replace(self)

    @property
    def genesis(self) -> Head:
        """Where the current epoch starts."""
        return genesis(self.head.till_id, self.head.epoch, self.parent_hash)

    @classmethod
    def load(cls, connection: Connection) -> TillRow | None:
        """None before enrolment."""
        row = connection.exec_driver_sql(_SELECT).first()
        if row is None:
            return None
        head = Head(row[0], row[1], row[3], row[4])
        return cls(head, row[2], row[5], row[6], row[7])

    @classmethod
    def create(
        cls, connection: Connection, till_id: bytes, epoch: int, parent_hash: bytes, key: SigningKey
    ) -> TillRow:
        """The row of a till that has no entry yet, signed. One a store."""
        head = genesis(till_id, epoch, parent_hash)
        if cls.load(connection) is not None:
            raise StoreError("ALREADY_ENROLLED")
        values = (till_id, epoch, parent_hash, head.hash, head.sign(key), head.hash)
        connection.exec_driver_sql(_INSERT, values)
        return cls(head, parent_hash)

    def save(self, connection: Connection, key: SigningKey) -> None:
        """Write all of it with a signature over the head."""
        head = self.head
        connection.exec_driver_sql(
            _UPDATE,
            (head.seq, head.hash, head.sign(key), self.receipt, self.vended_minor, self.floor_ms),
        )

    def save_floor(self, connection: Connection) -> None:
        """Write the clock floor alone; the head is as it was."""
        connection.exec_driver_sql(_FLOOR, (self.floor_ms,))
