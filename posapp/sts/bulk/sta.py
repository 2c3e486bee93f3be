"""EA07 for many rows at once, each with a key of its own; `posapp.sts.sta` explains the steps.

A round is eight look-ups a block: the byte and the two key bits that select its substitutions
make an index into 1024 entries, already permuted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from posapp.sts.bulk.arrays import Blocks, Bytes, big_endian
from posapp.sts.sta import StaTables

_ROUNDS = range(16)
# A key byte for each choice of substitutions: bit 3 rules its low nibble, bit 7 the high one.
_SELECTING = (0x00, 0x08, 0x80, 0x88)
_LOW_BITS = np.uint64(0x0101_0101_0101_0101)
_NEXT_BITS = np.uint64(0x0202_0202_0202_0202)
_EVEN_BYTES = np.uint64(0x00FF_00FF_00FF_00FF)
_EIGHT = np.uint64(8)
_INDEX = np.uint64(0xFFFF)


@lru_cache(maxsize=4)  # a site has one set; tests and training add the sample
def _arrays(tables: StaTables) -> tuple[Blocks, Blocks, Blocks, Blocks]:
    """Forward and backward as (8, 1024) entries, then the bare permutation and its inverse."""
    forward, backward = (
        np.array([[by_key[k] for k in _SELECTING] for by_key in merged], np.uint64)
        for merged in (tables.forward, tables.backward)
    )
    there, back = (np.array(places, np.uint64) for places in tables.permutations)
    return forward.reshape(8, 1024), backward.reshape(8, 1024), there, back


class StaKeys:
    """EA07 under one key a row: `keys` is (rows, 8) bytes, `tables` the site's."""

    def __init__(self, keys: Bytes, tables: StaTables) -> None:
        self._forward, self._backward, self._there, self._back = _arrays(tables)
        self._prepared = _rotated_left(~big_endian(keys), 64 - 12)

    def __repr__(self) -> str:
        return "StaKeys(...)"

    def encrypt(self, blocks: Blocks) -> Blocks:
        """One block a row."""
        return self._rounds(self._forward, blocks, _ROUNDS)

    def decrypt(self, blocks: Blocks) -> Blocks:
        """The blocks that `encrypt` made these from."""
        unselected = np.zeros_like(blocks)
        blocks = _looked_up(self._back, blocks, unselected)
        blocks = self._rounds(self._backward, blocks, reversed(_ROUNDS))
        return _looked_up(self._there, blocks, unselected)

    def _rounds(self, entries: Blocks, blocks: Blocks, rounds: Iterable[int]) -> Blocks:
        for r in rounds:
            key = _rotated_left(self._prepared, r)
            selected = (key >> np.uint64(3) & _LOW_BITS) | (key >> np.uint64(6) & _NEXT_BITS)
            blocks = _looked_up(entries, blocks, selected)
        return blocks


def _rotated_left(keys: Blocks, bits: int) -> Blocks:
    if bits == 0:
        return keys
    return keys << np.uint64(bits) | keys >> np.uint64(64 - bits)


def _looked_up(entries: Sequence[Blocks] | Blocks, blocks: Blocks, selected: Blocks) -> Blocks:
    """Every byte of the blocks with its selector, looked up and put together."""
    even = blocks & _EVEN_BYTES | (selected & _EVEN_BYTES) << _EIGHT
    odd = blocks >> _EIGHT & _EVEN_BYTES | selected & ~_EVEN_BYTES
    found = np.zeros_like(blocks)
    for position in range(8):
        pairs = odd if position % 2 else even
        index = (pairs >> np.uint64(position // 2 * 16) & _INDEX).view(np.int64)
        found |= entries[position].take(index)
    return found
