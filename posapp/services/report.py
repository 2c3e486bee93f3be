"""The supervisor's day: facts from the store, one page and one slip of the same numbers."""

from __future__ import annotations

from datetime import date

from posapp.ports import Clock, Previewer, PrintQueue, Reader, SaleRecord, Store, UnitOfWork
from posapp.reports.daily_facts import DailyFacts, facts_from
from posapp.reports.daily_sales import build_daily, build_daily_slip
from posapp.services.slips import PAGE, operator_names, pack_name, waiting_slips


class DailyReport:
    """Runs on the report lane."""

    def __init__(self, store: Store, queue: PrintQueue, clock: Clock, previewer: Previewer) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._previewer = previewer

    def facts(self, business_date: date) -> DailyFacts:
        """The day in integers, with its identities. Raises StoreError only."""
        return self._store.read(lambda reader: self._facts(reader, business_date))

    def pdf(self, business_date: date) -> bytes:
        """The A4 page."""
        return self._previewer.pdf(build_daily(self.facts(business_date)).to_bytes())

    def slip(self, business_date: date) -> bytes:
        """The document of the slip."""
        return build_daily_slip(self.facts(business_date)).to_bytes()

    def print_slip(self, business_date: date) -> int:
        """Queue the slip; its job id."""

        def write(uow: UnitOfWork) -> int:
            document = build_daily_slip(self._facts(uow, business_date))
            return uow.add_print_job("daily", document.title, document.to_bytes())

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id

    def _facts(self, reader: Reader, business_date: date) -> DailyFacts:
        shifts = reader.shifts_on(business_date)
        return facts_from(
            reader.site(),
            business_date,
            _sales_on(reader, business_date),
            shifts,
            made_at=self._clock.now(),
            chain_code=reader.head().code,
            operator_names=operator_names(reader),
            tariff_names=_tariff_names(reader),
            lease=reader.lease(),
            vended_total_minor=reader.vended_total_minor(),
            copies=sum(reader.print_counts(shift.number)[1] for shift in shifts),
            unconfirmed_slips=waiting_slips(reader),
            waiting_entries=reader.head().seq - reader.acknowledged_seq(),
        )


def _sales_on(reader: Reader, business_date: date) -> list[SaleRecord]:
    records: list[SaleRecord] = []
    while True:
        after = records[-1].intent_seq if records else 0
        page = reader.sales_on(business_date, PAGE, after)
        records.extend(page)
        if len(page) < PAGE:
            return records


def _tariff_names(reader: Reader) -> dict[str, str]:
    return {code: pack_name(reader, code) for code in reader.tariff_codes()}
