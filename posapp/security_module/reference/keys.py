"""Reads key files made for tests: JSON, in the clear, and refused unless marked so.

    {"marked": "test",
     "keys": [{"sgc": "201457", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 4,
               "secret": "abababababababab949494949494949401234567"}]}

A key may also have `active_from` and `issue_until` (ISO 8601 with an offset) and `permitted`, a
list of classes and subclasses like "0.4". Real vending keys come in sealed files for one
certified module and never look like this.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from posapp.codec.files import read_json
from posapp.domain.meter import KeyType
from posapp.errors import ConfigError, InputError, PosError
from posapp.security_module.link.messages import KEYS_MAX
from posapp.sts.keys import VendingKey, permitted_kinds

MARK = "test"
FILE_BYTES_MAX = 64 * 1024
_FIELDS: dict[str, type] = {
    "sgc": str,
    "krn": int,
    "kt": int,
    "base_date": int,
    "ken": int,
    "dkga": int,
    "secret": str,
}
_OPTIONAL: dict[str, type] = {"active_from": str, "issue_until": str, "permitted": list}


def load_key_file(path: Path) -> tuple[VendingKey, ...]:
    """The keys of a test key file, each (SGC, KRN) once, 1..64 of them.

    Raises ConfigError FILE_UNREADABLE, KEYS_NOT_TEST, and KEY_FILE_INVALID(file, field, expected)
    whose parameters never quote the file.
    """
    try:
        content = read_json(path, FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _invalid(path, "file", "JSON object")
    if content.get("marked") != MARK:
        raise ConfigError("KEYS_NOT_TEST", file=str(path))
    rows = content.get("keys")
    if not isinstance(rows, list) or not 1 <= len(rows) <= KEYS_MAX:
        raise _invalid(path, "keys", f"list of 1..{KEYS_MAX}")
    keys = tuple(_key(path, place, row) for place, row in enumerate(rows))
    if len({(key.sgc, key.krn) for key in keys}) != len(keys):
        raise _invalid(path, "keys", "each sgc and krn once")
    return keys


def _key(path: Path, place: int, row: Any) -> VendingKey:
    name = f"keys[{place}]"
    if not isinstance(row, dict):
        raise _invalid(path, name, ", ".join(_FIELDS))
    for field in (*_FIELDS, *row):
        if field not in row or field not in {*_FIELDS, *_OPTIONAL}:
            raise _invalid(
                path, f"{name}.{str(field)[:40]}", "there" if field in _FIELDS else "absent"
            )
    values: dict[str, Any] = {"test": True}
    for field, value in row.items():
        kind = (_FIELDS | _OPTIONAL)[field]
        if type(value) is not kind:
            raise _invalid(path, f"{name}.{field}", kind.__name__)
        try:
            values[field] = _READERS[field](value) if field in _READERS else value
        except (ValueError, InputError):  # its text would quote the file: it is not passed on
            raise _invalid(path, f"{name}.{field}", _EXPECTED[field]) from None
    try:
        return VendingKey(**values)
    except InputError as error:
        wrong = error.params.get("field")
        where = f"{name}.{wrong}" if wrong else name
        raise _invalid(path, where, _EXPECTED.get(str(wrong), error.code)) from None


def _permitted(names: list[Any]) -> frozenset[tuple[int, int]]:
    return permitted_kinds(str(name) for name in names)


_READERS: dict[str, Callable[[Any], Any]] = {
    "secret": bytes.fromhex,
    "kt": KeyType,
    "active_from": datetime.fromisoformat,
    "issue_until": datetime.fromisoformat,
    "permitted": _permitted,
}
_EXPECTED = {
    "sgc": "six digits",
    "krn": "1..9",
    "base_date": "1993, 2014 or 2035",
    "ken": "0..255",
    "secret": "hex digits",
    "kt": "0..3",
    "active_from": "a time like 2026-11-20T00:00:00+00:00",
    "issue_until": "a time like 2026-11-20T00:00:00+00:00",
    "permitted": 'class and subclass like "0.4"',
}


def _invalid(path: Path, field: str, expected: str) -> PosError:
    return ConfigError("KEY_FILE_INVALID", file=str(path), field=field, expected=expected)
