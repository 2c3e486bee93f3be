"""A module's own book: a chain of numbered entries, its signed head, head office's word on it.

    hash(0) = SHA-256("posapp/audit/1" | 00 | module id)
    hash(n) = SHA-256("posapp/audit/1" | 00 | entry n), an entry being the canonical CBOR array
              [number, hash(n - 1), at_ms, kind, body]

Two different entries with one number mean that the module was copied or rolled back; who has
seen one of them finds out with `verify_entries` (`posapp.headoffice.modules` does).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from posapp.codec import cbor
from posapp.codec.signing import SIGNATURE_BYTES, Signer, SigningKey, verify
from posapp.errors import InputError
from posapp.wire import signatures as signed
from posapp.wire.authorisation import MODULE_ID_FORM
from posapp.wire.fields import INT_MAX, Fields
from posapp.wire.signatures import Signatures

TAG = b"posapp/audit/1"
HEAD_PURPOSE = b"posapp/audit-head/1"
ACKNOWLEDGEMENT_PURPOSE = b"posapp/audit-ack/1"
FILE_VERSION = 1
HASH_BYTES = 32
ENTRY_BYTES_MAX = 8192  # a group of eight items takes under one thousand
ENTRIES_MAX = 50_000  # of one file: months of a busy till
FILE_BYTES_MAX = 16 * 1024 * 1024
_ACKNOWLEDGEMENT_BYTES_MAX = 256


def _bad(field: str) -> InputError:
    return InputError("AUDIT_INVALID", field=field)


class AuditKind(IntEnum):
    """What happened; the entry's body says the rest."""

    ISSUE = 1
    REFUSAL = 2
    LOGIN = 3
    LOGOUT = 4
    KEYS = 5
    AUTHORISATION = 6
    CANCEL = 7
    CLOCK = 8
    START = 9


