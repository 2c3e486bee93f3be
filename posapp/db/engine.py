"""An encrypted SQLite file through SQLAlchemy Core: one writing connection, a reader a thread.

How to use it, by one writer and by readers:

    database = open_sqlcipher(path, key, create=True)
    migrations.upgrade(database, Path(...) / "migrations", "schema_version")
    with database.write() as connection:      # BEGIN IMMEDIATE ... COMMIT, durable after it
        connection.execute(insert(table), row)
    with database.read() as connection:       # one snapshot; this thread's own connection
        rows = connection.execute(select(table)).all()
    database.checkpoint_if_due()              # when idle; commits never do it by themselves
    database.close()

`write` belongs to one thread by convention (the store lane); a second thread waits for it.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlcipher3 import dbapi2

from posapp.db import copying, keymark, pragmas, wal
from posapp.db.errors import translate
from posapp.db.lock import FileLock
from posapp.errors import StoreError

CHECKPOINT_PAGES = 8 * 1024 * 1024 // 4096  # this much in the WAL is moved into the file
CHECKPOINT_IDLE_S = 2.0
LOST = ".lost"  # behind the name of a WAL that lost what was durable: its copy


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint did: pages in the WAL, pages moved; `complete` when none is left."""

    wal_pages: int
    moved_pages: int

    @property
    def complete(self) -> bool:
        return self.moved_pages == self.wal_pages


