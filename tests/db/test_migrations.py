"""The Alembic runner: to the newest, all or nothing, never backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from posapp.db import migrations
from posapp.db.engine import Database, open_sqlcipher
from posapp.errors import StoreError

KEY = bytes(range(32))
TABLE = "schema_version"


@pytest.fixture
def database(tmp_path: Path):
    made = open_sqlcipher(tmp_path / "a.db", KEY, create=True)
    yield made
    made.close()


def a_script(folder: Path, number: int, statement: str) -> Path:
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    before = f"'{number - 1:04d}'" if number > 1 else "None"
    (versions / f"{number:04d}_step.py").write_text(
        "from alembic import op\n"
        f"revision = '{number:04d}'\ndown_revision = {before}\n"
        f"def upgrade():\n    {statement}\n"
    )
    return folder / "migrations"


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {row[0] for row in rows}


def test_an_empty_database_gets_every_step(tmp_path: Path, database: Database):
    a_script(tmp_path, 1, "op.execute('CREATE TABLE one (a) ')")
    scripts = a_script(tmp_path, 2, "op.execute('CREATE TABLE two (a)')")
    assert migrations.upgrade(database, scripts, TABLE) == "0002"
    assert {"one", "two"} <= _tables(database)
    migrations.check_version(database, scripts, TABLE)


def test_a_later_step_is_added_and_a_second_run_does_nothing(tmp_path: Path, database: Database):
    scripts = a_script(tmp_path, 1, "op.execute('CREATE TABLE one (a)')")
    migrations.upgrade(database, scripts, TABLE)
    a_script(tmp_path, 2, "op.execute('CREATE TABLE two (a)')")
    with pytest.raises(StoreError) as caught:
        migrations.check_version(database, scripts, TABLE)
    assert caught.value.code == "STORE_OLDER"
    assert migrations.upgrade(database, scripts, TABLE) == "0002"
    assert migrations.upgrade(database, scripts, TABLE) == "0002"


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, database: Database):
    a_script(tmp_path, 1, "op.execute('CREATE TABLE one (a)')")
    scripts = a_script(tmp_path, 2, "raise RuntimeError('broken step')")
    with pytest.raises(RuntimeError):
        migrations.upgrade(database, scripts, TABLE)
    assert _tables(database) == set()


def test_a_database_of_newer_software_is_refused_and_untouched(tmp_path: Path, database: Database):
    scripts = a_script(tmp_path, 1, "op.execute('CREATE TABLE one (a)')")
    migrations.upgrade(database, scripts, TABLE)
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {TABLE} SET version_num = '0009'")
    for attempt in (migrations.upgrade, migrations.check_version):
        with pytest.raises(StoreError) as caught:
            attempt(database, scripts, TABLE)
        assert caught.value.code == "STORE_NEWER"
    assert _tables(database) == {"one", TABLE}
