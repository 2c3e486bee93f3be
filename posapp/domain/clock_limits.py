"""How far a till's clock may run ahead of what is known to have passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SLACK = timedelta(minutes=2)  # two honest clocks differ by seconds


class ClockState(StrEnum):
    """BACK and JUMPED sell nothing; AHEAD sells and asks a supervisor to look."""

    TRUSTED = "trusted"
    BACK = "back"
    AHEAD = "ahead"
    JUMPED = "jumped"


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """Hours after which a clock ahead is told of, and after which it stops sales; 0: never."""

    warn_hours: int = 0
    stop_hours: int = 0

    def judge(self, now: datetime, floor: datetime) -> ClockState:
        """What a clock that says `now` is worth; `floor` is the latest moment surely passed."""
        if now < floor - SLACK:
            return ClockState.BACK
        ahead = now - floor
        if self.stop_hours and ahead > timedelta(hours=self.stop_hours):
            return ClockState.JUMPED
        if self.warn_hours and ahead > timedelta(hours=self.warn_hours):
            return ClockState.AHEAD
        return ClockState.TRUSTED
