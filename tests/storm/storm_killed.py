"""A thousand kills of the real process through its days: `python -m tests.storm killed`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.storm.killed_day import kill_through

KILLS, A_TILL = 1_000, 50


def storm(seed: int, minutes: float) -> list[str]:
    """A thousand kills, fifty a till, however long they take; more while there is time."""
    ends = time.monotonic() + minutes * 60
    done = 0
    while done < KILLS or time.monotonic() < ends:
        with tempfile.TemporaryDirectory(prefix="posapp-killed-") as name:
            try:
                kill_through(Path(name), A_TILL, seed * 1_000 + done)
            except AssertionError as error:
                return [f"after {done} kills: {error}"]
        done += A_TILL
    return []
