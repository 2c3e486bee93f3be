"""What is booked from journals: the same each time, whatever one of them holds."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from posapp.errors import StoreError
from posapp.headoffice import projector, schema
from posapp.headoffice.books import Books
from posapp.headoffice.desk import Desk
from posapp.headoffice.totals import totals
from posapp.journal.chain import Entry
from posapp.journal.facts import (
    SaleEnded,
    SaleIssued,
    SaleRetimed,
    SaleSettled,
    SaleUncertain,
    ShiftClosed,
)
from posapp.wire.messages import Message, Verdict
from tests.journals import DAY
from tests.office import (
    a_push,
    ask,
    count,
    dump,
    enrolled_till,
)


def test_projections_made_again_from_the_journal_are_the_same(office, till):
    till.journal.open()
    for number in range(12):
        sale = till.journal.sell()
        if number % 4 == 0:  # an intent whose end is another
            del till.journal.entries[-1], till.journal.heads[-1]
            intent = till.journal.head.seq
            if number == 4:
                till.journal.append(SaleUncertain(intent, "MODULE_LINK_LOST"))
            else:
                till.journal.append(SaleEnded(intent, number // 8, "TID_WINDOW"))
    till.journal.append(ShiftClosed(7, 3, 1000, 1000, ((1000, 1),), "", 12, 0))
    till.sync.run_once()
    tables = (schema.sale, schema.token, schema.posting, schema.shift, schema.dead_letter)
    before = dump(office, *tables)
    with office.database.write() as connection:
        projector.forget(connection)
    assert dump(office, schema.sale) == [[]]
    Desk(office).catch_up()
    assert dump(office, *tables) == before
    states = [row[4] for row in before[0]]
    assert sorted(set(states)) == ["cancelled", "issued", "refused", "unknown"]
    with office.database.read() as connection:
        day = totals(connection, sale.business_date)
    assert (day.sales, day.tills[0].unresolved) == (9, 1)


def test_an_outcome_that_comes_long_after_its_intent_finds_it(office, till):
    sale = till.journal.sell()
    outcome = till.journal.entries.pop()
    issued = SaleIssued.from_body(Entry.from_bytes(outcome).body)
    del till.journal.heads[-1]
    till.sync.run_once()
    with office.database.read() as connection:
        day = totals(connection, sale.business_date)
    assert (day.sales, day.tills[0].unresolved, day.tills[0].accounts) == (0, 1, {})
    later = replace(sale.items[0], tid=sale.items[0].tid + 1)
    till.journal.append(SaleRetimed(sale.sale_id, (later,), sale.sequence + 1))
    till.sync.run_once()
    till.journal.append(issued)
    till.sync.run_once()
    with office.database.read() as connection:
        day = totals(connection, sale.business_date)
        token = connection.execute(select(schema.token)).one()
    assert (day.sales, day.tills[0].unresolved) == (1, 0)
    assert day.tills[0].accounts["CASH"] == sale.amount_minor
    assert (token.tid, token.digits) == (later.tid, issued.tokens[0])
    assert count(office, schema.dead_letter) == 0


def test_a_sale_that_only_the_modules_book_proves_is_sold_without_its_digits(office, till):
    sale = till.journal.sell()
    del till.journal.entries[-1], till.journal.heads[-1]
    intent = till.journal.head.seq
    till.journal.append(SaleUncertain(intent, "CLAIM_PRINTED"))
    till.journal.append(SaleSettled(intent, 41, bytes(32), 2))
    till.sync.run_once()
    with office.database.read() as connection:
        day = totals(connection, sale.business_date)
        row = connection.execute(select(schema.sale)).one()
        token = connection.execute(select(schema.token)).one()
    assert (row.state, row.audit_no, row.reason) == ("issued", 41, "SETTLED_BY_AUDIT")
    assert (day.sales, day.tills[0].unresolved, token.digits) == (1, 0, "")
    accounts = day.tills[0].accounts
    assert accounts["CASH"] == sale.amount_minor and not accounts.get("HELD")
    assert count(office, schema.dead_letter) == 0


def test_what_cannot_be_projected_waits_and_stops_nobody(office, till):
    till.journal.sell()
    till.journal.append(SaleEnded(1, 0, "LATE"))  # of a sale that has its token
    till.journal.append(SaleEnded(77, 0, "NOTHING"))

    class Newer:
        KIND, VERSION = 99, 1

        def to_body(self):
            return {0: "what a newer till writes"}

    till.journal.append(Newer())
    till.journal.sell()
    assert till.sync.run_once().waiting == 0
    with office.database.read() as connection:
        letters = connection.execute(
            select(schema.dead_letter.c.seq, schema.dead_letter.c.code)
        ).all()
        assert sorted(map(tuple, letters)) == [
            (3, "SALE_ENDED_TWICE"),
            (4, "SALE_MISSING"),
            (5, "KIND_UNKNOWN"),
        ]
        assert totals(connection, DAY).tills[0].waiting == 3
    assert count(office, schema.sale) == 2


class Odd:
    """A fact with a body as only a till that was tampered with writes it."""

    KIND, VERSION = 3, 1

    def __init__(self, body, kind=3):
        self.body, self.KIND = body, kind

    def to_body(self):
        return self.body


def letters(office) -> list[tuple[int, str]]:
    query = select(schema.dead_letter.c.seq, schema.dead_letter.c.code)
    with office.database.read() as connection:
        return sorted(map(tuple, connection.execute(query).all()))


@pytest.mark.parametrize(
    "body",
    [
        {0: 1 << 70, 1: 3, 2: 0},
        {0: 8, 1: None, 2: 0},
        {0: 8, 1: "three", 2: 0},
        {0: 8, 1: [3], 2: {}},
        {0: 8, 1: 3, 2: -(1 << 64)},
    ],
)
def test_one_impossible_entry_of_one_till_stops_neither_it_nor_the_others(
    office, line, till, clock, body
):
    other = enrolled_till(office, line, seed=2, code="0418", clock=clock)
    till.journal.sell()
    till.journal.append(Odd(body))
    till.journal.sell()
    assert till.sync.run_once().waiting == 0
    other.journal.sell()
    assert other.sync.run_once().problem == ""
    assert letters(office) == [(3, "JOURNAL_ENTRY_INVALID")]
    assert count(office, schema.sale) == 3
    Desk(office).catch_up()


def test_an_entry_that_breaks_the_projection_is_set_aside_alone_and_said_once(
    office, till, monkeypatch, expect_log
):
    whole = Books.book

    def book(self, seq, at_ms, fact):
        if seq == 5:
            raise ZeroDivisionError
        whole(self, seq, at_ms, fact)

    monkeypatch.setattr(Books, "book", book)
    expect_log("ERROR .*projector: entry 5 of till .* cannot be projected")
    for _ in range(4):
        till.journal.sell()
    assert till.sync.run_once().waiting == 0
    assert letters(office) == [(5, "PROJECTION_BROKE"), (6, "SALE_MISSING")]
    assert count(office, schema.sale) == 3
    assert count(office, schema.token) == 3


def test_a_sum_that_would_break_the_days_totals_is_set_aside(office, till):
    sale = till.journal.sell()
    lines = (replace(sale.lines[0], amount_minor=1 << 62),)
    tenders = (replace(sale.tenders[0], received_minor=1 << 62),)
    for number in range(3):
        huge = replace(sale, sale_id=bytes([number]) * 16, lines=lines, tenders=tenders)
        seq = till.journal.append(huge)
        till.journal.append(SaleIssued(seq, ("0" * 20,), 1))
    assert till.sync.run_once().problem == ""
    with office.database.read() as connection:
        assert totals(connection, sale.business_date).sales == 1
    assert letters(office)[0] == (3, "SALE_TOO_LARGE")


def test_an_entry_at_no_possible_time_is_kept_as_evidence(office, till, line, expect_log):
    expect_log("answered INVALID")
    till.journal.at_ms = 1 << 70
    till.journal.append(SaleEnded(1, 0, ""))
    assert ask(line, till, Message.PUSH, a_push(till, 0, 1).to_body()).verdict is Verdict.INVALID
    assert count(office, schema.incident) == 1


def test_a_projection_that_fails_decides_no_answer_and_is_said_once(
    office, line, till, clock, monkeypatch, expect_log, caplog
):
    whole = projector.project
    broken = till.journal.till_id

    def project(connection, place):
        if place[0] == broken:
            raise StoreError("STORE_DAMAGED")
        return whole(connection, place)

    monkeypatch.setattr(projector, "project", project)
    expect_log("ERROR .*cannot be projected now")
    other = enrolled_till(office, line, seed=2, code="0418", clock=clock)
    for one in (till, till, other):
        one.journal.sell()
        assert one.sync.run_once().waiting == 0
    assert count(office, schema.sale) == 1
    assert [r.levelname for r in caplog.records if "projected now" in r.message] == ["ERROR"]
    monkeypatch.undo()
    Desk(office).catch_up()
    assert count(office, schema.sale) == 3


def test_a_crash_between_the_facts_and_their_projection_is_made_good(office, till, monkeypatch):
    till.journal.sell()
    monkeypatch.setattr(Desk, "_project", lambda _: None)
    till.sync.run_once()
    assert count(office, schema.sale) == 0
    monkeypatch.undo()
    Desk(office).catch_up()
    assert count(office, schema.sale) == 1
