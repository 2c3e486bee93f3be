"""How a till and head office meet for the first time, with nothing but a one-time code.

The code is 16 characters of base32 (80 bits); its first four name it, all of them make the key
(HKDF-SHA-256) with which both sides prove that they know it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from posapp.codec import cbor
from posapp.domain.operator import OperatorRecord
from posapp.domain.site import Site
from posapp.errors import InputError
from posapp.wire.feed import Entity, body_of, read_value
from posapp.wire.fields import Fields, bad
from posapp.wire.lease import SignedLease

CODE_BYTES = 10
ID_LENGTH = 4
VALID_HOURS = 72
TRIES_MAX = 5
OPERATORS_MAX = 500
SOFTWARE_CHARACTERS_MAX = 40

_INFO = b"posapp/enrol/1"
_LOOKALIKES = str.maketrans("018", "OIB")  # not in the alphabet: they can only be slips
_MAC = 99  # its place in both bodies
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

Body = dict[int, Any]


@dataclass(frozen=True, slots=True)
class EnrolCode:
    """A one-time code. Its repr shows only the part that names it."""

    text: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z2-7]{16}", self.text):
            raise InputError("ENROL_CODE_FORM")

    @classmethod
    def make(cls, random: bytes) -> EnrolCode:
        """From 10 random bytes."""
        if len(random) != CODE_BYTES:
            raise ValueError("a code is made of 10 random bytes")
        return cls(base64.b32encode(random).decode("ascii"))

    @classmethod
    def parse(cls, text: str) -> EnrolCode:
        """What a person typed: case, spaces and dashes are ignored. Raises ENROL_CODE_FORM."""
        return cls(re.sub(r"[\s-]", "", text).upper().translate(_LOOKALIKES))

    @property
    def name(self) -> str:
        """The part that is no secret: which code this is."""
        return self.text[:ID_LENGTH]

    @property
    def grouped(self) -> str:
        """`K7QF-2MXA-...` for paper and voices."""
        return "-".join(self.text[i : i + 4] for i in range(0, len(self.text), 4))

    def key(self) -> bytes:
        """32 bytes that only someone with the whole code can make."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO)
        return kdf.derive(self.text.encode("ascii"))

    def __repr__(self) -> str:
        return f"EnrolCode({self.name}-****-****-****)"


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A new till's first words: its public key, and the proof that it was given the code."""

    code_name: str
    public_key: bytes
    software: str
    mac: bytes

    @classmethod
    def make(cls, code: EnrolCode, public_key: bytes, software: str) -> EnrolRequest:
        unsigned = cls(code.name, public_key, software, b"")
        return cls(code.name, public_key, software, unsigned._mac(code.key()))

    def proven(self, key: bytes) -> bool:
        """Whether the sender knows the code that `key` was made from."""
        return hmac.compare_digest(self.mac, self._mac(key))

    def _mac(self, key: bytes) -> bytes:
        return _mac(key, b"request", self._body())

    def _body(self) -> Body:
        return {0: self.code_name, 1: self.public_key, 2: self.software}

    def to_body(self) -> Body:
        return {**self._body(), _MAC: self.mac}

    @classmethod
    def from_body(cls, body: Body) -> EnrolRequest:
        f = Fields(body)
        name = f.text(0, ID_LENGTH)
        public = f.data(1, length=32)
        return cls(name, public, f.text(2, SOFTWARE_CHARACTERS_MAX), f.data(_MAC, length=32))


@dataclass(frozen=True, slots=True)
class EnrolmentAnswer:
    """Everything a till needs to sell: who it is, whom to believe, who may sign in, its lease."""

    site: Site
    head_office_key: bytes
    operators: tuple[OperatorRecord, ...]
    lease: SignedLease

    @property
    def till_id(self) -> bytes:
        """16 bytes, in every journal entry's chain."""
        return self.site.till_id

    def to_body(self, key: bytes, request: bytes) -> Body:
        """The reply's body, authenticated by the code for exactly this request frame."""
        body: Body = {
            0: _site_out(self.site),
            1: self.head_office_key,
            2: [body_of(operator) for operator in self.operators],
            3: body_of(self.lease),
        }
        return {**body, _MAC: _mac(key, _reply_tag(request), body)}

    @classmethod
    def from_body(cls, body: Body, key: bytes, request: bytes) -> EnrolmentAnswer:
        """Raises InputError ENROL_REPLY_FORGED when the sender does not know the code."""
        f = Fields(body)
        unsigned = {name: value for name, value in body.items() if name != _MAC}
        mac = _mac(key, _reply_tag(request), unsigned)
        if not hmac.compare_digest(f.data(_MAC, length=32), mac):
            raise InputError("ENROL_REPLY_FORGED")
        operators = []
        for item in f.items(2, OPERATORS_MAX):
            try:
                record = read_value(Entity.OPERATOR, item)
            except InputError:
                continue  # of newer software; the feed brings the same person again
            assert isinstance(record, OperatorRecord)
            operators.append(record)
        lease = read_value(Entity.LEASE, f.mapping(3))
        assert isinstance(lease, SignedLease)
        answer = cls(_site_in(f.nested(0)), f.data(1, length=32), tuple(operators), lease)
        lease.check(answer.head_office_key, answer.till_id)
        return answer


def _mac(key: bytes, tag: bytes, body: Body) -> bytes:
    return hmac.digest(key, tag + b"\0" + cbor.encode(body), "sha256")


def _reply_tag(request: bytes) -> bytes:
    return b"reply" + hashlib.sha256(request).digest()


_SITE_TEXTS = (
    "till_code",
    "till_name",
    "utility",
    "utility_tax_number",
    "vendor",
    "vendor_address",
    "help_line",
    "zone",
    "currency_code",
    "day_starts_at",
)


def _site_out(site: Site) -> Body:
    texts = {place: getattr(site, name) for place, name in enumerate(_SITE_TEXTS, 1)}
    return {0: site.till_id, **texts}


def _site_in(f: Fields) -> Site:
    texts = {name: f.text(place) for place, name in enumerate(_SITE_TEXTS, 1)}
    try:
        site = Site(till_id=f.data(0, length=16), **texts)
        # A zone, a currency or a cut-off that this machine does not know must show here.
        _ = site.currency, site.local(_ANY_MOMENT), site.business_date(_ANY_MOMENT)
    except (InputError, ValueError, KeyError) as error:
        raise bad("site") from error
    return site
