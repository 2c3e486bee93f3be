"""Head office sees a till that was brought back from a backup, and keeps both of its histories."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from posapp.codec.signing import SigningKey
from posapp.headoffice import admin, schema
from posapp.headoffice.desk import Desk
from posapp.headoffice.office import Office
from posapp.journal.chain import Entry
from posapp.journal.restore_facts import StoreRestored
from posapp.lanes import InlineLanes
from posapp.ports import LinkState, SyncStatus
from posapp.store.backup import SqlBackups
from posapp.store.feed import SqlSyncStore
from posapp.store.restore import restore
from posapp.store.store import SqlStore, create_store, open_store
from posapp.sync.enrol import enrol
from posapp.sync.http_sync import HttpSync
from posapp.wire import batch
from tests.office import SOFTWARE, TERMS, DirectLine, FixedClock, SeededRandomness, an_office
from tests.stores import KEY, Seller

SECRET = bytes(range(32))


class _Scene:
    """One office and one till of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock()
        self.office: Office = an_office(folder / "office", self.clock)
        admin.set_up_till(self.office, "K7M2", "", "Shop", "Market St", TERMS)
        self.line = DirectLine(Desk(self.office))
        code = admin.make_code(self.office, "K7M2").text
        key = SigningKey(SECRET)
        answer = enrol(
            self.line, code, self.clock, SeededRandomness(3), signing_key=key, software=SOFTWARE
        )
        self.store: SqlStore = create_store(folder / "till", KEY, **self._given())
        self.store.install(answer.site, answer.till_id, SECRET, answer.head_office_key, SOFTWARE)
        (folder / "stick").mkdir()
        self.sync()

    def _given(self) -> dict[str, object]:
        return {
            "clock": self.clock,
            "randomness": SeededRandomness(5),
            "lanes": InlineLanes(),
            "reserve_bytes": 0,
        }

    def sync(self) -> SyncStatus:
        store = SqlSyncStore(self.store)
        return HttpSync(
            store, self.line, self.clock, SeededRandomness(4), software=SOFTWARE
        ).run_once()

    def sell(self, count: int, seed: int) -> None:
        seller = Seller(self.store, seed=seed)
        for number in range(count):
            seller.sell(seed * 100 + number)

    def backup(self) -> Path:
        made = SqlBackups(self.store, self.folder / "stick", self.clock).make()
        return self.folder / "stick" / "K7M2" / made.name

    def bring_back(self, backup: Path) -> None:
        self.store.close()
        restore(
            backup, self.folder / "till", KEY,
            clock=self.clock, randomness=SeededRandomness(9), software=SOFTWARE,
        )  # fmt: skip
        self.open()

    def open(self) -> None:
        self.store = open_store(self.folder / "till", KEY, **self._given())

    def incidents(self) -> list[bytes]:
        table = schema.incident
        with self.office.database.read() as connection:
            return [bytes(row) for row in connection.execute(select(table.c.evidence)).scalars()]

    def entries(self) -> int:
        with self.office.database.read() as connection:
            query = select(func.count()).select_from(schema.journal)
            return int(connection.execute(query).scalar_one())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[_Scene]:
    made = _Scene(tmp_path)
    yield made
    made.store.close()
    made.office.close()


def test_a_restored_till_that_had_sent_nothing_since_its_backup_goes_on(scene: _Scene):
    scene.sell(3, 1)
    backup = scene.backup()
    scene.sell(2, 2)
    scene.bring_back(backup)
    status = scene.sync()
    assert (status.state, status.problem, status.waiting) == (LinkState.ONLINE, "", 0)
    assert scene.incidents() == []


def test_a_restored_till_whose_later_sales_are_known_is_a_fork_that_explains_itself(
    scene: _Scene, expect_log: Callable[[str], None]
):
    expect_log("answered FORK")
    scene.sell(3, 1)
    backup = scene.backup()
    scene.sell(2, 2)
    assert scene.sync().state is LinkState.ONLINE
    known = scene.entries()
    scene.bring_back(backup)
    status = scene.sync()
    assert (status.state, status.problem) == (LinkState.SUSPENDED, "TILL_FORKED")
    assert scene.entries() == known, "what was known first stays as it is"
    (evidence,) = scene.incidents()
    base = scene.store.read(lambda reader: reader.acknowledged_seq())
    shown = [Entry.from_bytes(data) for data in batch.decode(evidence[32 + 64 :], base)]
    assert shown[-1].kind == StoreRestored.KIND
    scene.sync()
    assert len(scene.incidents()) == 1


def test_a_store_put_back_by_hand_is_told_from_a_restored_one(scene: _Scene):
    scene.sell(3, 1)
    scene.store.close()
    shutil.copytree(scene.folder / "till", scene.folder / "copy")
    scene.open()
    scene.sell(2, 2)
    scene.sync()
    scene.store.close()
    shutil.rmtree(scene.folder / "till")
    shutil.copytree(scene.folder / "copy", scene.folder / "till")
    scene.open()
    assert scene.sync().problem == "TILL_ROLLED_BACK"
