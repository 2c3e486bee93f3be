"""Where the key of the till's store comes from: the system's keystore, or a file for tests.

The keystore is the Secret Service, the Keychain or DPAPI. A key file beside the store protects
against a lost backup, not against a stolen till; the window says so all the time.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

from posapp.clock import Randomness
from posapp.codec.files import write_private
from posapp.errors import ConfigError, StoreError

log = logging.getLogger("posapp.keys")
KEY_BYTES = 32
FILE_NAME = "store.key"
SERVICE = "posapp"


def create(folder: Path, source: str, randomness: Randomness) -> bytes:
    """A key for a new store: the one that is kept for this folder already, else a new one.

    A key is never replaced: it may be all that opens a store that was moved away. Raises
    ConfigError KEYSTORE_MISSING, FILE_UNWRITABLE, StoreError STORE_KEY_WRONG.
    """
    try:
        return load(folder, source)
    except StoreError as error:
        if error.code != "STORE_KEY_MISSING":
            raise
    key = randomness.bytes(KEY_BYTES)
    _put(folder, source, key)
    return key


def keep(folder: Path, source: str, key: bytes) -> None:
    """Keep a key that was recovered; the same one again is no matter.

    Raises StoreError STORE_KEY_OTHER when another one is kept there already, ConfigError.
    """
    try:
        known = load(folder, source)
    except StoreError as error:
        if error.code != "STORE_KEY_MISSING":
            raise
        _put(folder, source, key)
        return
    if known != key:
        raise StoreError("STORE_KEY_OTHER", folder=str(folder))


def _put(folder: Path, source: str, key: bytes) -> None:
    if source == "keyfile":
        write_private(folder / FILE_NAME, f"{key.hex()}\n".encode("ascii"), new=True)
        return
    keyring = _keyring()
    try:
        keyring.set_password(SERVICE, str(folder.resolve()), key.hex())
    except Exception as error:  # each keystore has its own errors; all mean the same here
        raise ConfigError("KEYSTORE_MISSING", reason=type(error).__name__) from None


def load(folder: Path, source: str) -> bytes:
    """The key of an existing store. Raises StoreError STORE_KEY_MISSING, ConfigError."""
    if source == "keyfile":
        path = folder / FILE_NAME
        if not path.exists():
            raise StoreError("STORE_KEY_MISSING", where=str(path))
        text = path.read_text(encoding="ascii", errors="replace").strip()
    else:
        try:
            text = _keyring().get_password(SERVICE, str(folder.resolve())) or ""
        except Exception as error:
            raise ConfigError("KEYSTORE_MISSING", reason=type(error).__name__) from None
        if not text:
            raise StoreError("STORE_KEY_MISSING", where="the system's keystore")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError("STORE_KEY_WRONG")
    return key


def password(name: str) -> str | None:
    """Another secret that the system keeps for posapp, None when it has none or cannot be asked."""
    try:
        kept: str | None = _keyring().get_password(SERVICE, name)
    except Exception as error:  # each keystore has its own errors
        log.info("the system's keystore cannot be asked: %s", type(error).__name__)
        return None
    return kept


def _keyring() -> ModuleType:
    import keyring  # imported late: it looks for desktop services as it loads

    return keyring
