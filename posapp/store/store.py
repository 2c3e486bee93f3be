"""The till's store: one writer on the store lane, a read-only connection a thread.

`create_store` makes an empty one, `install` enrols it, `open_store` opens it for a day's work.
`feed` has the half that head office's messages go through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from posapp.clock import Clock, Randomness, TillClock, epoch_ms
from posapp.codec import cbor
from posapp.codec.files import UNFINISHED, sync_folder
from posapp.codec.signing import SigningKey
from posapp.db import migrations
from posapp.db.engine import Checkpoint, Database, open_sqlcipher
from posapp.db.errors import translate
from posapp.domain.site import Site
from posapp.errors import StoreError
from posapp.journal.chain import NO_PARENT, Head
from posapp.journal.facts import SaleIntended, TillEnrolled
from posapp.journal.restore_facts import StoreRestored
from posapp.journal.verify import Verdict, verify_chain
from posapp.lanes import Lane, Lanes, Urgency
from posapp.ports import DiskStatus, Reader, UnitOfWork
from posapp.store import proof, rebuild
from posapp.store.disk import RESERVE_BYTES, Disk, free_bytes
from posapp.store.meta import clock_offset_ms, get_meta, set_meta
from posapp.store.queries import NO_LIMITS, Queries
from posapp.store.rebuild import Rebuild
from posapp.store.schema import (
    FIRST_EPOCH,
    MIGRATIONS,
    RECOVERING,
    STORE_FILE,
    VERSION_TABLE,
    place_of,
    seq_of,
)
from posapp.store.till_row import TillRow
from posapp.store.unit_of_work import SqlUnitOfWork

T = TypeVar("T")

_log = logging.getLogger(__name__)

VERIFY_PAGE = 500
BEFORE_UPGRADE = "before-upgrade-"  # and the schema that it has
UPGRADE_ROOM_BYTES = 16 * 1024 * 1024
REBUILD = "rebuild"  # what a migration leaves in `meta`

_HASH = "SELECT hash FROM journal WHERE place = ?"
_CHAIN = "SELECT place, entry, hash FROM journal WHERE place > ? ORDER BY place LIMIT ?"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this till is to head office. Its repr shows no secret."""

    till_id: bytes
    key: SigningKey
    head_office_key: bytes


