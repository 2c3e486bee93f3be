"""The command line: what people and checks rely on, and one sentence for every mishap."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
from pathlib import Path

import pytest

from posapp import cli, config, paths
from posapp.bootstrap import module as module_bootstrap
from posapp.bootstrap import store_key
from posapp.cli.shared import EXIT_CRASHED, EXIT_FAILED, EXIT_REFUSED
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.security_module.manager import ModuleManager
from tests.security_module.module_process import ModuleProcess, write_key_file
from tests.services.counter import GRACE, PIN, a_counter
from tests.stores import KEY, TILL_ID, a_meter_number, again

VECTORS = Path(__file__).parent / "data" / "sts_vectors.json"


def run(capsys, *arguments, pin="", monkeypatch=None):
    """Exit status, standard output, standard error."""
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))
    status = cli.main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    return status, out.out, out.err


def refused(capsys, code, *arguments, **more):
    """One line with that code on standard error, no traceback, and nothing on standard output."""
    status, out, err = run(capsys, *arguments, **more)
    assert status == EXIT_REFUSED
    assert err.strip().endswith(f"[{code}]"), err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err + out
    return err


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    made = ModuleProcess.make(tmp_path_factory.mktemp("module"))
    with made.running():
        yield made


@pytest.fixture(scope="module")
def till(tmp_path_factory, process):
    """A furnished till's folder as a machine has it; no process holds it."""
    folder = tmp_path_factory.mktemp("till")
    manager = ModuleManager(process.address, till_id=TILL_ID, clock=SystemClock())
    a_counter(folder, manager).store.close()
    manager.close()
    (folder / store_key.FILE_NAME).write_text(KEY.hex() + "\n")
    config.save(TillConfig(folder, module_address=process.address, store_key="keyfile"))
    return folder


def test_every_published_vector_passes(capsys):
    status, out, _ = run(capsys, "sts", "vectors", VECTORS)
    count = len(json.loads(VECTORS.read_text())["vectors"])
    assert status == 0
    assert out.strip().splitlines()[-1] == f"{count} passed, 0 failed"


def test_one_wrong_digit_in_a_vector_fails(capsys, tmp_path):
    data = json.loads(VECTORS.read_text())
    token = next(v for v in data["vectors"] if v["kind"] == "TransferCredit gas")["tokens"][0]
    token["digits"] = token["digits"][:-1] + str((int(token["digits"][-1]) + 1) % 10)
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(data))
    status, out, _ = run(capsys, "sts", "vectors", altered)
    assert status == EXIT_FAILED
    assert "1 failed" in out.strip().splitlines()[-1]


PACKS = sorted((paths.resources() / "tariffs").glob("*.toml"))


@pytest.mark.parametrize("pack", PACKS, ids=[pack.stem for pack in PACKS])
def test_every_shipped_tariff_proves_itself(capsys, pack):
    status, out, _ = run(capsys, "tariff", "check", pack)
    assert status == 0, out


def test_a_typo_in_a_tariff_names_its_line_and_field(capsys, tmp_path):
    source = (paths.resources() / "tariffs" / "ke-domestic.toml").read_text()
    pack = tmp_path / "typo.toml"
    pack.write_text(source.replace('unit_rounding = "nearest"', 'unit_rounding = "nearst"'))
    status, out, _ = run(capsys, "tariff", "check", pack)
    line = source[: source.index("unit_rounding")].count("\n") + 1
    assert status == EXIT_FAILED
    assert "typo.toml" in out
    assert f"{line}" in out
    assert "unit_rounding" in out
    assert "nearst" in out


def test_one_sale_by_command_line(capsys, till, monkeypatch):
    number = a_meter_number(1).digits
    sell = ("sell", "--data", till, number, "500", "--operator", GRACE.operator_id)
    status, out, err = run(capsys, *sell, pin=PIN, monkeypatch=monkeypatch)
    assert (status, err) == (0, "")
    receipt, token = out.strip().splitlines()
    assert receipt.endswith("KSh 500.00")
    assert [len(group) for group in token.split()] == [4] * 5
    status, out, _ = run(capsys, "journal", "verify", till)
    assert status == 0
    assert "entries hold" in out
    assert run(capsys, "journal", "rebuild", "--check", till)[0] == 0


