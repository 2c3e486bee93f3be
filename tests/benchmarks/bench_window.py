"""From process start to a window that takes the first key, beside a bare PySide6 window.

Both are processes of their own, one after the other, on Qt's offscreen platform; the till has a
store with a town's customers, and neither module, printer nor head office to talk to.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from posapp import config
from posapp.codec.pin import make_verifier
from posapp.config import TillConfig
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.store.feed import SqlSyncStore
from posapp.wire.feed import Entity, FeedRow, FeedValue
from tests.benchmarks.row import Row
from tests.stores import KEY, a_customer, a_meter, a_store

ROUNDS = 7
CUSTOMERS = 5_000
PROMISED_START_MS = 1_500.0
PROMISED_MEMORY_MB = 220.0
PEOPLE = ("Amina Wekesa", "Brian Ouma", "Grace Otieno")


def a_tills_folder(folder: Path) -> Path:
    """An enrolled till with people, customers and meters, whose key is in a file."""
    store = a_store(folder)
    values: list[tuple[str, str, FeedValue]] = [
        (
            Entity.OPERATOR,
            str(number),
            OperatorRecord(Operator(number, name, Role.VENDOR), make_verifier("1234", bytes(16))),
        )
        for number, name in enumerate(PEOPLE, 1)
    ]
    for number in range(1, CUSTOMERS + 1):
        values.append((Entity.CUSTOMER, str(number), a_customer(number)))
        meter = a_meter(number, number)
        values.append((Entity.METER, meter.number.digits, meter))
    rows = [FeedRow(seq, entity, key, value) for seq, (entity, key, value) in enumerate(values, 1)]
    sync = SqlSyncStore(store)
    for start in range(0, len(rows), 1000):
        sync.apply_rows("global", rows[start : start + 1000], rows[start : start + 1000][-1].seq)
    store.close()
    (folder / "store.key").write_text(KEY.hex() + "\n", encoding="ascii")
    config.save(TillConfig(folder, store_key="keyfile"))
    return folder


def _start(*arguments: str) -> tuple[float, float, float]:
    """Milliseconds to a usable window, to an open till, and the process's peak memory in MB."""
    begun = time.monotonic_ns()
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.window_child", *arguments],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    words = run.stdout.split()
    if run.returncode != 0 or len(words) != 3:
        raise RuntimeError(f"no usable window: {run.stdout}{run.stderr}")
    usable, opened, peak_kb = map(int, words)
    return (usable - begun) / 1e6, (opened - begun) / 1e6, peak_kb * 1024 / 1e6


def bench_start() -> list[Row]:
    """Alternately bare and till, after one of each that warms the disk's cache."""
    bare: list[float] = []
    till: list[float] = []
    opened: list[float] = []
    memory: list[float] = []
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        folder = str(a_tills_folder(Path(name)))
        for turn in range(ROUNDS + 1):
            bare_ms, _, _ = _start("bare")
            till_ms, open_ms, till_mb = _start("till", folder)
            if turn:
                bare.append(bare_ms)
                till.append(till_ms)
                opened.append(open_ms)
                memory.append(till_mb)
    ours = statistics.median(till)
    return [
        Row("start to a usable window, beside a bare one", ours, statistics.median(bare), "ms", 3),
        Row("start to a usable window, warm", ours, PROMISED_START_MS, "ms", 1),
        Row("start to an open till, warm", statistics.median(opened), PROMISED_START_MS, "ms", 1),
        Row("till memory at its peak, at start", max(memory), PROMISED_MEMORY_MB, "MB", 1),
    ]
