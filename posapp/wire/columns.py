"""Columns of values as few bytes: references between columns, bit packing, and zstd.

Reversible and generic: nothing here knows what a sale is. `batch` turns entries into columns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from posapp.errors import InputError

WIDTH_MAX = 1024  # bits of one packed value: 128 bytes of text as a number
RATIO_SHIFT = 32
VALUE_LIMIT = 1 << WIDTH_MAX  # nothing in an entry is longer; a batch that claims it is no batch

# How a residual is made: value - reference. `PREVIOUS` is the row before; `FIRST_COLUMN` + n is
# the n-th integer column of the same row, `FIRST_SUM` + n the sum of a family of such columns.
NOTHING, PREVIOUS = 0, 1
FIRST_SHARED = 2
FIRST_COLUMN = 16
FIRST_SUM = 4096

CONSTANT, PACKED, BYTES = 0, 1, 2


def broken(reason: str) -> InputError:
    """The error of a batch that cannot be read."""
    return InputError("BATCH_INVALID", reason=reason)


@dataclass(slots=True)
class Writer:
    """Collects two streams: `packed` (bits that no compressor can shrink) and `loose` bytes."""

    packed: bytearray = field(default_factory=bytearray)
    loose: bytearray = field(default_factory=bytearray)

    def pack(self, values: Sequence[int], width: int) -> None:
        """Append values of `width` bits each, padded to a whole byte at the end."""
        if not width or not values:
            return
        bits = "".join(format(value, f"0{width}b") for value in values)
        size = -(-len(bits) // 8)
        self.packed += int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")

    def spill(self, values: Sequence[int]) -> None:
        """Append values as varints, low seven bits first."""
        for value in values:
            while value > 0x7F:
                self.loose.append(value & 0x7F | 0x80)
                value >>= 7
            self.loose.append(value)


@dataclass(slots=True)
class Reader:
    """Takes the two streams apart again, in the same order. Raises InputError BATCH_INVALID."""

    packed: bytes
    loose: bytes
    _packed_at: int = 0
    _loose_at: int = 0

    def unpack(self, count: int, width: int) -> list[int]:
        """The next `count` values of `width` bits."""
        if not 0 <= width <= WIDTH_MAX:
            raise broken("width")
        if not width or not count:
            return [0] * count
        size = -(-count * width // 8)
        data = self.packed[self._packed_at : self._packed_at + size]
        if len(data) != size:
            raise broken("short")
        self._packed_at += size
        bits = format(int.from_bytes(data, "big"), f"0{size * 8}b")
        return [int(bits[i : i + width], 2) for i in range(0, count * width, width)]

    def take(self, count: int) -> list[int]:
        """The next `count` varints."""
        data, at = self.loose, self._loose_at
        values = []
        for _ in range(count):
            value = shift = 0
            while True:
                if at >= len(data) or shift > WIDTH_MAX:
                    raise broken("short")
                byte = data[at]
                at += 1
                value |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
                shift += 7
            values.append(value)
        self._loose_at = at
        return values

    def finish(self) -> None:
        """Raise unless everything was taken."""
        if self._packed_at != len(self.packed) or self._loose_at != len(self.loose):
            raise broken("trailing bytes")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one integer column is written: `[mode, reference, base, width, extra]`, cut short.

    value = base + residual + reference, where a reference with an `extra` counts
    `reference * extra >> 32` (money from units at a fixed rate, tax from a sum). For PREVIOUS,
    `extra` is what stands before the first row.
    """

    mode: int
    reference: int
    base: int
    width: int = 0
    extra: int = 0

    def to_item(self) -> list[int]:
        item = [self.mode, self.reference, self.base, self.width, self.extra]
        while len(item) > 3 and item[-1] == 0:
            item.pop()
        return item

    @classmethod
    def from_item(cls, item: object) -> Plan:
        if not isinstance(item, list) or not 3 <= len(item) <= 5:
            raise broken("plan")
        if not all(type(part) is int and -VALUE_LIMIT < part < VALUE_LIMIT for part in item):
            raise broken("plan")
        return cls(*item)


