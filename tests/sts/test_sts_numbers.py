"""Meter numbers, account numbers and what a slip of the finger offers (6.1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.errors import InputError
from posapp.sts import numbers

bodies = st.one_of(
    st.text("0123456789", min_size=10, max_size=10), st.text("0123456789", min_size=12, max_size=12)
)


@pytest.mark.parametrize(
    ("drn", "pan"),
    [
        ("00000000000", "600727000000000009"),
        ("0100000000008", "000001000000000082"),
        ("11111111115", "600727111111111153"),
        ("58000079523", "600727580000795237"),
    ],
)
def test_the_published_account_numbers_come_out(drn: str, pan: str) -> None:
    assert numbers.pan(MeterNumber(drn)) == pan
    assert numbers.parse_pan(pan) == MeterNumber(drn)


@pytest.mark.parametrize("drn", ["12345678904", "11111111113"])
def test_a_number_with_a_wrong_check_digit_is_refused(drn: str) -> None:
    with pytest.raises(InputError, match="METER_CHECK_DIGIT"):
        MeterNumber(drn)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("60072700000000000", "PAN_FORM"),
        ("60072700000000000x", "PAN_FORM"),
        ("٦٠٠٧٢٧٠٠٠٠٠٠٠٠٠٠٠٩", "PAN_FORM"),
        ("500727000000000009", "PAN_ISSUER"),
        ("600727000000000008", "PAN_CHECK_DIGIT"),
        ("600727000000000017", "METER_CHECK_DIGIT"),
    ],
)
def test_each_mistake_in_an_account_number_has_its_own_code(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        numbers.parse_pan(text)
    assert caught.value.code == code


def test_groups_in_an_account_number_are_ignored() -> None:
    assert numbers.parse_pan("6007 2700 0000 0000 09") == MeterNumber("00000000000")


def test_the_makers_code_has_two_or_four_digits() -> None:
    assert numbers.maker(MeterNumber("58000079523")) == "58"
    assert numbers.maker(MeterNumber("0100000000008")) == "0100"


@given(bodies)
def test_every_meter_comes_back_from_its_account_number(body: str) -> None:
    number = MeterNumber(body + luhn_digit(body))
    assert numbers.parse_pan(numbers.pan(number)) == number


@given(bodies, st.integers(0, 12), st.integers(1, 9))
def test_a_wrong_digit_offers_the_right_number(body: str, place: int, shift: int) -> None:
    right = body + luhn_digit(body)
    place %= len(right)
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    assert right in numbers.valid_neighbours(wrong)


@given(bodies, st.integers(0, 11))
def test_a_swap_offers_the_right_number(body: str, place: int) -> None:
    right = body + luhn_digit(body)
    place %= len(right) - 1
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    if wrong != right:
        assert right in numbers.valid_neighbours(wrong)


@given(bodies)
def test_every_offered_number_is_valid_and_another(body: str) -> None:
    text = body + "7"
    offered = numbers.valid_neighbours(text)
    assert text not in offered
    assert len(set(offered)) == len(offered)
    for number in offered:
        MeterNumber(number)


def test_nothing_is_offered_for_what_is_no_number() -> None:
    assert numbers.valid_neighbours("1234") == ()
    assert numbers.valid_neighbours("1234567890x") == ()


def test_the_check_digit_agrees_with_its_description() -> None:
    """From the right, double the 1st, 3rd, 5th digit; subtract 9 above 9; sum; ten's complement."""
    for body in ("7992739871", "0", "9999999999", "1234567890"):
        total = 0
        for place, char in enumerate(reversed(body)):
            digit = int(char) * (2 if place % 2 == 0 else 1)
            total += digit - 9 if digit > 9 else digit
        assert luhn_digit(body) == str((10 - total % 10) % 10)


def test_a_slip_in_an_account_number_offers_only_ones_whose_both_check_digits_fit() -> None:
    right = "600727580000795237"
    for wrong in (right[:9] + "1" + right[10:], "607027580000795237"):
        offered = numbers.valid_neighbours(wrong)
        assert right in offered
        for pan in offered:
            numbers.parse_pan(pan)
