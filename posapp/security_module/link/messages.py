"""The bodies of requests and replies as values, both ways; the envelope is in `codec.py`.

Both ends read with the same strictness: a field out of range is a FieldError, never a guess.
Ranges are those of IEC 62055-41 where a field is the standard's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration, MeterNumber
from posapp.domain.sale import KeyTarget
from posapp.errors import InputError
from posapp.security_module.link.codec import FieldError, Fields, row_fields

if TYPE_CHECKING:  # the module process has no use for the till's ports and their imports
    from posapp.ports import IssueRequest

ID_BYTES = 16  # request ids and till ids
BOOT_BYTES = 8
HASH_BYTES = 32
SIGNATURE_BYTES = 64
ITEMS_MAX = 8
TOKENS_MAX = ITEMS_MAX * 4  # every item a key-change set for EA11
KEYS_MAX = 64
ROWS_A_PAGE = 16  # keys and limits that fit one STATUS reply
PAGES_MAX = KEYS_MAX // ROWS_A_PAGE
MOMENT_MAX = 1 << 53
PAGE_ENTRIES_MAX = 64  # of one AUDIT_READ
ENTRY_BYTES_MAX = 1500
DOCUMENT_BYTES_MAX = 32 * 1024  # of LOAD_AUTH, LOAD_KEYS and AUDIT_ACK, in pieces
PIECE_BYTES_MAX = 1500
SEQUENCE_MAX = (1 << 48) - 1
TID_MAX = (1 << 24) - 1
UNITS_MAX = MONEY_MAX = (1 << 53) - 1
BASE_YEARS = (1993, 2014, 2035)

_CONFIGURATION = ("ea", "sgc", "krn", "ti", "base_date", "ken", "tct", "kt")
_ITEM = ("kind", "subclass", "tid", "base_date", "units", "value_minor", "reserved")
_TARGET = ("sgc", "krn", "ti", "third")  # the last column of an item that changes the key
_KEY = ("sgc", "krn", "kt", "base_date", "ken", "dkga", "test", "active_from", "issue_until")
_LIMIT = ("sgc", "krn", "units", "money", "value_minor")


@dataclass(frozen=True, slots=True)
class Hello:
    """Who answers. `boot` changes each time the module starts."""

    module_id: str
    boot: bytes
    firmware: str
    certified: bool

    def body(self) -> dict[str, Any]:
        return {
            "module": self.module_id,
            "boot": self.boot,
            "firmware": self.firmware,
            "certified": self.certified,
        }

    @classmethod
    def read(cls, fields: Fields) -> Hello:
        return cls(
            fields.text("module"),
            fields.blob("boot", BOOT_BYTES),
            fields.text("firmware"),
            fields.flag("certified"),
        )


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A vending key's attributes; never the key. Moments in ms since 1970, 0 for none."""

    sgc: str
    krn: int
    kt: int
    base_date: int
    ken: int
    dkga: int
    test: bool
    active_from_ms: int = 0
    issue_until_ms: int = 0

    def row(self) -> list[Any]:
        return [
            *(self.sgc, self.krn, self.kt, self.base_date, self.ken, self.dkga, self.test),
            *(self.active_from_ms, self.issue_until_ms),
        ]

    @classmethod
    def read(cls, row: Any) -> KeyInfo:
        fields = row_fields(row, "keys", _KEY)
        return cls(
            fields.text("sgc", 6),
            fields.integer("krn", 1, 9),
            fields.integer("kt", 0, 3),
            fields.integer("base_date", BASE_YEARS[0], BASE_YEARS[-1]),
            fields.integer("ken", 0, 255),
            fields.integer("dkga", 1, 99),
            fields.flag("test"),
            fields.integer("active_from", 0, MOMENT_MAX),
            fields.integer("issue_until", 0, MOMENT_MAX),
        )


