"""Energy as an integer of tenths of a kilowatt-hour, the standard's unit (IEC 62055-41 6.3.6)."""

from __future__ import annotations

import re

from posapp.errors import InputError

UNITS_TENTHS_MAX = 18_201_624  # the largest amount field of a token: 1 820 162.4 kWh


def units_text(tenths_kwh: int) -> str:
    """`71.1` for 711; always one decimal, U+2212 when negative."""
    whole, part = divmod(abs(tenths_kwh), 10)
    sign = "\u2212" if tenths_kwh < 0 else ""
    return f"{sign}{whole:,}.{part}"


def parse_units(text: str) -> int:
    """Tenths of a kWh of what a person typed. Raises InputError UNITS_LETTERS or UNITS_RANGE."""
    match = re.fullmatch(r"\s*(\d{1,7})(?:[.,](\d?))?\s*", text)
    if not match or not text.isascii():
        raise InputError("UNITS_LETTERS", text=text[:40])
    tenths = int(match.group(1)) * 10 + int(match.group(2) or "0")
    if tenths > UNITS_TENTHS_MAX:
        raise InputError("UNITS_RANGE", text=text[:40])
    return tenths
