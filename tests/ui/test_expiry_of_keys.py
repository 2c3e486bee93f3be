"""STS 202-6: a key that ends is told at 30 days, at 7, at 1 and when it is over, by a clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ui_town import NOW, SITE, World, build_till, module_status

from posapp.ports import SupplyKey
from posapp.ui.expiry import expiry_of, next_expiry
from posapp.ui.module.notice import notice
from posapp.ui.status_words import chips

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def key(left: timedelta, krn: int = 1) -> SupplyKey:
    return SupplyKey("600727", krn, 2014, 255, 4, test=True, issue_until=NOW + left)


@pytest.mark.parametrize(
    ("left", "step", "days"),
    [
        (30 * DAY + SECOND, None, 0),
        (30 * DAY, 30, 30),
        (7 * DAY + SECOND, 30, 8),
        (7 * DAY, 7, 7),
        (1 * DAY + SECOND, 7, 2),
        (1 * DAY, 1, 1),
        (SECOND, 1, 1),
        (0 * DAY, 0, 0),
        (-SECOND, 0, 0),
        (-900 * DAY, 0, 0),
    ],
    ids=str,
)
def test_the_edges_of_the_warning(left, step, days):
    found = expiry_of(key(left), NOW)
    assert (found.step if found else None) == step
    if found is not None:
        assert found.days == days


def test_the_key_that_ends_first_is_told_and_one_that_is_over_no_more():
    world = World()
    world.module_facts = {"keys": (key(-DAY), key(20 * DAY, 2), key(5 * DAY, 3))}
    assert next_expiry(module_status(world), NOW).key.krn == 3
    world.module_facts = {"keys": (key(-DAY), key(90 * DAY, 2))}
    assert next_expiry(module_status(world), NOW) is None


@pytest.mark.parametrize(
    ("left", "state", "words", "on_the_sell_page"),
    [
        (31 * DAY, "ok", "Module ready", False),
        (30 * DAY, "warn", "Key ends in 30 days", False),
        (7 * DAY, "warn", "Key ends in 7 days", False),
        (DAY, "bad", "Key ends in 1 day", True),
    ],
    ids=str,
)
def test_the_strip_warns_and_on_the_last_day_the_sell_page_too(
    left, state, words, on_the_sell_page
):
    world = World()
    world.module_facts = {"keys": (key(left), key(900 * DAY, 2))}
    status = build_till(world).status()
    chip = chips(status, SITE, NOW)["module"]
    assert chip.state == state and chip.sentence.startswith(words)
    told = notice(status.module, None, SITE, NOW)
    assert (told is not None) == on_the_sell_page
    if told is not None:
        assert told.tone == "bad" and "SGC 600727 · KRN 1" in told.head


def test_time_passes_and_the_warning_comes_by_itself():
    world = World()
    world.module_facts = {"keys": (key(31 * DAY),)}
    status = module_status(world)
    seen = []
    for day in range(33):
        found = next_expiry(status, NOW + day * DAY)
        seen.append(found.step if found else None)
    assert seen == [None, *[30] * 23, *[7] * 6, 1, None, None]
