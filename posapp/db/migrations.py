"""Brings a database to the newest schema with Alembic, forward only, in one transaction.

Migration files are `versions/NNNN_word.py` and their revision is `NNNN`; so the newest one is
known without importing Alembic, which a start that has nothing to migrate need not pay for.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection

from posapp.db.engine import Database
from posapp.errors import StoreError


def known_versions(script_location: Path) -> tuple[str, ...]:
    """The revisions this software carries, oldest first."""
    names = (p.name for p in (script_location / "versions").iterdir())
    found = sorted(m.group(1) for n in names if (m := re.fullmatch(r"(\d{4})_\w+\.py", n)))
    assert found, "no migration in this installation"
    return tuple(found)


def current_version(connection: Connection, version_table: str) -> str | None:
    """The revision a database has; None for an empty one."""
    present = connection.exec_driver_sql(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (version_table,)
    ).first()
    if present is None:
        return None
    row = connection.exec_driver_sql(f"SELECT version_num FROM {version_table}").first()
    return None if row is None else str(row[0])


def upgrade(database: Database, script_location: Path, version_table: str) -> str:
    """Bring the schema to the newest revision and return it; all of it or nothing.

    `script_location` holds `versions/`; no env.py is needed. Raises StoreError STORE_NEWER
    when the database was written by newer software: it is then left untouched.
    """
    versions = known_versions(script_location)
    with database.write() as connection:
        current = current_version(connection, version_table)
        if current == versions[-1]:
            return current
        if current is not None and current not in versions:
            raise StoreError("STORE_NEWER", found=current, known=versions[-1])
        _run(connection, script_location, version_table)
    return versions[-1]


def check_version(database: Database, script_location: Path, version_table: str) -> None:
    """For a read-only opening: raise STORE_NEWER or STORE_OLDER unless the schema is ours."""
    versions = known_versions(script_location)
    with database.read() as connection:
        current = current_version(connection, version_table)
    if current == versions[-1]:
        return
    code = "STORE_OLDER" if current is None or current in versions else "STORE_NEWER"
    raise StoreError(code, found=current or "", known=versions[-1])


def _run(connection: Connection, script_location: Path, version_table: str) -> None:
    # Imported late: Alembic costs a tenth of a second and is needed once a release.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(script_location))
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": version_table,
            "script": script,
            "fn": lambda revision, _: script._upgrade_revs("head", revision),
        },
    )
    with Operations.context(context):
        context.run_migrations()
