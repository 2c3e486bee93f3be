"""A disk that fills or wears out is seen before a token is asked for; what is open still ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from posapp.db import engine
from posapp.domain.sale import SaleState
from posapp.errors import StoreError
from posapp.lanes import InlineLanes
from posapp.store.disk import BALLAST_FILE, RESERVE_BYTES, Disk
from posapp.store.store import SqlStore, open_store
from tests.stores import KEY, SeededRandomness, Seller, StoppedClock, a_store

MIB = 1 << 20


class _Free:
    """How much is free, as the test says."""

    def __init__(self, free: int) -> None:
        self.free = free

    def __call__(self, _folder: Path) -> int:
        return self.free


def _watched(folder: Path, free: Callable[[Path], int], ballast: int = 0) -> SqlStore:
    a_store(folder).close()
    return open_store(
        folder,
        KEY,
        clock=StoppedClock(),
        randomness=SeededRandomness(2),
        lanes=InlineLanes(),
        ballast_bytes=ballast,
        free=free,
    )


def test_below_the_reserve_no_new_sale_begins_and_an_open_one_ends(tmp_path: Path):
    free = _Free(RESERVE_BYTES)
    store = _watched(tmp_path, free)
    seller = Seller(store)
    seq, sale = seller.begin()
    free.free -= 1
    with pytest.raises(StoreError) as caught:
        seller.begin(2)
    assert (caught.value.code, caught.value.params) == (
        "DISK_FULL",
        {"free_mib": 199, "needed_mib": 200},
    )
    assert store.disk().is_low
    seller.end(seq, sale)
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None and record.state is SaleState.ISSUED
    free.free = RESERVE_BYTES
    assert not store.disk().is_low and seller.sell(2).receipt == 2
    store.close()


def test_the_real_disk_is_asked(tmp_path: Path):
    store = a_store(tmp_path)
    assert store.disk().free_bytes > 0 and store.disk().problem == ""
    store.close()


def test_a_disk_that_cannot_be_asked_takes_no_sales(tmp_path: Path):
    def gone(_folder: Path) -> int:
        raise OSError(5, "Input/output error")

    store = _watched(tmp_path, gone)
    with pytest.raises(StoreError) as caught:
        Seller(store).begin()
    assert caught.value.code == "STORE_DISK_ERROR"
    assert store.disk().is_low and store.disk().problem == "STORE_DISK_ERROR"
    store.close()


def test_the_ballast_is_given_up_on_a_full_disk_and_made_again_when_there_is_room(
    tmp_path: Path, expect_log: Callable[[str], None]
):
    free = _Free(RESERVE_BYTES + 4 * MIB)
    store = _watched(tmp_path, free, 2 * MIB)
    ballast = tmp_path / BALLAST_FILE
    store.idle()
    assert ballast.stat().st_size == 2 * MIB
    expect_log("the ballast was given up")
    with pytest.raises(StoreError):
        store.write(_fails)
    assert not ballast.exists()
    free.free -= 1
    store.idle()
    assert not ballast.exists(), "it would take what a sale needs"
    free.free += 1
    store.idle()
    assert ballast.exists()
    store.close()


def _fails(_unit: object) -> None:
    raise StoreError("DISK_FULL")


def test_a_failed_checkpoint_is_said_and_every_sale_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: Callable[[str], None]
):
    store = a_store(tmp_path)
    seller = Seller(store)
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 1)

    def worn(_self: object, **_: bool) -> None:
        raise StoreError("STORE_DISK_ERROR", sqlite_code=10)

    expect_log("the store's checkpoint failed")
    with monkeypatch.context() as patch:
        patch.setattr(engine.Database, "checkpoint_if_due", worn)
        seller.sell()
        assert store.disk().problem == "STORE_DISK_ERROR" and store.disk().failures == 2
        assert store.idle() is None
    seller.sell(2)
    assert store.disk().problem == "STORE_DISK_ERROR", "a disk that failed once may fail again"
    assert store.verify_journal().broken_seq is None
    store.close()


def test_a_log_that_cannot_be_moved_any_more_takes_no_new_sales(tmp_path: Path):
    path = tmp_path / "till.db"
    disk = Disk(path, 0)
    disk.checkpoint_failed(StoreError("STORE_DISK_ERROR"))
    disk.require()
    log = tmp_path / "till.db-wal"
    with log.open("wb") as stream:
        stream.truncate(32 * MIB + 1)
    with pytest.raises(StoreError) as caught:
        disk.require()
    assert caught.value.code == "STORE_DISK_ERROR"
    disk.checkpointed()
    disk.require()


def test_a_full_disk_that_has_room_again_is_forgotten(tmp_path: Path):
    disk = Disk(tmp_path / "till.db", 0)
    disk.checkpoint_failed(StoreError("DISK_FULL"))
    assert disk.status().problem == "DISK_FULL"
    disk.checkpointed()
    assert (disk.status().problem, disk.status().failures) == ("", 1)
