"""The lease on its way: one document for one till, signed by head office on its own.

It travels as a feed row and at enrolment; a till keeps the document, so that its security
module and a file on a stick can carry the same proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.codec.signing import SigningKey, verify
from posapp.domain.lease import Lease
from posapp.errors import InputError
from posapp.wire.fields import Fields

PURPOSE = b"posapp/lease/1"
DOCUMENT_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class SignedLease:
    """What head office signed: `document` is canonical CBOR, `lease` what it says.

    `till_id` (16 bytes) is the only till it is for.
    """

    till_id: bytes
    lease: Lease
    document: bytes
    signature: bytes

    @classmethod
    def sign(cls, till_id: bytes, lease: Lease, key: SigningKey) -> SignedLease:
        """A new document for one till."""
        document = cbor.encode(
            {
                0: till_id,
                1: lease.number,
                2: lease.authorised_total_minor,
                3: lease.max_sale_minor,
                4: lease.min_sale_minor,
                5: epoch_ms(lease.valid_until),
            }
        )
        return cls(till_id, lease, document, key.sign(PURPOSE, document))

    @classmethod
    def read(cls, document: bytes, signature: bytes) -> SignedLease:
        """From bytes, not yet checked against anyone's key. Raises InputError."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise InputError("MESSAGE_INVALID", field="lease")
        fields = Fields(cbor.decode(document))
        lease = Lease(
            number=fields.integer(1, low=1),
            authorised_total_minor=fields.integer(2),
            max_sale_minor=fields.integer(3),
            min_sale_minor=fields.integer(4),
            valid_until=from_epoch_ms(fields.integer(5, high=1 << 47)),
        )
        return cls(fields.data(0, length=16), lease, document, signature)

    def check(self, head_office_key: bytes, till_id: bytes) -> None:
        """Raise InputError SIGNATURE_INVALID or LEASE_FOREIGN unless it is ours and genuine."""
        verify(head_office_key, PURPOSE, self.document, self.signature)
        if self.till_id != till_id:
            raise InputError("LEASE_FOREIGN")
