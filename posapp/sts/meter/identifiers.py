"""The token identifiers a meter remembers, at least fifty (IEC 62055-41 7.3.7, 7.3.8)."""

from __future__ import annotations

from bisect import bisect_left, insort

from posapp.sts.meter.result import MeterResult

TID_MAX = (1 << 24) - 1


class TidMemory:
    """`values` ascend and are always as many; at birth all are the date of manufacture."""

    def __init__(self, first: int, size: int) -> None:
        self.values = [first] * size

    def refusal(self, tid: int, ken: int) -> MeterResult | None:
        """Why a token with this TID is refused, in the order of 7.3.7, or None."""
        place = bisect_left(self.values, tid)
        if place < len(self.values) and self.values[place] == tid:
            return MeterResult.USED_ERROR
        if place == 0:
            return MeterResult.OLD_ERROR
        if tid >> 16 > ken:  # never above 255, the number of a key without expiry
            return MeterResult.KEY_EXPIRED_ERROR
        return None

    def remember(self, tid: int) -> None:
        """Put an accepted TID in the place of the smallest."""
        insort(self.values, tid)
        del self.values[0]

    def forget(self) -> None:
        """After a rollover every TID is new again."""
        self.values = [0] * len(self.values)
