"""What a till needs to be let in by its module: its key on the line, and a driver's password."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from posapp.bootstrap import store_key
from posapp.clock import Randomness
from posapp.config import TillConfig
from posapp.security_module.link.identity import SECRET_BYTES, LineKeys

SECRET = "POSAPP_MODULE_SECRET"  # for tests and services; a shop's till asks the keystore
_PURPOSE = b"posapp/till-line-keys/1"


def line_keys(settings: TillConfig, randomness: Randomness) -> LineKeys:
    """The till's key and paired modules, sealed under what opens its store.

    Raises StoreError STORE_KEY_MISSING, ConfigError KEYSTORE_MISSING.
    """
    key = store_key.load(settings.folder, settings.store_key)
    secret = HKDF(hashes.SHA256(), SECRET_BYTES, None, _PURPOSE).derive(key)
    return LineKeys(settings.folder, secret, randomness)


def secret(name: str) -> str | None:
    """The password of a driver: of the environment, else of the system's keystore, else None."""
    given = os.environ.get(SECRET)
    return given if given is not None else store_key.password(f"module-{name}")
