"""Open a shift with a counted float; close it with a blind count and a slip."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.domain.operator import Operator, Role
from posapp.domain.sale import SOLD_STATES, SaleState, TenderKind
from posapp.domain.shift import CashCount, Shift
from posapp.errors import InputError, SaleError
from posapp.journal.facts import ShiftClosed, ShiftOpened
from posapp.ports import Clock, PrintQueue, Reader, SaleRecord, Store, UnitOfWork
from posapp.services.quote import clock_is_back
from posapp.services.slips import sales_of, shift_slip_of, waiting_slips

FLOAT_MINOR_MAX = 10**10
REASON_MAX = 120


@dataclass(frozen=True, slots=True)
class ShiftPreview:
    """What the till expects, shown only after the count was confirmed."""

    expected_minor: int
    counted_minor: int
    variance_minor: int
    open_sales: int
    waiting_slips: int


@dataclass(frozen=True, slots=True)
class ClosedShift:
    """The closed shift and the print job of its slip."""

    shift: Shift
    job_id: int


class OpenShift:
    """Runs on the sale lane."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, operator: Operator, opening_minor: int) -> Shift:
        """Open the next shift.

        Raises SaleError SHIFT_ALREADY_OPEN, CLOCK_BACK, LEASE_EXPIRED, InputError FLOAT_RANGE.
        """
        if not 0 <= opening_minor <= FLOAT_MINOR_MAX:
            raise InputError("FLOAT_RANGE")

        def write(uow: UnitOfWork) -> Shift:
            now = self._clock.now()
            lease = uow.lease()
            if clock_is_back(uow, now):
                raise SaleError("CLOCK_BACK", floor=uow.clock_floor(), now=now)
            if lease is not None and now > lease.valid_until:
                # Nothing could be sold, and a clock far ahead must not get into the journal.
                raise SaleError("LEASE_EXPIRED", until=lease.valid_until)
            current = uow.open_shift()
            if current is not None:
                raise SaleError("SHIFT_ALREADY_OPEN", shift=current.number)
            number = uow.last_shift_number() + 1
            uow.append(ShiftOpened(number, operator.operator_id, opening_minor))
            opened = uow.open_shift()
            assert opened is not None
            return opened

        return self._store.write(write)


class CloseShift:
    """Runs on the sale lane."""

    def __init__(self, store: Store, queue: PrintQueue) -> None:
        self._store = store
        self._queue = queue

    def preview(self, count: CashCount) -> ShiftPreview:
        """Compare a confirmed count. Raises SaleError SHIFT_NOT_OPEN."""

        def read(reader: Reader) -> ShiftPreview:
            expected = expected_cash(reader, _open(reader))
            return ShiftPreview(
                expected_minor=expected,
                counted_minor=count.total_minor,
                variance_minor=count.total_minor - expected,
                open_sales=len(reader.open_sales()),
                waiting_slips=waiting_slips(reader),
            )

        return self._store.read(read)

    def __call__(self, operator: Operator, count: CashCount, reason: str = "") -> ClosedShift:
        """Close the open shift and queue its slip.

        Raises SaleError SHIFT_NOT_OPEN, SHIFT_OF_ANOTHER, SALE_UNRESOLVED, InputError
        REASON_MISSING when the count differs and no reason is given. Nothing is changed then.
        """

        def write(uow: UnitOfWork) -> ClosedShift:
            shift = _open(uow)
            if shift.operator_id != operator.operator_id and operator.role is not Role.SUPERVISOR:
                raise SaleError("SHIFT_OF_ANOTHER", shift=shift.number)
            # One whose module is gone is held and listed, and keeps nobody from going home.
            waiting = [s for s in uow.open_sales() if s.state is not SaleState.UNKNOWN]
            if waiting:
                first = waiting[0].intent
                raise SaleError(
                    "SALE_UNRESOLVED", receipt=first.receipt, amount_minor=first.amount_minor
                )
            expected = expected_cash(uow, shift)
            text = reason.strip()[:REASON_MAX]
            if count.total_minor != expected and not text:
                raise InputError("REASON_MISSING", variance_minor=count.total_minor - expected)
            printed, copies = uow.print_counts(shift.number)
            uow.append(
                ShiftClosed(
                    shift=shift.number,
                    operator_id=operator.operator_id,
                    counted_minor=count.total_minor,
                    expected_minor=expected,
                    pieces=count.pieces,
                    reason=text,
                    slips_printed=printed,
                    copies_printed=copies,
                )
            )
            closed = uow.shift(shift.number)
            assert closed is not None
            title, document = shift_slip_of(uow, closed, count, printed, copies)
            return ClosedShift(closed, uow.add_print_job("shift", title, document))

        result = self._store.write(write)
        self._queue.wake()
        return result


def expected_cash(reader: Reader, shift: Shift) -> int:
    """Opening float plus the cash that sold sales of the shift left in the drawer."""
    sold = (record for record in sales_of(reader, shift) if record.state in SOLD_STATES)
    return shift.opening_minor + sum(cash_kept(record) for record in sold)


def cash_kept(record: SaleRecord) -> int:
    """Cash received less change, in minor units."""
    intent = record.intent
    cash = sum(t.received_minor for t in intent.tenders if t.kind is TenderKind.CASH)
    return cash - intent.change_minor


def _open(reader: Reader) -> Shift:
    shift = reader.open_shift()
    if shift is None:
        raise SaleError("SHIFT_NOT_OPEN")
    return shift
