"""What work is done on which meter, why, and who signs for it. No Qt.

The second person's PIN is here only until it is handed on; whatever is typed anew takes the
signature back, because it was for another sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain import permissions
from posapp.domain.energy import parse_units
from posapp.domain.engineering import Task, Work
from posapp.domain.meter import ALL_REGISTERS, MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.permissions import RULES, Operation
from posapp.errors import InputError, PosError
from posapp.lanes import Lane, Urgency
from posapp.services.override import Consent
from posapp.services.two_people import Witness
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.services.sell import Sold
    from posapp.services.till import Till

PIN_MIN = 4
SECONDS_MAX = 4
EVERY_TEST = (1 << 36) - 1  # the control field of a test that runs all others


class Job(StrEnum):
    """What can be asked for on this page."""

    CLEAR_TAMPER = "clear_tamper"
    CLEAR_CREDIT = "clear_credit"
    POWER_LIMIT = "power_limit"
    PHASE_UNBALANCE = "phase_unbalance"
    FREE_ISSUE = "free_issue"
    METER_TEST = "meter_test"

    @property
    def operation(self) -> Operation:
        """Whose right it takes."""
        if self is Job.FREE_ISSUE:
            return Operation.FREE_ISSUE
        return Task(self.value).operation

    @property
    def takes_value(self) -> bool:
        """Whether watts or kWh are typed."""
        return self in (Job.POWER_LIMIT, Job.PHASE_UNBALANCE, Job.FREE_ISSUE)

    @property
    def takes_work_order(self) -> bool:
        """Whether it needs the number of a work order."""
        return self not in (Job.FREE_ISSUE, Job.METER_TEST)


@dataclass(frozen=True, slots=True)
class EngineeringState:
    """Everything the page shows. `second` is the place of the second person, -1 for nobody."""

    operator: Operator | None = None
    people: tuple[Operator, ...] = ()
    job: Job = Job.CLEAR_TAMPER
    meter: str = ""
    work_order: str = ""
    value: str = ""
    reason: str = ""
    second: int = -1
    pin_length: int = 0
    busy: bool = False
    failure: PosError | None = None
    done: Sold | None = None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What this person may begin."""
        person = self.operator
        if person is None:
            return ()
        return tuple(job for job in Job if permissions.may_begin(job.operation, person))

    @property
    def needs_two(self) -> bool:
        """Whether a second person signs."""
        return RULES[self.job.operation].people == 2

    @property
    def seconds(self) -> tuple[Operator, ...]:
        """Who may be the second person."""
        first = self.operator
        if first is None or not self.needs_two:
            return ()
        may = (p for p in self.people if permissions.may_witness(self.job.operation, first, p))
        return tuple(may)[:SECONDS_MAX]

    @property
    def second_person(self) -> Operator | None:
        """Who was chosen; the only one who may needs no choosing."""
        if len(self.seconds) == 1:
            return self.seconds[0]
        return self.seconds[self.second] if 0 <= self.second < len(self.seconds) else None

    @property
    def missing(self) -> str:
        """The first thing that is still to be typed: a field's name, mostly none at the end."""
        wanted = {
            "meter": True,
            "work_order": self.job.takes_work_order,
            "value": self.job.takes_value,
            "reason": self.needs_two,
        }
        for name, needed in wanted.items():
            if needed and not getattr(self, name).strip():
                return name
        if self.needs_two and self.second_person is None:
            return "second"
        return "pin" if self.needs_two and self.pin_length < PIN_MIN else ""


class EngineeringPresenter:
    """One piece of work after another."""

    def __init__(
        self, till: Till, tasks: Runner, changed: Callable[[EngineeringState], None]
    ) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._pin = ""
        self.state = EngineeringState()

    def start(self, operator: Operator) -> None:
        """The page was opened by somebody; what another began is gone."""
        self._pin = ""
        fresh = EngineeringState(operator=operator, people=self.state.people)
        self._set(replace(fresh, job=fresh.jobs[0] if fresh.jobs else fresh.job))
        self._tasks.run(
            Lane.LOOKUP, self._till.sign_in.people, self._people, self._fail, key="work.people"
        )

    def _people(self, people: tuple[Operator, ...]) -> None:
        self._set(replace(self.state, people=people))

    def choose(self, job: Job) -> None:
        """Another kind of work, for the same meter."""
        if job in self.state.jobs and not self.state.busy:
            self._changed_to(job=job, value="", done=None, second=-1)

    def type_text(self, field: str, text: str) -> None:
        """`meter`, `work_order`, `value` or `reason`; the signature was for something else."""
        if not self.state.busy and getattr(self.state, field) != text:
            self._changed_to(**{field: text, "done": None})

    def choose_second(self, place: int) -> None:
        """Who stands by."""
        if 0 <= place < len(self.state.seconds) and not self.state.busy:
            self._changed_to(second=place)

    def type_pin(self, pin: str) -> None:
        """The second person's PIN so far; only its length is shown."""
        if not self.state.busy:
            self._pin = pin
            self._set(replace(self.state, pin_length=len(pin), failure=None))

    def back(self) -> None:
        """Everything typed is gone; the tokens of the last work too."""
        if not self.state.busy and self.state.operator is not None:
            self.start(self.state.operator)

    def enter(self) -> None:
        """Make the token once nothing is missing."""
        state = self.state
        if state.busy or state.missing or state.done is not None or not state.jobs:
            return
        try:
            make = self._order()
        except PosError as error:
            self._fail(error)
            return
        self._pin = ""
        self._set(replace(state, busy=True, failure=None, pin_length=0))
        self._tasks.run(Lane.SALE, make, self._made, self._fail, urgency=Urgency.SALE)

    def _order(self) -> Callable[[], Sold]:
        """The call that makes it. Raises InputError for what cannot be meant."""
        state, desk = self.state, self._till.desk
        first, second = state.operator, state.second_person
        assert first is not None
        witness = Witness(second.operator_id, self._pin) if second else None
        consent = Consent(state.reason, state.work_order, witness)
        number = MeterNumber.parse(state.meter)
        if state.job is Job.FREE_ISSUE:
            units = parse_units(state.value)
            return lambda: desk.give_credit.free(number, units, first.operator_id, consent)
        work = Work(Task(state.job.value), state.work_order, _value(state))
        return lambda: desk.engineer(number, work, first.operator_id, consent)

    def _made(self, sold: Sold) -> None:
        self._set(replace(self.state, busy=False, done=sold))
        sale_id = sold.record.intent.sale_id
        self._tasks.run(
            Lane.SALE, lambda: self._till.sell.revealed(sale_id), lambda _: None, self._fail
        )

    def _changed_to(self, **changes: object) -> None:
        self._pin = ""
        self._set(replace(self.state, pin_length=0, failure=None, **changes))  # type: ignore[arg-type]

    def _fail(self, error: PosError) -> None:
        self._pin = ""
        self._set(replace(self.state, busy=False, failure=error, pin_length=0))

    def _set(self, state: EngineeringState) -> None:
        self.state = state
        self._changed(state)


def _value(state: EngineeringState) -> int:
    if state.job is Job.METER_TEST:
        return EVERY_TEST
    if state.job is Job.CLEAR_CREDIT:
        return ALL_REGISTERS
    if not state.job.takes_value:
        return 0
    if not (state.value.isascii() and state.value.isdigit()):
        raise InputError("WORK_VALUE", field="value")
    return int(state.value)
