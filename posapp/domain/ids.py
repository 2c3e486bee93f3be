"""Identities that sort by time (UUID version 7, RFC 9562) and receipt numbers without gaps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from posapp.errors import InputError

RECEIPT_MAX = 9_999_999


def uuid7(at_ms: int, random: bytes) -> UUID:
    """A UUIDv7 of a time in ms since 1970 (48 bits) and at least 10 random bytes."""
    if not 0 <= at_ms < 1 << 48 or len(random) < 10:
        raise ValueError("uuid7 needs a 48-bit time and 10 random bytes")
    tail = int.from_bytes(random[:10], "big")
    value = (at_ms << 80) | (0x7 << 76) | ((tail >> 62 & 0xFFF) << 64)
    value |= (0b10 << 62) | (tail & (1 << 62) - 1)
    return UUID(int=value)


@dataclass(frozen=True, slots=True, order=True)
class ReceiptNumber:
    """`TTTT-NNNNNNN-c`: the till's code, its gapless number (1..9 999 999), a check digit.

    The check digit is ISO/IEC 7064 MOD 11,10 over the code and number, letters as 10..35.
    """

    till_code: str
    number: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z0-9]{4}", self.till_code):
            raise InputError("TILL_CODE_INVALID", code=self.till_code)
        if not 1 <= self.number <= RECEIPT_MAX:
            raise InputError("RECEIPT_NUMBER_RANGE", number=self.number)

    def __str__(self) -> str:
        return f"{self.till_code}-{self.number:07d}-{self.check_digit}"

    @property
    def check_digit(self) -> str:
        """One digit that finds a wrong digit and most swaps."""
        body = "".join(str(int(c, 36)) for c in f"{self.till_code}{self.number:07d}")
        product = 10
        for char in body:
            total = (product + int(char)) % 10 or 10
            product = total * 2 % 11
        return str((11 - product) % 10)

    @classmethod
    def parse(cls, text: str) -> ReceiptNumber:
        """From paper or a scanner. Raises InputError RECEIPT_NUMBER_FORM or RECEIPT_CHECK_DIGIT."""
        match = re.fullmatch(r"\s*([A-Za-z0-9]{4})-?(\d{7})-?(\d)\s*", text)
        if not match:
            raise InputError("RECEIPT_NUMBER_FORM", text=text[:40])
        number = cls(match.group(1).upper(), int(match.group(2)))
        if number.check_digit != match.group(3):
            raise InputError("RECEIPT_CHECK_DIGIT", text=text[:40])
        return number
