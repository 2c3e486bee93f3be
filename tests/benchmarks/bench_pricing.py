"""What a quote costs: the sell page asks for one at every key press."""

from __future__ import annotations

import time

from posapp import paths
from posapp.pricing.situation import Situation
from posapp.pricing.pack import load_pack
from posapp.pricing.quote import by_money
from tests.benchmarks.row import Row

PROMISED_MS = 0.3
ROUNDS = 2000


def bench_quote() -> list[Row]:
    """The 99th percentile of a quote by money, for each shipped pack, against the promise.

    Measured in processor time of this thread: what else the machine does is not the quote.
    """
    rows = []
    for file in sorted((paths.resources() / "tariffs").glob("*.toml")):
        pack = load_pack(file.read_text("utf-8"), file.name)
        spent = []
        for n in range(ROUNDS):
            start = time.thread_time_ns()
            by_money(pack, 50_000 + n * 97, MonthLedger(n, fee_paid=n % 2 == 0))
            spent.append(time.thread_time_ns() - start)
        p99_ms = sorted(spent)[ROUNDS * 99 // 100] / 1e6
        rows.append(Row(f"quote under {pack.code}, p99", p99_ms, PROMISED_MS, "ms", 1))
    return rows
