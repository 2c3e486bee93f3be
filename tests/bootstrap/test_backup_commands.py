"""`posapp backup`, `restore`, `recovery` of a till with a key file: to a stick and back."""

from __future__ import annotations

import io
import os
import re
import shutil
from pathlib import Path

import pytest

from posapp import config
from posapp.bootstrap import backups, store_key
from posapp.cli import main
from posapp.clock import SystemRandomness
from posapp.codec import recovery
from posapp.config import TillConfig
from posapp.errors import ConfigError, InputError, StoreError
from tests.stores import KEY, Seller, a_store, again


@pytest.fixture
def till(tmp_path: Path) -> Path:
    """A till's folder with four sales, its key in a file, its backups on a stick."""
    folder = tmp_path / "till"
    store = a_store(folder)
    seller = Seller(store)
    for number in range(4):
        seller.sell(number + 1)
    store.close()
    (tmp_path / "stick").mkdir()
    config.save(TillConfig(folder, store_key="keyfile", backup_folder=str(tmp_path / "stick")))
    store_key.keep(folder, "keyfile", KEY)
    return folder


def _posapp(*words: object) -> int:
    return main([str(word) for word in words])


def _backups(till: Path) -> list[Path]:
    return sorted((till.parent / "stick" / "K7M2").glob("*.backup"))


def test_a_backup_is_made_beside_an_open_till_and_brought_back(till: Path, capsys):
    store = again(till)
    assert _posapp("backup", "--data", till) == 0
    (backup,) = _backups(till)
    assert backup.name in capsys.readouterr().out
    assert _posapp("restore", "--data", till, backup) == 2, "its till is open"
    store.close()
    capsys.readouterr()
    assert _posapp("restore", "--data", till, backup) == 0
    told = capsys.readouterr().out
    assert "4 sales up to entry 9 are back" in told and "replaced-1" in told
    store = again(till)
    assert store.read(lambda reader: reader.head()).seq == 10
    store.close()


def test_a_till_without_a_place_for_backups_is_told(till: Path, capsys):
    config.save(TillConfig(till, store_key="keyfile"))
    assert _posapp("backup", "--data", till) == 2
    assert "no place for backups" in capsys.readouterr().err
    assert _posapp("backup", "--data", till, "--folder", till.parent / "stick") == 0


def test_paper_and_stick_are_enough_for_a_new_machine(till: Path, capsys, monkeypatch):
    assert _posapp("recovery", "paper", "--data", till) == 0
    code = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"([0-9A-Z]{5}-){4}[0-9A-Z]{5}", code)
    assert _posapp("backup", "--data", till) == 0
    (backup,) = _backups(till)
    shutil.rmtree(till)
    new = till.parent / "new"
    monkeypatch.setattr("sys.stdin", io.StringIO(code.lower().replace("-", " ") + "\n"))
    assert _posapp("restore", "--data", new, "--recovery", "--key", "keyfile", backup) == 0
    assert store_key.load(new, "keyfile") == KEY
    store = again(new)
    assert store.verify_journal().head.seq == 10
    store.close()


def test_a_lost_keystore_gets_its_key_back_and_no_other(till: Path):
    code = backups.recovery_paper(till)
    (till / store_key.FILE_NAME).unlink()
    with pytest.raises(InputError, match="RECOVERY_CODE_WRONG"):
        backups.recover_key(till, recovery.new_code(SystemRandomness()))
    with pytest.raises(InputError, match="RECOVERY_CODE_FORM"):
        backups.recover_key(till, code[:-1])
    backups.recover_key(till, code)
    assert store_key.load(till, "keyfile") == KEY
    backups.recover_key(till, code)  # once more is no matter
    (till / store_key.FILE_NAME).write_text(bytes(32).hex())
    with pytest.raises(StoreError, match="STORE_KEY_OTHER"):
        backups.recover_key(till, code)


def test_a_new_paper_makes_the_older_one_void(till: Path):
    old, new = backups.recovery_paper(till), backups.recovery_paper(till)
    with pytest.raises(InputError, match="RECOVERY_CODE_WRONG"):
        backups.recover_key(till, old)
    backups.recover_key(till, new)


def test_without_a_box_the_code_opens_nothing(till: Path):
    with pytest.raises(ConfigError, match="RECOVERY_BOX_MISSING"):
        backups.recover_key(till, recovery.new_code(SystemRandomness()))


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps access in the folder's own list")
def test_the_box_and_its_copies_are_their_owners_alone_and_hold_no_key(till: Path):
    code = backups.recovery_paper(till)
    backups.backup(till, None)
    for box in (till / recovery.FILE_NAME, till.parent / "stick" / "K7M2" / "K7M2.recovery"):
        assert box.stat().st_mode & 0o077 == 0
        assert KEY not in box.read_bytes() and code.encode() not in box.read_bytes()
        assert recovery.unwrap(box.read_bytes(), code) == KEY


def test_a_code_is_read_as_people_type_it():
    code = "0123A-BCDEF-GHJKM-NPQRS-TVWX1"
    assert recovery.read_code(" o123a bcdef ghjkm-npqrs tvwxl ") == code.replace("-", "")
    with pytest.raises(InputError, match="RECOVERY_CODE_FORM"):
        recovery.read_code(code[:-1] + "U")
