"""Sell: the intent becomes durable, the module is asked, the outcome becomes durable. Then show.

Nothing here prints or talks to the network: the print job is part of the outcome's commit, and
the spooler and the sync lane find their work in the store.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from posapp.clock import epoch_ms
from posapp.domain.ids import ReceiptNumber, uuid7
from posapp.domain.meter import MeterConfiguration
from posapp.domain.sale import SaleState, Tender, TenderKind, TokenKind
from posapp.errors import ModuleError, Outcome, SaleError, StoreError
from posapp.journal.facts import SaleIntended, TokenItem
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
from posapp.pricing.quote import Quote
from posapp.services.issue import Issue, outcome_unknown
from posapp.services.quote import SaleContext, prepare
from posapp.services.recover import Recover
from posapp.services.slips import operator_names
from posapp.sts.tid import next_tid

QUOTE_VALID = timedelta(minutes=5)  # a customer counts coins; prices do not wait for ever
TENDERS_MAX = 4
log = logging.getLogger("posapp.sale")

CREDIT_ELECTRICITY = 0  # token subclasses, IEC 62055-41 6.2.2
CREDIT_MONEY = 4


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale that is durable: its token may be shown from here on."""

    record: SaleRecord
    receipt: ReceiptNumber
    found: FoundMeter
    change_minor: int
    job_id: int
    float_left_minor: int


class Sell:
    """Runs on the sale lane. One instance a till; sales follow one another."""

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
        self._till_code = store.read(lambda reader: reader.site().till_code)
        self._recover = Recover(store, module, queue, clock)

    def __call__(
        self, context: SaleContext, quote: Quote, tenders: tuple[Tender, ...], operator_id: int
    ) -> Sold:
        """Sell what was quoted.

        Raises SaleError (or StoreError): with outcome NOT_EXECUTED there is no token and no money
        is counted; with UNKNOWN the sale is kept and recovery will finish it.
        """
        _check_tenders(quote.amount_minor, tenders)
        if self._clock.now() - context.prepared_at > QUOTE_VALID:
            raise SaleError("QUOTE_EXPIRED")
        self._finish_open_sales()
        module = self._ready_module(context)
        record = self._intended(context, quote, tenders, operator_id, module)
        try:
            record = self._issue.fresh(record)
        except SaleError:
            raise
        except Exception as error:
            # The money is taken and the intent stands: whatever went wrong, this is not "no".
            log.exception("a sale was cut short after its intent")
            raise outcome_unknown(record.intent, type(error).__name__) from error
        self._queue.wake()
        return self._sold(record, context.found)

    def _intended(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        module: ModuleStatus,
    ) -> SaleRecord:
        """Write the intent; an error of the disk is only a "no" once the intent is not there."""
        sale_id = uuid7(epoch_ms(self._clock.now()), self._randomness.bytes(10)).bytes
        try:
            return self._store.write(
                lambda uow: self._intend(
                    uow, context, quote, tenders, operator_id, module, sale_id
                ),
                Urgency.SALE,
            )
        except StoreError as error:
            try:
                written = self._store.read(lambda reader: reader.sale(sale_id))
            except StoreError:
                raise SaleError(
                    "OUTCOME_UNKNOWN",
                    outcome=Outcome.UNKNOWN,
                    receipt="(its number cannot be read)",
                    amount_minor=quote.amount_minor,
                    meter=context.found.meter.number.digits,
                    cause=error.code,
                ) from error
            if written is not None:
                raise outcome_unknown(written.intent, error.code) from error
            raise SaleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params) from error

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

    def _ready_module(self, context: SaleContext) -> ModuleStatus:
        wanted = context.found.meter.configuration
        status = self._module.status()
        if status.state is not ModuleState.READY or not _fitting(status, wanted):
            # Somebody may have signed in, or loaded what was missing, since it was asked last.
            status = self._asked_again()
        if status.state.holds:  # it would refuse: nothing is written for that
            raise SaleError(status.sentence)
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

    def _intend(
        self,
        uow: UnitOfWork,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        module: ModuleStatus,
        sale_id: bytes,
    ) -> SaleRecord:
        now = self._clock.now()
        shift = uow.open_shift()
        if shift is None:
            raise SaleError("SHIFT_NOT_OPEN")
        if shift.operator_id != operator_id:
            raise SaleError("SHIFT_OF_ANOTHER", shift=shift.number)
        if operator_id not in operator_names(uow):
            raise SaleError("OPERATOR_UNKNOWN")  # left the shop since signing in
        meter = context.found.meter
        current = prepare(uow, meter.number, now)
        quote = _still_right(current, context, quote)
        high = uow.tid_high_water(meter.number, meter.configuration.base_date)
        items = token_items(quote, now, meter.configuration.base_date, high)
        intent = SaleIntended(
            sale_id=sale_id,
            receipt=uow.next_receipt(),
            shift=shift.number,
            operator_id=operator_id,
            business_date=uow.site().business_date(now),
            meter=meter.number.digits,
            configuration=meter.configuration,
            customer_id=meter.customer_id,
            tariff=quote.tariff,
            currency=quote.currency.code,
            lines=quote.lines,
            tenders=tenders,
            units_tenths=quote.units_tenths,
            month_units_before=quote.situation.bought_tenths,
            items=items,
            module_id=module.module_id,
            sequence=uow.next_sequence(module.module_id, above=module.last_sequence),
            free_tenths=quote.free_tenths,
            fees=quote.fees,
            rate=quote.rate,
            invoice=quote.invoice.words if quote.invoice else ("", ""),
        )
        assert intent.amount_minor == quote.amount_minor, "lines must add up to the quote"
        seq = uow.append(intent)
        return SaleRecord(intent, seq, now, SaleState.INTENT)


