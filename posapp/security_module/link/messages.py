"""The bodies of requests and replies as values, both ways; the envelope is in `codec.py`.

Both ends read with the same strictness: a field out of range is a FieldError, never a guess.
Ranges are those of IEC 62055-41 where a field is the standard's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration, MeterNumber
from posapp.domain.sale import KeyTarget
from posapp.errors import InputError
from posapp.security_module.link.codec import FieldError, Fields, row_fields

if TYPE_CHECKING:  # the module process has no use for the till's ports and their imports
    from posapp.ports import IssueRequest

ID_BYTES = 16  # request ids and till ids
BOOT_BYTES = 8
ITEMS_MAX = 8
TOKENS_MAX = ITEMS_MAX * 4  # every item a key-change set for EA11
KEYS_MAX = 64  # what fits one STATUS reply
SEQUENCE_MAX = (1 << 48) - 1
TID_MAX = (1 << 24) - 1
UNITS_MAX = MONEY_MAX = (1 << 53) - 1
BASE_YEARS = (1993, 2014, 2035)

_CONFIGURATION = ("ea", "sgc", "krn", "ti", "base_date", "ken", "tct", "kt")
_ITEM = ("kind", "subclass", "tid", "base_date", "units", "value_minor", "reserved")
_TARGET = ("sgc", "krn", "ti", "third")  # the last column of an item that changes the key
_KEY = ("sgc", "krn", "kt", "base_date", "ken", "dkga", "test")


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
    """A vending key's attributes; never the key."""

    sgc: str
    krn: int
    kt: int
    base_date: int
    ken: int
    dkga: int
    test: bool

    def row(self) -> list[Any]:
        return [self.sgc, self.krn, self.kt, self.base_date, self.ken, self.dkga, self.test]

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
        )


@dataclass(frozen=True, slots=True)
class Report:
    """STATUS: who it is, its keys, its clock (ms since 1970), the asking till's last number."""

    hello: Hello
    keys: tuple[KeyInfo, ...]
    last_sequence: int
    clock_ms: int
    issues: int

    def body(self) -> dict[str, Any]:
        return {
            **self.hello.body(),
            "keys": [key.row() for key in self.keys],
            "last": self.last_sequence,
            "clock": self.clock_ms,
            "issues": self.issues,
        }

    @classmethod
    def read(cls, fields: Fields) -> Report:
        return cls(
            Hello.read(fields),
            tuple(KeyInfo.read(row) for row in fields.rows("keys", 0, KEYS_MAX)),
            fields.integer("last", 0, SEQUENCE_MAX),
            fields.integer("clock", 0, 1 << 53),
            fields.integer("issues", 0, 1 << 53),
        )


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
        try:
            meter = MeterNumber(fields.text("meter", 13))
        except InputError:
            raise FieldError("meter") from None
        return cls(
            fields.blob("rid", ID_BYTES),
            fields.blob("till", ID_BYTES),
            fields.integer("seq", 1, SEQUENCE_MAX),
            meter,
            _configuration(fields.row("conf", _CONFIGURATION)),
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
