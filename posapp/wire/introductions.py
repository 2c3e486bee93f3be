"""What a module and head office know of each other before the first document: two small texts.

A `ModuleCard` names a new module's public keys, a `Trust` whose documents a module believes.
Both are JSON for people's eyes; nothing in them is secret, and `fingerprint` is for a telephone.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from posapp.codec import cbor
from posapp.codec.signing import SIGNATURE_BYTES, Signer, verify
from posapp.errors import InputError
from posapp.wire.authorisation import MODULE_ID_FORM
from posapp.wire.fields import INT_MAX
from posapp.wire.signatures import PUBLIC_BYTES, SIGNERS_MAX

CARD_PURPOSE = b"posapp/module-card/1"
VERSION = 1
TEXT_BYTES_MAX = 8192


def fingerprint(data: bytes) -> str:
    """`9F27 C1A0 44DE 01B3`: sixteen hex digits of a SHA-256, to be compared by voice."""
    text = hashlib.sha256(data).hexdigest().upper()[:16]
    return " ".join(text[i : i + 4] for i in range(0, 16, 4))


@dataclass(frozen=True, slots=True)
class ModuleCard:
    """A module's public keys: X25519 `seal_key` for key files, Ed25519 `audit_key` for its word.

    The signature by `audit_key` proves only that the card is whole; who hands it over is what
    head office trusts. Raises InputError MODULE_CARD(field).
    """

    module_id: str
    seal_key: bytes
    audit_key: bytes
    signature: bytes

    def __post_init__(self) -> None:
        checks = {
            "module_id": bool(MODULE_ID_FORM.fullmatch(self.module_id)),
            "seal_key": len(self.seal_key) == PUBLIC_BYTES,
            "audit_key": len(self.audit_key) == PUBLIC_BYTES,
            "signature": len(self.signature) == SIGNATURE_BYTES,
        }
        for name, right in checks.items():
            if not right:
                raise InputError("MODULE_CARD", field=name)

    @classmethod
    def make(cls, module_id: str, seal_key: bytes, audit_key: bytes, signer: Signer) -> ModuleCard:
        """A module's own card; `signer` holds the private half of `audit_key`."""
        message = _card_message(module_id, seal_key, audit_key)
        return cls(module_id, seal_key, audit_key, signer.sign(CARD_PURPOSE, message))

    def to_text(self) -> str:
        """What `read` takes."""
        return _text(
            {
                "version": VERSION,
                "module_id": self.module_id,
                "seal_key": self.seal_key.hex(),
                "audit_key": self.audit_key.hex(),
                "signature": self.signature.hex(),
            }
        )

    @classmethod
    def read(cls, data: bytes) -> ModuleCard:
        """A whole card. Raises InputError MODULE_CARD(field), SIGNATURE_INVALID."""
        names = ("version", "module_id", "seal_key", "audit_key", "signature")
        value = _mapping(data, names, "MODULE_CARD")
        if not isinstance(value["module_id"], str):
            raise InputError("MODULE_CARD", field="module_id")
        keys = [_bytes(value[name], name, "MODULE_CARD") for name in names[2:]]
        card = cls(value["module_id"], *keys)
        message = _card_message(card.module_id, card.seal_key, card.audit_key)
        verify(card.audit_key, CARD_PURPOSE, message, card.signature)
        return card

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all of it but the signature."""
        return fingerprint(_card_message(self.module_id, self.seal_key, self.audit_key))


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose documents a module takes (Ed25519 public keys, each once).

    `office`: who may sign authorisations and acknowledgements. `officers`: who may sign key
    files, two of them at a time; none: the module loads no key file. `two_above_minor`: when
    what one signer alone granted since two signed last comes to more than this, two of `office`
    must sign (`authorisation.added_minor` says how it is counted); None: one is always enough.
    Raises InputError TRUST_INVALID(field).
    """

    office: tuple[bytes, ...]
    officers: tuple[bytes, ...]
    two_above_minor: int | None

    def __post_init__(self) -> None:
        checks = {
            "office": 1 <= len(self.office) <= SIGNERS_MAX and _are_keys(self.office),
            "officers": len(self.officers) <= SIGNERS_MAX and _are_keys(self.officers),
            "two_above_minor": _is_threshold(self.two_above_minor),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("TRUST_INVALID", field=name)
        if len(self.office) < 2 and self.two_above_minor is not None:
            raise InputError("TRUST_INVALID", field="office")

    def needed(self, added_minor: int) -> int:
        """How many of `office` must sign an authorisation after which so much was added."""
        return 2 if self.two_above_minor is not None and added_minor > self.two_above_minor else 1

    def to_text(self) -> str:
        """What `read` takes."""
        return _text(
            {
                "version": VERSION,
                "office": [key.hex() for key in self.office],
                "officers": [key.hex() for key in self.officers],
                "two_above_minor": self.two_above_minor,
            }
        )

    @classmethod
    def read(cls, data: bytes) -> Trust:
        """Raises InputError TRUST_INVALID(field)."""
        names = ("version", "office", "officers", "two_above_minor")
        value = _mapping(data, names, "TRUST_INVALID")
        found: list[tuple[bytes, ...]] = []
        for name in ("office", "officers"):
            rows = value[name]
            if not isinstance(rows, list):
                raise InputError("TRUST_INVALID", field=name)
            found.append(tuple(_bytes(row, name, "TRUST_INVALID") for row in rows))
        return cls(found[0], found[1], value["two_above_minor"])

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all of it."""
        words = [list(self.office), list(self.officers), self.two_above_minor]
        return fingerprint(cbor.encode(words))


def _card_message(module_id: str, seal_key: bytes, audit_key: bytes) -> bytes:
    return cbor.encode([module_id, seal_key, audit_key])


def _are_keys(keys: tuple[bytes, ...]) -> bool:
    return len(set(keys)) == len(keys) and all(len(key) == PUBLIC_BYTES for key in keys)


def _is_threshold(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= INT_MAX)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _mapping(data: bytes, names: tuple[str, ...], code: str) -> dict[str, Any]:
    """The object of exactly these names, each once."""
    try:
        value = json.loads(data, object_pairs_hook=_once) if len(data) <= TEXT_BYTES_MAX else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or set(value) != set(names):
        raise InputError(code, field="form")
    if type(value["version"]) is not int or value["version"] != VERSION:
        raise InputError(code, field="version")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name twice")
    return value


def _bytes(value: object, name: str, code: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9a-f]{2}){1,64}", value):
        raise InputError(code, field=name)
    return bytes.fromhex(value)
