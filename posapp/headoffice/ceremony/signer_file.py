"""A second signer of authorisations: a signing key in a file of its own, sealed with a PIN.

    JSON {"version": 1, "name": ..., "public": hex, "sealed": hex of a `posapp.codec.sealed` box}

The first signer is head office's own key, which lives in its database.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from posapp.clock import Randomness
from posapp.codec.files import write_private
from posapp.codec.sealed import RARE, Cost, SealedBox, wipe
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.headoffice.ceremony import officers as people
from posapp.headoffice.ceremony.private_file import read_private

PURPOSE = "posapp/signer/1"
VERSION = 1
FILE_BYTES_MAX = 8192
_NAMES = {"version", "name", "public", "sealed"}


@dataclass(frozen=True, slots=True)
class SignerFile:
    """What such a file says in the clear; `open` needs the PIN."""

    name: str
    public: bytes
    box: SealedBox

    @classmethod
    def make(cls, name: str, pin: str, randomness: Randomness, *, cost: Cost = RARE) -> SignerFile:
        """A new signing key. Raises InputError OFFICER_NAME, OFFICER_PIN_FORM."""
        people.check_pin(pin)
        secret = bytearray(randomness.bytes(32))
        key = SigningKey(bytes(secret))
        try:
            box = SealedBox.seal(
                secret, [pin], b"", purpose=PURPOSE, randomness=randomness, cost=cost
            )
        finally:
            wipe(secret)
        return cls(people.check_name(name), key.public, box)

    def open(self, pin: str) -> SigningKey:
        """The signing key. Raises InputError SEAL_REFUSED, SIGNER_FILE when they do not match."""
        secret = self.box.open([pin], b"", purpose=PURPOSE)
        try:
            key = SigningKey(bytes(secret)) if len(secret) == 32 else None
        finally:
            wipe(secret)
        if key is None or key.public != self.public:
            raise InputError("SIGNER_FILE", field="public")
        return key

    def with_pin(self, pin: str, new_pin: str, randomness: Randomness) -> SignerFile:
        """The same key under a new PIN. Raises InputError OFFICER_PIN_FORM, SEAL_REFUSED."""
        people.check_pin(new_pin)
        box = self.box.reseal([pin], [new_pin], b"", purpose=PURPOSE, randomness=randomness)
        return SignerFile(self.name, self.public, box)

    def to_bytes(self) -> bytes:
        """The text of the file."""
        value = {
            "version": VERSION,
            "name": self.name,
            "public": self.public.hex(),
            "sealed": self.box.to_bytes().hex(),
        }
        return (json.dumps(value, indent=2) + "\n").encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> SignerFile:
        """Raises InputError SIGNER_FILE(field), SEAL_INVALID."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or set(value) != _NAMES:
            raise InputError("SIGNER_FILE", field="form")
        if type(value["version"]) is not int or value["version"] != VERSION:
            raise InputError("SIGNER_FILE", field="version")
        texts = [value[name] for name in ("name", "public", "sealed")]
        if not all(isinstance(text, str) for text in texts):
            raise InputError("SIGNER_FILE", field="form")
        if not re.fullmatch(r"[0-9a-f]{64}", texts[1]):
            raise InputError("SIGNER_FILE", field="public")
        if not re.fullmatch(r"([0-9a-f]{2})+", texts[2]):
            raise InputError("SIGNER_FILE", field="sealed")
        box = SealedBox.read(bytes.fromhex(texts[2]))
        return cls(people.check_name(texts[0]), bytes.fromhex(texts[1]), box)

    @classmethod
    def load(cls, path: Path) -> SignerFile:
        """From a file that only its owner may read. Raises ConfigError FILE_..., InputError."""
        return cls.from_bytes(read_private(path, FILE_BYTES_MAX))

    def store(self, path: Path, *, new: bool = True) -> None:
        """Into a file (0600), a new one or in its own place.

        Raises ConfigError FILE_EXISTS, FILE_UNWRITABLE.
        """
        write_private(path, self.to_bytes(), new=new)
