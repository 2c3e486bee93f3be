"""Killing the real commands at any moment leaves no false backup and no store without its logs."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from posapp import config
from posapp.bootstrap import backups, store_key
from posapp.config import TillConfig
from posapp.db.copying import opened_copy
from posapp.store.backup import verify
from posapp.store.restore import ASIDE
from posapp.store.schema import STORE_FILE
from tests.stores import KEY, Seller, a_store, again

KILLS = 6
SALES = 250


def _till(folder: Path) -> Path:
    till = folder / "till"
    store = a_store(till)
    seller = Seller(store)
    for number in range(SALES):
        seller.sell(number % 40 + 1)
    store.close()
    (folder / "stick").mkdir()
    config.save(TillConfig(till, store_key="keyfile", backup_folder=str(folder / "stick")))
    store_key.keep(till, "keyfile", KEY)
    return till


def _run(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "posapp", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _killed(chance: random.Random, whole_s: float, *words: object) -> bool:
    """Kill a command somewhere within the time that it takes; whether it was still at it."""
    running = _run(*words)
    try:
        running.wait(whole_s * chance.uniform(0.4, 1.0))
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        return True
    return False


def _timed(*words: object) -> float:
    began = time.monotonic()
    assert _run(*words).wait(60) == 0
    return time.monotonic() - began


def test_a_backup_that_was_killed_leaves_no_file_that_looks_like_one(tmp_path: Path):
    till, chance = _till(tmp_path), random.Random(3)
    whole_s = _timed("backup", "--data", till)
    kills = sum(_killed(chance, whole_s, "backup", "--data", till) for _ in range(KILLS))
    assert kills
    found = list((tmp_path / "stick" / "K7M2").glob("*.backup"))
    assert found
    for path in found:
        with opened_copy(path, KEY) as connection:
            assert verify(connection).sales == SALES
    backups.backup(till, None)
    assert not list((tmp_path / "stick" / "K7M2").glob("*.new"))


def test_a_restore_that_was_killed_is_ended_by_the_same_command(tmp_path: Path):
    till, chance = _till(tmp_path), random.Random(4)
    backups.backup(till, None)
    (backup,) = (tmp_path / "stick" / "K7M2").glob("*.backup")
    store = again(till)
    Seller(store, seed=9).sell(99)  # what only the store in its place has
    last = store.read(lambda reader: reader.head())
    store.close()
    new = tmp_path / "new"
    new.mkdir()
    store_key.keep(new, "keyfile", KEY)
    whole_s = _timed("restore", "--data", new, "--key", "keyfile", backup)
    kills = sum(_killed(chance, whole_s, "restore", "--data", till, backup) for _ in range(KILLS))
    assert kills
    assert _run("restore", "--data", till, backup).wait(60) == 0
    store = again(till)
    assert store.verify_journal().broken_seq is None
    assert store.read(lambda reader: reader.recovering_since()) is not None
    store.close()
    first = min(till.glob(f"{ASIDE}*"), key=lambda path: int(path.name[len(ASIDE) :]))
    with opened_copy(first / STORE_FILE, KEY) as connection:
        assert verify(connection).head == last
