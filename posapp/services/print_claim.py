"""A numbered slip for a customer whose token nobody can say anything of yet."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.domain.sale import OPEN_STATES, SaleState
from posapp.errors import InputError
from posapp.journal.facts import SaleUncertain
from posapp.ports import Clock, PrintQueue, SaleRecord, SecurityModule, Store, UnitOfWork
from posapp.reports.claim_slip import ClaimFacts, build_claim
from posapp.services.override import Consent, Override, still_allowed
from posapp.services.slips import operator_names

KIND = "claim"
REASON = "CLAIM_PRINTED"  # why a sale is held that nobody could ask for


class PrintClaim:
    """Runs on the sale lane. The money stays held; the same sale is not sold again."""

    def __init__(
        self,
        store: Store,
        module: SecurityModule,
        queue: PrintQueue,
        clock: Clock,
        override: Override,
    ) -> None:
        self._store = store
        self._module = module
        self._queue = queue
        self._clock = clock
        self._override = override

    def __call__(self, sale_id: bytes, operator_id: int) -> int:
        """Queue the slip (again: a copy of it); its job id. The receipt number is the claim's.

        Raises InputError OPERATION_DENIED, CLAIM_ENDED (the sale is open no more),
        CLAIM_ASK_FIRST (the module that was asked is there).
        """
        signed = self._override(Operation.PRINT_CLAIM, operator_id, Consent(), {0: sale_id})

        def write(uow: UnitOfWork) -> int:
            still_allowed(uow, signed)
            record = uow.sale(sale_id)
            if record is None or record.state not in OPEN_STATES:
                raise InputError("CLAIM_ENDED")
            if self._can_answer(record):
                raise InputError("CLAIM_ASK_FIRST")
            copies = [job for job in uow.print_jobs_of_sale(sale_id) if job.kind == KIND]
            if record.state is not SaleState.UNKNOWN:
                uow.append(SaleUncertain(record.intent_seq, REASON))
            now = self._clock.now()
            uow.append(signed.fact(uow.site().business_date(now), sale_id))
            name = operator_names(uow).get(operator_id, str(operator_id))
            chain = uow.head().code
            document = build_claim(ClaimFacts(uow.site(), record, now, name, chain))
            return uow.add_print_job(
                KIND, document.title, document.to_bytes(), sale_id=sale_id, copy_no=len(copies)
            )

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id

    def _can_answer(self, record: SaleRecord) -> bool:
        status = self._module.status()
        return status.state.answers and status.module_id == record.intent.module_id
