"""A till's ledger at head office, booked from the same facts by the till's own rules.

Where a booking belongs is decided as in `posapp.store.bookings`: a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, insert, select

from posapp.clock import from_epoch_ms
from posapp.headoffice.schema import posting, shift
from posapp.journal import facts, postings
from posapp.journal.facts import SaleIntended
from posapp.journal.postings import Booking, Posting


class Ledger:
    """The postings of one branch while a stretch of it is booked; `flush` writes them."""

    def __init__(self, connection: Connection, till_id: bytes, epoch: int) -> None:
        self._connection = connection
        self._till_id = till_id
        self._epoch = epoch
        self._rows: list[dict[str, Any]] = []
        self._ended: set[int] = set()
        self._running: set[int] = set()
        self._latest = 0

    def book(
        self,
        seq: int,
        kind: Booking,
        lines: Iterable[Posting],
        shift_number: int,
        day: date,
        currency: str,
    ) -> None:
        """Keep the lines of one booking until `flush`."""
        ordinal = day.toordinal()
        for line in lines:
            self._latest = max(self._latest, ordinal)
            self._rows.append(
                {
                    "till_id": self._till_id,
                    "epoch": self._epoch,
                    "seq": seq,
                    "account": int(line.account),
                    "code": line.code,
                    "amount_minor": line.amount_minor,
                    "currency": currency,
                    "business_date": ordinal,
                    "shift": shift_number,
                    "booking": int(kind),
                }
            )

    def for_sale(
        self, seq: int, at_ms: int, kind: Booking, lines: Iterable[Posting], sale: SaleIntended
    ) -> None:
        """A booking about a sale, in its shift and on its date unless that shift has ended."""
        number, day = sale.shift, sale.business_date
        if self._has_ended(number):
            number, latest = self._newest()
            day = date.fromordinal(max(day.toordinal(), latest, _utc_day(at_ms).toordinal()))
        self.book(seq, kind, lines, number, day, sale.currency)

    def refused(self, seq: int, at_ms: int, sale: SaleIntended) -> None:
        """A held sale made no token; in its own shift the money goes back at once."""
        if not self._has_ended(sale.shift):
            self.for_sale(seq, at_ms, Booking.HANDED_BACK, postings.handed_back(sale), sale)

    def shift_opened(self, seq: int, at_ms: int, fact: facts.ShiftOpened) -> None:
        """The opening float."""
        day = fact.business_date or _utc_day(at_ms)
        lines = postings.opened(fact.opening_minor)
        self.book(seq, Booking.OPENING, lines, fact.shift, day, fact.currency)

    def shift_closed(self, seq: int, at_ms: int, fact: facts.ShiftClosed) -> None:
        """The counted drawer, and what was over or short."""
        day = fact.business_date or _utc_day(at_ms)
        lines = postings.closed(fact.counted_minor, fact.expected_minor)
        self.book(seq, Booking.CLOSING, lines, fact.shift, day, fact.currency)
        self._ended.add(fact.shift)
        self._running.discard(fact.shift)

    def cash_moved(self, seq: int, fact: facts.CashMoved) -> None:
        """Cash without a sale."""
        lines = postings.moved(fact)
        self.book(seq, Booking.CASH, lines, fact.shift, fact.business_date, fact.currency)

    def z_made(self, seq: int, fact: facts.ZMade) -> None:
        """The vendor's commission."""
        lines = postings.earned(fact.commissions)
        self.book(seq, Booking.COMMISSION, lines, fact.shift, fact.business_date, fact.currency)

    def flush(self) -> None:
        """Write what was booked."""
        if self._rows:
            self._connection.execute(insert(posting), self._rows)

    def _has_ended(self, number: int) -> bool:
        if number in self._running or number in self._ended:
            return number in self._ended
        query = select(shift.c.closed_ms).where(
            shift.c.till_id == self._till_id, shift.c.number == number
        )
        row = self._connection.execute(query).first()
        ended = row is not None and row.closed_ms is not None
        (self._ended if ended else self._running).add(number)
        return ended

    def _newest(self) -> tuple[int, int]:
        """The newest shift, and the latest date that anything is booked on."""
        own = posting.c.till_id == self._till_id
        latest = self._connection.execute(
            select(func.max(posting.c.business_date)).where(own)
        ).scalar_one()
        number = self._connection.execute(
            select(func.max(shift.c.number)).where(shift.c.till_id == self._till_id)
        ).scalar_one()
        return int(number), max(self._latest, latest or 0)


def _utc_day(at_ms: int) -> date:
    return from_epoch_ms(at_ms).date()
