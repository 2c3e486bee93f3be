"""A shift: from the counted opening float to the counted drawer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """An open or closed shift of one operator; `number` counts from 1 on this till."""

    number: int
    operator_id: int
    opened_at: datetime
    opening_minor: int
    closed_at: datetime | None = None
    counted_minor: int | None = None
    expected_minor: int | None = None
    variance_reason: str = ""

    @property
    def variance_minor(self) -> int | None:
        """Counted less expected; None while the shift is open."""
        if self.counted_minor is None or self.expected_minor is None:
            return None
        return self.counted_minor - self.expected_minor


@dataclass(frozen=True, slots=True)
class CashCount:
    """Pieces by face value in minor units; `total_minor` is what they come to."""

    pieces: tuple[tuple[int, int], ...]

    @property
    def total_minor(self) -> int:
        return sum(face * count for face, count in self.pieces)
