"""What a frame carries: one CBOR map, a request or its reply. Bodies are in `messages.py`.

    request  {"v": 1, "c": call, "op": "ISSUE", ...fields of the op}
    reply    {"v": 1, "c": call, "ok": {...}}
    refusal  {"v": 1, "c": call, "err": CODE, "out": outcome, "p": {...}}

A caller starts at a random call number and counts up; a reply with another one is late or not
for it and is ignored. CBOR is canonical (RFC 8949 4.2.1), without floats and tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posapp.codec import cbor
from posapp.errors import InputError, Outcome

VERSION = 1
CALL_MAX = (1 << 53) - 1

HELLO = "HELLO"
STATUS = "STATUS"
ISSUE = "ISSUE"
FETCH = "FETCH"
CANCEL = "CANCEL"
VERIFY = "VERIFY"
LOAD_AUTH = "LOAD_AUTH"
LOAD_KEYS = "LOAD_KEYS"
AUDIT_READ = "AUDIT_READ"
AUDIT_ACK = "AUDIT_ACK"
SET_TIME = "SET_TIME"
SELFTEST = "SELFTEST"
OPS = (
    *(HELLO, STATUS, ISSUE, FETCH, CANCEL, VERIFY, LOAD_AUTH, LOAD_KEYS, AUDIT_READ, AUDIT_ACK),
    *(SET_TIME, SELFTEST),
)

# Refusals of the line itself, before an op's own rules.
UNSUPPORTED_VERSION = "PROTOCOL_VERSION"
UNSUPPORTED_OP = "UNSUPPORTED"
FIELD_RANGE = "FIELD_RANGE"

_TEXT_MAX = 64
_PARAMS_MAX = 16


class FieldError(ValueError):
    """A field is missing, of the wrong type or outside its range; `name` says which."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Fields:
    """Reads a CBOR map field by field; whatever does not fit is a FieldError."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether a field that may be left out is there."""
        return name in self._values

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number in low..high."""
        value = self._values.get(name)
        if type(value) is not int or not low <= value <= high:
            raise FieldError(name)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if type(value) is not bool:
            raise FieldError(name)
        return value

    def text(self, name: str, longest: int = _TEXT_MAX) -> str:
        """Text of 0..longest characters."""
        value = self._values.get(name)
        if type(value) is not str or len(value) > longest:
            raise FieldError(name)
        return value

    def blob(self, name: str, length: int) -> bytes:
        """Exactly `length` bytes."""
        value = self._values.get(name)
        if type(value) is not bytes or len(value) != length:
            raise FieldError(name)
        return value

    def data(self, name: str, low: int, high: int) -> bytes:
        """low..high bytes."""
        value = self._values.get(name)
        if type(value) is not bytes or not low <= len(value) <= high:
            raise FieldError(name)
        return value

    def rows(self, name: str, low: int, high: int) -> list[Any]:
        """A list of low..high rows."""
        value = self._values.get(name)
        if type(value) is not list or not low <= len(value) <= high:
            raise FieldError(name)
        return value

    def row(self, name: str, columns: tuple[str, ...]) -> Fields:
        """A list that stands for a map with these names, in this order."""
        return row_fields(self._values.get(name), name, columns)


def row_fields(value: Any, name: str, columns: tuple[str, ...]) -> Fields:
    """A row as named fields `name.column`-wise; FieldError when its length differs."""
    if type(value) is not list or len(value) != len(columns):
        raise FieldError(name)
    return Fields(dict(zip(columns, value, strict=True)))


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the module reads it. `version` may be one it does not speak."""

    version: int
    call: int
    op: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as the caller reads it: `fields`, or an `error` code with its outcome."""

    call: int
    fields: Fields
    error: str = ""
    outcome: Outcome = Outcome.NOT_EXECUTED
    params: dict[str, int | str] = field(default_factory=dict)


def request(call: int, op: str, body: Mapping[str, Any]) -> bytes:
    """The payload of a request."""
    return cbor.encode({"v": VERSION, "c": call, "op": op, **body})


def reply(call: int, body: Mapping[str, Any]) -> bytes:
    """The payload of a good reply."""
    return cbor.encode({"v": VERSION, "c": call, "ok": dict(body)})


def refusal(call: int, code: str, outcome: Outcome, params: Mapping[str, int | str]) -> bytes:
    """The payload of a reply that says no. Parameters never hold a key, a PIN or a token."""
    return cbor.encode(
        {"v": VERSION, "c": call, "err": code, "out": outcome.value, "p": dict(params)}
    )


def read_request(payload: bytes) -> Request | None:
    """A request; None for anything that cannot even be answered."""
    values = _map(payload)
    if values is None:
        return None
    fields = Fields(values)
    try:
        return Request(
            fields.integer("v", 0, 1 << 16),
            fields.integer("c", 0, CALL_MAX),
            fields.text("op"),
            fields,
        )
    except FieldError:
        return None


def read_reply(payload: bytes) -> Reply | None:
    """A reply of a version we speak; None for anything else."""
    values = _map(payload)
    if values is None:
        return None
    fields = Fields(values)
    try:
        fields.integer("v", VERSION, VERSION)
        call = fields.integer("c", 0, CALL_MAX)
        good = values.get("ok")
        if isinstance(good, dict) and _named(good):
            return Reply(call, Fields(good))
        code = fields.text("err")
        outcome = Outcome(fields.text("out"))
    except ValueError:  # FieldError, or an outcome that is none
        return None
    params = values.get("p")
    if not code or not isinstance(params, dict) or not _plain(params):
        return None
    return Reply(call, Fields({}), code, outcome, params)


def _map(payload: bytes) -> dict[str, Any] | None:
    try:
        values = cbor.decode(payload)
    except InputError:
        return None
    return values if isinstance(values, dict) and _named(values) else None


def _named(values: dict[Any, Any]) -> bool:
    return all(isinstance(name, str) for name in values)


def _plain(params: dict[Any, Any]) -> bool:
    return len(params) <= _PARAMS_MAX and all(
        isinstance(name, str)
        and (type(value) is int or (type(value) is str and len(value) <= _TEXT_MAX))
        for name, value in params.items()
    )
