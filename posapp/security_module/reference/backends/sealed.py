"""Vending keys in the module's own sealed store: read once, then kept in this process only.

A thief of the disk is kept off by the store's key alone (`posapp.security_module.reference.seal`).
"""

from __future__ import annotations

import hmac
from dataclasses import fields

from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.errors import ModuleError
from posapp.security_module.reference.backends import BackendInfo, BookedKey, KeyBook
from posapp.sts.keys import KeyAttributes, VendingKey, decoder_key

NAME = "sealed"


class SealedBackend:
    """Implements `KeyBackend` on a book whose rows hold the secrets. Raises StoreError."""

    def __init__(self, book: KeyBook) -> None:
        self._book = book
        self._keys = {row.name: _key(row) for row in book.rows()}

    def attributes(self) -> tuple[KeyAttributes, ...]:
        """What is known of each key, ordered by SGC and KRN."""
        return tuple(self._keys[name].attributes() for name in sorted(self._keys))

    def decoder_key(
        self, sgc: str, krn: int, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """A meter's key. Raises ModuleError KEY_NOT_FOUND(sgc, krn), InputError."""
        return decoder_key(self._key(sgc, krn), number, ti, ea)

    def hmac(self, sgc: str, krn: int, message: bytes) -> bytes:
        """HMAC-SHA-256 under a key. Raises ModuleError KEY_NOT_FOUND(sgc, krn)."""
        return hmac.digest(self._key(sgc, krn).secret, message, "sha256")

    def check(self, known: KeyAttributes) -> None:
        """All kinds are kept here."""

    def load(self, key: VendingKey) -> None:
        """Take a key in, or anew. Raises StoreError."""
        row = BookedKey(key.attributes(), key.secret)
        self._book.put(row)
        self._keys[row.name] = key

    def remove(self, sgc: str, krn: int) -> None:
        """Forget a key. Raises ModuleError KEY_NOT_FOUND(sgc, krn), StoreError."""
        self._key(sgc, krn)
        self._book.drop(sgc, krn)
        del self._keys[sgc, krn]

    def probe(self) -> BackendInfo:
        """Nothing can be missing here."""
        return BackendInfo(NAME, bound=False)

    def close(self) -> None:
        """Forget all keys."""
        self._keys.clear()

    def _key(self, sgc: str, krn: int) -> VendingKey:
        key = self._keys.get((sgc, krn))
        if key is None:
            raise ModuleError("KEY_NOT_FOUND", sgc=sgc, krn=krn)
        return key


def _key(row: BookedKey) -> VendingKey:
    known = {f.name: getattr(row.attributes, f.name) for f in fields(KeyAttributes)}
    return VendingKey(secret=row.kept, **known)
