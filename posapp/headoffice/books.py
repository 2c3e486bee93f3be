"""One stretch of a till's facts booked in memory and written in a few statements.

A fact is checked before it changes anything here, so that one which does not fit leaves no
trace but its letter. Used by `projector` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from posapp.domain.sale import OPEN_STATES, SOLD_STATES, SaleState
from posapp.headoffice import key_changes
from posapp.headoffice.ledger import Ledger
from posapp.headoffice.schema import dead_letter, journal, sale, shift, token
from posapp.journal import facts, postings
from posapp.journal.chain import Entry
from posapp.journal.postings import Booking

REASON_CHARACTERS_MAX = 500
SETTLED = "SETTLED_BY_AUDIT"  # the reason of a sale that has tokens nobody here knows
AMOUNT_MAX = 10**13  # of one sale, minor units or tenths: a day's sums must fit into 64 bits
CHUNK = 400  # values in one statement

_OPEN = tuple(state.value for state in OPEN_STATES)
_SOLD = tuple(state.value for state in SOLD_STATES)
_ABOUT_SALES = (
    facts.SaleIssued,
    facts.SaleEnded,
    facts.SaleUncertain,
    facts.SaleSettled,
    facts.SaleVoided,
    facts.RefundRequested,
    facts.KeyChangeAnswered,
)


class OutOfPlaceError(Exception):
    """A fact that refers to what is not there, or repeats what is; ends as a dead letter."""

    def __init__(self, code: str, reason: object = "") -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code


@dataclass(slots=True)
class _Sale:
    """A sale being booked: its row, the tokens asked for, the fact it began with."""

    row: dict[str, Any]
    tokens: list[dict[str, Any]]
    fact: facts.SaleIntended | None = None
    is_new: bool = True
    changed: bool = False


class Books:
    """The projections of one branch while a stretch of it is booked."""

    def __init__(self, connection: Connection, till_id: bytes, epoch: int) -> None:
        self._connection = connection
        self._till_id = till_id
        self._epoch = epoch
        self._by_seq: dict[int, _Sale] = {}
        self._by_id: dict[bytes, _Sale] = {}
        self._letters: list[dict[str, Any]] = []
        self._ledger = Ledger(connection, till_id, epoch)

    def load(self, read: Sequence[facts.Fact]) -> None:
        """Fetch the sales that these facts refer to and that are here from before."""
        seqs: list[int] = []
        ids: list[bytes] = []
        for fact in read:
            if isinstance(fact, _ABOUT_SALES):
                seqs.append(fact.intent_seq)
            elif isinstance(fact, facts.SaleIntended | facts.SaleRetimed):
                ids.append(fact.sale_id)
        for start in range(0, max(len(seqs), len(ids)), CHUNK):
            self._load_some(seqs[start : start + CHUNK], ids[start : start + CHUNK])

    def _load_some(self, seqs: list[int], ids: list[bytes]) -> None:
        in_epoch = (sale.c.epoch == self._epoch) & sale.c.seq.in_(seqs)
        query = select(sale).where(
            sale.c.till_id == self._till_id, or_(in_epoch, sale.c.sale_id.in_(ids))
        )
        fresh: list[bytes] = []
        for row in self._connection.execute(query).mappings():
            if bytes(row["sale_id"]) not in self._by_id:
                self._keep(_Sale(dict(row), [], is_new=False))
                fresh.append(bytes(row["sale_id"]))
        asked = (
            select(token)
            .where(token.c.till_id == self._till_id, token.c.sale_id.in_(fresh))
            .order_by(token.c.place)
        )
        for row in self._connection.execute(asked).mappings():
            self._by_id[bytes(row["sale_id"])].tokens.append(dict(row))

    def _keep(self, one: _Sale) -> None:
        self._by_id[bytes(one.row["sale_id"])] = one
        if one.row["epoch"] == self._epoch:
            self._by_seq[one.row["seq"]] = one

    def book(self, seq: int, at_ms: int, fact: facts.Fact) -> None:
        """Take one fact in. Raises OutOfPlaceError or PosError, and has then changed nothing."""
        match fact:
            case facts.SaleIntended():
                self._intended(seq, at_ms, fact)
            case facts.SaleRetimed():
                self._retimed(fact)
            case facts.SaleIssued():
                self._issued(seq, at_ms, fact)
            case facts.SaleEnded():
                self._ended(seq, at_ms, fact)
            case facts.SaleUncertain():
                self._uncertain(seq, at_ms, fact)
            case facts.SaleSettled():
                self._settled(seq, at_ms, fact)
            case facts.SaleVoided():
                self._voided(seq, at_ms, fact)
            case facts.RefundRequested():
                self._refund_requested(seq, fact)
            case facts.KeyChangeAnswered():
                self._key_answered(fact)
            case facts.ShiftOpened():
                self._opened(seq, at_ms, fact)
            case facts.ShiftClosed():
                self._closed(seq, at_ms, fact)
            case facts.CashMoved():
                self._ledger.cash_moved(seq, fact)
            case facts.ZMade():
                self._ledger.z_made(seq, fact)

    def set_aside(self, seq: int, code: str, reason: str) -> None:
        """Leave a fact for a person, or for newer software, to look at."""
        self._letters.append(
            {
                "till_id": self._till_id,
                "epoch": self._epoch,
                "seq": seq,
                "code": code,
                "reason": reason[:REASON_CHARACTERS_MAX],
            }
        )

    # ------------------------------------------------------------ sales

    def _intended(self, seq: int, at_ms: int, fact: facts.SaleIntended) -> None:
        if fact.sale_id in self._by_id:
            raise OutOfPlaceError("SALE_REPEATED")
        if max(_magnitudes(fact)) > AMOUNT_MAX:
            raise OutOfPlaceError("SALE_TOO_LARGE")
        row = {
            "till_id": self._till_id,
            "sale_id": fact.sale_id,
            "epoch": self._epoch,
            "seq": seq,
            "state": SaleState.INTENT.value,
            "receipt": fact.receipt,
            "shift": fact.shift,
            "operator_id": fact.operator_id,
            "business_date": fact.business_date.toordinal(),
            "at_ms": at_ms,
            "meter": fact.meter,
            "customer_id": fact.customer_id,
            "tariff": fact.tariff,
            "currency": fact.currency,
            "amount_minor": fact.amount_minor,
            "units_tenths": fact.units_tenths,
            "module_id": fact.module_id,
            "audit_no": 0,
            "reason": "",
            "held": 0,
        }
        self._keep(_Sale(row, self._asked(fact.sale_id, fact.items_by_token), fact))

    def _asked(self, sale_id: bytes, items: tuple[facts.TokenItem, ...]) -> list[dict[str, Any]]:
        return [
            {
                "till_id": self._till_id,
                "sale_id": sale_id,
                "place": place,
                "kind": int(item.kind),
                "tid": item.tid,
                "units": item.units,
                "value_minor": item.value_minor,
                "digits": "",
            }
            for place, item in enumerate(items)
        ]

    def _retimed(self, fact: facts.SaleRetimed) -> None:
        one = self._by_id.get(fact.sale_id)
        if one is None:
            raise OutOfPlaceError("SALE_MISSING")
        if one.row["state"] not in _OPEN:
            raise OutOfPlaceError("SALE_ENDED_TWICE", one.row["state"])
        intent = one.fact or self._intent(one.row["seq"])
        items = replace(intent, items=fact.items).items_by_token
        one.tokens, one.changed = self._asked(fact.sale_id, items), True

    def _issued(self, seq: int, at_ms: int, fact: facts.SaleIssued) -> None:
        one = self._open_sale(fact.intent_seq)
        if len(fact.tokens) != len(one.tokens):
            raise OutOfPlaceError("TOKEN_COUNT", f"{len(fact.tokens)} of {len(one.tokens)}")
        self._book_sold(seq, at_ms, one, fact.intent_seq)
        for place, digits in enumerate(fact.tokens):
            one.tokens[place]["digits"] = digits
        self._move(one, SaleState.ISSUED, audit_no=fact.audit_no)

    def _settled(self, seq: int, at_ms: int, fact: facts.SaleSettled) -> None:
        one = self._open_sale(fact.intent_seq)
        self._book_sold(seq, at_ms, one, fact.intent_seq)
        self._move(one, SaleState.ISSUED, audit_no=fact.audit_no, reason=SETTLED)

    def _book_sold(self, seq: int, at_ms: int, one: _Sale, intent_seq: int) -> None:
        intent = one.fact or self._intent(intent_seq)
        if one.row["held"]:
            lines, kind = postings.released(intent), Booking.RELEASED
        else:
            lines, kind = postings.sold(intent), Booking.SALE
        self._ledger.for_sale(seq, at_ms, kind, lines, intent)

    def _ended(self, seq: int, at_ms: int, fact: facts.SaleEnded) -> None:
        one = self._open_sale(fact.intent_seq)
        if one.row["held"]:
            intent = one.fact or self._intent(fact.intent_seq)
            self._ledger.refused(seq, at_ms, intent)
        refused = fact.how == facts.SaleEnded.REFUSED
        state = SaleState.REFUSED if refused else SaleState.CANCELLED
        self._move(one, state, reason=fact.reason)

    def _uncertain(self, seq: int, at_ms: int, fact: facts.SaleUncertain) -> None:
        one = self._open_sale(fact.intent_seq)
        if not one.row["held"]:
            intent = one.fact or self._intent(fact.intent_seq)
            lines = postings.held(intent)
            self._ledger.for_sale(seq, at_ms, Booking.HELD, lines, intent)
        self._move(one, SaleState.UNKNOWN, reason=fact.reason, held=1)

    def _voided(self, seq: int, at_ms: int, fact: facts.SaleVoided) -> None:
        one = self._sold_sale(fact.intent_seq)
        intent = one.fact or self._intent(fact.intent_seq)
        lines = postings.voided(intent)
        self._ledger.for_sale(seq, at_ms, Booking.VOID, lines, intent)
        self._move(one, SaleState.CANCELLED, reason="VOIDED")

    def _refund_requested(self, seq: int, fact: facts.RefundRequested) -> None:
        one = self._sold_sale(fact.intent_seq)
        if fact.amount_minor:
            intent = one.fact or self._intent(fact.intent_seq)
            lines = postings.refunded(intent, fact.amount_minor)
            day = date.fromordinal(fact.business_date)
            self._ledger.book(seq, Booking.REFUND, lines, fact.shift, day, fact.currency)

    def _key_answered(self, fact: facts.KeyChangeAnswered) -> None:
        one = self._by_seq.get(fact.intent_seq)
        if one is None or one.row["meter"] != fact.meter:
            raise OutOfPlaceError("SALE_MISSING", fact.intent_seq)
        intent = one.fact or self._intent(fact.intent_seq)
        target = next((item.target for item in intent.items if item.target), None)
        if target is None:
            raise OutOfPlaceError("KEY_CHANGE_MISSING", fact.intent_seq)
        if fact.took:
            key_changes.confirm(self._connection, fact.meter, target)

    def _sold_sale(self, intent_seq: int) -> _Sale:
        one = self._by_seq.get(intent_seq)
        if one is None:
            raise OutOfPlaceError("SALE_MISSING", intent_seq)
        if one.row["state"] not in _SOLD:
            raise OutOfPlaceError("SALE_NOT_SOLD", f"{intent_seq} {one.row['state']}")
        return one

    def _open_sale(self, intent_seq: int) -> _Sale:
        one = self._by_seq.get(intent_seq)
        if one is None:
            raise OutOfPlaceError("SALE_MISSING", intent_seq)
        if one.row["state"] not in _OPEN:
            raise OutOfPlaceError("SALE_ENDED_TWICE", f"{intent_seq} {one.row['state']}")
        return one

    def _move(self, one: _Sale, state: SaleState, **values: object) -> None:
        one.row.update(state=state.value, **values)
        one.changed = True

    def _intent(self, seq: int) -> facts.SaleIntended:
        """The fact a sale began with, when that was in an earlier stretch."""
        data = self._connection.execute(
            select(journal.c.entry).where(
                journal.c.till_id == self._till_id,
                journal.c.epoch == self._epoch,
                journal.c.seq == seq,
            )
        ).scalar_one()
        entry = Entry.from_bytes(bytes(data))
        fact = facts.read(entry.kind, entry.version, entry.body)
        assert isinstance(fact, facts.SaleIntended), "the sale was projected from it"
        return fact

    # ------------------------------------------------------------ shifts, a few a day

    def _opened(self, seq: int, at_ms: int, fact: facts.ShiftOpened) -> None:
        if self._connection.execute(select(shift.c.number).where(self._shift(fact.shift))).first():
            raise OutOfPlaceError("SHIFT_REPEATED", fact.shift)
        self._connection.execute(
            insert(shift).values(
                till_id=self._till_id,
                number=fact.shift,
                operator_id=fact.operator_id,
                opened_ms=at_ms,
                opening_minor=fact.opening_minor,
            )
        )
        self._ledger.shift_opened(seq, at_ms, fact)

    def _closed(self, seq: int, at_ms: int, fact: facts.ShiftClosed) -> None:
        changed = self._connection.execute(
            update(shift)
            .where(self._shift(fact.shift), shift.c.closed_ms.is_(None))
            .values(
                closed_ms=at_ms,
                counted_minor=fact.counted_minor,
                expected_minor=fact.expected_minor,
                reason=fact.reason,
                slips_printed=fact.slips_printed,
                copies_printed=fact.copies_printed,
            )
        )
        if changed.rowcount != 1:
            raise OutOfPlaceError("SHIFT_NOT_OPEN", fact.shift)
        self._ledger.shift_closed(seq, at_ms, fact)

    def _shift(self, number: int) -> Any:
        return (shift.c.till_id == self._till_id) & (shift.c.number == number)

    # ------------------------------------------------------------ writing

    def flush(self) -> None:
        """Write what was booked."""
        sales = self._by_id.values()
        added = [one for one in sales if one.is_new]
        altered = [one for one in sales if one.changed and not one.is_new]
        self._insert(sale, [one.row for one in added])
        if altered:
            columns: dict[str, Any] = {
                name: bindparam(f"new_{name}") for name in ("state", "audit_no", "reason", "held")
            }
            self._connection.execute(
                update(sale)
                .where(sale.c.till_id == self._till_id, sale.c.sale_id == bindparam("its_id"))
                .values(columns),
                [
                    {
                        "its_id": one.row["sale_id"],
                        "new_state": one.row["state"],
                        "new_audit_no": one.row["audit_no"],
                        "new_reason": one.row["reason"],
                        "new_held": one.row["held"],
                    }
                    for one in altered
                ],
            )
            self._connection.execute(
                delete(token).where(
                    token.c.till_id == self._till_id, token.c.sale_id == bindparam("its_id")
                ),
                [{"its_id": one.row["sale_id"]} for one in altered],
            )
        self._insert(token, [row for one in added + altered for row in one.tokens])
        self._ledger.flush()
        self._insert(dead_letter, self._letters)

    def _insert(self, table: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(table), rows)


def _magnitudes(fact: facts.SaleIntended) -> tuple[int, int, int]:
    """How large the sums of a sale can become, whichever of its parts are added."""
    lines = sum(abs(line.amount_minor) for line in fact.lines)
    return lines, fact.received_minor, abs(fact.units_tenths)
