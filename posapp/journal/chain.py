"""Entries and their hash chain.

An entry's id is (till, epoch, seq). Its bytes are the canonical CBOR array
`[seq, kind, version, at_ms, body]`, `body` being a map with integer keys. The chain is

    hash(0)   = SHA-256("posapp/j1" | till id (16) | epoch (4, big-endian) | parent hash (32))
    hash(seq) = SHA-256("posapp/j1" | hash(seq - 1) | epoch (4) | entry bytes)

and the till signs (till id, epoch, seq, hash) of the head in the transaction that appends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from posapp.codec import cbor
from posapp.codec.signing import Signer, verify
from posapp.errors import InputError

TAG = b"posapp/j1"
HEAD_PURPOSE = b"posapp/journal-head/1"
HASH_BYTES = 32
NO_PARENT = bytes(HASH_BYTES)
ENTRY_BYTES_MAX = 8192  # a sale needs about 200; more is a mistake, not a fact


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact at its place. `at_ms` is UTC in ms since 1970; `body` has integer keys only."""

    seq: int
    kind: int
    version: int
    at_ms: int
    body: dict[int, Any]

    def to_bytes(self) -> bytes:
        """The canonical bytes that are hashed, stored and sent."""
        data = cbor.encode([self.seq, self.kind, self.version, self.at_ms, self.body])
        if len(data) > ENTRY_BYTES_MAX:
            raise InputError("JOURNAL_ENTRY_TOO_LARGE", bytes=len(data))
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Raises InputError JOURNAL_ENTRY_INVALID when the bytes are no entry."""
        if len(data) > ENTRY_BYTES_MAX:
            raise InputError("JOURNAL_ENTRY_INVALID")
        value = cbor.decode(data)
        if not isinstance(value, list) or len(value) != 5:
            raise InputError("JOURNAL_ENTRY_INVALID")
        seq, kind, version, at_ms, body = value
        numbers = (seq, kind, version, at_ms)
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
            raise InputError("JOURNAL_ENTRY_INVALID")
        if not isinstance(body, dict) or not all(type(k) is int for k in body):
            raise InputError("JOURNAL_ENTRY_INVALID")
        return cls(seq, kind, version, at_ms, body)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal ends: the position and the hash of its last entry (seq 0: none yet)."""

    till_id: bytes
    epoch: int
    seq: int
    hash: bytes

    def sign(self, key: Signer) -> bytes:
        """The till's signature over this head."""
        return key.sign(HEAD_PURPOSE, self._message())

    def check(self, public: bytes, signature: bytes) -> None:
        """Raise InputError SIGNATURE_INVALID unless the till with key `public` signed this head."""
        verify(public, HEAD_PURPOSE, self._message(), signature)

    def follow(self, entry_bytes: bytes) -> Head:
        """The head after one more entry; the caller has checked that its seq is the next."""
        digest = hashlib.sha256(TAG + self.hash + self.epoch.to_bytes(4, "big") + entry_bytes)
        return Head(self.till_id, self.epoch, self.seq + 1, digest.digest())

    def _message(self) -> bytes:
        place = self.epoch.to_bytes(4, "big") + self.seq.to_bytes(8, "big")
        return self.till_id + place + self.hash

    @property
    def code(self) -> str:
        """`9F27 C1A0 44DE`: twelve hex digits of the hash, for paper."""
        text = self.hash.hex().upper()[:12]
        return " ".join(text[i : i + 4] for i in range(0, 12, 4))


def genesis(till_id: bytes, epoch: int, parent_hash: bytes = NO_PARENT) -> Head:
    """The head of an empty journal."""
    if len(till_id) != 16 or len(parent_hash) != HASH_BYTES:
        raise ValueError("a till id has 16 bytes and a hash 32")
    digest = hashlib.sha256(TAG + till_id + epoch.to_bytes(4, "big") + parent_hash).digest()
    return Head(till_id, epoch, 0, digest)
