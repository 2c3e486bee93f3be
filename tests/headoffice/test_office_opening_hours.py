"""Opening hours as people say them come out as minutes of the week in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.errors import InputError
from posapp.headoffice.opening_hours import DAYS, parse
from posapp.wire.authorisation import MINUTES_A_WEEK

WINTER = datetime(2026, 11, 20, 9, tzinfo=UTC)
NAIROBI = WINTER.astimezone(ZoneInfo("Africa/Nairobi"))  # three hours ahead
NEW_YORK = WINTER.astimezone(ZoneInfo("America/New_York"))  # five behind


def test_days_and_hours_are_those_of_the_zone():
    assert parse(["mon=07:00-18:00"], WINTER) == ((420, 1080),)
    assert parse(["mon=07:00-18:00"], NAIROBI) == ((240, 900),)
    assert parse(["mon=07:00-18:00"], NEW_YORK) == ((720, 1380),)


def test_a_day_that_the_zone_cuts_goes_on_at_the_weeks_other_end():
    assert parse(["mon=00:00-24:00"], NAIROBI) == (
        (0, 1260),
        (MINUTES_A_WEEK - 180, MINUTES_A_WEEK),
    )
    assert parse(["sun=20:00-24:00"], NEW_YORK) == ((60, 300),)


def test_ranges_of_days_may_wrap_and_touching_days_are_one_opening():
    assert parse(["sat-mon=00:00-24:00"], WINTER) == ((0, 1440), (5 * 1440, MINUTES_A_WEEK))
    assert parse(["mon-sun=00:00-24:00"], NAIROBI) == ((0, MINUTES_A_WEEK),)
    assert len(parse(["mon-fri=07:00-18:00", "sat=08:00-12:00"], WINTER)) == 6
    assert parse(["mon=07:00-12:00", "mon=11:00-13:00"], WINTER) == ((420, 780),)


@pytest.mark.parametrize(
    "text",
    ["", "mon", "mon=7:00-18:00", "mon=18:00-07:00", "mon=07:00-07:00", "mon=07:60-08:00",
     "mon=07:00-24:01", "day=07:00-18:00", "mon-day=07:00-18:00", "mon-fri=07:00-18:00,sat"],
)  # fmt: skip
def test_what_is_none_is_refused(text):
    with pytest.raises(InputError, match="OPENING_HOURS"):
        parse([text], WINTER)


def test_more_openings_than_a_document_holds_are_refused():
    texts = [f"mon-sun={h:02d}:00-{h:02d}:30" for h in range(0, 24, 3)]
    with pytest.raises(InputError, match="OPENING_HOURS"):
        parse(texts, WINTER)


@given(st.sampled_from(DAYS), st.integers(0, 1438), st.integers(1, 1440), st.integers(-14, 14))
def test_every_minute_of_an_opening_is_in_and_no_other(day, start, length, offset):
    end = min(start + length, 1440)
    local = WINTER.astimezone(ZoneInfo("UTC"))
    shifted = local.astimezone(ZoneInfo(f"Etc/GMT{-offset:+d}")) if abs(offset) <= 12 else local
    text = f"{day}={start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"
    found = parse([text], shifted)
    minutes = sum(last - first for first, last in found)
    assert minutes == end - start
    behind = int((shifted.utcoffset() or timedelta()).total_seconds()) // 60
    first = (DAYS.index(day) * 1440 + start - behind) % MINUTES_A_WEEK
    assert any(a <= first < b for a, b in found)
