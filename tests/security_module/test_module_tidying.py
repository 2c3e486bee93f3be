"""A module forgets what head office has and nobody asks for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.bootstrap.module_people import _seen_generation
from posapp.errors import ModuleError, StoreError
from posapp.security_module.link.messages import Answer, Missing
from posapp.security_module.reference import tidying
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.store import ModuleStore
from posapp.wire.audit import AuditEntry, AuditKind, verify_entries
from tests.security_module.controls import code_of, load, refused, sell
from tests.security_module.engines import (
    NOON_TID,
    TRUST,
    SetClock,
    an_acknowledgement,
    an_engine,
    order,
    whole_audit,
)
from tests.security_module.module_process import TILL, a_request

KEPT = 4
SALES = 10
DAY = 1440


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Engine, ModuleStore]]:
    """A module that has sold and keeps little."""
    monkeypatch.setattr(tidying, "ANSWERS_KEPT", KEPT)
    monkeypatch.setattr(tidying, "ENTRIES_KEPT", KEPT)
    monkeypatch.setattr(tidying, "AT_ONCE", 3)
    engine, store = an_engine(tmp_path, clock, trust=TRUST)
    load(engine)
    for number in range(1, SALES + 1):
        sell(engine, number)
    yield engine, store
    store.close()


def settle(engine: Engine) -> None:
    for _ in range(50):
        engine.tidy()


def first_kept(engine: Engine) -> int:
    return AuditEntry.from_bytes(engine.audit_page(0, 1)[0][0]).number


def answered(engine: Engine) -> list[int]:
    return [
        number
        for number in range(1, SALES + 1)
        if isinstance(engine.fetch(number.to_bytes(16, "big"), TILL), Answer)
    ]


def acknowledge(engine: Engine, clock: SetClock, number: int | None = None) -> None:
    engine.acknowledge(an_acknowledgement(engine, clock.now(), number))
    settle(engine)


def test_what_head_office_has_not_acknowledged_is_never_forgotten(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=30)
    load(engine, 2, issued_at=clock.now())
    settle(engine)
    assert first_kept(engine) == 1
    assert answered(engine) == list(range(1, SALES + 1))


def test_of_what_is_acknowledged_the_last_entries_and_answers_stay(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=9)
    last = len(whole_audit(engine))
    acknowledge(engine, clock)
    assert first_kept(engine) == last - KEPT
    assert answered(engine) == list(range(SALES - KEPT + 1, SALES + 1))
    entries = engine.audit_page(0, 64)[0]
    before = AuditEntry.from_bytes(entries[0]).previous_hash32
    verdict = verify_entries(last - KEPT - 1, before, entries)
    assert (verdict.broken_number, verdict.number) == (None, last)
    assert engine.self_test()["entries"] == last


def test_an_answer_outlives_its_acknowledgement_while_its_tid_could_be_proposed_again(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=7)
    acknowledge(engine, clock)
    assert answered(engine) == list(range(1, SALES + 1))
    assert refused(engine, a_request(50, NOON_TID + 1)) == "TID_WINDOW"
    clock.move(days=2)
    acknowledge(engine, clock)
    assert len(answered(engine)) == KEPT
    assert refused(engine, a_request(51, NOON_TID + 1)) == "TID_WINDOW"


def test_a_clock_that_ran_ahead_makes_it_forget_no_tid(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=60)
    sell(engine, 20, tid=NOON_TID + 60 * DAY)
    clock.move(days=-60)
    acknowledge(engine, clock)  # head office's clock is right: the floor falls
    assert answered(engine) == list(range(1, SALES + 1))
    assert refused(engine, a_request(60, NOON_TID + 1)) == "TID_WINDOW"


def test_an_order_whose_answer_is_forgotten_never_runs_again(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=9)
    acknowledge(engine, clock)
    again = order(a_request(1, NOON_TID + 1))
    assert engine.fetch(again.request_id, TILL) == Missing(SALES)
    assert code_of(lambda: engine.issue(again)) == "STALE"
    sell(engine, 30, tid=NOON_TID + 9 * DAY)
    assert engine.report(TILL).issues == SALES + 1


def test_only_what_was_seen_counts_not_what_came_after_it(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, _ = opened
    clock.move(days=9)
    kinds = [AuditEntry.from_bytes(data).kind for data in whole_audit(engine)]
    third = [place for place, kind in enumerate(kinds, 1) if kind is AuditKind.ISSUE][2]
    acknowledge(engine, clock, third)
    assert answered(engine) == list(range(4, SALES + 1))


def test_the_generation_of_the_operators_is_remembered_when_their_entries_are_gone(
    opened: tuple[Engine, ModuleStore], clock: SetClock
) -> None:
    engine, store = opened
    engine.note_person(AuditKind.LOGIN, 1, "supervisor", 7)
    for number in range(20, 30):
        sell(engine, number)
    clock.move(days=9)
    acknowledge(engine, clock)
    with store.read() as books:
        assert books.last_audit(AuditKind.LOGIN) is None
    assert _seen_generation(store) == 7


def test_a_disk_that_fails_while_it_tidies_does_not_stop_it(
    opened: tuple[Engine, ModuleStore],
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    expect_log: object,
) -> None:
    engine, _ = opened

    def fail(*_: object) -> bool:
        raise StoreError("DISK_FULL")

    clock.move(days=9)
    monkeypatch.setattr(tidying, "tidy", fail)
    expect_log("not tidied")  # type: ignore[operator]
    acknowledge(engine, clock)
    sell(engine, 40, tid=NOON_TID + 9 * DAY)
    with pytest.raises(ModuleError):
        sell(engine, 40)
