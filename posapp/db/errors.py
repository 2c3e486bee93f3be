"""Turns what SQLite says into the store errors a till knows how to explain.

The driver's result codes decide, never its sentences; see `engine` for who calls this.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlcipher3 import dbapi2

from posapp.errors import StoreError

_PRIMARY = 0xFF  # extended result codes carry the primary one in their low byte
_FULL = {dbapi2.SQLITE_FULL}
_BUSY = {dbapi2.SQLITE_BUSY, dbapi2.SQLITE_LOCKED}
_DAMAGED = {dbapi2.SQLITE_CORRUPT, dbapi2.SQLITE_NOTADB}
_DISK = {dbapi2.SQLITE_IOERR, dbapi2.SQLITE_CANTOPEN, dbapi2.SQLITE_READONLY}


def result_code(error: BaseException) -> int:
    """SQLite's primary result code of a driver's error, wrapped or not; 0 when there is none."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(origin, "sqlite_errorcode", 0) or 0) & _PRIMARY


def is_busy(error: BaseException) -> bool:
    """Whether another connection held the lock for too long."""
    return result_code(error) in _BUSY


def translate(error: BaseException) -> StoreError | None:
    """The StoreError of a driver's error; None for a mistake of ours (a constraint, bad SQL)."""
    code = result_code(error)
    if code in _FULL:
        return StoreError("DISK_FULL")
    if code in _BUSY:
        return StoreError("STORE_BUSY")
    if code in _DAMAGED:
        return StoreError("STORE_DAMAGED")
    if code in _DISK:
        return StoreError("STORE_DISK_ERROR", sqlite_code=code)
    return None
