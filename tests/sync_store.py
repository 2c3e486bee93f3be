"""A till's side of sync on memory, over a `tests.journals.Journal`: implements ports.SyncStore.

For tests of wire, sync and head office only; the real one has tests of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from posapp.codec.signing import SigningKey
from posapp.errors import StoreError
from posapp.journal.chain import Head
from posapp.ports import Contact
from posapp.wire.feed import FeedRow, FeedValue
from tests.journals import Journal


class MemorySyncStore:
    """What an enrolled till keeps, without a disk."""

    def __init__(self, journal: Journal, key: SigningKey, head_office_key: bytes) -> None:
        self.journal = journal
        self.key = key
        self.office_key = head_office_key
        self.acked = 0
        self.cursors: dict[str, int] = {}
        self.values: dict[tuple[str, str], FeedValue] = {}
        self.floor: datetime | None = None
        self.kept = Contact()

    def head(self) -> Head:
        return self.journal.head

    def acknowledged(self) -> tuple[int, bytes]:
        return self.acked, self.journal.heads[self.acked].hash

    def hash_at(self, seq: int) -> bytes | None:
        heads = self.journal.heads
        return heads[seq].hash if seq < len(heads) else None

    def entries(self, after_seq: int, limit: int) -> tuple[bytes, ...]:
        return tuple(self.journal.entries[after_seq : after_seq + limit])

    def acknowledge(self, seq: int, hash: bytes) -> None:
        if self.hash_at(seq) != hash:
            raise StoreError("STORE_DAMAGED")
        self.acked = max(self.acked, seq)

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        return self.key.sign(purpose, message)

    def head_office_key(self) -> bytes:
        return self.office_key

    def cursor(self, scope: str) -> int:
        return self.cursors.get(scope, 0)

    def apply_rows(self, scope: str, rows: Sequence[FeedRow], upto: int) -> None:
        if upto <= self.cursor(scope):
            return
        for row in rows:
            if row.deleted:
                self.values.pop((row.entity, row.key), None)
            elif row.value is not None:
                self.values[row.entity, row.key] = row.value
        self.cursors[scope] = upto

    def set_server_time(self, moment: datetime) -> None:
        self.floor = max(self.floor or moment, moment)

    def contact(self) -> Contact:
        return self.kept

    def set_contact(self, contact: Contact) -> None:
        self.kept = contact
