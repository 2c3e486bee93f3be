"""1,500 sales on a line that fails, with a module and a till that are killed, and what must hold.

`python -m tests.storm module`; 300 of them are an ordinary test. The seed settles what happens
and in which order; at which byte it does is up to the machine.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from posapp.bootstrap import module as bootstrap
from posapp.clock import SystemClock
from posapp.domain.lease import Lease
from posapp.errors import ModuleError
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference.keys import load_key_file
from posapp.wire.audit import AuditAcknowledgement, AuditKind, SignedAcknowledgement
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from tests.integration.test_killed_at_any_moment import executed
from tests.security_module.engines import OFFICE, TRUST
from tests.services.counter import Counter as ShopCounter
from tests.services.counter import a_counter
from tests.stores import TILL_ID
from tests.storm.module_books import (
    Audit,
    Meters,
    SupplyName,
    check_both,
    check_limits,
    check_till,
    must,
    sold_of,
)
from tests.storm.module_cable import Cable, Fault
from tests.storm.module_ends import Launched, ServedModule, launch
from tests.storm.module_till import a_manager, the_store

MINUTES_LEAST = 30.0  # the whole has no use for less
MOVES_WITHIN_S = 60.0  # no fault may keep a till from selling for longer
PLENTY = 1 << 40
# Of every round's authorisation. Two thirds of the meters are under the first key, which has
# enough; the second is granted so little that its limit is reached in every round.
RICH, POOR = ("201457", 1), ("123456", 1)
POOR_UNITS_A_SALE, POOR_VALUE_A_UNIT = 12, 1_000
NOT_YET = {"MODULE_TIMEOUT", "MODULE_LINK_LOST", "MODULE_ABSENT", "PORT_MISSING", "PORT_BUSY"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything; the kinds of faults come equally often unless one is named."""

    sales: int
    faults: int
    module_kills: int
    till_kills: int
    unplugs: int
    rounds: int
    clear_rounds: int  # so many of them before till and module are paired
    slow: int  # faults of one byte a second: each of them takes seconds
    forked: bool = False  # processes start in no time, see `module_ends`

    def kinds(self, chance: random.Random) -> list[Fault]:
        """The faults of the cable in their order."""
        quick = [fault for fault in Fault if fault is not Fault.SLOW]
        kinds = [Fault.SLOW] * self.slow
        kinds += [quick[n % len(quick)] for n in range(self.faults - self.slow)]
        chance.shuffle(kinds)
        return kinds


WHOLE = Plan(1500, 308, 300, 50, 30, rounds=10, clear_rounds=5, slow=44)


