"""A virtual meter: judges tokens as a real one does (IEC 62055-41 7.1.4, 7.3 and 8).

For the demo, training and tests. It shares only the ciphers and the CRC with `tokens`, reads
bits by itself, and so can disagree with what the till makes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError
from posapp.sts import crc
from posapp.sts.ciphers import KEY_BYTES, cipher
from posapp.sts.sta import StaTables

TIDS_KEPT = 50  # the least that 7.3.8 asks for
_KEN_NEVER = 255
_STATE_VERSION = 1
# No source gives a capacity; this is a signed 32-bit register of 0.1 kWh, 0.1 m3 or 0.1 minute.
_UNIT_REGISTER_MAX = (1 << 31) - 1
_MAGNETIC_CARD = 1


class MeterResult(StrEnum):
    """What a meter answers (7.1.4)."""

    ACCEPT = "Accept"
    FIRST_KCT = "1stKCT"
    SECOND_KCT = "2ndKCT"
    THIRD_KCT = "3rdKCT"
    FOURTH_KCT = "4thKCT"
    OVERFLOW_ERROR = "OverflowError"
    KEY_TYPE_ERROR = "KeyTypeError"
    FORMAT_ERROR = "FormatError"
    RANGE_ERROR = "RangeError"
    FUNCTION_ERROR = "FunctionError"
    OLD_ERROR = "OldError"
    USED_ERROR = "UsedError"
    KEY_EXPIRED_ERROR = "KeyExpiredError"
    DDTK_ERROR = "DDTKError"
    CRC_ERROR = "CRCError"
    MFR_CODE_ERROR = "MfrCodeError"


_KEY_SECTIONS = {
    3: MeterResult.FIRST_KCT,
    4: MeterResult.SECOND_KCT,
    8: MeterResult.THIRD_KCT,
    9: MeterResult.FOURTH_KCT,
}


class VirtualMeter:
    """One meter with its memory. Registers count what was credited and never run down here.

    `first_tid` is the date of manufacture that fills the TID memory at birth. `functions` are
    the credit subclasses it serves. Raises InputError DECODER_KEY_LENGTH.
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
        ken: int = _KEN_NEVER,
        tct: int = 2,
        first_tid: int = 0,
        functions: frozenset[int] = frozenset(range(8)),
    ) -> None:
        if len(decoder_key) != KEY_BYTES[ea]:
            raise InputError("DECODER_KEY_LENGTH", length=len(decoder_key), expected=KEY_BYTES[ea])
        self.number, self.ea, self.tct, self.functions = number, ea, tct, functions
        self._key, self._tables = decoder_key, tables
        self.kt, self.krn, self.ti, self.ken = kt, krn, ti, ken
        self.sgc: str | None = None  # known only when a key change transferred it
        self.tids = [first_tid] * TIDS_KEPT  # ascending
        self.credit: dict[int, int] = {}  # by credit subclass, in its units
        self.settings: dict[int, int] = {}  # by class 2 subclass, the 16-bit value it set
        self._sections: dict[int, int] = {}  # of a key change not yet complete

    def __repr__(self) -> str:
        return f"VirtualMeter({self.number})"

    @property
    def electricity_tenths(self) -> int:
        """Everything credited as electricity, in 0.1 kWh."""
        return self.credit.get(0, 0)

    def enter(self, digits: str) -> MeterResult:
        """Judge twenty digits from the keypad and carry them out; refused ones leave no trace."""
        if len(digits) != 20 or not (digits.isascii() and digits.isdigit()):
            return MeterResult.FORMAT_ERROR
        token = int(digits)
        if token.bit_length() > 66:
            return MeterResult.FORMAT_ERROR
        bits = f"{token:066b}"  # bits[0] is bit 65; the class stands at bits 28 and 27
        token_class = int(bits[37:39], 2)
        block = int(bits[2:37] + bits[:2] + bits[39:], 2)
        if token_class != 1:
            block = cipher(self.ea, self._key, self._tables).decrypt(block)
        if not _checksum_fits(token_class, block):
            return MeterResult.CRC_ERROR
        return self._judge(token_class, f"{block:064b}")

    def _judge(self, token_class: int, bits: str) -> MeterResult:
        subclass = int(bits[:4], 2)
        if token_class == 1:
            return self._test(subclass, bits)
        if token_class == 3:
            return MeterResult.FUNCTION_ERROR
        if token_class == 2 and subclass in _KEY_SECTIONS:
            return self._key_section(subclass, int(bits[4:48], 2))
        if subclass not in (self.functions if token_class == 0 else (0, 1, 2, 5, 6, 7, 10)):
            return MeterResult.FUNCTION_ERROR
        tid, value = int(bits[8:32], 2), int(bits[32:48], 2)
        refusal = self._identifier_refusal(token_class, tid)  # 7.3.7
        if refusal is None:
            if token_class == 0:
                refusal = self._take_credit(subclass, int(bits[4:8], 2), value)  # 8.4
            else:
                refusal = self._set(subclass, value)
        if refusal is not None:
            return refusal
        self.tids = sorted([*self.tids[1:], tid])  # 7.3.8
        return MeterResult.ACCEPT

    def _identifier_refusal(self, token_class: int, tid: int) -> MeterResult | None:
        if tid < self.tids[0]:
            return MeterResult.OLD_ERROR
        if tid in self.tids:
            return MeterResult.USED_ERROR
        if self.ken != _KEN_NEVER and tid // 65_536 > self.ken:
            return MeterResult.KEY_EXPIRED_ERROR
        if token_class == 0 and self.kt is KeyType.DEFAULT:
            return MeterResult.DDTK_ERROR
        return None

    def _take_credit(self, subclass: int, front: int, amount: int) -> MeterResult | None:
        exponent, mantissa = divmod(amount, 16_384)
        sign = 1
        if subclass >= 4:  # money: sign and high exponent bits stand in front
            exponent += front % 8 * 4
            sign = -1 if front >= 8 else 1
        step, units = 1, mantissa
        for _ in range(exponent):  # each range begins where 16384 steps of the one before end
            units = units * 10 + 16_384
        step = sign * units
        total = self.credit.get(subclass, 0) + step
        if subclass < 4 and total > _UNIT_REGISTER_MAX:
            return MeterResult.OVERFLOW_ERROR
        self.credit[subclass] = total
        return None

    def _set(self, subclass: int, value: int) -> MeterResult | None:
        if subclass == 1:
            if value != 0xFFFF and value > 7:
                return MeterResult.RANGE_ERROR
            for register in list(self.credit) if value == 0xFFFF else [value]:
                self.credit.pop(register, None)
        else:
            self.settings[subclass] = value
        return None

    def _test(self, subclass: int, bits: str) -> MeterResult:
        if subclass not in (0, 1, 2):
            return MeterResult.FUNCTION_ERROR
        width = 16 if subclass == 1 else 8
        code = int(bits[48 - width : 48], 2)
        digits = self.number.digits
        own = int(digits[:2] if len(digits) == 11 else digits[:4])
        return MeterResult.ACCEPT if code in (0, own) else MeterResult.MFR_CODE_ERROR

    # ------------------------------------------------------------ key changes (8.9, 6.2.7, 6.2.8)

    def _key_section(self, subclass: int, content: int) -> MeterResult:
        if subclass == 9 and self.ea is EncryptionAlgorithm.STA:
            return MeterResult.FUNCTION_ERROR
        self._sections[subclass] = content
        if not self._set_is_complete():
            return _KEY_SECTIONS[subclass]
        sections, self._sections = self._sections, {}
        first, second = sections[3], sections[4]
        new_type = KeyType(first >> 32 & 3)
        initial = new_type is KeyType.INITIAL and self.kt is not KeyType.INITIAL
        if initial or (new_type is KeyType.COMMON and self.tct != _MAGNETIC_CARD):
            return MeterResult.KEY_TYPE_ERROR
        self._take_key(sections)
        self.kt, self.krn = new_type, first >> 36 & 15
        self.ken = (first >> 40) << 4 | second >> 40
        self.ti = f"{second >> 32 & 0xFF:02d}"
        if first >> 35 & 1:  # rollover: another base date, so every stored TID is forgotten
            self.tids = [0] * TIDS_KEPT
        return MeterResult.ACCEPT

    def _set_is_complete(self) -> bool:
        needed = {3, 4}
        if self.ea is EncryptionAlgorithm.MISTY1:
            needed = {3, 4, 8, 9}
        elif self._sections.get(3, 0) >> 34 & 1:  # 3KCT: a third token brings the SGC
            needed = {3, 4, 8}
        return needed <= self._sections.keys()

    def _take_key(self, sections: dict[int, int]) -> None:
        low = 0xFFFF_FFFF
        words = [sections[3] & low, sections[4] & low]
        if self.ea is EncryptionAlgorithm.MISTY1:
            words[1:1] = [sections[8] & low, sections[9] & low]
            self.sgc = f"{(sections[9] >> 32) << 12 | sections[8] >> 32:06d}"
        elif sections[3] >> 34 & 1:
            self.sgc = f"{sections[8] >> 20:06d}"
        self._key = b"".join(word.to_bytes(4, "big") for word in words)

    def forget_key_change(self) -> None:
        """Drop an incomplete set, as a meter does some minutes after its last token."""
        self._sections.clear()

    # ------------------------------------------------------------ keeping it

    def to_state(self) -> dict[str, Any]:
        """Everything it remembers, its key among it, as values that JSON can hold."""
        return {
            "version": _STATE_VERSION,
            "number": self.number.digits,
            "ea": int(self.ea),
            "key": self._key.hex(),
            "kt": int(self.kt),
            "krn": self.krn,
            "ti": self.ti,
            "ken": self.ken,
            "tct": self.tct,
            "sgc": self.sgc,
            "functions": sorted(self.functions),
            "tids": list(self.tids),
            "credit": {str(k): v for k, v in self.credit.items()},
            "settings": {str(k): v for k, v in self.settings.items()},
            "sections": {str(k): v for k, v in self._sections.items()},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], tables: StaTables) -> VirtualMeter:
        """The meter of `to_state`. Raises InputError METER_STATE when it is not one."""
        try:
            if state["version"] != _STATE_VERSION:
                raise ValueError("another version")
            meter = cls(
                MeterNumber(state["number"]),
                bytes.fromhex(state["key"]),
                EncryptionAlgorithm(state["ea"]),
                tables,
                kt=KeyType(state["kt"]),
                krn=int(state["krn"]),
                ti=str(state["ti"]),
                ken=int(state["ken"]),
                tct=int(state["tct"]),
                functions=frozenset(int(f) for f in state["functions"]),
            )
            meter.sgc = state["sgc"]
            meter.tids = sorted(int(t) for t in state["tids"])
            meter.credit = {int(k): int(v) for k, v in state["credit"].items()}
            meter.settings = {int(k): int(v) for k, v in state["settings"].items()}
            meter._sections = {int(k): int(v) for k, v in state["sections"].items()}
            if len(meter.tids) != TIDS_KEPT:
                raise ValueError("not fifty TIDs")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("METER_STATE") from None
        return meter


def _checksum_fits(token_class: int, block: int) -> bool:
    data, found = divmod(block, 65_536)
    in_money = token_class == 0 and 4 <= data >> 44 <= 7
    return found == (crc.currency_field(data) if in_money else crc.field(token_class, data))
