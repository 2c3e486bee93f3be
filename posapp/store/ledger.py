"""Questions about the ledger; every one walks an index over a stretch, a shift or a date.

Sums over a period end at a place of the journal: what came later does not change them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from typing import Any

from sqlalchemy import Connection

from posapp.clock import from_epoch_ms
from posapp.domain.sale import SaleKind, TokenKind
from posapp.errors import StoreError
from posapp.journal import facts
from posapp.journal.cash_facts import CashMoved, ZMade
from posapp.journal.chain import Entry, Head
from posapp.journal.postings import Account, Booking
from posapp.ports.ledger import (
    Abandoned,
    AccountTotal,
    CashRecord,
    HeldSale,
    IssuedSale,
    LedgerLine,
    PeriodTotals,
    TenderTotal,
    TokenTotal,
    TypeTotal,
    ZRecord,
)
from posapp.store.schema import Stage, seq_of

ABANDONED_MAX = 500  # explained one by one; more are a fault that has other words
LIST_MAX = 1000
LEDGER_PAGE_MAX = 5000
CASH, HELD = int(Account.CASH), int(Account.HELD)

# Sums over all that happened between two places of the journal: no other limit.
PERIOD_STATES = f"""
SELECT CASE
    WHEN ended_place IS NULL THEN {int(Stage.INTENT)}
    WHEN ended_place > ?2 AND reason = 'VOIDED' THEN {int(Stage.ISSUED)}
    WHEN ended_place > ?2 THEN {int(Stage.INTENT)} ELSE state END AS stood,
  count(*), min(receipt), max(receipt)
FROM sale WHERE place > ?1 AND place <= ?2 GROUP BY stood"""
PERIOD_LATE = (
    "SELECT state, count(*) FROM sale INDEXED BY sale_held WHERE held = 1"
    " AND ended_place > ?1 AND ended_place <= ?2 AND place <= ?1 GROUP BY state"
)
PERIOD_TYPES = f"""
SELECT s.kind, sum(sign), sum(sign * s.amount_minor), sum(sign * s.units_tenths),
  sum(sign * s.free_tenths)
FROM (SELECT sale_place, CASE kind WHEN {int(Booking.VOID)} THEN -1 ELSE 1 END AS sign
  FROM booking WHERE place > ?1 AND place <= ?2
  AND kind IN ({int(Booking.SALE)}, {int(Booking.RELEASED)}, {int(Booking.VOID)})) AS b
CROSS JOIN sale s ON s.place = b.sale_place GROUP BY s.kind ORDER BY s.kind"""
PERIOD_TENDERS = f"""
SELECT p.account, count(*), sum(p.amount_minor)
FROM booking b CROSS JOIN posting p ON p.place = b.place
WHERE b.place > ?1 AND b.place <= ?2 AND p.account <= {int(Account.CHEQUE)} AND b.kind IN
  ({int(Booking.SALE)}, {int(Booking.HELD)}, {int(Booking.HANDED_BACK)}, {int(Booking.VOID)})
GROUP BY p.account ORDER BY p.account"""
PERIOD_ACCOUNTS = (
    "SELECT account, code, sum(amount_minor) FROM posting"
    " WHERE place > ? AND place <= ? GROUP BY account, code ORDER BY account, code"
)
PERIOD_TOKENS = f"""
SELECT t.kind, t.value_minor = 0 AS free, count(*)
FROM booking b CROSS JOIN token t ON t.place = b.sale_place
WHERE b.place > ? AND b.place <= ?
  AND b.kind IN ({int(Booking.SALE)}, {int(Booking.RELEASED)})
