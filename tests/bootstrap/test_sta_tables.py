"""A site's own STA tables come from its file, and a file that is wrong is never the sample set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from posapp.bootstrap import module as module_room
from posapp.bootstrap import sta_tables
from posapp.clock import SystemClock
from posapp.domain.meter import MeterNumber
from posapp.errors import ConfigError, InputError
from posapp.security_module.manager import ModuleManager
from posapp.sts import ciphers, keys, sta, tid
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.module_process import (
    HMAC_SECRET,
    METER,
    TILL,
    ModuleProcess,
    a_configuration,
    a_request,
)

SITE = sta.StaTables(sta.SAMPLE.s2, sta.SAMPLE.s1, tuple(reversed(sta.SAMPLE.p)))


def a_file(path: Path, tables: sta.StaTables = SITE) -> Path:
    path.write_text(json.dumps({"s1": tables.s1, "s2": tables.s2, "p": tables.p}))
    return path


def same(a: sta.StaTables, b: sta.StaTables) -> bool:
    return (a.s1, a.s2, a.p) == (b.s1, b.s2, b.p)


def test_the_option_wins_over_the_variable_and_that_over_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, sample = a_file(tmp_path / "site.json"), a_file(tmp_path / "own.json", sta.SAMPLE)
    assert sta_tables.choose() is sta.SAMPLE
    assert same(sta_tables.choose(configured=site), SITE)
    monkeypatch.setenv(sta_tables.VARIABLE, str(sample))
    assert same(sta_tables.choose(configured=site), sta.SAMPLE)
    assert same(sta_tables.choose(site, sample), SITE)


def test_a_named_file_that_is_missing_is_never_silently_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sta_tables.VARIABLE, str(tmp_path / "nothing.json"))
    with pytest.raises(InputError, match="STA_TABLES"):
        sta_tables.choose()


def test_a_module_makes_tokens_with_the_tables_of_its_folder(tmp_path: Path) -> None:
    module = ModuleProcess.make(tmp_path / "module")
    a_file(module.folder / "site.json")
    (module.folder / module_room.CONFIG_FILE).write_text('sta_tables = "site.json"\n')
    tid_now = tid.tid_at(SystemClock().now(), 2014)
    with module.running():
        manager = ModuleManager(module.address, till_id=TILL, clock=SystemClock())
        (token,) = manager.issue(a_request(1, tid_now)).tokens
        manager.close()
    c = a_configuration()
    key = keys.VendingKey(bytes.fromhex(HMAC_SECRET), c.sgc, c.krn, c.kt, c.base_date, c.ken, 4)
    number = MeterNumber(METER)
    decoder = keys.decoder_key(key, number, c.ti, c.ea)
    for tables, verdict in (
        (ciphers.sample_tables(), MeterResult.CRC_ERROR),
        (SITE, MeterResult.ACCEPT),
    ):
        assert VirtualMeter(number, decoder, c.ea, tables).enter(token) is verdict


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("sta_tables", ConfigError, "CONFIG_SYNTAX"),
        ("sta_tables = 1", ConfigError, "CONFIG_FIELD"),
        ('colour = "red"', ConfigError, "CONFIG_FIELD"),
        ('sta_tables = "nothing.json"', InputError, "STA_TABLES"),
    ],
)
def test_a_module_with_a_wrong_configuration_does_not_begin(
    tmp_path: Path, text: str, error: type[Exception], code: str
) -> None:
    folder = ModuleProcess.make(tmp_path / "module").folder
    (folder / module_room.CONFIG_FILE).write_text(text)
    with pytest.raises(error, match=code):
        module_room.serve(folder, "tcp:127.0.0.1:0")


def test_a_module_keeps_to_the_tables_it_began_with(tmp_path: Path) -> None:
    module = ModuleProcess.make(tmp_path / "module")
    a_file(module.folder / "site.json")
    config = module.folder / module_room.CONFIG_FILE
    config.write_text('# ours\nsta_tables = "site.json"\n')
    with module.running():
        pass
    config.write_text('# ours sta_tables = "site.json"\n')  # one flipped bit of a line's end
    with pytest.raises(ConfigError, match="STA_TABLES_CHANGED"):
        module_room.serve(module.folder, "tcp:127.0.0.1:0")
    config.write_text('sta_tables = "site.json"\n')
    with module.running():
        pass
