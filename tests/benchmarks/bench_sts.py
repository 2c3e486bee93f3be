"""What tokens cost: one at a time beside one HMAC, and by the hundred thousand.

All in processor time of one thread, the best of several rounds; what is compared is measured in
turn, so that a busy machine slows both.
"""

from __future__ import annotations

import hmac
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber, luhn_digit
from posapp.sts import ciphers, keys, tokens
from posapp.sts.bulk import ciphers as bulk_ciphers
from posapp.sts.bulk import tokens as bulk_tokens
from posapp.sts.bulk.arrays import ROWS_A_CHUNK
from posapp.sts.bulk.derive import VendingKeys
from posapp.sts.bulk.digits import number_places
from posapp.sts.misty1 import Misty1Cipher
from posapp.sts.sta import StaCipher
from tests.benchmarks.row import Row

ROUNDS = 9
CALLS = 4_000
BULK_ROWS = 4 * ROWS_A_CHUNK
CAMPAIGN_METERS = 1_000_000
PROMISED_ROWS_A_SECOND = {"EA07": 1_000_000, "EA11": 2_000_000}
PROMISED_METERS_A_SECOND = 200_000
PROMISED_CAMPAIGN_S = 30.0
PROMISED_MEMORY_MB = 300.0
CAMPAIGN_WITHIN_S = 600

STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
SAMPLE = ciphers.sample_tables()
LENGTHS = {STA: 8, MISTY1: 16}
UNIQUE04 = keys.VendingKey(bytes(range(20)), "201457", 1, KeyType.UNIQUE, 2014, 255, 4)
UNIQUE02 = keys.VendingKey(
    keys.with_odd_parity(bytes(range(8))), "201457", 1, KeyType.UNIQUE, 2014, 255, 2
)
METER = MeterNumber("00000000000")

Work = Callable[[], object]


def _hmac() -> bytes:
    return hmac.digest(
        UNIQUE04.secret, b"what DKGA04 hashes is forty-nine bytes of fields.", "sha256"
    )


def _us(work: Work, calls: int) -> float:
    begun = time.thread_time_ns()
    for _ in range(calls):
        work()
    return (time.thread_time_ns() - begun) / calls / 1000


def _best_us(*works: tuple[Work, int]) -> list[float]:
    """Microseconds a call of each (work, calls), the best round of each."""
    for work, _ in works:
        work()
    rounds = [[_us(work, calls) for work, calls in works] for _ in range(ROUNDS)]
    return [min(spent) for spent in zip(*rounds, strict=True)]


def bench_token() -> list[Row]:
    """A credit from fields to digits under a prepared key, beside one bare HMAC."""
    rows = []
    for name, ea, target in (("EA07", STA, 8), ("EA11", MISTY1, 15)):
        key = bytes(range(LENGTHS[ea]))
        credit = partial(tokens.credit, key, ea, 0, 5, 85_740, 711, SAMPLE)
        ours, limit = _best_us((credit, CALLS), (_hmac, CALLS))
        rows.append(Row(f"one {name} token", ours, limit, "us", target))
    return rows


def bench_derivation() -> list[Row]:
    """A meter's decoder key, beside one bare HMAC."""
    rows = []
    for key, target in ((UNIQUE04, 3), (UNIQUE02, 10)):
        derive = partial(keys.decoder_key, key, METER, "01", STA)
        ours, limit = _best_us((derive, CALLS), (_hmac, CALLS))
        rows.append(Row(f"one decoder key, DKGA{key.dkga:02d}", ours, limit, "us", target))
    return rows


def bench_bulk_encryption() -> list[Row]:
    """A block under a key of its own, key schedule included, beside the single path."""
    chance = np.random.default_rng(1)
    blocks = chance.integers(0, 1 << 63, BULK_ROWS).astype(np.uint64)
    singles: dict[EncryptionAlgorithm, Work] = {
        STA: lambda: StaCipher(bytes(8), SAMPLE).encrypt(1),
        MISTY1: lambda: Misty1Cipher(bytes(16)).encrypt(1),
    }
    rows = []
    for name, ea in (("EA07", STA), ("EA11", MISTY1)):
        decoder_keys = chance.integers(0, 256, (BULK_ROWS, LENGTHS[ea])).astype(np.uint8)
        bulk = partial(bulk_ciphers.encrypt, ea, decoder_keys, blocks, SAMPLE)
        ours, single = _best_us((bulk, 1), (singles[ea], CALLS))
        ours /= BULK_ROWS
        promised = 1_000_000 / PROMISED_ROWS_A_SECOND[name]
        rows.append(Row(f"{name} in bulk, beside one by one", ours, single, "us", 0.04))
        rows.append(Row(f"{name} in bulk", ours, promised, "us", 1))
    return rows


def bench_bulk_credit() -> list[Row]:
    """From meter number to twenty digits, each meter another, beside one bare HMAC."""
    bodies = (f"{n:010d}" for n in range(BULK_ROWS))
    places, long = number_places([MeterNumber(body + luhn_digit(body)) for body in bodies])
    column = np.arange(BULK_ROWS)
    which, ti = np.zeros_like(column), np.ones_like(column)
    vending = VendingKeys([UNIQUE04])
    rows = []
    for name, ea in (("EA07", STA), ("EA11", MISTY1)):

        def credit(ea: EncryptionAlgorithm = ea) -> None:
            derived = vending.decoder_keys(which, places, long, ti, ea)
            bulk_tokens.credit(derived, ea, 0, column % 16, column, column, SAMPLE)

        ours, limit = _best_us((credit, 1), (_hmac, CALLS))
        ours /= BULK_ROWS
        promised = 1_000_000 / PROMISED_METERS_A_SECOND
        rows.append(Row(f"meter to {name} token, beside one HMAC", ours, limit, "us", 5))
        rows.append(Row(f"meter to {name} token", ours, promised, "us", 1))
    return rows


def bench_campaign() -> list[Row]:
    """Every meter of a city gets its next key: a list to a list, in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "meters.csv"), Path(folder, "tokens.csv")
        for ea, what in (("11", "sets of four"), ("07", "sets of two")):
            with source.open("w", encoding="ascii") as file:
                file.write("meter,ea,sgc,krn,ti\n")
                for n in range(CAMPAIGN_METERS):
                    body = f"{n * 9_973 % 10**10:010d}"
                    file.write(f"{body}{luhn_digit(body)},{ea},201457,1,01\n")
            spent_ns, peak_kb, done = _campaign(source, output)
            assert done == CAMPAIGN_METERS
            name = f"key change, {what}, {done} meters"
            rows.append(Row(name, spent_ns / 1e9, PROMISED_CAMPAIGN_S, "s", 1))
            if peak_kb:  # not every system says it
                rows.append(Row(f"{name}, memory", peak_kb / 1024, PROMISED_MEMORY_MB, "MB", 1))
    return rows


def _campaign(source: Path, output: Path) -> list[int]:
    """Processor time in ns, peak memory in KiB, rows done."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.campaign_child", str(source), str(output)],
        capture_output=True,
        text=True,
        check=True,
        timeout=CAMPAIGN_WITHIN_S,
    )
    return [int(figure) for figure in run.stdout.split()]
