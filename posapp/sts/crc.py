"""The checksum of every token: CRC-16, polynomial 8005 reflected (IEC 62055-41 6.3.7, 6.3.22).

Shared by `tokens` and `meter`, which otherwise do not know each other.
"""

from __future__ import annotations

_INITIAL = 0xFFFF
_REFLECTED = 0xA001  # x^16 + x^15 + x^2 + 1, least significant bit first


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_REFLECTED if byte & 1 else 0)
    return byte


_TABLE = tuple(_table_entry(byte) for byte in range(256))


def register(data: bytes) -> int:
    """The 16-bit register after `data`, before its bytes change places."""
    value = _INITIAL
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def field(token_class: int, data48: int) -> int:
    """The CRC field over the class (2 bits) and the 48 bits above it (6.3.7).

    The 50 bits are padded on the left to seven bytes; the register's low byte comes first.
    """
    return _swapped(register(bytes((token_class,)) + data48.to_bytes(6, "big")))


def currency_field(data48: int) -> int:
    """CRC_C, for class 0 subclass 4 to 7 only: one more byte of 01 at the end (6.3.22)."""
    return _swapped(register(b"\0" + data48.to_bytes(6, "big") + b"\x01"))


def _swapped(value: int) -> int:
    return (value & 0xFF) << 8 | value >> 8
