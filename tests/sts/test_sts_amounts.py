"""Amount fields: exact at every boundary, never against the customer (6.3.6)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.errors import SaleError
from posapp.sts import amounts


@pytest.mark.parametrize(
    ("units", "field"),
    [
        (0, 0x0000),
        (1, 0x0001),
        (16_383, 0x3FFF),
        (16_384, 0x4000),
        (18_974, 0x4103),
        (180_214, 0x7FFF),
        (180_215, 0x8000),
        (180_224, 0x8000),
        (1_818_524, 0xBFFF),
        (1_818_525, 0xC000),
        (1_818_624, 0xC000),
        (18_201_624, 0xFFFF),
    ],
)
def test_units_at_the_boundaries_have_their_published_fields(units: int, field: int) -> None:
    assert amounts.encode_units(units) == field


def test_all_fields_mean_something_and_come_back() -> None:
    values = [amounts.decode_units(field) for field in range(1 << 16)]
    assert [amounts.encode_units(v) for v in values] == list(range(1 << 16))
    assert values == sorted(set(values))


@given(st.integers(0, amounts.UNITS_MAX))
def test_the_customer_never_gets_less_and_less_than_a_step_more(units: int) -> None:
    field = amounts.encode_units(units)
    step = 10 ** (field >> 14)
    assert units <= amounts.decode_units(field) < units + step


@pytest.mark.parametrize("units", [-1, amounts.UNITS_MAX + 1])
def test_what_no_field_can_hold_is_refused(units: int) -> None:
    with pytest.raises(SaleError) as caught:
        amounts.encode_units(units)
    assert caught.value.code == "TOKEN_UNITS_RANGE"
    assert caught.value.params["maximum"] == 18_201_624


@pytest.mark.parametrize(
    ("amount", "field", "s_and_e", "carried"),
    [
        ("1", 0x60AA, 0, "1.00004"),
        ("16383", 0x78E3, 1, "16383.42624"),
        ("180224", 0xBF4A, 1, "180224.42624"),
        ("-1", 0x60A9, 8, "-0.99994"),
        ("100", 0xDFF6, 0, "100.00624"),
        ("-180224", 0xBF49, 9, "-180214.42624"),
    ],
)
def test_published_currency_amounts(amount: str, field: int, s_and_e: int, carried: str) -> None:
    units = amounts.whole_units(Decimal(amount), amounts.UNITS_PER_CURRENCY)
    assert amounts.encode_currency(units) == (s_and_e, field)
    assert Decimal(amounts.decode_currency(s_and_e, field)) / 100_000 == Decimal(carried)


@given(st.integers(-amounts.CURRENCY_MAX, amounts.CURRENCY_MAX))
def test_currency_favours_the_customer_on_both_sides_of_zero(units: int) -> None:
    s_and_e, field = amounts.encode_currency(units)
    assert 0 <= s_and_e <= 15
    assert 0 <= field <= 0xFFFF
    carried = amounts.decode_currency(s_and_e, field)
    exponent = (s_and_e & 7) << 2 | field >> 14
    assert units <= carried < units + 10 ** (exponent + 1)
    assert carried * units >= 0


@given(st.integers(0, 15), st.integers(0, 0xFFFF))
def test_every_currency_field_comes_back(s_and_e: int, field: int) -> None:
    if (s_and_e, field) == (8, 0):  # minus nothing is nothing
        assert amounts.encode_currency(0) == (0, 0)
        return
    units = amounts.decode_currency(s_and_e, field)
    assert amounts.encode_currency(units) == (s_and_e, field)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_currency_amount_beyond_the_field_is_refused(sign: int) -> None:
    with pytest.raises(SaleError, match="TOKEN_UNITS_RANGE"):
        amounts.encode_currency(sign * (amounts.CURRENCY_MAX + 1))


@pytest.mark.parametrize(
    ("amount", "units"),
    [("1897.345", 18_974), ("25.6", 256), ("0.1", 1), ("0.01", 1), ("0", 0), ("-0.19", -1)],
)
def test_decimal_amounts_are_rounded_up_exactly(amount: str, units: int) -> None:
    assert amounts.whole_units(Decimal(amount), amounts.UNITS_PER_KWH) == units


def test_forty_digits_are_not_rounded_by_the_decimal_context() -> None:
    amount = Decimal("182044444444444444444444442624.00001")
    units = amounts.whole_units(amount, amounts.UNITS_PER_CURRENCY)
    assert units == 18_204_444_444_444_444_444_444_444_262_400_001
