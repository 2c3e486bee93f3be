"""Move cash without a sale: in, out, to the safe, to the bank; or open the drawer and say why."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.domain.cash import CashKind
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import Operation
from posapp.errors import InputError, SaleError
from posapp.journal.cash_facts import CashMoved
from posapp.ports import Clock, PrintQueue, Store, UnitOfWork
from posapp.reports.cash_slip import CashSlipFacts, build_cash_slip
from posapp.services.override import allowed_now

AMOUNT_MINOR_MAX = 10**10
WORDS_MAX = 120
REFERENCE_MAX = 40
_NEEDS_REASON = (CashKind.OUT, CashKind.DRAWER, CashKind.IN, CashKind.RETURN)


@dataclass(frozen=True, slots=True)
class CashWish:
    """What somebody wants to do. `receipt` is the held sale of a RETURN."""

    kind: CashKind
    amount_minor: int = 0
    reason: str = ""
    reference: str = ""
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class CashDone:
    """What was written, and the print job of its slip."""

    fact: CashMoved
    job_id: int


class MoveCash:
    """Runs on the sale lane."""

    def __init__(self, store: Store, queue: PrintQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    def __call__(self, operator: Operator, wish: CashWish) -> CashDone:
        """Write one movement and queue its slip.

        Raises SaleError SHIFT_NOT_OPEN, SHIFT_OF_ANOTHER, CASH_NOT_THERE, InputError
        CASH_AMOUNT, CASH_REASON_MISSING, CASH_REFERENCE_MISSING (a deposit), CASH_NOTHING_HELD
        (receipt), OPERATION_DENIED. Nothing is changed then.
        """
        wish = _checked(wish)

        def write(uow: UnitOfWork) -> CashDone:
            site, now = uow.site(), self._clock.now()
            person = allowed_now(uow, Operation.HANDLE_CASH, operator)
            fact = CashMoved(
                kind=wish.kind,
                shift=_shift(uow, person, wish),
                operator_id=operator.operator_id,
                business_date=site.business_date(now),
                currency=site.currency_code,
                amount_minor=wish.amount_minor,
                reason=wish.reason,
                reference=wish.reference,
                receipt=wish.receipt,
            )
            uow.append(fact)
            code = uow.head().code
            slip = build_cash_slip(CashSlipFacts(site, fact, operator.name, now, code))
            return CashDone(fact, uow.add_print_job("cash", slip.title, slip.to_bytes()))

        done = self._store.write(write)
        self._queue.wake()
        return done


def _checked(wish: CashWish) -> CashWish:
    amount, reason = wish.amount_minor, wish.reason.strip()[:WORDS_MAX]
    reference = wish.reference.strip()[:REFERENCE_MAX]
    if not (0 < amount <= AMOUNT_MINOR_MAX if wish.kind.moves_cash else amount == 0):
        raise InputError("CASH_AMOUNT")
    if wish.kind in _NEEDS_REASON and not reason:
        raise InputError("CASH_REASON_MISSING")
    if wish.kind is CashKind.DEPOSIT and not reference:
        raise InputError("CASH_REFERENCE_MISSING")
    if (wish.receipt > 0) is not (wish.kind is CashKind.RETURN):
        raise InputError("CASH_NOTHING_HELD", receipt=wish.receipt)
    return CashWish(wish.kind, amount, reason, reference, wish.receipt)


def _shift(uow: UnitOfWork, operator: Operator, wish: CashWish) -> int:
    """The shift whose drawer it is about, 0 for the safe."""
    if not wish.kind.from_drawer:
        return 0
    shift = uow.open_shift()
    if shift is None:
        raise SaleError("SHIFT_NOT_OPEN")
    if shift.operator_id != operator.operator_id and operator.role is not Role.SUPERVISOR:
        raise SaleError("SHIFT_OF_ANOTHER", shift=shift.number)
    if wish.kind is CashKind.RETURN:
        owed = {held.receipt: held.amount_minor for held in uow.held_sales() if not held.open}
        if owed.get(wish.receipt) != wish.amount_minor:
            raise InputError("CASH_NOTHING_HELD", receipt=wish.receipt)
    there = uow.drawer_minor(shift.number)
    if wish.kind in (CashKind.OUT, CashKind.DROP, CashKind.RETURN) and wish.amount_minor > there:
        raise SaleError("CASH_NOT_THERE")  # how much there is would spoil the blind count
    return shift.number
