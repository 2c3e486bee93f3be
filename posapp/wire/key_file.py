"""Vending keys on their way to one security module: encrypted to it, signed by two officers.

Byte by byte, with an example that is recomputed, in `resources/key-file.md`. In short:

    file      = CBOR {0: document, 1: [[officer's Ed25519 public key (32), signature (64)], ...]}
    signature = Ed25519 over "posapp/key-file/1" | 00 | document
    document  = CBOR {0: 1, 1: module id, 2: SHA-256 of the module's X25519 public key,
                      3: "test" or "production", 4: serial, 5: issued at, 6: load before,
                      7: sealed}; times in ms since 1970 UTC; header = CBOR of the map 0..6
    sealed    = HPKE base mode (X25519, HKDF-SHA256, AES-256-GCM) of body,
                info "posapp/key-file/1" | 00 | header, no associated data
    body      = CBOR [key, ...]; key = [secret, SGC, KRN, KT, base date, KEN, DKGA,
                active from or null, issue until or null, [[class, subclass], ...] or null]

All CBOR is canonical (RFC 8949 4.2.1); officers and keys stand in order, each once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor, hpke
from posapp.codec.hpke import OpeningKey
from posapp.codec.signing import SigningKey
from posapp.errors import InputError
from posapp.wire import signatures as signed
from posapp.wire.authorisation import MODULE_ID_FORM
from posapp.wire.fields import INT_MAX, Fields
from posapp.wire.signatures import Signatures

PURPOSE = b"posapp/key-file/1"
VERSION = 1
TEST, PRODUCTION = "test", "production"
OFFICERS_NEEDED = 2
KEYS_MAX = 64
FILE_BYTES_MAX = 32 * 1024
_SECRET_BYTES = {2: 8, 4: 20}  # by DKGA
_MOMENT_MS_MAX = 1 << 47
_KEY_FIELDS = 10
_KINDS_MAX = 32


def _bad(name: str) -> InputError:
    return InputError("KEY_FILE_FORM", field=name)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One vending key with all its attributes, as plain fields; `repr` leaves the secret out.

    The attributes are those of `posapp.sts.keys.VendingKey`, which checks them to the standard.
    Raises InputError KEY_FILE_FORM(field).
    """

    secret: bytes = field(repr=False)
    sgc: str
    krn: int
    kt: int
    base_date: int
    ken: int
    dkga: int
    active_from: datetime | None = None
    issue_until: datetime | None = None
    permitted: frozenset[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        checks = {
            "dkga": self.dkga in _SECRET_BYTES,
            "secret": isinstance(self.secret, bytes)
            and len(self.secret) == _SECRET_BYTES.get(self.dkga, 0),
            "sgc": bool(re.fullmatch(r"[0-9]{6}", self.sgc)),
            "krn": 1 <= self.krn <= 9,
            "kt": 0 <= self.kt <= 3,
            "base_date": 1993 <= self.base_date <= 2099,
            "ken": 0 <= self.ken <= 255,
            "active_from": _is_moment(self.active_from),
            "issue_until": _is_moment(self.issue_until),
            "permitted": self.permitted is None
            or (
                len(self.permitted) <= _KINDS_MAX
                and all(kind[0] in (0, 2) and kind[1] in range(16) for kind in self.permitted)
            ),
        }
        for name, right in checks.items():
            if not right:
                raise _bad(name)

    def to_row(self) -> list[Any]:
        """The array that is sealed."""
        kinds = None if self.permitted is None else [list(kind) for kind in sorted(self.permitted)]
        return [
            self.secret,
            self.sgc,
            self.krn,
            self.kt,
            self.base_date,
            self.ken,
            self.dkga,
            None if self.active_from is None else epoch_ms(self.active_from),
            None if self.issue_until is None else epoch_ms(self.issue_until),
            kinds,
        ]

    @classmethod
    def from_row(cls, row: object) -> KeyRecord:
        """Raises InputError KEY_FILE_FORM(field)."""
        if not isinstance(row, list) or len(row) != _KEY_FIELDS:
            raise _bad("key")
        f = Fields(dict(enumerate(row)))
        try:
            return cls(
                secret=f.data(0, limit=max(_SECRET_BYTES.values())),
                sgc=f.text(1, 6),
                krn=f.integer(2),
                kt=f.integer(3),
                base_date=f.integer(4),
                ken=f.integer(5),
                dkga=f.integer(6),
                active_from=_moment(f, row, 7),
                issue_until=_moment(f, row, 8),
                permitted=None if row[9] is None else _kinds(f.items(9, _KINDS_MAX)),
            )
        except InputError as error:
            raise error if error.code == "KEY_FILE_FORM" else _bad("key") from None


@dataclass(frozen=True, slots=True)
class KeyFileHeader:
    """What stands in the clear. `key_hash` is SHA-256 of the module's X25519 public key.

    `serial` counts the key files of one module from 1; an older one than the newest loaded is a
    replay. `test` is the mark. After `load_before` a module takes it no more.
    """

    module_id: str
    key_hash: bytes
    test: bool
    serial: int
    issued_at: datetime
    load_before: datetime

    def __post_init__(self) -> None:
        checks = {
            "module_id": bool(MODULE_ID_FORM.fullmatch(self.module_id)),
            "key_hash": len(self.key_hash) == 32,
            "serial": 1 <= self.serial <= INT_MAX,
            "issued_at": _is_moment(self.issued_at),
            "load_before": _is_moment(self.load_before),
        }
        for name, right in checks.items():
            if not right:
                raise _bad(name)
        if self.load_before <= self.issued_at:
            raise _bad("load_before")

    def to_map(self) -> dict[int, Any]:
        """Fields 0..6 of the document."""
        return {
            0: VERSION,
            1: self.module_id,
            2: self.key_hash,
            3: TEST if self.test else PRODUCTION,
            4: self.serial,
            5: epoch_ms(self.issued_at),
            6: epoch_ms(self.load_before),
        }

    def info(self) -> bytes:
        """What the encryption is bound to."""
        return PURPOSE + b"\0" + cbor.encode(self.to_map())


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file as it lies on a stick: header readable, keys sealed, signed."""

    header: KeyFileHeader
    sealed: bytes
    document: bytes
    signatures: Signatures

    @classmethod
    def make(
        cls,
        header: KeyFileHeader,
        public: bytes,
        records: Sequence[KeyRecord],
        officers: Sequence[SigningKey],
    ) -> KeyFile:
        """Seal 1..64 keys to the module with X25519 key `public`, signed by two officers.

        Times are cut to the millisecond. Raises InputError HPKE_REFUSED, KEY_FILE_FORM(field).
        """
        if len(officers) < OFFICERS_NEEDED:
            raise ValueError("two officers sign a key file")
        rows = sorted((record.to_row() for record in records), key=_place)
        _check_rows(rows)
        said = header_of(header.to_map())
        if said.key_hash != key_hash(public):
            raise _bad("key_hash")
        sealed = hpke.seal(public, cbor.encode(rows), said.info())
        document = cbor.encode(said.to_map() | {7: sealed})
        return cls(said, sealed, document, signed.sign(PURPOSE, document, officers))

    @classmethod
    def read(cls, data: bytes) -> KeyFile:
        """Its form only, nothing is checked or opened.

        Raises InputError KEY_FILE_FORM(field), SIGNED_FORM, CBOR_INVALID.
        """
        document, signatures = signed.unpack(data, FILE_BYTES_MAX)
        value = cbor.decode(document)
        if not isinstance(value, dict) or set(map(str, value)) != set(map(str, range(8))):
            raise _bad("fields")
        sealed = value.pop(7, None)
        if not isinstance(sealed, bytes) or len(sealed) <= hpke.OVERHEAD_BYTES:
            raise _bad("sealed")
        return cls(header_of(value), sealed, document, signatures)

    def to_bytes(self) -> bytes:
        """What `read` takes."""
        return signed.pack(self.document, self.signatures)

    def check(
        self,
        officers: Collection[bytes],
        module_id: str,
        public: bytes,
        *,
        newest_serial: int,
        now: datetime,
    ) -> None:
        """Raise unless this module may load it now. In this order, InputError:

        SIGNATURE_INVALID, SIGNERS_TOO_FEW(found, needed): not two of `officers` (public keys);
        KEY_FILE_FOREIGN(module_id): made for another module, or for this one before it was made
        anew; KEY_FILE_OLD(serial, newest): not newer than `newest_serial` (0: none yet);
        KEY_FILE_EXPIRED(load_before).
        """
        signed.check(PURPOSE, self.document, self.signatures, officers, OFFICERS_NEEDED)
        header = self.header
        if header.module_id != module_id or header.key_hash != key_hash(public):
            raise InputError("KEY_FILE_FOREIGN", module_id=header.module_id)
        if header.serial <= newest_serial:
            raise InputError("KEY_FILE_OLD", serial=header.serial, newest=newest_serial)
        if now > header.load_before:
            raise InputError("KEY_FILE_EXPIRED", load_before=header.load_before)

    def open(self, key: OpeningKey) -> tuple[KeyRecord, ...]:
        """The keys, in the order of (SGC, KRN); call `check` first.

        Raises InputError HPKE_REFUSED, KEY_FILE_FORM(field), CBOR_INVALID.
        """
        rows = cbor.decode(key.open(self.sealed, self.header.info()))
        records = tuple(KeyRecord.from_row(row) for row in rows) if isinstance(rows, list) else ()
        _check_rows([record.to_row() for record in records])
        return records


def key_hash(public: bytes) -> bytes:
    """How a key file names the public key it is sealed to."""
    return hashlib.sha256(public).digest()


def header_of(value: dict[int, Any]) -> KeyFileHeader:
    """The header of a document's fields 0..6. Raises InputError KEY_FILE_FORM(field)."""
    try:
        f = Fields(value)
        mark = f.text(3, 10)
        if f.integer(0) != VERSION:
            raise _bad("version")
        if mark not in (TEST, PRODUCTION):
            raise _bad("mark")
        return KeyFileHeader(
            module_id=f.text(1, 40),
            key_hash=f.data(2, length=32),
            test=mark == TEST,
            serial=f.integer(4),
            issued_at=from_epoch_ms(f.integer(5, high=_MOMENT_MS_MAX)),
            load_before=from_epoch_ms(f.integer(6, high=_MOMENT_MS_MAX)),
        )
    except InputError as error:
        raise error if error.code == "KEY_FILE_FORM" else _bad("header") from None


def _place(row: list[Any]) -> tuple[str, int]:
    return row[1], row[2]


def _check_rows(rows: list[list[Any]]) -> None:
    places = [_place(row) for row in rows]
    if not 1 <= len(rows) <= KEYS_MAX or places != sorted(set(places)):
        raise _bad("keys")


def _is_moment(moment: datetime | None) -> bool:
    return moment is None or (moment.tzinfo is not None and 0 <= epoch_ms(moment) <= _MOMENT_MS_MAX)


def _moment(f: Fields, row: list[Any], place: int) -> datetime | None:
    return None if row[place] is None else from_epoch_ms(f.integer(place, high=_MOMENT_MS_MAX))


def _kinds(rows: list[Any]) -> frozenset[tuple[int, int]]:
    kinds: list[tuple[int, int]] = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 2:
            raise _bad("permitted")
        f = Fields(dict(enumerate(row)))
        kinds.append((f.integer(0), f.integer(1)))
    if kinds != sorted(set(kinds)):
        raise _bad("permitted")
    return frozenset(kinds)
