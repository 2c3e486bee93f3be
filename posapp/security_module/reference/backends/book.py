"""The book of a device's keys: a small file beside the store that only this module can write.

It has no secrets. A key's check value says that its attributes are those it was loaded with, so
even who could write the file could make no other use of a key.
"""

from __future__ import annotations

from typing import Any

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.domain.meter import KeyType
from posapp.errors import ConfigError, InputError, ModuleError, StoreError
from posapp.security_module.reference.backends import BookedKey
from posapp.security_module.reference.seal import VouchedFile
from posapp.sts.keys import KeyAttributes

FILE_NAME = "keys.vouched"
PURPOSE = b"posapp/device-keys/1"
FILE_BYTES_MAX = 64 * 1024
_VERSION = 1


class VouchedBook:
    """Implements `KeyBook`. Raises ModuleError SEAL_DAMAGED(file) when opened, if it is."""

    def __init__(self, file: VouchedFile) -> None:
        self._file = file
        self._rows = {row.name: row for row in _read(file)}

    def rows(self) -> tuple[BookedKey, ...]:
        """All rows, by SGC and KRN."""
        return tuple(self._rows[name] for name in sorted(self._rows))

    def put(self, key: BookedKey) -> None:
        """Add a row or replace the one of this SGC and KRN; durable. Raises StoreError."""
        self._save({**self._rows, key.name: key})

    def drop(self, sgc: str, krn: int) -> None:
        """Forget a row; durable. Raises StoreError."""
        self._save({name: row for name, row in self._rows.items() if name != (sgc, krn)})

    def _save(self, rows: dict[tuple[str, int], BookedKey]) -> None:
        values = [[*attribute_values(row.attributes), row.kept] for row in rows.values()]
        try:
            self._file.write(cbor.encode([_VERSION, values]))
        except ConfigError:
            raise StoreError("STORE_DISK_ERROR") from None
        self._rows = rows


def attribute_values(known: KeyAttributes) -> list[Any]:
    """All attributes as canonical CBOR takes them: times in milliseconds, kinds in order."""
    return [
        known.sgc,
        known.krn,
        int(known.kt),
        known.base_date,
        known.ken,
        known.dkga,
        None if known.active_from is None else epoch_ms(known.active_from),
        None if known.issue_until is None else epoch_ms(known.issue_until),
        None if known.permitted is None else [list(kind) for kind in sorted(known.permitted)],
        known.test,
    ]


def _read(file: VouchedFile) -> list[BookedKey]:
    if not file.path.exists():
        return []
    content = file.read()
    try:
        version, rows = cbor.decode(content)
        if version == _VERSION:
            return [_row(values) for values in rows]
    except (InputError, TypeError, ValueError):
        pass
    raise ModuleError("SEAL_DAMAGED", file=file.path.name)


def _row(values: Any) -> BookedKey:
    sgc, krn, kt, base_date, ken, dkga, active_from, issue_until, permitted, test, kept = values
    known = KeyAttributes(
        sgc,
        krn,
        KeyType(kt),
        base_date,
        ken,
        dkga,
        None if active_from is None else from_epoch_ms(active_from),
        None if issue_until is None else from_epoch_ms(issue_until),
        None if permitted is None else frozenset((kind[0], kind[1]) for kind in permitted),
        test,
    )
    if not isinstance(kept, bytes):
        raise TypeError("kept")
    return BookedKey(known, kept)
