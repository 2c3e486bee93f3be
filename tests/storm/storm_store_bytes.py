"""Every byte of a till's store is changed once: `python -m tests.storm store_bytes`.

The promise: whatever reads the store back says that it is damaged. With time left, other bits.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from tests.storm.store_bytes import a_day, is_found

FINDINGS_MOST = 20
BITS = 8


def storm(seed: int, minutes: float) -> list[str]:
    """Bytes that were changed and not missed; the time may end it before all were tried."""
    until = time.monotonic() + minutes * 60
    chance = random.Random(seed)
    found: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = a_day(folder)
        for _ in range(BITS):
            places = list(range(len(good)))
            chance.shuffle(places)
            for place in places:
                if time.monotonic() > until or len(found) >= FINDINGS_MOST:
                    return found
                bit = chance.randrange(BITS)
                if not is_found(folder, good, place, bit):
                    found.append(f"byte {place}, bit {bit} of {len(good)} changed and nobody saw")
    return found
