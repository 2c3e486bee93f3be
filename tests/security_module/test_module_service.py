"""A module whose clock was false is put right by head office alone, and finds faults in itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from posapp.clock import epoch_ms
from posapp.domain.lease import Lease
from posapp.errors import ModuleError, StoreError
from posapp.security_module.link import codec
from posapp.security_module.reference import self_test
from posapp.security_module.reference.authority import WORD_SLACK_MS
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.operators import Action
from posapp.security_module.reference.store import ModuleStore
from posapp.wire.audit import AuditAcknowledgement, AuditEntry, AuditKind, entry_hash
from posapp.wire.time_word import SignedTime
from tests.security_module.controls import code_of, last_body, load, refused, sell
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    OFFICE,
    STRANGER,
    TRUST,
    CountedRandomness,
    SetClock,
    a_store,
    an_acknowledgement,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.module_process import TEST_KEYS, TILL, a_request

DAY = 1440


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[tuple[Engine, ModuleStore]]:
    engine, store = an_engine(tmp_path, clock, trust=TRUST)
    load(engine, lease_days=30)
    yield engine, store
    store.close()


@pytest.fixture
def engine(opened: tuple[Engine, ModuleStore]) -> Engine:
    return opened[0]


def a_word(engine: Engine, at: Any, number: int | None = None, *keys: Any, **changes: Any) -> bytes:
    entries = whole_audit(engine)
    found = number or len(entries)
    values: dict[str, Any] = {
        "module_id": MODULE_ID,
        "number": found,
        "hash32": entry_hash(entries[found - 1]),
        "at_ms": epoch_ms(at),
    }
    return SignedTime.sign(
        AuditAcknowledgement(**{**values, **changes}), *(keys or OFFICE[:1])
    ).to_bytes()


# ---------------------------------------------------------------- SET_TIME


def test_a_false_clocks_floor_falls_by_a_signed_word_and_by_nothing_else(
    engine: Engine, clock: SetClock
) -> None:
    clock.move(days=20)
    sell(engine, 1, tid=NOON_TID + 20 * DAY)
    clock.move(days=-20)
    assert refused(engine, a_request(2, NOON_TID + 2)) == "CLOCK_BEHIND"
    floor_ms = engine.set_time(a_word(engine, clock.now()))
    assert floor_ms == epoch_ms(clock.now())
    assert last_body(engine)[15] == floor_ms
    engine.issue(order(a_request(3, NOON_TID + 3, meter="58000079531")))


def test_a_word_that_was_kept_cannot_be_used_after_the_next_token(
    engine: Engine, clock: SetClock
) -> None:
    kept = a_word(engine, clock.now())
    clock.move(days=3)
    sell(engine, 1, tid=NOON_TID + 3 * DAY)
    clock.move(days=-3)
    floor_ms = engine.set_time(kept)
    assert floor_ms == epoch_ms(NOON + timedelta(days=3))
    assert refused(engine, a_request(2, NOON_TID + 2)) == "CLOCK_BEHIND"


def test_the_floor_falls_no_lower_than_head_offices_newest_other_word(
    engine: Engine, clock: SetClock
) -> None:
    clock.move(days=10)
    engine.acknowledge(an_acknowledgement(engine, clock.now()))
    clock.move(days=5)
    sell(engine, 1, tid=NOON_TID + 15 * DAY)
    floor_ms = engine.set_time(a_word(engine, NOON))
    assert floor_ms == epoch_ms(NOON + timedelta(days=10)) - WORD_SLACK_MS


def test_it_raises_the_floor_and_does_not_begin_the_lease_anew(engine: Engine) -> None:
    until = engine.report(TILL).lease_until_ms
    later = NOON + timedelta(days=9)
    assert engine.set_time(a_word(engine, later)) == epoch_ms(later) - WORD_SLACK_MS
    assert engine.report(TILL).lease_until_ms == until
    assert refused(engine, a_request(1, NOON_TID)) == "CLOCK_BEHIND"
    beyond = a_word(engine, NOON + timedelta(days=31))
    assert code_of(lambda: engine.set_time(beyond)) == "TIME_BEYOND_LEASE"
    # The entry that raised it must be known to whoever lowers it again.
    assert engine.set_time(a_word(engine, NOON, 2)) == epoch_ms(later) - WORD_SLACK_MS
    assert engine.set_time(a_word(engine, NOON)) == epoch_ms(NOON)


@pytest.mark.parametrize(
    ("code", "changes", "keys"),
    [
        ("SIGNERS_TOO_FEW", {}, (STRANGER,)),
        ("AUTHORISATION_FOREIGN", {"module_id": "REF-OTHER"}, ()),
        ("ACKNOWLEDGEMENT_OTHER", {"hash32": bytes(32)}, ()),
    ],
)
def test_another_word_changes_nothing_and_is_audited(
    engine: Engine, code: str, changes: dict[str, Any], keys: tuple[Any, ...]
) -> None:
    word = a_word(engine, NOON + timedelta(days=9), None, *keys, **changes)
    assert code_of(lambda: engine.set_time(word)) == code
    assert last_body(engine)[10] == code
    sell(engine, 1)


def test_an_acknowledgement_is_no_word_of_the_time_nor_the_other_way(engine: Engine) -> None:
    acknowledgement = an_acknowledgement(engine, NOON)
    assert code_of(lambda: engine.set_time(acknowledgement)) == "SIGNATURE_INVALID"
    word = a_word(engine, NOON)
    assert code_of(lambda: engine.acknowledge(word)) == "SIGNATURE_INVALID"


def test_only_who_may_set_the_time_does(tmp_path: Path, clock: SetClock) -> None:
    def permit(action: Action) -> None:
        raise ModuleError("ROLE_DENIED", role="vendor", allowed=str(action))

    engine, store = an_engine(tmp_path / "m", clock, trust=TRUST)
    load(engine)
    word = a_word(engine, NOON)
    engine = Engine(store, clock, CountedRandomness(), permit=permit)
    assert code_of(lambda: engine.set_time(word)) == "ROLE_DENIED"
    store.close()


# ---------------------------------------------------------------- the largest sale


def test_no_order_is_worth_more_than_the_lease_lets_one_sale_be(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "m", trust=TRUST)
    lease = Lease(1, 1 << 40, 3200, 1, NOON + timedelta(days=90))
    engine.load_authorisation(signed(an_authorisation(lease=lease)))
    two = a_request(1, NOON_TID, NOON_TID + 1, units=101)  # 16 minor units each
    assert refused(engine, two) == "AMOUNT_ABOVE_LIMIT"
    assert refused(engine, two) == "STALE"
    assert engine.issue(order(a_request(2, NOON_TID, NOON_TID + 1, units=100))).tokens
    store.close()


# ---------------------------------------------------------------- SELFTEST


def test_a_sound_module_says_what_it_tried(engine: Engine) -> None:
    reply = codec.read_reply(Desk(engine).answer(codec.request(1, codec.SELFTEST, {})) or b"")
    assert reply is not None
    assert reply.fields.flag("ok")
    assert reply.fields.integer("keys", 0, 99) == len(TEST_KEYS)
    assert reply.fields.integer("entries", 0, 99) == len(whole_audit(engine))


def step(engine: Engine) -> str:
    with pytest.raises(ModuleError) as caught:
        engine.self_test()
    assert caught.value.code == "SELFTEST_FAILED"
    return str(caught.value.params["step"])


def test_a_cipher_that_answers_otherwise_is_found(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [(ea, key, digits[::-1]) for ea, key, digits in self_test._TOKENS]
    with monkeypatch.context() as changed:
        changed.setattr(self_test, "_TOKENS", wrong)
        assert step(engine) == "ciphers"
    keys = [(key, ea, expected[::-1]) for key, ea, expected in self_test._KEYS]
    monkeypatch.setattr(self_test, "_KEYS", keys)
    assert step(engine) == "keys"


def test_tables_that_do_not_come_back_are_found(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test.ciphers, "decrypt", lambda *_: 0)
    assert step(engine) == "tables"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET entry = x'00' WHERE number = 2",
        "DELETE FROM audit WHERE number = 1",
        "DELETE FROM audit WHERE number = 2",
        "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit) - 1",
        "UPDATE audit SET hash = zeroblob(32) WHERE number = (SELECT max(number) FROM audit)",
    ],
)
def test_a_chain_that_was_touched_is_found(opened: tuple[Engine, ModuleStore], change: str) -> None:
    engine, store = opened
    sell(engine, 1)
    with store._database.write() as connection:
        connection.execute(text(change))
    assert step(engine) == "audit"


def test_a_page_that_went_bad_is_found(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path / "m")
    sell(engine, 1)
    store.close()
    path = tmp_path / "m" / "module.db"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    store = a_store(tmp_path / "m")
    try:
        with pytest.raises((ModuleError, StoreError)) as caught:
            Engine(store, SetClock(), CountedRandomness()).self_test()
    finally:
        store.close()
    assert caught.value.code in ("SELFTEST_FAILED", "STORE_DAMAGED")


def test_who_asks_for_it_again_and_again_waits_and_the_line_does_not(
    engine: Engine, clock: SetClock
) -> None:
    def ask() -> str:
        return code_of(engine.self_test)

    for _ in range(self_test.AT_ONCE):
        assert engine.self_test()["ok"]
    assert ask() == "SELFTEST_TOO_OFTEN"
    clock.move(minutes=5)
    assert engine.self_test()["ok"]
    assert ask() == "SELFTEST_TOO_OFTEN"


def test_every_change_of_the_floor_is_an_entry(engine: Engine) -> None:
    engine.set_time(a_word(engine, NOON + timedelta(days=9)))
    entry = AuditEntry.from_bytes(whole_audit(engine)[-1])
    assert (entry.kind, entry.body[16]) == (AuditKind.CLOCK, len(whole_audit(engine)) - 1)
