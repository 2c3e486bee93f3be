"""Money as typed, kept and shown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.money import (
    AMOUNT_MINOR_MAX,
    CURRENCIES,
    amount_text,
    currency,
    money_text,
    parse_amount,
    round_minor,
)
from posapp.errors import InputError

KES, UGX, TND = currency("KES"), currency("UGX"), currency("TND")


@pytest.mark.parametrize(
    ("text", "unit", "minor"),
    [
        ("1700", KES, 170_000),
        ("1,700.50", KES, 170_050),
        ("1700,5", KES, 170_050),
        (" 1 700 ", KES, 170_000),
        (".5", KES, 50),
        ("20000", UGX, 20_000),
        ("1.250", TND, 1_250),
    ],
)
def test_an_amount_is_read_as_a_person_means_it(text, unit, minor):
    assert parse_amount(text, unit) == minor


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [
        ("12a", KES, "AMOUNT_LETTERS"),
        ("", KES, "AMOUNT_LETTERS"),
        (".", KES, "AMOUNT_LETTERS"),
        ("-5", KES, "AMOUNT_LETTERS"),
        ("١٢", KES, "AMOUNT_LETTERS"),
        ("1.234", KES, "AMOUNT_DECIMALS"),
        ("1.5", UGX, "AMOUNT_DECIMALS"),
        ("99999999999999", KES, "AMOUNT_TOO_LARGE"),
        ("9" * 30, KES, "AMOUNT_TOO_LARGE"),
    ],
)
def test_an_amount_that_means_nothing_is_refused(text, unit, code):
    with pytest.raises(InputError) as refusal:
        parse_amount(text, unit)
    assert refusal.value.code == code


@given(st.integers(0, AMOUNT_MINOR_MAX), st.sampled_from(sorted(CURRENCIES)))
def test_what_is_shown_is_read_back_to_the_same_amount(minor, code):
    unit = currency(code)
    assert parse_amount(amount_text(minor, unit), unit) == minor


def test_money_has_one_sign_and_a_real_minus():
    assert money_text(170_000, KES) == "KSh 1,700.00"
    assert amount_text(-5_000, KES) == "\u221250.00"
    assert amount_text(20_000, UGX) == "20,000"


def test_halves_go_up():
    assert round_minor(Decimal("10.5")) == 11
    assert round_minor(Decimal("10.4999")) == 10


def test_an_unknown_currency_is_refused():
    with pytest.raises(InputError) as refusal:
        currency("XXX")
    assert refusal.value.code == "CURRENCY_INVALID"
