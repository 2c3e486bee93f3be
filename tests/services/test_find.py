"""Whatever names a meter finds it: its number, a padded barcode, its account number, its card."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.services.find import Find, QueryKind
from posapp.sts.card import MeterCard
from posapp.sts.numbers import pan
from tests.services.counter import furnish
from tests.stores import StoppedClock, a_meter_number, a_store

NUMBER = a_meter_number(1)
CLOCK = StoppedClock()


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Find]:
    store = a_store(tmp_path_factory.mktemp("till"))
    furnish(store, CLOCK)
    yield Find(store, CLOCK)
    store.close()


def a_card(months: int, number: MeterNumber = NUMBER) -> str:
    """The track of a card that ends that many months from now."""
    years, month = divmod(CLOCK.now().month - 1 + months, 12)
    expires = ((CLOCK.now().year + years) % 100, month + 1)
    return MeterCard(number, expires, 1, EncryptionAlgorithm.STA, "201457", "01", 1).track_2


@pytest.mark.parametrize(
    "text", [NUMBER.digits, "0" + NUMBER.digits, pan(NUMBER), f"]C1{a_card(3)}\r\n"[3:], a_card(0)]
)
def test_each_form_of_a_known_meter_goes_straight_on(find: Find, text: str) -> None:
    result = find(text)
    assert [hit.meter.number for hit in result.hits] == [NUMBER]
    assert result.complete
    assert result.problem == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (a_card(-1), "CARD_EXPIRED"),
        (a_card(3, a_meter_number(7_000)), "METER_NOT_FOUND"),
        (pan(a_meter_number(7_000)), "METER_NOT_FOUND"),
        (pan(NUMBER)[:-1] + str((int(pan(NUMBER)[-1]) + 1) % 10), "PAN_CHECK_DIGIT"),
        ("5862 5789 9869 9135 7486", "TOKEN_NOT_METER"),
        ("999999999999999", "NOT_FOUND"),
    ],
)
def test_what_cannot_be_sold_to_says_why(find: Find, text: str, problem: str) -> None:
    result = find(text)
    assert (result.hits, result.complete, result.problem) == ((), False, problem)


def test_two_digits_ask_for_more_and_blame_nothing(find: Find) -> None:
    result = find("12")
    assert (result.kind, result.problem) == (QueryKind.DIGITS, "")


def test_a_slip_in_the_number_offers_the_meters_that_exist(find: Find) -> None:
    digits = NUMBER.digits
    slip = digits[:4] + str((int(digits[4]) + 1) % 10) + digits[5:]
    result = find(slip)
    assert NUMBER in [hit.meter.number for hit in result.hits]
    assert result.problem == "METER_CHECK_DIGIT"
    assert not result.complete


def test_a_card_ends_by_the_shops_own_calendar(tmp_path: Path) -> None:
    """Nairobi is three hours ahead: its month ends while UTC still has the old one."""
    last = CLOCK.now().replace(day=28, hour=22)
    while (last + timedelta(days=1)).month == last.month:
        last += timedelta(days=1)
    for moment, problem in ((last - timedelta(hours=2), ""), (last, "CARD_EXPIRED")):
        clock = StoppedClock(moment)
        store = a_store(tmp_path / problem)
        furnish(store, clock)
        card = MeterCard(
            NUMBER, (last.year % 100, last.month), 1, EncryptionAlgorithm.STA, "201457", "01", 1
        )
        assert Find(store, clock)(card.track_2).problem == problem
        store.close()
