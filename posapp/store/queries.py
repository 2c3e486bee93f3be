"""Every read-only question of `ports.Reader`, on one connection inside one transaction.

Each list has a limit; `tests/store` keeps the plan of each query on its index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.domain.clock_limits import ClockLimits
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import Meter, MeterNumber
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.role_limits import RoleLimits
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.domain.standing import Rate, Standing
from posapp.errors import StoreError
from posapp.journal.chain import Head
from posapp.ports import (
    FoundMeter,
    MeterHistory,
    OrphanRecord,
    PrintJob,
    PrintState,
    SaleRecord,
    Signature,
)
from posapp.store import accounts, counter, meta, orphans, people, search
from posapp.store.ledger import LedgerQueries
from posapp.store.projections import intent_of
from posapp.store.schema import place_of, sale_state, seq_of
from posapp.wire.authorisation import lease_of

PAGE_MAX = 1000  # rows of any list
OPEN_SALES_MAX = 1000  # far more than can ever be open; a limit all the same
OPERATORS_MAX = 1000
VERSIONS_MAX = 50  # of one tariff
NO_LIMITS = ClockLimits()
RECENT_SALES = 400  # looked through for recent meters

_RECORD = """
SELECT s.place, s.at_ms, s.state, s.step, s.audit_no, s.reason, s.ended_place, i.entry, r.entry,
  (SELECT group_concat(t.digits, ',' ORDER BY t.n) FROM token t WHERE t.place = s.place)
