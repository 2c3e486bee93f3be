"""A document and who signed it, in one string of bytes: for authorisations, keys and words of head
office that travel as files. What a document says is its own file's business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from posapp.codec import cbor
from posapp.codec.signing import SIGNATURE_BYTES, SigningKey, verify
from posapp.errors import InputError

PUBLIC_BYTES = 32
SIGNERS_MAX = 8  # a document needs one or two; more is a mistake
_OVERHEAD_MAX = 16 + SIGNERS_MAX * (PUBLIC_BYTES + SIGNATURE_BYTES + 8)

Signatures = tuple[tuple[bytes, bytes], ...]


def sign(purpose: bytes, document: bytes, keys: Sequence[SigningKey]) -> Signatures:
    """(public key, signature) of each of 1..8 different signers, in the order of their keys."""
    pairs = {key.public: key.sign(purpose, document) for key in keys}
    if len(pairs) != len(keys) or not 1 <= len(pairs) <= SIGNERS_MAX:
        raise ValueError("1 to 8 signers, each once")
    return tuple(sorted(pairs.items()))


def pack(document: bytes, signatures: Signatures) -> bytes:
    """The canonical CBOR map {0: document, 1: [[public key, signature], ...]}."""
    return cbor.encode({0: document, 1: [list(pair) for pair in signatures]})


def unpack(data: bytes, document_bytes_max: int) -> tuple[bytes, Signatures]:
    """The parts of `pack`; nothing is verified yet.

    Signers stand in the order of their public keys, each once. Raises InputError
    SIGNED_FORM(field), CBOR_INVALID.
    """
    if len(data) > document_bytes_max + _OVERHEAD_MAX:
        raise InputError("SIGNED_FORM", field="size")
    value = cbor.decode(data)
    if not isinstance(value, dict) or set(map(_plain, value)) != {0, 1}:
        raise InputError("SIGNED_FORM", field="parts")
    document, rows = value[0], value[1]
    if not isinstance(document, bytes) or len(document) > document_bytes_max:
        raise InputError("SIGNED_FORM", field="document")
    if not isinstance(rows, list) or not 1 <= len(rows) <= SIGNERS_MAX:
        raise InputError("SIGNED_FORM", field="signers")
    signatures = tuple(_pair(row) for row in rows)
    publics = [public for public, _ in signatures]
    if publics != sorted(set(publics)):
        raise InputError("SIGNED_FORM", field="signers")
    return document, signatures


def check(
    purpose: bytes,
    document: bytes,
    signatures: Signatures,
    trusted: Collection[bytes],
    needed: int,
) -> None:
    """Raise unless `needed` different signers out of `trusted` signed exactly these bytes.

    A stranger's signature counts for nothing, but one that does not verify spoils the whole:
    InputError SIGNATURE_INVALID. Too few: InputError SIGNERS_TOO_FEW(found, needed).
    """
    if needed < 1:
        raise ValueError("a document needs at least one signer")
    for public, signature in signatures:
        verify(public, purpose, document, signature)
    found = len({public for public, _ in signatures} & set(trusted))
    if found < needed:
        raise InputError("SIGNERS_TOO_FEW", found=found, needed=needed)


def _plain(key: object) -> int:
    """A map's key, or -1 for what is no plain integer (True equals 1 as a key)."""
    return key if type(key) is int else -1


def _pair(row: object) -> tuple[bytes, bytes]:
    if not isinstance(row, list) or len(row) != 2:
        raise InputError("SIGNED_FORM", field="signers")
    public, signature = row
    if not isinstance(public, bytes) or len(public) != PUBLIC_BYTES:
        raise InputError("SIGNED_FORM", field="signers")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise InputError("SIGNED_FORM", field="signers")
    return public, signature
