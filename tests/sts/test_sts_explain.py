"""What explain says is why the meter refused: every mishap is made, judged and named."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from posapp.domain.meter import KeyType
from posapp.sts.explain import Reason, Slip
from posapp.sts.meter import MeterDesign
from tests.sts.refusals import MISTY1, STA, Counter, vending_key

KINDS = [(STA, 2), (STA, 4), (MISTY1, 4)]
every_kind = pytest.mark.parametrize(("ea", "dkga"), KINDS)
Mishap = Callable[[Counter], tuple[str, Reason]]

# ---------------------------------------------------------------- fingers


def one_digit(digits: str, rng: random.Random) -> str:
    i = rng.randrange(20)
    other = rng.choice([d for d in "0123456789" if d != digits[i]])
    return digits[:i] + other + digits[i + 1 :]


def neighbours_swapped(digits: str, rng: random.Random) -> str:
    i = rng.choice([i for i in range(19) if digits[i] != digits[i + 1]])
    return digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]


def two_swapped(digits: str, rng: random.Random) -> str:
    pairs = [(i, j) for i in range(20) for j in range(i + 2, 20) if digits[i] != digits[j]]
    i, j = rng.choice(pairs)
    changed = list(digits)
    changed[i], changed[j] = changed[j], changed[i]
    return "".join(changed)


def digit_missing(digits: str, rng: random.Random) -> str:
    i = rng.randrange(20)
    return digits[:i] + digits[i + 1 :]


def digit_extra(digits: str, rng: random.Random) -> str:
    i = rng.randrange(21)
    return digits[:i] + rng.choice("0123456789") + digits[i:]


def extra_and_cut(digits: str, rng: random.Random) -> str:
    i = rng.randrange(10)
    return (digits[:i] + digits[i] + digits[i:])[:20]


def groups_swapped(digits: str, rng: random.Random) -> str:
    groups = [digits[i : i + 4] for i in range(0, 20, 4)]
    i, j = rng.sample(range(5), 2)
    groups[i], groups[j] = groups[j], groups[i]
    return "".join(groups)


def group_missing(digits: str, rng: random.Random) -> str:
    i = rng.randrange(0, 20, 4)
    return digits[:i] + digits[i + 4 :]


def group_twice(digits: str, rng: random.Random) -> str:
    i = rng.randrange(0, 20, 4)
    return digits[: i + 4] + digits[i:]


def group_twice_and_cut(digits: str, rng: random.Random) -> str:
    i = rng.randrange(0, 12, 4)
    return (digits[: i + 4] + digits[i:])[:20]


def missing_and_extra(digits: str, rng: random.Random) -> str:
    i, j = rng.randrange(4), rng.randrange(14, 19)
    shorter = digits[:i] + digits[i + 1 :]
    return shorter[:j] + rng.choice("0123456789") + shorter[j:]


def three_digits(digits: str, rng: random.Random) -> str:
    for i in rng.sample(range(20), 3):
        digits = (
            digits[:i] + rng.choice([d for d in "0123456789" if d != digits[i]]) + digits[i + 1 :]
        )
    return digits


FINGERS: dict[Slip, Callable[[str, random.Random], str]] = {
    Slip.ONE_DIGIT: one_digit,
    Slip.NEIGHBOURS_SWAPPED: neighbours_swapped,
    Slip.DIGIT_MISSING: digit_missing,
    Slip.DIGIT_EXTRA: digit_extra,
    Slip.DIGIT_EXTRA_AND_CUT: extra_and_cut,
    Slip.TWO_SWAPPED: two_swapped,
    Slip.GROUPS_SWAPPED: groups_swapped,
    Slip.GROUP_MISSING: group_missing,
    Slip.GROUP_TWICE: group_twice,
    Slip.GROUP_TWICE_AND_CUT: group_twice_and_cut,
    Slip.DIGIT_MISSING_AND_EXTRA: missing_and_extra,
    Slip.SEVERAL_DIGITS: three_digits,
}


def slipped(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit(counter.current)
    slip = counter.rng.choice(tuple(FINGERS))
    return FINGERS[slip](issued, counter.rng), Reason.DIGIT_SLIP


def slipped_without_history(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit(counter.current)
    counter.history.pop()
    wrong = counter.rng.choice((one_digit, neighbours_swapped))
    return wrong(issued, counter.rng), Reason.DIGIT_SLIP


# ---------------------------------------------------------------- keys


def another_key(counter: Counter) -> tuple[object, ...]:
    """A vending key or a tariff index that the meter does not have yet."""
    rng, current = counter.rng, counter.current
    if rng.random() < 0.4:
        return None, f"{(int(current.ti) + rng.randint(1, 98)) % 100:02d}"
    krn = current.krn % 9 + 1
    sgc = rng.choice([current.sgc, f"{rng.randrange(1_000_000):06d}"])
    key = vending_key(rng, counter.dkga, sgc=sgc, krn=krn, base_date=current.base_date)
    return key, current.ti


def pending(counter: Counter) -> tuple[str, Reason]:
    counter.issue_key_change(*another_key(counter))
    return counter.credit(), Reason.KEY_CHANGE_PENDING


def entered_unconfirmed(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit()
    counter.enter(counter.issue_key_change(*another_key(counter)))
    return issued, Reason.KEY_CHANGE_DONE


def old_key(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit()
    counter.change_key(*another_key(counter))
    return issued, Reason.OLD_KEY


def old_base_date(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit()
    year = 2014 if counter.current.base_date == 1993 else 1993
    counter.change_key(vending_key(counter.rng, counter.dkga, krn=9, base_date=year))
    if counter.rng.random() < 0.5:
        counter.history.clear()
    return issued, Reason.OLD_KEY


def key_change_spent(counter: Counter) -> tuple[str, Reason]:
    made = counter.change_key(*another_key(counter))
    return counter.rng.choice(made), Reason.KEY_CHANGE_SPENT


def other_tariff(counter: Counter) -> tuple[str, Reason]:
    known = {counter.current.ti, *(e.configuration.ti for e in counter.earlier)}
    ti = counter.rng.choice([f"{ti:02d}" for ti in range(100) if f"{ti:02d}" not in known])
    issued = counter.credit(replace(counter.current, ti=ti))
    counter.history.pop()
    return issued, Reason.OTHER_TARIFF


def other_key(counter: Counter) -> tuple[str, Reason]:
    wrong = vending_key(counter.rng, counter.dkga, sgc="999111", krn=5)
    counter.keys.append(wrong)
    issued = counter.credit(counter.data(wrong, counter.current.ti))
    if counter.rng.random() < 0.5:
        counter.history.pop()
    return issued, Reason.OTHER_KEY


# ---------------------------------------------------------------- the meter's own judgement


def used(counter: Counter) -> tuple[str, Reason]:
    return counter.accepted(), Reason.USED


def same_tid(counter: Counter) -> tuple[str, Reason]:
    counter.accepted()
    return counter.credit(tid=counter.last_tid), Reason.USED


def old(counter: Counter) -> tuple[str, Reason]:
    issued = counter.credit()
    for _ in range(50):
        counter.accepted()
    return issued, Reason.OLD


def before_the_meter(counter: Counter) -> tuple[str, Reason]:
    return counter.credit(tid=3_000_000 + counter.rng.randrange(1000)), Reason.OLD


def expired(counter: Counter) -> tuple[str, Reason]:
    assert counter.last_tid is not None
    counter.change_key(vending_key(counter.rng, counter.dkga, krn=8, ken=counter.last_tid >> 16))
    counter.now += timedelta(days=100)
    return counter.credit(), Reason.KEY_EXPIRED


def default_key(counter: Counter) -> tuple[str, Reason]:
    counter.change_key(vending_key(counter.rng, counter.dkga, kt=KeyType.DEFAULT))
    return counter.credit(), Reason.DEFAULT_KEY


def water(counter: Counter) -> tuple[str, Reason]:
    return counter.credit(counter.current, subclass=1), Reason.UNSUPPORTED


MISHAPS: tuple[Mishap, ...] = (
    slipped,
    slipped_without_history,
    pending,
    entered_unconfirmed,
    old_key,
    old_base_date,
    key_change_spent,
    other_tariff,
    other_key,
    used,
    same_tid,
    old,
    before_the_meter,
    expired,
    default_key,
    water,
)


def a_counter(seed: int, kind: int = 1, *, changes: bool = True) -> Counter:
    """A meter that bought a few times and had its key changed now and then."""
    ea, dkga = KINDS[kind % 3]
    rng = random.Random(seed)
    design = MeterDesign(credit=frozenset({0}))
    counter = Counter(rng, ea, dkga, design, digits=rng.choice((11, 13)))
    for _ in range(rng.randint(1, 4)):
        counter.accepted()
        if changes and rng.random() < 0.3:
            counter.change_key(*another_key(counter))
            counter.accepted()
    return counter


def test_the_first_finding_names_the_mishap_and_the_meter_agrees() -> None:
    wrong = Tally()
    for seed in range(480):
        mishap = MISHAPS[seed % len(MISHAPS)]
        counter = a_counter(seed, seed // len(MISHAPS), changes=mishap is not before_the_meter)
        digits, reason = mishap(counter)
        verdict = counter.meter.enter(digits)
        best = counter.explain(digits).best
        if (best.reason, best.result) != (reason, verdict):
            wrong[mishap.__name__, best.reason, best.result, verdict, seed] += 1
    assert not wrong
