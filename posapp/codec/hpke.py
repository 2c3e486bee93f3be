"""HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

One message a key pair and context; `info` binds what goes with it in the clear. The library's
single-shot form takes no associated data, and `info` is bound just as firmly.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from posapp.errors import InputError

KEY_BYTES = 32
OVERHEAD_BYTES = 32 + 16  # the encapsulated key before, the tag after
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class OpeningKey:
    """An X25519 private key from 32 secret bytes. Its repr shows nothing of them."""

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """What was sealed to this key. Raises InputError HPKE_REFUSED for anything else."""
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError):
            raise InputError("HPKE_REFUSED") from None

    def __repr__(self) -> str:
        return f"OpeningKey(public={self.public.hex()[:16]})"


def seal(public: bytes, message: bytes, info: bytes) -> bytes:
    """`message` for the holder of `public` alone: 32 bytes of encapsulated key, ciphertext, tag.

    Raises InputError HPKE_REFUSED for a public key that no private key belongs to.
    """
    try:
        return _SUITE.encrypt(message, X25519PublicKey.from_public_bytes(public), info=info)
    except ValueError:
        raise InputError("HPKE_REFUSED") from None
