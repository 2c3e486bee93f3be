"""Meter cards, padded barcodes and account numbers all name one meter; damaged ones name none."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.meter import EncryptionAlgorithm, MeterNumber, luhn_digit
from posapp.errors import InputError, SaleError
from posapp.sts.card import MeterCard, is_card, parse_card
from posapp.sts.scan import Form, Scan, read_scan

NUMBER = MeterNumber("58000079523")
RECORD = "600727580000795237" + "2611" + "02" + "07" + "201457" + "01" + "1"
TRACK = ";600727580000795237=26110207201457011?"
CARD = MeterCard(NUMBER, (26, 11), 2, EncryptionAlgorithm.STA, "201457", "01", 1)


@pytest.mark.parametrize("text", [RECORD, TRACK, TRACK[1:], TRACK[1:-1], TRACK + "7"])
def test_a_record_of_35_digits_and_its_track_say_the_same(text: str) -> None:
    card = parse_card(text)
    assert card == CARD
    assert card.raw == text
    assert (card.digits, card.track_2) == (RECORD, TRACK)
    assert len(RECORD) == 35


@given(
    st.text("0123456789", min_size=12, max_size=12),
    st.none() | st.tuples(st.integers(0, 99), st.integers(1, 12)).filter(any),
    st.integers(1, 7),
    st.sampled_from(EncryptionAlgorithm),
    st.text("0123456789", min_size=6, max_size=6),
    st.text("0123456789", min_size=2, max_size=2),
    st.integers(1, 9),
)
def test_every_card_comes_back(
    body: str,
    expires: tuple[int, int] | None,
    tct: int,
    ea: EncryptionAlgorithm,
    sgc: str,
    ti: str,
    krn: int,
) -> None:
    card = MeterCard(MeterNumber(body + luhn_digit(body)), expires, tct, ea, sgc, ti, krn)
    assert parse_card(card.digits) == card
    assert parse_card(card.track_2) == card
    assert read_scan(card.track_2).card == card


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "CARD_FORM"),
        (RECORD[:-1], "CARD_FORM"),
        (RECORD + "1", "CARD_FORM"),
        (RECORD.replace("6", "६"), "CARD_FORM"),
        (TRACK.replace("=", "D"), "CARD_FORM"),
        ("1" + RECORD[1:], "PAN_ISSUER"),
        (RECORD[:17] + "8" + RECORD[18:], "PAN_CHECK_DIGIT"),
        (RECORD[:18] + "2613" + RECORD[22:], "CARD_FIELD"),
        (RECORD[:18] + "2600" + RECORD[22:], "CARD_FIELD"),
        (RECORD[:22] + "00" + RECORD[24:], "CARD_FIELD"),
        (RECORD[:22] + "08" + RECORD[24:], "CARD_FIELD"),
        (RECORD[:24] + "09" + RECORD[26:], "EA_UNKNOWN"),
        (RECORD[:-1] + "0", "CARD_FIELD"),
    ],
)
def test_a_damaged_card_names_its_fault(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_card(text)
    assert caught.value.code == code


def test_a_card_is_good_to_the_last_day_of_its_month() -> None:
    CARD.check_expiry(date(2026, 11, 30))
    with pytest.raises(SaleError) as caught:
        CARD.check_expiry(date(2026, 12, 1))
    assert caught.value.code == "CARD_EXPIRED"
    assert caught.value.params == {"year": 2026, "month": 11}


@pytest.mark.parametrize(
    ("year", "today", "good"),
    [
        (99, date(2026, 1, 1), False),  # 1999
        (75, date(2026, 1, 1), True),  # 2075
        (77, date(2026, 1, 1), False),  # 1977
        (1, date(2099, 1, 1), True),  # 2101
        (0, date(2099, 12, 31), True),  # 2100
    ],
)
def test_the_century_is_the_nearest_one(year: int, today: date, good: bool) -> None:
    card = MeterCard(NUMBER, (year, 6), 2, EncryptionAlgorithm.STA, "201457", "01", 1)
    if good:
        card.check_expiry(today)
    else:
        with pytest.raises(SaleError, match="CARD_EXPIRED"):
            card.check_expiry(today)


def test_a_card_without_an_expiry_never_expires() -> None:
    card = parse_card(RECORD[:18] + "0000" + RECORD[22:])
    assert card.expires is None
    card.check_expiry(date(2099, 1, 1))


# ---------------------------------------------------------------- whatever a scanner sends


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("58000079523", Form.DRN),
        ("5800 0079 523\r\n", Form.DRN),
        ("058000079523", Form.DRN_PADDED),
        ("]C158000079523", Form.DRN),
        ("]I0058000079523\r", Form.DRN_PADDED),
        ("600727580000795237", Form.PAN),
        ("6007 2758 0000 7952 37", Form.PAN),
        (RECORD, Form.CARD),
        (TRACK + "\r\n", Form.CARD),
    ],
)
def test_every_form_of_a_meter_names_it(text: str, form: Form) -> None:
    scan = read_scan(text)
    assert (scan.form, scan.number) == (form, NUMBER)
    assert (scan.card is not None) == (form is Form.CARD)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("58625789986991357486", Form.TOKEN),
        ("5862 5789 9869 9135 7486", Form.TOKEN),
        ("254712345678", Form.OTHER),  # a phone
        ("025471234567", Form.OTHER),
        ("158000079523", Form.OTHER),  # twelve digits, and no zero in front
        ("Amina", Form.OTHER),
        ("٥٨٠٠٠٠٧٩٥٢٣", Form.OTHER),
        ("", Form.OTHER),
    ],
)
def test_what_is_no_meter_names_none(text: str, form: Form) -> None:
    assert read_scan(text) == Scan(form)


def test_a_long_number_may_be_padded_too() -> None:
    assert read_scan("00100000000008").number == MeterNumber("0100000000008")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("58000079524", "METER_CHECK_DIGIT"),
        ("600727580000795238", "PAN_CHECK_DIGIT"),
        ("500727580000795237", "PAN_ISSUER"),
    ],
)
def test_wrong_digits_of_a_clear_form_are_told(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scan(text)
    assert caught.value.code == code


@given(st.text(max_size=60) | st.text("0123456789=;? ", max_size=45))
def test_whatever_is_scanned_is_read_or_refused_by_code(text: str) -> None:
    try:
        scan = read_scan(text)
    except InputError:
        return
    assert (scan.number is None) == (scan.form in (Form.TOKEN, Form.OTHER))
    assert is_card(text.strip()) == (scan.card is not None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tct", 0),
        ("tct", 8),
        ("tct", True),
        ("krn", 1.0),
        ("ea", 7),
        ("sgc", 201457),
        ("ti", None),
        ("expires", (26.0, 11)),
    ],
)
def test_a_card_is_made_of_exact_types(field: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        replace(CARD, **{field: value})  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.params) == ("CARD_FIELD", {"field": field})
