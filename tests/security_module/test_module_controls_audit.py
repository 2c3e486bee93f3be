"""Control C9: the audit of the module. What was touched, copied or left out shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.store import ModuleStore
from posapp.wire.audit import AuditEntry, AuditFile, AuditKind, entry_hash, genesis, verify_entries
from tests.security_module.controls import code_of, kinds, last_body, load, refused, sell
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    TRUST,
    SetClock,
    an_acknowledgement,
    an_engine,
    order,
    whole_audit,
)
from tests.security_module.module_process import (
    METER,
    TILL,
    a_request,
)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[tuple[Engine, ModuleStore]]:
    """A module that trusts OFFICE and has no authorisation yet."""
    engine, store = an_engine(tmp_path / "module", clock, trust=TRUST)
    yield engine, store
    store.close()


@pytest.fixture
def engine(opened: tuple[Engine, ModuleStore]) -> Engine:
    return opened[0]


# ---------------------------------------------------------------- C9: the audit


def test_c9_every_start_load_token_refusal_and_cancel_is_an_entry_of_one_chain(
    engine: Engine,
) -> None:
    load(engine)
    sell(engine, 1)
    refused(engine, a_request(2, NOON_TID - 5))
    engine.cancel(b"cancelled-------", TILL, 9)
    assert kinds(engine) == [
        AuditKind.KEYS,
        AuditKind.START,
        AuditKind.AUTHORISATION,
        AuditKind.ISSUE,
        AuditKind.REFUSAL,
        AuditKind.CANCEL,
    ]
    entries = whole_audit(engine)
    verdict = verify_entries(0, genesis(MODULE_ID), entries)
    head = engine.audit_page(0, 1)[1]
    assert (verdict.broken_number, verdict.number, verdict.hash32) == (None, 6, head.hash32)
    head.check(engine.report(TILL).audit_key)
    said = AuditEntry.from_bytes(entries[3]).body
    item = [0, 0, "201457", 1, NOON_TID + 1, 2014, 100, 1600, 1]
    assert (said[2], said[3], said[4], said[5]) == (1, 1, METER, [item])


def test_c9_no_token_stands_in_the_audit(engine: Engine) -> None:
    load(engine)
    (token,) = engine.issue(order(a_request(1, NOON_TID))).tokens
    assert token.encode() not in b"".join(whole_audit(engine))


@pytest.mark.parametrize("how", ["edited", "deleted", "reordered", "truncated"])
def test_c9_an_audit_that_was_touched_is_found(engine: Engine, how: str) -> None:
    load(engine)
    for n in range(1, 6):
        sell(engine, n)
    entries = whole_audit(engine)
    head = engine.audit_page(0, 1)[1]
    key = engine.report(TILL).audit_key
    assert AuditFile(0, genesis(MODULE_ID), tuple(entries), head).check(key).broken_number is None
    if how == "edited":
        entry = AuditEntry.from_bytes(entries[4])
        entries[4] = replace(entry, body={**entry.body, 4: "01000000000"}).to_bytes()
    elif how == "deleted":
        del entries[4]
    elif how == "reordered":
        entries[4], entries[5] = entries[5], entries[4]
    else:
        del entries[-1]
    broken = AuditFile(0, genesis(MODULE_ID), tuple(entries), head).check(key).broken_number
    expected = {"edited": 6, "deleted": 5, "reordered": 5, "truncated": len(entries) + 1}
    assert broken == expected[how]


def test_c9_a_copied_module_shows_as_two_entries_with_one_number(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "one", trust=TRUST)
    load(engine)
    sell(engine, 1)
    store.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    books = []
    for name, units in (("one", 100), ("two", 200)):
        engine, store = an_engine(tmp_path / name, trust=TRUST)
        sell(engine, 2, units)
        books.append(whole_audit(engine))
        store.close()
    same = [a == b for a, b in zip(*books, strict=True)]
    assert same == [True] * 5 + [False]  # even the second start is the same here; not the sale
    office = verify_entries(0, genesis(MODULE_ID), books[0])
    assert office.broken_number is None
    clash = verify_entries(office.number, office.hash32, books[1][5:])
    assert (clash.reason, clash.broken_number) == ("AUDIT_NUMBER_TWICE", 6)


def test_c9_head_offices_word_about_the_copy_is_refused_by_the_original(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "one", trust=TRUST)
    load(engine)
    store.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy, copied = an_engine(tmp_path / "two", trust=TRUST)
    sell(copy, 1, 200)
    word = an_acknowledgement(copy, NOON)
    copied.close()
    engine, store = an_engine(tmp_path / "one", trust=TRUST)
    sell(engine, 1, 100)
    assert code_of(lambda: engine.acknowledge(word)) == "ACKNOWLEDGEMENT_OTHER"
    store.close()


def test_c9_refusals_without_end_do_not_fill_the_disk_and_are_counted(
    engine: Engine, clock: SetClock
) -> None:
    load(engine)
    sell(engine, 1)
    before = len(whole_audit(engine))
    for _ in range(100):
        refused(engine, a_request(2, NOON_TID - 9))
    assert len(whole_audit(engine)) == before + 60
    clock.move(minutes=1)
    refused(engine, a_request(2, NOON_TID - 9))
    assert last_body(engine)[11] == 40


def test_c9_pages_of_the_audit_fit_a_frame_and_join_to_the_whole(engine: Engine) -> None:
    load(engine)
    for n in range(1, 9):
        engine.issue(order(a_request(n, *range(NOON_TID + n * 10, NOON_TID + n * 10 + 8))))
    page, head = engine.audit_page(0, 64)
    assert sum(map(len, page)) <= 1500
    entries = whole_audit(engine)
    assert (len(entries), entry_hash(entries[-1])) == (head.number, head.hash32)
    assert engine.audit_page(2, 1)[0] == (entries[2],)
