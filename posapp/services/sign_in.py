"""Sign in with a PIN. A miss is written before the PIN is checked: a pulled plug helps no one."""

from __future__ import annotations

from posapp.codec.pin import pin_fits
from posapp.domain.operator import Operator, Role
from posapp.errors import InputError
from posapp.ports import OperatorRecord, Reader, Store, UnitOfWork

MISSES_MAX = 5


class SignIn:
    """Runs on the sale lane: a check takes about 50 ms by design."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def people(self) -> tuple[Operator, ...]:
        """Who may sign in here, by name."""
        records = self._store.read(lambda reader: reader.operators())
        return tuple(sorted((r.operator for r in records), key=lambda o: o.name))

    def __call__(self, operator_id: int, pin: str) -> Operator:
        """The person of that PIN. Raises InputError PIN_WRONG (left) or PIN_BLOCKED."""

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
