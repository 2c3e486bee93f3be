"""Loads a utility's own files: customers.csv, meters.csv, accounts.csv, rates.csv, tariff packs.

A file's good rows go in together, in one transaction; its bad rows are reported with line and
reason; the same file again changes nothing. `CUSTOMERS`, `METERS` and `accounts` have the columns.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from posapp.codec import cbor
from posapp.domain.customer import Customer
from posapp.domain.meter import (
    NUMERIC,
    TOKEN_CARRIERS,
    EncryptionAlgorithm,
    KeyType,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.domain.money import currency
from posapp.errors import ConfigError, InputError, PosError
from posapp.headoffice import feed, key_changes, schema
from posapp.headoffice.accounts import ACCOUNTS, LISTS, RATES, AccountRows
from posapp.headoffice.office import Office
from posapp.pricing import pack as packs
from posapp.wire.feed import (
    CT_RATIO_MAX,
    GLOBAL,
    Entity,
    FeedValue,
    TariffText,
    body_of,
    read_value,
)

FILE_BYTES_MAX = 256 * 1024 * 1024  # about two million customers
FIELD_CHARACTERS_MAX = 200
LIST_CHARACTERS_MAX = 2_000  # of the columns that hold a row of rows
BAD_ROWS_KEPT = 1_000  # reported one by one; beyond that only counted
ROWS_A_STATEMENT = 500

# (column, must be there, what stands in it)
CUSTOMERS = (
    ("customer_id", True, "the utility's number of the customer, 1 or more"),
    ("name", True, "as it will be read to the customer"),
    ("account", False, "account number as printed on the utility's papers"),
    ("phone", False, "digits, spaces and + as people write them"),
    ("address", False, "street, place"),
)
METERS = (
    ("meter", True, "11 or 13 digits with a correct check digit"),
    ("tariff", True, "code of a tariff pack that is loaded"),
    ("ea", True, "encryption algorithm: 7 or 11"),
    ("sgc", True, "supply group code, 6 digits"),
    ("krn", True, "key revision number, 1 to 9"),
    ("ti", True, "tariff index of the meter, 2 digits"),
    ("base_date", True, "year of the key's base date: 1993, 2014 or 2035"),
    ("customer_id", False, "whose it is; empty or 0 for nobody"),
    ("account", False, "whose it is, by account number, instead of customer_id"),
    ("ken", False, "key expiry number, 0 to 255; 255 when empty"),
    ("tct", False, "token carrier type; 2 (numeric) when empty"),
    ("kt", False, "key type, 0 to 3; 2 (unique) when empty"),
    ("phases", False, "1 or 3; 1 when empty"),
    ("maker", False, "the maker's name"),
    ("state", False, "active or blocked; active when empty"),
    ("ct_ratio", False, "what current transformers make the meter count too little; 1 when empty"),
    ("new_sgc", False, "the key it is to get: supply group code; as it has when empty"),
    ("new_krn", False, "the key it is to get: key revision number; as it has when empty"),
    ("new_ti", False, "the key it is to get: tariff index; as it has when empty"),
    ("new_base_date", False, "base date of the key it is to get; as it has when empty"),
    ("new_ken", False, "key expiry number of the key it is to get; as it has when empty"),
)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its first line in the file (from 1) and why."""

    line: int
    code: str
    params: Mapping[str, object]

    def error(self) -> InputError:
        """The same as an error, for whoever has words for its code."""
        return InputError(self.code, **self.params)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file; `bad_rows` counts all, `bad` holds the first thousand."""

    file: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """All files of one import, in the order they were loaded."""

    files: tuple[FileReport, ...]

    @property
    def bad_rows(self) -> int:
        """How many rows were left out."""
        return sum(file.bad_rows for file in self.files)

    def text(self, say: Callable[[PosError], str] = str) -> str:
        """Plain lines for a terminal; `say` puts the reason of a bad row into words."""
        lines = []
        for file in self.files:
            counts = f"{file.added} new, {file.changed} changed, {file.unchanged} as before"
            left_out = f", {file.bad_rows} left out" if file.bad_rows else ""
            lines.append(f"{file.file}: {counts}{left_out}")
            lines += [f"  line {row.line}: {say(row.error())}" for row in file.bad]
            if file.bad_rows > len(file.bad):
                lines.append(f"  and {file.bad_rows - len(file.bad)} more")
        return "\n".join(lines)


def import_files(office: Office, paths: Sequence[Path]) -> ImportReport:
    """Load tariffs, rates, customers, meters, then accounts, whatever the order of `paths`.

    What a file is shows in its columns (`.toml` is a tariff pack). Raises ConfigError
    FILE_UNREADABLE, FILE_TOO_LARGE; InputError IMPORT_NOT_TEXT, IMPORT_HEADER, TARIFF_INVALID,
    TARIFF_EXAMPLE, TARIFF_CURRENCY, TARIFF_VERSION_TAKEN before the file it is about changed
    anything; files before it stay loaded.
    """
    jobs = sorted((_open(path) for path in paths), key=lambda job: job.order)
    return ImportReport(tuple(job.run(office) for job in jobs))


@dataclass(frozen=True, slots=True)
class _Job:
    order: int
    run: Callable[[Office], FileReport]


def _open(path: Path) -> _Job:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError("FILE_TOO_LARGE", file=str(path), most_mib=FILE_BYTES_MAX >> 20)
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("IMPORT_NOT_TEXT", file=path.name, line=line) from None
    if path.suffix.lower() == ".toml":
        return _Job(0, lambda office: _load_tariff(office, path.name, text))
    header, rows = _table(path.name, text)
    if "as_of" in header:
        _check_header(path.name, header, ACCOUNTS)
        return _Job(3, lambda office: _load_accounts(office, path.name, rows))
    if "rate" in header:
        _check_header(path.name, header, RATES)
        return _Job(0, lambda office: _load_rates(office, path.name, rows))
    if "meter" in header:
        _check_header(path.name, header, METERS)
        return _Job(2, lambda office: _load_meters(office, path.name, rows))
    _check_header(path.name, header, CUSTOMERS)
    return _Job(1, lambda office: _load_customers(office, path.name, rows))


# ---------------------------------------------------------------- reading a table

Row = dict[str, str]
Rows = Sequence[tuple[int, Row | BadRow]]


def _table(name: str, text: str) -> tuple[tuple[str, ...], Rows]:
    """The header and every row with its line; a row of the wrong shape is a BadRow.

    A row is one line: a quote that is never closed then spoils its own row and no other.
    """
    lines = text.split("\n")
    separator = ";" if ";" in lines[0] and "," not in lines[0] else ","
    head = _cells(lines[0], separator)
    header = () if head is None else tuple(cell.strip().lower() for cell in head)
    if not any(header):
        raise InputError("IMPORT_HEADER", file=name, missing="all", unknown="")
    rows: list[tuple[int, Row | BadRow]] = []
    for number, line in enumerate(lines[1:], 2):
        cells = _cells(line, separator)
        if cells is None:
            rows.append((number, BadRow(number, "ROW_QUOTES", {})))
        elif not any(cell.strip() for cell in cells):
            continue
        elif len(cells) != len(header):
            params = {"found": len(cells), "expected": len(header)}
            rows.append((number, BadRow(number, "ROW_COLUMNS", params)))
        else:
            values = (cell.strip() for cell in cells)
            rows.append((number, dict(zip(header, values, strict=True))))
    return header, rows


def _cells(line: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _check_header(
    name: str, header: Sequence[str], columns: Iterable[tuple[str, bool, str]]
) -> None:
    known = {column for column, _, _ in columns}
    missing = [column for column, needed, _ in columns if needed and column not in header]
    unknown = [column for column in header if column not in known]
    repeated = len(set(header)) != len(header)
    if missing or unknown or repeated:
        raise InputError(
            "IMPORT_HEADER",
            file=name,
            missing=", ".join(missing),
            unknown=", ".join(column[:40] for column in unknown) or ("twice" * repeated),
        )


# ---------------------------------------------------------------- loading


class _Tally:
    """Counts, and keeps the first bad rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: dict[object, int] = {}
        self.good: dict[object, tuple[int, FeedValue]] = {}
        self.bad: list[BadRow] = []
        self.bad_rows = 0

    def leave_out(self, row: BadRow) -> None:
        self.bad_rows += 1
        if len(self.bad) < BAD_ROWS_KEPT:
            self.bad.append(row)

    def read(self, rows: Rows, make: Callable[[Row], tuple[object, FeedValue]]) -> None:
        """Make values of rows; a key that came before in the file is bad the second time."""
        for line, row in rows:
            if isinstance(row, BadRow):
                self.leave_out(row)
                continue
            try:
                _check_cells(row)
                key, value = make(row)
                if key in self.seen:
                    raise InputError("ROW_REPEATED", first_line=self.seen[key])
            except PosError as error:
                self.leave_out(BadRow(line, error.code, error.params))
            else:
                self.seen[key] = line
                self.good[key] = line, value

    def report(self, added: int, changed: int) -> FileReport:
        unchanged = len(self.good) - added - changed
        bad = tuple(self.bad)
        return FileReport(self.name, added, changed, unchanged, self.bad_rows, bad)


