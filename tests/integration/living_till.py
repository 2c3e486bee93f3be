"""Tills that live a day until they are killed: `python -m tests.integration.living_till`.

Arguments: folder, module address, stick. For each line "seed milliseconds" it forks a till that
recovers, sells, closes shifts and backs up, and kills it then; a fork has Python loaded already.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path

from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.cash import CashKind
from posapp.domain.sale import Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.lanes import InlineLanes
from posapp.security_module.manager import ModuleManager
from posapp.services.move_cash import CashWish
from posapp.services.sell_many import SellMany
from posapp.store.backup import SqlBackups
from posapp.store.store import open_store
from tests.services.counter import GRACE, METERS, Counter
from tests.stores import KEY, TILL_ID, a_meter_number

AMOUNTS = (10_000, 20_000)
RECOVERY_EVERY = 5
WORK = "ssssssggmccb"  # sale, group, cash, close, backup: as often as they stand here


def a_life(folder: Path, address: str) -> Counter:
    """The till of a folder, opened."""
    clock, chance = SystemClock(), SystemRandomness()
    store = open_store(
        folder, KEY, clock=clock, randomness=chance, lanes=InlineLanes(), reserve_bytes=0
    )
    return Counter(store, ModuleManager(address, till_id=TILL_ID, clock=clock, hard_s=5.0), clock)


def live(folder: Path, address: str, stick: Path, seed: int, told: int) -> None:
    """Recover, say so, and work for ever; each piece of work done is a letter in `work`."""
    chance = random.Random(seed)
    done = os.open(folder.parent / "work", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    counter = a_life(folder, address)
    counter.recover()
    os.write(done, b"r")
    os.write(told, b"r")
    work = WORK[seed % len(WORK)]  # every kind comes first in some life
    backups = SqlBackups(counter.store, stick, counter.clock)
    many = SellMany(counter.store, counter.queue, counter.clock, counter.sell)
    while True:
        if counter.store.read(lambda reader: reader.open_shift()) is None:
            counter.open_shift(GRACE, 100_000)
        if work == "s":
            counter.sale(chance.randint(1, METERS), chance.choice(AMOUNTS))
        elif work == "g":
            _sell_group(counter, many, chance)
        elif work == "m":
            counter.move_cash(GRACE, CashWish(CashKind.IN, 5_000, "change"))
        elif work == "c":
            expected = counter.close_shift.preview(CashCount(())).expected_minor
            counter.close_shift(GRACE, CashCount(((1, expected),)))
        else:
            backups.make()
        os.write(done, work.encode("ascii"))
        work = chance.choice(WORK)


def _sell_group(counter: Counter, many: SellMany, chance: random.Random) -> None:
    rows = []
    for number in chance.sample(range(1, METERS + 1), 3):
        context = counter.prepare(a_meter_number(number))
        rows.append((context, context.by_money(AMOUNTS[0])))
    cash = (Tender(TenderKind.CASH, 3 * AMOUNTS[0]),)
    failure = many(tuple(rows), cash, GRACE.operator_id).failure
    if failure is not None:
        raise failure


def main(folder: str, address: str, stick: str) -> None:
    """One till a line; answers "killed", or that it fell over by itself."""
    for line in sys.stdin:
        seed, milliseconds = map(int, line.split())
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                live(Path(folder), address, Path(stick), seed, told)
            finally:
                os._exit(1)
        os.close(told)
        if seed % RECOVERY_EVERY:
            os.read(heard, 1)  # else it may be killed before it has recovered
        os.close(heard)
        threading.Event().wait(milliseconds / 1000)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else f"fell over: {status}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
