"""Take a sale back while nobody has seen its token; afterwards there is only a request.

A token that is on paper or on a screen is cash in somebody's hand: no till can call it back.
"""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.domain.sale import OPEN_STATES, SaleState
from posapp.errors import InputError, ModuleError, Outcome, SaleError
from posapp.journal.facts import SaleVoided
from posapp.lanes import Urgency
from posapp.ports import (
    Clock,
    PrintState,
    SaleRecord,
    SecurityModule,
    Store,
    UnitOfWork,
)
from posapp.services.issue import Issue
from posapp.services.override import Consent, Override, Signed, still_allowed

STILL_INSIDE = (PrintState.QUEUED, PrintState.CANCELLED)


class Void:
    """Runs on the sale lane; up to 30 s where the module must be asked first."""

    def __init__(
        self,
        store: Store,
        module: SecurityModule,
        clock: Clock,
        override: Override,
        began_seq: int,
    ) -> None:
        """`began_seq`: the journal's end when this run began, see `Place.began_seq`."""
        self._store = store
        self._clock = clock
        self._override = override
        self._issue = Issue(store, module, clock)
        # What was made in an earlier run may have stood on the screen when the power went.
        self._began_seq = began_seq

    def __call__(self, sale_id: bytes, operator_id: int, consent: Consent) -> SaleRecord:
        """Void it; the money goes back over the counter. Returns the sale as it stands.

        Raises InputError SALE_NOT_FOUND, VOID_TOO_LATE (its token was or may have been seen, or
        its money was asked back), VOID_ABOVE_ROLE, as `Override`; SaleError OUTCOME_UNKNOWN
        while the module cannot say whether it made the token. Nothing is changed then.
        """
        record = self._find(sale_id)
        intent = record.intent
        parameters = {0: sale_id, 1: intent.receipt, 2: intent.amount_minor}
        signed = self._override(Operation.VOID, operator_id, consent, parameters)
        limits = self._store.read(lambda r: r.role_limits(signed.first.role))
        limits.check_void(intent.amount_minor)
        if record.state in OPEN_STATES:
            record = self._settled(record, signed)
        if record.state in (SaleState.REFUSED, SaleState.CANCELLED):
            return record
        self._store.write(lambda uow: self._void(uow, record, signed), Urgency.SALE)
        return self._find(sale_id)

    def _settled(self, record: SaleRecord, signed: Signed) -> SaleRecord:
        """Burn the request at the module, or learn that its token was made."""
        try:
            record = self._issue.burn(record)
        except SaleError as error:
            if error.outcome is not Outcome.NOT_EXECUTED:
                raise
        except ModuleError as error:
            raise SaleError(
                "OUTCOME_UNKNOWN",
                outcome=Outcome.UNKNOWN,
                receipt=record.intent.receipt,
                amount_minor=record.intent.amount_minor,
                meter=record.intent.meter,
                cause=error.code,
            ) from error
        if record.state is SaleState.CANCELLED:
            self._store.write(lambda uow: self._note(uow, record, signed), Urgency.SALE)
        return self._find(record.intent.sale_id)

    def _note(self, uow: UnitOfWork, record: SaleRecord, signed: Signed) -> int:
        day = uow.site().business_date(self._clock.now())
        return uow.append(signed.fact(day, record.intent.sale_id))

    def _void(self, uow: UnitOfWork, record: SaleRecord, signed: Signed) -> None:
        intent = record.intent
        known = uow.sale(intent.sale_id)
        jobs = uow.print_jobs_of_sale(intent.sale_id)
        if known is None or known.state is not SaleState.ISSUED:
            raise InputError("VOID_TOO_LATE", receipt=intent.receipt)
        spent = known.ended_seq <= self._began_seq or uow.refunded_minor(known) > 0
        if spent or any(job.state not in STILL_INSIDE for job in jobs):
            raise InputError("VOID_TOO_LATE", receipt=intent.receipt)
        shift = uow.open_shift()
        if shift is None:
            raise SaleError("SHIFT_NOT_OPEN")
        if shift.number != intent.shift:  # that drawer is counted; its money is another matter
            raise InputError("VOID_TOO_LATE", receipt=intent.receipt)
        still_allowed(uow, signed)
        for job in jobs:
            uow.set_print_job(job.job_id, PrintState.CANCELLED, "VOIDED")
        self._note(uow, record, signed)
        uow.append(SaleVoided(record.intent_seq, shift.number, signed.first.operator_id))

    def _find(self, sale_id: bytes) -> SaleRecord:
        record = self._store.read(lambda reader: reader.sale(sale_id))
        if record is None:
            raise InputError("SALE_NOT_FOUND")
        return record
