"""Key changes for a list of meters by the module: the same tokens, counted before they exist."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from posapp import cli
from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_run
from posapp.domain.meter import EncryptionAlgorithm
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ConfigError, ModuleError
from posapp.journal.facts import TokenItem
from posapp.security_module.reference.store import open_store
from posapp.sts import sta
from posapp.sts.bulk.campaign import Target
from posapp.wire.audit import AuditEntry, AuditKind
from tests.security_module.engines import (
    TRUST,
    SetClock,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.module_process import (
    METER,
    TILL,
    ModuleProcess,
    a_configuration,
    a_request,
)

LIST = f"meter,ea,sgc,krn,ti\n{METER},7,201457,1,03\n{METER},11,201457,1,03\n123,7,201457,1,03\n"


@pytest.fixture
def meters(tmp_path: Path) -> Path:
    path = tmp_path / "meters.csv"
    path.write_text(LIST)
    return path


def test_a_run_makes_the_tokens_that_orders_would_and_is_one_entry(
    tmp_path: Path, meters: Path
) -> None:
    clock = SetClock()
    engine, store = an_engine(tmp_path / "module", clock, trust=TRUST)
    engine.load_authorisation(signed(an_authorisation()))
    out = tmp_path / "out.csv"
    run = module_run.change_keys(engine, store, clock, sta.SAMPLE, meters, out, Target(ti="08"))
    assert (run.report.rows, run.report.refused, run.tokens) == (3, 1, 6)
    entry = AuditEntry.from_bytes(whole_audit(engine)[-1])
    assert entry.kind is AuditKind.ISSUE
    assert entry.body == {7: 3, 8: 6, 9: hashlib.sha256(out.read_bytes()).digest()}
    assert engine.report(TILL).unacknowledged == 6
    change = TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=KeyTarget("201457", 1, "08"))
    rows = list(csv.DictReader(out.read_text().splitlines()))
    for n, ea in enumerate((EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1)):
        request = a_request(n + 1, configuration=a_configuration(ti="03", ea=ea))
        answer = engine.issue(order(replace(request, items=(change,))))
        in_list = [rows[n][f"token_{place}"] for place in range(1, 5)]
        assert tuple(filter(None, in_list)) == answer.tokens
    store.close()


def test_a_run_that_is_not_allowed_writes_nothing_but_a_refusal(
    tmp_path: Path, meters: Path
) -> None:
    clock = SetClock()
    engine, store = an_engine(tmp_path / "module", clock, trust=TRUST)
    engine.load_authorisation(signed(an_authorisation(unacknowledged_max=5)))
    out = tmp_path / "out.csv"
    with pytest.raises(ModuleError, match="AUDIT_FULL"):
        module_run.change_keys(engine, store, clock, sta.SAMPLE, meters, out, Target(ti="08"))
    assert not out.exists()
    entry = AuditEntry.from_bytes(whole_audit(engine)[-1])
    assert (entry.kind, entry.body[10], entry.body[8]) == (AuditKind.REFUSAL, "AUDIT_FULL", 6)
    store.close()


def test_a_list_that_changes_between_the_two_readings_leaves_no_tokens(
    tmp_path: Path, meters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    engine, store = an_engine(tmp_path / "module", clock)
    record = engine.record_run

    def and_change(rows: int, tokens: int, digest: bytes) -> None:
        record(rows, tokens, digest)
        meters.write_text(LIST + f"{METER},7,201457,1,04\n")

    monkeypatch.setattr(engine, "record_run", and_change)
    out = tmp_path / "out.csv"
    with pytest.raises(ConfigError, match="RUN_CHANGED"):
        module_run.change_keys(engine, store, clock, sta.SAMPLE, meters, out, Target(ti="08"))
    assert not out.exists()
    store.close()


def test_the_command_runs_on_a_module_that_is_not_served(
    tmp_path: Path, meters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ModuleProcess.make(tmp_path / "module").folder
    out = tmp_path / "out.csv"
    words = ["module", "key-change", "--dir", str(folder), "--meters", str(meters)]
    assert cli.main([*words, "--out", str(out), "--to-ti", "08"]) == 0
    assert capsys.readouterr().out == "3 meters, 6 tokens, 1 refused\n  METER_NUMBER_LENGTH 1\n"
    store = open_store(folder, bootstrap._read_key(folder / bootstrap.KEY_FILE))
    with store.read() as books:
        assert books.standing().tokens_made == 6
    store.close()
