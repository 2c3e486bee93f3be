"""Give a meter the key head office wants it to have, and ask later whether it took it."""

from __future__ import annotations

from datetime import datetime

from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation, check_first
from posapp.domain.sale import SaleKind
from posapp.errors import InputError, SaleError
from posapp.journal.facts import KeyChangeAnswered
from posapp.ports import Store, UnitOfWork
from posapp.services.key_plan import known_meter
from posapp.services.place import Goods, Order, Place, Sold


class ChangeKey:
    """Runs on the sale lane."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place

    def __call__(self, number: MeterNumber, operator_id: int) -> Sold:
        """The set alone, without a sale: head office ordered it, so one person is enough.

        Raises InputError METER_NOT_FOUND, SaleError KEY_CHANGE_NOT_DUE, and as `Place`.
        """
        found, plan = self._store.read(lambda reader: known_meter(reader, number))

        def compose(uow: UnitOfWork, _now: datetime, _person: Operator) -> Goods:
            _, now_plan = known_meter(uow, number)
            if now_plan.change is None or now_plan != plan:
                raise SaleError("KEY_CHANGE_NOT_DUE", number=number.digits)
            return Goods(kind=SaleKind.KEY_CHANGE, items=now_plan.set_items())

        order = Order(
            found=found,
            configuration=plan.present,
            operation=Operation.CONFIRM_KEY,
            operator_id=operator_id,
            amount_minor=0,
            compose=compose,
            keys=plan.keys,
        )
        return self._place(order)

    def answer(self, number: MeterNumber, operator_id: int, *, took: bool) -> None:
        """Write down what the customer said of the newest set.

        Raises InputError METER_NOT_FOUND, OPERATOR_UNKNOWN, OPERATION_DENIED, SaleError
        KEY_CHANGE_NOT_DUE where none is waiting for an answer.
        """

        def write(uow: UnitOfWork) -> None:
            people = {r.operator.operator_id: r.operator for r in uow.operators()}
            if operator_id not in people:
                raise InputError("OPERATOR_UNKNOWN")
            check_first(Operation.CONFIRM_KEY, people[operator_id])
            _, plan = known_meter(uow, number)
            if plan.unanswered is None:
                raise SaleError("KEY_CHANGE_NOT_DUE", number=number.digits)
            seq = plan.unanswered.intent_seq
            uow.append(KeyChangeAnswered(seq, number.digits, took, operator_id))

        self._store.write(write)
