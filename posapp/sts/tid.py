"""Token identifiers: minutes since a base date, each used once a meter (IEC 62055-41 6.3.5).

The wall clock of one zone counts, UTC unless told otherwise, and all stations of a supply group
must use the same (one source). The sale path asks `next_tid`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from posapp.errors import SaleError

TID_MAX = 0xFF_FFFF
MINUTES_PER_DAY = 1440
RESERVED_MINUTE = 1  # 00:01 of every day is kept for one special token a day (6.3.5.2)
KEN_NEVER = 255  # a key expiry number that switches expiry off (6.5.2.6)
BASE_DATES = {year: datetime(year, 1, 1) for year in (1993, 2014, 2035)}  # wall clock, no zone
LAST_YEAR = 2066  # of the last base date
_MINUTE = timedelta(minutes=1)


def minutes_at(moment: datetime, base_date: int, *, zone: tzinfo = UTC) -> int:
    """Minutes on the zone's wall clock from the base date to an aware moment, rounded down.

    Negative before the base date begins, above TID_MAX after it has ended. A moment that the
    zone's calendar cannot hold, in the years 1 and 9999, counts as that calendar's edge.
    Raises SaleError BASE_DATE_UNKNOWN, ValueError for a moment without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    if base_date not in BASE_DATES:
        raise SaleError("BASE_DATE_UNKNOWN", base_date=base_date)
    try:
        wall = moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        wall = datetime.min if moment.year == 1 else datetime.max
    return (wall - BASE_DATES[base_date]) // _MINUTE


def has_fixed_offset(zone: tzinfo, since_year: int = min(BASE_DATES)) -> bool:
    """Whether a zone's clocks never change from a year (1993..2066) to the last base date's end.

    Where they do, an hour of minutes comes twice and an hour never, and the TIDs of a group that
    counts in this zone with them: tokens sold in the second of the two hours get the next free
    minutes. That is legal, so nothing here refuses it; whoever chooses a zone should know it.
    """
    days = (LAST_YEAR + 1 - since_year) * 365
    first = datetime(since_year, 1, 1)
    offsets = {zone.utcoffset(first + timedelta(days=day)) for day in range(0, days, 7)}
    return len(offsets) == 1


def _begun_minutes(moment: datetime, base_date: int, zone: tzinfo) -> int:
    minutes = minutes_at(moment, base_date, zone=zone)
    if minutes < 0:
        start = begins(base_date, zone=zone)
        raise SaleError("BASE_DATE_NOT_BEGUN", base_date=base_date, begins=start)
    return minutes


def begins(base_date: int, *, zone: tzinfo = UTC) -> datetime:
    """The first moment of a base date, in UTC. Raises SaleError BASE_DATE_UNKNOWN."""
    if base_date not in BASE_DATES:
        raise SaleError("BASE_DATE_UNKNOWN", base_date=base_date)
    return _aware(BASE_DATES[base_date], zone)


def _aware(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _checked(tid: int, base_date: int, zone: tzinfo) -> int:
    """`tid` when the base date still has it. Wrapping is never right: it would be an old token."""
    if tid > TID_MAX:
        ended = time_of(TID_MAX, base_date, zone=zone)
        raise SaleError("BASE_DATE_ENDED", base_date=base_date, ended=ended)
    return tid


def _ordinary(tid: int) -> int:
    return tid + 1 if tid % MINUTES_PER_DAY == RESERVED_MINUTE else tid


def tid_at(moment: datetime, base_date: int, *, zone: tzinfo = UTC) -> int:
    """The TID (0..TID_MAX) of an ordinary token issued at an aware moment (6.3.5.1).

    The reserved minute 00:01 gives the TID of 00:02. Raises SaleError BASE_DATE_UNKNOWN,
    BASE_DATE_NOT_BEGUN(base_date, begins), and after its last minute
    BASE_DATE_ENDED(base_date, ended): the meter needs a key change to a later base date first.
    """
    return _checked(_ordinary(_begun_minutes(moment, base_date, zone)), base_date, zone)


def reserved_tid(moment: datetime, base_date: int, *, zone: tzinfo = UTC) -> int:
    """The special reserved TID, 00:01, of the moment's day (6.3.5.2). Raises like `tid_at`."""
    minutes = _begun_minutes(moment, base_date, zone)
    return _checked(minutes - minutes % MINUTES_PER_DAY + RESERVED_MINUTE, base_date, zone)


def is_reserved(tid: int) -> bool:
    """Whether a TID is the 00:01 of its day; base dates begin at 00:00."""
    return tid % MINUTES_PER_DAY == RESERVED_MINUTE


def next_tid(moment: datetime, base_date: int, last: int | None, *, zone: tzinfo = UTC) -> int:
    """The TID for the next ordinary token of one meter: the minute of now, or `last` + 1.

    `last` is the highest ordinary or reserved TID ever given to this (meter, base date), None
    if there is none; the answer is above it even when the clock was set back. Raises like
    `tid_at`, and SaleError TID_RANGE when `last` is no TID.
    """
    now = tid_at(moment, base_date, zone=zone)
    if last is None:
        return now
    check_tid(last)
    return _checked(max(now, _ordinary(last + 1)), base_date, zone)


def time_of(tid: int, base_date: int, *, zone: tzinfo = UTC) -> datetime:
    """The minute a TID stands for, aware and in UTC. Raises SaleError TID_RANGE."""
    check_tid(tid)
    if base_date not in BASE_DATES:
        raise SaleError("BASE_DATE_UNKNOWN", base_date=base_date)
    return _aware(BASE_DATES[base_date] + tid * _MINUTE, zone)


def check_tid(tid: int) -> None:
    """Refuse what is no TID: SaleError TID_RANGE(tid, maximum)."""
    if not 0 <= tid <= TID_MAX:
        raise SaleError("TID_RANGE", tid=tid, maximum=TID_MAX)


def is_expired(tid: int, ken: int) -> bool:
    """Whether a key with this KEN (0..255) may no longer be used at `tid` (6.5.2.6)."""
    return ken != KEN_NEVER and tid >> 16 > ken


def check_ken(tid: int, ken: int) -> None:
    """Refuse a token under an expired vending key: SaleError KEY_EXPIRED(ken)."""
    if is_expired(tid, ken):
        raise SaleError("KEY_EXPIRED", ken=ken)
