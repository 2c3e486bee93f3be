"""How often something may be asked: so many times at once, and one more every so long."""

from __future__ import annotations

from posapp.clock import Clock


class Allowance:
    """Full at first: `at_once` times; one more every `every_ms` up to that."""

    def __init__(self, clock: Clock, at_once: int, every_ms: int) -> None:
        self._clock = clock
        self._at_once = at_once
        self._every_ms = every_ms
        self._room = at_once
        self._room_at_ms = clock.monotonic_ms()

    @property
    def is_left(self) -> bool:
        """Whether it may be asked now."""
        now_ms = self._clock.monotonic_ms()
        gained = max(0, now_ms - self._room_at_ms) // self._every_ms
        if gained:
            self._room = min(self._at_once, self._room + gained)
            self._room_at_ms = now_ms
        return self._room > 0

    def take(self) -> None:
        """Count one; there must be one left."""
        self._room -= 1
