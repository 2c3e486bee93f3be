"""The printed list of class 1: published digits, words that a site may edit."""

import pytest

from posapp import paths
from posapp.errors import InputError
from posapp.sts.meter_tests import MeterTest, read_tests
from tests.sts.test_sts_tokens import FIXED_LIST

SHIPPED = (paths.resources() / "sts" / "meter_tests.toml").read_text(encoding="utf-8")
ROW = '[[test]]\nnumber = 1\nbit = 0\ntext = "switch"\nconfirmed = true\n'


def test_the_shipped_list_has_the_published_digits_in_order() -> None:
    tests = read_tests(SHIPPED)
    assert [test.number for test in tests] == list(range(19))
    everything = tests[0]
    assert everything.two_digit_makes == "56493153725450313471"
    assert everything.four_digit_makes == "02305843005052951967"
    found = [(test.bit, test.two_digit_makes, test.four_digit_makes) for test in tests[1:]]
    assert found == FIXED_LIST


def test_what_one_source_says_is_marked() -> None:
    assert [test.number for test in read_tests(SHIPPED) if not test.confirmed] == list(
        range(11, 19)
    )


def test_a_site_may_write_its_own_words() -> None:
    (test,) = read_tests(ROW.replace("switch", "Umschalter prüfen"))
    assert test == MeterTest(1, 0, "Umschalter prüfen", True)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "test"),
        ("[[test", "test"),
        ("test = 1", "test"),
        ("test = []", "number"),
        (ROW + ROW, "number"),
        (ROW.replace("number = 1", "number = 64"), "number"),
        (ROW.replace("number = 1", "number = true"), "number"),
        (ROW.replace("bit = 0", "bit = 28"), "bit"),
        (ROW.replace("bit = 0", 'bit = "most"'), "bit"),
        (ROW.replace('"switch"', '" "'), "text"),
        (ROW.replace("confirmed = true", "confirmed = 1"), "confirmed"),
        (ROW.replace("confirmed = true", ""), "test"),
        (ROW + "colour = 1\n", "test"),
        ("#" * 70_000, "size"),
    ],
)
def test_a_list_with_a_mistake_is_refused(text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        read_tests(text)
    assert (caught.value.code, caught.value.params) == ("METER_TESTS", {"field": field})
