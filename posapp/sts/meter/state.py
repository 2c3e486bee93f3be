"""A meter's memory as values that JSON can hold, checked one by one when it is read again.

Version 1 counted credit only and kept settings as sixteen bits; it is read too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from posapp.domain.digits import is_digits
from posapp.domain.meter import TOKEN_CARRIERS, EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError
from posapp.sts.meter.design import WATTS_MAX, MeterDesign
from posapp.sts.meter.display import Display
from posapp.sts.meter.identifiers import TID_MAX
from posapp.sts.meter.keypad import WRONG_ENTRIES_MOST
from posapp.sts.meter.registers import FIRST_IN_MONEY, decoded, register_max
from posapp.sts.meter.sections import RESULTS, section_fits

if TYPE_CHECKING:
    from posapp.sts.meter.virtual import VirtualMeter

VERSION = 2
_TOTAL_MAX = 1 << 128  # totals may exceed a register many times over
_FLAGS_MAX = 511


class _Maker(Protocol):
    def __call__(self, **found: Any) -> VirtualMeter: ...


def written(meter: VirtualMeter, key: bytes) -> dict[str, Any]:
    """The state of `VirtualMeter.to_state`; the order is for people who read the file."""
    return {
        "version": VERSION,
        "number": meter.number.digits,
        "ea": int(meter.ea),
        "key": key.hex(),
        "kt": int(meter.kt),
        "krn": meter.krn,
        "ti": meter.ti,
        "ken": meter.ken,
        "tct": meter.tct,
        "sgc": meter.sgc,
        "tids": list(meter.memory.values),
        "credit": _by_text(meter.registers.credit),
        "credited": _by_text(meter.registers.credited),
        "consumed": _by_text(meter.registers.consumed),
        "power_limit_w": meter.power_limit_w,
        "unbalance_limit_w": meter.unbalance_limit_w,
        "tariff_rate": meter.tariff_rate,
        "water_factor": meter.water_factor,
        "extended": _by_text(meter.extended),
        "flags": sorted(meter.flags),
        "tampered": meter.tampered,
        "load_w": meter.load_w,
        "sections": _by_text(meter.sections.held),
        "sections_at": _text_of(meter.sections.last),
        "wrong_entries": meter.keypad.wrong_entries,
        "locked_until": _text_of(meter.keypad.locked_until),
        "design": _written_design(meter.design),
    }


def _written_design(design: MeterDesign) -> dict[str, Any]:
    values = asdict(design)
    for name in ("credit", "management", "displays"):
        values[name] = sorted(int(item) for item in values[name])
    for name in ("power_limits_w", "unbalance_limits_w"):
        values[name] = list(values[name])
    return values


def _by_text(values: Mapping[int, int]) -> dict[str, int]:
    return {str(key): values[key] for key in sorted(values)}


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


class _WrongError(Exception):
    """A value that cannot be; its field."""


class _Values:
    """Takes values one by one, each of its exact type and range; `end` finds leftovers."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise _WrongError(where)
        self._left = dict(content)

    def any(self, name: str) -> object:
        if name not in self._left:
            raise _WrongError(name)
        return self._left.pop(name)

    def number(self, name: str, least: int, most: int) -> int:
        return _number(name, self.any(name), least, most)

    def number_or_none(self, name: str, most: int) -> int | None:
        value = self.any(name)
        return None if value is None else _number(name, value, 0, most)

    def claim(self, name: str) -> bool:
        value = self.any(name)
        if not isinstance(value, bool):
            raise _WrongError(name)
        return value

    def text(self, name: str) -> str:
        value = self.any(name)
        if not isinstance(value, str):
            raise _WrongError(name)
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.any(name)
        if value is None:
            return None
        try:
            found = datetime.fromisoformat(value) if isinstance(value, str) else None
            if found is None or found.tzinfo is None:
                raise _WrongError(name)
            return found.astimezone(UTC)
        except (ValueError, OverflowError):  # no time, or before the year 1 in UTC
            raise _WrongError(name) from None

    def numbers(self, name: str, least: int, most: int) -> list[int]:
        value = self.any(name)
        if not isinstance(value, list) or len(value) > 1 << 14:
            raise _WrongError(name)
        return [_number(name, item, least, most) for item in value]

    def by_number(
        self, name: str, keys: Collection[int], within: Callable[[int], tuple[int, int]]
    ) -> dict[int, int]:
        """Numbers by number; JSON made the keys text. `within` says the range for a key."""
        value = self.any(name)
        by_text = {str(key): key for key in keys}
        if not isinstance(value, dict) or not value.keys() <= by_text.keys():
            raise _WrongError(name)
        return {
            by_text[key]: _number(name, item, *within(by_text[key])) for key, item in value.items()
        }

    def end(self) -> None:
        for name in self._left:
            raise _WrongError(str(name)[:40])


