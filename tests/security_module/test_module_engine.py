"""The module's rules: one answer a request, one use a number, one token a TID, no dead keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.ports import IssueRequest
from posapp.security_module.link.messages import Answer, Missing
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.store import ModuleStore, create_store, open_store
from posapp.sts import ciphers, keys, tid, tokens
from tests.security_module.engines import (
    NOON_TID,
    CountedRandomness,
    SetClock,
    an_engine,
    order,
)
from tests.security_module.module_process import (
    DES_SECRET,
    HMAC_SECRET,
    METER,
    OTHER_TILL,
    TEST_KEYS,
    TILL,
    a_configuration,
    a_request,
    an_item,
    write_key_file,
)

DAY = 1440
TODAY_RESERVED = NOON_TID - 12 * 60 + 1
METER_13 = "0100000000008"
BEFORE_1993_ENDED = datetime(2024, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[tuple[Engine, ModuleStore]]:
    engine, store = an_engine(tmp_path, clock)
    yield engine, store
    store.close()


@pytest.fixture
def engine(opened: tuple[Engine, ModuleStore]) -> Engine:
    return opened[0]


def refusal(engine: Engine, request: IssueRequest) -> ModuleError:
    with pytest.raises(ModuleError) as caught:
        engine.issue(order(request))
    assert caught.value.outcome is Outcome.NOT_EXECUTED
    return caught.value


def decoded(token: str, **changes: Any) -> tokens.DecodedToken:
    c = a_configuration(**changes)
    dkga = 4 if c.sgc == "201457" else 2
    secret = bytes.fromhex(HMAC_SECRET if dkga == 4 else DES_SECRET)
    key = keys.VendingKey(secret, c.sgc, c.krn, c.kt, c.base_date, 255, dkga)
    decoder = keys.decoder_key(key, MeterNumber(METER), c.ti, c.ea)
    return tokens.decode(token, decoder, c.ea, ciphers.sample_tables())


# ---------------------------------------------------------------- what is made


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ea": EncryptionAlgorithm.MISTY1},
        {"sgc": "123456", "krn": 1},
        {"ti": "07"},
    ],
    ids=["EA07 DKGA04", "EA11 DKGA04", "EA07 DKGA02", "another tariff index"],
)
def test_a_token_says_what_was_ordered_under_the_meters_key(
    engine: Engine, changes: dict[str, Any]
) -> None:
    request = a_request(1, NOON_TID, units=711, configuration=a_configuration(**changes))
    answer = engine.issue(order(request))
    assert (answer.audit_no, answer.replayed, len(answer.tokens)) == (1, False, 1)
    said = decoded(answer.tokens[0], **changes)
    assert (said.token_class, said.subclass, said.tid, said.units) == (0, 0, NOON_TID, 711)


def test_a_group_of_eight_is_made_whole_in_order(engine: Engine) -> None:
    tids = range(NOON_TID, NOON_TID + 8)
    answer = engine.issue(order(a_request(1, *tids)))
    assert [decoded(token).tid for token in answer.tokens] == list(tids)


def test_a_group_with_one_impossible_item_makes_nothing(engine: Engine) -> None:
    request = a_request(1, *range(NOON_TID, NOON_TID + 5))
    broken = replace(request, items=(*request.items, an_item(NOON_TID + 2)))
    assert refusal(engine, broken).code == "TID_WINDOW"
    assert engine.fetch(request.request_id, TILL) == Missing(0)
    assert engine.report(TILL).issues == 0
    engine.issue(order(request))  # no TID of the broken group was used up


def test_a_failure_between_two_tokens_leaves_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    credit = tokens.credit

    def failing(*args: Any) -> str:
        if len(made) == 2:
            raise RuntimeError("power")
        made.append(credit(*args))
        return made[-1]

    request = a_request(1, NOON_TID, NOON_TID + 1, NOON_TID + 2)
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "credit", failing)
        with pytest.raises(RuntimeError):
            engine.issue(order(request))
    assert engine.fetch(request.request_id, TILL) == Missing(0)
    assert engine.issue(order(request)).audit_no == 1


# ---------------------------------------------------------------- one answer a request


def test_the_same_request_is_answered_the_same_even_when_it_could_not_be_made_now(
    engine: Engine, clock: SetClock
) -> None:
    request = order(a_request(1, NOON_TID))
    first = engine.issue(request)
    clock.move(days=-400)
    again = engine.issue(request)
    assert again == replace(first, replayed=True)
    assert engine.fetch(request.request_id, TILL) == again
    assert engine.report(TILL).issues == 1


def test_the_answer_outlives_the_process(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path)
    request = order(a_request(1, NOON_TID))
    first = engine.issue(request)
    boot = engine.hello().boot
    store.close()
    engine, store = an_engine(tmp_path)
    assert engine.issue(request) == replace(first, replayed=True)
    assert engine.hello().module_id == first.module_id
    engine.hello()
    assert engine.report(TILL).last_sequence == 1
    assert len(boot) == 8
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        {"items": (an_item(NOON_TID + 1),)},
        {"items": (an_item(NOON_TID, 712),)},
        {"sequence": 2},
        {"meter": METER_13},
        {"till_id": OTHER_TILL},
        {"configuration": a_configuration(ti="02")},
    ],
    ids=["tid", "units", "sequence", "meter", "till", "tariff index"],
)
def test_a_known_request_id_with_any_other_content_is_a_conflict(
    engine: Engine, change: dict[str, Any]
) -> None:
    request = a_request(1, NOON_TID)
    engine.issue(order(request))
    assert refusal(engine, replace(request, **change)).code == "RID_CONFLICT"


def test_a_till_cannot_fetch_what_another_till_was_answered(engine: Engine) -> None:
    request = a_request(1, NOON_TID)
    engine.issue(order(request))
    assert engine.fetch(request.request_id, OTHER_TILL) == Missing(0)


# ---------------------------------------------------------------- one use a number


def test_a_number_at_or_below_the_last_one_never_runs(engine: Engine) -> None:
    engine.issue(order(a_request(5, NOON_TID)))
    for late in (5, 4, 1):
        request = a_request(late, NOON_TID + 1, request_id=b"late" * 4)
        error = refusal(engine, request)
        assert (error.code, error.params["last_sequence"]) == ("STALE", 5)
    engine.issue(order(a_request(9, NOON_TID + 1)))  # gaps are the till's matter


def test_numbers_count_for_each_till_alone(engine: Engine) -> None:
    engine.issue(order(a_request(5, NOON_TID)))
    engine.issue(order(a_request(1, NOON_TID + 1, till=OTHER_TILL)))
    assert engine.report(TILL).last_sequence == 5
    assert engine.report(OTHER_TILL).last_sequence == 1


def test_a_cancelled_number_is_burnt_and_its_late_frame_is_stale(engine: Engine) -> None:
    request = a_request(3, NOON_TID)
    assert engine.cancel(request.request_id, TILL, 3) == 3
    assert engine.cancel(request.request_id, TILL, 3) == 3
    assert refusal(engine, request).code == "STALE"
    assert engine.fetch(request.request_id, TILL) == Missing(3)


def test_what_was_executed_cannot_be_cancelled(engine: Engine) -> None:
    request = a_request(1, NOON_TID)
    engine.issue(order(request))
    with pytest.raises(ModuleError) as caught:
        engine.cancel(request.request_id, TILL, 1)
    assert (caught.value.code, caught.value.outcome) == ("ALREADY_ISSUED", Outcome.EXECUTED)


def test_a_refusal_that_could_pass_burns_its_number(engine: Engine, clock: SetClock) -> None:
    request = a_request(1, NOON_TID + 2 * DAY)
    assert refusal(engine, request).code == "CLOCK_AHEAD"
    clock.move(days=2)
    assert refusal(engine, request).code == "STALE"  # a copy that a slow line kept


def test_a_refused_tid_leaves_its_number_for_the_same_question(engine: Engine) -> None:
    engine.issue(order(a_request(1, NOON_TID)))
    request = a_request(2, NOON_TID, request_id=b"retimed-retimed-")
    assert refusal(engine, request).code == "TID_WINDOW"
    assert refusal(engine, request).code == "TID_WINDOW"
    assert engine.report(TILL).last_sequence == 1


# ---------------------------------------------------------------- exactly the proposed TID


@pytest.mark.parametrize(
    ("proposed", "lowest"),
    [
        (NOON_TID + 5, NOON_TID + 6),
        (NOON_TID + 4, NOON_TID + 6),
        (NOON_TID - 3000, NOON_TID + 6),
        (NOON_TID - 8 * DAY, NOON_TID + 6),
    ],
    ids=["the same minute", "a minute before", "two days before", "before the window"],
)
def test_a_tid_not_above_the_last_one_is_refused_with_the_lowest_that_is(
    engine: Engine, proposed: int, lowest: int
) -> None:
    engine.issue(order(a_request(1, NOON_TID + 5)))
    error = refusal(engine, a_request(2, proposed))
    assert (error.code, error.params["lowest_tid"]) == ("TID_WINDOW", lowest)
    engine.issue(order(a_request(3, lowest)))


def test_the_window_ends_where_the_policy_says(engine: Engine) -> None:
    oldest, newest = NOON_TID - 7 * DAY, NOON_TID + 12 * 60
    error = refusal(engine, a_request(1, oldest - 1))
    assert (error.code, error.params["lowest_tid"]) == ("TID_WINDOW", oldest)
    engine.issue(order(a_request(1, oldest)))
    engine.issue(order(a_request(2, newest)))
    error = refusal(engine, a_request(3, newest + 1))
    assert (error.code, error.params["newest_tid"]) == ("CLOCK_AHEAD", newest)


def test_marks_are_kept_for_each_meter_and_base_date_alone(tmp_path: Path) -> None:
    engine, store = an_engine(tmp_path, SetClock(BEFORE_1993_ENDED), begun=BEFORE_1993_ENDED)
    old = a_configuration(sgc="123456", krn=2, base_date=1993)
    new = a_configuration(sgc="123456", krn=1)
    high_1993 = tid.tid_at(BEFORE_1993_ENDED, 1993)
    low_2014 = tid.tid_at(BEFORE_1993_ENDED, 2014)
    assert low_2014 < high_1993
    engine.issue(order(a_request(1, high_1993, configuration=old)))
    engine.issue(order(a_request(2, low_2014, configuration=new)))
    engine.issue(order(a_request(3, low_2014, configuration=new, meter=METER_13)))
    for configuration, taken in ((old, high_1993), (new, low_2014)):
        error = refusal(engine, a_request(4, taken, configuration=configuration))
        assert (error.code, error.params["lowest_tid"]) == ("TID_WINDOW", taken + 1)
    store.close()


def test_an_ordinary_token_never_takes_the_reserved_minute(engine: Engine) -> None:
    error = refusal(engine, a_request(1, TODAY_RESERVED))
    assert (error.code, error.params["lowest_tid"]) == ("TID_WINDOW", TODAY_RESERVED + 1)


def test_the_lowest_tid_skips_the_reserved_minute(engine: Engine, clock: SetClock) -> None:
    clock.move(hours=6)
    midnight = NOON_TID + 12 * 60
    engine.issue(order(a_request(1, midnight)))
    assert refusal(engine, a_request(2, midnight)).params["lowest_tid"] == midnight + 2


def test_the_reserved_minute_is_given_once_a_day_whatever_was_sold_since(engine: Engine) -> None:
    engine.issue(order(a_request(1, NOON_TID)))
    free = replace(a_request(2, 0), items=(an_item(TODAY_RESERVED, 500, reserved=True),))
    engine.issue(order(free))
    again = replace(free, request_id=b"again" + bytes(11), sequence=3)
    assert refusal(engine, again).code == "RESERVED_USED"
    yesterday = replace(a_request(4, 0), items=(an_item(TODAY_RESERVED - DAY, 500, reserved=True),))
    engine.issue(order(yesterday))
    engine.issue(order(a_request(5, NOON_TID + 1)))  # ordinary order is not touched by it


def test_a_reserved_token_does_not_close_the_day_before_it(engine: Engine) -> None:
    free = replace(a_request(1, 0), items=(an_item(TODAY_RESERVED, 500, reserved=True),))
    engine.issue(order(free))
    engine.issue(order(a_request(2, TODAY_RESERVED - 100)))  # a sale that yesterday left open


@pytest.mark.parametrize(
    ("tids", "code"),
    [
        ((TODAY_RESERVED + 1,), "FIELD_RANGE"),
        ((TODAY_RESERVED - 10 * DAY,), "TID_WINDOW"),
        ((TODAY_RESERVED, TODAY_RESERVED), "RESERVED_USED"),
    ],
    ids=["not 00:01", "too long ago", "twice in one group"],
)
def test_a_reserved_token_must_be_a_reserved_minute(
    engine: Engine, tids: tuple[int, ...], code: str
) -> None:
    items = tuple(an_item(t, 500, reserved=True) for t in tids)
    error = refusal(engine, replace(a_request(1, 0), items=items))
    assert error.code == code
    if code == "TID_WINDOW":
        assert tid.is_reserved(error.params["lowest_tid"])  # type: ignore[arg-type]


# ---------------------------------------------------------------- the clock


def test_a_clock_behind_its_floor_makes_no_token(engine: Engine, clock: SetClock) -> None:
    engine.issue(order(a_request(1, NOON_TID)))
    clock.move(minutes=-1)
    engine.issue(order(a_request(2, NOON_TID + 1)))  # a small correction
    clock.move(days=-1)
    assert refusal(engine, a_request(3, NOON_TID + 2)).code == "CLOCK_BEHIND"


def test_the_floor_outlives_the_process(tmp_path: Path, clock: SetClock) -> None:
    engine, store = an_engine(tmp_path, clock)
    clock.move(days=30)
    engine.issue(order(a_request(1, NOON_TID + 30 * DAY)))
    store.close()
    clock.move(days=-1)
    engine, store = an_engine(tmp_path, clock)
    assert refusal(engine, a_request(2, NOON_TID + 30 * DAY + 1)).code == "CLOCK_BEHIND"
    store.close()


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"krn": 7}, "KEY_NOT_FOUND"),
        ({"sgc": "000001"}, "KEY_NOT_FOUND"),
        ({"base_date": 2035}, "BASE_DATE_MISMATCH"),
        ({"kt": KeyType.COMMON}, "KEY_TYPE"),
        ({"krn": 2}, "KEY_EXPIRED"),
        ({"ken": 85}, "KEY_EXPIRED"),
        ({"krn": 3, "kt": KeyType.DEFAULT}, "KEY_TYPE_NO_CREDIT"),
        ({"sgc": "123456", "krn": 2, "base_date": 1993}, "KEY_EXPIRED"),
        ({"sgc": "123456", "ea": EncryptionAlgorithm.MISTY1}, "DKGA_EA"),
    ],
)
def test_a_key_that_does_not_serve_is_refused(
    engine: Engine, changes: dict[str, Any], code: str
) -> None:
    request = a_request(1, NOON_TID, configuration=a_configuration(**changes))
    assert refusal(engine, request).code == code
    assert engine.report(TILL).issues == 0


def test_an_ended_key_cannot_be_kept_alive_by_a_false_tid(engine: Engine) -> None:
    in_time = (85 << 16) + 2  # the last days of KEN 85, in 2024
    request = a_request(1, in_time, configuration=a_configuration(krn=2))
    assert refusal(engine, request).code == "KEY_EXPIRED"
    old = a_configuration(sgc="123456", krn=2, base_date=1993)
    assert refusal(engine, a_request(2, tid.TID_MAX, configuration=old)).code == "KEY_EXPIRED"


def test_a_module_with_a_key_not_marked_test_does_not_begin(tmp_path: Path) -> None:
    key = keys.VendingKey(bytes.fromhex(HMAC_SECRET), "201457", 1, KeyType.UNIQUE, 2014, 255, 4)
    create_store(tmp_path, bytes(32), "REF-00000002", (key,), 0)
    store = open_store(tmp_path, bytes(32))
    with pytest.raises(ConfigError) as caught:
        Engine(store, SetClock(), None)  # type: ignore[arg-type]
    assert caught.value.code == "KEYS_NOT_TEST"
    store.close()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"active_from": "2026-03-04T12:00:01+00:00"}, "KEY_NOT_ACTIVE"),
        ({"issue_until": "2026-03-04T13:59:59+02:00"}, "KEY_ISSUE_ENDED"),
        ({"permitted": ["0.1", "2.5"]}, "KEY_SUBCLASS"),
        ({"permitted": []}, "KEY_SUBCLASS"),
        (
            {
                "active_from": "2026-03-04T12:00:00+00:00",
                "issue_until": "2026-03-04T14:00:00+02:00",
                "permitted": ["0.0"],
            },
            "",
        ),
    ],
)
def test_a_keys_days_and_kinds_hold_in_the_module(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    row = {**TEST_KEYS[0], "secret": HMAC_SECRET, **changes}
    read = load_key_file(write_key_file(tmp_path / "keys.json", [row]))
    create_store(tmp_path, bytes(32), "REF-00000002", read, 0)
    store = open_store(tmp_path, bytes(32))
    assert store.keys() == read
    engine = Engine(store, SetClock(), CountedRandomness())
    if code:
        assert refusal(engine, a_request(1, NOON_TID)).code == code
    else:
        assert len(engine.issue(order(a_request(1, NOON_TID))).tokens) == 1
    store.close()


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (an_item(NOON_TID, 0), "FIELD_RANGE"),
        (an_item(NOON_TID, 18_201_625), "FIELD_RANGE"),
        (replace(an_item(NOON_TID), value_minor=-1), "FIELD_RANGE"),
        (replace(an_item(NOON_TID), subclass=8), "UNSUPPORTED"),
    ],
)
def test_an_item_out_of_range_is_refused(engine: Engine, item: Any, code: str) -> None:
    assert refusal(engine, replace(a_request(1, 0), items=(item,))).code == code


def test_the_books_hold_what_the_token_carries(opened: tuple[Engine, ModuleStore]) -> None:
    engine, store = opened
    engine.issue(order(a_request(1, NOON_TID, units=16_385)))  # the step is 10 there
    with store._database.read() as connection:
        row = connection.exec_driver_sql("SELECT units, value_minor FROM issued_tids").one()
    assert row.units == 16_394
    assert row.value_minor == 16_385 * 16


def test_nothing_that_holds_a_token_or_a_key_shows_it(opened: tuple[Engine, ModuleStore]) -> None:
    engine, store = opened
    answer = engine.issue(order(a_request(1, NOON_TID)))
    assert isinstance(answer, Answer)
    with store.read() as books:
        stored = books.answer(bytes(15) + b"\1")
    shown = f"{answer!r} {stored!r} {store.keys()!r} {engine!r}"
    for secret in (answer.tokens[0], HMAC_SECRET, DES_SECRET, repr(bytes.fromhex(HMAC_SECRET))):
        assert secret not in shown
