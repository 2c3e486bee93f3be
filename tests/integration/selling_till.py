"""A till as a process that sells until it is killed: `python -m tests.integration.selling_till`.

Arguments: folder, module address, seed. It recovers first, then sells to random meters for ever
and writes one dot a sale.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from posapp.clock import SystemClock, SystemRandomness
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.lanes import ThreadLanes
from posapp.security_module.manager import ModuleManager
from posapp.store.store import open_store
from tests.services.counter import METERS, Counter
from tests.stores import KEY, TILL_ID

AMOUNTS = (10_000, 20_000, 50_000, 75_000)


def main(folder: str, address: str, seed: str) -> None:
    """Sell; a module that is away is asked again, as a vendor would press Enter again."""
    chance, clock, lanes = random.Random(int(seed)), SystemClock(), ThreadLanes()
    store = open_store(
        Path(folder),
        KEY,
        clock=clock,
        randomness=SystemRandomness(),
        lanes=lanes,
        reserve_bytes=0,
    )
    module = ModuleManager(address, till_id=TILL_ID, clock=clock, lanes=lanes, hard_s=2.0)
    counter = Counter(store, module, clock)
    counter.recover()
    while True:
        try:
            counter.sale(chance.randint(1, METERS), chance.choice(AMOUNTS))
        except (ModuleError, SaleError) as error:
            waiting = error.code in ("OUTCOME_UNKNOWN", "SALE_UNRESOLVED")
            if not waiting and error.outcome is not Outcome.NOT_EXECUTED:
                raise
        else:
            print(end=".", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
