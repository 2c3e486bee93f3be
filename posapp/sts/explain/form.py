"""A meter's record as a JSON object, checked strictly, and an explanation as one.

`posapp sts explain` reads such a file; the till builds a `Case` from its store instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from posapp.domain.digits import is_digits
from posapp.domain.meter import (
    NUMERIC,
    TOKEN_CARRIERS,
    EncryptionAlgorithm,
    KeyType,
    MeterConfiguration,
    MeterNumber,
)
from posapp.errors import InputError
from posapp.sts.explain.case import Earlier, Issued, MeterRecord, OtherMeter
from posapp.sts.explain.findings import Explanation, Finding
from posapp.sts.meter import MeterDesign
from posapp.sts.tid import BASE_DATES, TID_MAX
from posapp.sts.tokens import number_of

LIST_MAX = 10_000  # tokens, meters or earlier key data in one list of a file
_Value = TypeVar("_Value")


class Form(NamedTuple):
    """What `from_json` reads: three of the members of a `Case`."""

    record: MeterRecord
    history: tuple[Issued, ...]
    others: tuple[OtherMeter, ...]


def from_json(values: object) -> Form:
    """The record, history and other meters of a JSON object; members with `?` may be left out.

    ::

        {"meter": METER, "history"?: [TOKEN], "others"?: [{"meter": METER, "history"?: [TOKEN]}]}

        METER  {"number": "58000079523", "current": KEY, "pending"?: KEY,
                "earlier"?: [KEY with "until": TIME], "manufactured"?: TIME,
                "credit"?: [0, 4], "management"?: [0, 1, 2, 5, 6, 7, 10],
                "extended_read"?: true, "key_change_tokens"?: 2 or 3, "tids_kept"?: 50,
                "power_limits_w"?: [low, high], "unbalance_limits_w"?: [low, high]}
        KEY    {"ea": 7 or 11, "sgc": "201457", "krn": 1, "ti": "01",
                "base_date": 1993, 2014 or 2035, "kt"?: 2, "ken"?: 255, "tct"?: 2}
        TOKEN  {"digits": "twenty digits", "issued_at": TIME, "made_under"?: KEY,
                "accepted"?: true, "tid"?: 0..16777215, "key_change"?: true, "receipt"?: "text"}
        TIME   "2026-11-20T13:00:00+00:00", always with its offset

    `made_under` is the meter's `current` when it is left out. Raises InputError
    EXPLAIN_RECORD(field, expected): `field` is a path such as `history[3].tid`.
    """
    top = _Fields(values, "", ("meter", "history", "others"))
    record, history = _meter_with_history(top)
    return Form(record, history, top.list_of("others", _other))


def _refusal(path: str, expected: str) -> InputError:
    return InputError("EXPLAIN_RECORD", field=path or "record", expected=expected)


class _Fields:
    """One JSON object: every member is asked for by name, unknown ones are refused."""

    def __init__(self, values: object, path: str, names: tuple[str, ...]) -> None:
        self.path = path
        if not isinstance(values, dict):
            raise _refusal(path, "object")
        self._values: dict[str, Any] = values
        for name in values:
            if name not in names:
                raise _refusal(self.place(str(name)[:40]), "absent")

    def place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return name in self._values

    def raw(self, name: str) -> object:
        if name not in self._values:
            raise _refusal(self.place(name), "present")
        return self._values[name]

    def text(self, name: str) -> str:
        value = self.raw(name)
        if not isinstance(value, str) or len(value) > 100:
            raise _refusal(self.place(name), "text")
        return value

    def flag(self, name: str) -> bool:
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise _refusal(self.place(name), "true or false")
        return value

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self._values.get(name, default) if default is not None else self.raw(name)
        if type(value) is not int or not least <= value <= most:
            raise _refusal(self.place(name), f"{least}..{most}")
        return value

    def one_of(self, name: str, choices: tuple[int, ...], default: int | None = None) -> int:
        value = self._values.get(name, default) if default is not None else self.raw(name)
        if type(value) is not int or value not in choices:
            raise _refusal(self.place(name), ", ".join(map(str, choices)))
        return value

    def moment(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(name))
            if moment.tzinfo is None:
                raise _refusal(self.place(name), "time with offset")
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # no time, or none of UTC's calendar
            raise _refusal(self.place(name), "time") from None

    def digits(self, name: str, count: int) -> str:
        value = self.text(name)
        if not is_digits(value, count):
            raise _refusal(self.place(name), f"{count} digits")
        return value

    def list_of(self, name: str, read: Callable[[object, str], _Value]) -> tuple[_Value, ...]:
        values = self._values.get(name, [])
        if not isinstance(values, list) or len(values) > LIST_MAX:
            raise _refusal(self.place(name), f"list of at most {LIST_MAX}")
        return tuple(read(value, f"{self.place(name)}[{i}]") for i, value in enumerate(values))


# ---------------------------------------------------------------- meters

_KEY = ("ea", "sgc", "krn", "ti", "base_date", "kt", "ken", "tct")
_DESIGN = (
    "credit",
    "management",
    "extended_read",
    "key_change_tokens",
    "tids_kept",
    "power_limits_w",
    "unbalance_limits_w",
)
_KINDS = {frozenset: "list", tuple: "two numbers", int: "number", bool: "true or false"}
_METER = ("number", "current", "pending", "earlier", "manufactured", *_DESIGN)
_TOKEN = ("digits", "issued_at", "made_under", "accepted", "tid", "key_change", "receipt")


def _other(values: object, path: str) -> OtherMeter:
    return OtherMeter(*_meter_with_history(_Fields(values, path, ("meter", "history"))))


def _meter_with_history(given: _Fields) -> tuple[MeterRecord, tuple[Issued, ...]]:
    record = _meter(given.raw("meter"), given.place("meter"))

    def issued(values: object, path: str) -> Issued:
        return _issued(values, path, record.current)

    return record, given.list_of("history", issued)


def _meter(values: object, path: str) -> MeterRecord:
    given = _Fields(values, path, _METER)
    text = given.text("number")
    try:
        number = MeterNumber(text)
    except InputError:
        raise _refusal(given.place("number"), "meter number") from None
    pending = _key(given.raw("pending"), given.place("pending")) if given.has("pending") else None
    return MeterRecord(
        number=number,
        current=_key(given.raw("current"), given.place("current")),
        pending=pending,
        earlier=given.list_of("earlier", _earlier),
        manufactured=given.moment("manufactured") if given.has("manufactured") else None,
        design=_design(given),
    )


def _key(values: object, path: str) -> MeterConfiguration:
    return _configuration(_Fields(values, path, _KEY))


def _earlier(values: object, path: str) -> Earlier:
    given = _Fields(values, path, (*_KEY, "until"))
    return Earlier(_configuration(given), given.moment("until"))


def _configuration(given: _Fields) -> MeterConfiguration:
    return MeterConfiguration(
        ea=EncryptionAlgorithm(given.one_of("ea", tuple(map(int, EncryptionAlgorithm)))),
        sgc=given.digits("sgc", 6),
        krn=given.number("krn", 1, 9),
        ti=given.digits("ti", 2),
        base_date=given.one_of("base_date", tuple(BASE_DATES)),
        ken=given.number("ken", 0, 255, 255),
        tct=given.one_of("tct", tuple(TOKEN_CARRIERS), NUMERIC),
        kt=KeyType(given.one_of("kt", tuple(map(int, KeyType)), int(KeyType.UNIQUE))),
    )


def _design(given: _Fields) -> MeterDesign:
    """What the file says of the make; the rest as `MeterDesign` has it."""
    usual = MeterDesign()
    chosen: dict[str, Any] = {}
    for name in (name for name in _DESIGN if given.has(name)):
        value: Any = given.raw(name)
        if isinstance(value, list):
            if not all(type(v) is int for v in value):
                raise _refusal(given.place(name), "numbers")
            value = tuple(value) if name.endswith("_w") else frozenset(value)
        chosen[name] = value
        kind = type(getattr(usual, name))
        if type(value) is not kind:
            raise _refusal(given.place(name), _KINDS[kind])
        try:
            replace(usual, **{name: value})
        except InputError:
            raise _refusal(given.place(name), "within its limits") from None
    return MeterDesign(**chosen)


def _issued(values: object, path: str, current: MeterConfiguration) -> Issued:
    given = _Fields(values, path, _TOKEN)
    digits = given.text("digits")
    try:
        number_of(digits)
    except InputError:
        raise _refusal(given.place("digits"), "20 digits") from None
    under = given.has("made_under")
    return Issued(
        digits=digits,
        issued_at=given.moment("issued_at"),
        made_under=_key(given.raw("made_under"), given.place("made_under")) if under else current,
        accepted=given.flag("accepted"),
        tid=given.number("tid", 0, TID_MAX) if given.has("tid") else None,
        key_change=given.flag("key_change"),
        receipt=given.text("receipt") if given.has("receipt") else "",
    )


# ---------------------------------------------------------------- and back


def to_json(explanation: Explanation) -> dict[str, Any]:
    """An explanation as values that JSON can hold: codes, numbers, lists and ISO times.

    `chance` is `[numerator, denominator]` and `one_in` its whole number, null when chance
    cannot do it at all.
    """
    return {
        "findings": [_finding(item) for item in explanation.findings],
        "trials": explanation.trials,
        "compared": explanation.compared,
        "complete": explanation.complete,
    }


def _finding(item: Finding) -> dict[str, Any]:
    return {
        "reason": item.reason.value,
        "sure": item.sure.value,
        "chance": list(item.chance.as_integer_ratio()),
        "one_in": item.one_in,
        "result": None if item.result is None else item.result.value,
        "action": item.action.value,
        "evidence": _plain(item.evidence),
    }


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
