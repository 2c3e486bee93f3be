"""Token identifiers: exact minutes, ended base dates, the kept minute, no going back (6.3.5)."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.errors import SaleError
from posapp.sts import tid


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LAST_MINUTES = {1993: "2024-11-24 20:15", 2014: "2045-11-24 20:15", 2035: "2066-11-24 20:15"}
ordinary_tids = st.integers(0, tid.TID_MAX).filter(lambda t: not tid.is_reserved(t))


@pytest.mark.parametrize(
    ("moment", "base_date", "expected"),
    [
        ("2016-12-11 15:49", 1993, 12_593_749),
        ("2020-01-01 08:00", 1993, 14_200_320),
        ("2020-01-01 08:00", 2014, 3_155_520),
        ("2014-03-01 13:00", 2014, 85_740),
        ("2004-03-01 13:55", 1993, 5_871_715),
        ("1993-01-01 00:00", 1993, 0),
        ("2024-11-24 20:15", 1993, tid.TID_MAX),
    ],
)
def test_published_identifiers(moment: str, base_date: int, expected: int) -> None:
    assert tid.tid_at(at(moment), base_date) == expected


@pytest.mark.parametrize("base_date", list(LAST_MINUTES))
def test_a_base_date_ends_with_its_last_minute(base_date: int) -> None:
    last = at(LAST_MINUTES[base_date])
    assert tid.tid_at(last + timedelta(seconds=59), base_date) == tid.TID_MAX
    with pytest.raises(SaleError) as caught:
        tid.tid_at(last + timedelta(minutes=1), base_date)
    assert caught.value.code == "BASE_DATE_ENDED"
    assert caught.value.params == {"base_date": base_date, "ended": last}


def test_a_base_date_of_1993_sells_nothing_today() -> None:
    for last in (None, 5, tid.TID_MAX):
        with pytest.raises(SaleError, match="BASE_DATE_ENDED"):
            tid.next_tid(at("2026-11-20 09:00"), 1993, last)


def test_a_time_before_the_base_date_is_refused() -> None:
    with pytest.raises(SaleError) as caught:
        tid.tid_at(at("2034-12-31 23:59"), 2035)
    assert caught.value.code == "BASE_DATE_NOT_BEGUN"
    assert caught.value.params["begins"] == at("2035-01-01 00:00")


def test_an_unknown_base_date_is_refused() -> None:
    with pytest.raises(SaleError, match="BASE_DATE_UNKNOWN"):
        tid.tid_at(at("2026-01-01"), 2000)
    with pytest.raises(SaleError, match="BASE_DATE_UNKNOWN"):
        tid.time_of(1, 2000)


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zone"):
        tid.tid_at(datetime(2026, 1, 1), 2014)


def test_the_minute_one_of_a_day_is_kept_for_special_tokens() -> None:
    assert tid.tid_at(at("2026-07-29 00:01"), 2014) == 6_612_482
    assert tid.tid_at(at("2026-07-29 00:02"), 2014) == 6_612_482
    assert tid.tid_at(at("2026-07-29 00:00"), 2014) == 6_612_480
    assert tid.reserved_tid(at("2026-07-29 00:00"), 2014) == 6_612_481
    assert tid.reserved_tid(at("2026-07-29 23:59"), 2014) == 6_612_481
    assert tid.is_reserved(6_612_481)


def test_several_tokens_in_one_minute_take_the_next_free_minutes() -> None:
    now = at("2026-07-28 23:59")
    made = [tid.next_tid(now, 2014, None)]
    for _ in range(3):
        made.append(tid.next_tid(now, 2014, made[-1]))
    assert made == [6_612_479, 6_612_480, 6_612_482, 6_612_483]  # without 00:01


def test_a_clock_set_back_never_gives_an_older_identifier() -> None:
    last = tid.tid_at(at("2026-07-28 12:00"), 2014)
    assert tid.next_tid(at("2026-07-28 11:00"), 2014, last) == last + 1


def test_no_identifier_is_left_after_the_last_one() -> None:
    with pytest.raises(SaleError, match="BASE_DATE_ENDED"):
        tid.next_tid(at("2045-11-24 20:15"), 2014, tid.TID_MAX)


@pytest.mark.parametrize("last", [-1, tid.TID_MAX + 1])
def test_a_high_water_mark_that_is_no_identifier_is_refused(last: int) -> None:
    with pytest.raises(SaleError, match="TID_RANGE"):
        tid.next_tid(at("2026-07-28 11:00"), 2014, last)
    with pytest.raises(SaleError, match="TID_RANGE"):
        tid.time_of(last, 2014)


@given(ordinary_tids, st.sampled_from([1993, 2014, 2035]))
def test_time_and_identifier_are_inverse(number: int, base_date: int) -> None:
    assert tid.tid_at(tid.time_of(number, base_date), base_date) == number


@given(ordinary_tids, ordinary_tids)
def test_the_next_identifier_is_new_and_never_the_kept_one(now: int, last: int) -> None:
    if last == tid.TID_MAX:
        return
    made = tid.next_tid(tid.time_of(now, 2014), 2014, last)
    assert made >= now
    assert made > last
    assert not tid.is_reserved(made)


def test_a_group_may_count_in_its_own_time() -> None:
    johannesburg = timezone(timedelta(hours=2))
    moment = at("2026-07-28 22:30")
    local = tid.tid_at(moment, 2014, zone=johannesburg)
    assert local == tid.tid_at(moment, 2014) + 120
    assert tid.time_of(local, 2014, zone=johannesburg) == moment


def test_the_zone_of_the_moment_itself_changes_nothing() -> None:
    moment = at("2026-07-28 22:30")
    assert tid.tid_at(moment.astimezone(ZoneInfo("Africa/Nairobi")), 2014) == tid.tid_at(
        moment, 2014
    )


def test_a_local_rule_still_ends_with_its_own_last_minute() -> None:
    johannesburg = timezone(timedelta(hours=2))
    with pytest.raises(SaleError) as caught:
        tid.tid_at(at("2045-11-24 18:16"), 2014, zone=johannesburg)
    assert caught.value.params["ended"] == at("2045-11-24 18:15")


def test_an_expired_key_is_refused_from_its_first_minute() -> None:
    tid.check_ken(tid.tid_at(at("2024-09-18 22:55"), 2014), 85)
    with pytest.raises(SaleError) as caught:
        tid.check_ken(tid.tid_at(at("2024-09-18 22:56"), 2014), 85)
    assert caught.value.code == "KEY_EXPIRED"
    assert caught.value.params == {"ken": 85}


def test_255_switches_expiry_off() -> None:
    tid.check_ken(tid.TID_MAX, 255)
    with pytest.raises(SaleError, match="KEY_EXPIRED"):
        tid.check_ken(tid.TID_MAX, 254)


ODD_ZONES = ("America/Sao_Paulo", "Europe/London", "America/Caracas", "Africa/Khartoum")


@pytest.mark.parametrize("name", ODD_ZONES)
@given(ordinary_tids)
def test_minutes_are_those_of_the_wall_clock_whatever_the_zone_did_since(
    name: str, number: int
) -> None:
    zone = ZoneInfo(name)
    moment = tid.time_of(number, 2014, zone=zone)
    minutes = tid.minutes_at(moment, 2014, zone=zone)
    wall = moment.astimezone(zone).replace(tzinfo=None) - datetime(2014, 1, 1)
    assert minutes == wall // timedelta(minutes=1)
    if not tid.is_reserved(minutes):
        assert tid.tid_at(moment, 2014, zone=zone) == minutes


def test_minutes_go_below_the_base_date_and_beyond_its_end() -> None:
    assert tid.minutes_at(at("2013-12-31 23:59:30"), 2014) == -1
    assert tid.minutes_at(at("2045-11-24 20:16"), 2014) == tid.TID_MAX + 1


FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)


@pytest.mark.parametrize("hours", [-14, -1, 0, 1, 14])
def test_a_moment_at_the_calendars_edge_is_before_or_after_every_base_date(hours: int) -> None:
    own = timezone(timedelta(hours=hours))
    for base_date in LAST_MINUTES:
        for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
            with pytest.raises(SaleError, match="BASE_DATE_NOT_BEGUN"):
                tid.tid_at(FIRST.replace(tzinfo=own), base_date, zone=zone)
            with pytest.raises(SaleError, match="BASE_DATE_ENDED"):
                tid.next_tid(LAST.replace(tzinfo=own), base_date, None, zone=zone)


@pytest.mark.parametrize(
    ("name", "since", "fixed"),
    [
        ("UTC", 1993, True),
        ("Africa/Nairobi", 1993, True),
        ("Africa/Johannesburg", 1993, True),
        ("Europe/London", 1993, False),
        ("Africa/Casablanca", 1993, False),
        ("America/Caracas", 2014, False),
        ("America/Caracas", 2017, True),
    ],
)
def test_a_zone_that_changes_its_clocks_is_known(name: str, since: int, fixed: bool) -> None:
    assert tid.has_fixed_offset(ZoneInfo(name), since) is fixed
    assert tid.has_fixed_offset(timezone(timedelta(hours=3)))
