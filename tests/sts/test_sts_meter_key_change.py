"""Key-change sets in a virtual meter: any order, repeated, mixed, abandoned (8.9)."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.sts import key_change
from posapp.sts.meter import MeterResult, VirtualMeter, sections
from tests.sts.meters import (
    BIRTH,
    MISTY1,
    SAMPLE,
    STA,
    a_change,
    a_credit,
    a_meter,
    a_set,
    key_of,
    refused,
    sealed,
)

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
INTERMEDIATE = [
    MeterResult.FIRST_KCT,
    MeterResult.SECOND_KCT,
    MeterResult.THIRD_KCT,
    MeterResult.FOURTH_KCT,
]
# Algorithm and whether a third token brings the SGC: sets of two, three and four.
SETS = [(STA, False), (STA, True), (MISTY1, False)]
every_set = pytest.mark.parametrize(("ea", "third"), SETS)


def enter_all(meter: VirtualMeter, digits: list[str]) -> list[MeterResult]:
    return [meter.enter(token) for token in digits]


@every_set
def test_every_order_moves_the_meter_to_its_new_key(ea: EncryptionAlgorithm, third: bool) -> None:
    whole = a_set(ea, third_token=third)
    change = a_change(ea)
    for order in itertools.permutations(range(len(whole))):
        twin = a_meter(ea)
        results = enter_all(twin, [whole[i] for i in order])
        assert results == [*(INTERMEDIATE[i] for i in order[:-1]), MeterResult.ACCEPT]
        assert (twin.kt, twin.krn, twin.ti, twin.ken) == (KeyType.UNIQUE, 6, "02", 255)
        assert twin.sgc == (None if len(whole) == 2 else "203557")
        assert twin.tids == [0] * 50
        assert twin.enter(a_credit(BIRTH + 1, 100, ea)) is MeterResult.CRC_ERROR
        assert twin.enter(a_credit(9, 100, ea, change.key)) is MeterResult.ACCEPT


@every_set
def test_a_section_entered_again_changes_nothing(ea: EncryptionAlgorithm, third: bool) -> None:
    whole = a_set(ea, third_token=third)
    for again in range(len(whole) - 1):
        twin = a_meter(ea)
        enter_all(twin, whole[:-1])
        before = twin.to_state()
        assert twin.enter(whole[again]) is INTERMEDIATE[again]
        assert twin.to_state() == before
        assert twin.enter(whole[-1]) is MeterResult.ACCEPT


@every_set
def test_the_set_is_worth_nothing_once_it_is_done(ea: EncryptionAlgorithm, third: bool) -> None:
    twin, whole = a_meter(ea), a_set(ea, third_token=third)
    enter_all(twin, whole)
    for token in whole:
        refused(twin, token, MeterResult.CRC_ERROR)


@every_set
def test_other_tokens_may_come_in_between(ea: EncryptionAlgorithm, third: bool) -> None:
    twin, whole = a_meter(ea), a_set(ea, third_token=third, rollover=False)
    enter_all(twin, whole[:-1])
    assert twin.enter(a_credit(BIRTH + 1, 7, ea)) is MeterResult.ACCEPT
    refused(twin, a_credit(BIRTH + 1, 7, ea), MeterResult.USED_ERROR)
    refused(twin, "1" * 20, MeterResult.CRC_ERROR)
    assert twin.enter(whole[-1]) is MeterResult.ACCEPT
    assert twin.tids[-1] == BIRTH + 1  # no rollover: the memory stays
    assert twin.electricity_tenths == 7


@pytest.mark.parametrize("ken", [0, 85, 254, 255])
@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_a_set_brings_its_key_expiry_and_is_not_subject_to_the_old_one(
    ea: EncryptionAlgorithm, ken: int
) -> None:
    twin = a_meter(ea, ken=0)
    assert enter_all(twin, a_set(ea, ken=ken))[-1] is MeterResult.ACCEPT
    assert twin.ken == ken


# ---------------------------------------------------------------- mixed sets


def test_a_second_set_pushes_out_what_is_left_of_the_first() -> None:
    """Else the third token of the first set would complete the second with a wrong group."""
    ours, theirs = a_set(third_token=True), a_set(third_token=True, sgc="111111", krn=3, ti="07")
    twin = a_meter()
    enter_all(twin, [ours[0], ours[2]])
    assert enter_all(twin, theirs[:2]) == INTERMEDIATE[:2]
    assert twin.krn == 1  # not complete: the third section of the first set is gone
    assert twin.enter(theirs[2]) is MeterResult.ACCEPT
    assert (twin.sgc, twin.krn, twin.ti) == ("111111", 3, "07")


def test_sections_that_never_met_their_own_kind_cannot_be_told_apart() -> None:
    """A token does not name its set: one section of each is a key that nobody knows."""
    other = replace(a_change(STA), key=bytes(8), krn=3, ti="07")
    theirs = key_change.change_set(key_of(STA), STA, other, SAMPLE)
    twin = a_meter()
    assert enter_all(twin, [a_set()[0], theirs[1]])[-1] is MeterResult.ACCEPT
    assert (twin.krn, twin.ti) == (6, "07")
    mixed = a_change(STA).key[:4] + bytes(4)
    assert twin.enter(a_credit(9, 100, STA, mixed)) is MeterResult.ACCEPT


def test_a_new_set_is_safe_from_an_abandoned_one_once_its_minutes_are_over() -> None:
    abandoned, whole = a_set(MISTY1, sgc="111111", ti="09"), a_set(MISTY1)
    shuffled = random.Random(5)
    for count in (1, 2, 3):
        twin = a_meter(MISTY1)
        for token in shuffled.sample(abandoned, count):
            twin.enter(token, NOW)
        later = NOW + timedelta(minutes=11)
        assert [twin.enter(token, later) for token in whole][-1] is MeterResult.ACCEPT
        assert (twin.sgc, twin.ti) == ("203557", "02")


# ---------------------------------------------------------------- two and three tokens


def test_a_meter_of_two_tokens_has_no_third_and_does_not_wait_for_one() -> None:
    twin = a_meter(key_change_tokens=2)
    first, second, third = a_set(third_token=True)
    refused(twin, third, MeterResult.FUNCTION_ERROR)
    assert enter_all(twin, [first, second])[-1] is MeterResult.ACCEPT
    assert twin.sgc is None
    assert twin.key_change_tokens == 2


def test_a_third_token_that_the_first_does_not_ask_for_is_not_used() -> None:
    third = a_set(third_token=True, sgc="111111")[2]
    for order in ((0, 2, 1), (2, 0, 1), (2, 1, 0)):
        twin, tokens = a_meter(), [*a_set(), third]
        results = enter_all(twin, [tokens[i] for i in order])
        assert results[-1] is MeterResult.ACCEPT
        assert twin.sgc is None
        assert twin.sections.held == {}


def test_a_fourth_token_is_no_function_of_an_ea07_meter() -> None:
    refused(a_meter(), sealed(2, 9 << 44 | 1), MeterResult.FUNCTION_ERROR)
    assert a_meter(MISTY1, key_change_tokens=2).key_change_tokens == 4


# ---------------------------------------------------------------- what is refused


def test_the_key_type_is_judged_when_the_set_is_whole_and_then_it_is_forgotten() -> None:
    twin = a_meter()
    for kt in (KeyType.INITIAL, KeyType.COMMON):
        before = twin.to_state()
        assert enter_all(twin, a_set(kt=kt)) == [MeterResult.FIRST_KCT, MeterResult.KEY_TYPE_ERROR]
        assert twin.to_state() == before


@pytest.mark.parametrize("old", list(KeyType))
@pytest.mark.parametrize("new", list(KeyType))
@pytest.mark.parametrize("tct", [1, 2])
def test_which_key_type_may_follow_which(old: KeyType, new: KeyType, tct: int) -> None:
    twin = a_meter(kt=old, tct=tct)
    forbidden = (new is KeyType.INITIAL and old is not KeyType.INITIAL) or (
        new is KeyType.COMMON and tct != 1
    )
    expected = MeterResult.KEY_TYPE_ERROR if forbidden else MeterResult.ACCEPT
    assert enter_all(twin, a_set(kt=new))[-1] is expected
    assert twin.kt is (old if forbidden else new)


@pytest.mark.parametrize(
    ("ea", "data"),
    [
        (STA, 3 << 44),  # KRN 0
        (MISTY1, 3 << 44 | 10 << 36),  # KRN 10
        (STA, 4 << 44 | 100 << 32),  # TI 100
    ],
)
def test_a_section_out_of_range_is_refused(ea: EncryptionAlgorithm, data: int) -> None:
    refused(a_meter(ea), sealed(2, data, ea), MeterResult.RANGE_ERROR)


def test_a_supply_group_above_six_digits_is_refused_when_the_set_is_whole() -> None:
    high, low = divmod(1_000_000, 1 << 12)
    third, fourth = (
        sealed(2, 8 << 44 | low << 32, MISTY1),
        sealed(2, 9 << 44 | high << 32, MISTY1),
    )
    twin, whole = a_meter(MISTY1), a_set(MISTY1)
    before = twin.to_state()
    results = enter_all(twin, [whole[0], third, fourth, whole[1]])
    assert results[-1] is MeterResult.RANGE_ERROR
    assert twin.to_state() == before


# ---------------------------------------------------------------- time


@every_set
def test_an_incomplete_set_is_forgotten(ea: EncryptionAlgorithm, third: bool) -> None:
    twin, whole = a_meter(ea), a_set(ea, third_token=third)
    enter_all(twin, whole[:-1])
    twin.forget_key_change()
    assert twin.enter(whole[-1]) is INTERMEDIATE[len(whole) - 1]
    assert enter_all(twin, whole[:-1])[-1] is MeterResult.ACCEPT


@pytest.mark.parametrize(("late", "expected"), [(0, "Accept"), (1, "2ndKCT")])
def test_ten_minutes_after_its_last_token_a_set_is_forgotten(late: int, expected: str) -> None:
    twin = a_meter()
    first, second = a_set()
    twin.enter(first, NOW - timedelta(minutes=5))
    twin.enter(first, NOW)
    then = NOW + timedelta(minutes=10, seconds=late)
    assert twin.enter(second, then) == expected


def test_a_set_begun_without_a_time_has_its_minutes_from_the_first_time_known() -> None:
    twin = a_meter(set_timeout_s=60)
    first, second = a_set()
    twin.enter(first)
    twin.enter(a_credit(BIRTH + 1), NOW)
    twin.enter(a_credit(BIRTH + 1), NOW + timedelta(seconds=61))
    assert twin.enter(second) is MeterResult.SECOND_KCT


def test_without_a_time_a_set_waits_for_ever() -> None:
    twin = a_meter()
    first, second = a_set()
    twin.enter(first, NOW)
    assert twin.enter(second) is MeterResult.ACCEPT


def test_a_key_that_is_about_to_be_taken_does_not_show() -> None:
    new = sections.NextKey(bytes(range(0xA0, 0xA8)), KeyType.UNIQUE, 1, 1, 255, None, False)
    assert "a0" not in repr(new).lower()
    assert "kt=" in repr(new)
