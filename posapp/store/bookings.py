"""Writes the ledger's rows: a booking with its postings, cash that moved, the Z of a shift.

What a booking belongs to follows from the facts alone: a sale that ends while its own shift is
open is booked there on its own date; one that ends later is booked when that happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from posapp.clock import from_epoch_ms
from posapp.errors import StoreError
from posapp.journal.cash_facts import CashMoved, ZMade
from posapp.journal.facts import SaleIntended, ShiftClosed, ShiftOpened
from posapp.journal.postings import (
    Booking,
    Posting,
    closed,
    earned,
    handed_back,
    held,
    moved,
    opened,
    released,
    sold,
)

_BOOKING = (
    "INSERT INTO booking (place, kind, sale_place, shift, operator_id, business_date, currency)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_POSTING = "INSERT INTO posting (place, account, code, amount_minor) VALUES (?, ?, ?, ?)"
_SHIFT_ENDED = "SELECT 1 FROM shift WHERE number = ? AND closed_ms IS NOT NULL"
_NEWEST = "SELECT (SELECT max(number) FROM shift), (SELECT max(business_date) FROM booking)"
_SHIFT_STANDS = "SELECT business_date, operator_id FROM shift WHERE number = ?"
_CASH = (
    "INSERT INTO cash_move (place, kind, shift, business_date, amount_minor) VALUES (?, ?, ?, ?, ?)"
)
_SALE_OF_RECEIPT = "SELECT place FROM sale WHERE receipt = ?"
_Z = (
    "INSERT INTO z_report (number, place, shift, business_date, module_id, audit_through)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_Z_LAST = "SELECT number, place FROM z_report ORDER BY number DESC LIMIT 1"
_HOLD = "UPDATE sale SET held = 1 WHERE place = ? AND held = 0"

Run = Callable[..., Any]


class Bookings:
    """The ledger's part of the projector."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def book(
        self,
        place: int,
        kind: Booking,
        lines: Iterable[Posting],
        *,
        sale_place: int = 0,
        shift: int = 0,
        operator_id: int = 0,
        business_date: int = 0,
        currency: str,
    ) -> None:
        """Write one booking; nothing when it has no lines, but for a sale that cost nothing.

        `business_date` is an ordinal.
        """
        rows = [(place, int(p.account), p.code, p.amount_minor) for p in lines]
        if rows or sale_place:
            head = (place, int(kind), sale_place, shift, operator_id, business_date, currency)
            self._run(_BOOKING, head)
        if rows:
            self._run(_POSTING, rows if len(rows) > 1 else rows[0])

    def for_sale(
        self,
        place: int,
        at_ms: int,
        kind: Booking,
        lines: Iterable[Posting],
        sale: SaleIntended,
        sale_place: int,
    ) -> None:
        """A booking about a sale, in its shift and on its date unless that shift has ended."""
        shift, day = sale.shift, sale.business_date.toordinal()
        if self._ended(sale.shift):
            newest, latest = self._run(_NEWEST).one()
            shift, day = newest, max(day, latest or 0, _utc_day(at_ms))
        self.book(
            place,
            kind,
            lines,
            sale_place=sale_place,
            shift=shift,
            operator_id=sale.operator_id,
            business_date=day,
            currency=sale.currency,
        )

    def issued(
        self, place: int, at_ms: int, sale: SaleIntended, sale_place: int, *, was_held: bool
    ) -> None:
        """The tokens of a sale are there."""
        if was_held:
            self.for_sale(place, at_ms, Booking.RELEASED, released(sale), sale, sale_place)
        else:
            self.for_sale(place, at_ms, Booking.SALE, sold(sale), sale, sale_place)

    def uncertain(self, place: int, at_ms: int, sale: SaleIntended, sale_place: int) -> None:
        """Nobody knows how a sale ended: its money is held, once however often that is said."""
        if self._run(_HOLD, (sale_place,)).rowcount:
            self.for_sale(place, at_ms, Booking.HELD, held(sale), sale, sale_place)

    def refused(self, place: int, at_ms: int, sale: SaleIntended, sale_place: int) -> None:
        """A held sale made no token. In its own shift the customer is given the money at once;
        after that it waits on the account HELD until it is fetched.
        """
        if not self._ended(sale.shift):
            lines = handed_back(sale)
            self.for_sale(place, at_ms, Booking.HANDED_BACK, lines, sale, sale_place)

    def shift_opened(self, place: int, at_ms: int, fact: ShiftOpened) -> int:
        """Book the opening float; the shift's business date as an ordinal."""
        day = fact.business_date.toordinal() if fact.business_date else _utc_day(at_ms)
        self.book(
            place,
            Booking.OPENING,
            opened(fact.opening_minor),
            shift=fact.shift,
            operator_id=fact.operator_id,
            business_date=day,
            currency=fact.currency,
        )
        return day

    def shift_closed(self, place: int, at_ms: int, fact: ShiftClosed) -> None:
        """Book the counted drawer to the safe, and what was over or short."""
        day = fact.business_date.toordinal() if fact.business_date else _utc_day(at_ms)
        self.book(
            place,
            Booking.CLOSING,
            closed(fact.counted_minor, fact.expected_minor),
            shift=fact.shift,
            operator_id=fact.operator_id,
            business_date=day,
            currency=fact.currency,
        )

    def cash_moved(self, place: int, fact: CashMoved) -> None:
        """Raises StoreError SHIFT_STATE_WRONG when the drawer's shift is not open."""
        if fact.kind.from_drawer and (
            self._run(_SHIFT_STANDS, (fact.shift,)).first() is None or self._ended(fact.shift)
        ):
            raise StoreError("SHIFT_STATE_WRONG", shift=fact.shift)
        day = fact.business_date.toordinal()
        self._run(_CASH, (place, int(fact.kind), fact.shift, day, fact.amount_minor))
        sale = self._run(_SALE_OF_RECEIPT, (fact.receipt,)).first() if fact.receipt else None
        self.book(
            place,
            Booking.CASH,
            moved(fact),
            sale_place=sale[0] if sale else 0,
            shift=fact.shift,
            operator_id=fact.operator_id,
            business_date=day,
            currency=fact.currency,
        )

    def z_made(self, place: int, fact: ZMade) -> None:
        """Raises StoreError Z_GAP unless it is the next number and its shift has ended."""
        last = self._run(_Z_LAST).first()
        number, before = (0, 0) if last is None else (last[0], last[1])
        if fact.number != number + 1 or place <= before or not self._ended(fact.shift):
            raise StoreError("Z_GAP", number=fact.number, last=number)
        day = fact.business_date.toordinal()
        module = fact.module
        self._run(_Z, (fact.number, place, fact.shift, day, module.module_id, module.through))
        self.book(
            place,
            Booking.COMMISSION,
            earned(fact.commissions),
            shift=fact.shift,
            operator_id=fact.operator_id,
            business_date=day,
            currency=fact.currency,
        )

    def _ended(self, shift: int) -> bool:
        return self._run(_SHIFT_ENDED, (shift,)).first() is not None


def _utc_day(at_ms: int) -> int:
    return date.toordinal(from_epoch_ms(at_ms).date())
