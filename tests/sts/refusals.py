"""A small utility with its keys, a meter with its memory, and every way a token gets refused.

`Counter` sells to a virtual meter and keeps the record and history that a till would have;
tests let one thing go wrong and ask `explain` what it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from posapp.domain.meter import (
    EncryptionAlgorithm,
    KeyType,
    MeterConfiguration,
    MeterNumber,
    luhn_digit,
)
from posapp.sts import ciphers, key_change, keys, tokens
from posapp.sts import tid as tids
from posapp.sts.explain import (
    Case,
    Earlier,
    Explanation,
    Finding,
    Issued,
    MeterRecord,
    OtherMeter,
    Reason,
    Slip,
    explain,
)
from posapp.sts.keys import VendingKey
from posapp.sts.meter import MeterDesign, MeterResult, VirtualMeter

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
START = datetime(2022, 3, 1, 8, 0, tzinfo=UTC)
MADE = datetime(2021, 6, 1, tzinfo=UTC)


def vending_key(
    rng: random.Random,
    dkga: int = 4,
    *,
    sgc: str = "201457",
    krn: int = 1,
    kt: KeyType = KeyType.UNIQUE,
    base_date: int = 2014,
    ken: int = 255,
) -> VendingKey:
    secret = rng.randbytes(20) if dkga == 4 else keys.with_odd_parity(rng.randbytes(8))
    return VendingKey(secret, sgc, krn, kt, base_date, ken, dkga)


def meter_number(rng: random.Random, digits: int = 11) -> MeterNumber:
    body = "".join(rng.choice("0123456789") for _ in range(digits - 1))
    return MeterNumber(body + luhn_digit(body))


@dataclass
class Counter:
    """A till for one meter: sells, changes keys, and writes down what it knows."""

    rng: random.Random
    ea: EncryptionAlgorithm = STA
    dkga: int = 4
    design: MeterDesign = field(default_factory=MeterDesign)
    now: datetime = START
    digits: int = 11

    def __post_init__(self) -> None:
        self.number = meter_number(self.rng, self.digits)
        self.keys = [vending_key(self.rng, self.dkga)]
        self.current = self.data(self.keys[0])
        self.pending: MeterConfiguration | None = None
        self.earlier: list[Earlier] = []
        self.history: list[Issued] = []
        self.last_tid: int | None = None
        self.meter = VirtualMeter(
            self.number,
            self.key(self.current),
            self.ea,
            SAMPLE,
            first_tid=tids.tid_at(MADE, 2014),
            design=self.design,
        )

    def data(self, key: VendingKey, ti: str = "01") -> MeterConfiguration:
        return MeterConfiguration(self.ea, key.sgc, key.krn, ti, key.base_date, key.ken, 2, key.kt)

    def vending(self, data: MeterConfiguration) -> VendingKey:
        wanted = (data.sgc, data.krn, data.kt, data.base_date)
        return next(k for k in self.keys if (k.sgc, k.krn, k.kt, k.base_date) == wanted)

    def key(self, data: MeterConfiguration, number: MeterNumber | None = None) -> bytes:
        return keys.decoder_key(self.vending(data), number or self.number, data.ti, data.ea)

    # ------------------------------------------------------------ what a till does

    def credit(
        self, data: MeterConfiguration | None = None, *, tid: int | None = None, subclass: int = 0
    ) -> str:
        """A token made now and written down; nobody has entered it."""
        data = data or self.pending or self.current
        self.now += timedelta(days=self.rng.randint(1, 30), minutes=self.rng.randint(0, 900))
        if tid is None:
            tid = tids.next_tid(self.now, data.base_date, self.last_tid)
            self.last_tid = tid
        units = self.rng.randint(1, 4000)
        digits = tokens.credit(
            self.key(data), self.ea, subclass, self.rng.randrange(16), tid, units, SAMPLE
        )
        self.history.append(Issued(digits, self.now, data))
        return digits

    def accepted(self) -> str:
        """A token that the meter took, and the till knows it."""
        digits = self.credit()
        assert self.meter.enter(digits) is MeterResult.ACCEPT
        self.history[-1] = replace(self.history[-1], accepted=True)
        return digits

    def issue_key_change(self, new: VendingKey | None = None, ti: str = "01") -> tuple[str, ...]:
        """A set for another key, not yet entered and not confirmed."""
        if new is not None:
            self.keys.append(new)
        new = new or self.vending(self.current)
        data = self.data(new, ti)
        change = key_change.NewKey(
            key=self.key(data),
            kt=new.kt,
            krn=new.krn,
            ti=ti,
            ken=new.ken,
            sgc=new.sgc,
            rollover=new.base_date != self.current.base_date,
        )
        made = key_change.change_set(self.key(self.current), self.ea, change, SAMPLE)
        self.history += [Issued(d, self.now, self.current, key_change=True) for d in made]
        self.pending = data
        self.now += timedelta(minutes=5)
        return made

    def confirm(self) -> None:
        """The customer says that the set was taken."""
        assert self.pending is not None
        if self.pending.base_date != self.current.base_date:
            self.last_tid = None
        self.earlier.append(Earlier(self.current, self.now))
        self.current, self.pending = self.pending, None
        self.now += timedelta(minutes=5)

    def enter(self, made: tuple[str, ...]) -> None:
        results = [self.meter.enter(digits) for digits in made]
        assert results[-1] is MeterResult.ACCEPT

    def change_key(self, new: VendingKey | None = None, ti: str = "01") -> tuple[str, ...]:
        """The whole of it: issued, entered, confirmed."""
        made = self.issue_key_change(new, ti)
        self.enter(made)
        self.confirm()
        return made

    # ------------------------------------------------------------ what it knows

    @property
    def record(self) -> MeterRecord:
        return MeterRecord(
            self.number,
            self.current,
            pending=self.pending,
            earlier=tuple(self.earlier),
            manufactured=MADE,
            design=self.design,
        )

    def case(
        self,
        digits: str,
        *,
        others: tuple[OtherMeter, ...] = (),
        keyless: bool = False,
        shown: MeterResult | None = None,
    ) -> Case:
        return Case(
            digits,
            self.record,
            self.now,
            SAMPLE,
            history=tuple(self.history),
            keys=() if keyless else tuple(self.keys),
            others=others,
            shown=shown,
        )

    def explain(self, digits: str, others: tuple[OtherMeter, ...] = ()) -> Explanation:
        return explain(self.case(digits, others=others))

    def neighbour(self) -> Counter:
        """A counter for another meter of the same utility."""
        other = Counter(self.rng, self.ea, self.dkga, self.design, self.now, self.digits)
        other.keys = self.keys
        other.current = self.current
        other.meter = VirtualMeter(
            other.number,
            other.key(other.current),
            self.ea,
            SAMPLE,
            first_tid=tids.tid_at(MADE, 2014),
            design=self.design,
        )
        return other

    def as_other(self) -> OtherMeter:
        return OtherMeter(self.record, tuple(self.history))


KINDS = [(STA, 2), (STA, 4), (MISTY1, 4)]
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


def judged(counter: Counter, digits: str, others: tuple[OtherMeter, ...] = ()) -> Finding:
    """The best finding, which says what the meter really says."""
    best = counter.explain(digits, others).best
    assert best.result is counter.meter.enter(digits)
    return best
