"""Making a module: key files, folders, and what is refused before anything exists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posapp.bootstrap import module as bootstrap
from posapp.errors import ConfigError
from tests.security_module.module_process import (
    HMAC_SECRET,
    ON_POSIX,
    ModuleProcess,
)


@pytest.fixture(scope="module")
def ready_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ModuleProcess.make(tmp_path_factory.mktemp("ready")).folder


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        ("{", "KEY_FILE_INVALID", "file"),
        ("[]", "KEY_FILE_INVALID", "file"),
        ('{"keys": []}', "KEYS_NOT_TEST", ""),
        ('{"marked": "production", "keys": []}', "KEYS_NOT_TEST", ""),
        ('{"marked": "test", "keys": []}', "KEY_FILE_INVALID", "keys"),
        ('{"marked": "test", "keys": [{"sgc": "201457"}]}', "KEY_FILE_INVALID", "keys[0].krn"),
    ],
)
def test_a_key_file_that_is_none_makes_no_module(
    tmp_path: Path, content: str, code: str, field: str
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        bootstrap.init(tmp_path / "module", path)
    assert (caught.value.code, caught.value.params.get("field", "")) == (code, field)
    assert not (tmp_path / "module").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": "zz"}, "keys[0].secret"),
        ({"secret": "ab" * 19}, "keys[0]"),
        ({"dkga": 2, "secret": "00" * 8}, "keys[0]"),
        ({"dkga": 3}, "keys[0]"),
        ({"kt": 9}, "keys[0].kt"),
        ({"krn": "1"}, "keys[0].krn"),
        ({"krn": True}, "keys[0].krn"),
        ({"sgc": "20145"}, "keys[0].sgc"),
        ({"base_date": 2000}, "keys[0].base_date"),
        ({"active_from": "soon"}, "keys[0].active_from"),
        ({"active_from": "2026-11-20T00:00:00"}, "keys[0].active_from"),
        ({"issue_until": 2026}, "keys[0].issue_until"),
        ({"permitted": ["0,0"]}, "keys[0].permitted"),
        ({"permitted": ["1.0"]}, "keys[0].permitted"),
        ({"colour": "red"}, "keys[0].colour"),
    ],
)
def test_a_key_out_of_order_is_named_by_its_place_and_never_quoted(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    row = {"sgc": "201457", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 4}
    row |= {"secret": HMAC_SECRET, **changes}
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"marked": "test", "keys": [row]}))
    with pytest.raises(ConfigError) as caught:
        bootstrap.init(tmp_path / "module", path)
    assert (caught.value.code, caught.value.params["field"]) == ("KEY_FILE_INVALID", field)
    assert HMAC_SECRET not in str(caught.value)


def test_one_key_twice_is_refused(tmp_path: Path) -> None:
    row = {"sgc": "201457", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 4}
    row |= {"secret": HMAC_SECRET}
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"marked": "test", "keys": [row, row]}))
    with pytest.raises(ConfigError) as caught:
        bootstrap.init(tmp_path / "module", path)
    assert caught.value.params["field"] == "keys"


def test_a_module_is_never_made_over_another(ready_folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.init(ready_folder, ready_folder / "keys.json")
    assert caught.value.code == "MODULE_EXISTS"


def test_an_attempt_cut_off_before_the_store_appeared_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "module.key").write_text("00" * 32)
    (folder / "module.db.new").write_bytes(b"half")
    module = ModuleProcess.make(folder)
    with module.running():
        assert module.words
    assert sorted(p.name for p in folder.iterdir() if ".new" in p.name) == []


@pytest.mark.skipif(not ON_POSIX, reason="file modes are Unix")
def test_the_stores_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = ModuleProcess.make(tmp_path / "module").folder
    key = folder / "module.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        bootstrap.serve(folder, "tcp:127.0.0.1:0")
    assert caught.value.code == "MODULE_KEY_EXPOSED"


@pytest.mark.parametrize(
    ("file", "code"), [("module.db", "MODULE_MISSING"), ("module.key", "MODULE_KEY_MISSING")]
)
def test_a_folder_with_a_part_missing_says_which(tmp_path: Path, file: str, code: str) -> None:
    folder = ModuleProcess.make(tmp_path / "module").folder
    (folder / file).unlink()
    with pytest.raises(ConfigError) as caught:
        bootstrap.serve(folder, "tcp:127.0.0.1:0")
    assert caught.value.code == code
