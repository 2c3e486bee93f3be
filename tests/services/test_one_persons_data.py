"""Personal data stands apart: exported whole, erased without a trace, never in the journal."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.codec import cbor
from posapp.domain.customer import Customer
from posapp.errors import InputError
from posapp.journal.facts import PersonErased
from posapp.ports import PrintState
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.reports.people import resolver
from posapp.services.erase_person import ErasePerson
from posapp.services.export_people import ExportPeople
from posapp.services.export_person import ExportPerson
from posapp.services.override import Consent, Override
from posapp.services.two_people import TwoPeople, Witness
from posapp.store.feed import SqlSyncStore
from posapp.wire.feed import FeedRow
from tests.services.counter import GRACE, KWAME, PIN, Counter, a_counter
from tests.services.easy_module import EasyModule
from tests.stores import StoppedClock

CUSTOMER = 5  # Fatou Diallo, phone 0700100005


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = a_counter(tmp_path, EasyModule(), StoppedClock())
    yield counter
    counter.store.close()


def previewer(counter: Counter) -> DocumentPreviewer:
    def customer(number: int) -> Customer | None:
        return counter.store.read(lambda reader: reader.customer_name(number))

    return DocumentPreviewer(load_profile("generic-80"), resolver(customer))


def erase(counter: Counter, customer: int = CUSTOMER, second: int = GRACE.operator_id) -> None:
    override = Override(TwoPeople(counter.sign_in))
    consent = Consent("asked_for", witness=Witness(second, PIN))
    ErasePerson(counter.store, override, counter.clock)(customer, KWAME.operator_id, consent)


def all_entries(counter: Counter) -> bytes:
    return b"".join(counter.store.read(lambda reader: reader.entries(0, 1000)))


def stored_documents(counter: Counter) -> bytes:
    states = tuple(PrintState)
    jobs = counter.store.read(lambda reader: reader.print_jobs(states, 1000))
    return b"".join(job.title.encode() + job.document for job in jobs)


def a_day_of_the_shop(counter: Counter) -> None:
    for number in (CUSTOMER, CUSTOMER, 6, 7):
        counter.sale(number, 50_000)
        counter.clock.move(minutes=3)
    sold = counter.sale(8, 20_000)
    counter.store.write(
        lambda uow: [
            uow.set_print_job(job.job_id, PrintState.PRINTED)
            for job in uow.print_jobs_of_sale(sold.record.intent.sale_id)
        ]
    )
    counter.reprint(sold.record.intent.sale_id)


def test_no_journal_entry_and_no_stored_document_names_a_customer(counter):
    a_day_of_the_shop(counter)
    kept = all_entries(counter) + stored_documents(counter)
    people = counter.store.read(lambda reader: reader.people(0, 100))
    assert len(people) == 40 and len(kept) > 5_000
    for customer, _ in people:
        words = (customer.name, *customer.name.split(), customer.phone, customer.address)
        found = [word for word in (*words, customer.account) if word.encode() in kept]
        assert not found, f"customer {customer.customer_id} is named: {found}"
    assert b"{person:5." in kept  # they are referred to


def test_an_export_tells_a_person_all_that_is_kept(counter):
    a_day_of_the_shop(counter)
    told = json.loads(ExportPerson(counter.store, previewer(counter), counter.clock)(CUSTOMER))
    assert told["record"] == {
        "name": "Fatou Diallo",
        "account": "0310005",
        "phone": "0700100005",
        "address": "1 High St",
    }
    assert len(told["meters"]) == 1 and len(told["sales"]) == 2
    first = told["sales"][0]
    assert first["paid"].endswith("500.00") and len(first["tokens"][0]) == 20
    assert [job["kind"] for job in told["documents"]] == ["receipt", "receipt"]
    assert any("F**** D*****" in line for line in told["documents"][0]["text"])


def test_a_number_nobody_has_is_no_export(counter):
    with pytest.raises(InputError, match="PERSON_UNKNOWN"):
        ExportPerson(counter.store, previewer(counter), counter.clock)(9_999)


def test_an_erased_person_is_gone_and_the_books_hold(counter):
    a_day_of_the_shop(counter)
    job = counter.store.read(lambda r: r.print_jobs((PrintState.QUEUED,), 1))[0]
    before = all_entries(counter)
    erase(counter)
    assert counter.store.read(lambda reader: reader.customer_name(CUSTOMER)) is None
    assert counter.store.read(lambda reader: reader.search_words(("fatou",), 40)) != ()
    for words in (("Fatou", "Diallo"),):
        hits = counter.store.read(lambda reader, words=words: reader.search_words(words, 50))
        assert all(hit.customer.customer_id != CUSTOMER for hit in hits)
    assert all_entries(counter).startswith(before)
    assert counter.store.verify_journal().broken_seq is None
    assert counter.store.check_projections().ok
    text = previewer(counter).text(job.document)
    assert "D*****" not in text and "0310005" not in text
    told = json.loads(ExportPerson(counter.store, previewer(counter), counter.clock)(CUSTOMER))
    assert told["record"] is None and told["erased_here"] and len(told["sales"]) == 2


def test_a_projection_made_again_erases_nobody_else_and_brings_nobody_back(counter):
    erase(counter)
    counter.store.rebuild()
    assert counter.store.check_projections().ok
    assert counter.store.read(lambda reader: reader.customer_name(CUSTOMER)) is None
    assert len(counter.store.read(lambda reader: reader.people(0, 100))) == 39


def test_the_word_index_keeps_no_piece_of_an_erased_name(counter):
    unheard = Customer(77, "Zebedee Quillington", "A-77", "0711777777", "9 Nowhere Lane")
    feed = SqlSyncStore(counter.store)
    feed.apply_rows("global", [FeedRow(900, "customer", "77", unheard)], 900)

    def pieces() -> bytes:
        rows = counter.store.look(
            lambda c: c.exec_driver_sql("SELECT block FROM customer_words_data").all()
        )
        return b"".join(bytes(row[0]) for row in rows)

    assert b"zebedee" in pieces() or b"ebedee" in pieces()
    erase(counter, 77)
    assert b"ebedee" not in pieces() and b"uillington" not in pieces()


def test_head_offices_feed_does_not_bring_an_erased_person_back(counter):
    erase(counter)
    again = Customer(CUSTOMER, "Fatou Diallo", "0310005", "0700100005", "1 High St")
    feed = SqlSyncStore(counter.store)
    feed.apply_rows("global", [FeedRow(901, "customer", str(CUSTOMER), again)], 901)
    assert counter.store.read(lambda reader: reader.customer_name(CUSTOMER)) is None


def test_erasing_takes_two_people_and_stands_in_the_journal(counter):
    head = counter.store.read(lambda reader: reader.head()).seq
    with pytest.raises(InputError, match="SECOND_PERSON_SAME"):
        erase(counter, second=KWAME.operator_id)
    with pytest.raises(InputError, match="PERSON_UNKNOWN"):
        erase(counter, customer=4_000)
    assert counter.store.read(lambda reader: reader.head()).seq == head
    erase(counter)
    with pytest.raises(InputError, match="PERSON_ERASED"):
        erase(counter)
    entries = counter.store.read(lambda reader: reader.entries(head, 10))
    kinds = [cbor.decode(entry)[1] for entry in entries]
    assert kinds == [PersonErased.KIND, 41]
    day = counter.store.read(lambda r: r.site().business_date(counter.clock.now()))
    (signature,) = counter.store.read(lambda reader: reader.signatures_on(day, 10))
    assert (signature.first_id, signature.second_id) == (2, 1)
    assert (signature.operation, signature.reason) == ("erase_person", "asked_for")


def test_the_list_for_others_shows_no_whole_name_phone_or_account(counter):
    text = "".join(ExportPeople(counter.store)())
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 40 and rows[4]["customer_id"] == "5"
    assert rows[4]["name"] == "F**** D*****" and rows[4]["phone"] == "*******005"
    for customer, _ in counter.store.read(lambda reader: reader.people(0, 100)):
        for whole in (customer.name, customer.phone, customer.address, customer.account):
            assert whole not in text
