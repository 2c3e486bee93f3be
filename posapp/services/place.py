"""Place an order: one durable intent, one visit to the module, one durable outcome.

Every verb that makes tokens or takes money goes this way, and differs only in what it composes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from posapp.clock import epoch_ms
from posapp.domain import permissions
from posapp.domain.ids import ReceiptNumber, uuid7
from posapp.domain.meter import MeterConfiguration
from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.domain.sale import SaleKind, SaleLine, SaleState, Tender, TenderKind
from posapp.domain.standing import FeeState, Rate
from posapp.errors import InputError, ModuleError, Outcome, SaleError, StoreError
from posapp.journal.facts import SaleIntended, SaleIssued, TokenItem
from posapp.lanes import Urgency
from posapp.ports import (
    Clock,
    FoundMeter,
    ModuleState,
    ModuleStatus,
    PrintQueue,
    Randomness,
    SaleRecord,
    SecurityModule,
    Store,
    SupplyKey,
    UnitOfWork,
)
from posapp.services.issue import Issue, outcome_unknown
from posapp.services.override import Signed, still_allowed
from posapp.services.quote import clock_problem
from posapp.services.recover import Recover
from posapp.services.slips import receipt_of

TENDERS_MAX = 4
log = logging.getLogger("posapp.sale")


@dataclass(frozen=True, slots=True)
class Goods:
    """What an order is made of. Names as in `SaleIntended`."""

    kind: SaleKind = SaleKind.SALE
    items: tuple[TokenItem, ...] = ()
    lines: tuple[SaleLine, ...] = ()
    tenders: tuple[Tender, ...] = ()
    tariff: str = ""
    units_tenths: int = 0
    month_units_before: int = 0
    free_tenths: int = 0
    fees: tuple[tuple[str, FeeState], ...] = ()
    rate: Rate | None = None
    invoice: tuple[str, str] = ("", "")
    reason: str = ""
    reference: str = ""
    batch: bytes = b""


@dataclass(frozen=True, slots=True)
class Order:
    """What a verb asks for. `compose` runs inside the transaction that writes the intent and
    looks once more at everything it depends on.

    `configuration` is the key the meter has, `keys` are those the module must hold (none: the
    module is not asked at all). `signed` is the second person's word, if one was needed.
    """

    found: FoundMeter
    configuration: MeterConfiguration
    operation: Operation
    operator_id: int
    amount_minor: int
    compose: Callable[[UnitOfWork, datetime, Operator], Goods]
    keys: tuple[MeterConfiguration, ...] = ()
    signed: Signed | None = None

    @property
    def takes_money(self) -> bool:
        """Whether anything is paid."""
        return self.amount_minor > 0


@dataclass(frozen=True, slots=True)
class Sold:
    """An order that is durable: its tokens may be shown from here on."""

    record: SaleRecord
    receipt: ReceiptNumber
    found: FoundMeter
    change_minor: int
    job_id: int
    float_left_minor: int


class Place:
    """Runs on the sale lane. One instance a till; orders follow one another.

    `began_seq` is where the journal ended when this run of the program began.
    """

    def __init__(
        self,
        store: Store,
        module: SecurityModule,
        queue: PrintQueue,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._module = module
        self._queue = queue
        self._clock = clock
        self._randomness = randomness
        self._issue = Issue(store, module, clock)
        self._till_code, self.began_seq = store.read(
            lambda reader: (reader.site().till_code, reader.head().seq)
        )
        self._recover = Recover(store, module, queue, clock)

    def __call__(self, order: Order) -> Sold:
        """Carry it out.

        Raises SaleError (or InputError, StoreError): with outcome NOT_EXECUTED there is no token
        and no money is counted; with UNKNOWN the order is kept and recovery will finish it.
        """
        status: ModuleStatus | None = None
        if order.keys:
            self._finish_open_sales()
            status = self._ready_module(order.keys)
        record = self._intended(order, status)
        if status is not None:
            try:
                record = self._issue.fresh(record)
            except SaleError:
                raise
            except Exception as error:
                # The money is taken and the intent stands: whatever went wrong, this is not "no".
                log.exception("a sale was cut short after its intent")
                raise outcome_unknown(record.intent, type(error).__name__) from error
        self._queue.wake()
        return self._sold(record, order.found)

    def _intended(self, order: Order, module: ModuleStatus | None) -> SaleRecord:
        """Write the intent; an error of the disk is only a "no" once the intent is not there."""
        sale_id = self.new_id()
        try:
            return self._store.write(
                lambda uow: self._intend(uow, order, module, sale_id), Urgency.SALE
            )
        except StoreError as error:
            try:
                written = self._store.read(lambda reader: reader.sale(sale_id))
            except StoreError:
                raise SaleError(
                    "OUTCOME_UNKNOWN",
                    outcome=Outcome.UNKNOWN,
                    receipt="(its number cannot be read)",
                    amount_minor=order.amount_minor,
                    meter=order.found.meter.number.digits,
                    cause=error.code,
                ) from error
            if written is not None:
                raise outcome_unknown(written.intent, error.code) from error
            raise SaleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params) from error

    def new_id(self) -> bytes:
        """A UUIDv7: the id of an order or of a payment for several meters."""
        return uuid7(epoch_ms(self._clock.now()), self._randomness.bytes(10)).bytes

    def _intend(
        self, uow: UnitOfWork, order: Order, module: ModuleStatus | None, sale_id: bytes
    ) -> SaleRecord:
        now = self._clock.now()
        shift = uow.open_shift()
        if shift is None:
            raise SaleError("SHIFT_NOT_OPEN")
        if order.takes_money and shift.operator_id != order.operator_id:
            raise SaleError("SHIFT_OF_ANOTHER", shift=shift.number)
        person = _person(uow, order)
        problem = clock_problem(uow, now)
        if problem is not None:
            raise problem
        goods = order.compose(uow, now, person)
        check_tenders(order.amount_minor, goods.tenders)
        meter = order.found.meter
        day = uow.site().business_date(now)
        intent = SaleIntended(
            sale_id=sale_id,
            receipt=uow.next_receipt(),
            shift=shift.number,
            operator_id=order.operator_id,
            business_date=day,
            meter=meter.number.digits,
            configuration=order.configuration,
            customer_id=meter.customer_id,
            tariff=goods.tariff,
            currency=uow.site().currency_code,
            lines=goods.lines,
            tenders=goods.tenders,
            units_tenths=goods.units_tenths,
            month_units_before=goods.month_units_before,
            items=goods.items,
            module_id=module.module_id if module else "",
            sequence=_sequence(uow, module),
            free_tenths=goods.free_tenths,
            fees=goods.fees,
            rate=goods.rate,
            invoice=goods.invoice,
            kind=goods.kind,
            reason=goods.reason,
            reference=goods.reference,
            batch=goods.batch,
        )
        assert intent.amount_minor == order.amount_minor, "lines must add up to what is paid"
        if order.signed is not None:
            still_allowed(uow, order.signed)
            uow.append(order.signed.fact(day, sale_id))
        seq = uow.append(intent)
        record = SaleRecord(intent, seq, now, SaleState.INTENT)
        return record if module else self._paid(uow, record)

    def _paid(self, uow: UnitOfWork, record: SaleRecord) -> SaleRecord:
        """A payment needs no token: its outcome is part of the same transaction."""
        assert not record.intent.items, "tokens need a module"
        uow.append(SaleIssued(record.intent_seq, (), 0))
        done = replace(record, state=SaleState.ISSUED)
        title, document = receipt_of(uow, done, certified=True, earlier=None)
        uow.add_print_job("receipt", title, document, sale_id=record.intent.sale_id)
        return done

    def _sold(self, record: SaleRecord, found: FoundMeter) -> Sold:
        """What the screen needs. The token is durable: nothing here may keep it from view."""
        intent = record.intent
        job_id = left = 0
        try:
            jobs, lease, vended = self._store.read(
                lambda r: (
                    r.print_jobs_of_sale(intent.sale_id),
                    r.lease(),
                    r.vended_total_minor(),
                )
            )
            job_id = jobs[0].job_id if jobs else 0
            left = lease.authorised_total_minor - vended if lease else 0
        except StoreError as error:
            log.error("a sold sale could not be read back: %s", error.code)
        return Sold(
            record=record,
            receipt=ReceiptNumber(self._till_code, intent.receipt),
            found=found,
            change_minor=intent.change_minor,
            job_id=job_id,
            float_left_minor=max(0, left),
        )

    def revealed(self, sale_id: bytes) -> None:
        """The token is on the screen. A local step; losing it in a power cut loses nothing."""
        self._store.write(lambda uow: uow.set_sale_state(sale_id, SaleState.REVEALED))

    def _finish_open_sales(self) -> None:
        """Finish what is open; whoever pressed Enter sees that before anything new is sold."""
        if not self._store.read(lambda reader: reader.open_sales()):
            return
        recovery = self._recover()
        waiting = [r for r in recovery.unresolved if r.state is not SaleState.UNKNOWN]
        for code, records in (
            ("SALE_UNRESOLVED", waiting),
            ("OPEN_SALE_FINISHED", recovery.resolved),
        ):
            for record in records:
                intent = record.intent
                raise SaleError(
                    code,
                    receipt=intent.receipt,
                    amount_minor=intent.amount_minor,
                    meter=intent.meter,
                )

    def _ready_module(self, keys: tuple[MeterConfiguration, ...]) -> ModuleStatus:
        status = self._module.status()
        if status.state is not ModuleState.READY or not all(_fitting(status, k) for k in keys):
            # Somebody may have signed in, or loaded what was missing, since it was asked last.
            status = self._asked_again()
        if status.state.holds:  # it would refuse: nothing is written for that
            raise SaleError(status.sentence)
        for wanted in keys:
            fitting = _fitting(status, wanted)
            if not fitting:
                raise SaleError("KEY_NOT_FOUND", sgc=wanted.sgc, krn=wanted.krn)
            if all(key.base_date != wanted.base_date for key in fitting):
                raise SaleError("BASE_DATE_MISMATCH", sgc=wanted.sgc, krn=wanted.krn)
        return status

    def _asked_again(self) -> ModuleStatus:
        """The module's word now. One that holds says so; one that is away is a ModuleError."""
        try:
            return self._module.refresh()
        except ModuleError:
            status = self._module.status()
            if not status.state.holds:
                raise
            return status


