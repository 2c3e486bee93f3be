"""Open a shift with a counted float; close it with a blind count, a reason and its Z."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from posapp.clock import epoch_ms
from posapp.codec import cbor
from posapp.domain.commission import CommissionRule
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import Operation, check_first
from posapp.domain.sale import SaleState, TenderKind
from posapp.domain.shift import CashCount, Shift
from posapp.errors import InputError, SaleError
from posapp.journal.cash_facts import NOT_COMPARED, ModuleCount, ZMade
from posapp.journal.facts import OverrideSigned, SaleUncertain, ShiftClosed, ShiftOpened
from posapp.ports import Clock, PrintQueue, Reader, SaleRecord, Store, UnitOfWork
from posapp.reports.shift_slip import build_shift_slip
from posapp.services.override import allowed_now
from posapp.services.quote import clock_problem
from posapp.services.reconcile import Reconcile
from posapp.services.shift_sums import Closing, earned, shift_facts, unpacked
from posapp.services.sign_in import SignIn
from posapp.services.slips import waiting_slips
from posapp.services.two_people import Witness

FLOAT_MINOR_MAX = 10**10
REASON_MAX = 120
SHIFT_ENDED = "SHIFT_ENDED"  # why a sale is held that was still open when its shift closed


@dataclass(frozen=True, slots=True)
class ShiftPreview:
    """What the till expects, shown only after the count was confirmed.

    `open_sales` were asked of the module and have no answer; closing holds their money, which
    `expected_minor` contains. A supervisor must sign for them and for a module that disagrees.
    """

    expected_minor: int
    counted_minor: int
    variance_minor: int
    open_sales: int
    waiting_slips: int
    module: ModuleCount = NOT_COMPARED

    @property
    def needs_signature(self) -> bool:
        """Whether a supervisor must sign."""
        return bool(self.open_sales) or not self.module.agrees


@dataclass(frozen=True, slots=True)
class ClosedShift:
    """The closed shift, the print job of its slip and the number of its Z."""

    shift: Shift
    job_id: int
    z_number: int = 0


class OpenShift:
    """Runs on the sale lane."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, operator: Operator, opening_minor: int) -> Shift:
        """Open the next shift.

        Raises SaleError SHIFT_ALREADY_OPEN, CLOCK_BACK, LEASE_EXPIRED, InputError FLOAT_RANGE,
        OPERATION_DENIED.
        """
        if not 0 <= opening_minor <= FLOAT_MINOR_MAX:
            raise InputError("FLOAT_RANGE")

        def write(uow: UnitOfWork) -> Shift:
            now = self._clock.now()
            allowed_now(uow, Operation.HANDLE_CASH, operator)
            lease = uow.lease()
            problem = clock_problem(uow, now)
            if problem is not None:
                raise problem
            if lease is not None and now > lease.valid_until:
                # Nothing could be sold, and a clock far ahead must not get into the journal.
                raise SaleError("LEASE_EXPIRED", until=lease.valid_until)
            current = uow.open_shift()
            if current is not None:
                raise SaleError("SHIFT_ALREADY_OPEN", shift=current.number)
            number, site = uow.last_shift_number() + 1, uow.site()
            day, currency = site.business_date(now), site.currency_code
            uow.append(ShiftOpened(number, operator.operator_id, opening_minor, day, currency))
            opened = uow.open_shift()
            assert opened is not None
            return opened

        return self._store.write(write)


