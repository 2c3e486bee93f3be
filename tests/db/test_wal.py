"""A write-ahead log after a crash: what a power cut takes is taken, what it cannot is told."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2

from posapp.db import wal
from posapp.db.engine import Database, open_sqlcipher
from posapp.errors import StoreError

KEY = bytes(range(32))
ROWS = 6
HEADER, FRAME = 32, 24 + wal.PAGE_BYTES


def _insert(folder: Path, first: int, count: int, copy: Path) -> None:
    """Transactions of some pages each; the folder as a kill leaves it."""
    database = open_sqlcipher(folder / "a.db", KEY, create=False)
    for number in range(first, first + count):
        with database.write() as connection:
            values = (number, bytes(3 * wal.PAGE_BYTES))
            connection.exec_driver_sql("INSERT INTO t VALUES (?, ?)", values)
    shutil.copytree(folder, copy)
    database.close()


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    made = open_sqlcipher(tmp_path / "live" / "a.db", KEY, create=True)
    with made.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB) STRICT")
    made.close()
    _insert(tmp_path / "live", 1, ROWS, tmp_path / "crashed")
    return tmp_path / "crashed"


def _rows(folder: Path) -> list[int]:
    database = open_sqlcipher(folder / "a.db", KEY, create=False)
    try:
        with database.read() as connection:
            return [row[0] for row in connection.exec_driver_sql("SELECT a FROM t ORDER BY a")]
    finally:
        database.close()


def _with_log(crashed: Path, log: bytes) -> Path:
    folder = crashed.with_name("again")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(crashed, folder)
    (folder / "a.db-wal").write_bytes(log)
    return folder


def _last_begins(log: bytes) -> int:
    """Where the last transaction's first frame is."""
    commits = [place for place in range(HEADER, len(log), FRAME) if any(log[place + 4 : place + 8])]
    return commits[-2] + FRAME


def test_a_log_that_a_kill_left_gives_everything(crashed):
    assert _rows(crashed) == list(range(1, ROWS + 1))


def test_a_byte_that_breaks_a_durable_transaction_is_damage_and_no_earlier_state(crashed):
    log = (crashed / "a.db-wal").read_bytes()
    last = _last_begins(log)
    places = [*range(0, HEADER, 3)]
    places += [frame + at for frame in range(HEADER, last, FRAME) for at in (0, 9, 17, 24, 2000)]
    for place in places:
        broken = bytearray(log)
        broken[place] ^= 0x40
        folder = _with_log(crashed, bytes(broken))
        for _ in range(2):  # looking once does not make an earlier state of it
            with pytest.raises(StoreError) as caught:
                _rows(folder)
            assert caught.value.code == "STORE_LOG_LOST", place
        assert (folder / "a.db-wal.lost").read_bytes() == bytes(broken)


def test_what_a_power_cut_can_do_to_the_last_transaction_costs_that_one_only(crashed):
    log = (crashed / "a.db-wal").read_bytes()
    last = _last_begins(log)
    for place in range(last, len(log), 1500):
        broken = bytearray(log)
        broken[place] ^= 0x40
        for torn in (bytes(broken), log[:place]):
            assert _rows(_with_log(crashed, torn)) == list(range(1, ROWS))


def test_two_crashes_one_after_the_other_are_no_damage(crashed, tmp_path):
    log = bytearray((crashed / "a.db-wal").read_bytes())
    log[_last_begins(bytes(log)) + 30] ^= 1
    first = _with_log(crashed, bytes(log))
    _insert(first, 10, 1, tmp_path / "second")
    log = bytearray((tmp_path / "second" / "a.db-wal").read_bytes())
    log[-30] ^= 1
    assert _rows(_with_log(tmp_path / "second", bytes(log))) == list(range(1, ROWS))


def test_frames_of_a_log_before_this_one_are_nobodys(crashed):
    database = open_sqlcipher(crashed / "a.db", KEY, create=False)
    assert database.checkpoint().complete
    with database.write() as connection:  # begins the log anew over the old frames
        connection.exec_driver_sql("DELETE FROM t WHERE a > 1")
    copy = crashed.with_name("copy")
    shutil.copytree(crashed, copy)
    database.close()
    assert (copy / "a.db-wal").stat().st_size > HEADER + 5 * FRAME
    assert _rows(copy) == [1]


def test_no_log_and_half_a_header_have_lost_nothing(tmp_path):
    assert wal.unread(tmp_path / "none", 0) == 0
    (tmp_path / "half").write_bytes(bytes(HEADER - 1))
    assert wal.unread(tmp_path / "half", 0) == 0