GROUP BY t.kind, free ORDER BY t.kind, free"""
ISSUED_SINCE = f"""
SELECT s.sale_id, s.audit_no, (SELECT count(*) FROM token t WHERE t.place = s.place)
FROM booking b CROSS JOIN sale s ON s.place = b.sale_place
WHERE b.place > ? AND b.kind IN ({int(Booking.SALE)}, {int(Booking.RELEASED)})
ORDER BY b.place"""
PERIOD_ABANDONED = (
    "SELECT receipt, reason FROM sale WHERE place > ?1 AND place <= ?2"
    " AND state IN (2, 3) AND ended_place <= ?2 ORDER BY place LIMIT ?3"
)
DRAWER = (
    "SELECT coalesce(sum(p.amount_minor), 0) FROM booking b"
    f" CROSS JOIN posting p ON p.place = b.place AND p.account = {CASH} WHERE b.shift = ?"
)
DRAWER_PARTS = (
    "SELECT b.kind, sum(p.amount_minor) FROM booking b"
    f" CROSS JOIN posting p ON p.place = b.place AND p.account = {CASH} WHERE b.shift = ?"
    " GROUP BY b.kind"
)
HELD_SALES = f"""
SELECT s.receipt, -sum(p.amount_minor) AS owed, s.state IN (0, 4)
FROM posting p INDEXED BY posting_held CROSS JOIN booking b ON b.place = p.place
CROSS JOIN sale s ON s.place = b.sale_place
WHERE p.account = {HELD} GROUP BY s.place HAVING owed <> 0 ORDER BY s.place LIMIT ?"""
CASH_BETWEEN = (
    "SELECT c.place, j.entry FROM cash_move c JOIN journal j ON j.place = c.place"
    " WHERE c.place > ? AND c.place <= ? ORDER BY c.place LIMIT ?"
)
CASH_OF_SHIFT = (
    "SELECT c.place, j.entry FROM cash_move c JOIN journal j ON j.place = c.place"
    " WHERE c.shift = ? ORDER BY c.place LIMIT ?"
)
_Z = "SELECT z.place, j.entry, j.hash FROM z_report z JOIN journal j ON j.place = z.place "
Z_LAST = _Z + "ORDER BY z.number DESC LIMIT 1"
Z_ONE = _Z + "WHERE z.number = ? LIMIT 1"
Z_OF_SHIFT = _Z + "WHERE z.shift = ? LIMIT 1"
Z_BEFORE = _Z + "WHERE z.business_date < ? ORDER BY z.business_date DESC, z.number DESC LIMIT 1"
ZS_ON = _Z + "WHERE z.business_date = ? ORDER BY z.number LIMIT ?"
AUDIT_MARK = (
    "SELECT place, audit_through FROM z_report WHERE module_id = ? AND audit_through > 0"
    " ORDER BY number DESC LIMIT 1"
)
LEDGER = """
SELECT b.place, b.kind, p.account, p.code, p.amount_minor, b.currency, b.business_date, b.shift,
  b.operator_id, s.receipt, s.tariff, j.entry,
  (SELECT z.number FROM z_report z WHERE z.place >= b.place ORDER BY z.place LIMIT 1)
