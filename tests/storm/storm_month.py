"""Twenty thousand random sales in a month of a till's life: every identity of every day holds."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.storm.month_of_sales import prove

SALES = 20_000
DAYS = 30


def storm(seed: int, minutes: float) -> list[str]:
    """The month once, and as many more as fit into the time."""
    ends = time.monotonic() + minutes * 60
    found: list[str] = []
    month = 0
    while not found and (month == 0 or time.monotonic() < ends):
        with tempfile.TemporaryDirectory(prefix="posapp-month-") as name:
            found = prove(Path(name), DAYS, SALES, seed * 1_000 + month)
        month += 1
    return found
