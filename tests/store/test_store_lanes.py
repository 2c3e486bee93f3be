"""The store under threads and under the knife: one writer, many readers, killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from posapp.db import engine
from posapp.lanes import Lane, ThreadLanes, Urgency
from posapp.store.store import open_store
from tests.stores import KEY, SeededRandomness, Seller, StoppedClock, a_store, again

HERE = Path(__file__).resolve()
KILLS = 6  # each costs the start of a process; the long form is a storm


def test_one_thread_writes_and_many_read(tmp_path: Path):
    lanes = ThreadLanes()
    store = a_store(tmp_path, lanes=lanes)
    seller = Seller(store)
    threads: set[str] = set()
    wrong: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            head, count = store.read(lambda r: (r.head().seq, len(r.entries(0, 1000))))
            if head != count:
                wrong.append(f"{head} {count}")

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        seller.sell(number + 1)
        store.write(lambda _unit: threads.add(threading.current_thread().name))
    done.set()
    for reader in readers:
        reader.join()
    assert (threads, wrong) == ({"lane-store"}, [])
    assert store.verify_journal().head.seq == 81
    store.close()
    lanes.close()


def test_sales_from_many_threads_are_numbered_without_gaps(tmp_path: Path):
    lanes = ThreadLanes()
    store = a_store(tmp_path, lanes=lanes)
    seller = Seller(store)

    def sell(meter: int) -> None:
        for _ in range(10):
            seller.begin(meter)

    threads = [threading.Thread(target=sell, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = store.look(
        lambda c: c.exec_driver_sql("SELECT receipt FROM sale ORDER BY place").scalars().all()
    )
    assert receipts == list(range(1, 41))
    assert store.check_projections().ok
    store.close()
    lanes.close()


def test_a_sale_goes_before_chores_that_wait(tmp_path: Path):
    lanes = ThreadLanes()
    store = a_store(tmp_path, lanes=lanes)
    order: list[str] = []
    busy, go = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        go.wait(10)

    held = lanes.run(Lane.STORE, hold)
    busy.wait(10)
    chores = [
        threading.Thread(
            target=lambda: store.transaction(lambda _c: order.append("chore"), Urgency.CHORE)
        )
        for _ in range(3)
    ]
    for chore in chores:
        chore.start()
    deadline = threading.Event()
    while len(lanes._lanes[Lane.STORE]._heap) < 3 and not deadline.wait(0.001):
        pass
    sale = threading.Thread(
        target=lambda: store.write(lambda _u: order.append("sale"), Urgency.SALE)
    )
    sale.start()
    while len(lanes._lanes[Lane.STORE]._heap) < 4 and not deadline.wait(0.001):
        pass
    go.set()
    held.result(10)
    for thread in (*chores, sale):
        thread.join()
    assert order == ["sale", "chore", "chore", "chore"]
    store.close()
    lanes.close()


def test_an_error_reaches_the_one_who_asked(tmp_path: Path):
    lanes = ThreadLanes()
    store = a_store(tmp_path, lanes=lanes)
    with pytest.raises(ZeroDivisionError):
        store.write(lambda _unit: 1 // 0)
    Seller(store).sell()
    store.close()
    lanes.close()


def test_a_full_wal_is_moved_after_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = a_store(tmp_path)
    store._database.checkpoint()
    before = (tmp_path / "till.db").read_bytes()
    seller = Seller(store)
    seller.sell()
    assert (tmp_path / "till.db").read_bytes() == before
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 4)
    seller.sell(2)
    assert (tmp_path / "till.db").read_bytes() != before
    assert store.idle() is None
    store.close()


def test_a_checkpoint_that_fails_is_seen_and_sales_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, expect_log
):
    expect_log("the store's checkpoint failed*")
    store = a_store(tmp_path)
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 1)
    fails = engine.StoreError("STORE_DISK_ERROR")

    def broken() -> None:
        raise fails

    with monkeypatch.context() as patch:
        patch.setattr(store._database, "checkpoint", broken)
        Seller(store).sell()
    assert "STORE_DISK_ERROR" in caplog.text
    assert store.verify_journal().head.seq == 3
    store.close()


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path):
    """A child sells as fast as it can and says each receipt after its commit; we kill it."""
    folder = tmp_path / "till"
    a_store(folder).close()
    chance = random.Random(20261119)
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, str(HERE), str(folder), str(chance.randrange(1 << 30))],
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parents[2],
        )
        assert child.stdout is not None
        wanted = chance.randrange(1, 25)
        for line in child.stdout:
            acknowledged.add(int(line))
            wanted -= 1
            if wanted == 0:
                break
        child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        rest, _ = child.communicate()
        acknowledged |= {int(line) for line in rest.split() if line.isdigit()}
        store = again(folder)
        assert store.verify_journal().broken_seq is None
        receipts = store.look(
            lambda c: c.exec_driver_sql("SELECT receipt FROM sale ORDER BY place").scalars().all()
        )
        assert receipts == list(range(1, len(receipts) + 1))
        assert acknowledged <= set(receipts)
        open_now = store.read(lambda reader: reader.open_sales())
        assert len(open_now) <= 1
        for record in open_now:
            Seller(store, seed=chance.randrange(1 << 30)).end(record.intent_seq, record.intent)
        store.close()
    store = again(folder)
    assert store.check_projections().ok
    store.close()


def _child(folder: Path, seed: int) -> None:
    lanes = ThreadLanes()
    store = open_store(
        folder,
        KEY,
        clock=StoppedClock(),
        randomness=SeededRandomness(),
        lanes=lanes,
        reserve_bytes=0,
    )
    seller = Seller(store, seed=seed)
    seller.tid = 1_000_000 + store.read(lambda reader: reader.head().seq)
    while True:
        print(seller.sell().receipt, flush=True)


if __name__ == "__main__":
    _child(Path(sys.argv[1]), int(sys.argv[2]))