def _number(name: str, value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _WrongError(name)
    return value


def read(content: object, make: _Maker) -> VirtualMeter:
    """The meter of a state; `make` is VirtualMeter. Raises InputError METER_STATE(field)."""
    try:
        values = _Values(content, "version")
        if values.number("version", 1, VERSION) == 1:
            values = _Values(_second_version(values), "version")
        design = _design(_Values(values.any("design"), "design"))
        meter = _born(values, design, make)
        _fill(meter, values)
        values.end()
    except _WrongError as wrong:
        raise InputError("METER_STATE", field=wrong.args[0]) from None
    return meter


def _design(values: _Values) -> MeterDesign:
    """Its own checks say the ranges; here are the types."""
    found: dict[str, Any] = {
        "credit": frozenset(values.numbers("credit", 0, 7)),
        "management": frozenset(values.numbers("management", 0, 15)),
        "displays": frozenset(map(Display, values.numbers("displays", 1, len(Display)))),
        "extended_read": values.claim("extended_read"),
        "power_limits_w": tuple(values.numbers("power_limits_w", 0, WATTS_MAX)),
        "unbalance_limits_w": tuple(values.numbers("unbalance_limits_w", 0, WATTS_MAX)),
        "software": values.text("software"),
    }
    for field in fields(MeterDesign):
        if field.name not in found:
            found[field.name] = values.number(field.name, 0, WATTS_MAX)
    values.end()
    try:
        return MeterDesign(**found)
    except InputError as error:
        raise _WrongError(error.params["field"]) from None


def _born(values: _Values, design: MeterDesign, make: _Maker) -> VirtualMeter:
    """A meter with the attributes of its key."""
    ea = values.number("ea", 0, 99)
    if ea not in tuple(EncryptionAlgorithm):
        raise _WrongError("ea")
    try:
        number = MeterNumber(values.text("number"))
    except InputError:
        raise _WrongError("number") from None
    text = values.text("key")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise _WrongError("key") from None
    if key.hex() != text:  # spaces or capitals: nobody wrote it so
        raise _WrongError("key")
    try:
        return make(
            number=number,
            decoder_key=key,
            ea=EncryptionAlgorithm(ea),
            kt=KeyType(values.number("kt", 0, 3)),
            krn=values.number("krn", 1, 9),
            ti=values.text("ti"),
            ken=values.number("ken", 0, 255),
            tct=values.number("tct", TOKEN_CARRIERS[0], TOKEN_CARRIERS[-1]),
            design=design,
        )
    except InputError as error:
        raise _WrongError(error.params.get("field", "key")) from None


def _fill(meter: VirtualMeter, values: _Values) -> None:
    """Everything it remembers besides its key."""
    design, registers = meter.design, meter.registers
    sgc = values.any("sgc")
    if sgc is not None and not is_digits(sgc, 6):
        raise _WrongError("sgc")
    meter.sgc = sgc
    tids = values.numbers("tids", 0, TID_MAX)
    if tids != sorted(tids) or len(tids) != design.tids_kept:
        raise _WrongError("tids")
    meter.memory.values = tids
    registers.credit = values.by_number("credit", design.credit, _register_range)
    for name in ("credited", "consumed"):
        totals = values.by_number(name, design.credit, lambda _: (-_TOTAL_MAX, _TOTAL_MAX))
        if any(total < 0 for key, total in totals.items() if name == "consumed" or key < 4):
            raise _WrongError(name)
        setattr(registers, name, totals)
    meter.power_limit_w = values.number_or_none("power_limit_w", WATTS_MAX)
    meter.unbalance_limit_w = values.number_or_none("unbalance_limit_w", WATTS_MAX)
    meter.tariff_rate = values.number_or_none("tariff_rate", 0xFFFF)
    meter.water_factor = values.number_or_none("water_factor", 0xFFFF)
    meter.extended = values.by_number("extended", range(63), lambda _: (0, 1023))
    flags = values.numbers("flags", 0, _FLAGS_MAX)
    if flags != sorted(set(flags)):
        raise _WrongError("flags")
    meter.flags = set(flags)
    meter.tampered = values.claim("tampered")
    meter.load_w = values.number("load_w", 0, WATTS_MAX)
    _fill_sections(meter, values)
    meter.keypad.wrong_entries = values.number("wrong_entries", 0, WRONG_ENTRIES_MOST)
    meter.keypad.locked_until = values.moment("locked_until")


def _register_range(register: int) -> tuple[int, int]:
    most = register_max(register)
    return (0 if register < FIRST_IN_MONEY else -most), most


def _fill_sections(meter: VirtualMeter, values: _Values) -> None:
    """An incomplete set: sections this meter takes, in range, and not the whole of one."""
    taken = tuple(RESULTS)[: meter.key_change_tokens]
    held = values.by_number("sections", taken, lambda _: (0, (1 << 44) - 1))
    meter.sections.held = held
    whole = meter.sections.next_key(meter.ea, meter.key_change_tokens) is not None
    if whole or not all(section_fits(section, content) for section, content in held.items()):
        raise _WrongError("sections")
    meter.sections.last = values.moment("sections_at")
    if meter.sections.last is not None and not held:
        raise _WrongError("sections_at")


def _second_version(first: _Values) -> dict[str, Any]:
    """A version 1 state as version 2. Nothing was consumed; what was credited is all there."""
    design = MeterDesign(credit=frozenset(first.numbers("functions", 0, 7)) or frozenset(range(8)))
    settings = first.by_number("settings", (0, 2, 5, 6, 7, 10), lambda _: (0, 0xFFFF))
    index, value = divmod(settings.get(10, 0), 1 << 10)
    is_flag = index == 63
    credit = first.any("credit")
    copied = ("number", "ea", "key", "kt", "krn", "ti", "ken", "tct", "sgc", "tids", "sections")
    second = {
        **{name: first.any(name) for name in copied},
        "credit": credit,
        "credited": credit,
        "consumed": {},
        "power_limit_w": decoded(settings[0]) if 0 in settings else None,
        "unbalance_limit_w": decoded(settings[6]) if 6 in settings else None,
        "tariff_rate": settings.get(2),
        "water_factor": settings.get(7),
        "extended": {str(index): value} if 10 in settings and not is_flag else {},
        "flags": [value >> 1] if is_flag and value & 1 else [],
        "tampered": False,
        "load_w": 0,
        "sections_at": None,
        "wrong_entries": 0,
        "locked_until": None,
        "design": _written_design(design),
    }
    first.end()
    return second