def _load_customers(office: Office, name: str, rows: Rows) -> FileReport:
    with office.database.read() as connection:
        gone = select(schema.customer.c.customer_id).where(schema.customer.c.body == schema.GONE)
        erased = set(connection.execute(gone).scalars())
    tally = _Tally(name)
    tally.read(rows, lambda row: _customer(row, erased))
    return _save(office, tally, schema.customer, Entity.CUSTOMER, _customer_row)


def _load_meters(office: Office, name: str, rows: Rows) -> FileReport:
    with office.database.read() as connection:
        tariffs = set(connection.execute(select(schema.tariff.c.code)).scalars())
        known: dict[int, str] = {
            row.customer_id: row.account
            for row in connection.execute(
                select(schema.customer.c.customer_id, schema.customer.c.account)
            )
        }
    accounts: dict[str, int] = {}
    for number, account in known.items():
        accounts[account] = 0 if account in accounts else number  # 0: more than one has it
    tally = _Tally(name)
    tally.read(rows, lambda row: _meter(row, tariffs, known, accounts))
    return _save(office, tally, schema.meter, Entity.METER, _meter_row, key_changes.settled)


def _load_accounts(office: Office, name: str, rows: Rows) -> FileReport:
    with office.database.read() as connection:
        meters = set(connection.execute(select(schema.meter.c.number)).scalars())
    reader = _account_rows(office, meters)
    tally = _Tally(name)
    tally.read(rows, reader.standing)
    return _save(office, tally, schema.standing, Entity.STANDING, lambda key, _: {"meter": key})


