"""A virtual meter against a plain model, over decades and base dates, in any order of tokens."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.sts import amounts
from posapp.sts.tokens import Management
from tests.sts.meters import MISTY1, STA
from tests.sts.twin_life import VENDING_KEYS, Life

MINUTES = st.one_of(
    st.integers(0, 15),
    st.sampled_from([60, 1440, 30 * 1440, 400 * 1440, 6 * 365 * 1440, 21 * 365 * 1440]),
)
UNITS = st.one_of(
    st.integers(0, 5000),
    st.integers(-(10**8), 10**8),
    st.sampled_from([amounts.UNITS_MAX, amounts.CURRENCY_MAX, -amounts.CURRENCY_MAX, 9 * 10**18]),
)
PLACES, SEEDS = st.integers(0, 999), st.integers(0, 1 << 20)
VENDING, INDEX = st.integers(0, len(VENDING_KEYS) - 1), st.sampled_from([1, 2, 7, 99])
FLAG = 63 << 10
VALUES = st.one_of(
    st.integers(0, 600), st.integers(0, 0xFFFF), st.integers(FLAG, FLAG + 3), st.just(0xFFFF)
)
OFFSETS = st.one_of(st.just(0), st.integers(-9, 9))
LOADS = st.none() | st.integers(0, 30_000)
SUBCLASSES = st.one_of(st.integers(0, 2), st.integers(0, 15))
CONTROLS = st.one_of(
    st.integers(0, (1 << 36) - 1),
    st.integers(0, 35).map(lambda bit: 1 << bit),
    st.integers(0, 63).map(lambda index: index << 30),
)
YES = st.booleans()


class Twin(RuleBasedStateMachine):
    """The rules are those of `Life`; both sides are compared after each."""

    @initialize(
        ea=st.sampled_from([STA, MISTY1]),
        base=st.sampled_from([1993, 2014]),
        make=st.integers(0, 3),
        number=st.integers(0, 1),
        kt=st.sampled_from([KeyType.UNIQUE, KeyType.UNIQUE, KeyType.INITIAL, KeyType.DEFAULT]),
    )
    def born(self, ea: EncryptionAlgorithm, base: int, make: int, number: int, kt: KeyType) -> None:
        self.life = Life(ea, base, make, number, kt)

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: int) -> None:
        self.life.pass_time(minutes)

    @rule(subclass=st.integers(0, 15), units=UNITS, offset=OFFSETS, keep=YES, timed=YES)
    def buys(self, subclass: int, units: int, offset: int, keep: bool, timed: bool) -> None:
        self.life.buy(subclass, units, offset, keep=keep, timed=timed)

    @rule(count=st.integers(1, 70), seed=SEEDS)
    def buys_many(self, count: int, seed: int) -> None:
        self.life.buy_many(count, seed)

    @rule(kind=st.sampled_from(Management), value=VALUES, keep=YES, timed=YES)
    def is_managed(self, kind: Management, value: int, keep: bool, timed: bool) -> None:
        self.life.manage(kind, value, keep=keep, timed=timed)

    @rule(place=PLACES, timed=YES)
    def enters_a_paper_of_the_drawer(self, place: int, timed: bool) -> None:
        self.life.enter_again(place, timed=timed)

    @rule(vending=VENDING, ti=INDEX, third=YES, abandon=st.integers(0, 2), seed=SEEDS, timed=YES)
    def changes_its_key(
        self, vending: int, ti: int, third: bool, abandon: int, seed: int, timed: bool
    ) -> None:
        self.life.make_set(vending, ti, third=third)
        self.life.enter_set(0, seed, leave_out=abandon, timed=timed)

    @rule(vending=VENDING, ti=INDEX, kt=st.sampled_from([KeyType.INITIAL, KeyType.COMMON]))
    def gets_a_key_of_another_type(self, vending: int, ti: int, kt: KeyType) -> None:
        self.life.make_set(vending, ti, third=False, forbidden=kt)
        self.life.enter_set(0, 0, leave_out=0, timed=False)

    @rule(place=PLACES, seed=SEEDS, leave_out=st.integers(0, 3), timed=YES)
    def takes_out_a_set(self, place: int, seed: int, leave_out: int, timed: bool) -> None:
        self.life.enter_set(place, seed, leave_out=leave_out, timed=timed)

    @rule(vending=VENDING, ti=INDEX, timed=YES)
    def tries_the_neighbours_token(self, vending: int, ti: int, timed: bool) -> None:
        self.life.enter_foreign(vending, ti, timed=timed)

    @rule(number=st.integers(0, (1 << 66) - 1), timed=YES)
    def mistypes(self, number: int, timed: bool) -> None:
        self.life.enter_digits(f"{number:020d}", timed=timed)

    @rule(subclass=SUBCLASSES, control=CONTROLS, maker=st.integers(-1, 2), timed=YES)
    def is_tested(self, subclass: int, control: int, maker: int, timed: bool) -> None:
        self.life.enter_test(subclass, control, maker, timed=timed)

    @rule(units=st.integers(0, 10**6), register=st.integers(0, 7), load_w=LOADS)
    def consumes(self, units: int, register: int, load_w: int | None) -> None:
        self.life.consume(units, register, load_w)

    @rule()
    def is_tampered_with(self) -> None:
        self.life.tamper()

    @rule()
    def forgets_an_incomplete_set(self) -> None:
        self.life.forget_set()

    @rule()
    def restarts(self) -> None:
        self.life.restart()

    @invariant()
    def both_remember_the_same(self) -> None:
        if hasattr(self, "life"):
            self.life.compare()


TestAMeterAgreesWithThePlainModel = Twin.TestCase
TestAMeterAgreesWithThePlainModel.settings = settings(
    max_examples=120, stateful_step_count=50, deadline=None
)


def a_step(life: Life, chance: random.Random) -> None:
    """One thing that happens, likely things more often."""
    timed = chance.random() < 0.5
    ours = min(life.traits.credit)
    vending, ti = chance.randrange(len(VENDING_KEYS)), chance.choice([1, 2, 99])
    units = chance.choice([chance.randrange(9000), amounts.UNITS_MAX, -(10**7), 9 * 10**18])
    actions = [
        (6, lambda: life.pass_time(chance.choice([1, 9, 12, 61, 1440, 90_000]))),
        (8, lambda: life.buy(ours, units, 0, keep=chance.random() < 0.3, timed=timed)),
        (2, lambda: life.buy(chance.randrange(8), units, -5, keep=False, timed=timed)),
        (1, lambda: life.buy_many(chance.randrange(40, 70), chance.randrange(999))),
        (
            4,
            lambda: life.manage(
                chance.choice(list(Management)), chance.randrange(1 << 16), keep=False, timed=timed
            ),
        ),
        (5, lambda: life.enter_again(chance.randrange(9999), timed=timed)),
        (2, lambda: life.make_set(vending, ti, third=chance.random() < 0.5)),
        (
            2,
            lambda: life.enter_set(
                chance.randrange(3),
                chance.randrange(99),
                leave_out=chance.randrange(2),
                timed=timed,
            ),
        ),
        (1, lambda: life.enter_foreign(vending, ti, timed=timed)),
        (
            1,
            lambda: life.enter_test(
                chance.choice([0, 1, 2, 3]),
                chance.choice([chance.getrandbits(36), 1 << chance.randrange(36)]),
                chance.choice([-1, 0, 7]),
                timed=timed,
            ),
        ),
        (2, lambda: life.consume(chance.randrange(900), ours, chance.randrange(3000))),
        (1, life.restart),
    ]
    weights = [weight for weight, _ in actions]
    chance.choices([action for _, action in actions], weights)[0]()
    life.compare()


@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_long_lives_by_seed_reach_every_verdict_and_both_base_dates(
    ea: EncryptionAlgorithm,
) -> None:
    seen: set[str] = set()
    bases: set[int] = set()
    for seed in range(8):
        chance = random.Random(seed)
        life = Life(ea, 1993, seed // 2 % 4, seed % 2)
        for step in range(500):
            a_step(life, chance)
            if step % 80 == 79:  # on to the next base date
                later = {1993: 2, 2014: 6, 2035: 6}[life.bases.get(life.model.key, 2014)]
                life.pass_time(11 * 365 * 1440)
                life.make_set(later, 1, third=True)
                life.enter_set(0, seed, leave_out=0, timed=False)
                life.compare()
            if step % 97 == 96:
                life.make_set(2, 1, third=False, forbidden=KeyType.INITIAL)
                life.enter_set(0, seed, leave_out=0, timed=False)
            bases.add(life.bases.get(life.model.key, 0))
        seen |= set(life.seen)
    fourth = {"4thKCT"} if ea is MISTY1 else set()
    assert seen >= fourth | {
        "Accept",
        "1stKCT",
        "2ndKCT",
        "3rdKCT",
        "OverflowError",
        "KeyTypeError",
        "RangeError",
        "FunctionError",
        "MfrCodeError",
        "OldError",
        "UsedError",
        "KeyExpiredError",
        "DDTKError",
        "CRCError",
        "Lockout",
    }
    assert bases >= {1993, 2014, 2035}
