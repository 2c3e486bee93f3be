"""TIDs are given once: in order, by meter and base date, with the kept minute once a day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import MeterNumber
from posapp.errors import SaleError
from posapp.sts import tid
from posapp.sts.tid_book import KEPT, TidBook

METER, OTHER = MeterNumber("58000079523"), MeterNumber("0100000000008")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOON_TID = tid.tid_at(NOON, 2014)
MIDNIGHT = NOON.replace(hour=0)


def test_several_tokens_of_one_minute_take_the_next_free_minutes() -> None:
    book = TidBook()
    assert book.give(METER, 2014, NOON, 3) == (NOON_TID, NOON_TID + 1, NOON_TID + 2)
    assert book.give(METER, 2014, NOON) == (NOON_TID + 3,)
    assert book.high_water(METER, 2014) == NOON_TID + 3


def test_the_kept_minute_is_left_out() -> None:
    start = tid.reserved_tid(NOON, 2014) - 1
    assert TidBook().give(METER, 2014, MIDNIGHT, 3) == (start, start + 2, start + 3)


def test_each_meter_and_each_base_date_counts_for_itself() -> None:
    book = TidBook()
    book.give(METER, 2014, NOON, 5)
    assert book.give(OTHER, 2014, NOON) == (NOON_TID,)
    later = datetime(2036, 1, 1, 8, tzinfo=UTC)
    assert book.give(METER, 2035, later) == (tid.tid_at(later, 2035),)
    assert book.high_water(METER, 2014) == NOON_TID + 4
    assert book.high_water(OTHER, 1993) is None


def test_a_clock_set_back_never_repeats_a_number() -> None:
    book = TidBook()
    first = book.give(METER, 2014, NOON)
    assert book.give(METER, 2014, NOON - timedelta(days=400)) == (first[0] + 1,)


def test_the_special_token_of_a_day_is_given_once_whatever_was_sold_since() -> None:
    book = TidBook()
    book.give(METER, 2014, NOON, KEPT)
    assert book.give_reserved(METER, 2014, NOON) == tid.reserved_tid(NOON, 2014)
    for _ in range(3):
        book.give(METER, 2014, NOON, KEPT)
    with pytest.raises(SaleError, match="RESERVED_USED"):
        book.give_reserved(METER, 2014, NOON + timedelta(hours=5))
    tomorrow = NOON + timedelta(days=1)
    assert book.give_reserved(METER, 2014, tomorrow) == tid.reserved_tid(tomorrow, 2014)


def test_the_clock_rule_of_the_supply_group_decides_the_minute() -> None:
    nairobi = TidBook(zone=ZoneInfo("Africa/Nairobi"))
    assert nairobi.give(METER, 2014, NOON) == (NOON_TID + 180,)


@pytest.mark.parametrize("count", [0, KEPT + 1])
def test_a_count_beyond_a_meters_memory_is_refused(count: int) -> None:
    with pytest.raises(SaleError, match="TID_COUNT"):
        TidBook().give(METER, 2014, NOON, count)


def test_nothing_is_given_when_the_base_date_ends_half_way() -> None:
    book, last = TidBook(), tid.time_of(tid.TID_MAX, 2014)
    with pytest.raises(SaleError, match="BASE_DATE_ENDED"):
        book.give(METER, 2014, last, 2)
    assert book.given(METER, 2014) == ()
    assert book.give(METER, 2014, last) == (tid.TID_MAX,)


def test_what_is_no_tid_is_not_noted() -> None:
    with pytest.raises(SaleError, match="TID_RANGE"):
        TidBook().note(METER, 2014, (tid.TID_MAX + 1,))


moments = st.integers(0, 60 * 24 * 3).map(lambda m: NOON + timedelta(minutes=m))


@given(st.lists(st.tuples(moments, st.integers(1, 5)), max_size=40))
def test_ordinary_numbers_only_rise_and_never_take_the_kept_minute(
    asked: list[tuple[datetime, int]],
) -> None:
    book, made = TidBook(), list[int]()
    for moment, count in asked:
        made.extend(book.give(METER, 2014, moment, count))
    assert made == sorted(set(made))
    assert not any(map(tid.is_reserved, made))
    assert book.high_water(METER, 2014) == (made[-1] if made else None)


def test_an_old_special_token_is_not_given_again_after_many_days() -> None:
    book = TidBook()
    for day in range(KEPT + 1):
        book.give_reserved(METER, 2014, NOON + timedelta(days=day))
    for day in (0, 1, KEPT):  # forgotten, remembered, the newest
        with pytest.raises(SaleError, match="RESERVED_USED"):
            book.give_reserved(METER, 2014, NOON + timedelta(days=day))
    with pytest.raises(SaleError, match="RESERVED_USED"):
        book.give_reserved(METER, 2014, NOON - timedelta(days=9))


def test_a_day_left_out_can_still_have_its_special_token() -> None:
    book = TidBook()
    days = [day for day in range(KEPT) if day != 7]
    for day in days:
        book.give_reserved(METER, 2014, NOON + timedelta(days=day))
    book.give_reserved(METER, 2014, NOON + timedelta(days=7))
    assert len(book.given(METER, 2014)) == KEPT


days = st.integers(0, 90).map(lambda day: day * tid.MINUTES_PER_DAY + tid.RESERVED_MINUTE)


@given(st.lists(st.integers(0, 400), max_size=200), st.lists(days, max_size=90))
def test_the_largest_are_kept_each_once_in_whatever_order_they_come(
    minutes: list[int], reserved: list[int]
) -> None:
    book, noted = TidBook(), minutes + reserved
    book.note(METER, 2014, noted)
    wanted = [sorted({t for t in noted if tid.is_reserved(t) is kind}) for kind in (False, True)]
    kept = sorted(wanted[0][-KEPT:] + wanted[1][-KEPT:])
    assert book.given(METER, 2014) == tuple(kept)
    assert book.high_water(METER, 2014) == max(noted, default=None)


def test_exactly_as_many_as_a_meter_remembers_are_kept() -> None:
    book = TidBook()
    book.note(METER, 2014, range(100, 100 + KEPT + 5))
    book.note(METER, 2014, [100 + KEPT] * 3 * KEPT)  # the same again crowds nothing out
    assert book.given(METER, 2014) == tuple(range(105, 105 + KEPT))


def test_a_question_leaves_no_trace() -> None:
    book = TidBook()
    assert (book.high_water(METER, 2014), book.given(METER, 2014)) == (None, ())
    book.note(METER, 2014, ())
    with pytest.raises(SaleError, match="BASE_DATE_ENDED"):
        book.give(METER, 1993, NOON)
    assert len(book) == 0
    book.give(METER, 2014, NOON)
    assert len(book) == 1
    assert book.high_water(OTHER, 2014) is None


def test_one_wrong_number_among_right_ones_notes_none_of_them() -> None:
    book = TidBook()
    with pytest.raises(SaleError, match="TID_RANGE"):
        book.note(METER, 2014, (5, -1))
    assert len(book) == 0
