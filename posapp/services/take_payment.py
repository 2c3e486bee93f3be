"""Take money that buys no electricity: an account, arrears, a reconnection or a tamper fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.domain.sale import LineKind, SaleKind, SaleLine, Tender
from posapp.errors import InputError, SaleError
from posapp.ports import Store, UnitOfWork
from posapp.services.key_plan import known_meter
from posapp.services.place import Goods, Order, Place, Sold, check_tenders
from posapp.services.situation import debts_left

LINES_MAX = 8


class Purpose(StrEnum):
    """What the money is for."""

    ACCOUNT = "account"
    ARREARS = "arrears"
    RECONNECTION = "reconnection_fee"
    TAMPER_FEE = "tamper_fee"


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is paid, in minor units above 0. `account` names the debt of ARREARS."""

    purpose: Purpose
    amount_minor: int
    account: str = ""

    def __post_init__(self) -> None:
        if self.amount_minor < 1:
            raise InputError("PAYMENT_AMOUNT")

    def line(self) -> SaleLine:
        """As it stands in the sale; arrears in the words of a sale that takes them back."""
        if self.purpose is Purpose.ARREARS:
            return SaleLine(LineKind.ARREARS, f"arrears {self.account}", self.amount_minor)
        kind = LineKind.PAYMENT if self.purpose is Purpose.ACCOUNT else LineKind.FEE
        return SaleLine(kind, self.purpose.value, self.amount_minor)


class TakePayment:
    """Runs on the sale lane. The module is not asked; one transaction is the whole payment."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place

    def __call__(
        self,
        number: MeterNumber,
        dues: tuple[Due, ...],
        tenders: tuple[Tender, ...],
        operator_id: int,
        reference: str = "",
    ) -> Sold:
        """Take a payment for the customer of a meter; its receipt has no token.

        Raises InputError PAYMENT_AMOUNT, METER_NOT_FOUND, SaleError DEBT_UNKNOWN,
        DEBT_SMALLER(maximum_minor), LEASE_MISSING, LEASE_EXPIRED, FLOAT_TOO_LOW, and as `Place`.
        Nothing is written then.
        """
        if not 1 <= len(dues) <= LINES_MAX:
            raise InputError("PAYMENT_AMOUNT")
        amount = sum(due.amount_minor for due in dues)
        check_tenders(amount, tenders)
        found, plan = self._store.read(lambda reader: known_meter(reader, number))

        def compose(uow: UnitOfWork, now: datetime, person: Operator) -> Goods:
            uow.role_limits(person.role).check_sale(amount)
            _check_debts(uow, number, dues)
            _check_float(uow, amount, now)
            return Goods(
                kind=SaleKind.PAYMENT,
                lines=tuple(due.line() for due in dues),
                tenders=tenders,
                reference=reference.strip()[:40],
            )

        order = Order(
            found=found,
            configuration=plan.present,
            operation=Operation.TAKE_PAYMENT,
            operator_id=operator_id,
            amount_minor=amount,
            compose=compose,
        )
        return self._place(order)


def _check_debts(uow: UnitOfWork, number: MeterNumber, dues: tuple[Due, ...]) -> None:
    left = {debt.account: debt.balance_minor for debt in debts_left(uow, number)}
    for due in dues:
        if due.purpose is not Purpose.ARREARS:
            continue
        if due.account not in left:
            raise SaleError("DEBT_UNKNOWN", account=due.account)
        if due.amount_minor > left[due.account]:
            raise SaleError("DEBT_SMALLER", maximum_minor=left[due.account])
        left[due.account] -= due.amount_minor


def _check_float(uow: UnitOfWork, amount_minor: int, now: datetime) -> None:
    """The money is the utility's: it counts against what this till may owe."""
    lease = uow.lease()
    if lease is None:
        raise SaleError("LEASE_MISSING")
    if now > lease.valid_until:
        raise SaleError("LEASE_EXPIRED", until=lease.valid_until)
    left = lease.authorised_total_minor - uow.vended_total_minor()
    if amount_minor > left:
        raise SaleError("FLOAT_TOO_LOW", left_minor=max(0, left))
