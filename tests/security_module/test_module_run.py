"""Key changes for a list of meters by the module: the same tokens, counted before they exist."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest

from posapp import cli
from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_people, module_run
from posapp.bootstrap.module_run import RunKeys
from posapp.domain.meter import EncryptionAlgorithm
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ConfigError, ModuleError
from posapp.journal.facts import TokenItem
from posapp.security_module.reference.operators import Action
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
    TEST_KEYS,
    TILL,
    ModuleProcess,
    a_configuration,
    a_request,
    write_key_file,
)
from tests.security_module.soft_tokens import LIBRARY, USER_PIN, a_token, needs_soft_hsm

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
    run = module_run.change_keys(
        engine, RunKeys(store.keys()), clock, sta.SAMPLE, meters, out, Target(ti="08")
    )
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
        module_run.change_keys(
            engine, RunKeys(store.keys()), clock, sta.SAMPLE, meters, out, Target(ti="08")
        )
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
        module_run.change_keys(
            engine, RunKeys(store.keys()), clock, sta.SAMPLE, meters, out, Target(ti="08")
        )
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


def changed(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> tuple[int, str]:
    """The command on the list beside the folder; its status and what it wrote."""
    out = folder.with_suffix(".csv")
    words = ["module", "key-change", "--dir", str(folder), "--out", str(out), "--to-ti", "08"]
    status = cli.main([*words, "--meters", str(folder.parent / "meters.csv"), *more])
    said = capsys.readouterr()
    return status, out.read_text() if status == 0 else said.err


@pytest.mark.usefixtures("meters")
def test_where_there_are_operators_one_of_them_signs_in_and_is_in_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pin = tmp_path / "closed", "482915"
    keys = write_key_file(tmp_path / "keys.json")
    bootstrap.init(folder, keys, supervisor="Boss", pin=pin)
    monkeypatch.setattr("sys.stdin", io.StringIO("000000\n"))
    status, told = changed(capsys, folder, "--as", "1")
    assert (status, "PIN_WRONG" in told) == (cli.shared.EXIT_REFUSED, True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{pin}\n"))
    status, made = changed(capsys, folder, "--as", "1")
    assert status == 0
    plain = ModuleProcess.make(tmp_path / "plain").folder
    assert changed(capsys, plain) == (0, made)  # the same keys, the same tokens
    with module_people.worked_at(folder, 1, pin, Action.OPERATORS, None) as opened:
        with opened.store.read() as books:
            entries = [AuditEntry.from_bytes(data) for data in books.audit_after(0, 9)]
        assert [e.body[21] for e in entries if e.kind is AuditKind.LOGIN] == ["key-change"]
        assert opened.store.keys()


@needs_soft_hsm
@pytest.mark.usefixtures("meters")
def test_keys_in_a_token_make_the_tokens_that_keys_in_the_store_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [key for key in TEST_KEYS if key["dkga"] == 4]
    folder = tmp_path / "token"
    folder.mkdir()
    (folder / "hsm.pin").write_text(USER_PIN, encoding="ascii")
    (folder / "hsm.pin").chmod(0o600)
    (folder / "module.toml").write_text(
        f'[pkcs11]\nlibrary = "{LIBRARY}"\ntoken = "{a_token().label}"\npin_file = "hsm.pin"\n'
        "keys = true\n",
        encoding="utf-8",
    )
    bootstrap.init(folder, write_key_file(tmp_path / "keys.json", rows))
    plain = ModuleProcess.make(tmp_path / "plain", keys=rows).folder
    status, made = changed(capsys, folder)
    assert (status, made) == changed(capsys, plain)
    assert status == 0 and made.count("METER_NUMBER_LENGTH") == 1
