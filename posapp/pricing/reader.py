"""Reads the fields of one TOML table and says of a wrong one where it is and what belongs there.

Nothing about tariffs is known here; `pack` says which fields there are.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from posapp.errors import InputError
from posapp.pricing.places import Path, find_places

TEXT_MAX = 400  # characters of a name or a source: it must fit on paper
NUMBER_MAX = Decimal(10) ** 12  # above this a price, a fee or an amount is a typing mistake
DECIMALS_MAX = 10  # digits after the point that any published rate needs
SHOWN_MAX = 80  # characters of what was found: enough to know it again
NOTHING = "nothing"  # what was found where a field is missing

_HINT = "TOML: one `name = value` a line, text in quotes, a decimal point in numbers"
_DATE = r"(\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}[/.-]\d{1,2}[/.-]\d{1,2})"
# What a line most likely suffers from, by how it looks; the first that fits is said.
_HINTS = (
    (r"^\[\[\w+\]\]$", "TOML: a ] at the end of the list before"),
    (r"^\[", "TOML: two brackets on each side of every [[component]] and [[example]]"),
    (r"[\u201c\u201d\u2018\u2019]", 'TOML: straight quotes, "like these"'),
    (r"\d\s*%", "TOML: a percentage as a number alone, without its sign"),
    (r"=\s*" + _DATE, "TOML: a date as year-month-day, like 2025-07-01"),
    (r"\d,\d", "TOML: a decimal point in numbers, and nothing between thousands"),
    (r"\d (\d|[A-Za-z])", "TOML: a number alone, without spaces or a unit, or a comma is missing"),
    (r"=\s*$", "TOML: a value behind the = on the same line"),
    (r"[{,]\s*[\w-]+ [\w-]+\s*=", "TOML: a name with a space in quotes"),
    (r"=\s*[A-Za-z]", "TOML: text in quotes, numbers without quotes or anything else"),
    (r"^\{", "TOML: commas between the rows of a list and within a row"),
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong field: its line (1-based), its name in the file and what belongs there."""

    line: int
    field: str
    expected: str
    found: str = ""

    def error(self, name: str) -> InputError:
        """As InputError TARIFF_INVALID of the file `name`."""
        return InputError(
            "TARIFF_INVALID",
            file=name,
            line=self.line,
            field=self.field,
            expected=self.expected,
            found=self.found,
        )


