"""Opening hours as people say them, to minutes of the week in UTC as an authorisation has them.

A zone with summer time moves by an hour against UTC: the next authorisation follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from posapp.errors import InputError
from posapp.wire.authorisation import MINUTES_A_WEEK, OPENINGS_MAX

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_FORM = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?=(\d\d):(\d\d)-(\d\d):(\d\d)")


def parse(texts: Sequence[str], local_now: datetime) -> tuple[tuple[int, int], ...]:
    """The openings of texts like `mon-fri=07:00-18:00` in the zone of `local_now`.

    24:00 ends a day; days may wrap (`sat-mon`). Overlaps are joined. Raises InputError
    OPENING_HOURS(text).
    """
    offset = local_now.utcoffset()
    if offset is None:
        raise ValueError("a time with its zone")
    shift = int(offset.total_seconds()) // 60
    local = [span for text in texts for span in _spans(text)]
    joined = _join(part for span in local for part in _turned(span, -shift))
    if len(joined) > OPENINGS_MAX:
        raise InputError("OPENING_HOURS", text=f"{len(joined)} openings")
    return joined


def _spans(text: str) -> list[tuple[int, int]]:
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise InputError("OPENING_HOURS", text=text[:40])
    first, last = match.group(1), match.group(2) or match.group(1)
    hours = [int(part) for part in match.groups()[2:]]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    right = hours[1] < 60 and hours[3] < 60 and start < end <= _DAY
    if first not in DAYS or last not in DAYS or not right:
        raise InputError("OPENING_HOURS", text=text[:40])
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % 7 + 1
    days = [(begin + n) % 7 for n in range(count)]
    return [(day * _DAY + start, day * _DAY + end) for day in days]


def _turned(span: tuple[int, int], shift: int) -> list[tuple[int, int]]:
    """A span moved round the week, in two parts when the week's end cuts it."""
    start = (span[0] + shift) % MINUTES_A_WEEK
    end = start + span[1] - span[0]
    if end <= MINUTES_A_WEEK:
        return [(start, end)]
    return [(start, MINUTES_A_WEEK), (0, end - MINUTES_A_WEEK)]


def _join(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
