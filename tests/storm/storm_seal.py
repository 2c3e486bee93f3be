"""Every byte of a module's folder changed, one at a time: `python -m tests.storm seal`.

The promise: it does not start, or answers an error, or answers right. A byte of the write-ahead
log may cost the newest transaction, as a power cut does, and a rare one the two newest.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from posapp.db import wal
from posapp.db.engine import driver_rows, open_sqlcipher
from posapp.errors import PosError, StoreError
from posapp.security_module.reference.store import FILE_NAME
from tests.storm.seal_probe import Bench, Known
from tests.storm.seal_scene import make_folder

STORE_FILES = (FILE_NAME, f"{FILE_NAME}-wal")
INDEX_FILE = f"{FILE_NAME}-shm"  # made anew by whoever opens the store first
WORKERS = 2
ASK_EVERY = 61  # of the store's bytes; each of them is read back, so many are served as well
FINDINGS_MOST = 20
PROBE_S = 20.0
LOST_MOST = 2  # transactions; a power cut takes one
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
_KEY_FILE = "module.key"


@dataclass
class Tally:
    """How the module took the changed bytes of each file, and what may not be."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def count(self, name: str, place: int, mask: int, taken: tuple[str, list[str]]) -> None:
        """One changed byte."""
        self.ends[name, taken[0]] += 1
        if taken[0] == "an earlier state" and name != STORE_FILES[1]:
            taken[1].append("an earlier state")
        for words in taken[1]:
            if len(self.findings) < FINDINGS_MOST:
                self.findings.append(f"{name}, byte {place}, changed by {mask:#04x}: {words}")

    def add(self, other: Tally) -> None:
        """Both together."""
        self.ends += other.ends
        self.findings += other.findings

    def words(self) -> list[str]:
        """A line for each end."""
        return [f"  {count:7d} {name}: {end}" for (name, end), count in sorted(self.ends.items())]


# ---------------------------------------------------------------- every row of the store


def content(folder: Path, secret: bytes) -> bytes:
    """A digest of every row of every table, as the module's own engine reads them.

    Raises StoreError where one cannot be read.
    """
    database = open_sqlcipher(folder / FILE_NAME, secret, create=False, read_only=True)
    found = hashlib.sha256()
    try:
        with database.read() as connection:
            pages = driver_rows(connection, "PRAGMA wal_checkpoint(NOOP)", ())[0][1]
            if wal.unread(folder / STORE_FILES[1], max(0, pages)) > 1:
                raise StoreError("STORE_DAMAGED")  # as `Database.check_log`
            for (name,) in driver_rows(connection, _TABLES, ()):
                rows = driver_rows(connection, f'SELECT * FROM "{name}" ORDER BY 1', ())
                found.update(repr((name, rows)).encode())
    finally:
        database.close()
    return found.digest()


class Readings:
    """The store's contents now and before its newest transactions."""

    def __init__(self, bench: Bench, secret: bytes) -> None:
        self._bench, self._secret = bench, secret
        log = bench.template[STORE_FILES[1]]
        cuts = range(32, len(log) + 1, 24 + wal.PAGE_BYTES)
        states = [self._content({STORE_FILES[1]: log[:cut]}) for cut in (0, *cuts)]
        self._now = self._content({})
        newest = list(dict.fromkeys(states))
        assert newest[-1] == self._now and len(newest) > LOST_MOST + 1
        self._known = set(newest[-1 - LOST_MOST :])

    def take(self, name: str, place: int, mask: int) -> tuple[str, list[str]]:
        """What every row says with a changed byte."""
        data = bytearray(self._bench.template[name])
        data[place] ^= mask
        try:
            found = self._content({name: bytes(data)})
        except PosError as error:
            return f"cannot be read: {error.code}", []
        if found == self._now:
            return "right", []
        if found in self._known:
            return "an earlier state", []
        return "other rows", ["rows that were never written"]

    def _content(self, changed: dict[str, bytes]) -> bytes:
        self._bench.put_back(changed)
        return content(self._bench.folder, self._secret)


# ---------------------------------------------------------------- which bytes


Flip = tuple[str, int, int]


def small_flips(bench: Bench) -> list[Flip]:
    """Every bit of every file but the store's."""
    return [
        (name, place, 1 << bit)
        for name, data in sorted(bench.template.items())
        if name not in (*STORE_FILES, INDEX_FILE)
        for place in range(len(data))
        for bit in range(8)
    ]


def store_flips(bench: Bench, chance: random.Random) -> list[Flip]:
    """Every byte of the store and its log, each changed in one way."""
    return [
        (name, place, chance.randrange(1, 256))
        for name in STORE_FILES
        for place in range(len(bench.template[name]))
    ]


def ask(bench: Bench, flips: Iterable[Flip], tally: Tally) -> None:
    """Let the module serve with each of these bytes changed."""
    for name, place, mask in flips:
        begun = time.monotonic()
        taken = bench.flip(name, place, mask)
        if time.monotonic() - begun > PROBE_S:
            taken[1].append("took too long")
        tally.count(name, place, mask, taken)


def read(readings: Readings, flips: Iterable[Flip], tally: Tally) -> None:
    """Read every row with each of these bytes changed."""
    for name, place, mask in flips:
        tally.count(name, place, mask, readings.take(name, place, mask))


# ---------------------------------------------------------------- the storm


def secret_of(folder: Path) -> bytes:
    """The store's key of a module without operators."""
    return bytes.fromhex((folder / _KEY_FILE).read_text(encoding="ascii"))


def _share(worker: int, seed: int, place: Path, scenes: list[tuple[Path, Known]]) -> Tally:
    """One worker's part of everything."""
    logging.getLogger("posapp").setLevel(logging.CRITICAL)
    tally = Tally()
    for number, (template, known) in enumerate(scenes):
        bench = Bench(template, place / f"{worker}-{number}", known)
        end, wrong = bench.whole()
        if end != "right" or wrong:
            tally.findings.append(f"unchanged: {end} {wrong}")
        ask(bench, small_flips(bench)[worker::WORKERS], tally)
        if known.login is not None:
            continue  # its store is the same kind of file
        flips = store_flips(bench, random.Random(seed))
        index = [(INDEX_FILE, place, 0xFF) for place in range(len(bench.template[INDEX_FILE]))]
        ask(bench, (flips + index)[worker * ASK_EVERY :: WORKERS * ASK_EVERY], tally)
        read(Readings(bench, secret_of(template)), flips[worker::WORKERS], tally)
    return tally


def storm(seed: int, _minutes: float) -> list[str]:
    """All of it, however long it takes: about half an hour on two busy cores."""
    with tempfile.TemporaryDirectory() as name:
        folder, tally = Path(name), Tally()
        scenes = []
        for kind, operators in (("keyed", False), ("closed", True)):
            known = make_folder(folder / kind, operators=operators)
            scenes.append((folder / kind, known))
        context = multiprocessing.get_context("spawn")
        words = [(worker, seed, folder, scenes) for worker in range(WORKERS)]
        with context.Pool(WORKERS) as pool:
            for share in pool.starmap(_share, words):
                tally.add(share)
        print("\n".join(tally.words()))
    return tally.findings
