"""New keys for a list of meters: CSV in, key-change tokens out, a row for every row.

The work of a chunk is `key_change` and `derive`; which changes are allowed is asked of the
single path, once for each pair of vending keys. Laboratory keys only: the caller sees to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import BinaryIO, Protocol

import numpy as np

from posapp.domain.digits import is_digits
from posapp.domain.meter import NUMERIC, EncryptionAlgorithm
from posapp.errors import InputError, PosError
from posapp.sts.bulk.arrays import ROWS_A_CHUNK, Bytes, Flags, Integers
from posapp.sts.bulk.derive import Hmac, VendingKeys
from posapp.sts.bulk.digits import NUMBER_PLACES, TOKEN_DIGITS, ZERO, right_check_digit
from posapp.sts.bulk.key_change import NewKeys, change_sets
from posapp.sts.bulk.rows import Chunk, Column, Source, Table
from posapp.sts.key_change import Side, check_change
from posapp.sts.keys import AnyKey
from posapp.sts.sta import StaTables

ROWS_MAX = 50_000_000  # more meters than any utility has: a file that never ends
TOKENS_MAX = 4

# Column of the list -> whether it must be there. Other columns are refused.
COLUMNS = {
    "meter": True,
    "ea": True,
    "sgc": True,
    "krn": True,
    "ti": True,
    "new_sgc": False,
    "new_krn": False,
    "new_ti": False,
    "three_token": False,
}
RESULT_COLUMNS = (
    "line",
    *(name for name in COLUMNS if name != "three_token"),
    "rollover",
    *(f"token_{n}" for n in range(1, TOKENS_MAX + 1)),
    "problem",
)
_PLACES = {"ea": 2, "sgc": 6, "krn": 1, "ti": 2}
_SIDE_FIELDS = ("sgc", "krn", "ti")
_KINDS = (
    (EncryptionAlgorithm.STA, False),
    (EncryptionAlgorithm.STA, True),
    (EncryptionAlgorithm.MISTY1, False),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the meters go, unless a row says otherwise. None leaves each meter what it has.

    `sgc` six digits, `krn` 1..9, `ti` two digits; `three_token` is for EA07 meters that keep
    their SGC. Raises InputError KEY_CHANGE_FIELD(field).
    """

    sgc: str | None = None
    krn: int | None = None
    ti: str | None = None
    three_token: bool = False

    def __post_init__(self) -> None:
        checks = {
            "sgc": self.sgc is None or is_digits(self.sgc, 6),
            "krn": self.krn is None or 1 <= self.krn <= 9,
            "ti": self.ti is None or is_digits(self.ti, 2),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("KEY_CHANGE_FIELD", field=name)


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """What became of a campaign: `rows` written, of them `done` with tokens, `refused` without.

    `cancelled` says that the list goes on after the rows written. `problems` counts the
    refusals by code, `first_lines` says where in the file each code came first.
    """

    rows: int
    done: int
    refused: int
    cancelled: bool
    problems: Mapping[str, int]
    first_lines: Mapping[str, int]


class Progress(Protocol):
    """Told after every chunk, on the caller's thread."""

    def __call__(self, done: int, total: int | None) -> None:
        """`done` rows are written, of `total` when the caller knew."""
        ...


class Campaign:
    """A key change for many meters, from the keys that they have to the keys at a target.

    `vending_keys` are by SGC and KRN, `now` is aware and decides what has expired, `tables`
    are for EA07, `zone` is the clock rule of the groups; `hmac` is for keys that a device keeps.
    """

    def __init__(
        self,
        vending_keys: Mapping[tuple[str, int], AnyKey],
        target: Target,
        tables: StaTables,
        now: datetime,
        *,
        zone: tzinfo = UTC,
        hmac: Hmac | None = None,
    ) -> None:
        ordered = sorted(vending_keys.values(), key=lambda key: (key.sgc, key.krn))
        self._keys = VendingKeys(ordered, hmac)
        # In ascending order, to be found by bisection; the last is above every SGC and KRN.
        self._codes = np.append(self._keys.sgc * 10 + self._keys.krn, 10**7)
        self._target = target
        self._tables = tables
        self._now, self._zone = now, zone
        self._problems = [""]  # codes by number; 0 is none
        self._verdicts: dict[tuple[str, int], int] = {}

    def run(
        self,
        source: Source,
        output: BinaryIO,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        total: int | None = None,
        chunk_rows: int = ROWS_A_CHUNK,
    ) -> CampaignReport:
        """Read meters from `source` (COLUMNS) and write RESULT_COLUMNS to `output`.

        A refused row stands in its place with empty tokens and a code in `problem`; `line` is
        where it stood in the file. Whole
        chunks of at most `chunk_rows` are written; `cancelled` is asked before each. Takes a
        few seconds a million meters. Raises InputError CSV_... before anything is written,
        CSV_ROWS(maximum) before the chunk that would pass ROWS_MAX.
        """
        table = Table(source, COLUMNS)
        output.write(",".join(RESULT_COLUMNS).encode("ascii") + b"\n")
        rows, stopped = 0, False
        counts: Counter[int] = Counter()
        first: dict[int, int] = {}
        for chunk in table.chunks(chunk_rows):
            if stopped := cancelled():
                break
            if rows + len(chunk) > ROWS_MAX:
                raise InputError("CSV_ROWS", maximum=ROWS_MAX)
            text, problems = self._changed(chunk)
            output.write(text)
            rows += len(chunk)
            counts.update(dict(enumerate(np.bincount(problems).tolist())))
            for problem in np.unique(problems).tolist():
                first.setdefault(problem, int(chunk.lines[(problems == problem).argmax()]))
            if progress is not None:
                progress(rows, total)
        return CampaignReport(
            rows=rows,
            done=counts[0],
            refused=rows - counts[0],
            cancelled=stopped,
            problems={
                self._problems[n]: count for n, count in sorted(counts.items()) if n and count
            },
            first_lines={self._problems[n]: line for n, line in sorted(first.items()) if n},
        )

    def _changed(self, chunk: Chunk) -> tuple[bytes, Integers]:
        """The lines for a chunk, and the number of the problem of each row."""
        rows = _Rows(chunk, self._target, self._codes)
        problems = self._judged(rows)
        rollover = np.zeros((1, len(chunk)), np.uint8)
        tokens = np.zeros((len(chunk), TOKENS_MAX, TOKEN_DIGITS), np.uint8)
        for ea, third in _KINDS:
            asked = rows.third if ea == EncryptionAlgorithm.STA else third
            here = np.flatnonzero((problems == 0) & (rows.ea.numbers == ea) & (asked == third))
            if len(here):
                new = self._new_keys(rows, here, ea)
                old_keys = self._decoder_keys(rows, rows.old, here, ea)
                made = change_sets(old_keys, ea, new, self._tables, third_token=third)
                tokens[here, : made.shape[1]] = made
                rollover[0, here] = new.rollover + np.uint8(ZERO)
        fields = [rows.meter, rows.ea, *rows.old.columns, *rows.new.columns]
        return _lines(
            [
                _numbers(chunk.lines),
                *(field.places for field in fields),
                rollover,
                *(tokens[:, n].T for n in range(TOKENS_MAX)),
                self._texts()[problems].T,
            ]
        ), problems

    def _new_keys(self, rows: _Rows, here: Integers, ea: EncryptionAlgorithm) -> NewKeys:
        old, new = rows.old.key[here], rows.new.key[here]
        return NewKeys(
            keys=self._decoder_keys(rows, rows.new, here, ea),
            kt=self._keys.kt[new],
            krn=self._keys.krn[new],
            ti=rows.new.ti[here],
            ken=self._keys.ken[new],
            sgc=self._keys.sgc[new],
            rollover=self._keys.base_date[old] != self._keys.base_date[new],
        )

    def _decoder_keys(
        self, rows: _Rows, side: _Side, here: Integers, ea: EncryptionAlgorithm
    ) -> Bytes:
        return self._keys.decoder_keys(
            side.key[here], rows.numbers[:, here], rows.long[here], side.ti[here], ea
        )

    # ------------------------------------------------------------ what is refused

    def _judged(self, rows: _Rows) -> Integers:
        """The number of the first problem of each row."""
        problems = np.zeros(len(rows.long), np.int64)
        for wrong, code in rows.faults():
            # The first one counts.
            problems[wrong & (problems == 0)] = self._number(code)
        same_ti = rows.old.ti == rows.new.ti
        change = (rows.old.key * len(self._keys.keys) + rows.new.key) * 2 + same_ti
        self._ask("change", self._change_refusal, change, problems)
        for side in (rows.old, rows.new):
            shape = (side.key * 2 + (rows.ea.numbers == EncryptionAlgorithm.MISTY1)) * 2 + rows.long
            self._ask("key", self._key_refusal, shape, problems)
        return problems

    def _ask(
        self,
        about: str,
        refusal: Callable[[int], PosError | None],
        cases: Integers,
        problems: Integers,
    ) -> None:
        """Note what `refusal` says of the case of each row that has no problem yet."""
        good = np.flatnonzero(problems == 0)
        different = np.unique(cases[good])
        verdicts = []
        for case in different.tolist():
            if (about, case) not in self._verdicts:
                error = refusal(case)
                self._verdicts[about, case] = self._number(error.code if error else "")
            verdicts.append(self._verdicts[about, case])
        if any(verdicts):
            place = np.searchsorted(different, cases[good])
            problems[good] = np.array(verdicts, np.int64)[place]

    def _change_refusal(self, case: int) -> PosError | None:
        pair, same_ti = divmod(case, 2)
        old, new = divmod(pair, len(self._keys.keys))
        sides = Side(self._keys.keys[old], "00"), Side(self._keys.keys[new], f"{1 - same_ti:02d}")
        try:
            check_change(*sides, self._now, NUMERIC, zone=self._zone)
        except PosError as error:
            return error
        return None

    def _key_refusal(self, case: int) -> PosError | None:
        shape, long = divmod(case, 2)
        key, is_misty1 = divmod(shape, 2)
        ea = EncryptionAlgorithm.MISTY1 if is_misty1 else EncryptionAlgorithm.STA
        return self._keys.refusal(key, ea, long=bool(long))

    def _number(self, code: str) -> int:
        if code not in self._problems:
            self._problems.append(code)
        return self._problems.index(code)

    def _texts(self) -> Bytes:
        """The problems by number, as rows of bytes with NUL behind."""
        width = max(len(code) for code in self._problems)
        text = "".join(code.ljust(width, "\0") for code in self._problems).encode("ascii")
        return np.frombuffer(text, np.uint8).reshape(len(self._problems), width)


class _Side:
    """One end of the change for all rows: what was asked for, and the vending key's place."""

    def __init__(self, columns: Sequence[Column], codes: Integers) -> None:
        self.columns = columns
        sgc, krn, ti = columns
        self.ti = ti.numbers
        code = sgc.numbers * 10 + krn.numbers
        self.key = np.searchsorted(codes, code)
        self.found = codes[self.key] == code

    def faults(self, prefix: str) -> Iterator[tuple[Flags, str]]:
        """Rows whose fields are no SGC, KRN or TI."""
        for name, column in zip(_SIDE_FIELDS, self.columns, strict=True):
            wrong = ~column.plain | (column.length != _PLACES[name])
            if name == "krn":
                wrong |= column.numbers == 0
            yield wrong, f"ROW_{prefix}{name.upper()}"


class _Rows:
    """A chunk as the campaign sees it: every field of every row, right or wrong."""

    def __init__(self, chunk: Chunk, target: Target, codes: Integers) -> None:
        self._malformed = chunk.malformed
        self.meter = chunk.column("meter", NUMBER_PLACES)
        self.long = self.meter.length == NUMBER_PLACES
        self.numbers = self.meter.places | np.uint8(ZERO)  # NUL in front becomes a zero
        self.ea = chunk.column("ea", _PLACES["ea"])
        self.ea.places[0, self.ea.plain & (self.ea.length == 1)] = ZERO  # 7 is 07
        self._three = chunk.column("three_token", 1)
        silent = self._three.length == 0
        self.third = np.where(silent, target.three_token, self._three.numbers == 1)
        old = [chunk.column(name, _PLACES[name]) for name in _SIDE_FIELDS]
        asked = [chunk.column(f"new_{name}", _PLACES[name]) for name in _SIDE_FIELDS]
        defaults = target.sgc, target.krn, target.ti
        new = [_or_else(*fields) for fields in zip(asked, defaults, old, strict=True)]
        self.old, self.new = _Side(old, codes), _Side(new, codes)

    def faults(self) -> Iterator[tuple[Flags, str]]:
        """Which rows cannot be used and why, in the order in which they are told."""
        meter = self.meter
        yield self._malformed, "ROW_FORM"
        yield (meter.length != 11) & ~self.long, "METER_NUMBER_LENGTH"
        yield ~meter.plain, "METER_NUMBER_LETTERS"
        yield ~right_check_digit(self.numbers), "METER_CHECK_DIGIT"
        yield ~np.isin(self.ea.numbers, tuple(EncryptionAlgorithm)), "EA_UNKNOWN"
        yield from self.old.faults("")
        yield from self.new.faults("NEW_")
        yield ~self._three.plain | (self._three.numbers > 1), "ROW_THREE_TOKEN"
        yield ~self.old.found, "KEY_NOT_FOUND"
        yield ~self.new.found, "NEW_KEY_NOT_FOUND"


def _or_else(asked: Column, default: str | int | None, old: Column) -> Column:
    """What a row asks for, or where it is silent the campaign's default, or what it has."""
    silent = asked.length == 0
    if default is not None:
        text = np.frombuffer(str(default).encode("ascii"), np.uint8)
        places = np.where(silent, text[:, np.newaxis], asked.places)
        return Column(places, np.where(silent, len(text), asked.length), asked.plain)
    return Column(
        np.where(silent, old.places, asked.places),
        np.where(silent, old.length, asked.length),
        np.where(silent, old.plain, asked.plain),
    )


def _numbers(column: Integers) -> Bytes:
    """Numbers as ASCII digits in (places, rows), NUL in front of the shorter ones."""
    places = len(str(int(column.max(initial=0))))
    text = np.zeros((places, len(column)), np.uint8)
    rest = column
    for place in range(places - 1, -1, -1):
        text[place] = np.where((rest > 0) | (place == places - 1), rest % 10 + ZERO, 0)
        rest = rest // 10
    return text


def _lines(fields: list[Bytes]) -> bytes:
    """Rows of a CSV file from (places, rows) fields; NUL stands for no character."""
    width = sum(len(field) + 1 for field in fields)
    text = np.empty((fields[0].shape[1], width), np.uint8)
    place = 0
    for field in fields:
        text[:, place : place + len(field)] = field.T
        place += len(field) + 1
        text[:, place - 1] = ord(",")
    text[:, -1] = ord("\n")
    flat: Bytes = text.ravel()
    written: Bytes = flat[flat != 0]
    return written.tobytes()
