"""The keypad after wrong entries: waiting, doubling, forgetting (each maker differs)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from posapp.sts import tokens
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.sts.meters import BIRTH, SAMPLE, a_credit, a_meter, a_set

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
WRONG = "1" * 20
SECOND = timedelta(seconds=1)


def lock(twin: VirtualMeter, entries: int, at: datetime = NOW) -> datetime:
    """Enter wrong digits, each as soon as the keypad allows; when it is free again."""
    for _ in range(entries):
        assert twin.enter(WRONG, at) is MeterResult.CRC_ERROR
        at = twin.keypad.locked_until or at
    return at


def test_the_third_wrong_entry_locks_and_each_further_one_twice_as_long() -> None:
    twin = a_meter()
    assert lock(twin, 2) == NOW
    at, waits = NOW, []
    for _ in range(8):
        free = lock(twin, 1, at)
        waits.append((free - at) // SECOND)
        assert twin.enter(a_credit(BIRTH + 1), free - SECOND) is MeterResult.LOCKOUT
        at = free
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert twin.enter(a_credit(BIRTH + 1), at) is MeterResult.ACCEPT


def test_a_right_entry_begins_the_count_anew() -> None:
    twin = a_meter()
    free = lock(twin, 4)
    assert twin.enter(a_credit(BIRTH + 1), free) is MeterResult.ACCEPT
    assert (twin.keypad.wrong_entries, twin.keypad.locked_until) == (0, None)
    assert lock(twin, 2, free) == free


def test_what_anyone_could_enter_does_not_end_the_count() -> None:
    twin = a_meter()
    used = a_credit(BIRTH + 1)
    twin.enter(used)
    lock(twin, 2)
    for harmless in (tokens.meter_test(0, 1), used, a_credit(BIRTH - 1), a_set()[0]):
        twin.enter(harmless, NOW)
        assert twin.keypad.wrong_entries == 2
    assert lock(twin, 1) == NOW + timedelta(seconds=60)


def test_a_number_that_is_no_token_counts_as_wrong() -> None:
    twin = a_meter()
    for digits in ("9" * 20, "12", WRONG):
        twin.enter(digits, NOW)
    assert twin.enter(a_credit(BIRTH + 1), NOW) is MeterResult.LOCKOUT


def test_entries_in_the_lockout_are_not_judged_and_lengthen_nothing() -> None:
    twin = a_meter()
    free = lock(twin, 3)
    before = twin.to_state()
    for second in range(60):
        assert twin.enter(WRONG, NOW + second * SECOND) is MeterResult.LOCKOUT
    assert twin.to_state() == before
    assert twin.enter(WRONG, free) is MeterResult.CRC_ERROR


def test_without_a_time_nothing_is_locked_or_counted() -> None:
    twin = a_meter()
    assert {twin.enter(WRONG) for _ in range(9)} == {MeterResult.CRC_ERROR}
    assert twin.keypad.wrong_entries == 0
    lock(twin, 3)
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.ACCEPT


def test_a_clock_set_back_locks_for_no_longer_than_the_wait() -> None:
    twin = a_meter()
    lock(twin, 3)
    earlier = NOW - timedelta(days=900)
    assert twin.enter(WRONG, earlier) is MeterResult.LOCKOUT
    assert twin.enter(a_credit(BIRTH + 1), earlier + 60 * SECOND) is MeterResult.ACCEPT


def test_the_lockout_outlives_a_restart() -> None:
    twin = a_meter()
    free = lock(twin, 3)
    again = VirtualMeter.from_state(twin.to_state(), SAMPLE)
    assert again.enter(a_credit(BIRTH + 1), free - SECOND) is MeterResult.LOCKOUT
    assert again.enter(WRONG, free) is MeterResult.CRC_ERROR
    assert again.keypad.locked_until == free + timedelta(seconds=120)


def test_the_makers_patience_is_his_own() -> None:
    twin = a_meter(free_wrong_entries=0, first_lockout_s=5, longest_lockout_s=7)
    assert [(lock(twin, 1) - NOW) // SECOND] == [5]
    assert (lock(twin, 1, NOW + 5 * SECOND) - NOW) // SECOND == 12


def test_a_time_without_a_zone_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        a_meter().enter(WRONG, datetime(2026, 5, 1))


LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
FIRST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


@pytest.mark.parametrize("at", [LAST, LAST.replace(tzinfo=UTC), FIRST, FIRST.replace(tzinfo=UTC)])
def test_a_keypad_locks_at_the_calendars_edge_too(at: datetime) -> None:
    twin = a_meter()
    for _ in range(3):
        assert twin.enter(WRONG, at) is MeterResult.CRC_ERROR
    end = datetime.max.replace(tzinfo=UTC)
    assert twin.keypad.locked_until == (
        end if at.year == end.year else datetime(1, 1, 1, 0, 1, tzinfo=UTC)
    )
    assert twin.enter(a_set()[0], end) is MeterResult.FIRST_KCT
    state = twin.to_state()
    assert VirtualMeter.from_state(state, SAMPLE).to_state() == state
