"""EA11, MISTY1 with eight rounds: 64-bit block, 128-bit key (IEC 62055-41 6.5.6, RFC 2994).

The S-boxes are derived from their algebraic normal form. The two halves of FI, before and
after its subkey, are merged into tables of 65 536 entries, made when first needed (0.1 s).
"""

from __future__ import annotations

from functools import lru_cache

from posapp.errors import InputError

_KEY_BYTES = 16

# One line an output bit, bit 0 first. `025` is the product of input bits 0, 2 and 5; `.` is 1.
_S7_FORM = """
0 13 034 15 025 45 016 26 056 356 .
02 04 34 15 245 6 06 36 236 146 056 .
12 023 4 14 014 05 045 345 16 36 036 46 246
0 1 012 03 24 145 26 136 046 56 .
23 04 134 5 25 125 035 16 156 456 .
0 1 2 012 03 123 14 024 05 015 35 06 256
01 3 03 234 05 25 35 135 16 126 036 46 256
"""
_S9_FORM = """
04 05 15 16 26 27 37 38 48 .
02 3 13 23 34 45 06 26 7 08 38 58 .
01 13 4 04 24 34 45 06 56 17 37 8
0 12 24 5 15 35 45 56 17 67 28 48
1 03 23 05 35 6 26 46 56 67 28 78
2 03 14 34 16 46 7 37 57 67 08 78
01 3 14 25 45 27 57 8 08 48 68 78 .
1 01 12 23 04 5 16 36 07 47 67 18 .
0 01 12 4 05 25 36 56 07 08 38 68 .
"""


def _substitution(form: str) -> tuple[int, ...]:
    """The table of an algebraic normal form: output bit = exclusive-or of products of bits."""
    rows = [row.split() for row in form.split("\n") if row]
    masks = [[sum(1 << int(i) for i in p if p != ".") for p in products] for products in rows]
    return tuple(
        sum((sum(x & mask == mask for mask in row) & 1) << bit for bit, row in enumerate(masks))
        for x in range(1 << len(rows))
    )


S7 = _substitution(_S7_FORM)
S9 = _substitution(_S9_FORM)


@lru_cache(maxsize=1)
def fi_tables() -> tuple[list[int], list[int]]:
    """FI before its subkey and after it: FI(x, k) = after[before[x] ^ k]."""
    numbers = list(range(1 << 16))  # one int object a value, shared by both tables
    before = numbers[:]
    after = numbers[:]
    for x in numbers:
        nine, seven = x >> 7, x & 0x7F
        nine = S9[nine] ^ seven
        seven = S7[seven] ^ nine & 0x7F
        before[x] = numbers[seven << 9 | nine]
        seven, nine = x >> 9, x & 0x1FF
        after[x] = numbers[seven << 9 | S9[nine] ^ seven]
    return before, after


class Misty1Cipher:
    """EA11 under one 16-byte key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise InputError("DECODER_KEY_LENGTH", length=len(key), expected=_KEY_BYTES)
        before, after = fi_tables()
        words = [key[i] << 8 | key[i + 1] for i in range(0, _KEY_BYTES, 2)]
        derived = [after[before[words[i]] ^ words[(i + 1) % 8]] for i in range(8)]
        self._before, self._after = before, after
        self._fo_keys = tuple(
            (
                words[r],
                derived[(r + 5) % 8],
                words[(r + 2) % 8],
                derived[(r + 1) % 8],
                words[(r + 7) % 8],
                derived[(r + 3) % 8],
                words[(r + 4) % 8],
            )
            for r in range(8)
        )
        self._fl_keys = tuple(
            (words[i // 2], derived[(i // 2 + 6) % 8])
            if i % 2 == 0
            else (derived[(i // 2 + 2) % 8], words[(i // 2 + 4) % 8])
            for i in range(10)
        )

    def __repr__(self) -> str:
        return "Misty1Cipher(...)"

    def encrypt(self, block: int) -> int:
        """FL layers before every second round and at the end, eight rounds of FO."""
        left, right = block >> 32, block & 0xFFFF_FFFF
        for r in range(0, 8, 2):
            left = self._fl(left, r)
            right = self._fl(right, r + 1)
            right ^= self._fo(left, r)
            left ^= self._fo(right, r + 1)
        return self._fl(right, 9) << 32 | self._fl(left, 8)

    def decrypt(self, block: int) -> int:
        """The same backwards, with FL undone."""
        right, left = self._fl_back(block >> 32, 9), self._fl_back(block & 0xFFFF_FFFF, 8)
        for r in range(6, -1, -2):
            left ^= self._fo(right, r + 1)
            right ^= self._fo(left, r)
            right = self._fl_back(right, r + 1)
            left = self._fl_back(left, r)
        return left << 32 | right

    def _fo(self, x: int, r: int) -> int:
        before, after = self._before, self._after
        ko1, ki1, ko2, ki2, ko3, ki3, ko4 = self._fo_keys[r]
        t0, t1 = x >> 16, x & 0xFFFF
        t0 = after[before[t0 ^ ko1] ^ ki1] ^ t1
        t1 = after[before[t1 ^ ko2] ^ ki2] ^ t0
        t0 = after[before[t0 ^ ko3] ^ ki3] ^ t1
        return (t1 ^ ko4) << 16 | t0

    def _fl(self, x: int, i: int) -> int:
        a, b = self._fl_keys[i]
        left, right = x >> 16, x & 0xFFFF
        right ^= left & a
        return (left ^ (right | b)) << 16 | right

    def _fl_back(self, x: int, i: int) -> int:
        a, b = self._fl_keys[i]
        left, right = x >> 16, x & 0xFFFF
        left ^= right | b
        return left << 16 | right ^ left & a
