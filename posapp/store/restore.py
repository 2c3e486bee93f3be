"""Brings a backup back: read whole, given a new life in a folder of its own, then put in place.

What lies in the place is set aside with its write-ahead log, never deleted: it may hold what
nobody else has. A log that stays behind a new store would be read into it, so the order matters:
store, logs, then the new store. After a power cut the same command goes on from there.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from posapp.clock import Clock, Randomness
from posapp.codec.files import sync_folder
from posapp.db import keymark
from posapp.db.copying import opened_copy
from posapp.db.lock import FileLock
from posapp.errors import StoreError
from posapp.lanes import InlineLanes
from posapp.store.backup import CopyReport, verify
from posapp.store.backup_files import BackupFile
from posapp.store.schema import STORE_FILE
from posapp.store.store import open_store

MAKING = "restoring"  # the folder in which the new life begins
ASIDE = "replaced-"  # and one for each store that it took the place of
INCARNATION_BYTES = 16
_LOGS = ("-wal", "-shm", "-wal.lost")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back, and where the store that stood there is now (None: there was none)."""

    report: CopyReport
    made: datetime
    aside: Path | None


def restore(
    backup: Path, folder: Path, key: bytes, *, clock: Clock, randomness: Randomness, software: str
) -> Restored:
    """Make `folder` the till of a backup; its till must not run. Seconds for a hundred MB.

    Raises StoreError BACKUP_DAMAGED, BACKUP_NAME, STORE_KEY_WRONG, STORE_IN_USE, RESTORE_FAILED.
    """
    named = BackupFile.read(backup)
    if named is None:
        raise StoreError("BACKUP_NAME", file=str(backup))
    try:
        with opened_copy(backup, key) as connection:
            report = verify(connection)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(folder / f"{STORE_FILE}.lock")
        try:
            _begin_again(backup, folder, key, named.at, clock, randomness, software)
            aside = _set_aside(folder)
            keymark.write(folder / STORE_FILE, key)
            (folder / MAKING / STORE_FILE).replace(folder / STORE_FILE)
            sync_folder(folder)
            shutil.rmtree(folder / MAKING)
        finally:
            lock.release()
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise StoreError("RESTORE_FAILED", cause=cause) from error
    return Restored(report, named.at, aside)


def _begin_again(
    backup: Path,
    folder: Path,
    key: bytes,
    made: datetime,
    clock: Clock,
    randomness: Randomness,
    software: str,
) -> None:
    making = folder / MAKING
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(mode=0o700)
    path = making / STORE_FILE
    shutil.copyfile(backup, path)
    path.chmod(0o600)
    keymark.write(path, key)
    store = open_store(
        making, key, clock=clock, randomness=randomness, lanes=InlineLanes(), reserve_bytes=0
    )
    try:
        store.go_on_from_backup(randomness.bytes(INCARNATION_BYTES), made, software)
    finally:
        store.close()
    if path.with_name(f"{STORE_FILE}-wal").exists():
        raise StoreError("RESTORE_FAILED", cause="its log could not be moved")
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _set_aside(folder: Path) -> Path | None:
    """Move the store that is there, and its logs after it; where to. None: there is nothing."""
    store = folder / STORE_FILE
    logs = [one for end in _LOGS if (one := folder / f"{STORE_FILE}{end}").exists()]
    if not store.exists() and not logs:
        return None
    places = sorted(folder.glob(f"{ASIDE}[0-9]*"), key=lambda path: int(path.name[len(ASIDE) :]))
    begun = bool(places) and not (places[-1] / STORE_FILE).exists()
    if not begun and (store.exists() or not places):
        place = folder / f"{ASIDE}{int(places[-1].name[len(ASIDE) :]) + 1 if places else 1}"
        place.mkdir(mode=0o700)
        mark = folder / f"{STORE_FILE}.keymark"
        if mark.exists():
            shutil.copyfile(mark, place / mark.name)
    else:
        place = places[-1]  # a power cut came while the last one was set aside
    if store.exists():
        store.replace(place / STORE_FILE)
    for one in logs:
        one.replace(place / one.name)
    sync_folder(place)
    sync_folder(folder)
    return place