def test_a_till_is_paired_by_command_line(capsys, till, tmp_path):
    module = ModuleProcess.make(tmp_path / "module")
    with module.running():
        folder = tmp_path / "till"
        shutil.copytree(till, folder)
        config.save(TillConfig(folder, module_address=module.address, store_key="keyfile"))
        words = module_bootstrap.pair(module.folder).split("\n")[0]
        code = "".join(part for part in words.split() if part.isdigit())
        status, out, err = run(capsys, "pair", "--data", folder, "--code", code)
        assert (status, err) == (0, "")
        assert module.module_id in out
        refused(capsys, "PAIR_CLOSED", "pair", "--data", folder, "--code", code)
        refused(capsys, "PAIR_CODE_FORM", "pair", "--data", folder, "--code", "1" * 24)


@pytest.mark.parametrize(
    ("meter", "amount", "pin", "code"),
    [
        ("45123098762", "500", PIN, "METER_CHECK_DIGIT"),
        ("4512", "500", PIN, "METER_NUMBER_LENGTH"),
        ("good", "5oo", PIN, "METER_NUMBER_LETTERS"),
        (a_meter_number(2).digits, "5oo", PIN, "AMOUNT_LETTERS"),
        (a_meter_number(2).digits, "0.10", PIN, "AMOUNT_BELOW_MINIMUM"),
        (a_meter_number(2).digits, "9000000", PIN, "AMOUNT_ABOVE_LIMIT"),
        (a_meter_number(2).digits, "500", "111111", "PIN_WRONG"),
    ],
)
def test_what_cannot_be_sold_is_one_sentence(capsys, till, monkeypatch, meter, amount, pin, code):
    sell = ("sell", "--data", till, meter, amount, "--operator", 1)
    refused(capsys, code, *sell, pin=pin, monkeypatch=monkeypatch)


def test_a_second_till_on_the_same_store_is_refused(capsys, till, monkeypatch):
    first = again(till)
    sell = ("sell", "--data", till, a_meter_number(1).digits, "500", "--operator", 1)
    refused(capsys, "STORE_IN_USE", *sell, pin=PIN, monkeypatch=monkeypatch)
    first.close()


def test_a_wrong_store_key_is_refused(capsys, till, tmp_path):
    copy = tmp_path / "till"
    shutil.copytree(till, copy)
    (copy / store_key.FILE_NAME).write_text(bytes(32).hex())
    refused(capsys, "STORE_KEY_WRONG", "journal", "verify", copy)
    (copy / store_key.FILE_NAME).unlink()
    refused(capsys, "STORE_KEY_MISSING", "journal", "verify", copy)


def test_an_empty_folder_is_not_a_till(capsys, tmp_path):
    refused(capsys, "NOT_ENROLLED", "journal", "verify", tmp_path)


def test_a_day_is_written_as_page_and_slip(capsys, till, tmp_path):
    pdf, slip = tmp_path / "day.pdf", tmp_path / "day.txt"
    daily = ("report", "--data", till, "daily", "--date", SystemClock().now().date())
    assert run(capsys, *daily, "--pdf", pdf, "--slip", slip)[0] == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    assert max(len(line) for line in slip.read_text().splitlines()) <= 48
    rows, numbers = tmp_path / "day.csv", tmp_path / "day.json"
    assert run(capsys, *daily, "--csv", rows, "--json", numbers)[0] == 0
    assert rows.read_text().startswith("business_date,utc,terminal,shift,z_no,receipt,")
    body = json.loads(numbers.read_text())
    assert body["csv_sha256"] == hashlib.sha256(rows.read_bytes()).hexdigest()
    refused(capsys, "REPORT_NOWHERE", *daily)
    refused(capsys, "FILE_UNWRITABLE", *daily, "--pdf", tmp_path / "no" / "day.pdf")


