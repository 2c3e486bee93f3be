"""Who is selling: choose a person, check the PIN, count the opening float. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posapp.domain.money import parse_amount
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import Operation, may_begin
from posapp.domain.shift import Shift
from posapp.errors import InputError, PosError, SaleError
from posapp.lanes import Lane
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.services.till import Till
    from posapp.ui.door import Door

PIN_MIN = 4


@dataclass(frozen=True, slots=True)
class LoginState:
    """Everything the page shows. `signed_in` without `shift`: the float is counted next."""

    people: tuple[Operator, ...] = ()
    chosen: int = 0
    pin_length: int = 0
    checking: bool = False
    failure: PosError | None = None
    signed_in: Operator | None = None
    shift: Shift | None = None
    next_shift: int = 1
    opening: str = ""

    @property
    def person(self) -> Operator | None:
        """Who is chosen."""
        return self.people[self.chosen] if self.chosen < len(self.people) else None


class LoginPresenter:
    """Signs one person in; `entered` is called with the person and the open shift."""

    def __init__(
        self,
        place: Till | Door,
        tasks: Runner | None,
        changed: Callable[[LoginState], None],
        entered: Callable[[Operator, Shift | None], None],
        module_said: Callable[[PosError | None], None] = lambda _: None,
    ) -> None:
        """`place` is the till, or its door while the till opens (then `tasks` is None).

        `module_said` is called with what the module has against the PIN that the till took,
        some moments after the person entered; None when it has nothing.
        """
        self._site = place.site
        self._till: Till | None = None
        self._tasks = tasks
        self._changed = changed
        self._entered = entered
        self._module_said = module_said
        self._pin = ""
        self.state = LoginState(people=getattr(place, "people", ()))
        if tasks is not None:
            self._till = place  # type: ignore[assignment]

    def open(self, till: Till, tasks: Runner) -> None:
        """The till is open: what was chosen and typed at the door counts."""
        self._site, self._till, self._tasks = till.site, till, tasks
        waiting = self.state.checking
        self._set(replace(self.state, checking=False))
        self._read_people(then_check=waiting)

    def start(self) -> None:
        """Show the people; whoever has the open shift is chosen."""
        self._pin = ""
        self._set(replace(LoginState(), people=self.state.people))
        if self._till is not None:
            self._read_people(then_check=False)

    def _read_people(self, *, then_check: bool) -> None:
        till, tasks = self._till, self._tasks
        assert till is not None and tasks is not None
        touched = self.state.chosen != 0 or self.state.pin_length > 0

        def read() -> tuple[tuple[Operator, ...], Shift | None, int]:
            shift, last = till.store.read(lambda r: (r.open_shift(), r.last_shift_number()))
            return till.sign_in.people(), shift, last

        def show(answer: tuple[tuple[Operator, ...], Shift | None, int]) -> None:
            self._read(answer, keep_choice=touched)
            if then_check:
                self._check()

        tasks.run(Lane.LOOKUP, read, show, self._fail, key="people")

    def _read(
        self, answer: tuple[tuple[Operator, ...], Shift | None, int], *, keep_choice: bool
    ) -> None:
        people, shift, last = answer
        wanted = shift.operator_id if shift else 0
        if keep_choice and self.state.person is not None:
            wanted = self.state.person.operator_id  # somebody has begun to type already
        places = [i for i, p in enumerate(people) if p.operator_id == wanted]
        chosen = places[0] if places else min(self.state.chosen, max(0, len(people) - 1))
        self._set(
            replace(self.state, people=people, shift=shift, next_shift=last + 1, chosen=chosen)
        )

    def choose(self, place: int) -> None:
        """Another person."""
        if 0 <= place < len(self.state.people) and not self.state.checking:
            self._pin = ""
            self._set(replace(self.state, chosen=place, pin_length=0, failure=None, signed_in=None))

    def type_pin(self, pin: str) -> None:
        """The PIN so far; only its length is shown."""
        self._pin = pin
        self._set(replace(self.state, pin_length=len(pin), failure=None))

    def type_opening(self, text: str) -> None:
        """The counted opening float."""
        self._set(replace(self.state, opening=text, failure=None))

    def enter(self) -> None:
        """Check the PIN, or open the shift."""
        if self.state.checking:
            return
        if self.state.signed_in is None:
            self._check()
        else:
            self._open()

    def back(self) -> None:
        """One step back: from the float to the PIN, from a typed PIN to none."""
        self._pin = ""
        self._set(replace(self.state, signed_in=None, pin_length=0, failure=None, opening=""))

    def _check(self) -> None:
        person, pin = self.state.person, self._pin
        if person is None or len(pin) < PIN_MIN:
            return
        self._set(replace(self.state, checking=True, failure=None))
        till = self._till
        if till is None or self._tasks is None:
            return  # the till is still opening; `open` goes on from here
        self._tasks.run(
            Lane.SALE,
            lambda: till.sign_in.check(person.operator_id, pin),
            lambda operator: self._signed_in(operator, pin),
            self._fail,
        )

    def _hand_on(self, operator: Operator, pin: str) -> None:
        """To the module, behind the screen: nobody waits for it to look around."""
        till, tasks = self._till, self._tasks
        assert till is not None and tasks is not None
        tasks.run(
            Lane.SALE,  # a sale that is pressed at once comes after it
            lambda: till.sign_in.at_module(operator.operator_id, pin),
            self._module_said,
            self._module_said,
            key="login.module",
        )

    def _signed_in(self, operator: Operator, pin: str) -> None:
        self._pin = ""
        shift = self.state.shift
        own = shift is None or shift.operator_id == operator.operator_id
        sells = may_begin(Operation.SELL, operator)
        if own or not sells or operator.role is Role.SUPERVISOR:
            self._hand_on(operator, pin)
        if not sells:  # a technician or an auditor works beside whoever sells
            self._set(replace(self.state, checking=False, pin_length=0))
            self._entered(operator, None)
        elif shift is None or shift.operator_id == operator.operator_id:
            self._set(replace(self.state, checking=False, pin_length=0, signed_in=operator))
            if shift is not None:
                self._entered(operator, shift)
        elif operator.role is Role.SUPERVISOR:
            self._set(replace(self.state, checking=False, pin_length=0))
            self._entered(operator, None)
        else:
            self._fail(SaleError("SHIFT_ALREADY_OPEN", shift=shift.number))

    def _open(self) -> None:
        operator, till, tasks = self.state.signed_in, self._till, self._tasks
        assert operator is not None and till is not None and tasks is not None
        try:
            opening = parse_amount(self.state.opening or "0", self._site.currency)
        except InputError as error:
            self._fail(error)
            return
        self._set(replace(self.state, checking=True, failure=None))
        tasks.run(
            Lane.SALE,
            lambda: till.open_shift(operator, opening),
            lambda shift: self._opened(operator, shift),
            self._fail,
        )

    def _opened(self, operator: Operator, shift: Shift) -> None:
        self._set(replace(self.state, checking=False, shift=shift))
        self._entered(operator, shift)

    def _fail(self, error: PosError) -> None:
        self._pin = ""
        self._set(replace(self.state, failure=error, checking=False, pin_length=0))

    def _set(self, state: LoginState) -> None:
        self.state = state
        self._changed(state)
