"""One payment for several meters: a landlord pays once, every meter has its own sale.

The sales follow one another, each with its own receipt number and outcome. The first that
cannot be made ends the row; what was not sold goes back, and the slip with the sum says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from posapp.domain.sale import Tender, TenderKind
from posapp.errors import InputError, Outcome, PosError, StoreError
from posapp.ports import Clock, PrintQueue, Store, UnitOfWork
from posapp.pricing.quote import Quote
from posapp.reports.payment_sum import SumFacts, build_payment_sum
from posapp.services.place import check_tenders
from posapp.services.quote import SaleContext
from posapp.services.sell import Sell, Sold
from posapp.services.slips import operator_names

METERS_MAX = 50
log = logging.getLogger("posapp.sale")


@dataclass(frozen=True, slots=True)
class SoldMany:
    """What became of the row. `failure` stopped it; `back_minor` goes back over the counter,
    change and all that was not sold. `held_minor` stays: nobody knows yet whether the module
    made the token of the sale that it paid for.
    """

    batch: bytes
    sold: tuple[Sold, ...]
    back_minor: int
    held_minor: int = 0
    failure: PosError | None = None


class SellMany:
    """Runs on the sale lane, some 0.3 s a meter."""

    def __init__(self, store: Store, queue: PrintQueue, clock: Clock, sell: Sell) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._sell = sell

    def __call__(
        self,
        rows: tuple[tuple[SaleContext, Quote], ...],
        tenders: tuple[Tender, ...],
        operator_id: int,
    ) -> SoldMany:
        """Sell row after row out of one payment.

        Raises InputError METERS_RANGE, METER_TWICE(number) and what `check_tenders` raises
        before anything is sold; what stops a later row is told in the answer.
        """
        if not 1 <= len(rows) <= METERS_MAX:
            raise InputError("METERS_RANGE", limit=METERS_MAX)
        numbers = [context.found.meter.number for context, _ in rows]
        for place, number in enumerate(numbers):
            if number in numbers[:place]:
                raise InputError("METER_TWICE", number=number.digits)
        due = sum(quote.amount_minor for _, quote in rows)
        check_tenders(due, tenders)
        batch = self._sell.place.new_id()
        parts = split_tenders(tenders, tuple(quote.amount_minor for _, quote in rows))
        sold: list[Sold] = []
        failure: PosError | None = None
        held = 0
        for (context, quote), own in zip(rows, parts, strict=True):
            try:
                sold.append(self._sell(context, quote, own, operator_id, batch=batch))
            except PosError as error:
                failure = error
                if getattr(error, "outcome", Outcome.NOT_EXECUTED) is Outcome.UNKNOWN:
                    held = quote.amount_minor
                break
        received = sum(tender.received_minor for tender in tenders)
        spent = sum(one.record.intent.amount_minor for one in sold)
        result = SoldMany(batch, tuple(sold), received - spent - held, held, failure)
        if sold:
            try:
                self._store.write(lambda uow: self._print_sum(uow, result, operator_id))
            except StoreError as error:  # the tokens are durable: nothing keeps them from view
                log.error("the sum of a payment has no slip: %s", error.code)
            self._queue.wake()
        return result

    def _print_sum(self, uow: UnitOfWork, result: SoldMany, operator_id: int) -> int:
        names = operator_names(uow)
        facts = SumFacts(
            site=uow.site(),
            sales=tuple(one.record.intent for one in result.sold),
            back_minor=result.back_minor,
            at=self._clock.now(),
            operator_name=names.get(operator_id, str(operator_id)),
        )
        document = build_payment_sum(facts)
        return uow.add_print_job(document.kind, document.title, document.to_bytes())


def split_tenders(
    tenders: tuple[Tender, ...], dues: tuple[int, ...]
) -> tuple[tuple[Tender, ...], ...]:
    """Which part of each tender pays which due; cash last, so that change is cash.

    All parts add up to the tenders less the change: nobody gets change for a part.
    """
    left = sorted(tenders, key=lambda tender: tender.kind is TenderKind.CASH)
    parts: list[tuple[Tender, ...]] = []
    for due in dues:
        own: list[Tender] = []
        while due:
            tender = left[0]
            taken = min(due, tender.received_minor)
            if taken:
                own.append(replace(tender, received_minor=taken))
            due -= taken
            if taken == tender.received_minor:
                left.pop(0)
            else:
                left[0] = replace(tender, received_minor=tender.received_minor - taken)
        parts.append(tuple(own))
    return tuple(parts)
