"""Which TIDs one maker of tokens has given: never the same twice for a meter (6.3.5).

Counted by (meter, base date), because after a change of base date every number is new again.
The sale path keeps the same rule in its store; this is the rule itself, in memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from posapp.domain.meter import MeterNumber
from posapp.errors import SaleError
from posapp.sts import tid as tids

KEPT = 50  # as many as a meter remembers, so that none of them is given again


@dataclass(slots=True)
class _Largest:
    """The KEPT largest of all TIDs that were ever noted, ascending, each once."""

    values: list[int] = field(default_factory=list)

    def note(self, tid: int) -> None:
        if not self.knows(tid):
            insort(self.values, tid)
            del self.values[:-KEPT]

    def knows(self, tid: int) -> bool:
        """Whether a TID was noted; of one below a full list nobody can tell, so it counts too."""
        place = bisect_left(self.values, tid)
        if place < len(self.values) and self.values[place] == tid:
            return True
        return place == 0 and len(self.values) == KEPT


@dataclass(slots=True)
class _Shelf:
    """The TIDs of one meter under one base date."""

    highest: int | None = None
    ordinary: _Largest = field(default_factory=_Largest)
    reserved: _Largest = field(default_factory=_Largest)


_EMPTY = _Shelf()  # answers questions about meters that never had a token; nothing is noted in it


class TidBook:
    """Gives TIDs; remembers the `KEPT` largest of each (meter, base date) and the highest.

    `zone` is the clock rule of the supply group.
    """

    def __init__(self, *, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._shelves: dict[tuple[MeterNumber, int], _Shelf] = {}

    def __len__(self) -> int:
        """How many (meter, base date) have a TID."""
        return len(self._shelves)

    def high_water(self, number: MeterNumber, base_date: int) -> int | None:
        """The highest TID given to a meter under a base date; None before the first."""
        return self._shelf(number, base_date).highest

    def given(self, number: MeterNumber, base_date: int) -> tuple[int, ...]:
        """The largest ordinary and reserved TIDs of a meter, ascending, at most `KEPT` of each."""
        shelf = self._shelf(number, base_date)
        return tuple(sorted((*shelf.ordinary.values, *shelf.reserved.values)))

    def note(self, number: MeterNumber, base_date: int, given: Iterable[int]) -> None:
        """Remember TIDs that were given before or elsewhere, in any order.

        Raises SaleError TID_RANGE; then none of them is noted.
        """
        noted = tuple(given)
        for tid in noted:
            tids.check_tid(tid)
        if not noted:
            return
        shelf = self._shelves.setdefault((number, base_date), _Shelf())
        for tid in noted:
            (shelf.reserved if tids.is_reserved(tid) else shelf.ordinary).note(tid)
        known = noted if shelf.highest is None else (*noted, shelf.highest)
        shelf.highest = max(known)

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

        Raises SaleError RESERVED_USED(tid), also for a day before the `KEPT` that are
        remembered, of which nobody can say; and like `tid.tid_at`.
        """
        tid = tids.reserved_tid(moment, base_date, zone=self._zone)
        if self._shelf(number, base_date).reserved.knows(tid):
            raise SaleError("RESERVED_USED", tid=tid)
        self.note(number, base_date, (tid,))
        return tid

    def _shelf(self, number: MeterNumber, base_date: int) -> _Shelf:
        """What is known; a question makes nothing."""
        return self._shelves.get((number, base_date), _EMPTY)
