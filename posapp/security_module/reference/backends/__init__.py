"""Where the vending keys are: in the module's sealed store, or in a PKCS#11 device.

The engine asks a `KeyBackend` for a meter's key and never sees what it was made from. All limits
and the audit are the engine's: they are the same whoever keeps the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.errors import ConfigError
from posapp.sts.keys import KeyAttributes, VendingKey

if TYPE_CHECKING:
    from posapp.security_module.reference.backends.hsm import Hsm

PinSource = Callable[[], bytearray]  # a fresh copy of a device's PIN, wiped after its use


@dataclass(frozen=True, slots=True)
class BookedKey:
    """One row of a book: a key's attributes, and what its backend keeps with them.

    `kept` is the secret itself for the sealed backend, a check value for a device.
    """

    attributes: KeyAttributes
    kept: bytes = field(repr=False)

    @property
    def name(self) -> tuple[str, int]:
        """(SGC, KRN): one key of each."""
        return self.attributes.sgc, self.attributes.krn


class KeyBook(Protocol):
    """What one backend remembers of its keys on the disk."""

    def rows(self) -> tuple[BookedKey, ...]:
        """All rows. Raises StoreError."""
        ...

    def put(self, key: BookedKey) -> None:
        """Add a row or replace the one of this SGC and KRN; durable. Raises StoreError."""
        ...

    def drop(self, sgc: str, krn: int) -> None:
        """Forget a row; none of that name is no error. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What diagnostics show. `bound` is true only where a copy of the disk has no keys in it."""

    name: str
    bound: bool
    device: str = ""


class KeyBackend(Protocol):
    """Keeps vending keys. Called by one thread; no secret leaves it.

    Every ModuleError of it is NOT_EXECUTED: it makes no token.
    """

    def attributes(self) -> tuple[KeyAttributes, ...]:
        """What is known of each key, ordered by SGC and KRN. Returns at once."""
        ...

    def decoder_key(
        self, sgc: str, krn: int, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """A meter's key, as `posapp.sts.keys.decoder_key` makes it. A device may take 10 s.

        Raises ModuleError KEY_NOT_FOUND(sgc, krn) and, from a device, HSM_...; InputError as
        `posapp.sts.keys.check_derivation` does.
        """
        ...

    def hmac(self, sgc: str, krn: int, message: bytes) -> bytes:
        """HMAC-SHA-256 of `message` under a DKGA04 key: for the meters' keys of a whole list.

        Raises ModuleError KEY_NOT_FOUND(sgc, krn) and, from a device, HSM_....
        """
        ...

    def check(self, known: KeyAttributes) -> None:
        """Raise ModuleError HSM_KEY_KIND(dkga) unless it could keep such a key. At once."""
        ...

    def load(self, key: VendingKey) -> None:
        """Take a key in, or anew. Raises ModuleError HSM_... and StoreError; then ask again."""
        ...

    def remove(self, sgc: str, krn: int) -> None:
        """Destroy a key. Raises ModuleError KEY_NOT_FOUND(sgc, krn), HSM_...; StoreError."""
        ...

    def probe(self) -> BackendInfo:
        """Try out everything it is needed for. Raises ModuleError HSM_..., HSM_UNFIT(step)."""
        ...

    def close(self) -> None:
        """Forget all secrets; safe to call twice."""
        ...


def open_hsm(library: str, label: str, pin_file: Path) -> Hsm:
    """A token of a PKCS#11 library, its user PIN in a file; it is opened when first used.

    Raises ConfigError HSM_EXTRA_MISSING where python-pkcs11 is not installed.
    """
    try:
        # Imported late: it comes with an extra.
        from posapp.security_module.reference.backends import hsm
    except ImportError:
        raise ConfigError("HSM_EXTRA_MISSING") from None
    return hsm.Hsm(library, label, hsm.pin_from_file(pin_file))
