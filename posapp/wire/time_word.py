"""Head office's word of the time for one module, signed: for a clock that was false.

It names an entry of the module's book and a moment, as an acknowledgement does, under a purpose of
its own. The entry makes it the answer to one situation: an earlier word does not serve again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from posapp.codec.signing import SigningKey
from posapp.wire import signatures as signed
from posapp.wire.audit import AuditAcknowledgement
from posapp.wire.signatures import Signatures

PURPOSE = b"posapp/time/1"
DOCUMENT_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class SignedTime:
    """`word.at_ms` is the time when head office knew the module's book up to `word.number`."""

    word: AuditAcknowledgement
    document: bytes
    signatures: Signatures

    @classmethod
    def sign(cls, word: AuditAcknowledgement, *keys: SigningKey) -> SignedTime:
        """Signed by 1..8 different keys; one is enough for a module."""
        document = word.to_document()
        return cls(word, document, signed.sign(PURPOSE, document, keys))

    @classmethod
    def read(cls, data: bytes) -> SignedTime:
        """From bytes, not yet checked. Raises InputError SIGNED_FORM, AUDIT_INVALID, CBOR."""
        document, pairs = signed.unpack(data, DOCUMENT_BYTES_MAX)
        return cls(AuditAcknowledgement.from_document(document), document, pairs)

    def to_bytes(self) -> bytes:
        """What is written into a file or sent to the module."""
        return signed.pack(self.document, self.signatures)

    def check(self, trusted: Collection[bytes], needed: int = 1) -> None:
        """Raise InputError SIGNATURE_INVALID or SIGNERS_TOO_FEW(found, needed)."""
        signed.check(PURPOSE, self.document, self.signatures, trusted, needed)
