"""The supervisor's day: facts from the store, one page and one slip of the same numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from posapp.clock import from_epoch_ms
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.ports import Clock, Previewer, PrintQueue, Reader, SaleRecord, Store, UnitOfWork
from posapp.ports.ledger import ZRecord
from posapp.reports.csv_rows import day_csv
from posapp.reports.daily_facts import DailyFacts, facts_from
from posapp.reports.daily_sales import build_daily, build_daily_slip
from posapp.reports.day_bundle import day_json
from posapp.services.slips import PAGE, operator_names, pack_name, waiting_slips

SIGNATURES_MAX = 1000


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

    def csv(self, business_date: date) -> bytes:
        """A line a line item of the day's sold sales, for a spreadsheet."""

        def read(reader: Reader) -> bytes:
            zs = {z.fact.shift: z.fact.number for z in reader.zs_on(business_date)}
            sold = (r for r in _sales_of(reader, business_date) if r.state in SOLD_STATES)
            return day_csv(reader.site(), sold, zs)

        return self._store.read(read)

    def json(self, business_date: date) -> bytes:
        """The day's numbers with the hashes of its rows and its Zs, canonical: sorted, UTF-8."""

        def read(reader: Reader) -> bytes:
            facts = self._facts(reader, business_date)
            zs = reader.zs_on(business_date)
            rows = {z.fact.shift: z.fact.number for z in zs}
            sold = (r for r in _sales_of(reader, business_date) if r.state in SOLD_STATES)
            return day_json(facts, zs, day_csv(reader.site(), sold, rows))

        return self._store.read(read)

    def _facts(self, reader: Reader, business_date: date) -> DailyFacts:
        shifts = reader.shifts_on(business_date)
        zs = reader.zs_on(business_date)
        end = _end(reader, business_date)
        through = end.seq if end else reader.head().seq
        before = _end(reader, business_date, earlier=True)
        fact = end.fact if end else None
        lease = reader.lease()
        if fact is not None and lease is not None:
            until = from_epoch_ms(fact.lease_until_ms)
            lease = replace(lease, authorised_total_minor=fact.authorised_minor, valid_until=until)
        waiting = reader.head().seq - reader.acknowledged_seq()
        drawers = {shift.number: reader.drawer_parts(shift.number) for shift in shifts}
        return facts_from(
            reader.site(),
            business_date,
            _sales_of(reader, business_date, through),
            shifts,
            made_at=end.at if end else self._clock.now(),
            chain_code=end.chain_code if end else reader.head().code,
            operator_names=operator_names(reader),
            tariff_names=_tariff_names(reader),
            lease=lease,
            vended_total_minor=fact.vended_minor if fact else reader.vended_total_minor(),
            copies=sum(z.fact.copies for z in zs)
            if fact
            else sum(reader.print_counts(shift.number)[1] for shift in shifts),
            unconfirmed_slips=fact.waiting_slips if fact else waiting_slips(reader),
            waiting_entries=fact.waiting_entries if fact else waiting,
            drawers=drawers,
            moves=reader.cash_moves(before.seq if before else 0, through),
            zs=zs,
            late=reader.late_sales(before.seq if before else 0, through),
            overrides=len(reader.signatures_on(business_date, SIGNATURES_MAX)),
        )


def _end(reader: Reader, day: date, *, earlier: bool = False) -> ZRecord | None:
    """The Z that ends a day: from it on nothing changes the day's report; None while it runs.

    `earlier` asks for the newest Z of the days before.
    """
    if earlier:
        return reader.last_z_before(day)
    zs = reader.zs_on(day)
    shift = reader.open_shift()
    running = shift is not None and reader.site().business_date(shift.opened_at) <= day
    return None if running or not zs else zs[-1]


def _sales_of(reader: Reader, business_date: date, through: int | None = None) -> list[SaleRecord]:
    """A date's sales as they stood at a journal position: what ended later was still unknown."""
    records: list[SaleRecord] = []
    while True:
        after = records[-1].intent_seq if records else 0
        page = reader.sales_on(business_date, PAGE, after)
        records.extend(page)
        if len(page) < PAGE:
            break
    if through is None:
        return records
    return [_as_of(r, through) for r in records if r.intent_seq <= through]


def _as_of(record: SaleRecord, through: int) -> SaleRecord:
    if record.ended_seq <= through:
        return record
    return replace(record, state=SaleState.UNKNOWN, tokens=(), audit_no=0, ended_reason="")


def _tariff_names(reader: Reader) -> dict[str, str]:
    return {code: pack_name(reader, code) for code in reader.tariff_codes()}
