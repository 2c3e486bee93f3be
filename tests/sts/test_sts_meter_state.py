"""A meter's memory survives as JSON, and nothing impossible is read into it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import InputError
from posapp.sts.meter import Display, MeterResult, VirtualMeter
from posapp.sts.tokens import Management
from tests.sts.meters import (
    BIRTH,
    MISTY1,
    SAMPLE,
    STA,
    a_credit,
    a_management,
    a_meter,
    a_set,
    key_of,
    some_money,
)

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def again(twin: VirtualMeter) -> VirtualMeter:
    return VirtualMeter.from_state(json.loads(json.dumps(twin.to_state())), SAMPLE)


def a_full_life() -> VirtualMeter:
    """Every member of the state away from its birth value."""
    twin = a_meter(tids_kept=60, displays=frozenset({Display.KRN}), software="9", ken=200)
    twin.enter(a_credit(BIRTH + 1, 711))
    twin.enter(some_money(BIRTH + 2, -5))
    for step, (kind, value) in enumerate(
        [
            (Management.MAXIMUM_POWER_LIMIT, 9000),
            (Management.MAXIMUM_PHASE_UNBALANCE, 3),
            (Management.TARIFF_RATE, 4),
            (Management.WATER_METER_FACTOR, 5),
            (Management.EXTENDED_WRITE, 6 << 10 | 7),
            (Management.EXTENDED_WRITE, 63 << 10 | 9),
        ]
    ):
        assert twin.enter(a_management(kind, BIRTH + 3 + step, value)) is MeterResult.ACCEPT
    twin.consume(11, load_w=1200)
    twin.tampered, twin.sgc = True, "000123"
    twin.enter(a_set()[0], NOW)
    for _ in range(3):
        twin.enter("1" * 20, NOW)
    return twin


def test_a_meter_remembers_everything_after_a_restart() -> None:
    twin, birth = a_full_life(), a_meter().to_state()
    state = twin.to_state()
    same = {name for name in state if state[name] == birth[name]}
    assert same == {"version", "number", "ea", "key", "kt", "krn", "ti", "tct"}
    assert again(twin).to_state() == state
    assert again(twin).design == twin.design


@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_a_key_change_goes_on_after_a_restart(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    twin.enter(a_credit(BIRTH + 1, 711, ea))
    for token in a_set(ea):
        twin = again(twin)
        assert twin.enter(a_credit(BIRTH + 1, 711, ea)) is MeterResult.USED_ERROR
        result = twin.enter(token)
    assert result is MeterResult.ACCEPT
    assert again(twin).krn == 6


FULL = a_full_life().to_state()
ALL_TESTS = "56493153725450313471"

# What replaces a member of the state.
DAMAGE: list[tuple[str, Any]] = [
    ("version", 0),
    ("version", 3),
    ("version", "2"),
    ("version", True),
    ("number", "58000079524"),
    ("number", 58_000_079_523),
    ("ea", 9),
    ("ea", 7.0),
    ("key", "zz"),
    ("key", "00"),
    ("key", None),
    ("key", key_of(STA).hex().upper()),
    ("kt", 4),
    ("krn", 0),
    ("krn", True),
    ("ti", "1"),
    ("ti", 1),
    ("ken", 256),
    ("tct", 0),
    ("tct", 8),
    ("sgc", "12345"),
    ("sgc", "١٢٣٤٥٦"),
    ("sgc", 123_456),
    ("tids", [1] * 49),
    ("tids", [1] * 51),
    ("tids", [2, *[1] * 49]),
    ("tids", [0] * 49 + [1 << 24]),
    ("tids", {"0": 1}),
    ("credit", {"0": -1}),
    ("credit", {"0": 1 << 31}),
    ("credit", {"4": -(1 << 63)}),
    ("credit", {"8": 1}),
    ("credit", {"00": 1}),
    ("credit", {"0": 1.5}),
    ("credit", []),
    ("credited", {"0": -1}),
    ("credited", {"4": 1 << 129}),
    ("consumed", {"4": -1}),
    ("power_limit_w", -1),
    ("power_limit_w", 18_201_625),
    ("unbalance_limit_w", "1"),
    ("tariff_rate", 65_536),
    ("water_factor", -1),
    ("extended", {"63": 1}),
    ("extended", {"1": 1024}),
    ("flags", [512]),
    ("flags", [2, 1]),
    ("flags", [1, 1]),
    ("tampered", 1),
    ("tampered", None),
    ("load_w", -1),
    ("sections", {"3": 0}),  # KRN 0
    ("sections", {"9": 1}),  # not in EA07
    ("sections", {"3": 1 << 36, "4": 0}),  # whole
    ("sections", {"4": 1 << 44}),
    ("sections_at", "2026-05-01T08:00:00+00:00"),  # no sections
    ("wrong_entries", -1),
    ("wrong_entries", 1 << 30),
    ("locked_until", "2026-05-01T08:00:00"),
    ("locked_until", "soon"),
    ("locked_until", "0001-01-01T00:00:00+14:00"),
    ("locked_until", 5),
    ("design", None),
]


@pytest.mark.parametrize(("name", "value"), DAMAGE)
def test_a_damaged_memory_is_refused_by_the_name_of_its_field(name: str, value: object) -> None:
    state = {**a_meter().to_state(), name: value}
    with pytest.raises(InputError) as caught:
        VirtualMeter.from_state(state, SAMPLE)
    assert (caught.value.code, caught.value.params) == ("METER_STATE", {"field": name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tids_kept", 49),
        ("credit", [9]),
        ("credit", []),
        ("management", [3]),
        ("displays", [0]),
        ("extended_read", 1),
        ("power_limits_w", [1]),
        ("unbalance_limits_w", [2, 1]),
        ("longest_lockout_s", 1),
        ("software", 7),
    ],
)
def test_a_damaged_design_is_refused_by_the_name_of_its_field(name: str, value: object) -> None:
    state = a_meter().to_state()
    state["design"] = {**state["design"], name: value}
    with pytest.raises(InputError) as caught:
        VirtualMeter.from_state(state, SAMPLE)
    assert caught.value.params == {"field": name}


def test_no_member_may_be_missing_or_added() -> None:
    whole = a_full_life().to_state()
    for name in whole:
        with pytest.raises(InputError, match="METER_STATE"):
            VirtualMeter.from_state({k: v for k, v in whole.items() if k != name}, SAMPLE)
    with pytest.raises(InputError, match="surplus"):
        VirtualMeter.from_state({**whole, "surplus": 1}, SAMPLE)
    for name in whole["design"]:
        less = {k: v for k, v in whole["design"].items() if k != name}
        with pytest.raises(InputError, match="METER_STATE"):
            VirtualMeter.from_state({**whole, "design": less}, SAMPLE)
    for content in ({}, [], None, "state", 7):
        with pytest.raises(InputError, match="METER_STATE"):
            VirtualMeter.from_state(content, SAMPLE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
NEAR = st.integers(-2, 70) | st.sampled_from([255, 256, 1023, 1 << 24, 1 << 31, 1 << 63, 1 << 128])


@given(data=st.data())
def test_whatever_stands_in_a_memory_is_refused_or_makes_a_meter_that_works(
    data: st.DataObject,
) -> None:
    state = json.loads(json.dumps(FULL))
    place = data.draw(st.sampled_from([state, state["design"]]))
    name = data.draw(st.sampled_from(sorted(place)))
    if isinstance(place[name], dict) and name != "design":
        keys = st.integers(-1, 64).map(str) | st.text(max_size=2)
        place[name] = data.draw(st.dictionaries(keys, NEAR, max_size=3))
    elif isinstance(place[name], list):
        place[name] = data.draw(st.lists(NEAR, max_size=60))
    else:
        place[name] = data.draw(NEAR | JSON)
    try:
        twin = VirtualMeter.from_state(state, SAMPLE)
    except InputError:
        return
    assert again(twin).to_state() == twin.to_state()
    for token in (a_credit(BIRTH + 999), *a_set(), ALL_TESTS, "1" * 20):
        assert twin.enter(token, NOW) in MeterResult
        twin = again(twin)


def test_a_refusal_never_tells_the_key() -> None:
    state = {**a_meter().to_state(), "key": key_of(STA).hex() + "0"}
    with pytest.raises(InputError) as caught:
        VirtualMeter.from_state(state, SAMPLE)
    assert key_of(STA).hex() not in str(caught.value)


# ---------------------------------------------------------------- version 1


def first_version(**changes: object) -> dict[str, object]:
    return {
        "version": 1,
        "number": "58000079523",
        "ea": 7,
        "key": key_of(STA).hex(),
        "kt": 2,
        "krn": 1,
        "ti": "01",
        "ken": 200,
        "tct": 2,
        "sgc": None,
        "functions": [0, 4],
        "tids": [BIRTH] * 49 + [BIRTH + 1],
        "credit": {"0": 711, "4": -99},
        "settings": {"0": 0x4001, "2": 3, "5": 0, "6": 9, "7": 8, "10": 6 << 10 | 7},
        "sections": {},
        **changes,
    }


def test_a_memory_of_version_1_is_read_and_written_as_version_2() -> None:
    twin = VirtualMeter.from_state(first_version(), SAMPLE)
    assert (twin.credit, twin.electricity_tenths) == ({0: 711, 4: -99}, 711)
    assert twin.registers.credited == twin.credit
    assert twin.registers.credited is not twin.credit
    assert (twin.power_limit_w, twin.unbalance_limit_w) == (16_394, 9)
    assert (twin.tariff_rate, twin.water_factor, twin.extended) == (3, 8, {6: 7})
    assert (twin.design.credit, twin.ken, twin.tampered) == ({0, 4}, 200, False)
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.USED_ERROR
    assert twin.enter(a_credit(BIRTH + 2)) is MeterResult.ACCEPT
    assert twin.to_state()["version"] == 2
    assert again(twin).to_state() == twin.to_state()


def test_a_half_entered_set_and_a_flag_of_version_1_are_kept() -> None:
    twin = a_meter()
    first, second = a_set()
    twin.enter(first)
    sections = twin.to_state()["sections"]
    old = first_version(sections=sections, settings={"10": 63 << 10 | 5})
    moved = VirtualMeter.from_state(old, SAMPLE)
    assert moved.flags == {2}
    assert moved.extended == {}
    assert moved.enter(second) is MeterResult.ACCEPT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("functions", [8]),
        ("settings", {"1": 3}),
        ("settings", {"0": 65_536}),
        ("tids", [1]),
        ("credit", {"0": -1}),
        ("surplus", 1),
    ],
)
def test_a_damaged_memory_of_version_1_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        VirtualMeter.from_state(first_version(**{name: value}), SAMPLE)
    assert caught.value.params == {"field": name}
