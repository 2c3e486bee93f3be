"""The town's meters as a process: verdicts, and a memory that outlives it."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posapp.demo import meters as demo_meters
from posapp.demo.meters import Memory, answers, installed
from posapp.demo.town import Town, TownMeter, build
from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import ConfigError, InputError
from posapp.security_module.reference.keys import load_key_file
from posapp.sts import keys, tokens
from posapp.sts.sta import SAMPLE, StaTables
from posapp.sts.tid import tid_at
from tests.stores import StoppedClock

NOW = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
START_LIMIT_S = 30


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return build(tmp_path_factory.mktemp("town"), customers=500, seed=7)


def a_token(
    town: Town, meter: TownMeter, tenths: int, minute: int = 0, tables: StaTables = SAMPLE
) -> str:
    key = next(
        key for key in load_key_file(town.keys_json) if (key.sgc, key.krn) == (meter.sgc, meter.krn)
    )
    ea = EncryptionAlgorithm(meter.ea)
    secret = keys.decoder_key(key, MeterNumber(meter.meter), meter.ti, ea)
    tid = tid_at(NOW, meter.base_date) + minute
    return tokens.credit(secret, ea, 0, 5, tid, tenths, tables)


def asked(
    town: Town, memory: Memory | None, *lines: str, at: datetime = NOW, tables: StaTables = SAMPLE
) -> list[str]:
    meters = installed(town.keys_json, town.meters_csv, tables)
    if memory is not None:
        memory.recall(meters)
    return list(answers(lines, meters, memory, StoppedClock(at)))


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
    memory = Memory(tmp_path / "meters", SAMPLE)
    assert asked(town, memory, f"{meter.meter} {first}") == ["Accept 100"]
    lines = (f"{meter.meter} {first}", f"{meter.meter} {second}")
    assert asked(town, memory, *lines) == ["UsedError 100", "Accept 150"]


def test_only_what_changed_is_written_and_only_its_owner_may_read_it(
    town: Town, tmp_path: Path
) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    token, memory = a_token(town, meter, 100), Memory(tmp_path / "meters", SAMPLE)
    display = tokens.meter_test(0, 8)
    asked(town, memory, f"{other.meter} {display}", f"{meter.meter} {token}")
    files = list((tmp_path / "meters").iterdir())
    assert [file.name for file in files] == [f"{meter.meter}.json"]
    if os.name == "posix":
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "meters").stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes and links are of POSIX")
def test_a_folder_that_others_could_read_is_closed_and_no_link_is_followed(
    town: Town, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "meters", tmp_path / "elsewhere"
    folder.mkdir(mode=0o755)
    meter = next(m for m in town.meters if m.base_date == 2014)
    for ending in (".new", ".json.new"):
        (folder / f"{meter.meter}{ending}").symlink_to(elsewhere)
    memory = Memory(folder, SAMPLE)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for ending in (".new", ".json.new"):
        (folder / f"{meter.meter}{ending}").symlink_to(elsewhere)
    asked(town, memory, f"{meter.meter} {a_token(town, meter, 100)}")
    assert not elsewhere.exists()
    assert not (folder / f"{meter.meter}.json").is_symlink()


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "58000079523.json.abc.new").write_text("{")
    Memory(tmp_path, SAMPLE)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_finished_leaves_nothing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError("no space left")

    meter, memory = next(m for m in town.meters if m.base_date == 2014), Memory(tmp_path, SAMPLE)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="FILE_UNWRITABLE"):
        asked(town, memory, f"{meter.meter} {a_token(town, meter, 100)}")
    assert not list(tmp_path.iterdir())


def test_wrong_entries_lock_a_meter_of_the_town_also_over_a_restart(
    town: Town, tmp_path: Path
) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    memory = Memory(tmp_path, SAMPLE)
    wrong, right = a_token(town, other, 711), a_token(town, meter, 711)
    lines = [f"{meter.meter} {wrong}"] * 3
    assert asked(town, memory, *lines, f"{meter.meter} {right}") == [
        *["CRCError 0"] * 3,
        "Lockout 0",
    ]
    assert asked(town, memory, f"{meter.meter} {right}") == ["Lockout 0"]
    later = NOW + timedelta(minutes=1)
    assert asked(town, memory, f"{meter.meter} {right}", at=later) == ["Accept 711"]


def test_a_meter_has_the_type_of_its_key(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = next(m for m in town.meters if m.base_date == 2014)
    usual = load_key_file(town.keys_json)
    default = tuple(replace(key, kt=KeyType.DEFAULT) for key in usual)
    monkeypatch.setattr(demo_meters, "load_key_file", lambda _: default)
    made = installed(town.keys_json, town.meters_csv, SAMPLE)
    assert {found.kt for found in made.values()} == {KeyType.DEFAULT}
    assert made[meter.meter].enter(a_token(town, meter, 5)) == "CRCError"


def other_tables() -> StaTables:
    chance, place = random.Random(3), list(range(64))
    boxes = [list(range(16)), list(range(16))]
    for values in (place, *boxes):
        chance.shuffle(values)
    return StaTables(*boxes, place)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b" " * (1 << 19)])
def test_a_damaged_memory_stops_the_meters(town: Town, tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{town.meters[0].meter}.json").write_bytes(content)
    with pytest.raises(InputError, match="METER_STATE"):
        asked(town, Memory(tmp_path, SAMPLE))


def test_another_meters_memory_is_not_taken(town: Town, tmp_path: Path) -> None:
    meter, other = [m for m in town.meters if m.base_date == 2014][:2]
    memory = Memory(tmp_path, SAMPLE)
    asked(town, memory, f"{meter.meter} {a_token(town, meter, 100)}")
    (tmp_path / f"{meter.meter}.json").rename(tmp_path / f"{other.meter}.json")
    with pytest.raises(InputError, match="number"):
        asked(town, memory)


def test_the_tables_of_the_site_are_those_of_its_meters_too(town: Town, tmp_path: Path) -> None:
    meter = next(m for m in town.meters if m.base_date == 2014 and m.ea == 7)
    tables, memory = other_tables(), Memory(tmp_path / "meters", other_tables())
    token = a_token(town, meter, 100, tables=tables)
    assert asked(town, None, f"{meter.meter} {token}") == ["CRCError 0"]
    for verdict in ("Accept 100", "UsedError 100"):  # made, and read again
        assert asked(town, memory, f"{meter.meter} {token}", tables=tables) == [verdict]


def test_a_process_has_the_tables_that_the_module_would_have(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = next(m for m in town.meters if m.base_date == 2014 and m.ea == 7)
    tables, file = other_tables(), tmp_path / "tables.json"
    file.write_text(json.dumps({"s1": tables.s1, "s2": tables.s2, "p": tables.p}))
    monkeypatch.setenv("POSAPP_STA_TABLES", str(file))
    with a_process(town, tmp_path / "meters") as process:
        out, error = process.communicate(
            f"{meter.meter} {a_token(town, meter, 100, tables=tables)}\n", START_LIMIT_S
        )
    assert (out.splitlines()[1:], error) == (["Accept 100"], "")
    monkeypatch.setenv("POSAPP_STA_TABLES", str(tmp_path / "none.json"))
    with a_process(town, tmp_path / "meters") as process:
        out, error = process.communicate(timeout=START_LIMIT_S)
    assert (process.returncode, out) == (1, "")
    assert error.startswith("STA_TABLES")


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
