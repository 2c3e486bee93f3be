"""The module's sealed memory: keys, used numbers, given TIDs, answers. SQLCipher underneath.

`engine.py` asks one `Books` per transaction; what it wrote is durable when the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.db import migrations
from posapp.db.engine import Database, open_sqlcipher
from posapp.domain.meter import KeyType
from posapp.errors import StoreError
from posapp.security_module.reference.schema import (
    issued_tids,
    issues,
    module,
    tills,
    vending_keys,
)
from posapp.sts.keys import VendingKey, permitted_kinds

FILE_NAME = "module.db"
VERSION_TABLE = "module_version"
_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to a request that was executed."""

    audit_no: int
    till: bytes
    digest: bytes
    tokens: tuple[str, ...]

    def __repr__(self) -> str:
        return f"StoredAnswer({self.audit_no}, {len(self.tokens)} tokens)"


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One executed request.

    `items` are rows of issued_tids without meter and audit number: only what took a TID.
    """

    request_id: bytes
    till: bytes
    sequence: int
    digest: bytes
    at_ms: int
    meter: str
    sgc: str
    krn: int
    tokens: tuple[str, ...]
    items: tuple[dict[str, Any], ...]

    def __repr__(self) -> str:
        return f"IssueRow({self.request_id.hex()}, {len(self.tokens)} tokens)"


class Books:
    """Questions and entries inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, request_id: bytes) -> StoredAnswer | None:
        """What this request was answered, if it was executed; kept for ever."""
        row = self._connection.execute(
            select(issues.c.audit_no, issues.c.till, issues.c.digest, issues.c.tokens).where(
                issues.c.request_id == request_id
            )
        ).first()
        if row is None:
            return None
        return StoredAnswer(row.audit_no, row.till, row.digest, tuple(row.tokens.split()))

    def last_sequence(self, till: bytes) -> int:
        """The highest number this till has used up; 0 before the first."""
        row = self._connection.execute(
            select(tills.c.last_sequence).where(tills.c.till == till)
        ).first()
        return 0 if row is None else int(row.last_sequence)

    def issue_count(self) -> int:
        """The number of the last entry; entries are numbered from 1 without gaps."""
        return self._connection.execute(select(func.max(issues.c.audit_no))).scalar_one() or 0

    def high_water(self, meter: str, base_date: int) -> int | None:
        """The highest ordinary TID given to a meter under a base date."""
        t = issued_tids.c
        row = self._connection.execute(
            select(t.tid)
            .where(t.meter == meter, t.base_date == base_date, t.reserved.is_(False))
            .order_by(t.tid.desc())
            .limit(1)
        ).first()
        return None if row is None else int(row.tid)

    def is_given(self, meter: str, base_date: int, tid: int) -> bool:
        """Whether exactly this TID was given to a meter under a base date."""
        t = issued_tids.c
        row = self._connection.execute(
            select(t.tid).where(t.meter == meter, t.base_date == base_date, t.tid == tid)
        ).first()
        return row is not None

    def clock_floor_ms(self) -> int:
        """A moment that has surely passed."""
        return int(self._connection.execute(select(module.c.clock_floor_ms)).scalar_one())

    def raise_clock_floor(self, now_ms: int) -> None:
        """Time passed at least to `now_ms`; it never goes back."""
        self._connection.execute(
            update(module).where(module.c.clock_floor_ms < now_ms).values(clock_floor_ms=now_ms)
        )

    def use_up(self, till: bytes, sequence: int) -> None:
        """No request of this till with this number or a lower one runs from now on."""
        row = upsert(tills).values(till=till, last_sequence=sequence)
        self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[tills.c.till],
                set_={"last_sequence": func.max(tills.c.last_sequence, row.excluded.last_sequence)},
            )
        )

    def record(self, row: IssueRow) -> int:
        """Enter an executed request with all its TIDs; its audit number."""
        audit_no = self.issue_count() + 1
        self._connection.execute(
            insert(issues).values(
                audit_no=audit_no,
                request_id=row.request_id,
                till=row.till,
                sequence=row.sequence,
                digest=row.digest,
                at_ms=row.at_ms,
                meter=row.meter,
                sgc=row.sgc,
                krn=row.krn,
                tokens=" ".join(row.tokens),
            )
        )
        if row.items:
            self._connection.execute(
                insert(issued_tids),
                [{"meter": row.meter, "audit_no": audit_no, **item} for item in row.items],
            )
        return audit_no


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
    folder: Path, key: bytes, module_id: str, keys: tuple[VendingKey, ...], now_ms: int
) -> None:
    """Make the store in `folder`, whole or not at all. Raises StoreError STORE_EXISTS."""
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
                    one=1, module_id=module_id, created_ms=now_ms, clock_floor_ms=now_ms
                )
            )
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
