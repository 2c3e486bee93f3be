"""The town's meters as a process: verdicts, and a memory that outlives it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posapp.demo.meters import Memory, answers, installed
from posapp.demo.town import Town, TownMeter, build
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.errors import InputError
from posapp.security_module.reference.keys import load_key_file
from posapp.sts import keys, tokens
from posapp.sts.ciphers import sample_tables
from posapp.sts.tid import tid_at

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
START_LIMIT_S = 30


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return build(tmp_path_factory.mktemp("town"), customers=500, seed=7)


def a_token(town: Town, meter: TownMeter, tenths: int, minute: int = 0) -> str:
    key = next(
        key for key in load_key_file(town.keys_json) if (key.sgc, key.krn) == (meter.sgc, meter.krn)
    )
    ea = EncryptionAlgorithm(meter.ea)
    secret = keys.decoder_key(key, MeterNumber(meter.meter), meter.ti, ea)
    tid = tid_at(NOW, meter.base_date) + minute
    return tokens.credit(secret, ea, 0, 5, tid, tenths, sample_tables())


def asked(town: Town, memory: Memory | None, *lines: str) -> list[str]:
    meters = installed(town.keys_json, town.meters_csv)
    if memory is not None:
        memory.recall(meters)
    return list(answers(lines, meters, memory))


def test_a_meter_of_the_town_answers_each_line(town: Town) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    token = a_token(town, meter, 711)
    assert asked(
        town,
        None,
        f"{meter.meter} {token}\n",
        f"{meter.meter} {token}\n",
        f"{other.meter} {token}\n",
        f"12345 {token}\n",
        "\n",
    ) == ["Accept 711", "UsedError 711", "CRCError 0", "NoSuchMeter 0", "NoSuchMeter 0"]


def test_what_was_credited_is_there_after_a_restart(town: Town, tmp_path: Path) -> None:
    meter = next(m for m in town.meters if m.base_date == 2014)
    first, second = a_token(town, meter, 100), a_token(town, meter, 50, 1)
    memory = Memory(tmp_path / "meters")
    assert asked(town, memory, f"{meter.meter} {first}") == ["Accept 100"]
    lines = (f"{meter.meter} {first}", f"{meter.meter} {second}")
    assert asked(town, memory, *lines) == ["UsedError 100", "Accept 150"]


def test_only_what_changed_is_written_and_only_its_owner_may_read_it(
    town: Town, tmp_path: Path
) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    token, memory = a_token(town, meter, 100), Memory(tmp_path / "meters")
    asked(town, memory, f"{other.meter} {token}", f"{meter.meter} {token}")
    files = list((tmp_path / "meters").iterdir())
    assert [file.name for file in files] == [f"{meter.meter}.json"]
    if os.name == "posix":
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b" " * (1 << 19)])
def test_a_damaged_memory_stops_the_meters(town: Town, tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{town.meters[0].meter}.json").write_bytes(content)
    with pytest.raises(InputError, match="METER_STATE"):
        asked(town, Memory(tmp_path))


def test_another_meters_memory_is_not_taken(town: Town, tmp_path: Path) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    memory = Memory(tmp_path)
    asked(town, memory, f"{meter.meter} {a_token(town, meter, 100)}")
    (tmp_path / f"{meter.meter}.json").rename(tmp_path / f"{other.meter}.json")
    with pytest.raises(InputError, match="number"):
        asked(town, memory)


def a_process(town: Town, folder: Path) -> subprocess.Popen[str]:
    command = ["posapp.demo.meters", str(town.keys_json), str(town.meters_csv), str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_process_has_forgotten_nothing_that_it_said(town: Town, tmp_path: Path) -> None:
    meter = next(m for m in town.meters if m.base_date == 2014)
    token = a_token(town, meter, 100)
    said = []
    for _ in range(2):
        with a_process(town, tmp_path) as process:
            assert process.stdin is not None and process.stdout is not None
            assert process.stdout.readline() == f"ready {len(town.meters)}\n"
            process.stdin.write(f"{meter.meter} {token}\n")
            process.stdin.flush()
            said.append(process.stdout.readline())
            process.kill()
            process.wait(START_LIMIT_S)
    assert said == ["Accept 100\n", "UsedError 100\n"]


def test_a_process_says_why_it_does_not_start(town: Town, tmp_path: Path) -> None:
    (tmp_path / f"{town.meters[0].meter}.json").write_text("{}")
    with a_process(town, tmp_path) as process:
        out, error = process.communicate(timeout=START_LIMIT_S)
    assert (process.returncode, out) == (1, "")
    assert error == "METER_STATE (field=version)\n"
