"""Number words, notes and coins, grouped digits: pure helpers of the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.money import CURRENCIES, currency
from posapp.ui import cash, spoken

KES = currency("KES")


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (170000, "one thousand seven hundred shillings"),
        (120500, "one thousand two hundred and five shillings"),
        (2150, "twenty-one shillings and fifty cents"),
        (100_000_000, "one million shillings"),
        (0, "zero shillings"),
    ],
)
def test_sums_are_read_aloud(amount, words):
    assert spoken.money_words(amount, KES) == words


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_every_number_has_words(number):
    assert spoken.number_words(number).replace("-", " ").replace(" ", "").isalpha()


@given(st.integers(min_value=1, max_value=10**9), st.sampled_from(sorted(CURRENCIES)))
def test_six_rising_suggestions_above_what_is_due(due, code):
    sums = cash.suggestions(due, currency(code))
    assert len(sums) == 6 and sums[0] > due
    assert list(sums) == sorted(set(sums))


def test_the_suggestions_of_the_picture():
    assert cash.suggestions(170000, KES) == (175000, 180000, 200000, 220000, 300000, 500000)


@given(st.integers(min_value=0, max_value=10**8))
def test_change_is_made_of_whole_pieces(amount):
    made = sum(face * count for face, count in cash.pieces(amount, KES))
    assert amount - made == amount % 100


def test_presets_are_six_for_every_currency():
    for code in CURRENCIES:
        assert len(cash.presets(currency(code))) == 6
