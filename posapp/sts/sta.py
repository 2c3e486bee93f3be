"""EA07, the Standard Transfer Algorithm: 64-bit block, 64-bit key (IEC 62055-41 6.5.4).

The tables are data that a site may replace; only the standard's sample set ships. Substitution
and permutation of a byte are merged into one look-up, which makes a block 16 x 8 look-ups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from operator import getitem

from posapp.errors import InputError

_MASK = (1 << 64) - 1
_ROUNDS = 16
_KEY_BYTES = 8

# Which of a byte's two nibbles take S2: their top bits in the same byte of the round key.
_SELECTOR = tuple((byte >> 3 & 1) | (byte >> 7 & 1) << 1 for byte in range(256))

_SAMPLE_S1 = (12, 10, 8, 4, 3, 15, 0, 2, 14, 1, 5, 13, 6, 9, 7, 11)
_SAMPLE_S2 = (6, 9, 7, 4, 3, 10, 12, 14, 2, 13, 1, 15, 0, 11, 8, 5)
# fmt: off
_SAMPLE_P = (
    29, 27, 34, 9, 16, 62, 55, 2, 40, 49, 38, 25, 33, 61, 30, 23,
    1, 41, 21, 57, 42, 15, 5, 58, 19, 53, 22, 17, 48, 28, 24, 39,
    3, 60, 36, 14, 11, 52, 54, 12, 31, 51, 10, 26, 0, 45, 37, 43,
    44, 6, 59, 4, 7, 35, 56, 50, 13, 18, 32, 47, 46, 63, 20, 8,
)
# fmt: on

_ByteTable = tuple[int, ...]  # 256 blocks of 64 bits
_RoundTables = tuple[_ByteTable, ...]  # one for each of the eight bytes


def _permuted(block: int, places: Sequence[int]) -> int:
    """The bit at position i moves to position places[i] (6.5.4.3)."""
    return sum((block >> i & 1) << place for i, place in enumerate(places))


def _inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(permutation)), key=permutation.__getitem__))


def _merged(
    first: Sequence[int], second: Sequence[int], places: Sequence[int]
) -> tuple[_RoundTables, ...]:
    """For each byte of the block and each byte of the round key: byte -> substituted, permuted."""
    by_byte = []
    for position in range(8):
        low = [_permuted(v << 8 * position, places) for v in range(16)]
        high = [_permuted(v << 8 * position + 4, places) for v in range(16)]
        by_selector = []
        for selector in range(4):
            s_low = second if selector & 1 else first
            s_high = second if selector & 2 else first
            by_selector.append(tuple(low[s_low[b & 15]] | high[s_high[b >> 4]] for b in range(256)))
        by_byte.append(tuple(by_selector[_SELECTOR[key_byte]] for key_byte in range(256)))
    return tuple(by_byte)


class StaTables:
    """Two substitutions of a nibble and one permutation of 64 bits, with what follows from them.

    Raises InputError STA_TABLES(field, expected) unless each is a permutation of its range.
    """

    def __init__(self, s1: Sequence[int], s2: Sequence[int], p: Sequence[int]) -> None:
        for field, values, size in (("s1", s1, 16), ("s2", s2, 16), ("p", p, 64)):
            integers = all(type(v) is int for v in values)
            if not integers or sorted(values) != list(range(size)):
                raise InputError("STA_TABLES", field=field, expected=f"0..{size - 1}, each once")
        self.s1, self.s2, self.p = tuple(s1), tuple(s2), tuple(p)

    def __repr__(self) -> str:
        return "StaTables(...)"

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 of the three tables: 32 bytes that say whether two sets are the same."""
        return hashlib.sha256(bytes((*self.s1, *self.s2, *self.p))).digest()

    @cached_property
    def forward(self) -> tuple[_RoundTables, ...]:
        """Substitute, then permute."""
        return _merged(self.s1, self.s2, self.p)

    @cached_property
    def backward(self) -> tuple[_RoundTables, ...]:
        """Substitute by the inverses, then permute by the inverse."""
        return _merged(_inverse(self.s1), _inverse(self.s2), _inverse(self.p))

    @cached_property
    def permutations(self) -> tuple[_RoundTables, _RoundTables]:
        """The permutation alone and its inverse, byte by byte."""
        plain = range(16)
        there, back = _merged(plain, plain, self.p), _merged(plain, plain, _inverse(self.p))
        return tuple(t[0] for t in there), tuple(t[0] for t in back)


SAMPLE = StaTables(_SAMPLE_S1, _SAMPLE_S2, _SAMPLE_P)


def prepared_key(key: int) -> int:
    """One's complement, then rotated right by 12 (6.5.4.1)."""
    inverted = ~key & _MASK
    return inverted >> 12 | inverted << 52 & _MASK


class StaCipher:
    """EA07 under one 8-byte key. Making one costs about three blocks; keep it for a meter's set."""

    def __init__(self, key: bytes, tables: StaTables) -> None:
        if len(key) != _KEY_BYTES:
            raise InputError("DECODER_KEY_LENGTH", length=len(key), expected=_KEY_BYTES)
        self._tables = tables
        prepared = prepared_key(int.from_bytes(key, "big"))
        doubled = prepared << 64 | prepared
        self._round_keys = tuple(
            (doubled >> 64 - r & _MASK).to_bytes(8, "little") for r in range(_ROUNDS)
        )

    def __repr__(self) -> str:
        return "StaCipher(...)"

    @cached_property
    def _encryption(self) -> tuple[_RoundTables, ...]:
        by_byte = self._tables.forward
        return tuple(tuple(map(getitem, by_byte, key)) for key in self._round_keys)

    @cached_property
    def _decryption(self) -> tuple[_RoundTables, ...]:
        by_byte = self._tables.backward
        return tuple(tuple(map(getitem, by_byte, key)) for key in reversed(self._round_keys))

    def encrypt(self, block: int) -> int:
        """16 rounds of substitution and permutation under the rotating key."""
        return _rounds(self._encryption, block)

    def decrypt(self, block: int) -> int:
        """The same backwards.

        A round undone is: permute back, substitute back. The look-ups do them in the other
        order, so the block is permuted back once before the rounds and forth once after.
        """
        there, back = self._tables.permutations
        block = _rounds((back,), block)
        block = _rounds(self._decryption, block)
        return _rounds((there,), block)


def _rounds(rounds: tuple[_RoundTables, ...], block: int) -> int:
    # Unrolled over the eight bytes: this loop is most of the time that a token takes.
    for t0, t1, t2, t3, t4, t5, t6, t7 in rounds:
        b0, b1, b2, b3, b4, b5, b6, b7 = block.to_bytes(8, "little")
        block = t0[b0] | t1[b1] | t2[b2] | t3[b3] | t4[b4] | t5[b5] | t6[b6] | t7[b7]
    return block