def plan_integers(
    values: Sequence[int], references: dict[int, Sequence[int]]
) -> tuple[Plan, list[int]]:
    """The cheapest way to write a column, and the residuals (all >= 0) to be written."""
    best: tuple[float, Plan, list[int]] | None = None
    for reference, extra, residuals in _candidates(values, references):
        base = min(residuals)
        rest = [value - base for value in residuals]
        cost, mode, width = _price(rest)
        cost += 6 * (reference != NOTHING) + 32 * (extra != 0)
        if best is None or cost < best[0]:
            best = cost, Plan(mode, reference, base, width, extra), rest
            if cost == 0:
                break
    assert best is not None
    return best[1], best[2]


def _candidates(
    values: Sequence[int], references: dict[int, Sequence[int]]
) -> list[tuple[int, int, list[int]]]:
    found = [(NOTHING, 0, list(values))]
    if len(values) < 2 or min(values) == max(values):
        return found
    steps = [after - before for before, after in pairwise(values)]
    least = min(steps)
    found.append((PREVIOUS, values[0] - least, [least, *steps]))
    for number, column in references.items():
        found.append((number, 0, [v - c for v, c in zip(values, column, strict=True)]))
        ratio = _ratio(values, column)
        if ratio:
            scaled = [v - (c * ratio >> RATIO_SHIFT) for v, c in zip(values, column, strict=True)]
            found.append((number, ratio, scaled))
    return found


def _ratio(values: Sequence[int], column: Sequence[int]) -> int:
    """The fixed-point rate between two columns, from their largest row; 0 when there is none."""
    at = max(range(len(column)), key=column.__getitem__)
    if column[at] < 256 or values[at] <= 0 or min(column) == column[at]:
        return 0
    return (values[at] << RATIO_SHIFT) // column[at]


def _price(rest: Sequence[int]) -> tuple[float, int, int]:
    """(bits, mode, width) of non-negative residuals, packed or left to zstd."""
    width = max(rest).bit_length()
    if width == 0:
        return 0.0, CONSTANT, 0
    count = len(rest)
    packed = float(count * width + 4)
    # Entropy of the bytes, what a Huffman code can reach, plus what the table costs.
    loose = Writer()
    loose.spill(rest)
    table = Counter(loose.loose)
    total = len(loose.loose)
    entropy = -sum(n * math.log2(n / total) for n in table.values())
    spilled = max(entropy, total * 0.25) * 1.04 + 5 * len(table)
    return (packed, PACKED, width) if packed <= spilled else (spilled, BYTES, 0)


def write_integers(
    writer: Writer, values: Sequence[int], references: dict[int, Sequence[int]]
) -> list[int]:
    """Write one column and return its plan as a list for the header."""
    plan, rest = plan_integers(values, references)
    if plan.mode == PACKED:
        writer.pack(rest, plan.width)
    elif plan.mode == BYTES:
        writer.spill(rest)
    return plan.to_item()


def read_integers(
    reader: Reader, item: object, count: int, references: dict[int, Sequence[int]]
) -> list[int]:
    """The column that `write_integers` wrote."""
    values = _read_column(reader, Plan.from_item(item), count, references)
    if values and not -VALUE_LIMIT < min(values) <= max(values) < VALUE_LIMIT:
        raise broken("value")
    return values


def _read_column(
    reader: Reader, plan: Plan, count: int, references: dict[int, Sequence[int]]
) -> list[int]:
    if plan.mode == PACKED:
        rest = reader.unpack(count, plan.width)
    elif plan.mode == BYTES:
        rest = reader.take(count)
    elif plan.mode == CONSTANT:
        rest = [0] * count
    else:
        raise broken("mode")
    if plan.reference == NOTHING:
        return [plan.base + value for value in rest]
    if plan.reference == PREVIOUS:
        values, last = [], plan.extra
        for value in rest:
            last += plan.base + value
            values.append(last)
        return values
    column = references.get(plan.reference)
    if column is None or len(column) != count:
        raise broken("reference")
    if plan.extra:
        return [
            plan.base + value + (other * plan.extra >> RATIO_SHIFT)
            for value, other in zip(rest, column, strict=True)
        ]
    return [plan.base + value + other for value, other in zip(rest, column, strict=True)]
