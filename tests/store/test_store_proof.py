"""What proves a store beside its journal, and that one changed byte anywhere is seen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from posapp.store.schema import place_of
from tests.stores import Seller, a_store, again
from tests.storm.store_bytes import a_day, is_found

SAMPLE = 150


def test_a_store_that_nobody_changed_has_no_flaw(tmp_path: Path):
    a_day(tmp_path)
    store = again(tmp_path, read_only=True)
    assert store.verify_journal().broken_seq is None and store.flaws() == ()
    store.close()


def test_one_changed_byte_anywhere_in_the_store_is_found(tmp_path: Path):
    good = a_day(tmp_path)
    chance = random.Random(20261120)
    edges = [0, 15, 16, 4095, 4096, len(good) - 1]
    places = [*edges, *(chance.randrange(len(good)) for _ in range(SAMPLE))]
    missed = [p for p in places if not is_found(tmp_path, good, p, chance.randrange(8))]
    assert missed == []


@pytest.fixture
def store(tmp_path: Path):
    store = a_store(tmp_path)
    seller = Seller(store)
    for meter in range(3):
        seller.sell(meter=meter)
    yield store
    store.close()


def change(store, statement: str, *values: object) -> None:
    store.transaction(lambda connection: connection.exec_driver_sql(statement, values))


def test_what_holds_has_no_flaw(store):
    assert store.flaws() == ()


def test_a_booking_that_does_not_add_up_is_named(store):
    head = store.read(lambda reader: reader.head())
    change(
        store,
        "UPDATE posting SET amount_minor = amount_minor + 1 WHERE (place, account, code) ="
        " (SELECT place, account, code FROM posting ORDER BY place DESC LIMIT 1)",
    )
    assert store.flaws() == (f"booking {head.seq} does not add up to zero",)


def test_postings_without_a_head_and_bookings_without_an_entry_are_named(store):
    head = store.read(lambda reader: reader.head())
    change(store, "UPDATE booking SET place = ? WHERE place = (SELECT max(place) FROM booking)",
           place_of(head.epoch, 999))  # fmt: skip
    assert set(store.flaws()) == {
        f"booking {head.seq} has postings and no head",
        "booking 999 has no entry in the journal",
    }


def test_a_document_that_is_none_or_nobodys_is_named(store):
    store.write(lambda uow: uow.add_print_job("receipt", "R", b"\xff"))
    store.write(lambda uow: uow.add_print_job("receipt", "R", b"\x01", sale_id=bytes(16)))
    assert store.flaws() == (
        "document 4 cannot be read",
        "document 5 is of a sale that is not there",
    )
