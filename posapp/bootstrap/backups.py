"""`posapp backup`, `posapp restore`: the till's store to a stick and back."""

from __future__ import annotations

from pathlib import Path

from posapp import __version__, config, paths
from posapp.bootstrap import store_key
from posapp.clock import SystemClock, SystemRandomness
from posapp.errors import ConfigError
from posapp.lanes import InlineLanes
from posapp.ports import BackupMade
from posapp.store.backup import SqlBackups
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


def restore(data: Path | None, backup: Path) -> Restored:
    """Bring a backup back into a till's folder; its till must not run. The key is the folder's.

    Raises ConfigError, StoreError BACKUP_..., STORE_..., RESTORE_FAILED.
    """
    settings = config.load(data or paths.data_folder())
    return put_back(
        backup,
        settings.folder,
        store_key.load(settings.folder, settings.store_key),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        software=f"posapp {__version__}",
    )
