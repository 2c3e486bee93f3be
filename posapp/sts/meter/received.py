"""Twenty digits as a meter reads them: class, block and checksum (IEC 62055-41 6.4, 6.3.7)."""

from __future__ import annotations

from posapp.domain.digits import is_digits
from posapp.sts import crc

_DIGITS = 20
_TOKEN_MAX = (1 << 66) - 1
_CREDIT = 0
_MONEY = range(4, 8)  # credit subclasses with a checksum of their own (6.3.22)


def received(digits: str) -> tuple[int, int] | None:
    """The class and the 64-bit block, still encrypted; None when it is no token at all.

    Bits 65 and 64 of the token belong where the class stands, at bits 28 and 27.
    """
    if not is_digits(digits, _DIGITS):
        return None
    token = int(digits)
    if token > _TOKEN_MAX:
        return None
    above, displaced, below = token >> 29 & 0x7_FFFF_FFFF, token >> 64, token & 0x7FF_FFFF
    return token >> 27 & 3, above << 29 | displaced << 27 | below


def checksum_fits(token_class: int, block: int) -> bool:
    """Whether the last sixteen bits are the CRC, or CRC_C for money, of class and block."""
    data = block >> 16
    in_money = token_class == _CREDIT and data >> 44 in _MONEY
    found = crc.currency_field(data) if in_money else crc.field(token_class, data)
    return block & 0xFFFF == found
