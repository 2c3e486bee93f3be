"""Cash without a sale: choose what, type how much and why, press once; an X at any time. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posapp.domain.cash import CashKind
from posapp.domain.ids import ReceiptNumber
from posapp.domain.money import parse_amount
from posapp.domain.operator import Operator
from posapp.errors import PosError
from posapp.lanes import Lane, Urgency
from posapp.services.move_cash import CashWish
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.services.till import Till

NEEDS_REASON = (CashKind.IN, CashKind.OUT, CashKind.DRAWER, CashKind.RETURN)


@dataclass(frozen=True, slots=True)
class CashState:
    """Everything the form shows. `kind` None: no movement is under way.

    `reference` is the bag of a deposit or the receipt of money that is given back. `told` is what
    was done last: a movement, or the X.
    """

    kind: CashKind | None = None
    amount: str = ""
    reason: str = ""
    reference: str = ""
    busy: bool = False
    failure: PosError | None = None
    told: CashKind | None = None
    x_printed: bool = False

    @property
    def missing(self) -> str:
        """What has to be typed first: `amount`, `reason`, `reference` or nothing."""
        kind = self.kind
        if kind is None:
            return ""
        if kind.moves_cash and not self.amount.strip():
            return "amount"
        if kind in (CashKind.DEPOSIT, CashKind.RETURN) and not self.reference.strip():
            return "reference"
        return "reason" if kind in NEEDS_REASON and not self.reason.strip() else ""


class CashPresenter:
    """One movement at a time."""

    def __init__(self, till: Till, tasks: Runner, changed: Callable[[CashState], None]) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._operator: Operator | None = None
        self.state = CashState()

    def start(self, operator: Operator) -> None:
        """The page was opened by somebody."""
        self._operator = operator
        self._set(CashState())

    def begin(self, kind: CashKind) -> None:
        """Choose what is done."""
        if not self.state.busy:
            self._set(CashState(kind))

    def leave(self) -> None:
        """Back to the count; nothing was done."""
        if not self.state.busy:
            self._set(CashState())

    def type_amount(self, text: str) -> None:
        """How much, in the site's currency."""
        self._set(replace(self.state, amount=text, failure=None))

    def type_reason(self, text: str) -> None:
        """Why."""
        self._set(replace(self.state, reason=text, failure=None))

    def type_reference(self, text: str) -> None:
        """The bag's number, or the receipt."""
        self._set(replace(self.state, reference=text, failure=None))

    def confirm(self) -> None:
        """Do it; an amount or a receipt that cannot be read is said and changes nothing."""
        state, operator = self.state, self._operator
        if state.kind is None or state.busy or state.missing or operator is None:
            return
        try:
            wish = self._wish(state, state.kind)
        except PosError as error:
            self._fail(error)
            return
        self._set(replace(state, busy=True, failure=None))
        self._tasks.run(
            Lane.SALE,
            lambda: self._till.move_cash(operator, wish),
            lambda _: self._set(CashState(told=wish.kind)),
            self._fail,
            urgency=Urgency.SALE,
        )

    def print_x(self) -> None:
        """Print how the shift stands."""
        if self.state.busy:
            return
        self._set(CashState(busy=True))
        self._tasks.run(
            Lane.REPORT,
            self._till.x_report,
            lambda _: self._set(CashState(x_printed=True)),
            self._fail,
        )

    def _wish(self, state: CashState, kind: CashKind) -> CashWish:
        amount = parse_amount(state.amount, self._till.site.currency) if kind.moves_cash else 0
        if kind is CashKind.RETURN:
            receipt = ReceiptNumber.parse(state.reference).number
            return CashWish(kind, amount, state.reason, receipt=receipt)
        return CashWish(kind, amount, state.reason, state.reference)

    def _fail(self, error: PosError) -> None:
        self._set(replace(self.state, failure=error, busy=False))

    def _set(self, state: CashState) -> None:
        self.state = state
        self._changed(state)
