"""A till killed again and again through its day, and what must hold each time it starts again."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter as Tally
from pathlib import Path

from posapp.clock import SystemClock
from posapp.db.copying import opened_copy
from posapp.domain.sale import SOLD_STATES
from posapp.security_module.manager import ModuleManager
from posapp.store.backup import verify
from posapp.store.store import SqlStore
from tests.integration.living_till import a_life
from tests.integration.test_killed_at_any_moment import all_sales
from tests.integration.test_killed_at_any_moment import check as check_with_module
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import a_counter
from tests.stores import KEY, TILL_ID

LIFE_MS = (20, 320)  # from the middle of recovery to a dozen pieces of work
REBUILD_EVERY = 10  # kills; the other checks are made after each


class Seen:
    """What was there after the kills before: it is there for ever, and no mark goes back."""

    def __init__(self) -> None:
        self.entries: dict[int, bytes] = {}
        self.marks: dict[str, float] = {}

    def check(self, store: SqlStore, *, whole: bool) -> None:
        """I1, I2, I5 to I7 and I9 to I11 of the sync protocol's page."""
        verdict = store.verify_journal()
        assert verdict.broken_seq is None, verdict  # I2
        assert store.flaws() == ()  # I5
        assert not store.read(lambda reader: reader.open_sales())  # I7
        sales = all_sales(store)  # without a gap
        sold = [record for record in sales if record.state in SOLD_STATES]
        assert all(record.tokens for record in sold)  # I1
        tids = Tally((r.intent.meter, item.tid) for r in sold for item in r.intent.items)
        assert max(tids.values(), default=1) == 1
        vended, lease = store.read(lambda r: (r.vended_total_minor(), r.lease()))
        assert vended == sum(record.intent.amount_minor for record in sold)  # I6
        assert lease is not None and vended <= lease.authorised_total_minor
        floor, last_z, head = store.read(lambda r: (r.clock_floor(), r.last_z(), r.head()))
        now = {
            "floor": floor.timestamp(),
            "z": last_z.fact.number if last_z else 0,
            "head": head.seq,
            "receipts": len(sales),
        }
        assert all(now[mark] >= value for mark, value in self.marks.items())  # I9
        self.marks = now
        for seq, digest in self.entries.items():  # I10
            assert store.hash_of(head.epoch, seq) == digest, seq
        self.entries[head.seq] = head.hash
        if whole:
            assert not store.check_projections().differences  # I11


def kill_through(folder: Path, kills: int, seed: int) -> str:
    """So many kills at one till; the letters of the work that was done between them."""
    chance, stick = random.Random(seed), folder / "stick"
    stick.mkdir()
    module = ModuleProcess.make(folder / "module")
    seen = Seen()
    with module.running():
        manager = ModuleManager(module.address, till_id=TILL_ID, clock=SystemClock())
        a_counter(folder / "till", manager).store.close()
        manager.close()
        words = [str(folder / "till"), module.address, str(stick)]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integration.living_till", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as nursery:
            assert nursery.stdin is not None and nursery.stdout is not None
            for kill in range(1, kills + 1):
                line = f"{seed + kill} {chance.randrange(*LIFE_MS)}\n"
                nursery.stdin.write(line)
                nursery.stdin.flush()
                assert nursery.stdout.readline() == "killed\n", line
                after = a_life(folder / "till", module.address)
                after.recover()
                seen.check(after.store, whole=kill % REBUILD_EVERY == 0 or kill == kills)
                after.module.close()  # type: ignore[attr-defined]
                after.store.close()
    for path in (stick / "K7M2").glob("*.backup"):
        with opened_copy(path, KEY) as connection:
            verify(connection)
    after = a_life(folder / "till", module.address)
    check_with_module(after.store, module)
    after.store.close()
    return (folder / "work").read_text("ascii")
