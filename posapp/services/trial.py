"""Print a trial quote: the customer takes the prices home. Nothing is sold."""

from __future__ import annotations

from posapp.ports import Clock, PrintQueue, Store, UnitOfWork
from posapp.pricing.quote import Quote
from posapp.reports.trial_quote import TrialFacts, build_trial_quote
from posapp.services.quote import SaleContext
from posapp.services.slips import operator_names


class PrintTrial:
    """Runs on the sale lane."""

    def __init__(self, store: Store, queue: PrintQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock

    def __call__(self, context: SaleContext, quote: Quote, operator_id: int) -> int:
        """Queue the slip of a quote; its job id. Raises StoreError."""
        earlier = context.earlier

        def write(uow: UnitOfWork) -> int:
            facts = TrialFacts(
                site=uow.site(),
                meter=context.found.meter.number,
                quote=quote,
                at=self._clock.now(),
                operator_name=operator_names(uow).get(operator_id, str(operator_id)),
                compared=None if earlier is None else earlier.at,
                reasons=context.why(quote),
            )
            document = build_trial_quote(facts)
            return uow.add_print_job(document.kind, document.title, document.to_bytes())

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id
