"""HPKE base mode written from RFC 9180 with a chosen ephemeral key, to recompute examples."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
SUITE = b"HPKE" + bytes.fromhex("0020 0001 0002")


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    block, found, number = b"", b"", 1
    while len(found) < length:
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        found, number = found + block, number + 1
    return found[:length]


def public_of(secret: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def seal(public: bytes, message: bytes, info: bytes, ephemeral: bytes) -> dict[str, bytes]:
    """Every step on the way to `enc | ciphertext`, by the names of the RFC."""
    peer = X25519PublicKey.from_public_bytes(public)
    dh = X25519PrivateKey.from_private_bytes(ephemeral).exchange(peer)
    enc = public_of(ephemeral)
    prk = extract(KEM_SUITE, b"", b"eae_prk", dh)
    shared = expand(KEM_SUITE, prk, b"shared_secret", enc + public, 32)
    context = (
        b"\0" + extract(SUITE, b"", b"psk_id_hash", b"") + extract(SUITE, b"", b"info_hash", info)
    )
    secret = extract(SUITE, shared, b"secret", b"")
    key = expand(SUITE, secret, b"key", context, 32)
    nonce = expand(SUITE, secret, b"base_nonce", context, 12)
    sealed = enc + AESGCM(key).encrypt(nonce, message, b"")
    return {"enc": enc, "shared_secret": shared, "key": key, "base_nonce": nonce, "sealed": sealed}