def _fitting(status: ModuleStatus, wanted: MeterConfiguration) -> list[SupplyKey]:
    return [k for k in status.keys if (k.sgc, k.krn) == (wanted.sgc, wanted.krn)]


def token_items(
    quote: Quote, now: datetime, base_date: int, high_water: int | None
) -> tuple[TokenItem, ...]:
    """The tokens of a sale in the order they are entered: free units first, then the credit.

    Raises SaleError where a TID cannot be made.
    """
    items = []
    tid = high_water
    if quote.free_tenths:
        tid = next_tid(now, base_date, tid)
        units = quote.free_token_units
        items.append(TokenItem(TokenKind.CREDIT, CREDIT_ELECTRICITY, tid, units, 0))
    subclass = CREDIT_MONEY if quote.carries_money else CREDIT_ELECTRICITY
    tid = next_tid(now, base_date, tid)
    items.append(TokenItem(TokenKind.CREDIT, subclass, tid, quote.token_units, quote.amount_minor))
    return tuple(items)


def _still_right(current: SaleContext, context: SaleContext, quote: Quote) -> Quote:
    """The quote as things are at the commit. Whatever moved since it was shown stops the sale,
    also where the price is the same: the customer may have bought just now.
    """
    if current.found.meter != context.found.meter:
        raise SaleError("QUOTE_CHANGED", what="meter")
    again = current.again(quote)
    moved = again.situation.differences(quote.situation)
    if again.tariff != quote.tariff:
        moved = ("tariff", *moved)
    if moved or _figures(again) != _figures(quote):
        raise SaleError("QUOTE_CHANGED", what=",".join(moved) or "price")
    return again


def _figures(quote: Quote) -> tuple[object, ...]:
    return (
        quote.tariff,
        quote.amount_minor,
        quote.units_tenths,
        quote.free_tenths,
        quote.token_units,
        quote.lines,
        quote.fees,
        quote.debts,
    )


def _check_tenders(due_minor: int, tenders: tuple[Tender, ...]) -> None:
    if not 1 <= len(tenders) <= TENDERS_MAX:
        raise SaleError("TENDER_INVALID")
    received = sum(t.received_minor for t in tenders)
    cash = sum(t.received_minor for t in tenders if t.kind is TenderKind.CASH)
    if received < due_minor:
        raise SaleError("TENDER_TOO_LITTLE", missing_minor=due_minor - received)
    if received - due_minor > cash:
        raise SaleError("CHANGE_NOT_CASH", change_minor=received - due_minor)
