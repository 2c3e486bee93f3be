"""Meter numbers, receipt numbers, ids, energy, tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.customer import mask_name, phone_ends
from posapp.domain.digits import SEPARATORS, is_digits, joined
from posapp.domain.energy import parse_units, units_text
from posapp.domain.ids import ReceiptNumber, uuid7
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration, MeterNumber, luhn_digit
from posapp.domain.sale import Tender, TenderKind, TokenDigits
from posapp.errors import InputError


@pytest.mark.parametrize("text", ["45123098761", "4512 3098 761", "4512-3098-761", "0100000000008"])
def test_a_meter_number_ignores_its_grouping(text):
    assert MeterNumber.parse(text).digits == "".join(c for c in text if c.isdigit())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("12345678904", "METER_CHECK_DIGIT"),
        ("11111111113", "METER_CHECK_DIGIT"),
        ("4512309876", "METER_NUMBER_LENGTH"),
        ("4512309876l", "METER_NUMBER_LETTERS"),
        ("", "METER_NUMBER_LETTERS"),
        ("٤٥١٢٣٠٩٨٧٦١", "METER_NUMBER_LETTERS"),
    ],
)
def test_an_impossible_meter_number_says_why(text, code):
    with pytest.raises(InputError) as refusal:
        MeterNumber.parse(text)
    assert refusal.value.code == code


def test_numbers_are_grouped_for_eyes():
    assert MeterNumber("45123098761").grouped == "4512 3098 761"


@given(st.text("0123456789", min_size=10, max_size=10), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(body, place, offset):
    number = body + luhn_digit(body)
    wrong = number[:place] + str((int(number[place]) + offset) % 10) + number[place + 1 :]
    with pytest.raises(InputError):
        MeterNumber(wrong)


@given(st.integers(1, 9_999_999), st.sampled_from(["MM03", "A1Z9", "0000", "TILL"]))
def test_a_receipt_number_is_read_back_from_paper(number, till):
    receipt = ReceiptNumber(till, number)
    assert ReceiptNumber.parse(str(receipt)) == receipt
    assert ReceiptNumber.parse(str(receipt).replace("-", "").lower()) == receipt


@given(st.integers(1, 9_999_999), st.integers(0, 6), st.integers(1, 9))
def test_one_wrong_digit_of_a_receipt_number_is_found(number, place, offset):
    text = str(ReceiptNumber("MM03", number))
    at = 5 + place
    wrong = text[:at] + str((int(text[at]) + offset) % 10) + text[at + 1 :]
    with pytest.raises(InputError):
        ReceiptNumber.parse(wrong)


@given(st.integers(0, (1 << 48) - 1), st.binary(min_size=10, max_size=10))
def test_a_uuid7_has_its_version_and_sorts_by_time(at_ms, random):
    made = uuid7(at_ms, random)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert int.from_bytes(made.bytes[:6], "big") == at_ms


def test_energy_is_tenths():
    assert units_text(711) == "71.1"
    assert parse_units("71.1") == 711
    assert parse_units("71") == 710
    for text, code in (("x", "UNITS_LETTERS"), ("9999999.9", "UNITS_RANGE")):
        with pytest.raises(InputError) as refusal:
            parse_units(text)
        assert refusal.value.code == code


def test_the_repr_of_a_token_hides_it():
    token = TokenDigits("52601815908301661318")
    assert "5260" not in repr(token)
    assert token.groups == ("5260", "1815", "9083", "0166", "1318")
    with pytest.raises(InputError):
        TokenDigits("99999999999999999999")


def test_a_tender_without_cash_needs_its_reference():
    with pytest.raises(InputError) as refusal:
        Tender(TenderKind.MOBILE, 1000)
    assert refusal.value.code == "TENDER_REFERENCE_MISSING"
    assert Tender(TenderKind.MOBILE, 1000, "QK12").reference == "QK12"


def test_a_configuration_that_no_key_can_have_is_refused():
    with pytest.raises(InputError):
        MeterConfiguration(EncryptionAlgorithm.STA, "60072", 1, "01", 2014)
    with pytest.raises(InputError):
        MeterConfiguration(EncryptionAlgorithm.STA, "600727", 0, "01", 2014)
    with pytest.raises(InputError):
        MeterConfiguration(EncryptionAlgorithm.STA, "600727", 1, "01", 2020)


A_CONFIGURATION = MeterConfiguration(EncryptionAlgorithm.STA, "600727", 1, "01", 2014)


@pytest.mark.parametrize(
    "change",
    [
        {"ea": 7},
        {"kt": 3},
        {"krn": True},
        {"krn": 1.0},
        {"ken": 255.0},
        {"base_date": 2014.0},
        {"sgc": 600727},
        {"ti": 1},
        {"tct": 2.0},
        {"tct": 0},
        {"tct": 8},
        {"tct": 99},
    ],
)
def test_a_configuration_is_made_of_exact_types(change):
    with pytest.raises(InputError, match="METER_CONFIGURATION"):
        replace(A_CONFIGURATION, **change)


@pytest.mark.parametrize("tct", range(1, 8))
def test_every_token_carrier_of_the_standard_can_be_a_meters(tct):
    assert replace(A_CONFIGURATION, tct=tct).tct == tct


@pytest.mark.parametrize("separator", SEPARATORS)
def test_groups_may_be_parted_by_any_of_the_separators(separator):
    number = MeterNumber("58000079523")
    assert MeterNumber.parse(separator.join(["5800", "0079", "523"])) == number
    assert joined(f"{separator}1{separator}2") == "12"


def test_digits_are_those_of_ascii_and_nothing_else():
    assert [is_digits(text) for text in ("0", "0123456789", "", "²", "٣", "1 ", "-1", 1, None)] == [
        *(True, True),
        *[False] * 7,
    ]
    assert (is_digits("12", 2), is_digits("12", 3)) == (True, False)


def test_people_are_masked_on_paper():
    assert mask_name("Amina Wanjiru") == "A**** W******"
    assert phone_ends("+254 700 555 431") == "431"
    assert phone_ends("12") == ""
