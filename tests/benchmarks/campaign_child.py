"""One key-change campaign for bench_sts, in a process of its own so that its memory is its own.

`python -m tests.benchmarks.campaign_child LIST OUT` changes every meter of a list to another
supply group under DKGA04 keys and prints the processor time, the peak memory and the rows done.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from posapp.domain.meter import KeyType
from posapp.sts import ciphers
from posapp.sts.bulk.campaign import Campaign, Target
from posapp.sts.keys import VendingKey
from tests.benchmarks.window_child import peak_kb

OLD, NEW = ("201457", 1), ("203557", 6)


def main(source: str, output: str) -> None:
    """Run it and print the figures."""
    keys = {
        pair: VendingKey(bytes(range(start, start + 20)), *pair, KeyType.UNIQUE, 2014, 255, 4)
        for start, pair in enumerate((OLD, NEW))
    }
    campaign = Campaign(
        keys, Target(*NEW), ciphers.sample_tables(), datetime(2025, 1, 1, tzinfo=UTC)
    )
    begun = time.process_time_ns()
    with Path(source).open("rb") as list_file, Path(output).open("wb") as result:
        report = campaign.run(list_file, result)
    print(time.process_time_ns() - begun, peak_kb(), report.done)


if __name__ == "__main__":
    main(*sys.argv[1:])
