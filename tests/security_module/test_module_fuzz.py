"""Whatever a line delivers, neither end falls over, believes it, or makes a token of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.codec import cbor
from posapp.errors import Outcome
from posapp.security_module.link import codec
from posapp.security_module.link.framing import PAYLOAD_MAX
from posapp.security_module.link.messages import (
    ITEMS_MAX,
    KEYS_MAX,
    Answer,
    Hello,
    KeyInfo,
    Order,
    Report,
    order_of,
)
from posapp.security_module.reference.desk import Desk
from tests.security_module.engines import NOON_TID, an_engine, order
from tests.security_module.module_process import TILL, a_configuration, a_request, an_item

ROUNDS = 3000
few = settings(max_examples=20)  # the long fuzzing is a storm, not an ordinary test

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    engine, store = an_engine(tmp_path_factory.mktemp("fuzz"))
    yield Desk(engine)
    store.close()


def error_of(desk: Desk, payload: bytes) -> str:
    reply = desk.answer(payload)
    assert reply is not None and len(reply) <= PAYLOAD_MAX
    read = codec.read_reply(reply)
    assert read is not None and read.call == 5
    return read.error


# ---------------------------------------------------------------- at the module


@few
@given(st.binary(max_size=300))
def test_random_bytes_get_no_answer(desk: Desk, payload: bytes) -> None:
    assert desk.answer(payload) is None


@few
@given(st.sampled_from(codec.OPS), st.dictionaries(st.text(max_size=6), plain, max_size=8))
def test_random_fields_are_refused_and_never_executed(
    desk: Desk, op: str, fields: dict[str, Any]
) -> None:
    fields = {name: v for name, v in fields.items() if name not in ("v", "c", "op")}
    error = error_of(desk, codec.request(5, op, fields))
    assert error == ("" if op in (codec.HELLO, codec.SELFTEST) else "FIELD_RANGE")


@pytest.mark.parametrize("name", ["rid", "till", "seq", "meter", "conf", "items"])
@few
@given(value=plain)
def test_an_order_with_one_wild_field_is_refused(desk: Desk, name: str, value: Any) -> None:
    body = {**order_of(a_request(1, NOON_TID)), name: value}
    if name in ("rid", "till") and isinstance(value, bytes) and len(value) == 16:
        return
    if name == "seq" and isinstance(value, int) and value > 0:
        return
    assert error_of(desk, codec.request(5, codec.ISSUE, body)) == "FIELD_RANGE"


@pytest.mark.parametrize("place", range(7))
@few
@given(value=plain)
def test_an_item_with_one_wild_column_is_refused(desk: Desk, place: int, value: Any) -> None:
    body = dict(order_of(a_request(1, NOON_TID)))
    row = list(body["items"][0])
    if isinstance(value, int) and place != 6:
        value = -abs(value) - 1 - (1 << 60)
    if isinstance(value, bool):
        return
    row[place] = value
    error = error_of(desk, codec.request(5, codec.ISSUE, {**body, "items": [row]}))
    assert error == "FIELD_RANGE"


def test_mutated_requests_never_crash_it_nor_make_more_than_one_token_each(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path)
    desk, chance = Desk(engine), random.Random(11)
    good = codec.request(5, codec.ISSUE, order_of(a_request(1, NOON_TID)))
    answered = 0
    for _ in range(ROUNDS):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        answered += desk.answer(bytes(broken)) is not None
    assert answered > ROUNDS // 10
    made = engine.report(TILL).issues
    with store._database.read() as connection:
        tids = connection.exec_driver_sql("SELECT count(*) FROM issued_tids").scalar_one()
        ids = connection.exec_driver_sql(
            "SELECT count(DISTINCT request_id) FROM issues"
        ).scalar_one()
    assert made == tids == ids
    store.close()


def test_a_request_of_another_version_is_told_which_one_is_spoken(desk: Desk) -> None:
    payload = cbor.encode({"v": 2, "c": 5, "op": "HELLO"})
    reply = codec.read_reply(desk.answer(payload) or b"")
    assert reply is not None
    assert (reply.error, reply.params) == ("PROTOCOL_VERSION", {"expected": 1})


def test_an_op_that_is_none_is_refused(desk: Desk) -> None:
    assert error_of(desk, codec.request(5, "ERASE", {})) == "UNSUPPORTED"


@pytest.mark.parametrize("text", ["²01457", "20145٣"])
def test_digits_of_other_scripts_are_no_digits(desk: Desk, text: str) -> None:
    body = dict(order_of(a_request(1, NOON_TID)))
    conf = [*body["conf"]]
    conf[1] = text
    error = error_of(desk, codec.request(5, codec.ISSUE, {**body, "conf": conf}))
    assert error == "FIELD_RANGE"


def test_a_mistake_of_our_own_is_an_unknown_outcome_and_not_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    def broken(_order: Order) -> Answer:
        raise ZeroDivisionError

    expect_log("a mistake in the module itself")
    with monkeypatch.context() as patch:
        patch.setattr(desk._engine, "issue", broken)
        payload = codec.request(5, codec.ISSUE, order_of(a_request(1, NOON_TID)))
        reply = codec.read_reply(desk.answer(payload) or b"")
    assert reply is not None
    assert (reply.error, reply.outcome) == ("INTERNAL", Outcome.UNKNOWN)
    assert error_of(desk, codec.request(5, codec.HELLO, {})) == ""


# ---------------------------------------------------------------- at the till


@few
@given(st.binary(max_size=200))
def test_the_till_reads_no_reply_in_random_bytes(payload: bytes) -> None:
    assert codec.read_reply(payload) is None


@few
@given(st.dictionaries(st.sampled_from(["v", "c", "ok", "err", "out", "p", "x"]), plain))
def test_the_till_reads_only_replies_that_are_right(values: dict[str, Any]) -> None:
    reply = codec.read_reply(cbor.encode(values))
    if reply is not None:
        assert values["v"] == 1 and values["c"] == reply.call
        assert isinstance(values.get("ok"), dict) or isinstance(values["err"], str)


@pytest.mark.parametrize("read", [Hello.read, Report.read, Answer.read, Order.read])
@few
@given(fields=st.dictionaries(st.text(max_size=6), plain, max_size=6))
def test_a_body_of_random_fields_is_a_field_error(read: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(codec.FieldError):
        read(codec.Fields(fields))


# ---------------------------------------------------------------- sizes and round trips


def test_orders_answers_and_reports_come_back_as_they_went() -> None:
    request = a_request(1, NOON_TID, NOON_TID + 1, configuration=a_configuration(ken=200))
    assert order(request).body() == order_of(request)
    answer = Answer(bytes(16), ("01234567890123456789",), "REF-1", 3, replayed=True)
    assert Answer.read(codec.Fields(answer.body())) == answer
    hello = Hello("REF-1", bytes(8), "posapp-module 1", certified=False)
    key = KeyInfo("201457", 1, 2, 2014, 255, 4, test=True)
    report = Report(hello, (key,), 5, 1_700_000_000_000, 4)
    assert Report.read(codec.Fields(report.body())) == report
    assert answer.tokens[0] not in repr(answer)


def test_the_largest_messages_fit_one_frame() -> None:
    request = a_request(1 << 47, meter="0100000000008")
    items = tuple(an_item((1 << 24) - 1 - i, (1 << 31) - 1) for i in range(ITEMS_MAX))
    body = {
        **order_of(request),
        "items": [[99, 15, i.tid, 2014, i.units, (1 << 53) - 1, True] for i in items],
    }
    assert len(codec.request(codec.CALL_MAX, codec.ISSUE, body)) <= PAYLOAD_MAX // 3
    hello = Hello("R" * 64, bytes(8), "f" * 64, certified=False)
    keys = tuple(KeyInfo("999999", 9, 3, 2035, 255, 4, test=True) for _ in range(KEYS_MAX))
    report = Report(hello, keys, 1 << 47, 1 << 53, 1 << 53)
    assert len(codec.reply(codec.CALL_MAX, report.body())) <= PAYLOAD_MAX
    answer = Answer(bytes(16), ("9" * 20,) * ITEMS_MAX, "R" * 64, 1 << 53, replayed=True)
    assert len(codec.reply(codec.CALL_MAX, answer.body())) <= PAYLOAD_MAX