class MistakeError(Exception):
    """Carries a Mistake from the field to the loader; never leaves this package."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake)
        self.mistake = mistake


def parse(text: str) -> Table:
    """The top table of a TOML text. Raises MistakeError when it is no TOML."""
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:  # TOMLDecodeError, or a date that is none (2025-13-01)
        raise MistakeError(_syntax(str(error), text)) from None
    return Table(values, find_places(text), ())


def _syntax(reason: str, text: str) -> Mistake:
    lines = text.splitlines()
    where = re.search(r"at line (\d+)", reason)
    number = int(where.group(1)) if where else max(1, len(lines))
    line = lines[number - 1].strip() if number <= len(lines) else ""
    key = re.match(r"[A-Za-z0-9_.-]+(?=\s*=)", line)
    if "overwrite" in reason or "declare" in reason:
        hint = "each name once in a table"
        if line.startswith("["):
            hint = "each name once, and two brackets on each side of every [[component]]"
    elif "Unclosed array" in reason:
        hint = "TOML: a comma after each row of the list before, and ] at its end"
    else:
        written = re.sub(r"\s*#.*", "", line)
        hint = next((hint for looks, hint in _HINTS if re.search(looks, written)), _HINT)
    return Mistake(number, key.group() if key else "", hint, line[:SHOWN_MAX])


class Table:
    """One table of the file. Every getter raises MistakeError for a value that does not fit."""

    def __init__(self, values: dict[str, Any], places: dict[Path, int], path: Path) -> None:
        self._values = values
        self._places = places
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def names(self) -> tuple[str, ...]:
        """Its fields in the order of the file."""
        return tuple(self._values)

    def mistake(self, key: str, expected: str) -> MistakeError:
        """For a field of this table; its own line, or the table's when it is not there."""
        path = (*self._path, key) if key else self._path
        found = ""
        if key:
            found = _shown(self._values[key]) if key in self._values else NOTHING
        return MistakeError(Mistake(self._line(path), _name(path), expected, found))

    @property
    def line(self) -> int:
        """The line this table begins at."""
        return self._line(self._path)

    def _line(self, path: Path) -> int:
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def says(self, key: str, value: str) -> bool:
        """Whether a field is there and is just this text."""
        return self._values.get(key) == value

    def only(self, known: Collection[str]) -> None:
        """Refuse a field that is not in `known`: a misspelt one must not be ignored."""
        for key in self._values:
            if key not in known:
                names = ", ".join(f'"{name}"' if " " in name else name for name in known)
                words = f"one of the fields {names}" if known else "no fields here"
                raise self.mistake(key, words + _perhaps(key, known))

    def text(
        self, key: str, what: str, *, pattern: str = r"[^\x00-\x1f]+", most: int = TEXT_MAX
    ) -> str:
        """A text on one line, of 1 to `most` characters, that fits `pattern`."""
        value = self._get(key, what)
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise self.mistake(key, what)
        if not re.fullmatch(pattern, value):
            raise self.mistake(key, what)
        return value

    def texts(self, key: str, what: str) -> tuple[str, ...]:
        """One text or a list of texts."""
        value = self._get(key, what)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not items:
            raise self.mistake(key, what)
        if not all(isinstance(i, str) and 0 < len(i) <= TEXT_MAX for i in items):
            raise self.mistake(key, what)
        return tuple(items)

    def choice(self, key: str, options: Collection[str]) -> str:
        """One of `options`."""
        words = "one of " + ", ".join(f'"{o}"' for o in options)
        value = self._get(key, words)
        if not isinstance(value, str) or value not in options:
            raise self.mistake(key, words + _perhaps(value, options))
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        what = f"a whole number from {least} to {most}" if least < most else f"the number {most}"
        value = self._get(key, what)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.mistake(key, what)
        return value

    def flag(self, key: str) -> bool:
        """`true` or `false`."""
        value = self._get(key, "true or false")
        if not isinstance(value, bool):
            raise self.mistake(key, "true or false")
        return value

    def number(
        self, key: str, what: str, *, above: Decimal | None = None, most: Decimal = NUMBER_MAX
    ) -> Decimal:
        """An exact number, not below 0 (above `above` if given), of at most 10 decimals."""
        number = self.signed(key, what)
        if not 0 <= number <= most or (above is not None and number <= above):
            raise self.mistake(key, what)
        return number

    def signed(self, key: str, what: str) -> Decimal:
        """An exact number of at most 10 decimals, which may be below 0."""
        value = self._get(key, what)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.mistake(key, what)
        number = Decimal(value)
        if not number.is_finite() or abs(number) > NUMBER_MAX:
            raise self.mistake(key, what)
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)  # finite
        if exponent < -DECIMALS_MAX:
            raise self.mistake(key, what)
        return number

    def wholes(self, key: str, what: str, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers from `least` to `most`, each once."""
        value = self._get(key, what)
        if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
            raise self.mistake(key, what)
        for item in value:
            if not isinstance(item, int) or isinstance(item, bool) or not least <= item <= most:
                raise self.mistake(key, what)
        return tuple(value)

    def named(self, key: str, pattern: str, what: str) -> None:
        """Refuse a field whose name does not fit `pattern`."""
        if not re.fullmatch(pattern, key):
            raise self.mistake(key, what)

    def instant(self, key: str) -> datetime:
        """A local date (its first moment) or a local date and time, without a zone."""
        what = "a date like 2025-07-01 without quotes, or a local date and time without a zone"
        value = self._get(key, what)
        if isinstance(value, datetime) and value.tzinfo is None:
            return value
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)
        raise self.mistake(key, what)

    def day(self, key: str) -> date:
        """A local date."""
        what = "a date like 2025-07-01 without quotes"
        value = self._get(key, what)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.mistake(key, what)
        return value

    def table(self, key: str, what: str) -> Table:
        """An inline table or a sub-table."""
        value = self._get(key, what)
        if not isinstance(value, dict):
            raise self.mistake(key, what)
        return Table(value, self._places, (*self._path, key))

    def tables(self, key: str, what: str, most: int) -> Iterator[Table]:
        """One to `most` tables of an array."""
        value = self._get(key, what)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise self.mistake(key, what)
        if not all(isinstance(item, dict) for item in value):
            raise self.mistake(key, what)
        for index, item in enumerate(value):
            yield Table(item, self._places, (*self._path, key, index))

    def _get(self, key: str, what: str) -> Any:
        if key not in self._values:
            raise self.mistake(key, what)
        return self._values[key]


def _name(path: Path) -> str:
    """`component[2].blocks[1].price`, counted from 1 as a person reads the file."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part + 1}]"
        else:
            name += f".{part}" if name else part
    return name


def _perhaps(written: object, known: Collection[str]) -> str:
    near = difflib.get_close_matches(str(written), list(known), 1)
    return f'; perhaps "{near[0]}"' if near else ""


def _shown(value: object) -> str:
    """As it is written in a file, in a few words."""
    text = _written(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list():
            return "[" + ", ".join(_written(item) for item in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{key} = {_written(v)}" for key, v in value.items()) + " }"
        case _:
            return str(value)
