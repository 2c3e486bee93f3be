"""The encrypted file itself: keys, locks, settings, transactions, checkpoints."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from posapp.db import engine, pragmas
from posapp.db.engine import Database, open_sqlcipher
from posapp.errors import StoreError

KEY = bytes(range(32))


@pytest.fixture
def database(tmp_path: Path):
    made = open_sqlcipher(tmp_path / "a.db", KEY, create=True)
    with made.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
    yield made
    made.close()


def _rows(database: Database) -> list[int]:
    with database.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT a FROM t ORDER BY a")]


def _insert(database: Database, number: int) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (?, 'x')", (number,))


def test_what_is_committed_is_there_after_opening_again(tmp_path: Path, database: Database):
    _insert(database, 1)
    database.close()
    again = open_sqlcipher(tmp_path / "a.db", KEY, create=False)
    assert _rows(again) == [1]
    again.close()


def test_an_exception_rolls_everything_back(database: Database):
    def fails_after_writing() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1, 'x')")
            raise ValueError

    with pytest.raises(ValueError):
        fails_after_writing()
    assert _rows(database) == []
    _insert(database, 2)
    assert _rows(database) == [2]


def test_a_broken_constraint_stays_a_mistake_of_ours(database: Database):
    _insert(database, 1)
    with pytest.raises(IntegrityError):
        _insert(database, 1)


def test_the_file_shows_no_clear_text(tmp_path: Path, database: Database):
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'Grace Otieno')")
    database.close()
    data = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"Grace" not in data and b"SQLite format" not in data


def test_a_wrong_key_is_named_and_changes_nothing(tmp_path: Path, database: Database):
    _insert(database, 1)
    database.close()
    with pytest.raises(StoreError) as caught:
        open_sqlcipher(tmp_path / "a.db", bytes(32), create=False)
    assert caught.value.code == "STORE_KEY_WRONG"
    again = open_sqlcipher(tmp_path / "a.db", KEY, create=False)
    assert _rows(again) == [1]
    again.close()


def test_a_missing_file_is_not_made_by_opening(tmp_path: Path):
    with pytest.raises(StoreError) as caught:
        open_sqlcipher(tmp_path / "b.db", KEY, create=False)
    assert caught.value.code == "STORE_MISSING"
    assert list(tmp_path.iterdir()) == []


def test_making_never_overwrites(tmp_path: Path, database: Database):
    database.close()
    with pytest.raises(StoreError) as caught:
        open_sqlcipher(tmp_path / "a.db", KEY, create=True)
    assert caught.value.code == "STORE_EXISTS"


@pytest.mark.usefixtures("database")
def test_a_second_opener_in_the_same_process_is_refused(tmp_path: Path):
    with pytest.raises(StoreError) as caught:
        open_sqlcipher(tmp_path / "a.db", KEY, create=False)
    assert caught.value.code == "STORE_IN_USE"


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path, database: Database):
    program = (
        "import sys; from pathlib import Path; from posapp.db.engine import open_sqlcipher\n"
        "from posapp.errors import StoreError\n"
        "try: open_sqlcipher(Path(sys.argv[1]), bytes(range(32)), create=False).close()\n"
        "except StoreError as error: print(error.code)\n"
        "else: print('opened')"
    )

    def attempt() -> str:
        command = [sys.executable, "-c", program, str(tmp_path / "a.db")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert attempt() == "STORE_IN_USE"
    database.close()
    assert attempt() == "opened"


def test_a_read_only_opening_works_beside_the_owner(tmp_path: Path, database: Database):
    _insert(database, 1)
    beside = open_sqlcipher(tmp_path / "a.db", KEY, create=False, read_only=True)
    assert _rows(beside) == [1]
    beside.close()
    _insert(database, 2)


def test_a_reader_cannot_write(database: Database):
    with pytest.raises(StoreError), database.read() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'x')")
    assert _rows(database) == []


def test_a_reader_sees_one_snapshot(database: Database):
    _insert(database, 1)
    with database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one()
        _insert(database, 2)
        after = connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one()
    assert (before, after) == (1, 1)
    assert _rows(database) == [1, 2]


def test_every_thread_reads_on_a_connection_of_its_own(database: Database):
    _insert(database, 1)
    seen: list[list[int]] = []
    with database.read():  # this thread's connection is in use meanwhile
        other = threading.Thread(target=lambda: seen.append(_rows(database)))
        other.start()
        other.join()
    assert seen == [[1]]


def test_a_write_inside_a_write_is_a_mistake(database: Database):
    with pytest.raises(AssertionError), database.write():
        _insert(database, 1)


def test_every_setting_is_what_was_asked_for(database: Database):
    expected = dict(pragmas._COMMON) | {"journal_mode": "wal"}
    for opened, role in ((database.read, pragmas.READER), (database.write, pragmas.WRITER)):
        own = {"cache_size": -role.cache_kib, "query_only": int(role.query_only)}
        with opened() as connection:
            for name, value in (expected | own).items():
                row = connection.exec_driver_sql(f"PRAGMA {name}").first()
                assert row is None or row[0] == value, name


def test_a_power_cut_can_take_back_nothing(database: Database):
    """The settings that carry the promise, said a second time on purpose."""
    with database.write() as connection:
        for name, value in {
            "journal_mode": "wal",
            "synchronous": 2,
            "fullfsync": 1,
            "checkpoint_fullfsync": 1,
            "wal_autocheckpoint": 0,
            "recursive_triggers": 1,
            "temp_store": 2,
        }.items():
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value, name


def test_a_setting_that_is_not_taken_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pragmas, "_COMMON", (("synchronous", 7),))
    with pytest.raises(StoreError) as caught:
        open_sqlcipher(tmp_path / "b.db", KEY, create=True)
    assert caught.value.code == "STORE_PRAGMA_REFUSED"


def test_an_old_sqlite_is_refused():
    pragmas.check_version((3, 51, 3))
    with pytest.raises(StoreError) as caught:
        pragmas.check_version((3, 51, 2))
    assert caught.value.code == "SQLITE_TOO_OLD"


def test_nothing_is_moved_before_a_checkpoint_is_due(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    assert database.checkpoint().complete
    for number in range(50):
        _insert(database, number)
    assert database.checkpoint_if_due() is None
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 8)
    moved = database.checkpoint_if_due()
    assert moved is not None and moved.complete and moved.moved_pages > 0
    assert database.checkpoint_if_due() is None  # nothing new since


def test_a_rested_store_is_checkpointed(database: Database, monkeypatch: pytest.MonkeyPatch):
    _insert(database, 1)
    assert database.checkpoint_if_due(idle=True) is None
    monkeypatch.setattr(engine, "CHECKPOINT_IDLE_S", 0.0)
    assert database.checkpoint_if_due(idle=True) is not None


def test_a_commit_that_finds_the_store_full_loses_nothing_older(database: Database):
    _insert(database, 1)

    def outgrows_the_limit() -> None:
        with database.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            connection.exec_driver_sql("INSERT INTO t VALUES (2, ?)", ("x" * 100_000,))

    with pytest.raises(StoreError) as caught:
        outgrows_the_limit()
    assert caught.value.code == "DISK_FULL"
    assert _rows(database) == [1]
    _insert(database, 3)  # on a new connection, without the limit
    assert _rows(database) == [1, 3]


def test_a_flipped_bit_is_found_when_its_page_is_read(tmp_path: Path, database: Database):
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1, ?)", ("x" * 20_000,))
    database.close()
    path = tmp_path / "a.db"
    data = bytearray(path.read_bytes())
    data[3 * 4096 + 100] ^= 1
    path.write_bytes(data)
    again = open_sqlcipher(path, KEY, create=False)
    with pytest.raises(StoreError) as caught, again.read() as connection:
        connection.exec_driver_sql("SELECT sum(length(b)), max(b) FROM t").all()
    assert caught.value.code == "STORE_DAMAGED"
    with again.read() as connection:  # the other pages still answer
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one() == 1
    again.close()


def test_a_closed_store_says_so(database: Database):
    database.close()
    database.close()
    with pytest.raises(StoreError) as caught, database.read():
        pass
    assert caught.value.code == "STORE_CLOSED"
