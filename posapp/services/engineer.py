"""Make an engineering token: no price, always a work order, mostly two people.

A meter test is the exception of the standard: it is no secret and the same for every meter.
"""

from __future__ import annotations

from datetime import datetime

from posapp.domain.engineering import Task, Work
from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.sale import SaleKind, TokenKind
from posapp.journal.facts import TokenItem
from posapp.ports import FoundMeter, Store, UnitOfWork
from posapp.services.key_plan import KeyPlan, known_meter
from posapp.services.override import Consent, Override
from posapp.services.place import Goods, Order, Place, Sold
from posapp.sts.tid import next_tid

# Subclasses of class 2, IEC 62055-41 6.2.4 to 6.2.9.
_SUBCLASS = {
    Task.POWER_LIMIT: 0,
    Task.CLEAR_CREDIT: 1,
    Task.CLEAR_TAMPER: 5,
    Task.PHASE_UNBALANCE: 6,
}
_MAKER_BITS = 8  # below the control field of a test for makers with two digits


class Engineer:
    """Runs on the sale lane."""

    def __init__(self, store: Store, place: Place, override: Override) -> None:
        self._store = store
        self._place = place
        self._override = override

    def __call__(self, number: MeterNumber, work: Work, operator_id: int, consent: Consent) -> Sold:
        """Make the token of `work` for a meter.

        Raises InputError METER_NOT_FOUND and what `Override` raises before anything is written;
        SaleError as `Place`.
        """
        found, plan = self._store.read(lambda reader: known_meter(reader, number))
        target = work.target
        parameters = {
            0: number.digits,
            1: work.task.value,
            2: work.value,
            3: work.work_order,
            4: [target.sgc, target.krn, target.ti] if target else [],
        }
        signed = self._override(work.task.operation, operator_id, consent, parameters)

        def compose(uow: UnitOfWork, now: datetime, _person: Operator) -> Goods:
            return Goods(
                kind=SaleKind.ENGINEERING,
                items=(_item(uow, work, found, plan, now),),
                reason=signed.reason or work.task.value,
                reference=work.work_order.strip(),
            )

        order = Order(
            found=found,
            configuration=plan.present,
            operation=work.task.operation,
            operator_id=operator_id,
            amount_minor=0,
            compose=compose,
            keys=(plan.present,),
            signed=signed if signed.second else None,
        )
        return self._place(order)


def _item(
    uow: UnitOfWork, work: Work, found: FoundMeter, plan: KeyPlan, now: datetime
) -> TokenItem:
    if work.task is Task.METER_TEST:
        return TokenItem(TokenKind.METER_TEST, 0, 0, work.value << _MAKER_BITS, 0)
    if work.task is Task.CHANGE_KEY:
        return TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=work.target)
    base = plan.present.base_date
    tid = next_tid(now, base, uow.tid_high_water(found.meter.number, base))
    return TokenItem(TokenKind.MANAGEMENT, _SUBCLASS[work.task], tid, work.value, 0)
