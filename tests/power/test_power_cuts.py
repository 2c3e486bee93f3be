"""A power cut takes nothing that was promised, and a failing disk is seen; see `recording`."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from tests.power import recording, states
from tests.power.recording import Disk, Op

SHORT = 200
needs_a_compiler = pytest.mark.skipif(
    recording.compiler() is None, reason="the recorder is built by a C compiler, on Linux"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording.build(tmp_path_factory.mktemp("recorder"))


def _recorded(library: Path, folder: Path, mode: str) -> list[Op]:
    log = folder / "log"
    recording.run(library, folder / "till", "sell", "30", mode, log=log)
    return recording.read_log(log, folder / "till")


@needs_a_compiler
def test_a_power_cut_loses_nothing_that_was_promised(library: Path, tmp_path: Path):
    ops = _recorded(library, tmp_path, "full")
    assert sum(op.name == "acks" and op.kind == "w" for op in ops) == 66
    assert sum(op.kind == "w" and op.name == "till.db" for op in ops) > 100, "checkpoints are in it"
    tally = states.power_cuts(ops, SHORT, seed=11)
    assert tally.states == SHORT and tally.lost == []


@needs_a_compiler
def test_the_same_cuts_find_a_store_that_does_not_wait_for_its_disk(library: Path, tmp_path: Path):
    tally = states.power_cuts(_recorded(library, tmp_path, "normal"), 60, seed=11)
    assert len(tally.lost) > 15, "the harness would not see a loss"


@needs_a_compiler
@pytest.mark.parametrize(
    ("kind", "number", "places"),
    [
        ("w", errno.EIO, "1 400 57"),
        ("w", errno.ENOSPC, "1 400 57"),
        ("s", errno.EIO, "1 33 4"),
        ("s", errno.ENOSPC, "1 33 4"),
    ],
)
def test_a_failing_disk_is_seen_and_costs_nothing_promised(
    library: Path, tmp_path: Path, kind: str, number: int, places: str
):
    told = recording.run(library, tmp_path / "till", "fail", kind, str(number), *places.split())
    lines = [line.split() for line in told.splitlines()]
    met = [(where, word) for where, word, _ in lines if word != "never"]
    assert len(met) >= 6
    assert [line for line in lines if line[2] != "kept"] == []
    assert [where for where, word in met if word == "unseen"] == []
    full = number == errno.ENOSPC and kind == "w"
    assert {word for _, word in met} == {"DISK_FULL" if full else "STORE_DISK_ERROR", "checkpoint"}


# ------------------------------------------------------------ the model itself


class _All:
    """A power cut that loses everything it may lose."""

    def random(self) -> float:
        return 0.0

    def randint(self, low: int, _high: int) -> int:
        return low


class _None(_All):
    """And one that loses nothing."""

    def random(self) -> float:
        return 1.0

    def randint(self, _low: int, high: int) -> int:
        return high


def _disk(*ops: Op) -> Disk:
    disk = Disk()
    for op in ops:
        disk.do(op)
    return disk


def test_only_what_was_synced_is_sure(tmp_path: Path):
    disk = _disk(
        Op("c", "a", 0, b""),
        Op("w", "a", 0, b"old"),
        Op("s", "a", 0, b""),
        Op("s", "", 0, b""),
        Op("w", "a", 0, b"new"),
        Op("c", "b", 0, b""),
        Op("r", "a", 0, b"c"),
    )
    disk.cut(tmp_path, _All())  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}
    other = tmp_path / "other"
    other.mkdir()
    disk.cut(other, _None())  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in other.iterdir()} == {"b": b"", "c": b"new"}


def test_a_torn_write_is_torn_at_its_sectors(tmp_path: Path):
    disk = _disk(Op("c", "a", 0, b""), Op("s", "", 0, b""), Op("w", "a", 0, b"x" * 4096))
    seen = set()
    for seed in range(60):
        disk.cut(tmp_path, random.Random(seed))
        content = (tmp_path / "a").read_bytes()
        parts = [content[at : at + 512] for at in range(0, len(content), 512)]
        assert all(set(part) in ({0}, {ord("x")}) for part in parts)
        seen.add(sum(part[:1] == b"x" for part in parts))
    assert {0, 8} < seen, "never, whole, and in part"