class SqlStore:
    """Implements `ports.Store`."""

    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        clock: Clock,
        randomness: Randomness,
        *,
        signing_key: SigningKey | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        ballast_bytes: int = 0,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._clock = clock
        self._randomness = randomness
        self._disk = Disk(database.path, reserve_bytes, ballast_bytes, free)
        self._key = signing_key
        self._till: TillRow | None = None
        self._site: Site | None = None
        self._head_office_key = b""
        self._open_intents: dict[int, SaleIntended] = {}
        self._stale = False
        self.clock_limits = NO_LIMITS  # whoever opens the store may set others
        with database.read() as connection:
            self._load(connection)

    @property
    def folder(self) -> Path:
        """Where the store's files are."""
        return self._database.path.parent

    def write(self, work: Callable[[UnitOfWork], T], urgency: Urgency = Urgency.NORMAL) -> T:
        return self._lanes.run(Lane.STORE, lambda: self._write(work), urgency).result()

    def read(self, work: Callable[[Reader], T]) -> T:
        with self._database.read() as connection:
            return work(Queries(connection, self._site, self.clock_limits))

    def close(self) -> None:
        """Checkpoint and close, on the store lane. Afterwards every call raises STORE_CLOSED."""
        self._lanes.run(Lane.STORE, self._database.close).result()

    def install(
        self,
        site: Site,
        till_id: bytes,
        signing_secret: bytes,
        head_office_public: bytes,
        software: str,
    ) -> None:
        """Enrol: keep who this till is and write the journal's first entry, in one transaction.

        `till_id` has 16 bytes, both keys 32. Raises StoreError ALREADY_ENROLLED.
        """
        if site.till_id != till_id:
            raise ValueError("the site is another till's")
        key = SigningKey(signing_secret)

        def enrol(connection: Connection) -> None:
            till = TillRow.create(connection, till_id, FIRST_EPOCH, NO_PARENT, key)
            set_meta(connection, "site", cbor.encode(astuple(site)))
            set_meta(connection, "signing_secret", signing_secret)
            set_meta(connection, "head_office_key", head_office_public)
            work = self._unit_of_work(connection, till, key)
            work.append(TillEnrolled(software, head_office_public))
            work.finish()
            self._load(connection)

        self.transaction(enrol)

    def go_on_from_backup(self, incarnation: bytes, made: datetime, software: str) -> None:
        """Begin a new life of a journal that was brought back from a backup of the moment `made`.

        No sale begins until the module was asked what it made since. Raises StoreError.
        """

        def begin(unit: UnitOfWork) -> None:
            unit.append(StoreRestored(incarnation, epoch_ms(made), software))

        self.write(begin)
        since = epoch_ms(made).to_bytes(8, "big")
        self.transaction(lambda connection: set_meta(connection, RECOVERING, since))

    def identity(self) -> Identity:
        """Keys and id of this till. Raises StoreError NOT_ENROLLED."""
        if self._till is None or self._key is None:
            raise StoreError("NOT_ENROLLED")
        return Identity(self._till.head.till_id, self._key, self._head_office_key)

    def verify_journal(self) -> Verdict:
        """Read the whole journal of the current epoch back; never raises for bad data.

        About 20 000 entries a second. Raises StoreError NOT_ENROLLED.
        """
        with self._database.read() as connection:
            till = TillRow.load(connection)
            if till is None or self._key is None:
                raise StoreError("NOT_ENROLLED")
            signature = connection.exec_driver_sql("SELECT signature FROM till").scalar_one()
            damage: list[str] = []
            rows = chain_rows(connection, till.head, damage)
            verdict = verify_chain(till.genesis, rows, self._key.public, till.head, signature)
        if damage and verdict.broken_seq is not None:
            return Verdict(verdict.head, verdict.broken_seq, damage[0])
        return verdict

    def flaws(self) -> tuple[str, ...]:
        """What does not hold beside the chain: pages, bookings, documents (see `proof`)."""
        return self.look(proof.flaws)

    def check_projections(self) -> Rebuild:
        """Make all projections again beside the store and compare. About 5 000 entries a second.

        Raises StoreError STORE_DAMAGED when the journal itself does not hold.
        """
        return self.look(lambda c: rebuild.check(c, self.folder, self._randomness))

    def rebuild(self) -> Rebuild:
        """Replace all projections by what the journal says, in one transaction of seconds.

        For maintenance, not for a day with customers. Raises StoreError STORE_DAMAGED.
        """

        def work(connection: Connection) -> Rebuild:
            count, till = rebuild.repair(connection)
            till.save(connection, self.identity().key)
            self._till = till
            return Rebuild(count)

        return self.transaction(work)

    def idle(self) -> Checkpoint | None:
        """To be called now and then when nobody sells: moves the WAL into the file if it waits.

        None when it does not, or when it could not be moved (`disk` then says why).
        """
        return self._lanes.run(Lane.STORE, self._rest, Urgency.CHORE).result()

    def disk(self) -> DiskStatus:
        """How the disk is, as far as is known; from any thread, never raises."""
        return self._disk.status()

    def transaction(self, work: Callable[[Connection], T], urgency: Urgency = Urgency.NORMAL) -> T:
        """Run `work` in one write transaction without touching the journal (feeds, settings)."""
        return self._lanes.run(Lane.STORE, lambda: self._transact(work), urgency).result()

    def look(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on this thread's reader in one snapshot, for adapters within the store."""
        with self._database.read() as connection:
            return work(connection)

    def copy_into(self, target: Path) -> None:
        """Write a copy of what is committed now, from any thread (see `db.copying`).

        Raises StoreError, OSError.
        """
        self._database.copy_into(target)

    def opened_copy(self, path: Path) -> AbstractContextManager[Connection]:
        """A copy that `copy_into` made, for reading."""
        return self._database.opened_copy(path)

    def size_bytes(self) -> int:
        """What the store takes on the disk, its log included. Raises OSError."""
        log = self._database.path.with_name(f"{self._database.path.name}-wal")
        return self._database.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def hash_of(self, epoch: int, seq: int) -> bytes | None:
        """The hash of an entry of the journal; None when there is none."""
        row = self.look(lambda c: c.exec_driver_sql(_HASH, (place_of(epoch, seq),)).first())
        return None if row is None else bytes(row[0])

    def _write(self, work: Callable[[UnitOfWork], T]) -> T:
        with self._changing() as connection:
            till = None if self._till is None else self._till.copy()
            unit = self._unit_of_work(connection, till, self._key)
            result = work(unit)
            unit.finish()
        self._till = till
        if unit.new_offset_ms is not None and isinstance(self._clock, TillClock):
            self._clock.shift(unit.new_offset_ms)
        return result

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._changing() as connection:
            return work(connection)

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        try:
            with self._database.write() as connection:
                if self._stale:
                    self._load(connection)
                    self._stale = False
                yield connection
        except BaseException as error:
            # What is remembered may now be ahead of the disk, or behind it.
            self._open_intents.clear()
            self._stale = True
            if isinstance(error, StoreError):
                self._disk.failed(error)
            raise
        if self._database.checkpoint_is_due():
            self._lanes.run(Lane.STORE, self._checkpoint, Urgency.CHORE)

    def _rest(self) -> Checkpoint | None:
        self._disk.keep_ballast()
        return self._checkpoint(idle=True)

    def _checkpoint(self, *, idle: bool = False) -> Checkpoint | None:
        try:
            done = self._database.checkpoint_if_due(idle=idle)
        except StoreError as error:
            # Every commit so far is safe in the WAL; the next one tries this again.
            if error.code != "STORE_BUSY":
                self._disk.checkpoint_failed(error)
                _log.error("the store's checkpoint failed: %s", error)
            return None
        if done is not None:
            self._disk.checkpointed()
        return done

    def _unit_of_work(
        self, connection: Connection, till: TillRow | None, key: SigningKey | None
    ) -> SqlUnitOfWork:
        return SqlUnitOfWork(
            connection,
            self._site,
            till,
            key,
            self._clock,
            self._open_intents,
            disk=self._disk,
            clock_limits=self.clock_limits,
        )

    def _load(self, connection: Connection) -> None:
        self._till = TillRow.load(connection)
        site = get_meta(connection, "site")
        self._site = None if site is None else Site(*cbor.decode(site))
        secret = get_meta(connection, "signing_secret")
        if secret is not None and self._key is None:
            self._key = SigningKey(secret)
        self._head_office_key = get_meta(connection, "head_office_key") or b""
        if isinstance(self._clock, TillClock):
            self._clock.shift(clock_offset_ms(connection))


def create_store(
    folder: Path,
    key: bytes,
    *,
    clock: Clock,
    randomness: Randomness,
    lanes: Lanes,
    reserve_bytes: int = RESERVE_BYTES,
) -> SqlStore:
    """Make an empty store in `folder`; `install` then enrols it.

    Raises StoreError STORE_EXISTS, STORE_IN_USE, DISK_FULL.
    """
    database = open_sqlcipher(folder / STORE_FILE, key, create=True)
    return _opened(
        database, lambda: SqlStore(database, lanes, clock, randomness, reserve_bytes=reserve_bytes)
    )


def open_store(
    folder: Path,
    key: bytes,
    *,
    clock: Clock,
    randomness: Randomness,
    lanes: Lanes,
    signing_key: SigningKey | None = None,
    read_only: bool = False,
    reserve_bytes: int = RESERVE_BYTES,
    ballast_bytes: int = 0,
    free: Callable[[Path], int] = free_bytes,
) -> SqlStore:
    """Open a till's store and bring it to this software's schema.

    `read_only` looks at a store beside the till that owns it (verify, reports). Raises
    StoreError STORE_MISSING, STORE_KEY_WRONG, STORE_IN_USE, STORE_NEWER, STORE_DAMAGED.
    """
    database = open_sqlcipher(folder / STORE_FILE, key, create=False, read_only=read_only)
    return _opened(
        database,
        lambda: SqlStore(
            database,
            lanes,
            clock,
            randomness,
            signing_key=signing_key,
            reserve_bytes=reserve_bytes,
            ballast_bytes=ballast_bytes,
            free=free,
        ),
    )


def _opened(database: Database, make: Callable[[], SqlStore]) -> SqlStore:
    try:
        if database.read_only:
            migrations.check_version(database, MIGRATIONS, VERSION_TABLE)
        else:
            _copy_before_upgrade(database)
            migrations.upgrade(database, MIGRATIONS, VERSION_TABLE)
            _rebuild_if_asked(database)
        return make()
    except BaseException:
        database.close()
        raise


def _copy_before_upgrade(database: Database) -> None:
    """What an upgrade is about to change stays beside it, whole, until the next upgrade.

    Raises StoreError DISK_FULL: without room for that nothing is changed.
    """
    newest = migrations.known_versions(MIGRATIONS)
    with database.read() as connection:
        current = migrations.current_version(connection, VERSION_TABLE)
    if current is None or current not in newest[:-1]:
        return
    size = database.path.stat().st_size
    free = free_bytes(database.path.parent)
    if free < 2 * size + UPGRADE_ROOM_BYTES:
        raise StoreError("DISK_FULL", free_mib=free >> 20, needed_mib=(2 * size >> 20) + 1)
    making = database.path.with_name(f"{BEFORE_UPGRADE}{UNFINISHED}")
    making.unlink(missing_ok=True)
    database.copy_into(making)
    for old in database.path.parent.glob(f"{BEFORE_UPGRADE}*.db"):
        old.unlink()
    making.replace(database.path.with_name(f"{BEFORE_UPGRADE}{current}.db"))
    sync_folder(database.path.parent)


def _rebuild_if_asked(database: Database) -> None:
    """A migration that cannot fill its tables leaves a mark; they are made from the journal."""
    with database.read() as connection:
        if get_meta(connection, REBUILD) is None:
            return
    with database.write() as connection:
        if TillRow.load(connection) is not None:
            rebuild.repair(connection)
        connection.exec_driver_sql("DELETE FROM meta WHERE key = ?", (REBUILD,))


def chain_rows(
    connection: Connection, head: Head, damage: list[str]
) -> Iterator[tuple[int, bytes, bytes]]:
    """The rows of the current epoch; ends early, with its code in `damage`, at a broken page."""
    place = place_of(head.epoch, 0)
    while True:
        try:
            rows = connection.exec_driver_sql(_CHAIN, (place, VERIFY_PAGE)).all()
        except DBAPIError as error:
            known = translate(error)
            if known is None:
                raise
            damage.append(known.code)
            return
        if not rows:
            return
        for place, entry, digest in rows:
            yield seq_of(place), entry, digest
