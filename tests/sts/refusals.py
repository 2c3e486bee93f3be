"""A small utility with its keys, a meter with its memory, and every way a token gets refused.

`Counter` sells to a virtual meter and keeps the record and history that a till would have;
tests let one thing go wrong and ask `explain` what it was.
"""

from __future__ import annotations

import random
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
from posapp.sts.explain import Case, Earlier, Explanation, Issued, MeterRecord, OtherMeter, explain
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
