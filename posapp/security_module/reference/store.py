"""The module's sealed memory: its file, made and opened, and its keys. SQLCipher underneath.

What is asked and written in a transaction is in `books.py`; it is durable when the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from posapp.clock import Randomness, epoch_ms, from_epoch_ms
from posapp.codec.signing import SigningKey
from posapp.db import migrations
from posapp.db.engine import Database, open_sqlcipher
from posapp.domain.meter import KeyType
from posapp.errors import ConfigError, StoreError
from posapp.security_module.reference.books import Books
from posapp.security_module.reference.schema import module, vending_keys
from posapp.sts.keys import VendingKey, permitted_kinds

FILE_NAME = "module.db"
VERSION_TABLE = "module_version"
SECRET_BYTES = 32
_MIGRATIONS = Path(__file__).parent / "migrations"


class ModuleStore:
    """The opened store of one module; a second process on it is refused (STORE_IN_USE)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.read() as connection:
            self.module_id = str(connection.execute(select(module.c.module_id)).scalar_one())

    @contextmanager
    def write(self) -> Iterator[Books]:
        """One transaction, durable at its end. Raises StoreError; then read back what became."""
        with self._database.write() as connection:
            yield Books(connection)

    @contextmanager
    def read(self) -> Iterator[Books]:
        """One snapshot."""
        with self._database.read() as connection:
            yield Books(connection)

    def keys(self) -> tuple[VendingKey, ...]:
        """All vending keys, with their secrets: for the engine's memory only."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(vending_keys).order_by(vending_keys.c.sgc, vending_keys.c.krn)
            ).all()
        return tuple(_key_of(row._mapping) for row in rows)

    def put_key(self, key: VendingKey) -> None:
        """Add a vending key or replace the one of its SGC and KRN; durable. Raises StoreError."""
        row = _key_row(key)
        with self._database.write() as connection:
            connection.execute(
                upsert(vending_keys)
                .values(**row)
                .on_conflict_do_update(
                    index_elements=[vending_keys.c.sgc, vending_keys.c.krn], set_=row
                )
            )

    def identity(self, randomness: Randomness) -> tuple[SigningKey, bytes]:
        """The key that signs the audit, and the X25519 secret that opens key files.

        Made at the first start, when a module was older than they are. Raises StoreError.
        """
        with self._database.write() as connection:
            columns = select(module.c.audit_secret, module.c.seal_secret)
            row = connection.execute(columns).one()
            if row.audit_secret is None:
                made = {name: randomness.bytes(SECRET_BYTES) for name in row._fields}
                connection.execute(update(module).values(**made))
                row = connection.execute(columns).one()
        return SigningKey(row.audit_secret), bytes(row.seal_secret)

    def hold_tables(self, fingerprint: bytes, *, new: bool = False) -> None:
        """Remember the STA tables of the first start; raise ConfigError STA_TABLES_CHANGED for
        others afterwards, unless they are meant to be `new`. Raises StoreError.
        """
        with self._database.write() as connection:
            held = connection.execute(select(module.c.sta_tables)).scalar_one()
            if held == fingerprint:
                return
            if held is not None and not new:
                raise ConfigError("STA_TABLES_CHANGED")
            connection.execute(update(module).values(sta_tables=fingerprint))

    def words(self) -> tuple[bytes | None, bytes | None]:
        """The text of whom it trusts (None: a laboratory's module), the newest authorisation."""
        with self._database.read() as connection:
            row = connection.execute(select(module.c.trust, module.c.authorisation)).one()
        return row.trust, row.authorisation

    def rest(self) -> None:
        """Between requests: move the write-ahead log into the file when it is due."""
        self._database.checkpoint_if_due(idle=True)

    def close(self) -> None:
        """End everything; safe to call twice."""
        self._database.close()


def open_store(folder: Path, key: bytes) -> ModuleStore:
    """The store in `folder` under its raw 32-byte key, brought to today's schema.

    Raises StoreError STORE_MISSING, STORE_KEY_WRONG, STORE_IN_USE, STORE_NEWER, STORE_DAMAGED.
    """
    database = open_sqlcipher(folder / FILE_NAME, key, create=False)
    try:
        migrations.upgrade(database, _MIGRATIONS, VERSION_TABLE)
        return ModuleStore(database)
    except BaseException:
        database.close()
        raise


def create_store(
    folder: Path,
    key: bytes,
    module_id: str,
    keys: tuple[VendingKey, ...],
    now_ms: int,
    trust: bytes | None = None,
) -> None:
    """Make the store in `folder`, whole or not at all. Raises StoreError STORE_EXISTS.

    `trust` is the text of a `Trust`; without it the module is a laboratory's, without limits.
    """
    final = folder / FILE_NAME
    making = folder / (FILE_NAME + ".new")
    if final.exists():
        raise StoreError("STORE_EXISTS", path=str(final))
    for stale in folder.glob(making.name + "*"):  # what an interrupted attempt left
        stale.unlink()
    database = open_sqlcipher(making, key, create=True)
    try:
        migrations.upgrade(database, _MIGRATIONS, VERSION_TABLE)
        with database.write() as connection:
            connection.execute(
                insert(module).values(
                    one=1,
                    module_id=module_id,
                    created_ms=now_ms,
                    clock_floor_ms=now_ms,
                    trust=trust,
                )
            )
            if keys:  # none where a device keeps them
                connection.execute(insert(vending_keys), [_key_row(key) for key in keys])
    finally:
        database.close()
    making.rename(final)
    for left in folder.glob(making.name + "*"):
        left.unlink()


def _key_row(key: VendingKey) -> dict[str, Any]:
    permitted = None
    if key.permitted is not None:
        permitted = " ".join(f"{c}.{subclass}" for c, subclass in sorted(key.permitted))
    return {
        "sgc": key.sgc,
        "krn": key.krn,
        "kt": int(key.kt),
        "base_date": key.base_date,
        "ken": key.ken,
        "dkga": key.dkga,
        "secret": key.secret,
        "test": key.test,
        "active_from_ms": None if key.active_from is None else epoch_ms(key.active_from),
        "issue_until_ms": None if key.issue_until is None else epoch_ms(key.issue_until),
        "permitted": permitted,
    }


def _key_of(row: RowMapping) -> VendingKey:
    values = {name: row[name] for name in ("sgc", "krn", "base_date", "ken", "dkga", "secret")}
    permitted = row["permitted"]
    return VendingKey(
        **values,
        kt=KeyType(row["kt"]),
        test=bool(row["test"]),
        active_from=_moment(row["active_from_ms"]),
        issue_until=_moment(row["issue_until_ms"]),
        permitted=None if permitted is None else permitted_kinds(permitted.split()),
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_epoch_ms(ms)
