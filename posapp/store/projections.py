"""One projector from facts to tables, used live by every append and again by a rebuild.

It depends on nothing but the fact, its place and the time in its entry, so that both ways end
in the same bytes. What it needs of an earlier fact it remembers or reads from the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from posapp.domain.sale import LineKind
from posapp.domain.standing import FeeState
from posapp.errors import SaleError, StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.facts import (
    CashMoved,
    Fact,
    KeyChangeAnswered,
    OverrideSigned,
    PersonErased,
    RefundRequested,
    SaleEnded,
    SaleIntended,
    SaleIssued,
    SaleRetimed,
    SaleSettled,
    SaleUncertain,
    SaleVoided,
    ShiftClosed,
    ShiftOpened,
    ZMade,
)
from posapp.journal.postings import Booking, refunded, voided
from posapp.journal.restore_facts import AnswersRecovered, OrphanFound, OrphanSettled
from posapp.store import orphans
from posapp.store.bookings import Bookings
from posapp.store.people import erase
from posapp.store.schema import Stage, month_of, place_of
from posapp.store.till_row import TillRow

_SALE = (
    "INSERT INTO sale (place, sale_id, receipt, shift, operator_id, business_date, month, at_ms,"
    " meter, customer_id, tariff, currency, amount_minor, units_tenths, free_tenths,"
    " fee, kind, batch, state)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
)
_LINE = (
    "INSERT INTO sale_line (place, n, kind, code, amount_minor, units_tenths, rate)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_FEE = "INSERT INTO sale_fee (place, code, through, owed_minor) VALUES (?, ?, ?, ?)"
_TID = (
    "INSERT INTO tid (meter, base_date, tid, reserved, place) VALUES (?, ?, ?, ?, ?)"
    # A retiming may keep some of its own TIDs; another sale's TID changes no row.
    " ON CONFLICT DO UPDATE SET reserved = excluded.reserved WHERE place = excluded.place"
)
_TOKEN = (
    "INSERT INTO token (place, n, kind, subclass, tid, units, value_minor, digits)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_END = (
    "UPDATE sale SET state = ?, ended_place = ?, audit_no = ?, reason = ?"
    " WHERE place = ? AND state IN (0, 4) RETURNING held"
)
_RETIME = (
    "UPDATE sale SET items_place = ?, step = 0, state = 0, reason = ''"
    " WHERE place = ? AND state IN (0, 4)"
)
_UNKNOWN = "UPDATE sale SET state = 4, reason = ? WHERE place = ? AND state IN (0, 4)"
_INTENT = (
    "SELECT i.entry, r.entry FROM sale s JOIN journal i ON i.place = s.place"
    " LEFT JOIN journal r ON r.place = s.items_place WHERE s.place = ?"
)
_VOID = "UPDATE sale SET state = 3, ended_place = ?, reason = ? WHERE place = ? AND state = 1"
_OVERRIDE = (
    "INSERT INTO override_signed (place, at_ms, business_date, operation, first_id, second_id,"
    " reason, note, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_KEY_ANSWER = (
    "INSERT INTO key_answer (sale_place, place, took) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET place = excluded.place, took = excluded.took"
)
_REFUND = (
    "INSERT INTO refund (place, sale_place, shift, business_date, amount_minor, right_meter)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_SHIFT_OPEN = (
    "INSERT INTO shift (number, operator_id, opened_ms, opening_minor, business_date)"
    " VALUES (?, ?, ?, ?, ?)"
)
_SHIFT_CLOSE = (
    "UPDATE shift SET closed_ms = ?, counted_minor = ?, expected_minor = ?, reason = ?,"
    " closed_place = ? WHERE number = ? AND closed_ms IS NULL"
)
SETTLED = "SETTLED_BY_AUDIT"  # the reason of a sold sale whose digits are not known here
VOIDED = "VOIDED"  # the reason of a cancelled sale whose token was made and never shown
REMEMBERED_MAX = 64  # open sales; there are few, ever


def intent_of(intent_entry: bytes, retimed_entry: bytes | None) -> SaleIntended:
    """The intent as it stands: the first version, with the items of its newest retiming."""
    entry = Entry.from_bytes(intent_entry)
    intent = facts.read(entry.kind, entry.version, entry.body)
    if not isinstance(intent, SaleIntended):
        raise StoreError("STORE_DAMAGED", seq=entry.seq)
    if retimed_entry is None:
        return intent
    entry = Entry.from_bytes(retimed_entry)
    retimed = facts.read(entry.kind, entry.version, entry.body)
    if not isinstance(retimed, SaleRetimed):
        raise StoreError("STORE_DAMAGED", seq=entry.seq)
    return replace(intent, items=retimed.items, sequence=retimed.sequence)


def _settled(sale: SaleIntended) -> tuple[tuple[str, FeeState], ...]:
    """How far fees are settled after a sale; an entry of older software has only their lines."""
    if sale.fees:
        return sale.fees
    charged = dict.fromkeys(line.code for line in sale.lines if line.kind is LineKind.FEE)
    return tuple((code, FeeState(sale.business_date)) for code in charged)


class Projector:
    """Applies facts to the tables of `schema.PROJECTED` and to the till's row.

    `open_intents` (place -> intent) saves reading back what was just written; its owner empties
    it when a transaction fails.
    """

    def __init__(
        self, connection: Connection, till: TillRow, open_intents: dict[int, SaleIntended]
    ) -> None:
        self._run = connection.exec_driver_sql
        self._ledger = Bookings(self._run)
        self._till = till
        self._open = open_intents

    def apply(self, place: int, at_ms: int, fact: Fact) -> None:
        """Project one fact. Raises SaleError TID_TAKEN and StoreError SALE_STATE_WRONG,
        RECEIPT_GAP or SHIFT_STATE_WRONG when it does not follow from the facts before it.
        """
        action = _ACTIONS.get(type(fact))
        if action is not None:
            action(self, place, at_ms, fact)

    def _intended(self, place: int, at_ms: int, sale: SaleIntended) -> None:
        if sale.receipt != self._till.receipt + 1:
            raise StoreError("RECEIPT_GAP", receipt=sale.receipt, last=self._till.receipt)
        self._till.receipt = sale.receipt
        amount = sale.amount_minor
        self._till.vended_minor += amount
        day = sale.business_date
        fee = any(line.kind is LineKind.FEE for line in sale.lines)
        self._run(
            _SALE,
            (
                place, sale.sale_id, sale.receipt, sale.shift, sale.operator_id, day.toordinal(),
                month_of(day), at_ms, sale.meter, sale.customer_id, sale.tariff, sale.currency,
                amount, sale.units_tenths, sale.free_tenths, int(fee),
                int(sale.kind), sale.batch or None,
            ),
        )  # fmt: skip
        lines = [
            (place, n, int(line.kind), line.code, line.amount_minor, line.units_tenths, line.rate)
            for n, line in enumerate(sale.lines)
        ]
        self._run_many(_LINE, lines)
        fees = [
            (place, code, fee.through.toordinal() if fee.through else 0, fee.owed_minor)
            for code, fee in _settled(sale)
        ]
        self._run_many(_FEE, fees)
        self._take_tids(place, sale)
        if len(self._open) >= REMEMBERED_MAX:
            del self._open[next(iter(self._open))]
        self._open[place] = sale

    def _take_tids(self, place: int, sale: SaleIntended) -> None:
        usual = sale.configuration.base_date
        taking = [item for item in sale.items if item.kind.takes_tid]
        rows = [
            (sale.meter, item.base_date or usual, item.tid, int(item.reserved), place)
            for item in taking
        ]
        if rows and self._run_many(_TID, rows) != len(rows):
            tids = ",".join(str(item.tid) for item in taking)
            raise SaleError("TID_TAKEN", meter=sale.meter, tid=tids)

    def _retimed(self, place: int, _at_ms: int, fact: SaleRetimed) -> None:
        row = self._run("SELECT place FROM sale WHERE sale_id = ?", (fact.sale_id,)).first()
        if row is None:
            raise StoreError("SALE_STATE_WRONG", place=place)
        sale = replace(self._intent(row[0]), items=fact.items, sequence=fact.sequence)
        self._change(_RETIME, (place, row[0]), row[0])
        self._take_tids(row[0], sale)
        self._open[row[0]] = sale

    def _issued(self, place: int, at_ms: int, fact: SaleIssued) -> None:
        sale_place = self._place(fact.intent_seq)
        sale = self._intent(sale_place)
        items = sale.items_by_token
        if len(fact.tokens) != len(items):
            raise StoreError("TOKENS_INCOMPLETE", seq=fact.intent_seq)
        was_held = self._end((Stage.ISSUED, place, fact.audit_no, "", sale_place), sale_place)
        tokens = [
            (sale_place, n, int(i.kind), i.subclass, i.tid, i.units, i.value_minor, digits)
            for n, (i, digits) in enumerate(zip(items, fact.tokens, strict=True))
        ]
        self._run_many(_TOKEN, tokens)
        self._ledger.issued(place, at_ms, sale, sale_place, was_held=was_held)
        self._open.pop(sale_place, None)

    def _settled(self, place: int, at_ms: int, fact: SaleSettled) -> None:
        sale_place = self._place(fact.intent_seq)
        sale = self._intent(sale_place)
        end = (Stage.ISSUED, place, fact.audit_no, SETTLED, sale_place)
        was_held = self._end(end, sale_place)
        self._ledger.issued(place, at_ms, sale, sale_place, was_held=was_held)
        self._open.pop(sale_place, None)

    def _ended(self, place: int, at_ms: int, fact: SaleEnded) -> None:
        sale_place = self._place(fact.intent_seq)
        sale = self._intent(sale_place)
        stage = Stage.REFUSED if fact.how == SaleEnded.REFUSED else Stage.CANCELLED
        if self._end((stage, place, 0, fact.reason, sale_place), sale_place):
            self._ledger.refused(place, at_ms, sale, sale_place)
        self._till.vended_minor -= sale.amount_minor
        self._open.pop(sale_place, None)

    def _uncertain(self, place: int, at_ms: int, fact: SaleUncertain) -> None:
        sale_place = self._place(fact.intent_seq)
        self._change(_UNKNOWN, (fact.reason, sale_place), sale_place)
        self._ledger.uncertain(place, at_ms, self._intent(sale_place), sale_place)

    def _voided(self, place: int, at_ms: int, fact: SaleVoided) -> None:
        sale_place = self._place(fact.intent_seq)
        self._change(_VOID, (place, VOIDED, sale_place), sale_place)
        sale = self._intent(sale_place)
        self._till.vended_minor -= sale.amount_minor
        lines = voided(sale)
        self._ledger.for_sale(place, at_ms, Booking.VOID, lines, sale, sale_place)

    def _refund(self, place: int, _at_ms: int, fact: RefundRequested) -> None:
        sale_place = self._place(fact.intent_seq)
        day, amount = fact.business_date, fact.amount_minor
        self._run(_REFUND, (place, sale_place, fact.shift, day, amount, fact.right_meter))
        if amount:
            self._ledger.book(
                place,
                Booking.REFUND,
                refunded(self._intent(sale_place), amount),
                sale_place=sale_place,
                shift=fact.shift,
                operator_id=fact.operator_id,
                business_date=day,
                currency=fact.currency,
            )

    def _key_answered(self, place: int, _at_ms: int, fact: KeyChangeAnswered) -> None:
        self._run(_KEY_ANSWER, (self._place(fact.intent_seq), place, int(fact.took)))

    def _override(self, place: int, at_ms: int, fact: OverrideSigned) -> None:
        self._run(
            _OVERRIDE,
            (
                place, at_ms, fact.business_date, fact.operation, fact.first_id, fact.second_id,
                fact.reason, fact.note, fact.subject or None,
            ),
        )  # fmt: skip

    def _erased(self, place: int, _at_ms: int, fact: PersonErased) -> None:
        erase(self._run, fact.customer_id, place)

    def _shift_opened(self, place: int, at_ms: int, fact: ShiftOpened) -> None:
        day = self._ledger.shift_opened(place, at_ms, fact)
        values = (fact.shift, fact.operator_id, at_ms, fact.opening_minor, day)
        try:
            self._run(_SHIFT_OPEN, values)
        except IntegrityError:
            raise StoreError("SHIFT_STATE_WRONG", shift=fact.shift) from None

    def _shift_closed(self, place: int, at_ms: int, fact: ShiftClosed) -> None:
        values = (at_ms, fact.counted_minor, fact.expected_minor, fact.reason, place, fact.shift)
        if self._run(_SHIFT_CLOSE, values).rowcount != 1:
            raise StoreError("SHIFT_STATE_WRONG", shift=fact.shift)
        self._ledger.shift_closed(place, at_ms, fact)

    def _cash_moved(self, place: int, _at_ms: int, fact: CashMoved) -> None:
        self._ledger.cash_moved(place, fact)

    def _z_made(self, place: int, _at_ms: int, fact: ZMade) -> None:
        self._ledger.z_made(place, fact)

    def _end(self, values: tuple[Any, ...], sale_place: int) -> bool:
        """End an open sale; whether its money was held until now."""
        row = self._run(_END, values).first()
        if row is None:
            raise StoreError("SALE_STATE_WRONG", place=sale_place)
        return bool(row[0])

    def _answers(self, _place: int, _at_ms: int, fact: AnswersRecovered) -> None:
        self._till.receipt = max(self._till.receipt, fact.receipt_upto)

    def _orphan(self, place: int, _at_ms: int, fact: OrphanFound) -> None:
        self._till.vended_minor += fact.value_minor
        orphans.add(self._run, place, fact)

    def _orphan_settled(self, place: int, _at_ms: int, fact: OrphanSettled) -> None:
        orphans.settle(self._run, place, self._place(fact.orphan_seq), fact)

    def _change(self, statement: str, values: tuple[Any, ...], sale_place: int) -> None:
        if self._run(statement, values).rowcount != 1:
            raise StoreError("SALE_STATE_WRONG", place=sale_place)

    def _run_many(self, statement: str, rows: list[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        return self._run(statement, rows if len(rows) > 1 else rows[0]).rowcount

    def _place(self, seq: int) -> int:
        return place_of(self._till.head.epoch, seq)

    def _intent(self, place: int) -> SaleIntended:
        known = self._open.get(place)
        if known is not None:
            return known
        row = self._run(_INTENT, (place,)).first()
        if row is None:
            raise StoreError("SALE_STATE_WRONG", place=place)
        return intent_of(row[0], row[1])


_ACTIONS: dict[type, Callable[[Projector, int, int, Any], None]] = {
    SaleIntended: Projector._intended,
    SaleRetimed: Projector._retimed,
    SaleIssued: Projector._issued,
    SaleEnded: Projector._ended,
    SaleSettled: Projector._settled,
    SaleUncertain: Projector._uncertain,
    SaleVoided: Projector._voided,
    RefundRequested: Projector._refund,
    KeyChangeAnswered: Projector._key_answered,
    OverrideSigned: Projector._override,
    PersonErased: Projector._erased,
    ShiftOpened: Projector._shift_opened,
    ShiftClosed: Projector._shift_closed,
    CashMoved: Projector._cash_moved,
    ZMade: Projector._z_made,
    AnswersRecovered: Projector._answers,
    OrphanFound: Projector._orphan,
    OrphanSettled: Projector._orphan_settled,
}
