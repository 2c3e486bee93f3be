"""What a test token can ask a meter to show (IEC 62055-41 6.2.3, 6.3.8).

The order of the first ten is certain, that of the others rests on one source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Display(IntEnum):
    """The tests by number; number n is bit n-1 of a token's control field."""

    LOAD_SWITCH = 1
    DISPLAY = 2
    CONSUMPTION = 3
    KRN = 4
    TI = 5
    TOKEN_INPUT = 6
    MAXIMUM_POWER = 7
    TAMPER_STATUS = 8
    POWER = 9
    SOFTWARE_VERSION = 10
    MAXIMUM_PHASE_UNBALANCE = 11
    WATER_METER_FACTOR = 12
    TARIFF_RATE = 13
    EA = 14
    KEY_CHANGE_TOKENS = 15
    SGC = 16
    KEN = 17
    DRN = 18


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing shown; `value` None means nothing to show: never set, never told, a mere test.

    LOAD_SWITCH and TAMPER_STATUS are claims (closed, tampered); CONSUMPTION counts 0.1 kWh,
    0.1 m3 or 0.1 minute; powers are in watts; TI, SGC and DRN keep their leading zeros.
    """

    display: Display
    value: int | str | bool | None


@dataclass(frozen=True, slots=True)
class ExtendedReading:
    """A register of the extended set (STS 202-5): `index` 0..63, `value` 10 bits.

    Index 63 holds the flags: bit n of `value` is flag n, 0..511.
    """

    index: int
    value: int


def asked(control: int) -> tuple[Display, ...]:
    """The displays of a control field in their order; bits without a known test ask nothing."""
    return tuple(display for display in Display if control >> display - 1 & 1)
