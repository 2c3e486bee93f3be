"""`posapp sts` makes, reads, changes and explains tokens with test keys."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posapp import cli, config, paths
from posapp.bootstrap import campaign
from posapp.cli.shared import EXIT_FAILED, EXIT_REFUSED, EXIT_STOPPED
from posapp.config import TillConfig
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber, luhn_digit
from posapp.security_module.reference.keys import load_key_file
from posapp.sts import ciphers, keys
from posapp.sts.card import MeterCard
from posapp.sts.meter import MeterResult, VirtualMeter
from posapp.sts.numbers import pan
from tests.bootstrap.test_sta_tables import a_file

KEYS = paths.resources() / "demo" / "keys-test.json"
ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "data" / "sts_vectors.json"
NUMBER = MeterNumber("58000079523")
DECODER_KEY = "929bd3a415c9420a05ec5ee9f3ce91c3"
PUBLISHED = "58625789986991357486"
METER = ("--keys", KEYS, "--meter", NUMBER)


def run(capsys, *arguments):
    """Exit status, standard output, standard error of `posapp sts`."""
    status = cli.main(["sts", *map(str, arguments)])
    out = capsys.readouterr()
    return status, out.out, out.err


def answer(capsys, *arguments, status=0):
    found, out, err = run(capsys, *arguments, "--json")
    assert (found, err) == (status, "")
    return json.loads(out)


def refused(capsys, code, *arguments):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (EXIT_REFUSED, "")
    assert err.strip().endswith(f"[{code}]"), err
    return err


def a_meter(ea=EncryptionAlgorithm.STA, ti="01", sgc="201457", **options):
    (key,) = (key for key in load_key_file(KEYS) if key.sgc == sgc)
    secret = keys.decoder_key(key, NUMBER, ti, ea)
    return VirtualMeter(NUMBER, secret, ea, ciphers.sample_tables(), **options)


def test_the_laboratory_commands_of_the_readme_do_what_they_say(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^    posapp sts (.+)$", text)
    verbs = set()
    for command in commands:
        words = shlex.split(command)
        if "meters.csv" not in words:
            status, out, err = run(capsys, *words)
            assert (status, err) == (0, ""), command
            assert out
            verbs.add(words[0])
    assert verbs == {"make", "decode", "class1", "key-change", "explain", "vectors"}


# ---------------------------------------------------------------- make and decode


@pytest.mark.parametrize("ea", ["07", "11"])
def test_what_is_made_is_what_a_meter_takes(capsys, ea):
    made = answer(capsys, "make", "credit", "25.6", *METER, "--ea", ea, "--count", "3")["tokens"]
    assert [token["amount"] for token in made] == ["25.6"] * 3
    assert len({token["tid"] for token in made}) == 3
    meter = a_meter(EncryptionAlgorithm(int(ea)))
    assert {meter.enter(token["digits"]) for token in made} == {MeterResult.ACCEPT}
    assert meter.electricity_tenths == 3 * 256


@pytest.mark.parametrize(
    ("words", "name", "field"),
    [
        (("power-limit", "1000"), "SetMaximumPowerLimit", 1000),
        (("phase-unbalance", "20000"), "SetMaximumPhasePowerUnbalanceLimit", 20_004),
        (("clear-credit", "all"), "ClearCredit", 0xFFFF),
        (("clear-credit", "4"), "ClearCredit", 4),
        (("clear-tamper",), "ClearTamperCondition", 0),
        (("tariff-rate", "7"), "SetTariffRate", 7),
        (("water-factor", "8"), "SetWaterMeterFactor", 8),
        (("extended", "0", "123"), "ExtendedTokenSet write", 123),
        (("extended", "63", "0", "on"), "ExtendedTokenSet write", 0xFC01),
    ],
)
def test_every_management_token_can_be_made(capsys, words, name, field):
    (token,) = answer(capsys, "make", *words, *METER)["tokens"]
    assert token["name"] == name
    assert token.get("watts", token["fields"]["value"]) == field
    (again,) = answer(capsys, "decode", token["digits"], *METER)["tokens"]
    assert again == token


def test_what_the_token_carries_is_told_beside_what_was_asked(capsys):
    status, out, _ = run(capsys, "make", "credit", "1638.41", *METER)
    assert status == 0
    assert "asked 1638.41, carries  amount 1639.4" in out
    status, out, _ = run(capsys, "make", "credit", "25.6", *METER)
    assert "asked" not in out


def test_the_largest_amounts_are_told_exactly(capsys):
    asked = "123456789012345678901234.56789"
    (token,) = answer(capsys, "make", "credit", asked, "--money", *METER)["tokens"]
    whole, _, rest = token["amount"].partition(".")
    assert int(whole + rest) == token["units"]
    assert token["asked"] == asked


def test_money_may_deduct_and_says_what_it_carries(capsys):
    made = answer(capsys, "make", "credit", "-1", "--money", "--of", "water", *METER)
    (token,) = made["tokens"]
    assert (token["subclass"], token["amount"]) == (5, "-0.99994")


def test_the_published_token_is_read_with_its_decoder_key(capsys):
    key = ("--decoder-key", DECODER_KEY, "--ea", "11")
    (token,) = answer(capsys, "decode", PUBLISHED, *key)["tokens"]
    assert (token["amount"], token["tid"], token["made_at"]) == ("0.1", 85_740, "2014-03-01T13:00Z")
    groups = re.findall("....", PUBLISHED)
    status, out, _ = run(capsys, "decode", *groups, *key)
    assert status == 0
    assert "5862 5789 9869 9135 7486" in out
    assert "0.1" in out


def test_without_a_key_a_test_token_is_read_whole_and_others_show_their_class(capsys):
    found = answer(capsys, "decode", "56493153725450313471", PUBLISHED)["tokens"]
    assert found[0]["fields"] == {"control": (1 << 36) - 1, "maker": 0}
    assert found[1] == {
        "digits": PUBLISHED,
        "class": 0,
        "needs": "key",
        "token66": "32d98a5616345be2e",
    }


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        (PUBLISHED, "TOKEN_CRC"),
        ("123", "TOKEN_FORM"),
        ("73786976294838206464", "TOKEN_RANGE"),
    ],
)
def test_digits_that_do_not_fit_are_told_and_the_rest_is_read(capsys, digits, code):
    good = answer(capsys, "make", "credit", "1", *METER)["tokens"][0]["digits"]
    found = answer(capsys, "decode", digits, good, *METER, status=EXIT_FAILED)["tokens"]
    assert found[0]["problem"] == code
    assert found[1]["amount"] == "1.0"


def test_groups_are_put_together_and_shown_as_they_are(capsys):
    groups = re.findall("....", PUBLISHED)
    key = ("--decoder-key", DECODER_KEY, "--ea", "11")
    _, out, _ = run(capsys, "decode", "-".join(groups), *key)
    assert out.startswith("5862 5789 9869 9135 7486  TransferCredit")
    status, out, _ = run(capsys, "decode", *groups[:4], *key)
    assert (status, len(out.splitlines())) == (EXIT_FAILED, 1)
    status, out, _ = run(capsys, "decode", "7" * 50_000, *key)
    assert len(out) < 200


def test_a_test_token_needs_no_key_even_beside_one(capsys):
    (token,) = answer(capsys, "decode", "56493153725450313471", "--keys", KEYS)["tokens"]
    assert token["name"].startswith("InitiateMeterTest")


def test_a_token_takes_the_minute_it_is_given_in_the_groups_clock_rule(capsys):
    at = ("--at", "2026-11-20T00:01", "--zone", "Africa/Nairobi")
    (ordinary,) = answer(capsys, "make", "credit", "1", *METER, *at)["tokens"]
    (special,) = answer(capsys, "make", "credit", "1", *METER, *at, "--reserved")["tokens"]
    assert ordinary["made_at"] == "2026-11-19T21:02Z"
    assert special["tid"] == ordinary["tid"] - 1
    (utc,) = answer(capsys, "make", "credit", "1", *METER, "--at", "2026-11-20T00:01")["tokens"]
    assert utc["tid"] == ordinary["tid"]


def test_a_zone_whose_clocks_are_changed_is_warned_of(capsys):
    status, out, err = run(capsys, "make", "credit", "1", *METER, "--zone", "Europe/London")
    assert (status, bool(out)) == (0, True)
    assert "Europe/London" in err and "TID" in err


@pytest.mark.parametrize(
    "number", [NUMBER.digits, pan(NUMBER), "5800 0079 523", "0" + NUMBER.digits]
)
def test_a_meter_may_be_named_in_any_of_its_forms(capsys, number):
    fixed = ("--at", "2026-01-01T10:00", "--keys", KEYS)
    (token,) = answer(capsys, "make", "credit", "1", *fixed, "--meter", number)["tokens"]
    assert a_meter().enter(token["digits"]) is MeterResult.ACCEPT
    card = MeterCard(NUMBER, None, 2, EncryptionAlgorithm.STA, "201457", "01", 1)
    (token,) = answer(capsys, "make", "credit", "1", *fixed, "--meter", card.track_2)["tokens"]
    assert a_meter().enter(token["digits"]) is MeterResult.ACCEPT


def test_a_sites_tables_make_other_tokens(capsys, tmp_path, monkeypatch):
    tables = a_file(tmp_path / "tables.json")
    made = answer(capsys, "make", "credit", "1", *METER, "--sta-tables", tables)["tokens"]
    assert a_meter().enter(made[0]["digits"]) is MeterResult.CRC_ERROR
    monkeypatch.setenv("POSAPP_STA_TABLES", str(tables))
    (read,) = answer(capsys, "decode", made[0]["digits"], *METER)["tokens"]
    assert read["amount"] == "1.0"
    status, out, _ = run(capsys, "vectors", VECTORS)
    assert status == 0, out


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("KEY_NEEDED", ("make", "credit", "1", "--meter", NUMBER)),
        ("METER_NEEDED", ("make", "credit", "1", "--keys", KEYS)),
        ("METER_CHECK_DIGIT", ("make", "credit", "1", "--keys", KEYS, "--meter", "58000079524")),
        ("METER_NUMBER_LENGTH", ("make", "credit", "1", "--keys", KEYS, "--meter", "1")),
        ("KEY_NOT_IN_FILE", ("make", "credit", "1", *METER, "--krn", "9")),
        ("TARIFF_INDEX", ("make", "credit", "1", *METER, "--ti", "1")),
        ("DKGA_EA", ("make", "credit", "1", *METER, "--ea", "11", "--sgc", "123456")),
        ("DECODER_KEY_LENGTH", ("make", "credit", "1", "--decoder-key", "abcd")),
        ("TOKEN_UNITS_RANGE", ("make", "credit", "1820162.5", *METER)),
        ("AMOUNT_NEGATIVE", ("make", "credit", "-1", *METER)),
        ("AMOUNT_FORM", ("make", "credit", "1e9", *METER)),
        ("AMOUNT_FORM", ("make", "credit", "1" * 41, *METER)),
        ("AMOUNT_FORM", ("make", "credit", *METER)),
        ("MANAGEMENT_VALUE", ("make", "power-limit", "much", *METER)),
        ("MANAGEMENT_VALUE", ("make", "clear-tamper", "1", *METER)),
        ("MANAGEMENT_VALUE", ("make", "extended", "62", "0", "on", *METER)),
        ("TOKEN_FIELD", ("make", "tariff-rate", "65536", *METER)),
        ("TID_COUNT", ("make", "credit", "1", *METER, "--count", "51")),
        ("TIME_FORM", ("make", "credit", "1", *METER, "--at", "noon")),
        ("TIME_FORM", ("make", "credit", "1", *METER, "--at", "9999-12-31T23:59-12:00")),
        ("TIME_FORM", ("make", "credit", "1", *METER, "--at", "0001-01-01T00:00+14:00")),
        ("TID_COUNT", ("make", "credit", "1", *METER, "--count", "0")),
        ("OPTIONS_APART", ("make", "credit", "1", *METER, "--count", "2", "--reserved")),
        ("OPTIONS_APART", ("make", "clear-tamper", *METER, "--money")),
        ("OPTIONS_APART", ("make", "power-limit", "5", *METER, "--of", "gas")),
        ("OPTIONS_APART", ("make", "credit", "1", *METER, "--decoder-key", "0" * 16)),
        ("OPTIONS_APART", ("class1", "--maker", "55")),
        ("OPTIONS_APART", ("class1", "--subclass", "2")),
        ("OPTIONS_APART", ("key-change", *METER, "--to-ti", "02", "--base-date", "2035")),
        ("OPTIONS_APART", ("key-change", *METER, "--meters", "a.csv", "--out", "b.csv")),
        ("KEY_NOT_IN_FILE", ("make", "credit", "1", *METER, "--krn", "0")),
        ("KEY_NOT_IN_FILE", ("key-change", *METER, "--to-krn", "0")),
        ("MANAGEMENT_VALUE", ("make", "clear-credit", "9", *METER)),
        ("MANAGEMENT_VALUE", ("make", "power-limit", "1_000", *METER)),
        ("MANAGEMENT_VALUE", ("make", "power-limit", "١٠٠", *METER)),
        ("BASE_DATE_NOT_BEGUN", ("make", "credit", "1", *METER, "--at", "2013-12-31T23:59")),
        ("BASE_DATE_ENDED", ("make", "credit", "1", *METER, "--at", "2045-11-24T20:16")),
        ("BASE_DATE_UNKNOWN", ("make", "credit", "1", "--decoder-key", "0" * 16, "--base-date", 1)),
        ("ZONE_UNKNOWN", ("make", "credit", "1", *METER, "--zone", "Moon/Crater")),
        ("KEY_CHANGE_NOTHING", ("key-change", *METER)),
        ("FILE_UNREADABLE", ("make", "credit", "1", "--keys", "nothing.json")),
        ("STA_TABLES_UNREADABLE", ("make", "credit", "1", *METER, "--sta-tables", "nothing.json")),
        ("FILE_UNREADABLE", ("class1", "--texts", "nothing.toml")),
        ("TOKEN_FIELD", ("class1", "--control", "fffffffff1")),
        ("FILE_UNREADABLE", ("explain", PUBLISHED, "--record", "nothing.json")),
    ],
)
def test_each_refusal_is_one_sentence_with_its_code(capsys, code, words):
    refused(capsys, code, *words)


def test_keys_that_are_not_for_tests_are_refused(capsys, tmp_path):
    values = json.loads(KEYS.read_text())
    production = tmp_path / "keys.json"
    production.write_text(json.dumps({**values, "marked": "production"}))
    for words in (("make", "credit", "1"), ("decode", PUBLISHED), ("key-change", "--to-ti", "02")):
        refused(capsys, "KEYS_NOT_TEST", *words, "--keys", production, "--meter", NUMBER)


def test_a_computer_whose_till_is_in_service_is_no_laboratory(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("POSAPP_DATA", str(tmp_path))
    config.save(TillConfig(tmp_path, store_key="keyring"))
    csv_files = ("--meters", tmp_path / "a.csv", "--out", tmp_path / "b.csv")
    for words in (
        ("make", "credit", "1", *METER),
        ("decode", PUBLISHED),
        ("class1",),
        ("explain", PUBLISHED, "--record", tmp_path / "r.json"),
        ("key-change", *METER, "--to-ti", "02"),
        ("key-change", "--keys", KEYS, *csv_files),
    ):
        refused(capsys, "LABORATORY_IN_SERVICE", *words)
    config.save(TillConfig(tmp_path, store_key="keyfile", head_office_url="http://office.example"))
    refused(capsys, "LABORATORY_IN_SERVICE", "class1")
    config.save(TillConfig(tmp_path, store_key="keyfile", head_office_url="http://127.0.0.1:8080"))
    answer(capsys, "make", "credit", "1", *METER)
    monkeypatch.delenv("POSAPP_DATA")
    config.save(TillConfig(tmp_path, store_key="keyring"))
    assert cli.main(["--data", str(tmp_path), "sts", "class1"]) == EXIT_REFUSED
    assert "LABORATORY_IN_SERVICE" in capsys.readouterr().err


def test_a_key_on_the_command_line_is_never_repeated(capsys):
    with pytest.raises(SystemExit):
        cli.main(["sts", "decode", PUBLISHED, "--decoder-key", DECODER_KEY + "g"])
    assert DECODER_KEY not in capsys.readouterr().err


# ---------------------------------------------------------------- class 1


def test_the_list_of_tests_is_printed_for_both_kinds_of_makes(capsys):
    status, out, _ = run(capsys, "class1")
    lines = out.splitlines()
    assert status == 0
    assert len(lines) == 20
    assert "5649 3153 7254 5031 3471  0230 5843 0050 5295 1967  everything below" in lines[1]
    assert answer(capsys, "class1")["tests"][18]["two_digit_makes"] == "00000002199157475960"
    (one,) = answer(capsys, "class1", "--control", "fc0000000", "--subclass", "2")["tokens"]
    assert one["digits"] == "03440750115445279822"


# ---------------------------------------------------------------- key change


@pytest.mark.parametrize(
    ("ea", "more", "count"), [("7", (), 2), ("7", ("--three-token",), 3), ("11", (), 4)]
)
def test_one_meter_is_taken_to_its_new_key(capsys, ea, more, count):
    change = answer(capsys, "key-change", *METER, "--ea", ea, "--to-ti", "02", *more)
    assert [(t["number"], t["of"]) for t in change["tokens"]] == [
        (n, count) for n in range(1, count + 1)
    ]
    kind = EncryptionAlgorithm(int(ea))
    meter = a_meter(kind)
    results = [meter.enter(token["digits"]) for token in change["tokens"]]
    assert results[-1] is MeterResult.ACCEPT
    new = answer(capsys, "make", "credit", "1", *METER, "--ea", ea, "--ti", "02")["tokens"]
    assert meter.enter(new[0]["digits"]) is MeterResult.ACCEPT


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def a_list(path, count):
    """A CSV of `count` meters, every third with EA11."""
    with path.open("w", newline="") as file:
        file.write("meter,ea,sgc,krn,ti\n")
        for n in range(count):
            body = f"58{n:08d}"
            ea = 11 if n % 3 == 2 else 7
            file.write(f"{body}{luhn_digit(body)},{ea},201457,1,01\n")
    return path


def test_a_campaign_answers_a_row_for_every_row(capsys, tmp_path):
    meters, out = a_list(tmp_path / "meters.csv", 6), tmp_path / "out.csv"
    text = meters.read_text().splitlines()
    text[2] = text[2].replace("58", "85", 1)
    meters.write_text("\n".join(text))
    words = ("key-change", "--meters", meters, "--out", out, "--keys", KEYS, "--to-ti", "07")
    report = answer(capsys, *words, status=EXIT_FAILED)
    assert (report["rows"], report["done"], report["refused"]) == (6, 5, 1)
    assert report["problems"] == {"METER_CHECK_DIGIT": 1}
    rows = rows_of(out)
    assert [row["problem"] for row in rows] == ["", "METER_CHECK_DIGIT", "", "", "", ""]
    assert [sum(bool(row[f"token_{n}"]) for n in range(1, 5)) for row in rows] == [2, 0, 4, 2, 2, 4]
    change = answer(
        capsys, "key-change", "--keys", KEYS, "--meter", rows[0]["meter"], "--to-ti", "07"
    )
    assert [token["digits"] for token in change["tokens"]] == [
        rows[0]["token_1"],
        rows[0]["token_2"],
    ]
    if os.name == "posix":
        assert out.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*" + campaign.PART))


def test_a_campaign_never_overwrites_what_it_reads(capsys, tmp_path):
    meters = a_list(tmp_path / "meters.csv.part", 3)
    own_keys = tmp_path / "keys.json"
    own_keys.write_bytes(KEYS.read_bytes())
    words = ("key-change", "--keys", own_keys, "--to-ti", "07", "--meters", meters, "--out")
    for out in (meters, own_keys, a_link(tmp_path / "link", own_keys)):
        refused(capsys, "SAME_FILE", *words, out)
    answer(capsys, *words, tmp_path / "meters.csv")  # whose part would once have been the list
    assert len(rows_of(meters)) == 3
    assert own_keys.read_bytes() == KEYS.read_bytes()


def a_link(path, target):
    try:
        path.symlink_to(target)
    except OSError:  # not everyone may on Windows
        return target
    return path


def test_a_result_that_cannot_be_a_file_is_refused_and_leaves_nothing(capsys, tmp_path):
    meters = a_list(tmp_path / "meters.csv", 3)
    words = ("key-change", "--keys", KEYS, "--to-ti", "07", "--meters", meters, "--out")
    for out in (tmp_path, ".", "/", tmp_path / "no" / "such" / "folder.csv", tmp_path / "x\0y"):
        refused(capsys, "FILE_UNWRITABLE", *words, out)
    missing = ("--meters", tmp_path / "none.csv", "--out", tmp_path / "out.csv")
    refused(capsys, "FILE_UNREADABLE", "key-change", "--keys", KEYS, *missing)
    folder = ("--meters", tmp_path, "--out", tmp_path / "out.csv")
    refused(capsys, "FILE_UNREADABLE", "key-change", "--keys", KEYS, *folder)
    assert [path.name for path in tmp_path.iterdir()] == ["meters.csv"]


def test_a_result_is_for_its_owner_only_whatever_stood_there(capsys, tmp_path):
    meters, out = a_list(tmp_path / "meters.csv", 3), tmp_path / "out.csv"
    out.write_text("older")
    out.chmod(0o644)
    answer(capsys, "key-change", "--keys", KEYS, "--to-ti", "07", "--meters", meters, "--out", out)
    assert len(rows_of(out)) == 3
    if os.name == "posix":
        assert out.stat().st_mode & 0o077 == 0


def test_a_campaign_may_make_sets_of_three(capsys, tmp_path):
    meters, out = a_list(tmp_path / "meters.csv", 1), tmp_path / "out.csv"
    change = ("key-change", "--keys", KEYS, "--to-ti", "07", "--three-token")
    answer(capsys, *change, "--meters", meters, "--out", out)
    (row,) = rows_of(out)
    single = answer(capsys, *change, "--meter", row["meter"])["tokens"]
    assert [token["digits"] for token in single] == [row[f"token_{n}"] for n in (1, 2, 3)]


def test_a_refused_row_says_its_line_and_what_to_do(capsys, tmp_path):
    meters, out = a_list(tmp_path / "meters.csv", 4), tmp_path / "out.csv"
    meters.write_text(meters.read_text().replace(",01\n", ",1\n", 2).replace(",1\n", ",01\n", 1))
    words = ("key-change", "--keys", KEYS, "--to-ti", "07", "--meters", meters, "--out", out)
    status, said, _ = run(capsys, *words)
    assert status == EXIT_FAILED
    assert "1 refused, the first on line 3: The tariff index has not two digits." in said
    assert "spreadsheet" in said
    assert [row["line"] for row in rows_of(out) if row["problem"]] == ["3"]


def test_a_campaign_needs_both_files(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        cli.main(["sts", "key-change", "--keys", str(KEYS), "--meters", str(tmp_path / "a.csv")])
    assert end.value.code == 2
    assert "--out" in capsys.readouterr().err
    files = ["--meters", str(tmp_path / "a.csv"), "--out", str(tmp_path / "b.csv")]
    with pytest.raises(SystemExit):
        cli.main(["sts", "key-change", *files])
    assert "--keys" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent otherwise there")
def test_a_stopped_campaign_keeps_whole_rows_under_another_name(tmp_path):
    meters, out = a_list(tmp_path / "meters.csv", 150_000), tmp_path / "out.csv"
    words = ["sts", "key-change", "--meters", meters, "--out", out, "--keys", KEYS, "--to-ti", "07"]
    child = subprocess.Popen(
        [sys.executable, "-m", "posapp", *map(str, words), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in tmp_path.glob("*" + campaign.PART)):
        assert time.monotonic() < deadline
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    report = json.loads(child.communicate(timeout=60)[0])
    assert child.returncode == EXIT_STOPPED
    assert report["cancelled"]
    (part,) = tmp_path.glob("*" + campaign.PART)
    assert report["file"] == str(part)
    rows = rows_of(part)
    assert 0 < len(rows) == report["rows"] < 150_000
    assert all(row["token_2"] for row in rows)
    assert not out.exists()


# ---------------------------------------------------------------- explain


def test_a_slip_is_explained_from_the_record(capsys, tmp_path):
    (token,) = answer(capsys, "make", "credit", "5", *METER)["tokens"]
    digits = token["digits"]
    record = tmp_path / "record.json"
    current = {"ea": 7, "sgc": "201457", "krn": 1, "ti": "01", "base_date": 2014}
    issued = {"digits": digits, "issued_at": token["made_at"].replace("Z", "+00:00")}
    record.write_text(
        json.dumps({"meter": {"number": NUMBER.digits, "current": current}, "history": [issued]})
    )
    typed = digits[:6] + str((int(digits[6]) + 1) % 10) + digits[7:]
    found = answer(capsys, "explain", typed, "--record", record)["findings"]
    assert (found[0]["reason"], found[0]["sure"]) == ("digit_slip", "certain")
    assert found[0]["evidence"]["positions"] == [7]
    status, out, _ = run(capsys, "explain", typed, "--record", record, "--keys", KEYS)
    assert status == 0
    assert out.startswith("The token was typed wrong. (certain)")
    assert digits not in out
    found = answer(capsys, "explain", *re.findall("....", typed), "--record", record)
    assert found["findings"][0]["reason"] == "digit_slip"
    status, out, _ = run(capsys, "explain", digits, "--record", record, "--shown", "10")
    assert "The token is in the meter already." in out
    refused(capsys, "METER_RESULT", "explain", typed, "--record", record, "--shown", "Sulk")
    for text in ("{", "[" * 100_000):
        record.write_text(text)
        refused(capsys, "EXPLAIN_RECORD", "explain", typed, "--record", record)