FROM booking b CROSS JOIN posting p ON p.place = b.place CROSS JOIN journal j ON j.place = b.place
LEFT JOIN sale s ON s.place = b.sale_place
WHERE b.business_date = ? AND b.place > ? ORDER BY b.place, p.account, p.code LIMIT ?"""


class LedgerQueries(ABC):
    """Implements `ports.LedgerReader` for a class with a connection and the current epoch."""

    _connection: Connection

    @abstractmethod
    def _place(self, seq: int) -> int:
        """Where a position of the current epoch stands in the tables."""

    def period(self, after_seq: int, through_seq: int) -> PeriodTotals:
        run = self._connection.exec_driver_sql
        ends = (self._place(after_seq), self._place(through_seq))
        states = {row[0]: tuple(row) for row in run(PERIOD_STATES, ends)}
        count = {stage: states[stage][1] if stage in states else 0 for stage in Stage}
        late = {row[0]: row[1] for row in run(PERIOD_LATE, ends)}
        issued_late = late.get(int(Stage.ISSUED), 0)
        return PeriodTotals(
            first_receipt=min((row[2] for row in states.values()), default=0),
            last_receipt=max((row[3] for row in states.values()), default=0),
            numbers=sum(count.values()),
            issued=count[Stage.ISSUED],
            refused=count[Stage.REFUSED],
            cancelled=count[Stage.CANCELLED],
            unfinished=count[Stage.INTENT] + count[Stage.UNKNOWN],
            late_issued=issued_late,
            late_abandoned=sum(late.values()) - issued_late,
            types=tuple(TypeTotal(SaleKind(r[0]), *r[1:]) for r in run(PERIOD_TYPES, ends)),
            tenders=tuple(TenderTotal(Account(r[0]), *r[1:]) for r in run(PERIOD_TENDERS, ends)),
            accounts=tuple(AccountTotal(Account(r[0]), *r[1:]) for r in run(PERIOD_ACCOUNTS, ends)),
            tokens=tuple(
                TokenTotal(TokenKind(r[0]), bool(r[1]), r[2]) for r in run(PERIOD_TOKENS, ends)
            ),
            abandoned=tuple(Abandoned(*r) for r in run(PERIOD_ABANDONED, (*ends, ABANDONED_MAX))),
        )

    def drawer_minor(self, shift: int) -> int:
        return int(self._connection.exec_driver_sql(DRAWER, (shift,)).scalar_one())

    def drawer_parts(self, shift: int) -> dict[Booking, int]:
        rows = self._connection.exec_driver_sql(DRAWER_PARTS, (shift,))
        return {Booking(kind): int(amount) for kind, amount in rows}

    def held_sales(self) -> tuple[HeldSale, ...]:
        rows = self._connection.exec_driver_sql(HELD_SALES, (LIST_MAX,))
        return tuple(HeldSale(receipt, amount, bool(is_open)) for receipt, amount, is_open in rows)

    def cash_moves(self, after_seq: int, through_seq: int) -> tuple[CashRecord, ...]:
        ends = (self._place(after_seq), self._place(through_seq))
        rows = self._connection.exec_driver_sql(CASH_BETWEEN, (*ends, LIST_MAX))
        return tuple(_cash(row) for row in rows)

    def cash_of_shift(self, shift: int) -> tuple[CashRecord, ...]:
        rows = self._connection.exec_driver_sql(CASH_OF_SHIFT, (shift, LIST_MAX))
        return tuple(_cash(row) for row in rows)

    def last_z(self) -> ZRecord | None:
        return self._z(Z_LAST)

    def z(self, number: int) -> ZRecord | None:
        return self._z(Z_ONE, number)

    def z_of_shift(self, shift: int) -> ZRecord | None:
        return self._z(Z_OF_SHIFT, shift)

    def zs_on(self, business_date: date) -> tuple[ZRecord, ...]:
        values = (business_date.toordinal(), LIST_MAX)
        return tuple(_z(row) for row in self._connection.exec_driver_sql(ZS_ON, values))

    def issued_since(self, after_seq: int) -> tuple[IssuedSale, ...]:
        rows = self._connection.exec_driver_sql(ISSUED_SINCE, (self._place(after_seq),))
        return tuple(IssuedSale(*row) for row in rows)

    def last_z_before(self, business_date: date) -> ZRecord | None:
        return self._z(Z_BEFORE, business_date.toordinal())

    def audit_mark(self, module_id: str) -> tuple[int, int]:
        row = self._connection.exec_driver_sql(AUDIT_MARK, (module_id,)).first()
        return (0, 0) if row is None else (seq_of(row[0]), int(row[1]))

    def ledger(self, business_date: date, limit: int, after_seq: int = 0) -> tuple[LedgerLine, ...]:
        limit = min(limit, LEDGER_PAGE_MAX)
        values = (business_date.toordinal(), self._place(after_seq), limit)
        rows = self._connection.exec_driver_sql(LEDGER, values).all()
        if len(rows) == limit and rows[0][0] != rows[-1][0]:
            rows = [row for row in rows if row[0] != rows[-1][0]]  # no booking is cut in two
        return tuple(_line(row) for row in rows)

    def _z(self, statement: str, *values: Any) -> ZRecord | None:
        row = self._connection.exec_driver_sql(statement, values).first()
        return None if row is None else _z(row)


def _line(row: Any) -> LedgerLine:
    place, kind, account, code, amount, currency, day, shift, operator, receipt, tariff = row[:11]
    return LedgerLine(
        seq=seq_of(place),
        at=from_epoch_ms(Entry.from_bytes(row[11]).at_ms),
        booking=Booking(kind),
        account=Account(account),
        code=code,
        amount_minor=amount,
        currency=currency,
        business_date=date.fromordinal(day),
        shift=shift,
        operator_id=operator,
        receipt=receipt or 0,
        tariff=tariff or "",
        z=row[12] or 0,
    )


def _cash(row: Any) -> CashRecord:
    entry = Entry.from_bytes(row[1])
    fact = facts.read(entry.kind, entry.version, entry.body)
    if not isinstance(fact, CashMoved):
        raise StoreError("STORE_DAMAGED", seq=entry.seq)
    return CashRecord(fact, entry.seq, from_epoch_ms(entry.at_ms))


def _z(row: Any) -> ZRecord:
    entry = Entry.from_bytes(row[1])
    fact = facts.read(entry.kind, entry.version, entry.body)
    if not isinstance(fact, ZMade):
        raise StoreError("STORE_DAMAGED", seq=entry.seq)
    return ZRecord(fact, entry.seq, from_epoch_ms(entry.at_ms), _code(row[2]))


def _code(digest: bytes) -> str:
    return Head(b"", 0, 0, digest).code
