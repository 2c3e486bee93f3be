"""Ed25519 signatures over domain-tagged bytes: a signature for one purpose fits no other."""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from posapp.errors import InputError

SIGNATURE_BYTES = 64


class Signer(Protocol):
    """Whatever holds a private key: a `SigningKey`, or a store that never gives it away."""

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        """64 bytes of signature over `purpose`, a zero byte and `message`."""
        ...


class SigningKey:
    """A private key from 32 secret bytes. Its repr shows nothing of them."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        """64 bytes of signature over `purpose`, a zero byte and `message`."""
        return self._key.sign(purpose + b"\0" + message)

    def secret(self) -> bytes:
        """The 32 secret bytes, for sealing only."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()[:16]})"


def verify(public: bytes, purpose: bytes, message: bytes, signature: bytes) -> None:
    """Raise InputError SIGNATURE_INVALID unless `signature` is `public`'s over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, purpose + b"\0" + message)
    except (InvalidSignature, ValueError):
        raise InputError("SIGNATURE_INVALID", purpose=purpose.decode("ascii")) from None
