"""Till and head office book the same facts: every posting, its place, its date, its shift."""

from __future__ import annotations

from sqlalchemy import insert, select

from posapp.headoffice import projector, schema
from posapp.headoffice.schema import posting, till_branch
from posapp.journal.chain import Entry, genesis
from tests.storm.month_of_sales import Month


def test_a_month_of_a_till_is_booked_alike_on_both_sides(tmp_path, office):
    month = Month(tmp_path / "till", seed=11)
    month.live(days=5, sales=300)
    head = month.store.read(lambda r: r.head())
    entries = month.store.look(
        lambda c: c.exec_driver_sql("SELECT entry, hash FROM journal ORDER BY place").all()
    )
    with office.database.write() as connection:
        connection.execute(
            insert(till_branch).values(
                till_id=head.till_id,
                epoch=head.epoch,
                seq=head.seq,
                hash=head.hash,
                genesis=genesis(head.till_id, head.epoch).hash,
            )
        )
        rows = []
        for data, digest in entries:
            entry = Entry.from_bytes(data)
            rows.append(
                {
                    "till_id": head.till_id, "epoch": head.epoch, "seq": entry.seq,
                    "kind": entry.kind, "entry": data, "hash": digest, "received_ms": 0,
                }
            )  # fmt: skip
        connection.execute(insert(schema.journal), rows)
    more = True
    while more:
        with office.database.write() as connection:
            more = projector.project(connection, (head.till_id, head.epoch))
    columns = ("seq", "account", "code", "amount_minor", "currency", "business_date", "shift")
    p = posting.c
    with office.database.read() as connection:
        assert connection.execute(select(schema.dead_letter)).all() == []
        query = select(*(p[name] for name in columns), p.booking).order_by(p.seq, p.account, p.code)
        theirs = [tuple(row) for row in connection.execute(query)]
    statement = (
        "SELECT b.place & 0xFFFFFFFFFF, p.account, p.code, p.amount_minor, b.currency,"
        " b.business_date, b.shift, b.kind FROM booking b JOIN posting p ON p.place = b.place"
        " ORDER BY b.place, p.account, p.code"
    )
    ours = [tuple(row) for row in month.store.look(lambda c: c.exec_driver_sql(statement).all())]
    month.store.close()
    assert len(ours) > 1_000 and theirs == ours
