"""The store of every release opens with this software: upgraded whole, open sales and all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from posapp.db import copying, migrations
from posapp.db.engine import open_sqlcipher
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.errors import StoreError
from posapp.store import store as till_store
from posapp.store.backup import verify
from posapp.store.schema import MIGRATIONS, STORE_FILE, VERSION_TABLE
from posapp.store.store import BEFORE_UPGRADE
from tests.golden_store import DATA, make
from tests.stores import KEY, Seller, again

NEWEST = migrations.known_versions(MIGRATIONS)[-1]
GOLDEN = sorted(path.stem.removeprefix("store-") for path in DATA.glob("store-*.db"))


def _released(folder: Path, schema: str) -> dict[str, Any]:
    folder.mkdir()
    shutil.copyfile(DATA / f"store-{schema}.db", folder / STORE_FILE)
    told: dict[str, Any] = json.loads((DATA / f"store-{schema}.json").read_text("ascii"))
    return told


def test_there_is_a_store_of_a_release():
    assert "0002" in GOLDEN
    assert set(GOLDEN) <= set(migrations.known_versions(MIGRATIONS))


@pytest.mark.parametrize("schema", GOLDEN)
def test_a_store_of_a_release_is_upgraded_and_goes_on(tmp_path: Path, schema: str):
    told = _released(tmp_path / "till", schema)
    store = again(tmp_path / "till")
    with store.opened_copy(tmp_path / "till" / STORE_FILE) as connection:
        assert connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
    epoch, seq, digest = told["head"]
    assert store.hash_of(epoch, seq) == bytes.fromhex(digest)
    assert store.verify_journal().head.seq == seq
    assert store.check_projections().differences == ()
    sold = [store.read(lambda r, i=i: r.sale(bytes.fromhex(i))) for i in told["sold"]]
    assert all(record.state in SOLD_STATES and record.tokens for record in sold)
    left = store.read(lambda reader: reader.open_sales())
    assert [record.intent.sale_id.hex() for record in left] == told["open"]
    assert [record.state for record in left] == [SaleState.REQUESTED, SaleState.INTENT]
    assert store.read(lambda reader: reader.vended_total_minor()) == told["vended_minor"]
    assert store.read(lambda r: r.search_words(["achieng"], 10)), "people are found"
    assert Seller(store, seed=8).sell(9).receipt == told["receipt"] + 1
    store.close()


@pytest.mark.parametrize("schema", [schema for schema in GOLDEN if schema != NEWEST])
def test_what_an_upgrade_changes_is_copied_before(tmp_path: Path, schema: str):
    told = _released(tmp_path / "till", schema)
    again(tmp_path / "till").close()
    copies = [path for path in (tmp_path / "till").iterdir() if BEFORE_UPGRADE in path.name]
    assert [path.name for path in copies] == [f"{BEFORE_UPGRADE}{schema}.db"]
    with copying.opened_copy(copies[0], KEY) as connection:
        report = verify(connection)
    assert (report.schema, report.head.hash.hex()) == (schema, told["head"][2])
    again(tmp_path / "till").close()
    assert len(list((tmp_path / "till").glob(f"{BEFORE_UPGRADE}*"))) == 1


def test_without_room_for_that_copy_nothing_is_upgraded(tmp_path: Path, monkeypatch):
    _released(tmp_path / "till", "0002")
    before = (tmp_path / "till" / STORE_FILE).read_bytes()
    monkeypatch.setattr(till_store, "UPGRADE_ROOM_BYTES", 1 << 60)
    with pytest.raises(StoreError) as caught:
        again(tmp_path / "till")
    assert caught.value.code == "DISK_FULL"
    assert (tmp_path / "till" / STORE_FILE).read_bytes() == before
    monkeypatch.undo()
    again(tmp_path / "till").close()


def test_an_older_store_is_not_upgraded_by_somebody_who_only_looks(tmp_path: Path):
    _released(tmp_path / "till", "0002")
    with pytest.raises(StoreError) as caught:
        again(tmp_path / "till", read_only=True)
    assert caught.value.code == "STORE_OLDER"


def test_the_maker_of_golden_stores_makes_what_is_tested(tmp_path: Path):
    told = make(tmp_path / "till")
    database = open_sqlcipher(tmp_path / "till" / STORE_FILE, KEY, create=False)
    with database.read() as connection:
        assert migrations.current_version(connection, VERSION_TABLE) == NEWEST
    database.close()
    store = again(tmp_path / "till")
    assert len(store.read(lambda reader: reader.open_sales())) == len(told["open"])
    store.close()
