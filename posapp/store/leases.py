"""The till's lease: by line as a document of its own, or inside an authorisation from a file."""

from __future__ import annotations

from sqlalchemy import Connection

from posapp.errors import InputError, StoreError
from posapp.store.meta import get_meta
from posapp.store.till_row import TillRow
from posapp.wire.authorisation import SignedAuthorisation
from posapp.wire.lease import SignedLease

_LEASE = (
    "INSERT INTO lease (one, number, document, signature) VALUES (1, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET number = excluded.number, document = excluded.document,"
    " signature = excluded.signature WHERE excluded.number > number"
)


def put_lease(connection: Connection, signed: SignedLease) -> None:
    """Keep a lease unless it is older than the one that is kept.

    Raises StoreError NOT_ENROLLED, InputError SIGNATURE_INVALID, LEASE_FOREIGN.
    """
    key, till_id = _whose(connection)
    signed.check(key, till_id)
    values = (signed.lease.number, signed.document, signed.signature)
    connection.exec_driver_sql(_LEASE, values)


def take_authorisation(connection: Connection, data: bytes) -> bool:
    """Keep the lease of an authorisation for this till; whether it is newer than the one kept.

    Head office's own signature must be on it: other signers count for the module, not for the
    till. Raises InputError SIGNED_FORM, AUTHORISATION_INVALID, SIGNERS_TOO_FEW,
    SIGNATURE_INVALID, LEASE_FOREIGN; StoreError NOT_ENROLLED.
    """
    key, till_id = _whose(connection)
    signed = SignedAuthorisation.read(data)
    signed.check(frozenset({key}), 1)
    said = signed.authorisation
    if said.till_id != till_id:
        raise InputError("LEASE_FOREIGN")
    values = (said.lease.number, signed.document, dict(signed.signatures)[key])
    return connection.exec_driver_sql(_LEASE, values).rowcount == 1


def _whose(connection: Connection) -> tuple[bytes, bytes]:
    till, key = TillRow.load(connection), get_meta(connection, "head_office_key")
    if till is None or key is None:
        raise StoreError("NOT_ENROLLED")
    return key, till.head.till_id
