"""Stores as older software left them: the schema of a revision, with the rows of one of today."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from posapp.db import migrations
from posapp.db.engine import Database, open_sqlcipher


def made_older(
    path: Path, key: bytes, scripts: Path, revision: str, version_table: str, scratch: Path
) -> Database:
    """Put in place of `path` its rows under an older revision; columns of later are left out.

    Whatever older software wrote otherwise the caller changes in the database that comes back.
    """
    versions = scratch / "versions"
    versions.mkdir(parents=True)
    for script in sorted((scripts / "versions").glob("*.py")):
        if script.name[:4] <= revision:
            shutil.copy(script, versions)
    newer = scratch / "newer.db"
    shutil.move(path, newer)
    source = open_sqlcipher(newer, key, create=False)
    older = open_sqlcipher(path, key, create=True)
    migrations.upgrade(older, scratch, version_table)
    with source.read() as rows, older.write() as made:
        for table in _tables(made):
            if table != version_table:
                _copy(rows, made, table)
    source.close()
    return older


def _tables(connection: Connection) -> list[str]:
    found = connection.exec_driver_sql(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT LIKE 'customer_words%'"
    )
    return [row[0] for row in found]


def _copy(source: Connection, target: Connection, table: str) -> None:
    there, here = (
        [row[1] for row in c.exec_driver_sql(f"PRAGMA table_info({table})")]
        for c in (source, target)
    )
    names = ", ".join(name for name in here if name in there)
    rows = [tuple(row) for row in source.exec_driver_sql(f"SELECT {names} FROM {table}")]
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        target.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