def test_the_ledger_an_x_and_a_z_are_written_beside_the_till(capsys, till, tmp_path):
    rows, today = tmp_path / "ledger.csv", SystemClock().now().date()
    ledger = ("report", "--data", till, "ledger", "--csv", rows)
    assert run(capsys, *ledger, "--date", today)[0] == 0
    assert rows.read_text().splitlines()[0].startswith("business_date,utc,till,entry,booking")
    assert run(capsys, *ledger, "--from", "2026-01-01", "--to", "2026-12-31")[0] == 0
    refused(capsys, "DATES_MISSING", *ledger)
    refused(capsys, "DATES_RANGE", *ledger, "--from", "2026-12-31", "--to", "2026-01-01")
    pdf = ("--pdf", tmp_path / "x.pdf")
    refused(capsys, "REPORT_FORM", "report", "--data", till, "ledger", "--date", today, *pdf)
    refused(capsys, "Z_UNKNOWN", "report", "--data", till, "z", "--number", 7, *pdf)
    (till / "chart.toml").write_text('mode = "nobody"')
    refused(capsys, "CHART_INVALID", *ledger, "--date", today)
    (till / "chart.toml").unlink()


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_a_busy_port_is_one_sentence(capsys, busy_port, tmp_path):
    refused(capsys, "PORT_BUSY", "printer", "serve", "--listen", f"tcp:127.0.0.1:{busy_port}")
    keys = write_key_file(tmp_path / "keys.json")
    assert run(capsys, "module", "init", "--dir", tmp_path / "m", "--keys", keys)[0] == 0
    serve = ("module", "serve", "--dir", tmp_path / "m")
    refused(capsys, "PORT_BUSY", *serve, "--listen", f"tcp:127.0.0.1:{busy_port}")
    office = tmp_path / "office"
    assert run(capsys, "headoffice", "init", "--dir", office, "--utility", "Umoja")[0] == 0
    serve = ("headoffice", "serve", "--dir", office)
    refused(capsys, "PORT_BUSY", *serve, "--listen", f"127.0.0.1:{busy_port}")


def test_real_keys_are_not_taken_by_a_module_without_a_seal(capsys, tmp_path):
    keys = write_key_file(tmp_path / "keys.json", mark="production")
    refused(capsys, "KEYS_NOT_TEST", "module", "init", "--dir", tmp_path / "m", "--keys", keys)


def test_head_office_that_does_not_answer_is_one_sentence(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code = "ABCD-EFGH-JKMN-PQRS"
    enrol = ("enrol", "--data", tmp_path, "--key", "keyfile", "--url", f"http://127.0.0.1:{port}")
    status, _, err = run(capsys, *enrol, "--code", code)
    assert status == EXIT_REFUSED
    assert "Traceback" not in err


def test_our_own_mistake_is_kept_in_a_file_and_not_shown(capsys, monkeypatch, tmp_path):
    def fall(_arguments):
        raise RuntimeError("token 52601815908301661318")

    monkeypatch.setattr(cli.till, "run", fall)
    status, _, err = run(capsys, "--data", tmp_path)
    assert status == EXIT_CRASHED
    assert "Traceback" not in err
    (kept,) = (tmp_path / "crash").iterdir()
    assert "RuntimeError" in kept.read_text()
    assert "5260181590830166" not in kept.read_text()


def test_the_tills_folder_may_stand_before_or_after_the_command(monkeypatch, tmp_path):
    seen = []
    homes = {"_enrol": cli.till, "_pair": cli.till, "_sell": cli.till, "_report": cli.report}
    for name, home in homes.items():
        monkeypatch.setattr(home, name, lambda arguments: seen.append(arguments.data) or 0)
    here = ["--data", str(tmp_path)]
    for command in (
        ["enrol", "--url", "http://127.0.0.1:1", "--code", "x"],
        ["pair", "--code", "1"],
        ["sell", "1", "2", "--operator", "3"],
        ["report", "daily", "--date", "2026-11-20"],
    ):
        for words in ([*here, *command], [*command, *here], command):
            assert cli.main(words) == 0
    assert seen == [tmp_path, tmp_path, None] * 4


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    for command in ("demo", "module", "headoffice", "printer", "enrol", "pair", "report", "sts"):
        assert command in out