def _person(uow: UnitOfWork, order: Order) -> Operator:
    """Who does it, as head office knows the person now."""
    for record in uow.operators():
        if record.operator.operator_id == order.operator_id:
            permissions.check_first(order.operation, record.operator)
            return record.operator
    raise SaleError("OPERATOR_UNKNOWN")  # left the shop since signing in


def _sequence(uow: UnitOfWork, module: ModuleStatus | None) -> int:
    if module is None:
        return 0
    return uow.next_sequence(module.module_id, above=module.last_sequence)


def _fitting(status: ModuleStatus, wanted: MeterConfiguration) -> list[SupplyKey]:
    return [k for k in status.keys if (k.sgc, k.krn) == (wanted.sgc, wanted.krn)]


def check_tenders(due_minor: int, tenders: tuple[Tender, ...]) -> None:
    """Whether these pay what is due; change goes back in cash only.

    Raises SaleError TENDER_INVALID, TENDER_TOO_LITTLE(missing_minor),
    CHANGE_NOT_CASH(change_minor), InputError TENDER_REFERENCE_TWICE(reference).
    """
    if not due_minor and not tenders:
        return
    if not due_minor or not 1 <= len(tenders) <= TENDERS_MAX:
        raise SaleError("TENDER_INVALID")
    received = sum(t.received_minor for t in tenders)
    cash = sum(t.received_minor for t in tenders if t.kind is TenderKind.CASH)
    if received < due_minor:
        raise SaleError("TENDER_TOO_LITTLE", missing_minor=due_minor - received)
    if received - due_minor > cash:
        raise SaleError("CHANGE_NOT_CASH", change_minor=received - due_minor)
    named = [(t.kind, t.reference.strip()) for t in tenders if t.reference.strip()]
    if len(set(named)) != len(named):
        raise InputError("TENDER_REFERENCE_TWICE", reference=named[-1][1])
