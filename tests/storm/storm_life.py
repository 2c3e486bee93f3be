"""Hundreds of tills' lives by rules and chance: `python -m tests.storm life`."""

from __future__ import annotations

import time

from tests.storm.life_machine import live

LIVES = 20  # in one run of the machine, so that the time can end it between two
STEPS = 60


def storm(seed: int, minutes: float) -> list[str]:
    """As many lives as fit; the shortest one that breaks a promise."""
    ends = time.monotonic() + minutes * 60
    number = seed * 1_000
    while time.monotonic() < ends:
        try:
            live(LIVES, STEPS, number)
        except AssertionError as error:
            return [f"life {number}: {error}", *getattr(error, "__notes__", ())]
        number += 1
    return []
