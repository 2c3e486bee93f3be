"""Vending keys to and from the plain fields in which files carry them (`posapp.wire.key_file`)."""

from __future__ import annotations

from posapp.domain.meter import KeyType
from posapp.sts.keys import VendingKey
from posapp.wire.key_file import KeyRecord


def record_of(key: VendingKey) -> KeyRecord:
    """The plain fields; the mark test or production is the file's own."""
    return KeyRecord(
        key.secret,
        key.sgc,
        key.krn,
        int(key.kt),
        key.base_date,
        key.ken,
        key.dkga,
        key.active_from,
        key.issue_until,
        key.permitted,
    )


def key_of(record: KeyRecord, *, test: bool) -> VendingKey:
    """The vending key of a record, under the mark of its file. Raises InputError VENDING_KEY_..."""
    return VendingKey(
        record.secret,
        record.sgc,
        record.krn,
        KeyType(record.kt),
        record.base_date,
        record.ken,
        record.dkga,
        record.active_from,
        record.issue_until,
        record.permitted,
        test,
    )
