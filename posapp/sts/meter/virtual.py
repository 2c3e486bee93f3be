"""The meter itself. `enter` is the order of judgement, one step a line (IEC 62055-41 7.1.4, 7.3).

What it refuses leaves no trace but the count of wrong entries. Key changes are in `sections`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from posapp.domain.digits import is_digits, is_within
from posapp.domain.meter import (
    ALL_REGISTERS,
    MAGNETIC_CARD,
    NUMERIC,
    TOKEN_CARRIERS,
    EncryptionAlgorithm,
    KeyType,
    MeterNumber,
)
from posapp.errors import InputError
from posapp.sts.ciphers import KEY_BYTES, cipher
from posapp.sts.meter import received, sections, state
from posapp.sts.meter.design import WATTS_MAX, MeterDesign
from posapp.sts.meter.display import Display, ExtendedReading, Reading, asked
from posapp.sts.meter.identifiers import TID_MAX, TidMemory
from posapp.sts.meter.keypad import Keypad, utc
from posapp.sts.meter.registers import Registers, decoded
from posapp.sts.meter.result import MeterResult
from posapp.sts.meter.sections import KeySections
from posapp.sts.sta import StaTables

_CREDIT, _TEST, _MANAGEMENT, _RESERVED = range(4)  # token classes
_EXTENDED_READ = 2
_POWER, _CLEAR_CREDIT, _TARIFF, _TAMPER, _UNBALANCE, _WATER, _EXTENDED_WRITE = 0, 1, 2, 5, 6, 7, 10
_FLAGS = 63  # the register of the extended set that holds flags


class VirtualMeter:
    """One meter with its memory.

    `first_tid` is the date of manufacture that fills the TID memory at birth, `krn` 1..9, `ti`
    two digits, `ken` 0..255, `tct` the token carrier type 1..7. Raises InputError
    DECODER_KEY_LENGTH(length, expected), METER_ATTRIBUTE(field).

    After an entry `shown` is what the display shows. `tampered`, `load_w` and the limits may be
    set by a lesson (watts 0..WATTS_MAX); `sgc` is None until a key change brought it.
    """

    def __init__(
        self,
        number: MeterNumber,
        decoder_key: bytes,
        ea: EncryptionAlgorithm,
        tables: StaTables,
        *,
        kt: KeyType = KeyType.UNIQUE,
        krn: int = 1,
        ti: str = "01",
        ken: int = 255,
        tct: int = NUMERIC,
        first_tid: int = 0,
        design: MeterDesign | None = None,
    ) -> None:
        if len(decoder_key) != KEY_BYTES[ea]:
            raise InputError("DECODER_KEY_LENGTH", length=len(decoder_key), expected=KEY_BYTES[ea])
        checks = {
            "kt": type(kt) is KeyType,
            "krn": is_within(krn, 1, 9),
            "ti": is_digits(ti, 2),
            "ken": is_within(ken, 0, 255),
            "tct": is_within(tct, TOKEN_CARRIERS[0], TOKEN_CARRIERS[-1]),
            "first_tid": is_within(first_tid, 0, TID_MAX),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("METER_ATTRIBUTE", field=name)
        self.number, self.ea, self.tct = number, ea, tct
        self.design = design or MeterDesign()
        self._key, self._tables = decoder_key, tables
        self.kt, self.krn, self.ti, self.ken = kt, krn, ti, ken
        self.sgc: str | None = None
        self.registers = Registers()
        self.power_limit_w: int | None = None
        self.unbalance_limit_w: int | None = None
        self.tariff_rate: int | None = None
        self.water_factor: int | None = None
        self.extended: dict[int, int] = {}  # register of the extended set -> 10 bits
        self.flags: set[int] = set()
        self.tampered = False
        self.load_w = 0
        self.shown: tuple[Reading | ExtendedReading, ...] = ()
        self.memory = TidMemory(first_tid, self.design.tids_kept)
        self.sections = KeySections()
        self.keypad = Keypad(self.design)

    def __repr__(self) -> str:
        return f"VirtualMeter({self.number})"

    # ------------------------------------------------------------ an entry

    def enter(self, digits: str, at: datetime | None = None) -> MeterResult:
        """Judge twenty digits from the keypad and carry them out.

        `at` is the time now, aware, by any one clock. Only with it does the meter lock its
        keypad after wrong entries and forget an incomplete key change. Tokens never expire by
        it. Raises ValueError for a time without a zone.
        """
        self.shown = ()
        if at is None:
            return self._judged(digits, None)[0]
        if at.tzinfo is None:
            raise ValueError("a time without a zone")
        at = utc(at)
        if self.keypad.is_locked(at):
            return MeterResult.LOCKOUT
        self.sections.forget_late(at, self.design.set_timeout_s)
        result, proves_key = self._judged(digits, at)
        self.keypad.count(result, at, proves_key=proves_key)
        return result

    def _judged(self, digits: str, at: datetime | None) -> tuple[MeterResult, bool]:
        """The verdict, and whether only the holder of the key could have made the token."""
        token = received.received(digits)
        if token is None:
            return MeterResult.FORMAT_ERROR, False
        token_class, block = token
        if token_class != _TEST:  # class 1 is never encrypted
            block = cipher(self.ea, self._key, self._tables).decrypt(block)
        if not received.checksum_fits(token_class, block):
            return MeterResult.CRC_ERROR, False
        subclass, content = block >> 60, block >> 16 & 0xFFF_FFFF_FFFF
        if token_class == _TEST:
            return self._test(subclass, content), False
        if token_class == _RESERVED:
            return MeterResult.FUNCTION_ERROR, True
        if token_class == _MANAGEMENT and subclass in sections.RESULTS:
            return self._key_section(subclass, content, at), True
        return self._valued(token_class, subclass, content), True

    def _valued(self, token_class: int, subclass: int, content: int) -> MeterResult:
        """A credit or setting: RND, TID and a value of sixteen bits."""
        served = self.design.credit if token_class == _CREDIT else self.design.management
        if subclass not in served:
            return MeterResult.FUNCTION_ERROR
        front, tid, value = content >> 40, content >> 16 & TID_MAX, content & 0xFFFF
        refusal = self.memory.refusal(tid, self.ken)  # 7.3.7
        if refusal is None and token_class == _CREDIT:
            if self.kt == KeyType.DEFAULT:
                return MeterResult.DDTK_ERROR
            refusal = self.registers.take(subclass, front, value)  # 8.4
        elif refusal is None:
            refusal = self._set(subclass, value)
        if refusal is not None:
            return refusal
        self.memory.remember(tid)  # 7.3.8
        return MeterResult.ACCEPT

    # ------------------------------------------------------------ class 2: settings

    def _set(self, subclass: int, value: int) -> MeterResult | None:
        """Carry out a management token; RangeError changes nothing."""
        if subclass in (_POWER, _UNBALANCE):
            return self._limit(subclass, decoded(value))
        if subclass == _CLEAR_CREDIT:
            if value != ALL_REGISTERS and value not in self.design.credit:
                return MeterResult.RANGE_ERROR
            self.registers.clear(value)
        elif subclass == _TARIFF:
            self.tariff_rate = value
        elif subclass == _TAMPER:
            self.tampered = False
        elif subclass == _WATER:
            self.water_factor = value
        else:
            self._write(*divmod(value, 1 << 10))
        return None

    def _limit(self, subclass: int, watts: int) -> MeterResult | None:
        design = self.design
        limits = design.power_limits_w if subclass == _POWER else design.unbalance_limits_w
        if not limits[0] <= watts <= limits[1]:
            return MeterResult.RANGE_ERROR
        if subclass == _POWER:
            self.power_limit_w = watts
        else:
            self.unbalance_limit_w = watts
        return None

    def _write(self, index: int, value: int) -> None:
        """The extended set (STS 202-5): ten bits into a register, or one flag by its number."""
        if index != _FLAGS:
            self.extended[index] = value
        elif value & 1:
            self.flags.add(value >> 1)
        else:
            self.flags.discard(value >> 1)

    # ------------------------------------------------------------ class 1: tests and displays

    def _test(self, subclass: int, content: int) -> MeterResult:
        """Show what a test token asks for.

        Makers with two digits take subclass 0, those with four subclass 1. A token that asks
        for nothing this meter has is a FunctionError; reserved bits are not judged.
        """
        if subclass == _EXTENDED_READ and self.design.extended_read:
            self.shown = (self._extended_reading(content >> 38),)
            return MeterResult.ACCEPT
        makers_digits = 2 if len(self.number.digits) == 11 else 4
        if subclass != makers_digits // 2 - 1:
            return MeterResult.FUNCTION_ERROR
        control, maker = divmod(content, 1 << 4 * makers_digits)
        if maker not in (0, int(self.number.digits[:makers_digits])):
            return MeterResult.MFR_CODE_ERROR
        displays = [d for d in asked(control) if d in self.design.displays]
        if not displays:
            return MeterResult.FUNCTION_ERROR
        self.shown = tuple(self.reading(display) for display in displays)
        return MeterResult.ACCEPT

    def reading(self, display: Display) -> Reading:
        """What one display shows now."""
        return Reading(display, self._value(display))

    def _value(self, display: Display) -> int | str | bool | None:
        values: dict[Display, int | str | bool | None] = {
            Display.LOAD_SWITCH: self.switch_is_closed,
            Display.CONSUMPTION: self.registers.consumed.get(min(self.design.credit), 0),
            Display.KRN: self.krn,
            Display.TI: self.ti,
            Display.MAXIMUM_POWER: self.power_limit_w,
            Display.TAMPER_STATUS: self.tampered,
            Display.POWER: self.load_w if self.switch_is_closed else 0,
            Display.SOFTWARE_VERSION: self.design.software,
            Display.MAXIMUM_PHASE_UNBALANCE: self.unbalance_limit_w,
            Display.WATER_METER_FACTOR: self.water_factor,
            Display.TARIFF_RATE: self.tariff_rate,
            Display.EA: int(self.ea),
            Display.KEY_CHANGE_TOKENS: self.key_change_tokens,
            Display.SGC: self.sgc,
            Display.KEN: self.ken,
            Display.DRN: self.number.digits,
        }
        return values.get(display)

    def _extended_reading(self, index: int) -> ExtendedReading:
        if index == _FLAGS:
            return ExtendedReading(index, sum(1 << flag for flag in self.flags))
        return ExtendedReading(index, self.extended.get(index, 0))

    # ------------------------------------------------------------ key changes (8.9, 6.2.7, 6.2.8)

    @property
    def key_change_tokens(self) -> int:
        """The tokens of its largest key-change set: four for EA11, else as designed."""
        return 4 if self.ea == EncryptionAlgorithm.MISTY1 else self.design.key_change_tokens

    def _key_section(self, section: int, content: int, at: datetime | None) -> MeterResult:
        """One token of a set; the last one carries the change out. No TID, no KEN is judged.

        What only a whole set can be wrong in, key type and SGC, is judged when it is whole, and
        the set is then forgotten. The standard names no RangeError here; a KRN of 0 or a TI
        above 99 can only be a token that passed the checksum by chance.
        """
        place = tuple(sections.RESULTS).index(section)
        if place >= self.key_change_tokens:
            return MeterResult.FUNCTION_ERROR
        if not sections.section_fits(section, content):
            return MeterResult.RANGE_ERROR
        self.sections.hold(section, content, at)
        new = self.sections.next_key(self.ea, self.key_change_tokens)
        if new is None:
            return sections.RESULTS[section]
        self.sections.forget()
        if not new.sgc_fits:
            return MeterResult.RANGE_ERROR
        to_initial = new.kt == KeyType.INITIAL != self.kt
        if to_initial or (new.kt == KeyType.COMMON and self.tct != MAGNETIC_CARD):
            return MeterResult.KEY_TYPE_ERROR
        self._key = new.key
        self.kt, self.krn, self.ti, self.ken = new.kt, new.krn, f"{new.ti:02d}", new.ken
        if new.sgc is not None:
            self.sgc = f"{new.sgc:06d}"
        if new.rollover:  # another base date
            self.memory.forget()
        return MeterResult.ACCEPT

    def forget_key_change(self) -> None:
        """Drop an incomplete set now, as a meter does some minutes after its last token."""
        self.sections.forget()

    # ------------------------------------------------------------ living with it

    @property
    def tids(self) -> list[int]:
        """The remembered TIDs, ascending."""
        return list(self.memory.values)

    @property
    def credit(self) -> dict[int, int]:
        """What is left, by register; see `registers`."""
        return self.registers.credit

    @property
    def electricity_tenths(self) -> int:
        """Everything ever credited as electricity, in 0.1 kWh; consumption does not lower it."""
        return self.registers.credited.get(0, 0)

    @property
    def switch_is_closed(self) -> bool:
        """Whether the load has power: credit, no tampering, and not above the power limit."""
        overloaded = self.power_limit_w is not None and self.load_w > self.power_limit_w
        return self.registers.hold_credit and not self.tampered and not overloaded

    def consume(self, units: int, *, register: int = 0, load_w: int = 0) -> int:
        """Let a load of `load_w` watts take up to `units` of a register; what it really took.

        At nothing left the switch opens; above the power limit it is open until a call with a
        smaller load. Raises ValueError for a negative number, a load above WATTS_MAX or a
        register it does not have.
        """
        if units < 0 or not 0 <= load_w <= WATTS_MAX or register not in self.design.credit:
            raise ValueError("no such consumption")
        self.load_w = load_w
        return self.registers.run_down(register, units) if self.switch_is_closed else 0

    # ------------------------------------------------------------ keeping it

    def to_state(self) -> dict[str, Any]:
        """Everything it remembers, its key among it, as values that JSON can hold."""
        return state.written(self, self._key)

    @classmethod
    def from_state(cls, content: object, tables: StaTables) -> VirtualMeter:
        """The meter of `to_state`, of this or an older version.

        Raises InputError METER_STATE(field) when one value is missing, unknown or impossible.
        """
        return state.read(content, lambda **found: cls(tables=tables, **found))
