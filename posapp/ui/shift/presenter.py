"""Closing a shift: count without seeing what is expected, compare, give a reason, print. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation, may_begin
from posapp.domain.shift import CashCount, Shift
from posapp.errors import PosError
from posapp.lanes import Lane, Urgency
from posapp.services.two_people import Witness
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.services.shift import ClosedShift, ShiftPreview
    from posapp.services.till import Till

RECOUNTS_MAX = 1
PIN_MIN = 4


class Step(StrEnum):
    """The four steps of the page's head."""

    COUNT = "count"
    COMPARE = "compare"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ShiftState:
    """Everything the page shows."""

    step: Step = Step.COUNT
    shift: Shift | None = None
    operator_name: str = ""
    pieces: tuple[tuple[int, int], ...] = ()
    recounts: int = 0
    preview: ShiftPreview | None = None
    reason: str = ""
    busy: bool = False
    closed: ClosedShift | None = None
    failure: PosError | None = None
    signers: tuple[Operator, ...] = ()
    signer_id: int = 0
    pin: str = field(default="", repr=False)

    @property
    def counted_minor(self) -> int:
        """What was counted so far."""
        return CashCount(self.pieces).total_minor


class ShiftPresenter:
    """One closing at a time."""

    def __init__(
        self,
        till: Till,
        tasks: Runner,
        changed: Callable[[ShiftState], None],
        closed: Callable[[], None],
    ) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._closed_shift = closed
        self._operator: Operator | None = None
        self.state = ShiftState()

    def start(self, operator: Operator) -> None:
        """Show the page: the open shift, nothing counted. A count in progress is kept."""
        self._operator = operator
        if self.state.step is Step.DONE:
            self.state = ShiftState()
        till = self._till

        def read() -> tuple[Shift | None, str, tuple[Operator, ...]]:
            shift = till.store.read(lambda r: r.open_shift())
            people = till.sign_in.people()
            names = {p.operator_id: p.name for p in people}
            signers = tuple(p for p in people if may_begin(Operation.CLOSE_UNRESOLVED, p))
            return shift, names.get(shift.operator_id, "") if shift else "", signers

        self._tasks.run(Lane.LOOKUP, read, self._read, self._fail, key="shift")

    def _read(self, answer: tuple[Shift | None, str, tuple[Operator, ...]]) -> None:
        shift, name, signers = answer
        fresh = self.state.shift is None or shift is None or shift.number != self.state.shift.number
        state = ShiftState() if fresh else self.state
        self._set(replace(state, shift=shift, operator_name=name, signers=signers))

    def count(self, pieces: tuple[tuple[int, int], ...]) -> None:
        """The fields of the table changed."""
        if self.state.step is Step.COUNT:
            self._set(replace(self.state, pieces=pieces, failure=None))

    def confirm(self) -> None:
        """The primary of the step: confirm the count, or close."""
        state = self.state
        if state.busy or state.shift is None:
            return
        if state.step is Step.COUNT and state.pieces:
            count = CashCount(state.pieces)
            self._set(replace(state, busy=True, failure=None))
            self._tasks.run(
                Lane.SALE, lambda: self._till.close_shift.preview(count), self._compared, self._fail
            )
        elif state.step is Step.COMPARE and self.may_close():
            self._close()

    def may_close(self) -> bool:
        """Whether nothing is missing: a reason where the count differs, a signature where the
        module disagrees or a sale has no answer.
        """
        state = self.state
        if state.preview is None:
            return False
        if state.preview.needs_signature and not (state.signer_id and len(state.pin) >= PIN_MIN):
            return False
        return not state.preview.variance_minor or bool(state.reason.strip())

    def _compared(self, preview: ShiftPreview) -> None:
        self._set(replace(self.state, step=Step.COMPARE, preview=preview, busy=False))

    def recount(self) -> None:
        """Count once more; one recount is allowed."""
        state = self.state
        if state.step is Step.COMPARE and state.recounts < RECOUNTS_MAX:
            self._set(replace(state, step=Step.COUNT, preview=None, recounts=state.recounts + 1))

    def give_reason(self, text: str) -> None:
        """Why the count differs."""
        self._set(replace(self.state, reason=text, failure=None))

    def sign_with(self, operator_id: int) -> None:
        """Who signs what does not agree; another person types another PIN."""
        self._set(replace(self.state, signer_id=operator_id, pin="", failure=None))

    def type_pin(self, pin: str) -> None:
        """The supervisor's PIN, here only until it is handed on."""
        self._set(replace(self.state, pin=pin, failure=None))

    def _close(self) -> None:
        state = self.state
        operator, count, reason = self._operator, CashCount(state.pieces), state.reason
        assert operator is not None and state.preview is not None
        signs = state.preview.needs_signature
        witness = Witness(state.signer_id, state.pin) if signs else None
        self._set(replace(state, busy=True, failure=None, pin=""))
        self._tasks.run(
            Lane.SALE,
            lambda: self._till.close_shift(operator, count, reason, witness),
            self._done,
            self._fail,
            urgency=Urgency.SALE,
        )

    def _done(self, closed: ClosedShift) -> None:
        self._set(replace(self.state, step=Step.DONE, closed=closed, busy=False))

    def finish(self) -> None:
        """The slip prints; the next person may sign in."""
        if self.state.step is Step.DONE:
            self._closed_shift()

    def _fail(self, error: PosError) -> None:
        self._set(replace(self.state, failure=error, busy=False))

    def _set(self, state: ShiftState) -> None:
        self.state = state
        self._changed(state)
