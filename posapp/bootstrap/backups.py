"""`posapp backup`, `posapp restore`: the till's store to a stick and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from posapp import __version__, config, paths
from posapp.bootstrap import store_key
from posapp.clock import SystemClock, SystemRandomness
from posapp.codec import recovery
from posapp.codec.files import read_bounded, write_private
from posapp.errors import ConfigError
from posapp.lanes import InlineLanes
from posapp.ports import BackupMade
from posapp.store.backup import BOX_ENDING, SqlBackups
from posapp.store.backup_files import BackupFile
from posapp.store.restore import Restored
from posapp.store.restore import restore as put_back
from posapp.store.store import open_store


def backup(data: Path | None, folder: Path | None) -> BackupMade:
    """Make one backup now, also beside a till that is selling; seconds for a hundred MB.

    `folder`: None for the one in `till.toml`. Raises ConfigError BACKUP_NOWHERE, StoreError.
    """
    settings = config.load(data or paths.data_folder())
    place = folder or (Path(settings.backup_folder) if settings.backup_folder else None)
    if place is None:
        raise ConfigError("BACKUP_NOWHERE", file=str(settings.folder / config.FILE_NAME))
    clock = SystemClock()
    key = store_key.load(settings.folder, settings.store_key)
    store = open_store(
        settings.folder,
        key,
        clock=clock,
        randomness=SystemRandomness(),
        lanes=InlineLanes(),
        read_only=True,
    )
    try:
        return SqlBackups(store, place, clock).make()
    finally:
        store.close()


def restore(
    data: Path | None, backup: Path, code: str = "", key_source: str | None = None
) -> Restored:
    """Bring a backup back into a till's folder; its till must not run.

    The key is the folder's own; with the `code` of the recovery paper it is that of the box beside
    the backup, and kept in the folder. `key_source` is for a folder without settings. Raises
    ConfigError, InputError RECOVERY_..., StoreError BACKUP_..., STORE_..., RESTORE_FAILED.
    """
    folder = paths.private_folder(data or paths.data_folder())
    settings = config.load(folder)
    if key_source is not None and not (folder / config.FILE_NAME).exists():
        settings = replace(settings, store_key=key_source)
        config.save(settings)
    if code:
        box = BackupFile.read(backup)
        name = f"{box.till_code}{BOX_ENDING}" if box else recovery.FILE_NAME
        store_key.keep(folder, settings.store_key, _unwrap(backup.with_name(name), code))
    return put_back(
        backup,
        settings.folder,
        store_key.load(settings.folder, settings.store_key),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        software=f"posapp {__version__}",
    )


def recovery_paper(data: Path | None) -> str:
    """A new code for the supervisor's safe; the one on an older paper opens nothing any more.

    Whoever may read the till's store key may do this. Raises StoreError, ConfigError.
    """
    settings = config.load(data or paths.data_folder())
    key = store_key.load(settings.folder, settings.store_key)
    code = recovery.new_code(SystemRandomness())
    box = recovery.wrap(key, code, SystemRandomness())
    write_private(settings.folder / recovery.FILE_NAME, box)
    return code


def recover_key(data: Path | None, code: str) -> None:
    """Give the keystore the key that the code on paper opens, if it is this store's.

    Raises InputError RECOVERY_CODE_..., StoreError STORE_KEY_WRONG, STORE_KEY_OTHER, ConfigError.
    """
    settings = config.load(data or paths.data_folder())
    key = _unwrap(settings.folder / recovery.FILE_NAME, code)
    open_store(
        settings.folder,
        key,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        lanes=InlineLanes(),
        read_only=True,
    ).close()
    store_key.keep(settings.folder, settings.store_key, key)


def _unwrap(box: Path, code: str) -> bytes:
    try:
        data = read_bounded(box, recovery.BOX_BYTES_MAX)
    except (OSError, ValueError):
        raise ConfigError("RECOVERY_BOX_MISSING", file=str(box)) from None
    return recovery.unwrap(data, code)
