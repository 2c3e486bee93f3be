"""`posapp person` and `posapp retention` as people type them, on a real till's folder."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from posapp import cli, config
from posapp.bootstrap import store_key
from posapp.cli.shared import EXIT_REFUSED
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.errors import ConfigError
from posapp.ports import PrintState
from tests.services.counter import PIN, a_counter
from tests.services.easy_module import EasyModule
from tests.stores import KEY, again


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A till that sold twice and is closed."""
    counter = a_counter(tmp_path, EasyModule(), SystemClock())
    counter.sale(5, 50_000)
    sold = counter.sale(6, 50_000)
    job = counter.store.read(lambda reader: reader.print_job(sold.job_id))
    counter.store.write(lambda uow: uow.set_print_job(job.job_id, PrintState.PRINTED))
    counter.store.close()
    (tmp_path / store_key.FILE_NAME).write_text(KEY.hex() + "\n")
    config.save(TillConfig(tmp_path, store_key="keyfile"))
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    return cli.main(["--data", str(folder), *arguments])


def test_a_person_is_exported_to_a_file_for_its_owner_alone(folder, capsys):
    out = folder / "person.json"
    assert run(folder, "person", "export", "--customer", "5", "--out", str(out)) == 0
    told = json.loads(out.read_text("utf-8"))
    assert told["record"]["name"] == "Fatou Diallo" and len(told["sales"]) == 1
    if os.name == "posix":
        assert out.stat().st_mode & 0o777 == 0o600
    assert str(out) in capsys.readouterr().out


def test_two_people_erase_a_person_with_their_pins(folder, capsys, monkeypatch):
    erase = ("person", "erase", "--customer", "5", "--operator", "2", "--second", "1")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PIN}\n0000\n"))
    assert run(folder, *erase, "--reason", "asked for") == EXIT_REFUSED
    assert "PIN_WRONG" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PIN}\n{PIN}\n"))
    assert run(folder, *erase, "--reason", "asked for") == 0
    store = again(folder, read_only=True)
    assert store.read(lambda reader: reader.customer_name(5)) is None
    store.close()
    assert run(folder, "journal", "verify", str(folder)) == 0
    assert "every page, booking and document holds" in capsys.readouterr().out


def test_the_list_of_customers_is_masked(folder, capsys):
    out = folder / "people.csv"
    assert run(folder, "person", "list", "--out", str(out)) == 0
    text = out.read_text("utf-8")
    assert "F**** D*****" in text and "Diallo" not in text
    assert capsys.readouterr().err == ""


def test_what_is_over_its_time_is_listed_then_deleted_and_the_journal_stays(folder, capsys):
    old = folder / "crash" / "crash-1.txt"
    old.parent.mkdir()
    old.write_text("long ago")
    past = (datetime.now(UTC) - timedelta(days=100)).timestamp()
    os.utime(old, (past, past))
    assert run(folder, "retention") == 0
    assert capsys.readouterr().out.splitlines() == [
        "slips: kept 400 days, 0 over",
        "crashes: kept 90 days, 1 over",
    ]
    _age_slips(folder, days=500)
    assert run(folder, "retention", "--delete") == 0
    assert capsys.readouterr().out.splitlines() == [
        "slips: kept 400 days, 1 deleted",
        "crashes: kept 90 days, 1 deleted",
    ]
    assert not old.exists()
    store = again(folder, read_only=True)
    # The slip that never came out stays, however old it is, and so does every sale.
    waiting = store.read(lambda reader: reader.print_jobs(tuple(PrintState), 10))
    assert [job.state for job in waiting] == [PrintState.QUEUED]
    assert store.verify_journal().broken_seq is None and store.check_projections().ok
    store.close()


def _age_slips(folder: Path, *, days: int) -> None:
    store = again(folder)
    ms = days * 86_400_000
    statement = "UPDATE print_job SET queued_ms = queued_ms - ?"
    store.transaction(lambda connection: connection.exec_driver_sql(statement, (ms,)))
    store.close()


def test_a_kind_that_is_kept_for_ever_is_never_over(folder, capsys):
    config.save(TillConfig(folder, store_key="keyfile", keep_slips_days=0))
    _age_slips(folder, days=5000)
    assert run(folder, "retention") == 0
    assert capsys.readouterr().out.startswith("slips: kept for ever, 0 over")
    assert run(folder, "retention", "--delete") == 0
    assert capsys.readouterr().out.startswith("slips: kept for ever, 0 deleted")


@pytest.mark.parametrize("text", ["-1", "ten", "1.5", "999999"])
def test_a_number_of_days_that_is_none_is_refused(folder, text):
    (folder / "till.toml").write_text(f'[retention]\nslips_days = "{text}"\n')
    with pytest.raises(ConfigError, match="CONFIG_VALUE"):
        config.load(folder)
