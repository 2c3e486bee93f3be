"""Single settings kept in the store beside its tables."""

from __future__ import annotations

from sqlalchemy import Connection

_META = "SELECT value FROM meta WHERE key = ?"
_SET_META = (
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
)


def get_meta(connection: Connection, key: str) -> bytes | None:
    """One setting; None when it was never set."""
    row = connection.exec_driver_sql(_META, (key,)).first()
    return None if row is None else bytes(row[0])


def set_meta(connection: Connection, key: str, value: bytes) -> None:
    """Keep one setting."""
    connection.exec_driver_sql(_SET_META, (key, value))