def genesis(module_id: str) -> bytes:
    """hash(0): what the first entry of a module's book follows."""
    return hashlib.sha256(TAG + b"\0" + module_id.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One fact. `number` counts from 1, `at_ms` is UTC, `body` has integer keys only.

    Raises InputError AUDIT_INVALID(field).
    """

    number: int
    previous_hash32: bytes
    at_ms: int
    kind: AuditKind
    body: dict[int, Any]

    def __post_init__(self) -> None:
        if type(self.number) is not int or not 1 <= self.number <= INT_MAX:
            raise _bad("number")
        if not isinstance(self.previous_hash32, bytes) or len(self.previous_hash32) != HASH_BYTES:
            raise _bad("previous_hash32")
        if type(self.at_ms) is not int or not 0 <= self.at_ms <= INT_MAX:
            raise _bad("at_ms")
        if not isinstance(self.body, dict) or not all(type(key) is int for key in self.body):
            raise _bad("body")

    def to_bytes(self) -> bytes:
        """The canonical bytes that are hashed, stored and sent."""
        row = [self.number, self.previous_hash32, self.at_ms, int(self.kind), self.body]
        data = cbor.encode(row)
        if len(data) > ENTRY_BYTES_MAX:
            raise _bad("size")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> AuditEntry:
        """Raises InputError AUDIT_INVALID(field), CBOR_INVALID."""
        if len(data) > ENTRY_BYTES_MAX:
            raise _bad("size")
        value = cbor.decode(data)
        if not isinstance(value, list) or len(value) != 5:
            raise _bad("form")
        number, previous, at_ms, kind, body = value
        if type(kind) is not int or kind not in tuple(AuditKind):
            raise _bad("kind")
        return cls(number, previous, at_ms, AuditKind(kind), body)

    def hash(self) -> bytes:
        """32 bytes that the next entry carries."""
        return entry_hash(self.to_bytes())


def entry_hash(entry: bytes) -> bytes:
    """The hash of an entry's bytes."""
    return hashlib.sha256(TAG + b"\0" + entry).digest()


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where a module's book ends (number 0: nothing yet), signed by the module's own key."""

    module_id: str
    number: int
    hash32: bytes
    signature: bytes

    @classmethod
    def sign(cls, module_id: str, number: int, hash32: bytes, key: Signer) -> AuditHead:
        """A head as the module says it."""
        unsigned = cls(module_id, number, hash32, b"")
        return cls(module_id, number, hash32, key.sign(HEAD_PURPOSE, unsigned._message()))

    def check(self, public: bytes) -> None:
        """Raise InputError SIGNATURE_INVALID unless the module with key `public` said this."""
        verify(public, HEAD_PURPOSE, self._message(), self.signature)

    def to_body(self) -> dict[int, Any]:
        """A map for a file or the line."""
        return {0: self.module_id, 1: self.number, 2: self.hash32, 3: self.signature}

    @classmethod
    def from_body(cls, body: object) -> AuditHead:
        """Raises InputError AUDIT_INVALID(field)."""
        if not isinstance(body, dict) or len(body) != 4:
            raise _bad("head")
        try:
            f = Fields(body)
            module_id, number = f.text(0, 40), f.integer(1)
            hash32, signature = f.data(2, length=HASH_BYTES), f.data(3, length=SIGNATURE_BYTES)
        except InputError:
            raise _bad("head") from None
        if not MODULE_ID_FORM.fullmatch(module_id):
            raise _bad("module_id")
        return cls(module_id, number, hash32, signature)

    def _message(self) -> bytes:
        return cbor.encode([self.module_id, self.number, self.hash32])


@dataclass(frozen=True, slots=True)
class AuditAcknowledgement:
    """Head office has every entry of a module up to `number`, whose hash it names."""

    module_id: str
    number: int
    hash32: bytes
    at_ms: int

    def __post_init__(self) -> None:
        checks = {
            "module_id": bool(MODULE_ID_FORM.fullmatch(self.module_id)),
            "number": 0 <= self.number <= INT_MAX,
            "hash32": len(self.hash32) == HASH_BYTES,
            "at_ms": 0 <= self.at_ms <= INT_MAX,
        }
        for name, right in checks.items():
            if not right:
                raise _bad(name)

    def to_document(self) -> bytes:
        """The canonical bytes that are signed."""
        return cbor.encode({0: self.module_id, 1: self.number, 2: self.hash32, 3: self.at_ms})

    @classmethod
    def from_document(cls, document: bytes) -> AuditAcknowledgement:
        """Raises InputError AUDIT_INVALID(field), CBOR_INVALID."""
        value = cbor.decode(document)
        try:
            f = Fields(value)
            found = cls(f.text(0, 40), f.integer(1), f.data(2, length=HASH_BYTES), f.integer(3))
        except InputError:
            raise _bad("acknowledgement") from None
        if found.to_document() != document:  # a key that nobody here knows
            raise _bad("fields")
        return found


@dataclass(frozen=True, slots=True)
class SignedAcknowledgement:
    """The acknowledgement with head office's signature."""

    acknowledgement: AuditAcknowledgement
    document: bytes
    signatures: Signatures

    @classmethod
    def sign(cls, word: AuditAcknowledgement, *keys: SigningKey) -> SignedAcknowledgement:
        """Signed by 1..8 different keys; one is enough for a module."""
        document = word.to_document()
        return cls(word, document, signed.sign(ACKNOWLEDGEMENT_PURPOSE, document, keys))

    @classmethod
    def read(cls, data: bytes) -> SignedAcknowledgement:
        """From bytes, not yet checked. Raises InputError SIGNED_FORM, AUDIT_INVALID, CBOR."""
        document, pairs = signed.unpack(data, _ACKNOWLEDGEMENT_BYTES_MAX)
        return cls(AuditAcknowledgement.from_document(document), document, pairs)

    def to_bytes(self) -> bytes:
        """What is written into a file or sent to the module."""
        return signed.pack(self.document, self.signatures)

    def check(self, trusted: Collection[bytes], needed: int = 1) -> None:
        """Raise InputError SIGNATURE_INVALID or SIGNERS_TOO_FEW(found, needed)."""
        signed.check(ACKNOWLEDGEMENT_PURPOSE, self.document, self.signatures, trusted, needed)


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """`number` and `hash32` of the last entry that holds; `broken_number`: the first that does not.

    `broken_number` is None when all hold; `reason` is a stable code.
    """

    number: int
    hash32: bytes
    broken_number: int | None = None
    reason: str = ""


def verify_entries(number: int, hash32: bytes, entries: Iterable[bytes]) -> AuditVerdict:
    """Walk the bytes of entries that follow (`number`, `hash32`); begin with (0, genesis(...)).

    Never raises for bad data. Reasons: AUDIT_ENTRY_INVALID, AUDIT_NUMBER_TWICE, AUDIT_GAP,
    AUDIT_HASH_BROKEN.
    """
    for data in entries:
        try:
            entry = AuditEntry.from_bytes(data)
        except InputError:
            return AuditVerdict(number, hash32, number + 1, "AUDIT_ENTRY_INVALID")
        if entry.number <= number:
            return AuditVerdict(number, hash32, entry.number, "AUDIT_NUMBER_TWICE")
        if entry.number != number + 1:
            return AuditVerdict(number, hash32, number + 1, "AUDIT_GAP")
        if entry.previous_hash32 != hash32:
            return AuditVerdict(number, hash32, entry.number, "AUDIT_HASH_BROKEN")
        number, hash32 = entry.number, entry_hash(data)
    return AuditVerdict(number, hash32)


@dataclass(frozen=True, slots=True)
class AuditFile:
    """A stretch of a module's book for the way by stick: entries up to a signed head.

    `after` and `after_hash32` are the entry before the first one (0 and the genesis: all of it).
    """

    after: int
    after_hash32: bytes
    entries: tuple[bytes, ...]
    head: AuditHead

    def to_bytes(self) -> bytes:
        """Raises InputError AUDIT_INVALID(field) for more than 50,000 entries or 16 MiB."""
        if len(self.entries) > ENTRIES_MAX:
            raise _bad("entries")
        data = cbor.encode(
            {
                0: FILE_VERSION,
                1: self.after,
                2: self.after_hash32,
                3: list(self.entries),
                4: self.head.to_body(),
            }
        )
        if len(data) > FILE_BYTES_MAX:
            raise _bad("size")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> AuditFile:
        """Its form only; see `check`. Raises InputError AUDIT_INVALID(field), CBOR_INVALID."""
        if len(data) > FILE_BYTES_MAX:
            raise _bad("size")
        value = cbor.decode(data)
        try:
            f = Fields(value)
            version, after, rows = f.integer(0), f.integer(1), f.items(3, ENTRIES_MAX)
            found = cls(after, f.data(2, length=HASH_BYTES), tuple(rows), _head(f))
        except InputError as error:
            raise error if error.code == "AUDIT_INVALID" else _bad("file") from None
        if version != FILE_VERSION:
            raise _bad("version")
        if not all(isinstance(entry, bytes) for entry in found.entries):
            raise _bad("entries")
        if len(value) != 5:
            raise _bad("fields")
        return found

    def check(self, public: bytes) -> AuditVerdict:
        """Verify the head's signature (raises SIGNATURE_INVALID) and walk to it.

        The verdict says AUDIT_TRUNCATED when the entries hold but do not end at the head, and
        AUDIT_HASH_BROKEN at 1 when a whole book does not begin with its module's genesis.
        """
        self.head.check(public)
        if self.after == 0 and self.after_hash32 != genesis(self.head.module_id):
            return AuditVerdict(0, self.after_hash32, 1, "AUDIT_HASH_BROKEN")
        verdict = verify_entries(self.after, self.after_hash32, self.entries)
        if verdict.broken_number is not None:
            return verdict
        if (verdict.number, verdict.hash32) != (self.head.number, self.head.hash32):
            place = verdict.number + 1
            return AuditVerdict(verdict.number, verdict.hash32, place, "AUDIT_TRUNCATED")
        return verdict


def _head(f: Fields) -> AuditHead:
    return AuditHead.from_body(f.mapping(4))
