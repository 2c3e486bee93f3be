"""Who is let in to a module that is used for real: paired tills, and whoever holds its folder."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posapp import cli
from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_errand, module_people
from posapp.bootstrap.module_errand import Errand
from posapp.clock import SystemClock
from posapp.errors import ConfigError, ModuleError, StoreError
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference.gate import NOBODY
from posapp.wire.introductions import ModuleCard, Trust
from posapp.wire.key_file import KeyFile, KeyFileHeader, key_hash
from tests.security_module.module_process import ModuleProcess
from tests.security_module.test_module_load_keys import NEW, OFFICERS, TRUST

PIN, VENDORS_PIN = "482915", "770413"


def manager(module: ModuleProcess) -> ModuleManager:
    return ModuleManager(module.address, till_id=NOBODY, clock=SystemClock(), hard_s=3.0)


def refused(capsys, *arguments) -> str:
    assert cli.main([str(argument) for argument in arguments]) == cli.shared.EXIT_REFUSED
    return capsys.readouterr().err


def a_module(folder: Path, trust: Trust = TRUST, **more) -> ModuleProcess:
    folder.mkdir()
    (folder / "trust.json").write_text(trust.to_text())
    module_id = bootstrap.init(folder, None, folder / "trust.json", **more)
    return ModuleProcess(folder, f"pty:{folder / 'line'}", module_id, in_clear=False)


def a_key_file(module: ModuleProcess, serial: int = 1) -> Path:
    card = ModuleCard.read((module.folder / "module.card").read_bytes())
    now = datetime.now(UTC)
    header = KeyFileHeader(
        *(module.module_id, key_hash(card.seal_key), True, serial, now, now + timedelta(days=1))
    )
    file = module.folder / f"keys-{serial}"
    file.write_bytes(KeyFile.make(header, card.seal_key, [NEW], OFFICERS).to_bytes())
    return file


def test_a_module_with_limits_answers_nobody_in_the_clear_and_its_folder_lets_in(capsys, tmp_path):
    module = a_module(tmp_path / "m")
    file = a_key_file(module)
    with module.running():
        till = manager(module)
        with pytest.raises(ModuleError, match="NOT_PAIRED"):
            till.load_keys(b"x")
        till.close()
        to = ("module", "load-keys", "--address", module.address)
        assert "pair" in refused(capsys, *to, file).lower()
        assert cli.main([*to, "--dir", str(module.folder), str(file)]) == 0
        assert capsys.readouterr().out == "The module has 1 vending keys.\n"
        assert bootstrap.unpair(module.folder, "") == "paired with nobody"
        book = tmp_path / "book"
        count = module_errand.fetch_audit(Errand(module.address, module.folder), book)
        assert count >= 4
    assert module.errors() == ""


def test_an_errand_that_fails_leaves_no_way_in(tmp_path):
    module = a_module(tmp_path / "m")
    with module.running():
        errand = Errand(module.address, module.folder)
        for foreign in (module.folder / "trust.json", module.folder / "module.card"):
            with pytest.raises(ModuleError):
                module_errand.authorise(errand, foreign)
    with pytest.raises((ModuleError, StoreError)):
        module_errand.authorise(errand, module.folder / "trust.json")
    assert bootstrap.unpair(module.folder, "") == "paired with nobody"


ERRAND_THAT_HANGS = """
import sys, time
from pathlib import Path
from posapp.bootstrap import module_errand
with module_errand._let_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def test_a_killed_errand_is_forgotten_when_the_module_starts_and_a_living_one_is_not(tmp_path):
    module = a_module(tmp_path / "m")
    errand = subprocess.Popen(
        [sys.executable, "-c", ERRAND_THAT_HANGS, str(module.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with errand:
        assert errand.stdin and errand.stdout and errand.stdout.readline() == "in\n"
        with module.running():
            assert "errand" in bootstrap.unpair(module.folder, "")
        errand.kill()
    assert "errand" in bootstrap.unpair(module.folder, "")
    with module.running():
        assert bootstrap.unpair(module.folder, "") == "paired with nobody"


def test_where_there_are_operators_a_supervisor_loads_keys_and_a_vendor_does_not(
    capsys, monkeypatch, tmp_path
):
    module = a_module(tmp_path / "m", supervisor="Boss", pin=PIN)
    vendor = module_people.Change("add", 2, "Ann", "vendor", VENDORS_PIN)
    module_people.change(module.folder, 1, PIN, vendor)
    file = a_key_file(module)
    with module.running():
        to = ("module", "load-keys", "--address", module.address, "--dir", str(module.folder))
        assert refused(capsys, *to, file)  # nobody has signed in
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{VENDORS_PIN}\n"))
        assert "[ROLE_DENIED]" in refused(capsys, *to, "--as", "2", file)
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PIN}\n"))
        assert cli.main([*to, "--as", "1", str(file)]) == 0
        assert "has 1 vending keys" in capsys.readouterr().out
        assert refused(capsys, *to, a_key_file(module, 2))  # it signed out again
    assert PIN not in module.errors()


def test_a_module_without_keys_must_trust_somebody(tmp_path):
    with pytest.raises(ConfigError, match="MODULE_KEYLESS"):
        bootstrap.init(tmp_path / "m", None)
    assert not (tmp_path / "m" / "module.db").exists()
