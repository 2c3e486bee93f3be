"""Killing the till or the module at any moment loses nothing and sells nothing twice."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path

from posapp.bootstrap.module import KEY_FILE
from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.lanes import InlineLanes
from posapp.ports import SaleRecord
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference import store as module_store
from posapp.security_module.reference.keys import load_key_file
from posapp.store.store import SqlStore, open_store
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import decoder_key
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import Counter, a_counter
from tests.stores import KEY, TILL_ID

SALES, TILL_KILLS, MODULE_KILLS = 200, 4, 10
START_S = 30.0


@dataclass
class Storm:
    """A till process and a module process, and the hand that pulls their plugs."""

    folder: Path
    module: ModuleProcess
    chance: random.Random
    till: subprocess.Popen[bytes] | None = None

    @property
    def dots(self) -> Path:
        return self.folder.parent / "sales"

    def sold(self) -> int:
        """How many sales the tills have come to, as they say."""
        return self.dots.stat().st_size

    def start_till(self) -> None:
        """Start it and wait for its first sale: a kill while Python loads would prove nothing."""
        words = [self.folder, self.module.address, self.chance.randrange(1 << 30)]
        with self.dots.open("ab") as out:
            self.till = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.selling_till", *map(str, words)],
                stdout=out,
            )
        self.more_than(self.sold())

    def more_than(self, sales: int) -> None:
        assert self.till is not None
        deadline = time.monotonic() + START_S
        while self.sold() <= sales:
            assert self.till.poll() is None, "the selling till fell over"
            assert time.monotonic() < deadline, "the till does not sell"
            self.pause(0.005)

    def pause(self, seconds: float) -> None:
        assert self.till is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.till.wait(seconds)

    def kill_till(self) -> None:
        if self.till is not None:
            self.till.kill()
            self.till.wait()

    def run(self, sales: int, till_kills: int, module_kills: int) -> None:
        """Pull all plugs in a random order, each a few random milliseconds after a sale."""
        plugs = [True] * till_kills + [False] * module_kills
        self.chance.shuffle(plugs)
        try:
            self.start_till()
            for till in plugs:
                self.pause(self.chance.uniform(0.0, 0.08))
                if till:
                    self.kill_till()
                    self.start_till()
                else:
                    self.module.restart()
                    self.more_than(self.sold())
            self.more_than(sales)
        finally:
            self.kill_till()  # it would sell for ever


def all_sales(store: SqlStore) -> list[SaleRecord]:
    """Every sale, by receipt number, without a gap."""
    found: list[SaleRecord] = []
    while True:
        number = len(found) + 1
        record = store.read(lambda reader, number=number: reader.sale_by_receipt(number))
        if record is None:
            return found
        found.append(record)


def executed(module: ModuleProcess) -> dict[bytes, tuple[str, ...]]:
    """What the module's own book says it made, by request."""
    secret = bytes.fromhex((module.folder / KEY_FILE).read_text())
    books = module_store.open_store(module.folder, secret)
    with books.read() as book:
        rows = book._connection.exec_driver_sql("SELECT request_id, tokens FROM issues").all()
    books.close()
    return {bytes(row[0]): tuple(row[1].split()) for row in rows}


def twins(module: ModuleProcess, sales: list[SaleRecord]) -> dict[str, VirtualMeter]:
    keys = {(k.sgc, k.krn): k for k in load_key_file(module.folder / "keys.json")}
    made: dict[str, VirtualMeter] = {}
    for record in sales:
        number, c = MeterNumber(record.intent.meter), record.intent.configuration
        if number.digits not in made:
            secret = decoder_key(keys[c.sgc, c.krn], number, c.ti, c.ea)
            made[number.digits] = VirtualMeter(number, secret, c.ea, sample_tables())
    return made


def check(store: SqlStore, module: ModuleProcess) -> None:
    """The invariants of a storm, after the last recovery."""
    sales = all_sales(store)
    sold = [record for record in sales if record.state in SOLD_STATES]
    made = executed(module)
    assert not store.read(lambda reader: reader.open_sales())
    # Every sold sale is one request of the module with the same tokens, and the other way round.
    assert {r.intent.sale_id: r.tokens for r in sold} == made
    ended = {record.state for record in sales} - set(SOLD_STATES)
    assert ended <= {SaleState.REFUSED, SaleState.CANCELLED}
    tids = Tally((r.intent.meter, item.tid) for r in sold for item in r.intent.items)
    assert max(tids.values()) == 1
    assert store.read(lambda reader: reader.vended_total_minor()) == sum(
        record.intent.amount_minor for record in sold
    )
    meters = twins(module, sold)
    for record in sold:
        for token in record.tokens:
            assert meters[record.intent.meter].enter(token) is MeterResult.ACCEPT
    for number, meter in meters.items():
        units = sum(r.intent.units_tenths for r in sold if r.intent.meter == number)
        assert meter.electricity_tenths == units
    for record in sales:
        jobs = store.read(lambda r, sale=record: r.print_jobs_of_sale(sale.intent.sale_id))
        assert [job.copy_no for job in jobs] == ([0] if record in sold else [])
    assert store.verify_journal().broken_seq is None
    assert not store.check_projections().differences


def run_storm(folder: Path, sales: int, till_kills: int, module_kills: int, seed: int) -> int:
    """One whole storm; how many sales it came to."""
    module = ModuleProcess.make(folder / "module")
    with module.running():
        manager = ModuleManager(module.address, till_id=TILL_ID, clock=SystemClock())
        a_counter(folder / "till", manager).store.close()
        manager.close()
        Storm(folder / "till", module, random.Random(seed)).run(sales, till_kills, module_kills)
        store = open_store(
            folder / "till",
            KEY,
            clock=SystemClock(),
            randomness=SystemRandomness(),
            lanes=InlineLanes(),
            reserve_bytes=0,
        )
        manager = ModuleManager(module.address, till_id=TILL_ID, clock=SystemClock())
        Counter(store, manager, SystemClock()).recover()
        manager.close()
    check(store, module)
    count = len(all_sales(store))
    store.close()
    return count


def test_two_hundred_sales_survive_the_plugs_of_till_and_module(tmp_path):
    count = run_storm(tmp_path, SALES, TILL_KILLS, MODULE_KILLS, seed=20261120)
    assert count >= SALES