def _load_rates(office: Office, name: str, rows: Rows) -> FileReport:
    tally = _Tally(name)
    tally.read(rows, _account_rows(office, set()).rate)
    return _save(office, tally, schema.rate, Entity.RATE, lambda key, _: {"currency": key})


def _account_rows(office: Office, meters: set[str]) -> AccountRows:
    utility = office.utility
    now = office.clock.now()
    return AccountRows(currency(utility.currency_code), utility.zone, now, meters.__contains__)


def _load_tariff(office: Office, name: str, text: str) -> FileReport:
    loaded = packs.load_pack(text, name)
    for outcome in packs.check_pack(loaded):
        if not outcome.passed:
            raise InputError("TARIFF_EXAMPLE", file=name, example=outcome.name)
    if loaded.currency.code != office.utility.currency_code:
        raise InputError("TARIFF_CURRENCY", file=name, currency=office.utility.currency_code)
    with office.database.read() as connection:
        query = select(schema.tariff.c.version, schema.tariff.c.body).where(
            schema.tariff.c.code == loaded.code
        )
        known = {version: bytes(body) for version, body in connection.execute(query)}
    value = TariffText(loaded.code, text, loaded.version)
    newest = max(known, default=0)
    if loaded.version <= newest and not _same_text(known.get(loaded.version), text):
        # What was sold under a version must stay readable: a change is a new version.
        raise InputError("TARIFF_VERSION_TAKEN", file=name, newest=newest)
    tally = _Tally(name)
    tally.good[value.key] = 1, value

    def row(key: object, _: FeedValue) -> dict[str, object]:
        return {"reference": key, "code": loaded.code, "version": loaded.version}

    return _save(office, tally, schema.tariff, Entity.TARIFF, row)


