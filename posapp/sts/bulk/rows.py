"""A CSV file of digits, some thousand rows at a time, as columns.

Only digits are ever wanted, so a chunk of plain lines is cut by its commas all at once; lines
with quotes or the wrong number of fields are looked at one by one. `campaign` reads with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from posapp.errors import InputError
from posapp.sts.bulk.arrays import Bytes, Flags, Integers
from posapp.sts.bulk.digits import ZERO

LINE_BYTES_MAX = 1024  # a row of a campaign takes about 40
_READ_BYTES = 1 << 20
_COMMA, _NEWLINE, _RETURN, _QUOTE = b',\n\r"'
_SEPARATORS = (b",", b";", b"\t")
_BOM = b"\xef\xbb\xbf"


class Source(Protocol):
    """Where the bytes of a list come from: an open file will do."""

    def read(self, count: int, /) -> bytes:
        """The next bytes, at most `count`; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """One field of every row: ASCII digits at the right of (places, rows) bytes, NUL before.

    `length` is what stood in the file. Where `plain` is false there was something else than
    digits, or more of them than places, and the row's places are all NUL.
    """

    places: Bytes
    length: Integers
    plain: Flags

    @property
    def numbers(self) -> Integers:
        """The digits of each row as a number, 0 where there are none."""
        total = np.zeros(len(self.length), np.int64)
        for place in self.places:
            total *= 10
            total += place & np.uint8(0x0F)  # a digit's value; NUL counts as 0
        return total


class Chunk:
    """Rows read together; `malformed` marks those that are no row of this file.

    `lines` says where each row stands in the file; its first line, the header, is 1.
    """

    def __init__(self, text: bytes, names: Sequence[str], first_line: int) -> None:
        self._names = tuple(names)
        cut = _cut(text, len(names))
        bad: Sequence[int] = ()
        places: Sequence[int] | None = None
        if cut is None:
            text, bad, places = _repaired(text, len(names))
            cut = _cut(text, len(names))
            assert cut is not None, "every repaired line has as many fields as the header"
        self._text, self._starts, self._ends = cut
        counted = np.arange(len(self)) if places is None else np.array(places, np.int64)
        self.lines: Integers = counted + first_line
        self.malformed: Flags = np.zeros(len(self._ends), np.bool_)
        self.malformed[list(bad)] = True

    def __len__(self) -> int:
        return len(self._ends)

    def column(self, name: str, places: int) -> Column:
        """A field of all rows; an optional column that the file has not is empty everywhere."""
        if name not in self._names:
            nothing = np.zeros((places, len(self)), np.uint8)
            return Column(nothing, np.zeros(len(self), np.int64), np.ones(len(self), np.bool_))
        field = self._names.index(name)
        end = self._ends[:, field]
        length = end - self._starts[:, field]
        made = np.empty((places, len(self)), np.uint8)
        plain = length <= places
        for place in range(places):
            back = places - place
            found = self._text.take(end - back, mode="clip")
            inside = length >= back
            made[place] = found * inside
            plain &= (found - np.uint8(ZERO) <= 9) | ~inside
        if not plain.all():
            made *= plain
        return Column(made, length, plain)


def _cut(text: bytes, fields: int) -> tuple[Bytes, Integers, Integers] | None:
    """The bytes, and where the fields of each line begin and end; None if a line is not plain."""
    raw = np.frombuffer(text, np.uint8)
    marks = np.flatnonzero((raw == _COMMA) | (raw == _NEWLINE))
    if len(marks) % fields or _QUOTE in text:
        return None
    ends: Integers = marks.reshape(-1, fields)
    newline = raw[ends] == _NEWLINE
    if newline[:, :-1].any() or not newline[:, -1].all():
        return None
    starts = np.empty_like(ends)
    starts[:, 1:] = ends[:, :-1] + 1
    starts[1:, 0] = ends[:-1, -1] + 1
    starts[:1, 0] = 0
    if (ends[:, -1] - starts[:, 0] > LINE_BYTES_MAX).any():
        return None
    ends[:, -1] -= raw[ends[:, -1] - 1] == _RETURN
    return raw, starts, ends


