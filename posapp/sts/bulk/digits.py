"""Digits in columns: check digits and PANs of meters, and the twenty digits of tokens.

Meter numbers stand in (places, rows) bytes of ASCII, so that one place is one array.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from posapp.domain.meter import MeterNumber
from posapp.sts.bulk.arrays import Blocks, Bytes, Flags, Integers
from posapp.sts.numbers import PAN_LENGTH

ZERO = ord("0")
NUMBER_PLACES = 13  # the longer of the two lengths of a meter number
TOKEN_DIGITS = 20
_BODY = PAN_LENGTH - 1
_SHORT_IIN = np.frombuffer(b"600727", np.uint8)[:, np.newaxis]
_TRILLION = 10**12


def luhn_digits(bodies: Bytes) -> Bytes:
    """The ASCII check digit of each row of (places, rows) digits (6.1.2.3)."""
    digits = bodies - np.uint8(ZERO)
    doubled = digits[::-2] * np.uint8(2)
    doubled -= np.uint8(9) * (doubled > 9)
    # At most 17 places of 9, which a byte holds.
    total = doubled.sum(axis=0, dtype=np.uint8) + digits[-2::-2].sum(axis=0, dtype=np.uint8)
    check: Bytes = (np.uint8(250) - total) % np.uint8(10) + np.uint8(ZERO)
    return check


def right_check_digit(numbers: Bytes) -> Flags:
    """Whether the last place of each row is the check digit of the others.

    Zeros in front change nothing, so 11 digits may stand in 13 places.
    """
    right: Flags = luhn_digits(numbers[:-1]) == numbers[-1]
    return right


def number_places(numbers: Sequence[MeterNumber]) -> tuple[Bytes, Flags]:
    """Meter numbers as 13 places, shorter ones behind zeros, and which have 13 digits."""
    text = "".join(number.digits.rjust(NUMBER_PLACES, "0") for number in numbers)
    rows = np.frombuffer(text.encode("ascii"), np.uint8).reshape(-1, NUMBER_PLACES)
    long = np.array([len(number.digits) == NUMBER_PLACES for number in numbers], np.bool_)
    return np.ascontiguousarray(rows.T), long


def pans(numbers: Bytes, long: Flags) -> Bytes:
    """The PANs of meters as 18 places (6.1.2.1), from what `number_places` gives."""
    places = np.full((PAN_LENGTH, numbers.shape[1]), ZERO, np.uint8)
    places[_BODY - NUMBER_PLACES : _BODY] = numbers
    # Both zeros in front of a short number lie inside its issuer number, which covers them.
    front = places[: len(_SHORT_IIN)]
    np.copyto(front, _SHORT_IIN, where=~long)
    places[_BODY] = luhn_digits(places[:_BODY])
    return places


@lru_cache(maxsize=1)
def _four_digits() -> npt.NDArray[np.uint32]:
    """0..9999 as four ASCII digits, each entry four bytes."""
    text = "".join(f"{n:04d}" for n in range(10_000))
    return np.frombuffer(text.encode("ascii"), np.uint32)


def token_digits(blocks: Blocks, token_class: int) -> Bytes:
    """The class joins the encrypted blocks (6.4.2); 66 bits as (rows, 20) ASCII digits (6.4.3)."""
    moved = blocks >> np.uint64(27) & np.uint64(3)
    low = blocks & np.uint64(~(3 << 27) & (1 << 64) - 1) | np.uint64(token_class << 27)
    # The number is moved * 2^64 + low; its upper 8 and lower 12 digits, without 66-bit sums.
    upper = low // np.uint64(_TRILLION)
    lower = low - upper * np.uint64(_TRILLION)
    lower += moved * np.uint64((1 << 64) % _TRILLION)
    carried = lower // np.uint64(_TRILLION)
    lower -= carried * np.uint64(_TRILLION)
    upper += moved * np.uint64((1 << 64) // _TRILLION) + carried
    groups = np.empty((len(blocks), 5), np.uint32)
    _into_groups(upper, groups[:, :2])
    _into_groups(lower, groups[:, 2:])
    return groups.view(np.uint8)


def _into_groups(numbers: Blocks, groups: npt.NDArray[np.uint32]) -> None:
    """Numbers as groups of four digits, the last group first."""
    ten_thousand = np.uint64(10_000)
    table = _four_digits()
    for place in range(groups.shape[1] - 1, 0, -1):
        rest = numbers // ten_thousand
        groups[:, place] = table.take((numbers - rest * ten_thousand).view(np.int64))
        numbers = rest
    groups[:, 0] = table.take(numbers.view(np.int64))


def two_digits(numbers: Integers) -> Bytes:
    """0..99 as (2, rows) ASCII digits."""
    tens = numbers // 10
    return np.stack((tens, numbers - tens * 10)).astype(np.uint8) + np.uint8(ZERO)