def _same_text(body: bytes | None, text: str) -> bool:
    """Whether a version is the one that is loaded; older software kept it without its number."""
    if body is None:
        return False
    known = read_value(Entity.TARIFF, cbor.decode(body))
    return isinstance(known, TariffText) and known.text == text


def _save(
    office: Office,
    tally: _Tally,
    table: Any,
    entity: Entity,
    make_row: Callable[[Any, Any], dict[str, object]],
    settle: Callable[[Any, bytes | None], FeedValue] = lambda value, _: value,
) -> FileReport:
    """All good rows of a file in one transaction, and what changed into the feed.

    `settle` makes of a row's value and of the body that is here what is to be kept.
    """
    key_column = next(iter(table.primary_key))
    added, changes, rows = 0, [], []
    with office.write() as connection:
        before = _bodies(connection, table, key_column, list(tally.good))
        for key, (_, read) in tally.good.items():
            value = settle(read, before.get(key))
            body = cbor.encode(body_of(value))
            if before.get(key) == body:
                continue
            added += key not in before
            rows.append({**make_row(key, value), "body": body})
            changes.append(feed.Change(GLOBAL, entity, str(key), value))
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            some = rows[start : start + ROWS_A_STATEMENT]
            keys = [row[key_column.name] for row in some]
            connection.execute(delete(table).where(key_column.in_(keys)))
            connection.execute(insert(table), some)
        feed.publish(connection, changes)
    more = bool(changes)
    while more:  # places are given in steps of their own, so that tills are not kept waiting
        with office.write() as connection:
            more = feed.sequence(connection)
    return tally.report(added, len(rows) - added)


def _bodies(
    connection: Connection, table: Any, key_column: Any, keys: Sequence[object]
) -> dict[object, bytes]:
    found: dict[object, bytes] = {}
    for start in range(0, len(keys), ROWS_A_STATEMENT):
        some = keys[start : start + ROWS_A_STATEMENT]
        query = select(key_column, table.c.body).where(key_column.in_(some))
        found.update({key: bytes(body) for key, body in connection.execute(query)})
    return found


# ---------------------------------------------------------------- one row


def _check_cells(row: Row) -> None:
    for field, cell in row.items():
        most = LIST_CHARACTERS_MAX if field in LISTS else FIELD_CHARACTERS_MAX
        if len(cell) > most:
            raise InputError("FIELD_TOO_LONG", field=field, most=most)
        # A control character in a name would be a command to the printer.
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in cell):
            raise InputError("FIELD_CONTROL", field=field)


def _customer(row: Row, erased: Collection[int]) -> tuple[object, FeedValue]:
    number = _number(row, "customer_id", 1, (1 << 53) - 1)
    if number in erased:
        raise InputError("CUSTOMER_ERASED", customer_id=number)
    if not row["name"]:
        raise InputError("FIELD_EMPTY", field="name")
    texts = {name: row.get(name, "") for name in ("account", "phone", "address")}
    return number, Customer(number, row["name"], **texts)


