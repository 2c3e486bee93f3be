"""Under which key a meter buys now: the one it has, or the one head office wants it to have.

A customer may buy before anybody knows whether the meter took its key change. The set is made
again then, together with a credit under the new key: a meter that has taken it refuses the set
and takes the credit, one that has not takes both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from posapp.domain.meter import Meter, MeterConfiguration, MeterNumber
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import InputError
from posapp.journal.facts import TokenItem
from posapp.ports import FoundMeter, Reader, SaleRecord


class KeyPolicy(StrEnum):
    """What is made when a meter is due for another key.

    BUNDLE: the set and the credit in one order. FIRST: the set alone; credit at the next visit,
    once the customer says that the meter took it.
    """

    BUNDLE = "bundle"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """`present` is the key the meter has as far as anybody knows, `change` the one it is to get
    (None: nothing to do). `unanswered` is the order whose set nobody has asked about yet.
    """

    present: MeterConfiguration
    change: MeterConfiguration | None = None
    unanswered: SaleRecord | None = None

    @property
    def credit(self) -> MeterConfiguration:
        """The key that a credit is made under."""
        return self.change or self.present

    @property
    def keys(self) -> tuple[MeterConfiguration, ...]:
        """All keys that the module must have."""
        return (self.present,) if self.change is None else (self.present, self.change)

    def set_items(self) -> tuple[TokenItem, ...]:
        """The key-change set as an item of an order, if there is one to make."""
        if self.change is None:
            return ()
        target = KeyTarget(self.change.sgc, self.change.krn, self.change.ti)
        return (TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=target),)

    def with_old_key(self) -> KeyPlan:
        """Credit under the key the meter has; the change waits."""
        return replace(self, change=None)


def read_key_plan(reader: Reader, meter: Meter) -> KeyPlan:
    """What head office wants, and what this till itself has already done about it."""
    wanted = meter.pending
    if wanted is None:
        return KeyPlan(meter.configuration)
    last = reader.key_change_of(meter.number)
    if last is None:
        return KeyPlan(meter.configuration, wanted)
    record, took = last
    made = _target(record, meter.configuration)
    if took and made is not None:
        wanted_now = None if _same_key(made, wanted) else wanted
        return KeyPlan(wanted if wanted_now is None else made, wanted_now)
    asks = took is None and made is not None and _same_key(made, wanted)
    return KeyPlan(meter.configuration, wanted, record if asks else None)


def known_meter(reader: Reader, number: MeterNumber) -> tuple[FoundMeter, KeyPlan]:
    """A meter of head office's list and its keys. Raises InputError METER_NOT_FOUND."""
    found = reader.meter(number)
    if found is None:
        raise InputError("METER_NOT_FOUND", number=number.digits)
    return found, read_key_plan(reader, found.meter)


def _target(record: SaleRecord, present: MeterConfiguration) -> MeterConfiguration | None:
    for item in record.intent.items:
        if item.target is not None:
            t = item.target
            base = next((i.base_date for i in record.intent.items if i.base_date), 0)
            return replace(
                present, sgc=t.sgc, krn=t.krn, ti=t.ti, base_date=base or present.base_date
            )
    return None


def _same_key(one: MeterConfiguration, other: MeterConfiguration) -> bool:
    return (one.sgc, one.krn, one.ti) == (other.sgc, other.krn, other.ti)
