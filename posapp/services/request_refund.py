"""Ask head office for money or units back when a token was already seen; books and paper say so."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.domain.meter import MeterNumber
from posapp.domain.permissions import Operation
from posapp.domain.sale import SOLD_STATES
from posapp.errors import InputError, SaleError
from posapp.journal.facts import RefundRequested
from posapp.ports import Clock, PrintQueue, Store, UnitOfWork
from posapp.reports.refund import RefundFacts, build_refund
from posapp.services.override import Consent, Override, still_allowed
from posapp.services.slips import operator_names

EVIDENCE_MAX = 80


@dataclass(frozen=True, slots=True)
class Claim:
    """What is wanted back. `amount_minor` of the sale; `right_meter` is where its units should
    have gone, None for money back; `evidence` (1..80 characters) names the papers shown.
    """

    sale_id: bytes
    amount_minor: int
    evidence: str
    right_meter: MeterNumber | None = None


class RequestRefund:
    """Runs on the sale lane."""

    def __init__(self, store: Store, queue: PrintQueue, clock: Clock, override: Override) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._override = override

    def __call__(self, claim: Claim, operator_id: int, consent: Consent) -> int:
        """Write the request, book it and queue its form; the print job's number.

        No money moves here: head office decides. Raises InputError SALE_NOT_FOUND,
        EVIDENCE_MISSING, REFUND_AMOUNT(maximum_minor), SAME_METER, as `Override`; SaleError
        SHIFT_NOT_OPEN.
        """
        proof = claim.evidence.strip()
        if not 0 < len(proof) <= EVIDENCE_MAX:
            raise InputError("EVIDENCE_MISSING", limit=EVIDENCE_MAX)
        right = claim.right_meter.digits if claim.right_meter else ""
        parameters = {0: claim.sale_id, 1: claim.amount_minor, 2: right, 3: proof}
        signed = self._override(Operation.REQUEST_REFUND, operator_id, consent, parameters)

        def write(uow: UnitOfWork) -> int:
            record, shift = uow.sale(claim.sale_id), uow.open_shift()
            if record is None or record.state not in SOLD_STATES:
                raise InputError("SALE_NOT_FOUND")
            if shift is None:
                raise SaleError("SHIFT_NOT_OPEN")
            sale = record.intent
            left = sale.amount_minor - uow.refunded_minor(record)
            if not 0 < claim.amount_minor <= left:
                raise InputError("REFUND_AMOUNT", maximum_minor=left)
            if right == sale.meter:
                raise InputError("SAME_METER", number=right)
            still_allowed(uow, signed)
            day = uow.site().business_date(self._clock.now())
            units = sale.units_tenths * claim.amount_minor // sale.amount_minor
            fact = RefundRequested(
                intent_seq=record.intent_seq,
                shift=shift.number,
                operator_id=operator_id,
                amount_minor=claim.amount_minor,
                units_tenths=units,
                right_meter=right,
                reason=signed.reason,
                evidence=proof,
                business_date=day.toordinal(),
                currency=sale.currency,
            )
            uow.append(signed.fact(day, claim.sale_id))
            uow.append(fact)
            names = operator_names(uow)
            second = signed.second.operator_id if signed.second else 0
            facts = RefundFacts(
                site=uow.site(),
                record=record.intent,
                request=fact,
                at=self._clock.now(),
                first_name=names.get(operator_id, str(operator_id)),
                second_name=names.get(second, ""),
                chain_code=uow.head().code,
            )
            document = build_refund(facts)
            return uow.add_print_job(document.kind, document.title, document.to_bytes())

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id
