"""A backup is a file that was read back; it stands in no sale's way and old ones make room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from posapp.db.copying import opened_copy
from posapp.domain.operator import Operator, Role
from posapp.errors import StoreError
from posapp.journal.facts import ShiftClosed, ShiftOpened
from posapp.lanes import ThreadLanes
from posapp.services.backup import AGAIN, Backup
from posapp.store import backup as store_backup
from posapp.store.backup import SqlBackups, verify
from posapp.store.backup_files import BackupFile, kept
from posapp.store.store import SqlStore
from tests.stores import KEY, START, Seller, StoppedClock, a_store

CODE = "K7M2"


def _shelf(tmp_path: Path, clock: StoppedClock | None = None) -> tuple[SqlStore, SqlBackups, Path]:
    clock = clock or StoppedClock()
    store = a_store(tmp_path / "till", clock)
    (tmp_path / "stick").mkdir()
    return store, SqlBackups(store, tmp_path / "stick", clock), tmp_path / "stick" / CODE


def _code(work: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        work()
    return caught.value


def test_a_backup_holds_everything_committed_and_lies_alone_in_its_folder(tmp_path: Path):
    store, backups, folder = _shelf(tmp_path)
    seller = Seller(store)
    for number in range(20):
        seller.sell(number + 1)
    made = backups.make()
    assert made.seq == 41 and made.at == START
    assert (
        [path.name for path in folder.iterdir()]
        == [made.name]
        == ["K7M2-20261119T060000Z-1-41.backup"]
    )
    with opened_copy(folder / made.name, KEY) as connection:
        report = verify(connection)
    assert report.head == store.read(lambda reader: reader.head()) and report.sales == 20
    assert [path.name for path in folder.iterdir()] == [made.name], "looking leaves nothing behind"
    assert oct((folder / made.name).stat().st_mode)[-2:] == "00" or not hasattr(tmp_path, "owner")
    store.close()


def test_a_flipped_byte_of_a_backup_is_found_wherever_it_is(tmp_path: Path):
    store, backups, folder = _shelf(tmp_path)
    seller = Seller(store)
    for number in range(10):
        seller.sell(number + 1)
    path = folder / backups.make().name
    whole = path.read_bytes()
    for place in range(40, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError) as caught, opened_copy(path, KEY) as connection:
            verify(connection)
        assert caught.value.code in ("BACKUP_DAMAGED", "STORE_KEY_WRONG", "STORE_DAMAGED"), place
    store.close()


def test_a_copy_whose_sums_or_signature_are_false_is_refused(tmp_path: Path):
    store, _, _ = _shelf(tmp_path)
    Seller(store).sell()
    wrong = {
        "UPDATE posting SET amount_minor = amount_minor + 1 WHERE account = 1": "sums",
        "UPDATE till SET receipt = 0": "sums",
        "UPDATE till SET signature = zeroblob(64)": "journal",
        "UPDATE till SET seq = 2": "journal",
    }
    for statement, what in wrong.items():
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.copy"
        with _changed(store, statement):
            store.copy_into(path)
        with pytest.raises(StoreError) as caught, opened_copy(path, KEY) as connection:
            verify(connection)
        assert (caught.value.code, caught.value.params["what"]) == ("BACKUP_DAMAGED", what)
    store.close()


class _changed:  # noqa: N801
    """The store with one statement done, and undone again after it."""

    def __init__(self, store: SqlStore, statement: str) -> None:
        self.store, self.statement = store, statement
        self.rows = store.look(lambda c: c.exec_driver_sql("SELECT * FROM till").all())
        self.postings = store.look(lambda c: c.exec_driver_sql("SELECT * FROM posting").all())

    def __enter__(self) -> None:
        self.store.transaction(lambda c: c.exec_driver_sql(self.statement))

    def __exit__(self, *_: object) -> None:
        def back(connection: object) -> None:
            run = connection.exec_driver_sql  # type: ignore[attr-defined]
            for table, rows in (("till", self.rows), ("posting", self.postings)):
                run(f"DELETE FROM {table}")
                for row in rows:
                    run(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", tuple(row))

        self.store.transaction(back)


def test_a_stick_that_is_not_there_is_named_and_no_folder_is_made_in_its_place(tmp_path: Path):
    store = a_store(tmp_path / "till")
    gone = tmp_path / "stick"
    error = _code(SqlBackups(store, gone, StoppedClock()).make)
    assert (error.code, error.params["folder"]) == ("BACKUP_FOLDER_MISSING", str(gone))
    assert not gone.exists()
    store.close()


def test_a_full_stick_is_named_before_anything_is_written(tmp_path: Path, monkeypatch):
    store, backups, folder = _shelf(tmp_path)
    monkeypatch.setattr(store_backup, "ROOM_BYTES", 1 << 60)
    assert _code(backups.make).code == "BACKUP_NO_SPACE"
    assert not list(folder.iterdir())
    store.close()


def test_a_copy_that_does_not_hold_never_gets_a_backups_name(tmp_path: Path, monkeypatch):
    store, backups, folder = _shelf(tmp_path)

    def torn(target: Path) -> None:
        SqlStore.copy_into(store, target)
        data = bytearray(target.read_bytes())
        data[-3000] ^= 1
        target.write_bytes(data)

    monkeypatch.setattr(store, "copy_into", torn)
    assert _code(backups.make).code == "BACKUP_DAMAGED"
    assert not list(folder.iterdir())
    store.close()


def test_a_copy_of_another_journal_is_no_backup_of_this_one(tmp_path: Path, monkeypatch):
    store, backups, folder = _shelf(tmp_path)
    Seller(store).sell()
    other = a_store(tmp_path / "other")
    Seller(other, seed=8).sell(2)
    monkeypatch.setattr(store, "copy_into", other.copy_into)
    error = _code(backups.make)
    assert (error.code, error.params["what"]) == ("BACKUP_DAMAGED", "journal")
    assert not list(folder.iterdir())
    other.close()
    store.close()


def test_what_a_power_cut_left_of_a_copy_is_cleared_by_the_next(tmp_path: Path):
    store, backups, folder = _shelf(tmp_path)
    folder.mkdir()
    (folder / "K7M2-copy.new").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    made = backups.make()
    assert sorted(path.name for path in folder.iterdir()) == [made.name, "notes.txt"]
    store.close()


def test_seven_days_and_four_weeks_are_kept(tmp_path: Path):
    clock = StoppedClock()
    store, backups, folder = _shelf(tmp_path, clock)
    for _ in range(60):
        backups.make()
        clock.move(hours=12)
    days = sorted({BackupFile.read(path).at.date() for path in folder.iterdir()})  # type: ignore[union-attr]
    last = (START + timedelta(hours=12 * 59)).date()
    assert days[-7:] == [last - timedelta(days=n) for n in range(6, -1, -1)]
    sundays = [day for day in days[:-7] if day.isoweekday() == 7]
    assert len(days) == 7 + len(sundays) and 2 <= len(sundays) <= 4
    assert len(list(folder.iterdir())) == len(days), "one a day"
    store.close()


def test_a_clock_that_was_wrong_costs_no_backup_just_made(tmp_path: Path):
    clock = StoppedClock()
    store, backups, folder = _shelf(tmp_path, clock)
    clock.move(days=4000)
    for _ in range(20):
        backups.make()
        clock.move(days=8)
    clock.moment = START
    made = backups.make()
    assert (folder / made.name).exists()
    store.close()


def test_files_of_another_till_or_of_nobody_are_left_alone(tmp_path: Path):
    other = BackupFile.named(tmp_path, "QQQQ", START, 1, 5)
    assert BackupFile.read(other.path) == other
    for name in ("K7M2-20261319T060000Z-1-41.backup", "x.backup", "K7M2-copy.new"):
        assert BackupFile.read(tmp_path / name) is None
    assert kept([]) == set()


def test_sales_go_on_while_a_backup_is_made(tmp_path: Path):
    """The store's lane is never held by it: commits of other threads come back meanwhile."""
    lanes = ThreadLanes()
    store = a_store(tmp_path / "till", lanes=lanes)
    (tmp_path / "stick").mkdir()
    seller = Seller(store)
    for number in range(400):
        seller.sell(number % 50 + 1)
    backups = SqlBackups(store, tmp_path / "stick", StoppedClock())
    held_ms: list[float] = []
    during = 0
    worker = threading.Thread(target=backups.make)
    worker.start()
    while worker.is_alive():
        began = time.perf_counter()
        seller.sell(during % 50 + 1)
        held_ms.append((time.perf_counter() - began) * 1000)
        during += 1
    worker.join()
    store.close()
    lanes.close()
    assert during >= 5, "sales waited for the whole backup"
    assert sorted(held_ms)[len(held_ms) // 2] < 20


# ------------------------------------------------------------ when


GRACE = Operator(3, "Grace", Role.CLERK)


def _close(store: SqlStore, number: int) -> None:
    store.write(lambda unit: unit.append(ShiftOpened(number, 3, 0)))
    store.write(lambda unit: unit.append(ShiftClosed(number, 3, 0, 0, (), "", 0, 0)))


def test_a_backup_is_due_at_first_after_a_shift_and_after_a_night(tmp_path: Path):
    clock = StoppedClock()
    store, backups, _ = _shelf(tmp_path, clock)
    verb = Backup(store, backups, clock)
    assert verb.if_due() is not None, "there is none yet"
    assert verb.if_due() is None
    clock.move(minutes=1)
    Seller(store).sell()
    assert verb.if_due() is None, "a sale alone makes none due"
    _close(store, 1)
    assert verb.if_due() is not None
    clock.moment = datetime(2026, 11, 19, 23, 45, tzinfo=UTC)  # 02:45 in Nairobi
    assert verb.if_due() is None, "nothing is new"
    Seller(store, seed=8).sell(2)
    done = verb.if_due()
    assert done is not None and done.seq == store.read(lambda reader: reader.head()).seq
    assert store.read(lambda r: r.site().local(clock.now())).date() == date(2026, 11, 20)
    store.close()


def test_a_failed_backup_is_said_and_tried_again_a_quarter_of_an_hour_later(tmp_path: Path):
    clock = StoppedClock()
    store = a_store(tmp_path / "till", clock)
    stick = tmp_path / "stick"
    verb = Backup(store, SqlBackups(store, stick, clock), clock)
    status = verb.if_due()
    assert status is not None and status.problem == "BACKUP_FOLDER_MISSING"
    assert verb.status() == status and status.made_at is None and status.tried_at == START
    assert verb.if_due() is None
    clock.move(minutes=14)
    assert verb.if_due() is None
    stick.mkdir()
    clock.moment = START + AGAIN
    status = verb.if_due()
    assert status is not None and (status.problem, status.made_at) == ("", START + AGAIN)
    store.close()


def test_a_till_without_a_place_for_backups_says_so(tmp_path: Path):
    store = a_store(tmp_path)
    verb = Backup(store, None, StoppedClock())
    assert verb.if_due() is None and not verb().configured
    store.close()


def test_after_a_start_the_newest_file_says_how_things_are(tmp_path: Path):
    clock = StoppedClock()
    store, backups, folder = _shelf(tmp_path, clock)
    made = Backup(store, backups, clock)()
    later = Backup(store, backups, clock).status()
    assert (later.made_at, later.seq) == (made.made_at, made.seq)
    (folder / "K7M2-20271119T060000Z-1-9999.backup").write_bytes(b"of a longer journal")
    assert Backup(store, backups, clock).status().seq == made.seq
    assert later.same_disk, "the test's own disk is one"
    store.close()
