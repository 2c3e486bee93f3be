"""Sign in with a PIN. A miss is written before the PIN is checked: a pulled plug helps no one.

The module has people of its own with the same numbers and PINs; the till hands the PIN on once
it has fitted here, and keeps it nowhere.
"""

from __future__ import annotations

import logging

from posapp.codec.pin import pin_fits
from posapp.domain.operator import Operator, Role
from posapp.errors import InputError, ModuleError, PosError
from posapp.ports import ModuleOffer, OperatorRecord, Reader, SecurityModule, Store, UnitOfWork

MISSES_MAX = 5

log = logging.getLogger("posapp.module")


class SignIn:
    """Runs on the sale lane: a check takes about 50 ms by design, the module's up to 0.3 s."""

    def __init__(self, store: Store, module: SecurityModule) -> None:
        self._store = store
        self._module = module

    def people(self) -> tuple[Operator, ...]:
        """Who may sign in here, by name."""
        records = self._store.read(lambda reader: reader.operators())
        return tuple(sorted((r.operator for r in records), key=lambda o: o.name))

    def __call__(self, operator_id: int, pin: str) -> Operator:
        """The person of that PIN, signed in to the module too where it wants that.

        Raises InputError as `check`. What the module thinks of it keeps nobody out: without it
        the till shows and reports, and the module's state says why it does not sell.
        """
        operator = self.check(operator_id, pin)
        self.at_module(operator_id, pin)
        return operator

    def check(self, operator_id: int, pin: str) -> Operator:
        """The person of that PIN at this till alone.

        Raises InputError PIN_WRONG (left), PIN_BLOCKED or OPERATOR_UNKNOWN.
        """

        def count(uow: UnitOfWork) -> OperatorRecord:
            record = _record(uow, operator_id)
            if record.misses >= MISSES_MAX:
                raise InputError("PIN_BLOCKED", name=record.operator.name)
            uow.set_pin_misses(operator_id, record.misses + 1)
            return record

        record = self._store.write(count)
        if not pin_fits(pin, record.pin_verifier):
            left = MISSES_MAX - record.misses - 1
            if left == 0:
                raise InputError("PIN_BLOCKED", name=record.operator.name)
            raise InputError("PIN_WRONG", left=left)
        self._store.write(lambda uow: _forgive(uow, record.operator))
        return record.operator

    def at_module(self, operator_id: int, pin: str) -> PosError | None:
        """Hand the PIN on to the module, up to 10 s; what stood in the way, None if nothing.

        PIN_WRONG (left), PIN_BLOCKED and OPERATOR_UNKNOWN are the module's own word here, the
        rest says that it could not be asked.
        """
        if ModuleOffer.SIGN_IN not in self._module.status().offers:
            return None
        try:
            self._module.login(operator_id, pin)
        except ModuleError as error:
            log.info("the module did not take the sign-in (%s)", error.code)
            return error
        return None

    def out(self) -> None:
        """Sign out at the module, as far as it can be asked. Up to 10 s."""
        status = self._module.status()
        if ModuleOffer.SIGN_IN in status.offers and status.state.answers:
            try:
                self._module.logout()
            except ModuleError as error:
                log.info("the module did not take the sign-out (%s)", error.code)


def _forgive(uow: UnitOfWork, operator: Operator) -> None:
    """A right PIN forgives the person's own misses; a supervisor's, everybody's."""
    for record in uow.operators():
        own = record.operator.operator_id == operator.operator_id
        if record.misses and (own or operator.role is Role.SUPERVISOR):
            uow.set_pin_misses(record.operator.operator_id, 0)


def _record(reader: Reader, operator_id: int) -> OperatorRecord:
    for record in reader.operators():
        if record.operator.operator_id == operator_id:
            return record
    raise InputError("OPERATOR_UNKNOWN")