class Database:
    """One open store. Made by `open_sqlcipher` only."""

    def __init__(self, path: Path, key: bytes, lock: FileLock | None, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._log = path.with_name(f"{path.name}-wal")
        self._lock = lock
        self._read_engine = _engine(path, key, pragmas.READER)
        self._write_engine = _engine(path, key, pragmas.WRITER)
        self._copy = partial(copying.copy_store, path, key)
        self._opened_copy = partial(copying.opened_copy, key=key)
        self._local = threading.local()
        self._readers: list[tuple[Connection, threading.Lock]] = []
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._writer_thread = 0
        self._writer: Connection | None = None
        self._closed = False
        self._last_commit = time.monotonic()
        self._failed = False  # a commit failed: its frames may lie behind the end of the log
        self._rested = True  # nothing committed since the last complete checkpoint

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that holds the write lock from its start and is durable at its end.

        Any exception rolls all of it back. Raises StoreError DISK_FULL, STORE_BUSY,
        STORE_DAMAGED, STORE_DISK_ERROR. After an error of the disk the connection is made anew:
        whether the commit reached the disk is then to be read back, never assumed.
        """
        me = threading.get_ident()
        assert self._writer_thread != me, "a write inside a write"
        with self._writing:
            self._writer_thread = me
            try:
                if self._failed:
                    self._cut_log()
                connection = self._writer_connection()
                with _translated(self._fail_writer), connection.begin():
                    yield connection
                self._last_commit = time.monotonic()
                self._rested = False
            finally:
                self._writer_thread = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """This thread's read-only connection in one snapshot of the store."""
        connection, lock = self._reader()
        assert not connection.in_transaction(), "a read inside a read"
        with lock, _translated(self._drop_reader):
            snapshot = connection.begin()
            try:
                yield connection
            finally:
                try:
                    snapshot.rollback()
                except (DBAPIError, dbapi2.Error):
                    # After a page that fails its check a connection answers nothing any more.
                    self._drop_reader()

    def checkpoint(self) -> Checkpoint:
        """Move the WAL into the file, as far as readers let it (PASSIVE). Up to 100 ms.

        Raises StoreError DISK_FULL or STORE_DISK_ERROR: a dying disk shows here first.
        """
        busy, done = self._checkpoint("PASSIVE")
        if busy:
            raise StoreError("STORE_BUSY")
        self._rested = done.complete
        return done

    def waiting(self) -> Checkpoint:
        """What a checkpoint would find, without doing it; some microseconds."""
        return self._checkpoint("NOOP")[1]

    def checkpoint_if_due(self, *, idle: bool = False) -> Checkpoint | None:
        """Checkpoint when 8 MiB wait, or when idle and the last commit is 2 s old."""
        if self._rested:
            return None
        if idle and time.monotonic() - self._last_commit >= CHECKPOINT_IDLE_S:
            return self.checkpoint()
        return self.checkpoint() if self.checkpoint_is_due() else None

    def checkpoint_is_due(self) -> bool:
        """Whether 8 MiB wait; some microseconds, so it can be asked after every commit."""
        waits = self.waiting()
        return waits.wal_pages - waits.moved_pages >= CHECKPOINT_PAGES

    def check_log(self) -> None:
        """What a WAL that a crash left has lost: nothing, or a transaction that never ended.

        Raises StoreError STORE_LOG_LOST when committed ones do not hold any more: SQLite itself
        would go on from an earlier state without a word.
        """
        kept, lost = -1, 0
        while kept != (now := self.waiting().wal_pages):  # or another process wrote meanwhile
            kept = now
            with _disk():
                lost = wal.unread(self._log, kept)
        if lost > 1:
            self._keep_log()
            raise _log_lost(self.path)
        if lost:  # or the next crash would leave two of them in the same log
            self._checkpoint("TRUNCATE")

    def _keep_log(self) -> None:
        """A copy of a broken WAL: closing moves what it can read and deletes the rest. As long
        as the copy lies there the store is not opened.
        """
        copy = _lost_copy(self.path)
        with _disk():
            shutil.copyfile(self._log, copy)
            with copy.open("rb+") as stream:
                os.fsync(stream.fileno())

    def _cut_log(self) -> None:
        """Forget a commit that failed before the next one begins: a second one that failed,
        and a shorter good one over both, would look like a log that lost what was durable.
        """
        if self._lock is not None:
            kept = self._move_log("NOOP")[1].wal_pages
            with _disk():
                wal.cut(self._log, kept)
        elif self._move_log("TRUNCATE")[0]:  # other processes may be writing: under SQLite's locks
            raise StoreError("STORE_BUSY")
        self._failed = False

    def _checkpoint(self, mode: str) -> tuple[bool, Checkpoint]:
        assert self._writer_thread != threading.get_ident(), "a checkpoint inside a write"
        with self._writing:
            return self._move_log(mode)

    def _move_log(self, mode: str) -> tuple[bool, Checkpoint]:
        with _translated(self._drop_writer):
            raw: Any = self._writer_connection().connection.dbapi_connection
            busy, pages, moved = raw.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            return bool(busy), Checkpoint(max(0, pages), max(0, moved))

    def copy_into(self, target: Path) -> None:
        """`copying.copy_store` of this store, on a connection of its own: from any thread."""
        self._copy(target)

    def opened_copy(self, path: Path) -> AbstractContextManager[Connection]:
        """`copying.opened_copy` under this store's key."""
        return self._opened_copy(path)

    def close(self) -> None:
        """End all connections, after a last checkpoint; safe to call twice and from any thread.

        Raises what `checkpoint` raises, after everything is closed.
        """
        if self._closed:
            return
        self._closed = True
        with self._guard:
            readers, self._readers = self._readers, []
        for connection, lock in readers:
            with lock:
                connection.close()
        try:
            if self._writer is not None:
                self.checkpoint()
        finally:
            self._drop_writer()
            self._read_engine.dispose()
            self._write_engine.dispose()
            if self._lock is not None:
                self._lock.release()

    def _writer_connection(self) -> Connection:
        if self._writer is None:
            if self.read_only or self._closed:
                raise StoreError("STORE_READ_ONLY" if self.read_only else "STORE_CLOSED")
            self._writer = self._write_engine.connect()
        return self._writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            _discard(writer)

    def _fail_writer(self) -> None:
        self._failed = True
        self._drop_writer()

    def _drop_reader(self) -> None:
        mine: tuple[Connection, threading.Lock] | None = getattr(self._local, "mine", None)
        if mine is not None:
            self._local.mine = None
            with self._guard:
                self._readers = [kept for kept in self._readers if kept is not mine]
            _discard(mine[0])

    def _reader(self) -> tuple[Connection, threading.Lock]:
        mine: tuple[Connection, threading.Lock] | None = getattr(self._local, "mine", None)
        if mine is None:
            with _translated(None):
                mine = self._read_engine.connect(), threading.Lock()
            with self._guard:
                if self._closed:
                    mine[0].close()
                    raise StoreError("STORE_CLOSED")
                self._readers.append(mine)
            self._local.mine = mine
        elif self._closed:
            raise StoreError("STORE_CLOSED")
        return mine


def open_sqlcipher(
    path: Path, key: bytes, *, create: bool, exclusive: bool = True, read_only: bool = False
) -> Database:
    """Open (or with `create` also make) the encrypted file at `path` with a raw 32-byte key.

    `exclusive` takes the lock file beside it for this process; `read_only` opens no writing
    connection and takes no lock. Raises StoreError STORE_MISSING, STORE_KEY_WRONG, STORE_IN_USE,
    STORE_DAMAGED (the key is right, the first page is not), STORE_LOG_LOST(path, copy) (the WAL
    lost what was durable; until somebody moves the copy away), SQLITE_TOO_OLD, and with
    `create` STORE_EXISTS.
    """
    assert not (create and read_only)
    if create and path.exists():
        raise StoreError("STORE_EXISTS", path=str(path))
    if not create and not path.is_file():
        raise StoreError("STORE_MISSING", path=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    wants_lock = exclusive and not read_only
    lock = FileLock(path.with_name(path.name + ".lock")) if wants_lock else None
    database = Database(path, key, lock, read_only=read_only)
    try:
        if create:
            keymark.write(path, key)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        elif path.stat().st_size == 0:
            raise StoreError("STORE_DAMAGED", path=str(path))
        elif _lost_copy(path).exists():
            raise _log_lost(path)
        with database.read() if read_only else database.write():
            pass
        if not read_only:
            database.check_log()
    except StoreError as error:
        database.close()
        if error.code == "STORE_KEY_WRONG" and keymark.fits(path, key):
            raise StoreError("STORE_DAMAGED", path=str(path)) from error
        raise
    except BaseException:
        database.close()
        raise
    return database


def driver_rows(
    connection: Connection, statement: str, values: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    """The driver's own rows of a SELECT inside the connection's transaction.

    For the few reads behind every key press: describing twenty columns anew each time costs
    SQLAlchemy more than SQLite needs to find the row.
    """
    assert connection.in_transaction()
    raw: Any = connection.connection.dbapi_connection
    rows: list[tuple[Any, ...]] = raw.execute(statement, values).fetchall()
    return rows


def _lost_copy(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal{LOST}")


def _log_lost(path: Path) -> StoreError:
    return StoreError("STORE_LOG_LOST", path=str(path), copy=str(_lost_copy(path)))


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError("STORE_DISK_ERROR", cause=type(error).__name__) from error


def _engine(path: Path, key: bytes, role: pragmas.Role) -> Engine:
    engine = create_engine(
        "sqlite://",
        module=dbapi2,
        creator=lambda: pragmas.connect(path, key, role),
        poolclass=NullPool,
        hide_parameters=True,  # a log or a traceback never shows a token or a name
    )
    begin = "BEGIN" if role.query_only else "BEGIN IMMEDIATE"

    def start(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        raw.execute(begin)

    event.listen(engine, "begin", start)
    return engine


def _discard(connection: Connection) -> None:
    with suppress(DBAPIError, dbapi2.Error):  # it is broken or done with; nothing is lost
        connection.invalidate()
        connection.close()


@contextmanager
def _translated(on_disk_error: Any) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, dbapi2.Error) as error:
        known = translate(error)
        if known is None:
            raise
        if on_disk_error is not None and known.code != "STORE_BUSY":
            on_disk_error()
        raise known from error
