"""Sales, tokens, postings and shifts out of the tills' journals, after the facts are safe.

Each step moves the branch's `projected_seq` in its own transaction, so a crash repeats nothing
and loses nothing; what cannot be projected waits in `dead_letter` and stops nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from posapp.domain.sale import SaleState
from posapp.errors import PosError
from posapp.headoffice.schema import (
    dead_letter,
    journal,
    posting,
    sale,
    shift,
    till_branch,
    token,
)
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.postings import postings

ENTRIES_A_STEP = 2_000
KIND_UNKNOWN = "KIND_UNKNOWN"

_log = logging.getLogger(__name__)


class _OutOfPlaceError(Exception):
    """An entry that refers to what is not there, or repeats what is; never leaves this file."""

    def __init__(self, code: str, reason: object = "") -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code


def project(connection: Connection) -> bool:
    """Project a stretch of every branch that has entries waiting; whether more is left."""
    waiting = connection.execute(
        select(till_branch).where(till_branch.c.projected_seq < till_branch.c.seq)
    ).all()
    more = False
    for branch in waiting:
        rows = connection.execute(
            select(journal.c.seq, journal.c.entry)
            .where(
                journal.c.till_id == branch.till_id,
                journal.c.epoch == branch.epoch,
                journal.c.seq > branch.projected_seq,
            )
            .order_by(journal.c.seq)
            .limit(ENTRIES_A_STEP)
        ).all()
        for row in rows:
            _project_entry(connection, branch, Entry.from_bytes(bytes(row.entry)))
        connection.execute(
            update(till_branch)
            .where(till_branch.c.till_id == branch.till_id, till_branch.c.epoch == branch.epoch)
            .values(projected_seq=rows[-1].seq)
        )
        more = more or rows[-1].seq < branch.seq
    return more


def forget(connection: Connection) -> None:
    """Throw all projections away, to be made again from the journals."""
    for table in (sale, token, posting, shift, dead_letter):
        connection.execute(delete(table))
    connection.execute(update(till_branch).values(projected_seq=0))


def _project_entry(connection: Connection, branch: Any, entry: Entry) -> None:
    place = {"till_id": branch.till_id, "epoch": branch.epoch, "seq": entry.seq}
    try:
        fact = facts.read(entry.kind, entry.version, entry.body)
        if fact is None:
            raise _OutOfPlaceError(KIND_UNKNOWN, f"{entry.kind}/{entry.version}")
        writer = _WRITERS.get(type(fact))
        if writer is not None:
            with connection.begin_nested():
                writer(connection, place, entry.at_ms, fact)
    except (_OutOfPlaceError, PosError, IntegrityError) as error:
        code = "REPEATED" if isinstance(error, IntegrityError) else error.code
        _log.info("entry %d of a till waits as %s", entry.seq, code)
        letter = insert(dead_letter).values(**place, code=code, reason=str(error)[:500])
        connection.execute(letter)


def _intended(
    connection: Connection, place: dict[str, Any], at_ms: int, fact: facts.SaleIntended
) -> None:
    connection.execute(
        insert(sale).values(
            **place,
            sale_id=fact.sale_id,
            state=SaleState.INTENT.value,
            receipt=fact.receipt,
            shift=fact.shift,
            operator_id=fact.operator_id,
            business_date=fact.business_date.toordinal(),
            at_ms=at_ms,
            meter=fact.meter,
            customer_id=fact.customer_id,
            tariff=fact.tariff,
            currency=fact.currency,
            amount_minor=fact.amount_minor,
            units_tenths=fact.units_tenths,
            module_id=fact.module_id,
        )
    )
    _write_items(connection, place["till_id"], fact.sale_id, fact.items)


def _write_items(
    connection: Connection, till_id: bytes, sale_id: bytes, items: tuple[facts.TokenItem, ...]
) -> None:
    mine = (token.c.till_id == till_id) & (token.c.sale_id == sale_id)
    connection.execute(delete(token).where(mine))
    connection.execute(
        insert(token),
        [
            {
                "till_id": till_id,
                "sale_id": sale_id,
                "place": number,
                "kind": int(item.kind),
                "tid": item.tid,
                "units": item.units,
                "value_minor": item.value_minor,
                "digits": "",
            }
            for number, item in enumerate(items)
        ],
    )


def _retimed(
    connection: Connection, place: dict[str, Any], _: int, fact: facts.SaleRetimed
) -> None:
    mine = (sale.c.till_id == place["till_id"]) & (sale.c.sale_id == fact.sale_id)
    if connection.execute(select(sale.c.seq).where(mine)).first() is None:
        raise _OutOfPlaceError("SALE_MISSING")
    _write_items(connection, place["till_id"], fact.sale_id, fact.items)


def _issued(connection: Connection, place: dict[str, Any], _: int, fact: facts.SaleIssued) -> None:
    sale_id = _move(connection, place, fact.intent_seq, SaleState.ISSUED, audit_no=fact.audit_no)
    for number, digits in enumerate(fact.tokens):
        changed = connection.execute(
            update(token)
            .where(
                token.c.till_id == place["till_id"],
                token.c.sale_id == sale_id,
                token.c.place == number,
            )
            .values(digits=digits)
        )
        if changed.rowcount != 1:
            raise _OutOfPlaceError("TOKEN_UNASKED", number)
    _post(connection, place, fact.intent_seq)


def _post(connection: Connection, place: dict[str, Any], intent_seq: int) -> None:
    """Book a sale that was really made, from the lines and tenders of its intent."""
    data = connection.execute(
        select(journal.c.entry).where(
            journal.c.till_id == place["till_id"],
            journal.c.epoch == place["epoch"],
            journal.c.seq == intent_seq,
        )
    ).scalar_one()
    entry = Entry.from_bytes(bytes(data))
    fact = facts.read(entry.kind, entry.version, entry.body)
    assert isinstance(fact, facts.SaleIntended), "the sale was projected from it"
    rows = [
        {
            "till_id": place["till_id"],
            "sale_id": fact.sale_id,
            "account": int(account),
            "amount_minor": amount,
            "currency": fact.currency,
            "business_date": fact.business_date.toordinal(),
        }
        for account, amount in postings(fact)
    ]
    if rows:
        connection.execute(insert(posting), rows)


def _ended(connection: Connection, place: dict[str, Any], _: int, fact: facts.SaleEnded) -> None:
    refused = fact.how == facts.SaleEnded.REFUSED
    state = SaleState.REFUSED if refused else SaleState.CANCELLED
    _move(connection, place, fact.intent_seq, state, reason=fact.reason)


def _uncertain(
    connection: Connection, place: dict[str, Any], _: int, fact: facts.SaleUncertain
) -> None:
    _move(connection, place, fact.intent_seq, SaleState.UNKNOWN, reason=fact.reason)


def _move(
    connection: Connection,
    place: dict[str, Any],
    intent_seq: int,
    state: SaleState,
    **values: object,
) -> bytes:
    """Bring a sale that is still open into its next state; its id."""
    mine = (
        (sale.c.till_id == place["till_id"])
        & (sale.c.epoch == place["epoch"])
        & (sale.c.seq == intent_seq)
    )
    row = connection.execute(select(sale.c.sale_id, sale.c.state).where(mine)).first()
    if row is None:
        raise _OutOfPlaceError("SALE_MISSING", intent_seq)
    if row.state not in (SaleState.INTENT.value, SaleState.UNKNOWN.value):
        raise _OutOfPlaceError("SALE_ENDED_TWICE", f"{intent_seq} {row.state}")
    connection.execute(update(sale).where(mine).values(state=state.value, **values))
    return bytes(row.sale_id)


def _opened(
    connection: Connection, place: dict[str, Any], at_ms: int, fact: facts.ShiftOpened
) -> None:
    connection.execute(
        insert(shift).values(
            till_id=place["till_id"],
            number=fact.shift,
            operator_id=fact.operator_id,
            opened_ms=at_ms,
            opening_minor=fact.opening_minor,
        )
    )


def _closed(
    connection: Connection, place: dict[str, Any], at_ms: int, fact: facts.ShiftClosed
) -> None:
    mine = (shift.c.till_id == place["till_id"]) & (shift.c.number == fact.shift)
    changed = connection.execute(
        update(shift)
        .where(mine, shift.c.closed_ms.is_(None))
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
        raise _OutOfPlaceError("SHIFT_NOT_OPEN", fact.shift)


_WRITERS: dict[type, Callable[[Connection, dict[str, Any], int, Any], None]] = {
    facts.SaleIntended: _intended,
    facts.SaleRetimed: _retimed,
    facts.SaleIssued: _issued,
    facts.SaleEnded: _ended,
    facts.SaleUncertain: _uncertain,
    facts.ShiftOpened: _opened,
    facts.ShiftClosed: _closed,
}