def _write(database: Database, number: int, pages: int) -> None:
    with database.write() as connection:
        values = (number, bytes(pages * wal.PAGE_BYTES))
        connection.exec_driver_sql("INSERT INTO t VALUES (?, ?)", values)


def _fail(database: Database, number: int, pages: int) -> None:
    """A commit whose sync fails: all its frames are in the log, behind the end."""
    log = database.path.with_name("a.db-wal")
    copy = database.path.parent.with_name(f"copy {number}")
    shutil.copytree(database.path.parent, copy)
    begin = HEADER + database.waiting().wal_pages * FRAME
    (copy / "a.db-wal").write_bytes(log.read_bytes()[:begin])
    other = open_sqlcipher(copy / "a.db", KEY, create=False)
    _write(other, number, pages)
    frames = (copy / "a.db-wal").read_bytes()[begin:]
    other.close()
    error = dbapi2.OperationalError("disk I/O error")
    error.sqlite_errorcode = dbapi2.SQLITE_IOERR
    with pytest.raises(StoreError, match="STORE_DISK_ERROR"), database.write():
        raise error
    with log.open("rb+") as stream:
        stream.seek(begin)
        stream.write(frames)


@pytest.mark.parametrize("exclusive", [True, False])
def test_commits_that_failed_and_a_shorter_good_one_over_them_are_no_damage(
    crashed, tmp_path, exclusive
):
    database = open_sqlcipher(crashed / "a.db", KEY, create=False, exclusive=exclusive)
    with database.read():
        pass  # as long as somebody reads, closing the writer does not end the log
    _write(database, 10, 1)
    _fail(database, 11, 12)
    _fail(database, 12, 6)
    _write(database, 13, 1)
    shutil.copytree(crashed, tmp_path / "killed")
    database.close()
    assert _rows(tmp_path / "killed") == [*range(1, ROWS + 1), 10, 13]


def test_a_log_is_cut_once_and_not_again(crashed):
    database = open_sqlcipher(crashed / "a.db", KEY, create=False)
    with database.read():
        pass
    _fail(database, 11, 12)
    _write(database, 12, 1)
    size = (crashed / "a.db-wal").stat().st_size
    assert size == HEADER + database.waiting().wal_pages * FRAME
    _write(database, 13, 1)
    database.close()
    assert _rows(crashed) == [*range(1, ROWS + 1), 12, 13]


def test_frames_of_a_large_transaction_that_was_rolled_back_are_nobodys(crashed, tmp_path):
    database = open_sqlcipher(crashed / "a.db", KEY, create=False)
    many = (
        "WITH RECURSIVE n (i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n WHERE i < 109)"
        " INSERT INTO t SELECT i, zeroblob(1000000) FROM n"  # more than the cache holds: spilled
    )
    with suppress(ZeroDivisionError), database.write() as connection:
        connection.exec_driver_sql(many)
        raise ZeroDivisionError
    before = database.waiting().wal_pages
    _write(database, 10, 1)
    torn = HEADER + before * FRAME + 30
    shutil.copytree(crashed, tmp_path / "torn")
    database.close()
    log = bytearray((tmp_path / "torn" / "a.db-wal").read_bytes())
    assert len(log) > torn + 500 * FRAME
    log[torn] ^= 1
    (tmp_path / "torn" / "a.db-wal").write_bytes(log)
    assert _rows(tmp_path / "torn") == list(range(1, ROWS + 1))


def test_a_transaction_cut_short_behind_one_that_does_not_hold_is_damage(crashed):
    log = bytearray((crashed / "a.db-wal").read_bytes())
    last = _last_begins(bytes(log))
    log[last - FRAME + 2000] ^= 1  # the page of the last frame but one transaction
    with pytest.raises(StoreError, match="STORE_LOG_LOST"):
        _rows(_with_log(crashed, bytes(log[: last + FRAME])))


def test_who_moves_the_copy_away_opens_the_store_as_it_was_before(crashed):
    log = bytearray((crashed / "a.db-wal").read_bytes())
    commits = [place for place in range(HEADER, len(log), FRAME) if any(log[place + 4 : place + 8])]
    log[commits[2] + 100] ^= 1
    folder = _with_log(crashed, bytes(log))
    with pytest.raises(StoreError) as caught:
        _rows(folder)
    copy = Path(str(caught.value.params["copy"]))
    copy.rename(folder / "kept")
    assert _rows(folder) == [1, 2]