class CloseShift:
    """Runs on the sale lane. `rules` are the vendor's commission."""

    def __init__(
        self,
        store: Store,
        queue: PrintQueue,
        clock: Clock,
        reconcile: Reconcile,
        sign_in: SignIn,
        rules: tuple[CommissionRule, ...] = (),
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._reconcile = reconcile
        self._sign_in = sign_in
        self._rules = rules

    def preview(self, count: CashCount) -> ShiftPreview:
        """Compare a confirmed count, and the module's book with ours. Up to some seconds.

        Raises SaleError SHIFT_NOT_OPEN.
        """
        module = self._reconcile()

        def read(reader: Reader) -> ShiftPreview:
            waiting = _unanswered(reader)
            expected = expected_cash(reader, _open(reader))
            held = {sale.receipt for sale in reader.held_sales()}
            # One that was held and is asked for again stands in the drawer already.
            expected += sum(cash_kept(r) for r in waiting if r.intent.receipt not in held)
            return ShiftPreview(
                expected_minor=expected,
                counted_minor=count.total_minor,
                variance_minor=count.total_minor - expected,
                open_sales=len(waiting),
                waiting_slips=waiting_slips(reader),
                module=module,
            )

        return self._store.read(read)

    def __call__(
        self,
        operator: Operator,
        count: CashCount,
        reason: str = "",
        witness: Witness | None = None,
    ) -> ClosedShift:
        """Close the open shift, make its Z and queue its slip.

        `witness` is the supervisor who signs for open sales and for a module whose book is not
        ours; a supervisor who closes signs with the own PIN. Raises SaleError SHIFT_NOT_OPEN,
        SHIFT_OF_ANOTHER, SALE_UNRESOLVED, MODULE_DISAGREES (module_tokens, ledger_tokens,
        orphans) without such a signature, InputError REASON_MISSING when the count differs and
        no reason is given, OPERATION_DENIED, PIN_WRONG. Nothing is changed then.
        """
        module = self._reconcile()
        signer = None
        if witness is not None:
            signer = self._sign_in.check(witness.operator_id, witness.pin)
            check_first(Operation.CLOSE_UNRESOLVED, signer)

        def write(uow: UnitOfWork) -> ClosedShift:
            shift = _open(uow)
            person = allowed_now(uow, Operation.HANDLE_CASH, operator)
            if shift.operator_id != person.operator_id and person.role is not Role.SUPERVISOR:
                raise SaleError("SHIFT_OF_ANOTHER", shift=shift.number)
            signed = self._sign(uow, operator, signer, shift, module)
            return self._close(uow, operator, shift, count, reason, module, signed)

        result = self._store.write(write)
        self._queue.wake()
        return result

    def _sign(
        self,
        uow: UnitOfWork,
        operator: Operator,
        signer: Operator | None,
        shift: Shift,
        module: ModuleCount,
    ) -> Operator | None:
        """Hold what is unanswered and write down who signed for it; nobody where all is well."""
        waiting = _unanswered(uow)
        if not waiting and module.agrees:
            return None
        if signer is None and waiting:
            first = waiting[0].intent
            raise SaleError(
                "SALE_UNRESOLVED", receipt=first.receipt, amount_minor=first.amount_minor
            )
        if signer is None:
            raise SaleError(
                "MODULE_DISAGREES",
                module_tokens=module.module_tokens,
                ledger_tokens=module.ledger_tokens,
                orphans=len(module.orphans),
            )
        for record in waiting:
            uow.append(SaleUncertain(record.intent_seq, SHIFT_ENDED))
        seen = [shift.number, module.module_tokens, module.ledger_tokens, list(module.orphans)]
        seen.append([record.intent.receipt for record in waiting])
        uow.append(
            OverrideSigned(
                operation=Operation.CLOSE_UNRESOLVED.value,
                parameters=hashlib.sha256(cbor.encode(seen)).digest(),
                first_id=operator.operator_id,
                second_id=signer.operator_id,
                reason="SALE_UNRESOLVED" if waiting else "MODULE_DISAGREES",
                note="",
                subject=b"",
                business_date=uow.site().business_date(self._clock.now()).toordinal(),
            )
        )
        return signer

    def _close(
        self,
        uow: UnitOfWork,
        operator: Operator,
        shift: Shift,
        count: CashCount,
        reason: str,
        module: ModuleCount,
        signer: Operator | None,
    ) -> ClosedShift:
        expected = expected_cash(uow, shift)
        drawer = uow.drawer_parts(shift.number)
        text = reason.strip()[:REASON_MAX]
        if count.total_minor != expected and not text:
            raise InputError("REASON_MISSING", variance_minor=count.total_minor - expected)
        printed, copies = uow.print_counts(shift.number)
        site = uow.site()
        day = site.business_date(self._clock.now())
        through = uow.append(
            ShiftClosed(
                shift=shift.number,
                operator_id=operator.operator_id,
                counted_minor=count.total_minor,
                expected_minor=expected,
                pieces=count.pieces,
                reason=text,
                slips_printed=printed,
                copies_printed=copies,
                business_date=day,
                currency=site.currency_code,
            )
        )
        closed = uow.shift(shift.number)
        assert closed is not None
        last = uow.last_z()
        closing = Closing(
            number=last.fact.number + 1 if last else 1,
            count=count,
            drawer=drawer,
            module=module,
            signer=signer,
            printed=(printed, copies),
        )
        facts = shift_facts(uow, closed, self._clock.now(), self._rules, closing)
        document = build_shift_slip(facts)
        lease = uow.lease()
        uow.append(
            ZMade(
                number=closing.number,
                shift=shift.number,
                operator_id=operator.operator_id,
                business_date=day,
                currency=site.currency_code,
                after_seq=last.fact.through_seq if last else 0,
                through_seq=through,
                authorised_minor=lease.authorised_total_minor if lease else 0,
                vended_minor=uow.vended_total_minor(),
                document=zlib.compress(document.to_bytes(), 9),
                commissions=earned(facts.totals, site.currency, self._rules),
                module=module,
                signed_by=signer.operator_id if signer else 0,
                last_receipt=facts.totals.last_receipt or facts.previous_receipt,
                lease_until_ms=epoch_ms(lease.valid_until) if lease else 0,
                copies=copies,
                waiting_slips=facts.waiting_slips,
                waiting_entries=uow.head().seq - uow.acknowledged_seq(),
            )
        )
        job_id = uow.add_print_job("shift", document.title, document.to_bytes())
        return ClosedShift(closed, job_id, closing.number)


class PrintZ:
    """Shows or prints a Z again: the bytes that stand in the journal. Runs on the report lane."""

    def __init__(self, store: Store, queue: PrintQueue) -> None:
        self._store = store
        self._queue = queue

    def document(self, number: int) -> bytes:
        """The document of a Z. Raises InputError Z_UNKNOWN."""
        return self._store.read(lambda reader: _document(reader, number)[1])

    def __call__(self, number: int) -> int:
        """Queue it once more; the print job. Raises InputError Z_UNKNOWN."""

        def write(uow: UnitOfWork) -> int:
            title, document = _document(uow, number)
            return uow.add_print_job("shift", title, document)

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id


def expected_cash(reader: Reader, shift: Shift) -> int:
    """What the ledger has in a shift's drawer: float, cash sales, what went in and out."""
    return reader.drawer_minor(shift.number)


def cash_kept(record: SaleRecord) -> int:
    """Cash received less change, in minor units."""
    intent = record.intent
    cash = sum(t.received_minor for t in intent.tenders if t.kind is TenderKind.CASH)
    return cash - intent.change_minor


def _document(reader: Reader, number: int) -> tuple[str, bytes]:
    record = reader.z(number)
    if record is None:
        raise InputError("Z_UNKNOWN", number=number)
    return f"Z {number}", unpacked(record.fact.document)


def _unanswered(reader: Reader) -> list[SaleRecord]:
    """Open sales whose money is not held yet: the ones that were already said to be UNKNOWN are
    on the list of held money and keep nobody from going home.
    """
    return [r for r in reader.open_sales() if r.state is not SaleState.UNKNOWN]


def _open(reader: Reader) -> Shift:
    shift = reader.open_shift()
    if shift is None:
        raise SaleError("SHIFT_NOT_OPEN")
    return shift
