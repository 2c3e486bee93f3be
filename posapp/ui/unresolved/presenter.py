"""What is unresolved here, and the steps that this person may take. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from posapp.codec.files import read_bounded
from posapp.domain import permissions
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.domain.site import Site
from posapp.errors import ConfigError, InputError, PosError
from posapp.lanes import Lane
from posapp.services.settle_audit import Settled
from posapp.services.unresolved import HOW, Matter, Step, Unresolved
from posapp.ui.running import Runner
from posapp.wire.audit import FILE_BYTES_MAX

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till

TIME_FORM = "%d.%m.%Y %H:%M"
# Steps without a right of their own are open to whoever is signed in.
RIGHTS: Mapping[Step, Operation] = MappingProxyType(
    {
        Step.PRINT_CLAIM: Operation.PRINT_CLAIM,
        Step.SETTLE_AUDIT: Operation.SETTLE_AUDIT,
        Step.SET_CLOCK: Operation.SET_CLOCK,
        Step.CONFIRM_CLOCK: Operation.SET_CLOCK,
        Step.GO_ON: Operation.CLOSE_UNRESOLVED,
        Step.COUNTED: Operation.CLOSE_UNRESOLVED,
        Step.NOT_PAID: Operation.CLOSE_UNRESOLVED,
    }
)
TYPED = frozenset({Step.SET_CLOCK, Step.SETTLE_AUDIT, Step.GO_ON})
_PLACES = {Step.SEE_MODULE: "module", Step.SEE_PRINTER: "sync"}


@dataclass(frozen=True, slots=True)
class UnresolvedState:
    """Everything the page shows. `row` and `step` are what is being typed for; `done` is the last
    step that went through, `settled` what a book said.
    """

    rows: tuple[Unresolved, ...] = ()
    operator: Operator | None = None
    known: bool = False
    row: Unresolved | None = None
    step: Step | None = None
    entry: str = ""
    busy: bool = False
    failure: PosError | None = None
    done: Step | None = None
    settled: Settled | None = None

    def steps(self, row: Unresolved) -> tuple[Step, ...]:
        """What this person may do about a row."""
        return tuple(step for step in row.steps if step is not Step.WAIT and self.may(step))

    def may(self, step: Step) -> bool:
        """Whether a step is this person's to take."""
        operation = RIGHTS.get(step)
        if operation is None:
            return True
        return self.operator is not None and permissions.may_begin(operation, self.operator)

    @property
    def needs_supervisor(self) -> bool:
        """Whether something is listed that another person would have to do."""
        return any(not self.may(step) for row in self.rows for step in row.steps)


class UnresolvedPresenter:
    """`leave` is called with the page that a step leads to."""

    def __init__(
        self,
        till: Till,
        tasks: Runner,
        changed: Callable[[UnresolvedState], None],
        leave: Callable[[str], None],
    ) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._leave = leave
        self._asking = False
        self.state = UnresolvedState()

    def start(self, operator: Operator) -> None:
        """The page was opened by somebody; what another typed is gone."""
        self._set(UnresolvedState(operator=operator))
        self.look()

    def show_status(self, _status: TillStatus) -> None:
        """The window's poll: the list changes by itself when the module or the printer is back."""
        if not self.state.busy:
            self.look()

    def look(self) -> None:
        """Read the list again."""
        if not self._asking:
            self._asking = True
            self._tasks.run(Lane.LOOKUP, self._till.truth.unresolved, self._listed, self._unread)

    def _listed(self, rows: tuple[Unresolved, ...]) -> None:
        self._asking = False
        if rows == self.state.rows and self.state.known:
            return
        row = self.state.row
        kept = row if row is None or any(_same(row, other) for other in rows) else None
        step = self.state.step if kept is not None else None
        self._set(replace(self.state, rows=rows, known=True, row=kept, step=step))

    def _unread(self, error: PosError) -> None:
        self._asking = False
        self._fail(error)

    # ------------------------------------------------------------ steps

    def choose(self, row: Unresolved, step: Step) -> None:
        """Take a step, or begin to type for it."""
        state = self.state
        if state.busy or step not in state.steps(row):
            return
        if step in _PLACES:
            self._leave(_PLACES[step])
            return
        self._set(
            replace(state, row=row, step=step, entry="", failure=None, done=None, settled=None)
        )
        if step not in TYPED:
            self.enter()

    def type_entry(self, text: str) -> None:
        """A time, a file or a reason."""
        if text != self.state.entry:
            self._set(replace(self.state, entry=text, failure=None))

    def back(self) -> None:
        """Type no more, or take away what was told last."""
        if not self.state.busy:
            self._set(replace(self.state, row=None, step=None, entry="", failure=None, done=None))

    def enter(self) -> None:
        """Carry the step out."""
        state = self.state
        row, step, operator = state.row, state.step, state.operator
        if state.busy or row is None or step is None or operator is None:
            return
        try:
            work = self._work(row, step, operator, state.entry.strip())
        except PosError as error:
            self._set(replace(state, failure=error))
            return
        self._set(replace(state, busy=True, failure=None))
        self._tasks.run(Lane.SALE, work, self._stepped, self._fail, key="unresolved.step")

    def _work(
        self, row: Unresolved, step: Step, operator: Operator, entry: str
    ) -> Callable[[], object]:
        truth, by = self._till.truth, operator.operator_id
        if step is Step.ASK_MODULE:
            return truth.answers if row.matter is Matter.RESTORED else self._till.recover
        if step is Step.PRINT_CLAIM:
            return lambda: truth.print_claim(row.sale_id, by)
        if step is Step.SETTLE_AUDIT:
            return lambda: truth.settle_audit(_file(entry), by)
        if step is Step.GO_ON:
            return lambda: truth.answers.go_on_without(operator, entry)
        if step in HOW:
            return lambda: truth.settle_orphan(row.seq, HOW[step], by, "")
        moment = self._till.clock.now()
        if step is Step.SET_CLOCK:
            moment = typed_time(entry, self._till.site)
        return lambda: truth.set_clock(moment, by)

    def _stepped(self, answer: object) -> None:
        settled = answer if isinstance(answer, Settled) else None
        done = self.state.step
        self._set(
            replace(
                self.state, busy=False, row=None, step=None, entry="", done=done, settled=settled
            )
        )
        self.look()

    def _fail(self, error: PosError) -> None:
        self._set(replace(self.state, busy=False, failure=error))

    def _set(self, state: UnresolvedState) -> None:
        self.state = state
        self._changed(state)


def typed_time(text: str, site: Site) -> datetime:
    """A local day and time as people write them, in UTC. Raises InputError CLOCK_TEXT."""
    try:
        local = datetime.strptime(text, TIME_FORM)
    except ValueError:
        raise InputError("CLOCK_TEXT") from None
    return local.replace(tzinfo=ZoneInfo(site.zone)).astimezone(UTC)


def _file(text: str) -> bytes:
    try:
        return read_bounded(Path(text), FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=text, reason=error.strerror) from None
    except ValueError:
        raise InputError("AUDIT_INVALID", field="size") from None


def _same(one: Unresolved, other: Unresolved) -> bool:
    return (one.matter, one.sale_id, one.seq) == (other.matter, other.sale_id, other.seq)
