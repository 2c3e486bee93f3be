"""A till as a process that sells over a bad line until it is killed.

`python -m tests.storm.module_till FOLDER ADDRESS SEED KEYS`: it recovers first, then sells to
random meters and writes one dot a sale. KEYS is the folder of its keys on the line.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from posapp.clock import SystemClock, SystemRandomness
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.lanes import InlineLanes, Lanes, ThreadLanes
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.link.transports import Address
from posapp.security_module.manager import ModuleManager
from posapp.store.store import SqlStore, open_store
from tests.services.counter import METERS, Counter
from tests.stores import KEY, SECRET, TILL_ID

AMOUNTS = (5_000, 10_000, 20_000, 30_000)
# A tenth of what a till in a shop waits: the storm waits often.
HARD_S, AGAIN_S = 2.0, 0.15
PAUSE_S = 0.02  # a vendor whose module is away does not press Enter a thousand times a second


def line_keys(folder: Path) -> LineKeys:
    """The till's keys on the line; the storm itself comes with them between the rounds."""
    return LineKeys(folder, SECRET, SystemRandomness())


def a_driver(address: str, keys: Path) -> LinkDriver:
    """The line as the till has it: in a session once it is paired, in the clear before."""
    return LinkDriver(
        Address.parse(address), SystemRandomness(), again_s=AGAIN_S, keys=line_keys(keys)
    )


def a_manager(address: str, keys: Path, lanes: Lanes | None = None) -> ModuleManager:
    """The real manager with the short patience of a storm."""
    return ModuleManager(
        address,
        till_id=TILL_ID,
        clock=SystemClock(),
        lanes=lanes,
        hard_s=HARD_S,
        driver=a_driver(address, keys),
    )


def the_store(folder: Path, lanes: Lanes | None = None) -> SqlStore:
    """The till's store, opened again."""
    return open_store(
        folder,
        KEY,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        lanes=lanes or InlineLanes(),  # type: ignore[arg-type]
        reserve_bytes=0,
    )


def main(folder: str, address: str, seed: str, keys: str) -> None:
    """Sell; whatever is not a plain "no" of the module is left to the next recovery."""
    chance, lanes = random.Random(int(seed)), ThreadLanes()
    store = the_store(Path(folder), lanes)
    module = a_manager(address, Path(keys), lanes)
    counter = Counter(store, module, SystemClock())
    counter.recover()
    while True:
        try:
            counter.sale(chance.randint(1, METERS), chance.choice(AMOUNTS))
        except (ModuleError, SaleError) as error:
            open_still = error.code in ("OUTCOME_UNKNOWN", "SALE_UNRESOLVED")
            if not open_still and error.outcome is not Outcome.NOT_EXECUTED:
                raise
            status = module.status()
            print(error.code, error.params, status.state, status.problem, file=sys.stderr)
            if error.code not in ("LIMIT_UNITS", "OPEN_SALE_FINISHED"):
                time.sleep(PAUSE_S)
        else:
            print(end=".", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
