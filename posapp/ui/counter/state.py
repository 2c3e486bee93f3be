"""What is asked for at each piece of counter work, and what the page shows of it. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from posapp.domain import permissions
from posapp.domain.operator import Operator
from posapp.domain.permissions import RULES, Operation
from posapp.errors import PosError

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, SaleRecord
    from posapp.pricing.quote import Quote
    from posapp.services.place import Sold
    from posapp.services.quote import SaleContext

PIN_MIN = 4
SECONDS_MAX = 4


class Job(StrEnum):
    """What can be done on this page."""

    ACCOUNT = "account"
    RECONNECTION = "reconnection_fee"
    TAMPER_FEE = "tamper_fee"
    VOID = "void"
    REFUND = "refund"
    UNKNOWN_METER = "unknown_meter"
    REPLACEMENT = "replacement"


class Field(StrEnum):
    """One thing that is typed. The values name the widgets."""

    METER = "meter"
    RECEIPT = "receipt"
    EA = "ea"
    SGC = "sgc"
    KRN = "krn"
    TI = "ti"
    BASE_DATE = "base_date"
    TARIFF = "tariff"
    AMOUNT = "amount"
    RECEIVED = "received"
    REFERENCE = "reference"
    OLD_METER = "old_meter"
    UNITS = "units"
    RIGHT_METER = "right_meter"
    EVIDENCE = "evidence"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class Ask:
    """Whose right a job takes and what is typed for it, in this order; `free` may stay empty.

    `look` are the fields that name what it is about: with them typed it can be looked up.
    """

    operation: Operation
    fields: tuple[Field, ...]
    look: frozenset[Field]
    free: frozenset[Field] = frozenset()


_PAYMENT = Ask(
    Operation.TAKE_PAYMENT,
    (Field.METER, Field.AMOUNT, Field.RECEIVED, Field.REFERENCE),
    frozenset({Field.METER}),
    frozenset({Field.RECEIVED, Field.REFERENCE}),
)
_CONFIGURATION = (Field.EA, Field.SGC, Field.KRN, Field.TI, Field.BASE_DATE, Field.TARIFF)
ASKS: Mapping[Job, Ask] = MappingProxyType(
    {
        Job.ACCOUNT: _PAYMENT,
        Job.RECONNECTION: _PAYMENT,
        Job.TAMPER_FEE: _PAYMENT,
        Job.VOID: Ask(Operation.VOID, (Field.RECEIPT, Field.REASON), frozenset({Field.RECEIPT})),
        Job.REFUND: Ask(
            Operation.REQUEST_REFUND,
            (Field.RECEIPT, Field.AMOUNT, Field.RIGHT_METER, Field.EVIDENCE, Field.REASON),
            frozenset({Field.RECEIPT}),
            frozenset({Field.RIGHT_METER}),
        ),
        Job.UNKNOWN_METER: Ask(
            Operation.SELL_UNKNOWN,
            (Field.METER, *_CONFIGURATION, Field.AMOUNT, Field.RECEIVED, Field.REASON),
            frozenset({Field.METER, *_CONFIGURATION, Field.AMOUNT}),
            frozenset({Field.RECEIVED}),
        ),
        Job.REPLACEMENT: Ask(
            Operation.REPLACE_CREDIT,
            (Field.METER, Field.OLD_METER, Field.UNITS, Field.EVIDENCE, Field.REASON),
            frozenset({Field.METER}),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked up: a meter, an earlier sale, or the price for a meter nobody knows."""

    found: FoundMeter | None = None
    record: SaleRecord | None = None
    context: SaleContext | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was made: an order, or the sale that was taken back or asked back."""

    job: Job
    sold: Sold | None = None
    record: SaleRecord | None = None


@dataclass(frozen=True, slots=True)
class CounterState:
    """Everything the page shows. `second` is the place of the second person, -1 for nobody."""

    operator: Operator | None = None
    people: tuple[Operator, ...] = ()
    job: Job = Job.ACCOUNT
    typed: Mapping[Field, str] = field(default_factory=dict)
    seen: Seen | None = None
    second: int = -1
    pin_length: int = 0
    busy: bool = False
    failure: PosError | None = None
    done: Done | None = None

    @property
    def ask(self) -> Ask:
        """What this job takes."""
        return ASKS[self.job]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What this person may begin."""
        person = self.operator
        if person is None:
            return ()
        return tuple(j for j in Job if permissions.may_begin(ASKS[j].operation, person))

    @property
    def needs_two(self) -> bool:
        """Whether a second person signs."""
        return RULES[self.ask.operation].people == 2

    @property
    def seconds(self) -> tuple[Operator, ...]:
        """Who may be the second person."""
        first = self.operator
        if first is None or not self.needs_two:
            return ()
        operation = self.ask.operation
        may = (p for p in self.people if permissions.may_witness(operation, first, p))
        return tuple(may)[:SECONDS_MAX]

    @property
    def second_person(self) -> Operator | None:
        """Who was chosen; the only one who may needs no choosing."""
        if len(self.seconds) == 1:
            return self.seconds[0]
        return self.seconds[self.second] if 0 <= self.second < len(self.seconds) else None

    @property
    def missing(self) -> str:
        """The first thing that is still missing: a field's name, `look`, `second`, `pin`."""
        for name in self.ask.fields:
            if name not in self.ask.free and not self.text(name):
                return name.value
        if self.seen is None:
            return "look"
        if self.needs_two and self.second_person is None:
            return "second"
        return "pin" if self.needs_two and self.pin_length < PIN_MIN else ""

    @property
    def subject(self) -> tuple[str, ...]:
        """What is looked up; an answer about another one is not shown."""
        return (self.job, *(self.text(name) for name in sorted(self.ask.look)))

    def text(self, name: Field) -> str:
        """What was typed, without blanks at its ends."""
        return self.typed.get(name, "").strip()
