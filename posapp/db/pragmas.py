"""How every connection to an encrypted store is set up, each setting read back.

A pragma with a typo is silently ignored by SQLite; so what counts is what the store answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from posapp.errors import StoreError

KEY_BYTES = 32
MINIMUM_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL when two connections checkpoint
BUSY_TIMEOUT_MS = 5000
WAL_LIMIT_BYTES = 32 * 1024 * 1024  # what a checkpoint leaves of a large WAL file
READER_CACHE_KIB = 32 * 1024
WRITER_CACHE_KIB = 4 * 1024
STATEMENTS_CACHED = 256  # prepared statements the driver keeps a connection

_COMMON: tuple[tuple[str, int | str], ...] = (
    ("synchronous", 2),  # FULL: NORMAL loses acknowledged sales in a power cut
    ("fullfsync", 1),
    ("checkpoint_fullfsync", 1),
    ("foreign_keys", 1),
    ("busy_timeout", BUSY_TIMEOUT_MS),
    ("temp_store", 2),  # memory: no clear text in a temporary file
    ("trusted_schema", 0),
    ("cell_size_check", 1),
    ("recursive_triggers", 1),  # else INSERT OR REPLACE would slip past a DELETE trigger
    ("mmap_size", 0),
    ("wal_autocheckpoint", 0),  # an error inside an automatic checkpoint is never reported
    ("journal_size_limit", WAL_LIMIT_BYTES),
)


@dataclass(frozen=True, slots=True)
class Role:
    """What one connection is for."""

    cache_kib: int
    query_only: bool


READER = Role(READER_CACHE_KIB, query_only=True)
WRITER = Role(WRITER_CACHE_KIB, query_only=False)


def check_version(version: tuple[int, ...]) -> None:
    """Raise StoreError SQLITE_TOO_OLD below 3.51.3 (WAL corruption bug of older ones)."""
    if version < MINIMUM_SQLITE:
        raise StoreError(
            "SQLITE_TOO_OLD",
            found=".".join(map(str, version)),
            needed=".".join(map(str, MINIMUM_SQLITE)),
        )


def connect(path: Path, key: bytes, role: Role) -> Any:
    """One set-up driver connection; an autocommit one: whoever uses it says BEGIN.

    An empty file becomes a store with this key; a missing one is never made.

    Raises StoreError STORE_MISSING, STORE_KEY_WRONG, SQLITE_TOO_OLD, STORE_PRAGMA_REFUSED, and
    the driver's own errors.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("a store's key has 32 bytes")
    check_version(dbapi2.sqlite_version_info)
    if not path.is_file():
        raise StoreError("STORE_MISSING", path=str(path))
    uri = f"{path.absolute().as_uri()}?mode=rw"
    # Used by one thread at a time always; closed by whichever thread ends the program.
    connection = dbapi2.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_CACHED,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        _open(connection)
        _set_up(connection, role)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(connection: Any) -> None:
    """The first read: it is here that a wrong key shows."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except dbapi2.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) == dbapi2.SQLITE_NOTADB:
            raise StoreError("STORE_KEY_WRONG") from None
        raise


def _set_up(connection: Any, role: Role) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError("STORE_PRAGMA_REFUSED", pragma="journal_mode", value=mode)
    own: tuple[tuple[str, int | str], ...] = (
        ("cache_size", -role.cache_kib),
        ("query_only", int(role.query_only)),
    )
    for name, value in _COMMON + own:
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        # SQLite without memory mapping compiled in answers mmap_size with no row at all.
        if row is not None and row[0] != value:
            raise StoreError("STORE_PRAGMA_REFUSED", pragma=name, value=row[0])
    status = connection.execute("PRAGMA cipher_version").fetchone()
    if not status:
        raise StoreError("STORE_NOT_ENCRYPTED")