@dataclass(frozen=True, slots=True)
class LimitInfo:
    """What is left of a key: units of 0.1 kWh and so on, money of 0.00001, declared value."""

    sgc: str
    krn: int
    units: int
    money_units: int
    value_minor: int

    def row(self) -> list[Any]:
        return [self.sgc, self.krn, self.units, self.money_units, self.value_minor]

    @classmethod
    def read(cls, row: Any) -> LimitInfo:
        fields = row_fields(row, "limits", _LIMIT)
        return cls(
            fields.text("sgc", 6),
            fields.integer("krn", 1, 9),
            *(fields.integer(name, 0, (1 << 63) - 1) for name in _LIMIT[2:]),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """STATUS: who it is, its keys, its clock (ms since 1970), the asking till's last number.

    `state` is what the module would do with an order now (a value of `posapp.ports.ModuleState`)
    and `problem` the refusal's code. `limited` is false for a laboratory's module: it has no
    limits and no lease. `audit_no` and `audit_hash` are the end of the chain, `audit_key` the
    public key that signs it. Keys and limits come on `pages` pages; a report that `read` read is
    one page.
    """

    hello: Hello
    keys: tuple[KeyInfo, ...]
    last_sequence: int
    clock_ms: int
    issues: int
    state: str = "ready"
    problem: str = ""
    limited: bool = False
    limits: tuple[LimitInfo, ...] = ()
    lease_until_ms: int = 0
    unacknowledged: int = 0
    unacknowledged_max: int = 0
    authorisation: int = 0
    audit_no: int = 0
    audit_hash: bytes = bytes(HASH_BYTES)
    audit_key: bytes = bytes(HASH_BYTES)
    pages: int = 1

    def body(self, page: int = 0) -> dict[str, Any]:
        """One page of it, from 0."""
        rows = slice(page * ROWS_A_PAGE, (page + 1) * ROWS_A_PAGE)
        longest = max(len(self.keys), len(self.limits), 1)
        return {
            **self.hello.body(),
            "keys": [key.row() for key in self.keys[rows]],
            "last": self.last_sequence,
            "clock": self.clock_ms,
            "issues": self.issues,
            "state": self.state,
            "problem": self.problem,
            "limited": self.limited,
            "limits": [limit.row() for limit in self.limits[rows]],
            "lease_until": self.lease_until_ms,
            "unacked": self.unacknowledged,
            "unacked_max": self.unacknowledged_max,
            "authorisation": self.authorisation,
            "audit": [self.audit_no, self.audit_hash, self.audit_key],
            "pages": -(-longest // ROWS_A_PAGE),
        }

    @classmethod
    def read(cls, fields: Fields) -> Report:
        audit = fields.row("audit", ("number", "hash", "key"))
        return cls(
            Hello.read(fields),
            tuple(KeyInfo.read(row) for row in fields.rows("keys", 0, ROWS_A_PAGE)),
            fields.integer("last", 0, SEQUENCE_MAX),
            fields.integer("clock", 0, MOMENT_MAX),
            fields.integer("issues", 0, 1 << 53),
            fields.text("state"),
            fields.text("problem"),
            fields.flag("limited"),
            tuple(LimitInfo.read(row) for row in fields.rows("limits", 0, ROWS_A_PAGE)),
            fields.integer("lease_until", 0, MOMENT_MAX),
            fields.integer("unacked", 0, MOMENT_MAX),
            fields.integer("unacked_max", 0, MOMENT_MAX),
            fields.integer("authorisation", 0, MOMENT_MAX),
            audit.integer("number", 0, MOMENT_MAX),
            audit.blob("hash", HASH_BYTES),
            audit.blob("key", HASH_BYTES),
            fields.integer("pages", 1, PAGES_MAX),
        )

    def joined(self, more: Report) -> Report:
        """With the keys and limits of the next page."""
        return replace(self, keys=self.keys + more.keys, limits=self.limits + more.limits)


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One token or key-change set asked for; its TID counts from its own base date's year.

    `units` is what `posapp.journal.facts.TokenItem` says.
    """

    kind: int
    subclass: int
    tid: int
    base_date: int
    units: int
    value_minor: int
    reserved: bool
    target: KeyTarget | None = None

    def row(self) -> list[Any]:
        """As it stands in a request."""
        row = [self.kind, self.subclass, self.tid, self.base_date]
        return [*row, self.units, self.value_minor, self.reserved, *_target_row(self.target)]


@dataclass(frozen=True, slots=True)
class Order:
    """ISSUE as the module understands it."""

    request_id: bytes
    till: bytes
    sequence: int
    meter: MeterNumber
    configuration: MeterConfiguration
    items: tuple[OrderItem, ...]

    @classmethod
    def read(cls, fields: Fields) -> Order:
        """Raises FieldError for anything that cannot be an order."""
        meter, configuration = read_meter(fields)
        return cls(
            fields.blob("rid", ID_BYTES),
            fields.blob("till", ID_BYTES),
            fields.integer("seq", 1, SEQUENCE_MAX),
            meter,
            configuration,
            tuple(_item(row) for row in fields.rows("items", 1, ITEMS_MAX)),
        )

    def body(self) -> dict[str, Any]:
        """Exactly what `read` read: the digest of a request is taken over it."""
        return _issue_body(
            self.request_id,
            self.till,
            self.sequence,
            self.meter.digits,
            self.configuration,
            [item.row() for item in self.items],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the module made for a request: 20-digit tokens in the order of the items.

    An item that changes the key has two to four of them, one after another.
    """

    request_id: bytes
    tokens: tuple[str, ...]
    module_id: str
    audit_no: int
    replayed: bool

    def body(self) -> dict[str, Any]:
        return {
            "rid": self.request_id,
            "tokens": list(self.tokens),
            "module": self.module_id,
            "audit": self.audit_no,
            "replayed": self.replayed,
        }

    @classmethod
    def read(cls, fields: Fields) -> Answer:
        tokens = tuple(fields.rows("tokens", 1, TOKENS_MAX))
        if not all(type(t) is str and len(t) == 20 and t.isascii() and t.isdigit() for t in tokens):
            raise FieldError("tokens")
        return cls(
            fields.blob("rid", ID_BYTES),
            tokens,
            fields.text("module"),
            fields.integer("audit", 1, 1 << 53),
            fields.flag("replayed"),
        )

    def __repr__(self) -> str:
        return f"Answer({self.request_id.hex()}, {len(self.tokens)} tokens)"


@dataclass(frozen=True, slots=True)
class Missing:
    """FETCH found nothing; `last_sequence` is the highest number this till has used up."""

    last_sequence: int


def fetch_body(found: Answer | Missing) -> dict[str, Any]:
    """The reply to FETCH."""
    if isinstance(found, Missing):
        return {"found": False, "last": found.last_sequence}
    return {"found": True, **found.body()}


def read_fetch(fields: Fields) -> Answer | Missing:
    """The reply to FETCH, read. Raises FieldError."""
    if fields.flag("found"):
        return Answer.read(fields)
    return Missing(fields.integer("last", 0, SEQUENCE_MAX))


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The reply to AUDIT_READ: entries of `posapp.wire.audit`, and the signed end of the chain."""

    entries: tuple[bytes, ...]
    number: int
    hash32: bytes
    signature: bytes

    def body(self) -> dict[str, Any]:
        head = [self.number, self.hash32, self.signature]
        return {"entries": list(self.entries), "head": head}

    @classmethod
    def read(cls, fields: Fields) -> AuditPage:
        entries = tuple(fields.rows("entries", 0, PAGE_ENTRIES_MAX))
        if not all(type(entry) is bytes and 0 < len(entry) <= ENTRY_BYTES_MAX for entry in entries):
            raise FieldError("entries")
        head = fields.row("head", ("number", "hash", "signature"))
        return cls(
            entries,
            head.integer("number", 0, MOMENT_MAX),
            head.blob("hash", HASH_BYTES),
            head.blob("signature", SIGNATURE_BYTES),
        )


def pieces(document: bytes) -> Iterator[dict[str, Any]]:
    """The bodies of requests that carry a document larger than a frame, in order."""
    for at in range(0, len(document), PIECE_BYTES_MAX):
        yield {"doc": document[at : at + PIECE_BYTES_MAX], "at": at, "of": len(document)}


def order_of(request: IssueRequest) -> Mapping[str, Any]:
    """The body of ISSUE for a till's request."""
    usual = request.configuration.base_date
    return _issue_body(
        request.request_id,
        request.till_id,
        request.sequence,
        request.meter,
        request.configuration,
        [
            [
                *(int(i.kind), i.subclass, i.tid, i.base_date or usual),
                *(i.units, i.value_minor, i.reserved),
                *_target_row(i.target),
            ]
            for i in request.items
        ],
    )


def _issue_body(
    request_id: bytes,
    till: bytes,
    sequence: int,
    meter: str,
    configuration: MeterConfiguration,
    items: list[list[Any]],
) -> dict[str, Any]:
    c = configuration
    return {
        "rid": request_id,
        "till": till,
        "seq": sequence,
        "meter": meter,
        "conf": [int(c.ea), c.sgc, c.krn, c.ti, c.base_date, c.ken, c.tct, int(c.kt)],
        "items": items,
    }


def read_meter(fields: Fields) -> tuple[MeterNumber, MeterConfiguration]:
    """The fields `meter` and `conf`. Raises FieldError."""
    try:
        meter = MeterNumber(fields.text("meter", 13))
    except InputError:
        raise FieldError("meter") from None
    return meter, _configuration(fields.row("conf", _CONFIGURATION))


def _configuration(fields: Fields) -> MeterConfiguration:
    if not (fields.text("sgc", 6) + fields.text("ti", 2)).isascii():
        raise FieldError("conf")  # str.isdigit alone takes the digits of every script
    try:
        return MeterConfiguration(
            EncryptionAlgorithm(fields.integer("ea", 0, 99)),
            fields.text("sgc", 6),
            fields.integer("krn", 1, 9),
            fields.text("ti", 2),
            fields.integer("base_date", BASE_YEARS[0], BASE_YEARS[-1]),
            fields.integer("ken", 0, 255),
            fields.integer("tct", 1, 7),
            KeyType(fields.integer("kt", 0, 3)),
        )
    except (InputError, ValueError) as error:
        name = error.name if isinstance(error, FieldError) else "conf"
        raise FieldError(name) from None


def _target_row(target: KeyTarget | None) -> list[Any]:
    """No column for an item without one: a request that was sent before is the same request."""
    return [[target.sgc, target.krn, target.ti, target.third_token]] if target else []


def _item(row: Any) -> OrderItem:
    target = None
    if type(row) is list and len(row) == len(_ITEM) + 1:
        target, row = _target(row[-1]), row[:-1]
    fields = row_fields(row, "items", _ITEM)
    base_date = fields.integer("base_date", BASE_YEARS[0], BASE_YEARS[-1])
    if base_date not in BASE_YEARS:
        raise FieldError("base_date")
    return OrderItem(
        fields.integer("kind", 0, 99),
        fields.integer("subclass", 0, 15),
        fields.integer("tid", 0, TID_MAX),
        base_date,
        fields.integer("units", 0, UNITS_MAX),
        fields.integer("value_minor", -MONEY_MAX, MONEY_MAX),
        fields.flag("reserved"),
        target,
    )


def _target(row: Any) -> KeyTarget:
    fields = row_fields(row, "target", _TARGET)
    try:
        return KeyTarget(
            fields.text("sgc", 6),
            fields.integer("krn", 1, 9),
            fields.text("ti", 2),
            fields.flag("third"),
        )
    except InputError:
        raise FieldError("target") from None
