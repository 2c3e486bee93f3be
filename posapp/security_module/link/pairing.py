"""Pairing: two ends that share a code for some minutes learn each other's public keys.

The module shows 24 digits, a person types them at the till, and each end proves that it knows
them over both certificates and two nonces. The module's half is `reference/pairing_desk.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from posapp.clock import Randomness
from posapp.codec import cbor
from posapp.errors import InputError, ModuleError
from posapp.security_module.link.codec import FieldError, Fields
from posapp.security_module.link.identity import CERTIFICATE_MAX, NAME_MAX, Peer

PAIR_START = "PAIR_START"
PAIR_PROVE = "PAIR_PROVE"
PAIR_OPS = (PAIR_START, PAIR_PROVE)

CODE_DIGITS = 24
_RANDOM_DIGITS = 22  # 73 bits: nobody guesses them, with any hardware, while a window is open
_GROUP = 4
NONCE_BYTES = 32
SALT_BYTES = 16
PROOF_BYTES = 32
MEMORY_KIB = 16 * 1024  # 50 ms on a small PC; a module of little memory may say 8
PASSES = 3
MEMORY_RANGE_KIB = (8, 64 * 1024)
PASSES_RANGE = (1, 10)
_PURPOSE = "posapp/pairing/1"


def new_code(randomness: Randomness) -> str:
    """24 digits; the last two check the others (ISO 7064 MOD 97-10)."""
    body = int.from_bytes(randomness.bytes(NONCE_BYTES), "big") % 10**_RANDOM_DIGITS
    return f"{body:0{_RANDOM_DIGITS}d}{98 - body * 100 % 97:02d}"


def show_code(code: str) -> str:
    """Six groups of four."""
    return " ".join(code[i : i + _GROUP] for i in range(0, CODE_DIGITS, _GROUP))


def read_code(text: str) -> str:
    """The 24 digits of what a person typed. A slip of the hand is found here, before it costs
    the pairing window. Raises InputError PAIR_CODE_FORM.
    """
    code = text.replace(" ", "").replace("-", "")
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()) or int(code) % 97 != 1:
        raise InputError("PAIR_CODE_FORM", digits=CODE_DIGITS)
    return code


def key_of(code: str, salt: bytes, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> bytes:
    """The 32-byte key that a code stands for. About 50 ms."""
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory_kib)
    return kdf.derive(code.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that both ends must agree on; a man in the middle changes at least one of these."""

    module_id: str
    till_name: str
    salt: bytes
    memory_kib: int
    passes: int
    till_nonce: bytes
    module_nonce: bytes
    till_certificate: bytes
    module_certificate: bytes

    def digest(self) -> bytes:
        """SHA-256 over the canonical CBOR list of a purpose and the fields in this order."""
        fields = [
            _PURPOSE,
            self.module_id,
            self.till_name,
            self.salt,
            self.memory_kib,
            self.passes,
            self.till_nonce,
            self.module_nonce,
            self.till_certificate,
            self.module_certificate,
        ]
        return hashlib.sha256(cbor.encode(fields)).digest()

    def till_proof(self, key: bytes) -> bytes:
        """What only a till that knows the code can say."""
        return hmac.digest(key, b"till" + self.digest(), "sha256")

    def module_proof(self, key: bytes) -> bytes:
        """What only a module that knows the code can say; another word than the till's."""
        return hmac.digest(key, b"module" + self.digest(), "sha256")


def read_start(fields: Fields) -> tuple[Peer, bytes]:
    """The till that asks for a pairing, and its nonce. Raises FieldError."""
    name = fields.text("name", NAME_MAX)
    if not name:
        raise FieldError("name")
    return _peer(name, fields), fields.blob("nonce", NONCE_BYTES)


def read_prove(fields: Fields) -> bytes:
    """The proof in PAIR_PROVE or in its reply. Raises FieldError."""
    return fields.blob("proof", PROOF_BYTES)


class TillPairing:
    """The till's half, without a line: what to say, and whom to trust at the end."""

    def __init__(self, name: str, certificate: bytes, code: str, randomness: Randomness) -> None:
        assert 0 < len(name) <= NAME_MAX, "a till without a name"
        self._name = name
        self._certificate = certificate
        self._code = read_code(code)
        self._nonce = randomness.bytes(NONCE_BYTES)
        self._expected = b""
        self._module: Peer | None = None

    def start(self) -> Mapping[str, Any]:
        """The body of PAIR_START."""
        return {"name": self._name, "cert": self._certificate, "nonce": self._nonce}

    def prove(self, started: Fields) -> Mapping[str, Any]:
        """The body of PAIR_PROVE, from the reply to PAIR_START. About 50 ms. Raises FieldError."""
        module_id = started.text("module")
        if not 0 < len(module_id) <= NAME_MAX:
            raise FieldError("module")
        module = _peer(module_id, started)
        transcript = Transcript(
            module_id,
            self._name,
            started.blob("salt", SALT_BYTES),
            started.integer("memory", *MEMORY_RANGE_KIB),
            started.integer("passes", *PASSES_RANGE),
            self._nonce,
            started.blob("nonce", NONCE_BYTES),
            self._certificate,
            module.certificate,
        )
        key = key_of(self._code, transcript.salt, transcript.memory_kib, transcript.passes)
        self._expected = transcript.module_proof(key)
        self._module = module
        return {"proof": transcript.till_proof(key)}

    def finish(self, proved: Fields) -> Peer:
        """The module to trust. Raises ModuleError PAIR_MODULE_UNPROVEN, FieldError."""
        assert self._module is not None, "finished before it was begun"
        if not hmac.compare_digest(read_prove(proved), self._expected):
            raise ModuleError("PAIR_MODULE_UNPROVEN", found=self._module.name)
        return self._module


def _peer(name: str, fields: Fields) -> Peer:
    try:
        return Peer.read(name, fields.data("cert", 1, CERTIFICATE_MAX))
    except InputError:
        raise FieldError("cert") from None
