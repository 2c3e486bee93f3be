"""Wrong entries and the lockout that follows them; every maker does it otherwise (one source).

Nothing happens unless the caller hands in the time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from posapp.sts.meter.design import MeterDesign
from posapp.sts.meter.result import MeterResult

_WRONG = (MeterResult.CRC_ERROR, MeterResult.FORMAT_ERROR)
WRONG_ENTRIES_MOST = 1_000_000  # the count stops here; the wait has long been the longest
_FIRST, _LAST = (edge.replace(tzinfo=UTC) for edge in (datetime.min, datetime.max))


def utc(at: datetime) -> datetime:
    """An aware moment in UTC; at the calendar's edge the nearest that UTC has."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return _FIRST if at.year == _FIRST.year else _LAST


def _after(at: datetime, wait: timedelta) -> datetime:
    return at + min(wait, _LAST - at)


class Keypad:
    """Counts wrong entries in a row. `locked_until` is in the past or None when it is free."""

    def __init__(self, design: MeterDesign) -> None:
        self._design = design
        self.wrong_entries = 0
        self.locked_until: datetime | None = None

    def is_locked(self, at: datetime) -> bool:
        """Whether entries are refused now. Entries made meanwhile lengthen nothing."""
        if self.locked_until is None or at >= self.locked_until:
            return False
        # A clock that was set back must not lock for longer than the wait itself.
        self.locked_until = min(self.locked_until, _after(at, self._wait()))
        return True

    def count(self, result: MeterResult, at: datetime, *, proves_key: bool) -> None:
        """Take note of an entry that was judged.

        Only a token that nobody can make without the key, and that was not used before, ends
        the counting: a test token is printed in every manual, a used one lies in every bin.
        """
        if result in _WRONG:
            self.wrong_entries = min(self.wrong_entries + 1, WRONG_ENTRIES_MOST)
            if self.wrong_entries > self._design.free_wrong_entries:
                self.locked_until = _after(at, self._wait())
        elif result is MeterResult.ACCEPT and proves_key:
            self.wrong_entries, self.locked_until = 0, None

    def _wait(self) -> timedelta:
        doublings = max(0, self.wrong_entries - self._design.free_wrong_entries - 1)
        longest = self._design.longest_lockout_s
        # 22 doublings of one second are more than any allowed longest.
        return timedelta(seconds=min(longest, self._design.first_lockout_s << min(doublings, 22)))
