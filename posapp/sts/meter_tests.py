"""The fixed list of class 1 tokens: the same for every meter, so it may hang on a wall (6.2.3).

The digits follow from the standard; what a test does is text that a site may edit.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from posapp.errors import InputError
from posapp.sts.tokens import meter_test

_ALL = "all"
_CONTROL_BITS = {0: 36, 1: 28}  # by subclass: makers with two digits, makers with four
_TESTS_MAX = 64
_FILE_CHARACTERS_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class MeterTest:
    """One line of the list. `bit` is its place in the control field, None for all tests at once.

    `confirmed` is false where only one source says what the meter does. Raises InputError
    METER_TESTS(field).
    """

    number: int
    bit: int | None
    text: str
    confirmed: bool

    def __post_init__(self) -> None:
        checks = {
            "number": type(self.number) is int and 0 <= self.number < _TESTS_MAX,
            "bit": self.bit is None or (type(self.bit) is int and 0 <= self.bit < _CONTROL_BITS[1]),
            "text": isinstance(self.text, str) and 0 < len(self.text.strip()) <= 200,
            "confirmed": type(self.confirmed) is bool,
        }
        for name, right in checks.items():
            if not right:
                raise InputError("METER_TESTS", field=name)

    @property
    def two_digit_makes(self) -> str:
        """The token for meters whose manufacturer code has two digits (subclass 0)."""
        return self._token(0)

    @property
    def four_digit_makes(self) -> str:
        """The token for meters whose manufacturer code has four digits (subclass 1)."""
        return self._token(1)

    def _token(self, subclass: int) -> str:
        every = (1 << _CONTROL_BITS[subclass]) - 1
        return meter_test(subclass, every if self.bit is None else 1 << self.bit)


def read_tests(text: str) -> tuple[MeterTest, ...]:
    """The list of a TOML text with tables `[[test]]`, in its own order, each number once.

    Raises InputError METER_TESTS(field).
    """
    if len(text) > _FILE_CHARACTERS_MAX:
        raise InputError("METER_TESTS", field="size")
    try:
        rows = tomllib.loads(text)["test"]
        tests = tuple(_test(row) for row in rows)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        raise InputError("METER_TESTS", field="test") from None
    if not 0 < len(tests) <= _TESTS_MAX or len({test.number for test in tests}) != len(tests):
        raise InputError("METER_TESTS", field="number")
    return tests


def _test(row: dict[str, object]) -> MeterTest:
    values = dict(row)
    if values.get("bit") == _ALL:
        values["bit"] = None
    return MeterTest(**values)  # type: ignore[arg-type]  # the fields check themselves
