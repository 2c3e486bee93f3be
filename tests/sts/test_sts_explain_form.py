"""A meter's record as a JSON file is read strictly; an explanation is written as one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration, MeterNumber
from posapp.errors import InputError
from posapp.sts.explain import (
    Case,
    Earlier,
    Issued,
    MeterRecord,
    OtherMeter,
    explain,
    from_json,
    to_json,
)
from posapp.sts.explain.form import LIST_MAX
from posapp.sts.meter import MeterDesign
from tests.sts.refusals import MISHAPS, SAMPLE, a_counter

KEY = {"ea": 7, "sgc": "201457", "krn": 1, "ti": "01", "base_date": 2014}
DIGITS = "6893 4214 3629 5708 4107"
FULL: dict[str, Any] = {
    "meter": {
        "number": "58000079523",
        "current": {**KEY, "kt": 1, "ken": 90, "tct": 1},
        "pending": {**KEY, "krn": 2},
        "earlier": [{**KEY, "base_date": 1993, "until": "2022-03-01T10:00:00+02:00"}],
        "manufactured": "2020-01-01T00:00:00Z",
        "credit": [0, 4],
        "management": [1, 5],
        "extended_read": False,
        "key_change_tokens": 2,
        "tids_kept": 100,
        "power_limits_w": [0, 9000],
        "unbalance_limits_w": [10, 20],
    },
    "history": [
        {"digits": DIGITS, "issued_at": "2024-01-01T00:00:00Z"},
        {
            "digits": DIGITS,
            "issued_at": "2024-01-02T00:00:00Z",
            "made_under": {**KEY, "ti": "07"},
            "accepted": True,
            "tid": 5,
            "key_change": True,
            "receipt": "0001-0000007-3",
        },
    ],
    "others": [
        {
            "meter": {"number": "0100000000008", "current": {**KEY, "ea": 11}},
            "history": [{"digits": DIGITS, "issued_at": "2024-01-03T00:00:00Z"}],
        }
    ],
}


def test_every_member_is_read() -> None:
    sta, misty1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
    current = MeterConfiguration(sta, "201457", 1, "01", 2014, 90, 1, KeyType.DEFAULT)
    record, history, others = from_json(FULL)
    assert record == MeterRecord(
        MeterNumber("58000079523"),
        current,
        pending=MeterConfiguration(sta, "201457", 2, "01", 2014),
        earlier=(
            Earlier(
                MeterConfiguration(sta, "201457", 1, "01", 1993),
                datetime(2022, 3, 1, 8, tzinfo=UTC),
            ),
        ),
        manufactured=datetime(2020, 1, 1, tzinfo=UTC),
        design=MeterDesign(
            credit=frozenset({0, 4}),
            management=frozenset({1, 5}),
            extended_read=False,
            key_change_tokens=2,
            tids_kept=100,
            power_limits_w=(0, 9000),
            unbalance_limits_w=(10, 20),
        ),
    )
    made = MeterConfiguration(sta, "201457", 1, "07", 2014)
    assert history == (
        Issued(DIGITS, datetime(2024, 1, 1, tzinfo=UTC), current),
        Issued(DIGITS, datetime(2024, 1, 2, tzinfo=UTC), made, True, 5, True, "0001-0000007-3"),
    )
    other = MeterConfiguration(misty1, "201457", 1, "01", 2014)
    assert others == (
        OtherMeter(
            MeterRecord(MeterNumber("0100000000008"), other),
            (Issued(DIGITS, datetime(2024, 1, 3, tzinfo=UTC), other),),
        ),
    )


def test_little_is_enough() -> None:
    form = from_json({"meter": {"number": "58000079523", "current": KEY}})
    assert form.record.pending is None and form.record.design == MeterDesign()
    assert (form.history, form.others) == ((), ())


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        *steps, last = path.replace("[", ".[").split(".")
        place: Any = values
        for step in steps:
            place = place[int(step[1:-1])] if step.startswith("[") else place[step]
        place[int(last[1:-1]) if last.startswith("[") else last] = value

    return change


MISTAKES: list[tuple[str, object, str]] = [
    ("meter", 7, "object"),
    ("meter.number", "58000079524", "meter number"),
    ("meter.number", 58000079523, "text"),
    ("meter.colour", "red", "absent"),
    ("meter.current", None, "object"),
    ("meter.current.ea", 9, "7, 11"),
    ("meter.current.ea", True, "7, 11"),
    ("meter.current.sgc", "20145", "6 digits"),
    ("meter.current.sgc", 201457, "text"),
    ("meter.current.krn", 0, "1..9"),
    ("meter.current.krn", 10, "1..9"),
    ("meter.current.krn", "1", "1..9"),
    ("meter.current.ti", "1", "2 digits"),
    ("meter.current.ti", "٠١", "2 digits"),
    ("meter.current.base_date", 2013, "1993, 2014, 2035"),
    ("meter.current.kt", 4, "0, 1, 2, 3"),
    ("meter.current.ken", 256, "0..255"),
    ("meter.current.tct", 0, "1, 2, 3, 4, 5, 6, 7"),
    ("meter.current.tct", 8, "1, 2, 3, 4, 5, 6, 7"),
    ("meter.current.until", "2022-03-01T10:00:00+02:00", "absent"),
    ("meter.earlier", {}, f"list of at most {LIST_MAX}"),
    ("meter.earlier[0].until", "yesterday", "time"),
    ("meter.earlier[0].until", "2022-03-01T10:00:00", "time with offset"),
    ("meter.manufactured", "9999-12-31T23:59:59-14:00", "time"),
    ("meter.manufactured", "0001-01-01T00:00:00+14:00", "time"),
    ("meter.manufactured", 2020, "text"),
    ("meter.credit", 0, "list"),
    ("meter.credit", ["0"], "numbers"),
    ("meter.credit", [8], "within its limits"),
    ("meter.management", [3], "within its limits"),
    ("meter.extended_read", 1, "true or false"),
    ("meter.key_change_tokens", 4, "within its limits"),
    ("meter.key_change_tokens", True, "number"),
    ("meter.tids_kept", 49, "within its limits"),
    ("meter.power_limits_w", [1], "within its limits"),
    ("meter.power_limits_w", 5, "two numbers"),
    ("history", "none", f"list of at most {LIST_MAX}"),
    ("history[1]", "token", "object"),
    ("history[1].digits", "1234", "20 digits"),
    ("history[1].digits", "9" * 20, "20 digits"),
    ("history[1].issued_at", 5, "text"),
    ("history[1].accepted", 1, "true or false"),
    ("history[1].tid", 1 << 24, "0..16777215"),
    ("history[1].tid", 1.0, "0..16777215"),
    ("history[1].receipt", "x" * 101, "text"),
    ("history[1].made_under", [], "object"),
    ("history[1].made_under.krn", 11, "1..9"),
    ("others[0].history[0].key_change", "no", "true or false"),
    ("others[0].meter.number", "", "meter number"),
]


@pytest.mark.parametrize(("path", "value", "expected"), MISTAKES)
def test_each_mistake_is_named_by_its_place(path: str, value: object, expected: str) -> None:
    values = copy.deepcopy(FULL)
    put(path, value)(values)
    with pytest.raises(InputError) as refusal:
        from_json(values)
    assert refusal.value.code == "EXPLAIN_RECORD"
    assert refusal.value.params == {"field": path, "expected": expected}


@pytest.mark.parametrize(
    "path",
    ["meter", "meter.number", "meter.current", "meter.current.sgc", "history[0].digits"],
)
def test_what_is_needed_is_missed(path: str) -> None:
    values = copy.deepcopy(FULL)
    parent, _, name = path.rpartition(".")
    place: Any = values
    for step in filter(None, parent.split(".")):
        place = place["history"][0] if step == "history[0]" else place[step]
    del place[name]
    with pytest.raises(InputError) as refusal:
        from_json(values)
    assert refusal.value.params == {"field": path, "expected": "present"}


@pytest.mark.parametrize("values", [None, [], "meter", 7])
def test_no_object_at_all_is_named_too(values: object) -> None:
    with pytest.raises(InputError) as refusal:
        from_json(values)
    assert refusal.value.params == {"field": "record", "expected": "object"}


def test_a_mistake_never_shows_the_token() -> None:
    values = copy.deepcopy(FULL)
    values["history"][0]["digits"] = "6893421436295708410x"
    with pytest.raises(InputError) as refusal:
        from_json(values)
    assert "689342" not in str(refusal.value)


def test_a_file_explains_a_token_without_keys() -> None:
    values = copy.deepcopy(FULL)
    values["meter"]["current"] = KEY
    form = from_json(json.loads(json.dumps(values)))
    typed = DIGITS.replace("3629", "3692")
    case = Case(
        typed,
        form.record,
        datetime(2026, 1, 1, tzinfo=UTC),
        SAMPLE,
        history=form.history[:1],
        others=form.others,
    )
    written = to_json(explain(case))
    assert json.loads(json.dumps(written)) == written
    best = written["findings"][0]
    assert (best["reason"], best["sure"], best["action"]) == ("digit_slip", "certain", "type_again")
    assert best["evidence"]["positions"] == [11, 12] and best["evidence"]["groups"] == [3]
    assert best["evidence"]["issued_at"] == "2024-01-01T00:00:00+00:00"
    numerator, denominator = best["chance"]
    assert best["one_in"] == denominator // numerator
    assert written["complete"] is True and written["compared"] == 2


def test_every_explanation_can_be_written() -> None:
    for seed, mishap in enumerate(MISHAPS):
        counter = a_counter(seed, seed, changes=False)
        digits, reason = mishap(counter)
        written = json.loads(json.dumps(to_json(counter.explain(digits))))
        assert written["findings"][0]["reason"] == reason


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"])
def test_a_record_at_the_calendars_edge_is_explained(time: str) -> None:
    values = copy.deepcopy(FULL)
    for path in ("meter.manufactured", "meter.earlier[0].until", "history[1].issued_at"):
        put(path, time)(values)
    form = from_json(values)
    for now in (datetime.fromisoformat(time), datetime(2026, 1, 1, tzinfo=UTC)):
        case = Case(DIGITS, form.record, now, SAMPLE, history=form.history, others=form.others)
        assert explain(case).findings
