"""A copy of a store beside its writer: made whole, made durable, opened again, every page checked.

The copy has the store's own key and no write-ahead log. Who makes one holds a snapshot and no
lock, so commits go on meanwhile; `posapp.store.backup` says when and where.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlcipher3 import dbapi2

from posapp.db import pragmas
from posapp.db.errors import translate
from posapp.errors import StoreError

_CACHE_KIB = 4 * 1024


def copy_store(path: Path, key: bytes, target: Path) -> None:
    """Write what is committed now into the new file `target` and sync it. A second for 150 MB.

    Raises StoreError STORE_..., DISK_FULL; OSError where `target` cannot be made. What is left of
    an unfinished `target` is its caller's to remove.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with _translated():
        connection = pragmas.connect(path, key, pragmas.WRITER)
        try:
            connection.execute("VACUUM INTO ?", (str(target),))
        finally:
            connection.close()
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())


@contextmanager
def opened_copy(path: Path, key: bytes) -> Iterator[Connection]:
    """A copy for reading, in one transaction; nothing is made or changed beside it.

    Raises StoreError STORE_KEY_WRONG, STORE_DAMAGED, STORE_DISK_ERROR, STORE_MISSING.
    """
    if not path.is_file():
        raise StoreError("STORE_MISSING", path=str(path))
    engine = create_engine(
        "sqlite://",
        module=dbapi2,
        creator=lambda: _connect(path, key),
        poolclass=NullPool,
        hide_parameters=True,
    )

    def start(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("BEGIN")

    event.listen(engine, "begin", start)
    try:
        with _translated(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def broken_page(connection: Connection) -> str:
    """What is wrong with the pages of an opened copy, in SQLite's words; empty when all hold.

    Reads the whole file: about 200 MB a second.
    """
    for check in ("cipher_integrity_check", "quick_check(1)"):
        row = connection.exec_driver_sql(f"PRAGMA {check}").first()
        if row is not None and row[0] != "ok":
            return str(row[0])[:120]
    return ""


def _connect(path: Path, key: bytes) -> Any:
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    connection = dbapi2.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except dbapi2.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) == dbapi2.SQLITE_NOTADB:
                raise StoreError("STORE_KEY_WRONG") from None
            raise
        for setting in ("trusted_schema = 0", "temp_store = 2", f"cache_size = -{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, dbapi2.Error) as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error
