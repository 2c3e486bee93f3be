"""Time and randomness as things that are handed in, so that tests decide what they are."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The wall clock and a clock that never goes backwards."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC. Returns at once."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary start; never decreases."""
        ...


class Randomness(Protocol):
    """Unpredictable bytes."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes fit for keys (0 < count <= 1024)."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class TillClock:
    """The computer's clock and what a supervisor or head office found it to be wrong by.

    The computer's own clock is never set: what is added here is kept in the till's store.
    """

    def __init__(self, computer: Clock) -> None:
        self._computer = computer
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return self._computer.now() + self._offset

    def monotonic_ms(self) -> int:
        return self._computer.monotonic_ms()

    def shift(self, offset_ms: int) -> None:
        """Add so many ms to the computer's clock from now on, in place of what was added before."""
        self._offset = timedelta(milliseconds=offset_ms)


class SystemRandomness:
    """The operating system's random source."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, rounded down. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400_000) + (delta.seconds * 1000) + delta.microseconds // 1000


def from_epoch_ms(at_ms: int) -> datetime:
    """The aware UTC time of `epoch_ms`, exact to the millisecond."""
    seconds, ms = divmod(at_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)