FROM sale s JOIN journal i ON i.place = s.place LEFT JOIN journal r ON r.place = s.items_place
WHERE {where} ORDER BY s.place {order} LIMIT ?"""
SALE_BY_ID = _RECORD.format(where="s.sale_id = ?", order="")
SALE_BY_RECEIPT = _RECORD.format(where="s.receipt = ?", order="")
SALE_AT = _RECORD.format(where="s.place = ?", order="")
SALES_OF_BATCH = _RECORD.format(where="s.batch = ?", order="")
SALES_OPEN = _RECORD.format(where="s.state IN (0, 4)", order="")
SALES_ON = _RECORD.format(where="s.business_date = ? AND s.place > ?", order="")
SALES_OF_SHIFT = _RECORD.format(where="s.shift = ? AND s.place > ?", order="")
# Walks all sales: a person's export may take a second, and an index would cost every sale.
SALES_OF_CUSTOMER = _RECORD.format(where="s.customer_id = ? AND s.place > ?", order="")
SALES_LATE = _RECORD.format(
    where="s.held = 1 AND s.ended_place > ? AND s.ended_place <= ? AND s.place <= ?"
    " AND s.state = 1",
    order="",
).replace("ORDER BY s.place", "ORDER BY s.ended_place")
# One that only the module's book proves has no digits here, and nothing to show.
SALE_LAST = _RECORD.format(where="s.state = 1 AND s.kind <> 5 AND s.reason = ''", order="DESC")
SALE_LAST_OF = _RECORD.format(
    where="s.place = (SELECT l.place FROM sale l WHERE l.meter = ? AND l.state = 1 AND l.kind = 0"
    " ORDER BY l.month DESC, l.place DESC LIMIT 1)",
    order="",
)
RECENT = "SELECT meter FROM sale WHERE state = 1 ORDER BY place DESC LIMIT ?"
TID_HIGH = (
    "SELECT tid FROM tid WHERE meter = ? AND base_date = ? AND reserved = 0"
    " ORDER BY tid DESC LIMIT 1"
)
_SHIFT = (
    "SELECT number, operator_id, opened_ms, opening_minor, closed_ms, counted_minor,"
    " expected_minor, reason FROM shift "
)
SHIFT_OPEN = _SHIFT + "WHERE closed_ms IS NULL ORDER BY number DESC LIMIT 1"
SHIFT_ONE = _SHIFT + "WHERE number = ? LIMIT 1"
SHIFTS_OPENED = _SHIFT + "WHERE opened_ms >= ? AND opened_ms < ? LIMIT ?"
SHIFTS_SOLD = (
    _SHIFT + "WHERE number IN (SELECT DISTINCT shift FROM sale WHERE business_date = ?) LIMIT ?"
)
SHIFT_LAST = "SELECT number FROM shift ORDER BY number DESC LIMIT 1"
_JOB = (
    "SELECT job_id, kind, title, document, copy_no, state, queued_ms, sale_id, held FROM print_job "
)
JOBS_IN = _JOB + "WHERE state = ? ORDER BY job_id LIMIT ?"
JOB_ONE = _JOB + "WHERE job_id = ? LIMIT 1"
JOBS_OF_SALE = _JOB + "WHERE sale_id = ? ORDER BY sale_id, kind, copy_no LIMIT ?"
# One shift's sales and their slips; a shift is the limit. CROSS and + keep it
# to the sales of the shift instead of all slips ever printed.
PRINTED = (
    "SELECT count(*) FILTER (WHERE p.copy_no = 0), count(*) FILTER (WHERE p.copy_no > 0)"
    " FROM sale s CROSS JOIN print_job p ON p.sale_id = s.sale_id AND p.kind = 'receipt'"
    " AND +p.state = 'printed' WHERE s.shift = ?"
)
SEQUENCE_LAST = "SELECT last FROM module_sequence WHERE module_id = ? LIMIT 1"
ENTRIES = "SELECT entry FROM journal WHERE place > ? AND place < ? ORDER BY place LIMIT ?"


class Queries(LedgerQueries):
    """Implements `ports.Reader`."""

    def __init__(
        self, connection: Connection, site: Site | None, limits: ClockLimits = NO_LIMITS
    ) -> None:
        self._limits = limits
        self._connection = connection
        self._run = connection.exec_driver_sql
        self._site = site

    def site(self) -> Site:
        if self._site is None:
            raise StoreError("NOT_ENROLLED")
        return self._site

    def head(self) -> Head:
        row = self._run("SELECT till_id, epoch, seq, hash FROM till WHERE one = 1").first()
        if row is None:
            raise StoreError("NOT_ENROLLED")
        return Head(*row)

    def acknowledged_seq(self) -> int:
        return self._till_number("acked_seq")

    def lease(self) -> Lease | None:
        row = self._run("SELECT document FROM lease WHERE one = 1").first()
        return None if row is None else lease_of(row[0])

    def vended_total_minor(self) -> int:
        return self._till_number("vended_minor")

    def operators(self) -> tuple[OperatorRecord, ...]:
        rows = self._run(
            "SELECT operator_id, name, role, pin_verifier, misses FROM operator"
            " ORDER BY operator_id LIMIT ?",
            (OPERATORS_MAX,),
        )
        return tuple(OperatorRecord(Operator(r[0], r[1], Role(r[2])), r[3], r[4]) for r in rows)

    def tariff_packs(self, code: str) -> tuple[str, ...]:
        rows = self._run(
            "SELECT pack FROM tariff WHERE code = ? ORDER BY version DESC LIMIT ?",
            (code, VERSIONS_MAX),
        )
        return tuple(row[0] for row in rows)

    def tariff_codes(self) -> tuple[str, ...]:
        rows = self._run("SELECT DISTINCT code FROM tariff ORDER BY code LIMIT ?", (PAGE_MAX,))
        return tuple(row[0] for row in rows)

    def rate(self, currency: str) -> Rate | None:
        return accounts.rate(self._connection, currency)

    def meter(self, number: MeterNumber) -> FoundMeter | None:
        return search.exact(self._connection, number)

    def search_digits(self, digits: str, limit: int) -> tuple[FoundMeter, ...]:
        return search.by_digits(self._connection, digits, limit)

    def search_words(self, words: Sequence[str], limit: int) -> tuple[FoundMeter, ...]:
        return search.by_words(self._connection, words, limit)

    def search_account(self, account: str, limit: int) -> tuple[FoundMeter, ...]:
        return search.by_account(self._connection, account, limit)

    def recent_meters(self, limit: int) -> tuple[FoundMeter, ...]:
        numbers = dict.fromkeys(row[0] for row in self._run(RECENT, (RECENT_SALES,)))
        found: list[FoundMeter] = []
        for digits in numbers:
            if len(found) == limit:
                break
            meter = search.exact(self._connection, MeterNumber(digits))
            if meter is not None:
                found.append(meter)
        return tuple(found)

    def history(
        self, number: MeterNumber, month: date, months: int, since: datetime | None
    ) -> MeterHistory:
        return accounts.history(self._connection, number, month, months, since)

    def standing(self, number: MeterNumber) -> Standing | None:
        return accounts.standing(self._connection, number)

    def last_sale_of(self, number: MeterNumber) -> SaleRecord | None:
        return self._record(SALE_LAST_OF, number.digits, 1)

    def tid_high_water(self, number: MeterNumber, base_date: int) -> int | None:
        row = self._run(TID_HIGH, (number.digits, base_date)).first()
        return None if row is None else int(row[0])

    def sale(self, sale_id: bytes) -> SaleRecord | None:
        return self._record(SALE_BY_ID, sale_id, 1)

    def sale_by_receipt(self, receipt: int) -> SaleRecord | None:
        return self._record(SALE_BY_RECEIPT, receipt, 1)

    def role_limits(self, role: Role) -> RoleLimits:
        return counter.role_limits(self._connection, role)

    def free_issues(self, operator_id: int, business_date: date) -> int:
        return counter.free_issues(self._connection, operator_id, business_date)

    def signatures_on(self, business_date: date, limit: int) -> tuple[Signature, ...]:
        return counter.signatures_on(self._connection, business_date, min(limit, PAGE_MAX))

    def key_change_of(self, number: MeterNumber) -> tuple[SaleRecord, bool | None] | None:
        place = counter.key_change_place(self._connection, number)
        record = None if place is None else self._record(SALE_AT, place, 1)
        if place is None or record is None:
            return None
        return record, counter.key_answer(self._connection, place)

    def refunded_minor(self, record: SaleRecord) -> int:
        return counter.refunded_minor(self._connection, self._place(record.intent_seq))

    def sales_of_batch(self, batch: bytes, limit: int) -> tuple[SaleRecord, ...]:
        return self._records(SALES_OF_BATCH, batch, min(limit, PAGE_MAX))

    def orphans(self, limit: int) -> tuple[OrphanRecord, ...]:
        return orphans.unsettled(self._connection, min(limit, PAGE_MAX))

    def is_orphan(self, request_id: bytes) -> bool:
        return orphans.is_known(self._connection, request_id)

    def recovering_since(self) -> datetime | None:
        since_ms = orphans.recovering_since_ms(self._connection)
        return None if since_ms is None else from_epoch_ms(since_ms)

    def last_sequence(self, module_id: str) -> int:
        row = self._run(SEQUENCE_LAST, (module_id,)).first()
        return 0 if row is None else int(row[0])

    def open_sales(self) -> tuple[SaleRecord, ...]:
        return self._records(SALES_OPEN, OPEN_SALES_MAX)

    def sales_on(self, business_date: date, limit: int, after_seq: int = 0) -> Sequence[SaleRecord]:
        after = self._place(after_seq)
        return self._records(SALES_ON, business_date.toordinal(), after, min(limit, PAGE_MAX))

    def sales_of_shift(self, shift: int, limit: int, after_seq: int = 0) -> Sequence[SaleRecord]:
        after = self._place(after_seq)
        return self._records(SALES_OF_SHIFT, shift, after, min(limit, PAGE_MAX))

    def sales_of_customer(
        self, customer_id: int, limit: int, after_seq: int = 0
    ) -> Sequence[SaleRecord]:
        after = self._place(after_seq)
        return self._records(SALES_OF_CUSTOMER, customer_id, after, min(limit, PAGE_MAX))

    def people(self, after: int, limit: int) -> tuple[tuple[Customer, int], ...]:
        return people.page(self._connection, after, limit)

    def meters_of(self, customer_id: int) -> tuple[Meter, ...]:
        return people.meters_of(self._connection, customer_id)

    def is_erased(self, customer_id: int) -> bool:
        return people.is_erased(self._run, customer_id)

    def late_sales(self, after_seq: int, through_seq: int) -> tuple[SaleRecord, ...]:
        after, through = self._place(after_seq), self._place(through_seq)
        return self._records(SALES_LATE, after, through, after, PAGE_MAX)

    def last_sale(self) -> SaleRecord | None:
        return self._record(SALE_LAST, 1)

    def open_shift(self) -> Shift | None:
        return _shift(self._run(SHIFT_OPEN).first())

    def shift(self, number: int) -> Shift | None:
        return _shift(self._run(SHIFT_ONE, (number,)).first())

    def shifts_on(self, business_date: date) -> tuple[Shift, ...]:
        # The local day lies within two days of the same date in UTC; the site decides exactly.
        noon = datetime.combine(business_date, time(12), UTC)
        around = (epoch_ms(noon - timedelta(days=2)), epoch_ms(noon + timedelta(days=2)))
        found: dict[int, Shift] = {}
        for row in self._run(SHIFTS_OPENED, (*around, PAGE_MAX)):
            shift = _shift(row)
            if shift is not None and self.site().business_date(shift.opened_at) == business_date:
                found[shift.number] = shift
        for row in self._run(SHIFTS_SOLD, (business_date.toordinal(), PAGE_MAX)):
            shift = _shift(row)
            if shift is not None:
                found[shift.number] = shift
        return tuple(found[number] for number in sorted(found))

    def last_shift_number(self) -> int:
        row = self._run(SHIFT_LAST).first()
        return 0 if row is None else int(row[0])

    def customer_name(self, customer_id: int) -> Customer | None:
        row = self._run(
            "SELECT customer_id, name, account, phone, address FROM customer"
            " WHERE customer_id = ? LIMIT 1",
            (customer_id,),
        ).first()
        return None if row is None else Customer(*row)

    def print_jobs(self, states: Sequence[PrintState], limit: int) -> tuple[PrintJob, ...]:
        limit = min(limit, PAGE_MAX)
        jobs = [
            _job(row)
            for state in dict.fromkeys(states)
            for row in self._run(JOBS_IN, (state.value, limit))
        ]
        jobs.sort(key=lambda job: job.job_id)
        return tuple(jobs[:limit])

    def print_job(self, job_id: int) -> PrintJob | None:
        row = self._run(JOB_ONE, (job_id,)).first()
        return None if row is None else _job(row)

    def print_jobs_of_sale(self, sale_id: bytes) -> tuple[PrintJob, ...]:
        jobs = [_job(row) for row in self._run(JOBS_OF_SALE, (sale_id, PAGE_MAX))]
        return tuple(sorted(jobs, key=lambda job: job.job_id))

    def print_counts(self, shift: int) -> tuple[int, int]:
        row = self._run(PRINTED, (shift,)).first()
        assert row is not None
        return int(row[0]), int(row[1])

    def clock_floor(self) -> datetime:
        return from_epoch_ms(self._till_number("floor_ms"))

    def clock_offset_ms(self) -> int:
        return meta.clock_offset_ms(self._connection)

    def clock_limits(self) -> ClockLimits:
        return self._limits

    def module_key(self, module_id: str) -> bytes:
        return meta.get_meta(self._connection, meta.module_key_name(module_id)) or b""

    def entries(self, after_seq: int, limit: int) -> tuple[bytes, ...]:
        end = place_of(self.head().epoch + 1, 0)
        rows = self._run(ENTRIES, (self._place(after_seq), end, min(limit, PAGE_MAX)))
        return tuple(row[0] for row in rows)

    def _till_number(self, column: str) -> int:
        row = self._run(f"SELECT {column} FROM till WHERE one = 1").first()
        if row is None:
            raise StoreError("NOT_ENROLLED")
        return int(row[0])

    def _place(self, seq: int) -> int:
        return place_of(self.head().epoch, seq)

    def _record(self, statement: str, *values: Any) -> SaleRecord | None:
        row = self._run(statement, values).first()
        return None if row is None else _sale(row)

    def _records(self, statement: str, *values: Any) -> tuple[SaleRecord, ...]:
        return tuple(_sale(row) for row in self._run(statement, values))


def _sale(row: Any) -> SaleRecord:
    place, at_ms, state, step, audit_no, reason, ended, entry, retimed, tokens = row
    return SaleRecord(
        intent=intent_of(entry, retimed),
        intent_seq=seq_of(place),
        at=from_epoch_ms(at_ms),
        state=sale_state(state, step),
        tokens=tuple(tokens.split(",")) if tokens else (),
        audit_no=audit_no,
        ended_reason=reason,
        ended_seq=seq_of(ended) if ended else 0,
    )


def _shift(row: Any) -> Shift | None:
    if row is None:
        return None
    number, operator_id, opened, opening, closed, counted, expected, reason = row
    closed_at = None if closed is None else from_epoch_ms(closed)
    return Shift(
        number, operator_id, from_epoch_ms(opened), opening, closed_at, counted, expected, reason
    )


def _job(row: Any) -> PrintJob:
    return PrintJob(
        job_id=row[0],
        kind=row[1],
        title=row[2],
        document=row[3],
        copy_no=row[4],
        state=PrintState(row[5]),
        queued_at=from_epoch_ms(row[6]),
        sale_id=row[7] or b"",
        held=row[8],
    )
