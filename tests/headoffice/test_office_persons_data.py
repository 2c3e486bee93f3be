"""A customer at head office: told, erased, erased at the tills, and not loaded again."""

from __future__ import annotations

import json

import pytest

from posapp.codec import cbor
from posapp.errors import InputError
from posapp.headoffice import people
from posapp.headoffice.imports import import_files
from posapp.headoffice.schema import feed, feed_pending
from posapp.store.feed import SqlSyncStore
from posapp.wire.feed import GLOBAL, FeedRow
from tests.office import FixedClock, an_office
from tests.stores import a_store

FILE = "customer_id,name,account,phone\n1,Wanjiku Njoroge,310-1,0712 345 678\n2,Otieno,,\n"


@pytest.fixture
def office(tmp_path):
    office = an_office(tmp_path / "office", FixedClock())
    (tmp_path / "c.csv").write_text(FILE, encoding="utf-8")
    import_files(office, [tmp_path / "c.csv"])
    yield office
    office.close()


def send_down(office, store):
    """All rows of the feed as a till reads them."""
    with office.database.read() as connection:
        rows = connection.execute(feed.select().order_by(feed.c.seq)).all()
    items = [
        [row.seq, row.entity, row.key, None if row.body is None else cbor.decode(row.body)]
        for row in rows
    ]
    SqlSyncStore(store).apply_rows(GLOBAL, [FeedRow.from_item(i) for i in items], rows[-1].seq)


def kept(office):
    with office.database.read() as connection:
        rows = [*connection.execute(feed.select()), *connection.execute(feed_pending.select())]
        rows += connection.execute(people.customer.select()).all()
    return repr(rows).encode()


def test_a_person_is_told_and_then_gone_with_every_row_of_the_feed(office):
    told = json.loads(people.export_customer(office, 1))
    assert told["record"]["name"] == "Wanjiku Njoroge" and told["sales"] == []
    assert b"Wanjiku" in kept(office)
    people.erase_customer(office, 1)
    assert b"Wanjiku" not in kept(office) and b"310-1" not in kept(office)
    with pytest.raises(InputError, match="PERSON_UNKNOWN"):
        people.erase_customer(office, 1)
    with pytest.raises(InputError, match="PERSON_UNKNOWN"):
        people.export_customer(office, 1)


def test_the_same_file_loaded_again_does_not_bring_a_person_back(office, tmp_path):
    people.erase_customer(office, 1)
    report = import_files(office, [tmp_path / "c.csv"])
    (bad,) = report.files[0].bad
    assert (bad.code, bad.line) == ("CUSTOMER_ERASED", 2)
    assert b"Wanjiku" not in kept(office)


def test_a_till_deletes_the_row_when_it_hears_of_it(office, tmp_path):
    store = a_store(tmp_path)
    send_down(office, store)
    assert store.read(lambda reader: reader.customer_name(1)).name == "Wanjiku Njoroge"
    people.erase_customer(office, 1)
    send_down(office, store)
    assert store.read(lambda reader: reader.customer_name(1)) is None
    assert store.read(lambda reader: reader.customer_name(2)).name == "Otieno"
    store.close()