class Storm:
    """The whole scene in one folder, and the hand that breaks it."""

    def __init__(self, folder: Path, plan: Plan, seed: int, deadline: float) -> None:
        self.plan, self.deadline = plan, deadline
        self.chance = random.Random(seed)
        self.kinds = plan.kinds(self.chance)
        self.till_folder, self.line_keys = folder / "till", folder / "till-line"
        self.line_keys.mkdir()
        self.dots, self.till_errors = folder / "sales", folder / "till-stderr.txt"
        self.dots.touch()
        self.till_errors.touch()
        made = ServedModule.make(folder / "module", trust=TRUST)
        assert isinstance(made, ServedModule)
        self.module, made.forked = made, plan.forked
        self.cable = Cable(folder / "port", random.Random(seed + 1))
        self.till: Launched | None = None
        self.till_sold_from = 0
        self.happened: Counter[str] = Counter()
        self.audit = Audit()
        self.meters = Meters({(k.sgc, k.krn): k for k in load_key_file(made.folder / "keys.json")})
        self.granted: dict[SupplyName, tuple[int, int]] = {}
        self.authorised = self.paired = self.sold = 0
        a_counter(self.till_folder, a_manager(self.cable.address, self.line_keys)).store.close()

    # ------------------------------------------------------------ what is done to it

    def run(self) -> None:
        """Everything of the plan, with a check after each round."""
        self.module.start()
        self.cable.connect(self.module.address)
        try:
            self.check()
            for number in range(self.plan.rounds):
                if number == self.plan.clear_rounds:
                    self.pair()
                self.round(number)
                self.check()
            self.check()  # nothing came of the orders that were said again
            self.module.stop()
        finally:
            self.end_till()
            self.cable.close()
            if self.module.is_running:
                self.module.kill()
        self.check_the_end()

    def round(self, number: int) -> None:
        """Its share of everything, in an order of its own, spread over its share of the sales."""
        plan, chance = self.plan, self.chance
        deeds: list[Callable[[], None]] = []
        for count, deed in (
            (plan.module_kills, self.kill_module),
            (plan.till_kills, self.kill_till),
            (plan.unplugs, self.unplug),
        ):
            deeds += [deed] * _share(count, number, plan.rounds)
        for _ in range(_share(plan.faults, number, plan.rounds)):
            deeds.append(partial(self.cable.arm, self.kinds.pop()))
        chance.shuffle(deeds)
        self.start_till()
        begun, sales = self.dots_now(), _share(plan.sales, number, plan.rounds)
        for place, deed in enumerate(deeds):
            self.wait_for(begun + place * sales // len(deeds))
            deed()
        self.wait_for(begun + sales)
        while self.cable.waiting:  # the rest of them needs something to spoil, noise a HELLO
            self.unplug()
            self.wait_for(self.dots_now() + 1)
        self.end_till()

    def kill_module(self) -> None:
        """In its work; now and then once more in its start."""
        self.cable.after(self.chance.randint(1, 4), within_s=5.0)
        self.pause(self.chance.uniform(0.0, 0.012))
        self.module.kill()
        if self.chance.random() < 0.1:
            self.module.begin()
            self.pause(self.chance.uniform(0.0, 0.4))
            self.module.kill()
        self.cable.connect(self.module.start())

    def kill_till(self) -> None:
        """Not before it sold anything: a kill while Python loads would prove nothing."""
        self.wait_for(self.till_sold_from + 1)
        self.cable.after(self.chance.randint(1, 4), within_s=5.0)
        self.pause(self.chance.uniform(0.0, 0.02))
        self.end_till()
        self.happened["till killed"] += 1
        self.start_till()

    def unplug(self) -> None:
        """In the middle of what is being said."""
        self.cable.after(self.chance.randint(1, 4), within_s=5.0)
        self.pause(self.chance.uniform(0.0, 0.012))
        self.cable.unplug()
        self.pause(self.chance.uniform(0.02, 0.3))
        self.cable.plug()

    # ------------------------------------------------------------ the till's process

    def start_till(self) -> None:
        words = [self.till_folder, self.cable.address, self.chance.randrange(1 << 30)]
        words = [str(word) for word in (*words, self.line_keys)]
        self.till_sold_from = self.dots_now()
        self.till = launch(
            "tests.storm.module_till", words, self.dots, self.till_errors, forked=self.plan.forked
        )

    def end_till(self) -> None:
        till, self.till = self.till, None
        if till is not None:
            till.kill()
            till.wait()

    def dots_now(self) -> int:
        """How many sales the tills have come to, as they say."""
        return self.dots.stat().st_size

    def wait_for(self, sales: int) -> None:
        """Until the tills say so many."""
        moving_until, before = time.monotonic() + MOVES_WITHIN_S, self.dots_now()
        while (now := self.dots_now()) < sales:
            assert self.till is not None
            if self.till.poll() is not None:
                must(False, "the till fell over:", self.complaint())
            if now != before:
                moving_until, before = time.monotonic() + MOVES_WITHIN_S, now
            if time.monotonic() > moving_until:
                must(False, "the till does not sell any more:", self.complaint())
            if time.monotonic() > self.deadline:
                must(False, "out of time:", self.counts())
            self.pause(0.005)

    def complaint(self) -> str:
        """What the till said last of its troubles."""
        return self.till_errors.read_text()[-1000:]

    @staticmethod
    def pause(seconds: float) -> None:
        threading.Event().wait(seconds)

    # ------------------------------------------------------------ between the rounds

    def check(self) -> None:
        """Recover as a till does at its start, compare both ends, bring head office's word."""
        self.cable.calm()
        store = the_store(self.till_folder)
        manager = a_manager(self.cable.address, self.line_keys)
        try:
            counter = ShopCounter(store, manager, SystemClock())
            self.insist(lambda: must(not counter.recover().unresolved, "recovery leaves sales"))
            status = self.insist(manager.refresh)
            self.audit.read(manager)
            self.audit.check(status)
            sales = check_till(store)
            check_both(sales, self.audit, status)
            check_limits(self.audit, status, self.granted)
            self.meters.enter(sold_of(sales))
            self.sold = len(sold_of(sales))
            self.acknowledge(manager)
            self.authorise(manager)
        finally:
            manager.close()
            store.close()
        self.cable.repeat()

    def insist(self, ask: Callable[[], object]) -> Any:
        """The line may still have the bytes of the till that was killed."""
        for _ in range(20):
            try:
                return ask()
            except ModuleError as error:
                if error.code not in NOT_YET:
                    raise
                self.pause(0.1)
        return ask()

    def acknowledge(self, manager: ModuleManager) -> None:
        head = self.audit.head
        assert head is not None
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        word = AuditAcknowledgement(head.module_id, head.number, head.hash32, now_ms)
        manager.acknowledge_audit(SignedAcknowledgement.sign(word, OFFICE[0]).to_bytes())
        must(manager.refresh().unacknowledged == 0, "acknowledged, and yet some are left")

    def authorise(self, manager: ModuleManager) -> None:
        """The next document: enough under one key, too little under the other."""
        self.authorised += 1
        share = self.plan.sales // self.plan.rounds
        units = self.granted.get(POOR, (0, 0))[0] + share * POOR_UNITS_A_SALE
        self.granted = {POOR: (units, units * POOR_VALUE_A_UNIT), RICH: (PLENTY, PLENTY)}
        now = datetime.now(UTC)
        said = Authorisation(
            module_id=self.module.module_id,
            number=self.authorised,
            issued_at=now,
            till_id=TILL_ID,
            currency_code="KES",
            lease=Lease(self.authorised, PLENTY, PLENTY, 1, now + timedelta(days=7)),
            lease_days=7,
            unacknowledged_max=2 * share + 500,
            grants=tuple(
                Grant(sgc, krn, units, 0, value)
                for (sgc, krn), (units, value) in sorted(self.granted.items())
            ),
        )
        number = manager.load_authorisation(SignedAuthorisation.sign(said, *OFFICE).to_bytes())
        must(number == self.authorised, "another authorisation than the one brought")

    def pair(self) -> None:
        """From here on every byte of a sale is in a session."""
        words = bootstrap.pair(self.module.folder).split("\n")[0]
        manager = a_manager(self.cable.address, self.line_keys)
        try:
            manager.pair("".join(filter(str.isdigit, words)), "storm till")
        finally:
            manager.close()
        self.paired, self.module.is_paired = self.sold, True

    # ------------------------------------------------------------ the end

    def check_the_end(self) -> None:
        """The module's own store says the same as its audit did, and enough has happened."""
        store = the_store(self.till_folder)
        sold = {r.intent.sale_id: r.tokens for r in sold_of(check_till(store))}
        store.close()
        must(sold == executed(self.module), "the module's store has other tokens")
        starts = len(self.audit.of(AuditKind.START))
        happened = self.module.happened
        must(happened["ready"] <= starts <= happened["starts"], "starts:", starts, happened)
        must(not self.module.errors(), "the module said:", self.module.errors()[-2000:])
        must("Traceback" not in self.till_errors.read_text(), "a till fell over")
        counts, rounds = self.counts(), self.plan.rounds
        sealed = self.plan.sales * (rounds - self.plan.clear_rounds) // rounds
        cable = sum(counts[fault] for fault in Fault)
        for name, least in (
            ("sold", self.plan.sales),
            ("module killed", self.plan.module_kills),
            ("till killed", self.plan.till_kills),
            ("unplug", self.plan.unplugs),
            ("LIMIT_UNITS", self.plan.rounds),
            ("sold in sessions", sealed),
        ):
            must(counts[name] >= least, "too few:", name, counts[name], "of", least)
        must(cable >= self.plan.faults, "too few faults:", cable, "of", self.plan.faults)

    def counts(self) -> Counter[str]:
        """What took effect."""
        found = self.happened + self.cable.happened + self.module.happened
        found["sold"] = self.sold
        if self.module.is_paired:
            found["sold in sessions"] = self.sold - self.paired
        found["LIMIT_UNITS"] = self.audit.refused("LIMIT_UNITS")
        return found


def _share(count: int, number: int, rounds: int) -> int:
    """Of round `number`, so that all of them come to `count`."""
    return count * (number + 1) // rounds - count * number // rounds


def run_storm(folder: Path, plan: Plan, seed: int, minutes: float) -> Counter[str]:
    """One whole storm; what took effect. Raises AssertionError with the first broken promise."""
    scene = Storm(folder, plan, seed, time.monotonic() + minutes * 60)
    scene.run()
    return scene.counts()


def storm(seed: int, minutes: float) -> list[str]:
    """The whole plan, however long it takes up to half an hour."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Storm(
            Path(folder), WHOLE, seed, time.monotonic() + max(minutes, MINUTES_LEAST) * 60
        )
        try:
            scene.run()
        except AssertionError as error:
            return [f"seed {seed}: {error}"]
        finally:
            for name, count in sorted(scene.counts().items()):
                print(f"  {count:6d} {name}")
    return []
