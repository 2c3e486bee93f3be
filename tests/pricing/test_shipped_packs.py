"""The packs in resources/tariffs prove themselves, and the command says so to a person."""

from __future__ import annotations

import random

import pytest

from posapp import paths
from posapp.errors import ConfigError, SaleError
from posapp.pricing import check
from posapp.pricing.month import MonthLedger
from posapp.pricing.pack import check_pack, load_pack
from posapp.pricing.quote import by_money, by_units

FOLDER = paths.resources() / "tariffs"
FILES = sorted(FOLDER.glob("*.toml"))


def load(file):
    return load_pack(file.read_text("utf-8"), file.name)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_shipped_pack_passes_its_own_examples_and_names_its_sources(file):
    pack = load(file)
    assert [outcome.failures for outcome in check_pack(pack)] == [()] * len(pack.examples)
    assert len(pack.examples) >= 2 and pack.sources


def test_the_packs_have_codes_of_their_own_and_three_are_in_the_sample_towns_currency():
    packs = [load(file) for file in FILES]
    assert len(packs) >= 6 and len({p.code for p in packs}) == len(packs)
    assert len([p for p in packs if p.currency.code == "KES"]) == 3


def test_random_sales_under_every_shipped_pack_hold_together():
    chance = random.Random(20)
    packs = [load(file) for file in FILES]
    for _ in range(4000):
        pack = chance.choice(packs)
        month = MonthLedger(int(chance.expovariate(1 / 1500)), chance.random() < 0.5)
        amount = int(chance.expovariate(1 / 300_000))
        try:
            quote = by_money(pack, amount, month)
        except SaleError as error:
            least = error.params["minimum_minor"]
            assert amount < least == by_units(pack, 1, month).amount_minor
            continue
        assert sum(line.amount_minor for line in quote.lines) == amount
        assert sum(line.units_tenths for line in quote.lines) == quote.units_tenths > 0


def test_an_effective_interval_begins_with_its_moment_and_ends_before_its_end():
    pack = load(FOLDER / "ug-domestic.toml")
    start, until = pack.effective_from, pack.effective_until
    assert pack.is_effective(start) and not pack.is_effective(until)
    assert not pack.is_effective(start.replace(year=2020))


def test_the_check_of_a_good_pack_says_each_example_and_the_count():
    report = check.run(FOLDER / "ug-domestic.toml")
    assert (report.passed, report.failed) == (2, 0)
    assert report.lines[0] == "UG-DOM@2021 Domestic, UGX"
    assert report.lines[1].startswith("ug-domestic.toml:") and report.lines[1].endswith("passed")
    assert report.lines[-1] == "2 passed, 0 failed"


def test_the_check_says_what_came_out_where_an_example_fails(tmp_path):
    text = (FOLDER / "za-homelight-20a-2020.toml").read_text("utf-8")
    for old, new in (
        ("\nunits = 407.8", "\nunits = 407.9"),
        ("raw_units = 407.815", "raw_units = 407.82"),
        ("vat = 78.26", "vat = 78.27"),
        ("cost = 139.92", "cost = 139.93"),
        ("bought = 350\nbuy = 100\ncost = 158.54", "bought = 350\nbuy = 0\ncost = 0"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = tmp_path / "pack.toml"
    file.write_text(text, "utf-8")
    report = check.run(file)
    assert (report.passed, report.failed) == (0, 3)
    assert report.lines[1].endswith("FAILED: 139.92 ZAR, not 139.93")
    assert "AMOUNT_BELOW_MINIMUM" in report.lines[2]
    assert "407.8 kWh, not 407.9; " in report.lines[3]
    assert report.lines[3].endswith("; vat 78.26, not 78.27")
    assert report.lines[-1] == "0 passed, 3 failed"


def test_the_check_of_a_wrong_pack_says_every_mistake_with_file_line_and_field(tmp_path):
    file = tmp_path / "pack.toml"
    text = (FOLDER / "ke-domestic.toml").read_text("utf-8")
    file.write_text(text.replace("percent = 5", "percent = 0").replace("price", "prise"), "utf-8")
    report = check.run(file)
    assert (report.passed, report.failed) == (0, 2)
    line = next(n for n, t in enumerate(text.splitlines(), 1) if "up_to = 100" in t)
    assert report.lines[0] == (
        f"pack.toml:{line}: component[1].blocks[1].prise: "
        "expected one of the fields up_to, price, found 16.50"
    )
    assert "component[2].percent: expected a percentage above 0" in report.lines[1]


def test_the_check_of_a_file_that_is_no_text_or_not_there(tmp_path):
    file = tmp_path / "pack.toml"
    file.write_bytes(b'format = 1\nname = "\xff"\n')
    assert check.run(file).lines[0] == "pack.toml:2: expected a text file in UTF-8"
    with pytest.raises(ConfigError, match="FILE_UNREADABLE"):
        check.run(tmp_path / "none.toml")
