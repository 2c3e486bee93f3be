"""A store's first and later days: made, enrolled, opened, refused, damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from posapp.db.engine import open_sqlcipher
from posapp.errors import StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.facts import TillEnrolled
from posapp.lanes import InlineLanes
from posapp.store.schema import STORE_FILE, VERSION_TABLE
from posapp.store.store import create_store
from tests.stores import (
    HEAD_OFFICE,
    KEY,
    SECRET,
    START,
    TILL_ID,
    SeededRandomness,
    Seller,
    StoppedClock,
    a_site,
    a_store,
    again,
)


def _code(work: object) -> str:
    assert callable(work)
    with pytest.raises(StoreError) as caught:
        work()
    return caught.value.code


def test_enrolment_writes_the_journals_first_entry(tmp_path: Path):
    store = a_store(tmp_path)
    head = store.read(lambda reader: reader.head())
    (data,) = store.read(lambda reader: reader.entries(0, 10))
    entry = Entry.from_bytes(data)
    assert (head.till_id, head.epoch, head.seq) == (TILL_ID, 1, 1)
    assert facts.read(entry.kind, entry.version, entry.body) == TillEnrolled(
        "posapp 0.1.0", HEAD_OFFICE.public
    )
    assert store.verify_journal().broken_seq is None
    assert store.read(lambda reader: reader.clock_floor()) == START
    store.close()


def test_everything_about_the_till_is_there_the_next_day(tmp_path: Path):
    store = a_store(tmp_path)
    Seller(store).sell()
    store.close()
    store = again(tmp_path)
    assert store.read(lambda reader: reader.site()) == a_site()
    identity = store.identity()
    assert (identity.till_id, identity.head_office_key) == (TILL_ID, HEAD_OFFICE.public)
    assert identity.key.secret() == SECRET
    assert Seller(store, seed=8).begin(2)[1].receipt == 2
    store.close()


def test_a_repr_shows_no_secret(tmp_path: Path):
    store = a_store(tmp_path)
    shown = repr(store.identity()) + repr(store)
    assert SECRET.hex() not in shown and repr(SECRET) not in shown
    store.close()


def test_a_store_that_is_not_enrolled_says_so(tmp_path: Path):
    store = create_store(
        tmp_path,
        KEY,
        clock=StoppedClock(),
        randomness=SeededRandomness(),
        lanes=InlineLanes(),
    )
    assert _code(store.identity) == "NOT_ENROLLED"
    assert _code(store.verify_journal) == "NOT_ENROLLED"
    assert _code(lambda: store.read(lambda reader: reader.site())) == "NOT_ENROLLED"
    assert _code(lambda: store.read(lambda reader: reader.head())) == "NOT_ENROLLED"
    assert _code(lambda: store.write(lambda unit: unit.next_receipt())) == "NOT_ENROLLED"
    store.close()


def test_a_till_is_enrolled_once(tmp_path: Path):
    store = a_store(tmp_path)
    enrol = lambda: store.install(a_site(), TILL_ID, SECRET, HEAD_OFFICE.public, "x")  # noqa: E731
    assert _code(enrol) == "ALREADY_ENROLLED"
    assert store.read(lambda reader: reader.head()).seq == 1
    Seller(store).sell()
    store.close()


def test_a_wrong_key_is_named(tmp_path: Path):
    a_store(tmp_path).close()
    assert _code(lambda: again(tmp_path, key=bytes(32))) == "STORE_KEY_WRONG"
    again(tmp_path).close()


def test_a_folder_without_a_store_is_named(tmp_path: Path):
    assert _code(lambda: again(tmp_path)) == "STORE_MISSING"


def test_a_second_till_on_the_same_store_is_refused(tmp_path: Path):
    store = a_store(tmp_path)
    assert _code(lambda: again(tmp_path)) == "STORE_IN_USE"
    store.close()


def test_a_look_from_beside_sees_the_journal_and_changes_nothing(tmp_path: Path):
    store = a_store(tmp_path)
    Seller(store).sell()
    beside = again(tmp_path, read_only=True)
    assert beside.verify_journal().head.seq == 3
    assert _code(lambda: beside.write(lambda unit: unit.next_receipt())) == "STORE_READ_ONLY"
    beside.close()
    store.close()


def test_a_store_of_newer_software_is_refused_and_untouched(tmp_path: Path):
    a_store(tmp_path).close()
    database = open_sqlcipher(tmp_path / STORE_FILE, KEY, create=False)
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0042'")
    database.close()
    before = (tmp_path / STORE_FILE).read_bytes()
    assert _code(lambda: again(tmp_path)) == "STORE_NEWER"
    assert _code(lambda: again(tmp_path, read_only=True)) == "STORE_NEWER"
    assert (tmp_path / STORE_FILE).read_bytes() == before


def test_making_a_store_never_replaces_one(tmp_path: Path):
    a_store(tmp_path).close()
    assert _code(lambda: a_store(tmp_path)) == "STORE_EXISTS"
    again(tmp_path).close()


def test_a_flipped_byte_of_the_journal_is_found(tmp_path: Path):
    store = a_store(tmp_path)
    seller = Seller(store)
    for number in range(60):
        seller.sell(number + 1)
    pages = store.look(
        lambda c: (
            c.exec_driver_sql("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'")
            .scalars()
            .all()
        )
    )
    store.close()
    path = tmp_path / STORE_FILE
    data = bytearray(path.read_bytes())
    data[(pages[0] - 1) * 4096 + 2000] ^= 0x10
    path.write_bytes(data)
    store = again(tmp_path)
    verdict = store.verify_journal()
    assert (verdict.broken_seq, verdict.reason) == (1, "STORE_DAMAGED")
    store.close()


def test_a_damaged_first_page_is_not_called_a_wrong_key(tmp_path: Path):
    a_store(tmp_path).close()
    path = tmp_path / STORE_FILE
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    assert _code(lambda: again(tmp_path)) == "STORE_DAMAGED"
    assert _code(lambda: again(tmp_path, key=bytes(32))) == "STORE_KEY_WRONG"
    (tmp_path / f"{STORE_FILE}.keymark").unlink()
    assert _code(lambda: again(tmp_path)) == "STORE_KEY_WRONG"


def test_an_emptied_file_is_damage_and_no_new_store(tmp_path: Path):
    a_store(tmp_path).close()
    (tmp_path / STORE_FILE).write_bytes(b"")
    assert _code(lambda: again(tmp_path)) == "STORE_DAMAGED"


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps access in the folder's own list")
def test_only_the_owner_may_read_the_files(tmp_path: Path):
    store = a_store(tmp_path)
    modes = {p.name: p.stat().st_mode & 0o077 for p in tmp_path.iterdir()}
    assert {name for name, mode in modes.items() if mode} <= {f"{STORE_FILE}.keymark"}
    store.close()


def test_a_closed_store_says_so(tmp_path: Path):
    store = a_store(tmp_path)
    store.close()
    assert _code(lambda: store.read(lambda reader: reader.head())) == "STORE_CLOSED"
    assert _code(lambda: store.write(lambda unit: unit.head())) == "STORE_CLOSED"
