"""What is kept for a while and not for ever: what is over its time, and its deletion.

The journal is no such record: nothing of it is ever deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from posapp.ports import Clock


class Shelf(Protocol):
    """One kind of record. `name` is what the settings call it."""

    @property
    def name(self) -> str: ...

    def over(self, before: datetime) -> int:
        """How many are older than a moment."""
        ...

    def delete(self, before: datetime) -> int:
        """Delete those, in steps that let a sale go in between; how many went."""
        ...


@dataclass(frozen=True, slots=True)
class Overdue:
    """`count` records of a kind are older than `days`."""

    kind: str
    days: int
    count: int


class Retain:
    """Runs on the report lane. `days` 0: this kind is kept for ever."""

    def __init__(self, shelves: Sequence[tuple[Shelf, int]], clock: Clock) -> None:
        self._shelves = shelves
        self._clock = clock

    def overdue(self) -> tuple[Overdue, ...]:
        """Every kind with its days and what is over them. Raises StoreError."""
        return tuple(
            Overdue(shelf.name, days, shelf.over(self._before(days)) if days else 0)
            for shelf, days in self._shelves
        )

    def delete(self) -> tuple[Overdue, ...]:
        """Delete what is over; what went. Raises StoreError."""
        return tuple(
            Overdue(shelf.name, days, shelf.delete(self._before(days)) if days else 0)
            for shelf, days in self._shelves
        )

    def _before(self, days: int) -> datetime:
        return self._clock.now() - timedelta(days=days)
