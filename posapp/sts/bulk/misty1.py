"""EA11 for many rows at once, each with a key of its own; `posapp.sts.misty1` explains the steps.

Each 16-bit half travels as an array. Its key schedule costs about a third of a block.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from posapp.sts import misty1
from posapp.sts.bulk.arrays import Blocks, Bytes, Words

_Half = tuple[Words, Words]  # 32 bits as high and low word


@lru_cache(maxsize=1)
def _fi_tables() -> tuple[Words, Words]:
    before, after = misty1.fi_tables()
    return np.array(before, np.uint16), np.array(after, np.uint16)


class Misty1Keys:
    """EA11 under one key a row: `keys` is (rows, 16) bytes."""

    def __init__(self, keys: Bytes) -> None:
        self._before, self._after = _fi_tables()
        columns = keys.T.astype(np.uint16)
        words = columns[0::2] << np.uint16(8) | columns[1::2]
        self._words = words
        self._derived = [self._fi(words[i], words[(i + 1) % 8]) for i in range(8)]

    def __repr__(self) -> str:
        return "Misty1Keys(...)"

    def encrypt(self, blocks: Blocks) -> Blocks:
        """One block a row."""
        left, right = _halves(blocks)
        for r in range(0, 8, 2):
            left = self._fl(left, r)
            right = self._fl(right, r + 1)
            right = self._fo(left, right, r)
            left = self._fo(right, left, r + 1)
        return _joined(self._fl(right, 9), self._fl(left, 8))

    def decrypt(self, blocks: Blocks) -> Blocks:
        """The blocks that `encrypt` made these from."""
        right, left = _halves(blocks)
        right, left = self._fl_back(right, 9), self._fl_back(left, 8)
        for r in range(6, -1, -2):
            left = self._fo(right, left, r + 1)
            right = self._fo(left, right, r)
            right = self._fl_back(right, r + 1)
            left = self._fl_back(left, r)
        return _joined(left, right)

    def _fi(self, x: Words, subkey: Words) -> Words:
        inner = self._before.take(x)
        inner ^= subkey
        return self._after.take(inner)

    def _fo(self, x: _Half, onto: _Half, r: int) -> _Half:
        """FO of `x` in round r, exclusive-or `onto`."""
        words, derived = self._words, self._derived
        t0, t1 = x
        t0 = self._fi(t0 ^ words[r], derived[(r + 5) % 8]) ^ t1
        t1 = self._fi(t1 ^ words[(r + 2) % 8], derived[(r + 1) % 8]) ^ t0
        t0 = self._fi(t0 ^ words[(r + 7) % 8], derived[(r + 3) % 8]) ^ t1
        t1 ^= words[(r + 4) % 8]
        return onto[0] ^ t1, onto[1] ^ t0

    def _fl(self, x: _Half, i: int) -> _Half:
        a, b = self._fl_keys(i)
        left, right = x
        right = right ^ (left & a)
        return left ^ (right | b), right

    def _fl_back(self, x: _Half, i: int) -> _Half:
        a, b = self._fl_keys(i)
        left, right = x
        left = left ^ (right | b)
        return left, right ^ (left & a)

    def _fl_keys(self, i: int) -> tuple[Words, Words]:
        half = i // 2
        if i % 2 == 0:
            return self._words[half], self._derived[(half + 6) % 8]
        return self._derived[(half + 2) % 8], self._words[(half + 4) % 8]


def _halves(blocks: Blocks) -> tuple[_Half, _Half]:
    # A cast to 16 bits keeps the low ones.
    w0, w1, w2, w3 = ((blocks >> np.uint64(s)).astype(np.uint16) for s in (48, 32, 16, 0))
    return (w0, w1), (w2, w3)


def _joined(high: _Half, low: _Half) -> Blocks:
    joined = high[0].astype(np.uint64)
    for word in (high[1], low[0], low[1]):
        joined <<= np.uint64(16)
        joined |= word
    return joined