def _customer_row(key: int, value: Customer) -> dict[str, object]:
    return {"customer_id": key, "account": value.account}


def _meter(
    row: Row, tariffs: set[str], known: Mapping[int, str], accounts: Mapping[str, int]
) -> tuple[object, FeedValue]:
    number = MeterNumber.parse(row["meter"])
    if row["tariff"] not in tariffs:
        raise InputError("TARIFF_UNKNOWN", tariff=row["tariff"])
    configuration = MeterConfiguration(
        ea=EncryptionAlgorithm(_one_of(row, "ea", tuple(EncryptionAlgorithm))),
        sgc=row["sgc"],
        krn=_number(row, "krn", 1, 9),
        ti=row["ti"].zfill(2) if row["ti"] else "",
        base_date=_one_of(row, "base_date", (1993, 2014, 2035)),
        ken=_number(row, "ken", 0, 255, usual=255),
        tct=_one_of(row, "tct", tuple(TOKEN_CARRIERS), usual=NUMERIC),
        kt=KeyType(_one_of(row, "kt", tuple(KeyType), usual=int(KeyType.UNIQUE))),
    )
    state = row.get("state", "").lower() or MeterState.ACTIVE.value
    if state not in set(MeterState):
        raise InputError("FIELD_VALUE", field="state", expected=", ".join(MeterState))
    return number.digits, Meter(
        number,
        configuration,
        row["tariff"],
        _owner(row, known, accounts),
        MeterState(state),
        _one_of(row, "phases", (1, 3), usual=1),
        row.get("maker", ""),
        _number(row, "ct_ratio", 1, CT_RATIO_MAX, usual=1),
        _wanted(row, configuration),
    )


def _wanted(row: Row, present: MeterConfiguration) -> MeterConfiguration | None:
    """The key a meter is to get; None where no column says another than it has."""
    ti = row.get("new_ti", "")
    wanted = replace(
        present,
        sgc=row.get("new_sgc", "") or present.sgc,
        krn=_number(row, "new_krn", 1, 9, usual=present.krn),
        ti=ti.zfill(2) if ti else present.ti,
        base_date=_one_of(row, "new_base_date", (1993, 2014, 2035), usual=present.base_date),
        ken=_number(row, "new_ken", 0, 255, usual=present.ken),
    )
    return None if wanted == present else wanted


def _meter_row(key: str, value: Meter) -> dict[str, object]:
    return {"number": key, "customer_id": value.customer_id, "tariff": value.tariff}


def _owner(row: Row, known: Mapping[int, str], accounts: Mapping[str, int]) -> int:
    number = _number(row, "customer_id", 0, (1 << 53) - 1, usual=0)
    account = row.get("account", "")
    if number:
        if number not in known:
            raise InputError("CUSTOMER_UNKNOWN", customer_id=number)
        if account and known[number] != account:
            raise InputError("CUSTOMER_CONFLICT", customer_id=number, account=account)
        return number
    if not account:
        return 0
    if account not in accounts:
        raise InputError("ACCOUNT_UNKNOWN", account=account)
    if not accounts[account]:
        raise InputError("ACCOUNT_SHARED", account=account)
    return accounts[account]


def _number(row: Row, field: str, low: int, high: int, usual: int | None = None) -> int:
    text = row.get(field, "")
    if not text and usual is not None:
        return usual
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise InputError("FIELD_NUMBER", field=field, low=low, high=high, found=text[:40])
    return int(text)


def _one_of(row: Row, field: str, choices: Sequence[int], usual: int | None = None) -> int:
    number = _number(row, field, min(choices), max(choices), usual)
    if number not in choices:
        expected = ", ".join(str(int(choice)) for choice in choices)
        raise InputError("FIELD_VALUE", field=field, expected=expected)
    return number
