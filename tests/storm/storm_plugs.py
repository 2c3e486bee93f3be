"""Pulls the plugs of till and module a few hundred times; the short form is an ordinary test."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.integration.test_killed_at_any_moment import run_storm


def storm(seed: int, minutes: float) -> list[str]:
    """Rounds of 20 killed tills and 60 killed modules until the time is over."""
    broken: list[str] = []
    deadline = time.monotonic() + minutes * 60
    while not broken:
        with tempfile.TemporaryDirectory() as folder:
            try:
                run_storm(Path(folder), sales=300, till_kills=20, module_kills=60, seed=seed)
            except AssertionError as error:
                broken.append(f"seed {seed}: {error}")
        seed += 1
        if time.monotonic() > deadline:
            break
    return broken