def _repaired(text: bytes, fields: int) -> tuple[bytes, list[int], list[int]]:
    """The lines with quotes resolved and blank ones left out; which are no rows; their places."""
    lines: list[bytes] = []
    bad: list[int] = []
    places: list[int] = []
    for place, line in enumerate(text[:-1].split(b"\n")):
        plain = line.removesuffix(b"\r")
        if not plain:
            continue
        if len(line) > LINE_BYTES_MAX:
            plain = b""
        elif b'"' in plain:
            plain = _unquoted(plain)
        if plain.count(b",") != fields - 1:
            bad.append(len(lines))
            plain = b"," * (fields - 1)
        lines.append(plain + b"\n")
        places.append(place)
    return b"".join(lines), bad, places


def _unquoted(line: bytes) -> bytes:
    """A line without the quotes of CSV; nothing when they hold what is no field of ours."""
    try:
        (found,) = csv.reader([line.decode("latin-1")], strict=True)
    except (csv.Error, ValueError):
        return b""
    if any(c in value for value in found for c in ',"\n'):
        return b""
    return ",".join(found).encode("latin-1")


class Table:
    """A CSV file with a header line, read in chunks; memory stays flat whatever its size.

    Fields are parted by commas, or by whatever of `;` and tab parts the header. `columns` says
    which may be there and whether they must. Reads the header at once: raises InputError
    CSV_EMPTY, CSV_COLUMN_MISSING(field), CSV_COLUMN_TWICE(field), CSV_COLUMN_UNKNOWN(field,
    expected).
    """

    def __init__(self, source: Source, columns: Mapping[str, bool]) -> None:
        self._source = source
        self._rest = b""
        header = self._lines(1).removeprefix(_BOM)
        self._separator = next((s for s in _SEPARATORS if s in header), _SEPARATORS[0])
        self.names = _names(header.replace(self._separator, _SEPARATORS[0]), columns)

    def chunks(self, rows: int) -> Iterator[Chunk]:
        """The rows of the file, at most so many (1 or more) at a time."""
        assert rows > 0, "a chunk of no rows never ends"
        first_line = 2
        while text := self._lines(rows):
            if self._separator != _SEPARATORS[0]:
                text = text.replace(self._separator, _SEPARATORS[0])
            yield Chunk(text, self.names, first_line)
            first_line += text.count(b"\n")

    def _lines(self, count: int) -> bytes:
        """The next lines, at most `count`, each with its newline; empty at the end."""
        while (end := _after_lines(self._rest, count)) is None:
            more = self._source.read(_READ_BYTES)
            if not more:
                lines, self._rest = self._rest, b""
                return lines if lines.endswith(b"\n") or not lines else lines + b"\n"
            self._rest = _bounded(self._rest + more)
        lines, self._rest = self._rest[:end], self._rest[end:]
        return lines


def _after_lines(text: bytes, count: int) -> int | None:
    """Where the line after the first `count` begins; None while there are fewer."""
    if count == 1:
        return text.find(b"\n") + 1 or None
    newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
    return int(newlines[count - 1]) + 1 if len(newlines) >= count else None


def _bounded(text: bytes) -> bytes:
    """`text` with an endless last line cut just beyond what is allowed, so that it is refused."""
    begun = text.rfind(b"\n") + 1
    return text[: begun + LINE_BYTES_MAX + 1]


def _names(header: bytes, columns: Mapping[str, bool]) -> tuple[str, ...]:
    """The names in a header line, in the file's order."""
    line = header.decode("utf-8", "replace").strip()
    try:
        (found,) = csv.reader([line], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        found = [line]
    names = tuple(name.strip().lower() for name in found)
    if not any(names):
        raise InputError("CSV_EMPTY", expected=", ".join(columns))
    for name in names:
        if name not in columns:
            raise InputError("CSV_COLUMN_UNKNOWN", field=name[:40], expected=", ".join(columns))
        if names.count(name) > 1:
            raise InputError("CSV_COLUMN_TWICE", field=name)
    for name, required in columns.items():
        if required and name not in names:
            raise InputError("CSV_COLUMN_MISSING", field=name)
    return names
