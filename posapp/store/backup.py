"""A backup is a file that was read back: every page, every link, the signature, the sums.

Nothing here takes the store lane: the copy is made on a connection of its own, in one snapshot.
`services.backup` says when, `restore` brings one back.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from posapp.clock import Clock
from posapp.codec import recovery
from posapp.codec.files import UNFINISHED, read_bounded, sync_folder, write_private
from posapp.codec.signing import SigningKey
from posapp.db import copying, migrations
from posapp.errors import StoreError
from posapp.journal.chain import Head
from posapp.journal.verify import verify_chain
from posapp.ports import BackupMade
from posapp.store.backup_files import BackupFile, backups_in, kept
from posapp.store.meta import get_meta
from posapp.store.schema import MIGRATIONS, VERSION_TABLE
from posapp.store.store import SqlStore, chain_rows
from posapp.store.till_row import TillRow

T = TypeVar("T")

ENTRIES_A_BREATH = 16
BREATH_S = 0.0002
BOX_ENDING = ".recovery"
ROOM_BYTES = 16 * 1024 * 1024  # that stay free on the backup's disk

_UNBALANCED = (
    "SELECT count(*) FROM (SELECT 1 FROM posting GROUP BY place HAVING sum(amount_minor) <> 0)"
)
_RECEIPTS = "SELECT count(*), coalesce(max(receipt), 0) FROM sale"


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a verified copy holds: where its journal ends, and how many sales."""

    head: Head
    sales: int
    schema: str


class SqlBackups:
    """Implements `ports.Backups` for a store and a folder on a second disk or a stick."""

    def __init__(self, store: SqlStore, folder: Path, clock: Clock) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock

    @property
    def same_disk(self) -> bool:
        """Whether it would die with the store's own disk, as far as the system says."""
        try:
            return self._folder.stat().st_dev == self._store.folder.stat().st_dev
        except OSError:
            return False

    def newest(self) -> BackupMade | None:
        """See `ports.Backups`."""
        head, code = self._store.read(lambda reader: (reader.head(), reader.site().till_code))
        try:
            backups = backups_in(self._folder / code, code)
            for one in reversed(backups):
                if (one.epoch, one.seq) <= (head.epoch, head.seq):
                    return BackupMade(one.path.name, one.at, one.seq, one.path.stat().st_size)
        except OSError:  # no stick: there is none now
            return None
        return None

    def make(self) -> BackupMade:
        """See `ports.Backups`."""
        code = self._store.read(lambda reader: reader.site().till_code)
        try:
            folder = self._own_folder(code)
            return self._make(folder, code)
        except OSError as error:
            raise _failed(error) from error

    def _own_folder(self, code: str) -> Path:
        # A stick that is not there must not become a folder on the system's own disk.
        if not self._folder.is_dir():
            raise StoreError("BACKUP_FOLDER_MISSING", folder=str(self._folder))
        folder = self._folder / code
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _make(self, folder: Path, code: str) -> BackupMade:
        for left in folder.glob(f"{code}-*{UNFINISHED}"):  # a power cut in the middle of one
            left.unlink()
        needed, free = self._store.size_bytes() + ROOM_BYTES, shutil.disk_usage(folder).free
        if free < needed:
            raise StoreError("BACKUP_NO_SPACE", free_mib=free >> 20, needed_mib=(needed >> 20) + 1)
        at = self._clock.now()
        making = folder / f"{code}-copy{UNFINISHED}"
        try:
            self._store.copy_into(making)
            with self._store.opened_copy(making) as connection:
                key = self._store.identity().key.public
                report = verify(connection, key, breathe=lambda: time.sleep(BREATH_S))
            self._check_own(report.head)
            one = BackupFile.named(folder, code, at, report.head.epoch, report.head.seq)
            size = making.stat().st_size
            making.replace(one.path)
        finally:
            making.unlink(missing_ok=True)
        self._keep_box(folder / f"{code}{BOX_ENDING}")
        sync_folder(folder)
        self._forget(folder, code, one)
        return BackupMade(one.path.name, at, report.head.seq, size)

    def _keep_box(self, place: Path) -> None:
        """The sealed key beside the backups: with the code on paper they are enough."""
        box = self._store.folder / recovery.FILE_NAME
        if box.exists():
            write_private(place, read_bounded(box, recovery.BOX_BYTES_MAX))

    def _check_own(self, head: Head) -> None:
        """The copy's journal is the beginning of the store's own, which only grows."""
        if self._store.hash_of(head.epoch, head.seq) != head.hash:
            raise StoreError("BACKUP_DAMAGED", what="journal")

    def _forget(self, folder: Path, code: str, made: BackupFile) -> None:
        """Remove what is too old; never the one just made, whatever the clock says."""
        backups = backups_in(folder, code)
        for one in set(backups) - kept(backups) - {made}:
            one.path.unlink()


def verify(
    connection: Connection,
    public: bytes | None = None,
    *,
    breathe: Callable[[], None] = lambda: None,
) -> CopyReport:
    """Read an opened copy back: pages, schema, chain, signature, sums. 20 000 entries a second.

    `public` is the till's key; without it the copy's own is taken. `breathe` is called every
    millisecond or so: beside a sale it lets go of the interpreter, which a loop would keep for
    5 ms at each of a commit's steps. Raises StoreError BACKUP_DAMAGED(what, detail),
    NOT_ENROLLED, STORE_NEWER.
    """
    broken = copying.broken_page(connection)
    if broken:
        raise StoreError("BACKUP_DAMAGED", what="pages", detail=broken)
    schema = migrations.current_version(connection, VERSION_TABLE)
    versions = migrations.known_versions(MIGRATIONS)
    if schema not in versions:
        raise StoreError("STORE_NEWER", found=schema or "", known=versions[-1])
    till, secret = TillRow.load(connection), get_meta(connection, "signing_secret")
    if till is None or secret is None:
        raise StoreError("NOT_ENROLLED")
    signature = connection.exec_driver_sql("SELECT signature FROM till").scalar_one()
    damage: list[str] = []
    rows = _breathing(chain_rows(connection, till.head, damage), breathe)
    own = SigningKey(secret).public
    verdict = verify_chain(till.genesis, rows, public or own, till.head, signature)
    if verdict.broken_seq is not None or damage:
        detail = f"{verdict.reason or damage[0]} {verdict.broken_seq}"
        raise StoreError("BACKUP_DAMAGED", what="journal", detail=detail)
    if connection.exec_driver_sql(_UNBALANCED).scalar_one():
        raise StoreError("BACKUP_DAMAGED", what="sums", detail="postings")
    sales, receipt = connection.exec_driver_sql(_RECEIPTS).one()
    if receipt > till.receipt:
        raise StoreError("BACKUP_DAMAGED", what="sums", detail="receipts")
    return CopyReport(till.head, int(sales), schema)


def _breathing(rows: Iterator[T], breathe: Callable[[], None]) -> Iterator[T]:
    for count, row in enumerate(rows):
        if count % ENTRIES_A_BREATH == 0:
            breathe()
        yield row


def _failed(error: OSError) -> StoreError:
    return StoreError("BACKUP_FAILED", cause=error.strerror or type(error).__name__)
