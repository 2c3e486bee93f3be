"""A stretch of a till's journal as few bytes, and back to the very same bytes.

Entries of one (kind, version, shape) become a table whose columns are written by `columns`;
what cannot be written so goes as it is. One zstd frame for what compresses, raw bits for what
cannot (ids, tokens). The signature over the head is the message's, not the batch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count as counter
from typing import Any

from posapp.codec import cbor
from posapp.errors import InputError
from posapp.journal.chain import Entry
from posapp.wire import columns, compress
from posapp.wire.columns import Reader, Writer, broken

PLAIN, COLUMNAR = 0, 1
ENTRIES_MAX = 4096  # one batch; more than an hour of the busiest till
BATCH_BYTES_MAX = 4 * 1024 * 1024  # of either stream, unpacked
LEAVES_MAX = 1024  # values in one entry

_INT, _TEXT, _DATA, _BOOL, _NONE = 0, 1, 2, 3, 4
_SEQ, _ORDINAL, _MINUTE, _AT = range(columns.FIRST_SHARED, columns.FIRST_SHARED + 4)
_UUID_TAIL_BITS = 74
# How texts and bytes that are not numbers are kept: a list in the header, or packed as numbers.
_LISTED, _DIGITS, _FIXED, _UUID7 = 0, 1, 2, 3

Path = tuple[int, ...]


def encode(entries: Sequence[bytes]) -> bytes:
    """The batch of entries in order. Raises InputError JOURNAL_ENTRY_INVALID."""
    if not 1 <= len(entries) <= ENTRIES_MAX:
        raise ValueError("a batch has 1 to 4096 entries")
    read = [Entry.from_bytes(data) for data in entries]
    first = read[0].seq
    if [entry.seq for entry in read] == list(range(first, first + len(read))):
        packed = bytes([COLUMNAR]) + _encode_columns(read)
        if _comes_back(packed, entries, first - 1):
            return packed
    return bytes([PLAIN]) + compress.squeeze(cbor.encode(list(entries)))


def _comes_back(packed: bytes, entries: Sequence[bytes], base_seq: int) -> bool:
    """Whether the other side will hash the same bytes; a table may not suit odd entries."""
    try:
        return decode(packed, base_seq) == tuple(entries)
    except InputError:
        return False


def decode(data: bytes, base_seq: int) -> tuple[bytes, ...]:
    """The entries after `base_seq`, byte for byte. Raises InputError BATCH_INVALID."""
    try:
        if data[:1] == bytes([PLAIN]):
            return _decode_plain(data[1:])
        if data[:1] == bytes([COLUMNAR]):
            return _decode_columns(data[1:], base_seq)
    except InputError as error:
        raise error if error.code == "BATCH_INVALID" else broken(error.code) from error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise broken(type(error).__name__) from error
    raise broken("form")


def _decode_plain(data: bytes) -> tuple[bytes, ...]:
    entries = cbor.decode(compress.expand(data, BATCH_BYTES_MAX))
    if not isinstance(entries, list) or not 1 <= len(entries) <= ENTRIES_MAX:
        raise broken("entries")
    if not all(isinstance(entry, bytes) for entry in entries):
        raise broken("entries")
    return tuple(entries)


@dataclass(slots=True)
class _Table:
    """Entries of one kind, version and shape: which rows of the batch, what every row shares."""

    kind: int
    version: int
    template: Any
    leaves: list[tuple[int, Path]]
    rows: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Shared:
    """Columns known before any table is read; they serve as references."""

    seq: list[int]
    ordinal: list[int]
    at_ms: list[int]

    def of(self, rows: Sequence[int]) -> dict[int, Sequence[int]]:
        return {
            _SEQ: [self.seq[row] for row in rows],
            _ORDINAL: [self.ordinal[row] for row in rows],
            _MINUTE: [self.at_ms[row] // 60_000 for row in rows],
            _AT: [self.at_ms[row] for row in rows],
        }


def _encode_columns(entries: Sequence[Entry]) -> bytes:
    tables: dict[bytes, _Table] = {}
    which: list[int] = []
    values: list[list[Any]] = []
    for row, entry in enumerate(entries):
        leaves: list[Any] = []
        template = _template(entry.body, leaves)
        key = cbor.encode([entry.kind, entry.version, template])
        table = tables.get(key)
        if table is None:
            found = _leaves(template)
            table = tables[key] = _Table(entry.kind, entry.version, template, found)
        table.rows.append(row)
        which.append(list(tables).index(key))
        values.append(leaves)
    shared = _Shared(
        [entry.seq for entry in entries],
        _ordinals([entry.kind for entry in entries]),
        [entry.at_ms for entry in entries],
    )
    writer = Writer()
    header: list[Any] = [
        len(entries),
        columns.write_integers(writer, which, {}),
        columns.write_integers(writer, shared.at_ms, {}),
    ]
    for table in tables.values():
        refs = _References(shared.of(table.rows))
        specs = []
        for place, (leaf, path) in enumerate(table.leaves):
            column = [values[row][place] for row in table.rows]
            specs.append(_write_leaf(writer, leaf, column, refs, path))
        header.append([table.kind, table.version, table.template, specs])
    head = cbor.encode(header)
    text = compress.squeeze(len(head).to_bytes(4, "big") + head + bytes(writer.loose))
    return len(text).to_bytes(4, "big") + text + bytes(writer.packed)


def _decode_columns(data: bytes, base_seq: int) -> tuple[bytes, ...]:
    if len(data) < 4 or len(data) > BATCH_BYTES_MAX:
        raise broken("size")
    length = int.from_bytes(data[:4], "big")
    text = compress.expand(data[4 : 4 + length], BATCH_BYTES_MAX)
    size = int.from_bytes(text[:4], "big")
    header = cbor.decode(text[4 : 4 + size])
    reader = Reader(data[4 + length :], text[4 + size :])
    count, which_plan, at_plan, *raw_tables = header
    if type(count) is not int or not 1 <= count <= ENTRIES_MAX or len(raw_tables) > count:
        raise broken("count")
    which = columns.read_integers(reader, which_plan, count, {})
    at_ms = columns.read_integers(reader, at_plan, count, {})
    tables = [
        _Table(kind, version, template, _leaves(template))
        for kind, version, template, _ in raw_tables
    ]
    for row, number in enumerate(which):
        if not 0 <= number < len(tables):
            raise broken("table")
        tables[number].rows.append(row)
    shared = _Shared(
        [base_seq + 1 + row for row in range(count)],
        _ordinals([tables[number].kind for number in which]),
        at_ms,
    )
    entries: list[bytes] = [b""] * count
    for table, (_, _, _, specs) in zip(tables, raw_tables, strict=True):
        if len(specs) != len(table.leaves):
            raise broken("columns")
        refs = _References(shared.of(table.rows))
        read = [
            _read_leaf(reader, spec, leaf, len(table.rows), refs, path)
            for spec, (leaf, path) in zip(specs, table.leaves, strict=True)
        ]
        for place, row in enumerate(table.rows):
            leaves = iter([column[place] for column in read])
            body = _fill(table.template, leaves)
            entry = Entry(shared.seq[row], table.kind, table.version, at_ms[row], body)
            entries[row] = entry.to_bytes()
    reader.finish()
    return tuple(entries)


def _ordinals(kinds: Sequence[int]) -> list[int]:
    """The how-many-eth of its kind each entry is."""
    counters: dict[int, counter[int]] = {}
    return [next(counters.setdefault(kind, counter())) for kind in kinds]


class _References:
    """Integer columns of the rows at hand, by number, and sums over families of them."""

    def __init__(self, shared: dict[int, Sequence[int]]) -> None:
        self._all = dict(shared)
        self._columns = counter(columns.FIRST_COLUMN)
        self._sums = counter(columns.FIRST_SUM)
        self._families: dict[Path, int] = {}

    def now(self) -> dict[int, Sequence[int]]:
        return self._all

    def add(self, column: Sequence[int], path: Path = ()) -> None:
        """A column that later ones may refer to; constant ones say nothing and are left out."""
        if len(set(column)) < 2:
            return
        self._all[next(self._columns)] = column
        if len(path) < 3:
            return
        family = (*path[:-2], path[-1])
        number = self._families.get(family)
        if number is None:
            number = self._families[family] = next(self._sums)
            self._all[number] = column
        else:
            before = self._all[number]
            self._all[number] = [a + b for a, b in zip(before, column, strict=True)]


def _template(value: Any, leaves: list[Any]) -> Any:
    """The shape of a value with a type number for each leaf; leaves in the order of the walk."""
    if isinstance(value, dict):
        return {key: _template(item, leaves) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_template(item, leaves) for item in value]
    leaves.append(value)
    for number, kind in ((_BOOL, bool), (_INT, int), (_TEXT, str), (_DATA, bytes)):
        if isinstance(value, kind):
            return number
    return _NONE


def _leaves(template: Any) -> list[tuple[int, Path]]:
    found: list[tuple[int, Path]] = []

    def walk(value: Any, path: Path) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, (*path, key))
        elif isinstance(value, list):
            for place, item in enumerate(value):
                walk(item, (*path, place))
        elif type(value) is int and _INT <= value <= _NONE:
            found.append((value, path))
        else:
            raise broken("template")
        if len(found) > LEAVES_MAX:
            raise broken("template")

    walk(template, ())
    return found


def _fill(template: Any, leaves: Any) -> Any:
    if isinstance(template, dict):
        return {key: _fill(item, leaves) for key, item in template.items()}
    if isinstance(template, list):
        return [_fill(item, leaves) for item in template]
    return next(leaves)


def _write_leaf(writer: Writer, leaf: int, column: list[Any], refs: _References, path: Path) -> Any:
    if leaf == _NONE:
        return 0
    if leaf in (_INT, _BOOL):
        numbers = [int(value) for value in column]
        plan = columns.write_integers(writer, numbers, refs.now())
        refs.add(numbers, path)
        return plan
    distinct = list(dict.fromkeys(column))
    places = {value: place for place, value in enumerate(distinct)}
    marks = _marks([places[value] for value in column])
    plan = columns.write_integers(writer, marks, refs.now())
    first_rows = [row for row, mark in enumerate(marks) if mark == 0]
    kept = _write_distinct(writer, distinct, [refs.now()[_AT][row] for row in first_rows])
    refs.add([places[value] for value in column])
    return [plan, kept]


def _read_leaf(
    reader: Reader, spec: Any, leaf: int, count: int, refs: _References, path: Path
) -> list[Any]:
    if leaf == _NONE:
        return [None] * count
    if leaf in (_INT, _BOOL):
        numbers = columns.read_integers(reader, spec, count, refs.now())
        refs.add(numbers, path)
        return [value != 0 for value in numbers] if leaf == _BOOL else list(numbers)
    plan, kept = spec
    marks = columns.read_integers(reader, plan, count, refs.now())
    first_rows = [row for row, mark in enumerate(marks) if mark == 0]
    distinct = _read_distinct(reader, kept, leaf, [refs.now()[_AT][row] for row in first_rows])
    places = _places(marks)
    refs.add(places)
    return [distinct[place] for place in places]


def _marks(places: Sequence[int]) -> list[int]:
    """0 for a value seen for the first time, else how many first-seen values ago it was."""
    marks, seen = [], 0
    for place in places:
        marks.append(seen - place)
        seen = max(seen, place + 1)
    return marks


def _places(marks: Sequence[int]) -> list[int]:
    places, seen = [], 0
    for mark in marks:
        if not 0 <= mark <= seen:
            raise broken("mark")
        places.append(seen - mark)
        seen += mark == 0
    return places


def _write_distinct(writer: Writer, values: list[Any], at_ms: Sequence[int]) -> Any:
    first = values[0]
    if any(type(value) is not type(first) or len(value) != len(first) for value in values):
        return [_LISTED, values]
    size = len(first)
    if isinstance(first, str):
        if len(values) < 4 or not all(v.isascii() and v.isdigit() for v in values):
            return [_LISTED, values]
        return [_DIGITS, size, columns.write_integers(writer, [int(v) for v in values], {})]
    if not 8 <= size <= columns.WIDTH_MAX // 8:
        return [_LISTED, values]
    numbers = [int.from_bytes(value, "big") for value in values]
    if size == 16 and all(n >> 76 & 0xF == 7 and n >> 62 & 3 == 2 for n in numbers):
        times = columns.write_integers(writer, [n >> 80 for n in numbers], {_AT: at_ms})
        writer.pack([(n >> 64 & 0xFFF) << 62 | n & (1 << 62) - 1 for n in numbers], _UUID_TAIL_BITS)
        return [_UUID7, times]
    writer.pack(numbers, size * 8)
    return [_FIXED, size]


def _read_distinct(reader: Reader, kept: Any, leaf: int, at_ms: Sequence[int]) -> list[Any]:
    form, *rest = kept
    count = len(at_ms)
    if form == _LISTED:
        values = rest[0]
        expected = str if leaf == _TEXT else bytes
        if len(values) != count or not all(isinstance(value, expected) for value in values):
            raise broken("values")
        return list(values)
    if form == _DIGITS and leaf == _TEXT:
        size = _size(rest[0])
        return [f"{n:0{size}d}" for n in columns.read_integers(reader, rest[1], count, {})]
    if form == _FIXED and leaf == _DATA:
        size = _size(rest[0])
        return [n.to_bytes(size, "big") for n in reader.unpack(count, size * 8)]
    if form == _UUID7 and leaf == _DATA:
        times = columns.read_integers(reader, rest[0], count, {_AT: at_ms})
        tails = reader.unpack(count, _UUID_TAIL_BITS)
        return [
            (time << 80 | 7 << 76 | (tail >> 62) << 64 | 2 << 62 | tail & (1 << 62) - 1).to_bytes(
                16, "big"
            )
            for time, tail in zip(times, tails, strict=True)
        ]
    raise broken("values")


def _size(value: object) -> int:
    if type(value) is not int or not 1 <= value <= columns.WIDTH_MAX:
        raise broken("size")
    return value
