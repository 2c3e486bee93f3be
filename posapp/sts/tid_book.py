"""Which TIDs one maker of tokens has given: never the same twice for a meter (6.3.5).

Counted by (meter, base date), because after a change of base date every number is new again.
The sale path keeps the same rule in its store; this is the rule itself, in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from posapp.domain.meter import MeterNumber
from posapp.errors import SaleError
from posapp.sts import tid as tids

KEPT = 50  # as many as a meter remembers, so that none of them is given again


@dataclass(slots=True)
class _Shelf:
    """The TIDs of one meter under one base date."""

    highest: int | None = None
    ordinary: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    reserved: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))


class TidBook:
    """Gives TIDs; remembers the newest `KEPT` of each (meter, base date) and the highest.

    `zone` is the clock rule of the supply group.
    """

    def __init__(self, *, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._shelves: dict[tuple[MeterNumber, int], _Shelf] = {}

    def high_water(self, number: MeterNumber, base_date: int) -> int | None:
        """The highest TID given to a meter under a base date; None before the first."""
        return self._shelf(number, base_date).highest

    def given(self, number: MeterNumber, base_date: int) -> tuple[int, ...]:
        """The newest ordinary and reserved TIDs of a meter, ascending, at most `KEPT` of each."""
        shelf = self._shelf(number, base_date)
        return tuple(sorted((*shelf.ordinary, *shelf.reserved)))

    def note(self, number: MeterNumber, base_date: int, given: Iterable[int]) -> None:
        """Remember TIDs that were given before or elsewhere. Raises SaleError TID_RANGE."""
        shelf = self._shelf(number, base_date)
        for tid in given:
            tids.check_tid(tid)
            (shelf.reserved if tids.is_reserved(tid) else shelf.ordinary).append(tid)
            shelf.highest = tid if shelf.highest is None else max(tid, shelf.highest)

    def give(
        self, number: MeterNumber, base_date: int, moment: datetime, count: int = 1
    ) -> tuple[int, ...]:
        """TIDs for `count` (1..KEPT) ordinary tokens made at one aware moment.

        The first takes the minute of now, each further one the next free minute; 00:01 is left
        out, and none is below what was given before, whatever the clock says. Raises like
        `tid.tid_at`; then none of them is given.
        """
        if not 1 <= count <= KEPT:
            raise SaleError("TID_COUNT", count=count, maximum=KEPT)
        last = self.high_water(number, base_date)
        made = []
        for _ in range(count):
            last = tids.next_tid(moment, base_date, last, zone=self._zone)
            made.append(last)
        self.note(number, base_date, made)
        return tuple(made)

    def give_reserved(self, number: MeterNumber, base_date: int, moment: datetime) -> int:
        """The 00:01 of the moment's day, once a day, whatever was sold since (6.3.5.2).

        Raises SaleError RESERVED_USED(tid), and like `tid.tid_at`.
        """
        tid = tids.reserved_tid(moment, base_date, zone=self._zone)
        if tid in self._shelf(number, base_date).reserved:
            raise SaleError("RESERVED_USED", tid=tid)
        self.note(number, base_date, (tid,))
        return tid

    def _shelf(self, number: MeterNumber, base_date: int) -> _Shelf:
        return self._shelves.setdefault((number, base_date), _Shelf())
