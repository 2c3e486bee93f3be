"""The rules by which hypothesis lives a till's life, and one run of them with a seed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from posapp.domain.cash import CashKind
from tests.storm.life_of_a_till import FAULTS, METERS, Life

BACKUPS_MOST = 3
AMOUNTS = (10_000, 23_000, 46_000)
faults = st.sampled_from(FAULTS)
amounts = st.sampled_from(AMOUNTS)
meters = st.sampled_from(METERS)
sales = st.tuples(meters, amounts, st.sampled_from((0, 500)), faults)
openings = st.sampled_from((0, 100_000))
cash = st.sampled_from((CashKind.IN, CashKind.OUT, CashKind.DROP))


class TillLife(RuleBasedStateMachine):
    """Each rule is one thing that may happen; the drawer is compared after each."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="posapp-life-")
        self.life = Life(Path(self._folder.name))

    @property
    def sells(self) -> bool:
        return bool(self.life.model["shift"])

    @initialize(opening=openings)
    def begin(self, opening: int) -> None:
        self.life.open_shift(opening)

    @precondition(lambda self: not self.sells)
    @rule(opening=openings)
    def open_shift(self, opening: int) -> None:
        self.life.open_shift(opening)

    @precondition(lambda self: self.sells)
    @rule(sales=st.lists(sales, min_size=1, max_size=3))
    def sell(self, sales: list[tuple[int, int, int, str]]) -> None:
        for meter, amount, over, fault in sales:
            self.life.sell(meter, amount, over, fault)

    @precondition(lambda self: self.sells)
    @rule(amount=amounts, fault=faults)
    def sell_two(self, amount: int, fault: str) -> None:
        self.life.sell_two(amount, fault)

    @precondition(lambda self: self.sells)
    @rule(meter=meters, fault=faults)
    def give(self, meter: int, fault: str) -> None:
        self.life.give(meter, fault)

    @precondition(lambda self: self.sells and self.life.model["sold"])
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        self.life.void(data.draw(st.sampled_from(sorted(self.life.model["sold"]))))

    @precondition(lambda self: self.sells)
    @rule(kind=cash, amount=st.sampled_from((700, 50_000)))
    def move(self, kind: CashKind, amount: int) -> None:
        self.life.move(kind, amount)

    @precondition(lambda self: self.sells)
    @rule()
    def hand_back(self) -> None:
        self.life.hand_back()

    @precondition(lambda self: self.sells)
    @rule(short=st.sampled_from((0, 0, 500, -300)), opening=st.none() | openings)
    def close_shift(self, short: int, opening: int | None) -> None:
        """Mostly somebody goes on selling at once."""
        self.life.close_shift(short)
        if opening is not None:
            self.life.open_shift(opening)

    @rule(hours=st.integers(1, 8))
    def time_goes_on(self, hours: int) -> None:
        self.life.clock.move(hours=hours)

    @rule()
    def set_clock_back(self) -> None:
        self.life.set_clock_back()

    @rule(away=st.booleans())
    def module_goes_or_comes(self, away: bool) -> None:
        self.life.go_away(away=away)

    @rule()
    def kill(self) -> None:
        self.life.kill()

    @precondition(lambda self: len(self.life.backups) < BACKUPS_MOST)
    @rule()
    def back_up(self) -> None:
        self.life.back_up()

    @precondition(lambda self: self.life.backups and not self.life.driver.away)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """From any stick that was ever made, not only the newest one."""
        self.life.restore(data.draw(st.sampled_from(self.life.backups)))

    @invariant()
    def drawer(self) -> None:
        self.life.check_drawer()

    def teardown(self) -> None:
        try:
            self.life.go_away(away=False)
            self.life.kill()
        finally:
            self.life.close()
            self._folder.cleanup()


def live(lives: int, steps: int, number: int) -> None:
    """So many lives of so many steps, the same ones for the same number.

    Raises AssertionError with the shortest life that breaks a promise.
    """
    told = settings(
        max_examples=lives,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    run_state_machine_as_test(seed(number)(TillLife), settings=told)
