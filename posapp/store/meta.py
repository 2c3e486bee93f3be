"""Settings kept in the store that are no facts: who this till is, its clock, its modules' keys."""

from __future__ import annotations

from sqlalchemy import Connection

CLOCK_OFFSET = "clock_offset_ms"
_META = "SELECT value FROM meta WHERE key = ?"
_SET_META = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = ?2"


def get_meta(connection: Connection, key: str) -> bytes | None:
    """One setting kept in the store; None when it was never set."""
    row = connection.exec_driver_sql(_META, (key,)).first()
    return None if row is None else bytes(row[0])


def set_meta(connection: Connection, key: str, value: bytes) -> None:
    """Keep one setting."""
    connection.exec_driver_sql(_SET_META, (key, value))


def clock_offset_ms(connection: Connection) -> int:
    """What is added to the computer's clock; 0 when nobody ever set it."""
    data = get_meta(connection, CLOCK_OFFSET)
    return 0 if data is None else int.from_bytes(data, "big", signed=True)


def set_clock_offset_ms(connection: Connection, offset_ms: int) -> None:
    """Keep what is added to the computer's clock."""
    set_meta(connection, CLOCK_OFFSET, offset_ms.to_bytes(8, "big", signed=True))


def module_key_name(module_id: str) -> str:
    """Where the key of a module's book is kept."""
    return f"module_key:{module_id}"
