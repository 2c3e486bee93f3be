"""The packs in resources/tariffs prove themselves, and the command says so to a person."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

import pytest

from posapp import paths
from posapp.domain.sale import LineKind
from posapp.errors import ConfigError, SaleError
from posapp.pricing import check
from posapp.pricing.components import DailyFee, MonthlyFee
from posapp.pricing.pack import check_pack, load_pack
from posapp.pricing.quote import by_money, by_units
from posapp.pricing.situation import Debt, FeeState, Rate, Situation

FOLDER = paths.resources() / "tariffs"
FILES = sorted(FOLDER.glob("*.toml"))
PAGE = (FOLDER / "README.md").read_text("utf-8")


def load(file):
    return load_pack(file.read_text("utf-8"), file.name)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_shipped_pack_passes_its_own_examples_and_names_its_sources(file):
    pack = load(file)
    assert [outcome.failures for outcome in check_pack(pack)] == [()] * len(pack.examples)
    assert len(pack.examples) >= 2 and pack.sources


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_page_says_of_a_shipped_pack_its_currency_and_whether_it_is_published(file):
    pack = load(file)
    (row,) = re.findall(rf"^\| `{file.name}` \|.*\| ([A-Z]{{3}}) \| (\w+) \|$", PAGE, re.MULTILINE)
    text = file.read_text("utf-8")
    head = text.split("format = 1")[0]
    assert row == (pack.currency.code, "sample" if "sample" in head.lower() else "published")
    assert head.startswith("# ")


def test_the_versions_of_one_tariff_do_not_overlap_and_their_numbers_grow():
    packs = sorted((load(file) for file in FILES), key=lambda p: (p.code, p.version))
    assert len({p.reference for p in packs}) == len(packs) >= 20
    several = 0
    for _, versions in groupby(packs, key=lambda p: p.code):
        for earlier, later in pairwise(versions):
            several += 1
            assert earlier.currency == later.currency
            assert earlier.effective_until is not None
            assert earlier.effective_until <= later.effective_from
    assert several == 4


def test_a_tariff_changes_at_midnight_of_the_site():
    old, new = (load(FOLDER / f"za-homelight-20a-{year}.toml") for year in (2024, 2025))
    last, first = datetime(2025, 3, 31, 23, 59, 59), datetime(2025, 4, 1)
    assert old.is_effective(last) and not old.is_effective(first)
    assert new.is_effective(first) and not new.is_effective(last)


def some_situation(chance, pack):
    """A meter in the time of the pack, with all that a sale may depend on."""
    days = chance.randrange(60)
    at = pack.effective_from + timedelta(days=days, hours=chance.randrange(24))
    fees = []
    for component in pack.components:
        if isinstance(component, (MonthlyFee, DailyFee)) and chance.random() < 0.6:
            through = at.date() - timedelta(days=chance.randrange(100))
            owed = chance.choice((0, 0, chance.randrange(20_000)))
            fees.append((component.code, FeeState(through, owed)))
    names = ("account", "rates", "water", "refuse", "rent")
    debts = tuple(
        Debt(name, chance.randrange(200_000), date(2020, 1, 1 + place))
        for place, name in enumerate(names)
        if chance.random() < 0.3
    )
    rate = None
    if pack.pegged is not None:
        rate = Rate(
            pack.pegged.currency.code, Decimal(chance.randrange(9000, 20000)) / 100, at.date()
        )
    return Situation(
        at=at,
        bought_tenths=int(chance.expovariate(1 / 1500)),
        free_tenths=chance.choice((0, 0, 100, 600)),
        average_tenths=chance.choice((None, chance.randrange(6000))),
        entitled=chance.random() < 0.5,
        last_bought=chance.choice((None, at.date() - timedelta(days=chance.randrange(150)))),
        fees=tuple(fees),
        debts=debts,
        rate=rate,
        ct_ratio=chance.choice((1, 1, 1, 20)),
    )


def sold_or_refused(pack, amount, situation):
    try:
        return by_money(pack, amount, situation), None
    except SaleError as error:
        return None, error


def check_refusal(pack, amount, situation, error):
    if error.code == "AMOUNT_IN_GAP":
        assert error.params["lower_minor"] <= amount < error.params["upper_minor"]
        return
    assert error.code == "AMOUNT_BELOW_MINIMUM"
    least = error.params["minimum_minor"]
    assert amount < least == by_units(pack, 1, situation).amount_minor


def test_random_sales_under_every_shipped_pack_hold_together():
    chance = random.Random(20)
    packs = [load(file) for file in FILES]
    for _ in range(2500):
        pack = chance.choice(packs)
        situation = some_situation(chance, pack)
        amount = int(chance.expovariate(1 / 300_000))
        quote, error = sold_or_refused(pack, amount, situation)
        if error is not None:
            check_refusal(pack, amount, situation, error)
            continue
        assert sum(line.amount_minor for line in quote.lines) == amount - quote.back_minor
        units = sum(line.units_tenths for line in quote.lines if line.kind is LineKind.ENERGY)
        assert units == quote.units_tenths + quote.free_tenths
        assert quote.token_units > 0


def test_an_effective_interval_begins_with_its_moment_and_ends_before_its_end():
    pack = load(FOLDER / "ug-domestic.toml")
    start, until = pack.effective_from, pack.effective_until
    assert pack.is_effective(start) and not pack.is_effective(until)
    assert not pack.is_effective(start.replace(year=2020))


def test_a_surcharge_that_has_no_price_for_the_day_sells_nothing():
    pack = load(FOLDER / "ke-domestic-2025.toml")
    by_money(pack, 10_000, Situation(datetime(2025, 11, 30, 23, 59, 59)))
    with pytest.raises(SaleError, match="TARIFF_PRICE_MISSING"):
        by_money(pack, 10_000, Situation(datetime(2025, 12, 1)))


def test_the_check_of_a_good_pack_says_each_example_and_the_count():
    report = check.run(FOLDER / "ug-domestic.toml")
    assert (report.passed, report.failed) == (3, 0)
    assert report.lines[0] == "UG-DOM@2021 Domestic, UGX"
    assert report.lines[1].startswith("ug-domestic.toml:") and report.lines[1].endswith("passed")
    assert report.lines[-1] == "3 passed, 0 failed"


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
    assert report.lines[2].endswith("FAILED: refused: the least sum is 0.16")
    assert "407.8 kWh, not 407.9; " in report.lines[3]
    assert report.lines[3].endswith("; vat 78.26, not 78.27")
    assert report.lines[-1] == "0 passed, 3 failed"


def test_an_example_of_a_refusal_holds_below_the_least_sum_and_in_the_gap_at_a_cliff(tmp_path):
    text = (FOLDER / "gh-residential-2025.toml").read_text("utf-8")
    file = tmp_path / "pack.toml"
    for right, wrong in (
        ("refused = 67.68", "refused = 67.69"),
        ("refused = 40.50", "refused = 1"),
    ):
        assert text.count(right) == 1
        file.write_text(text.replace(right, wrong), "utf-8")
        report = check.run(file)
        failed = [line for line in report.lines if "FAILED" in line]
        assert len(failed) == 1 and f"refused below {right[-5:]}" in failed[0]


def test_what_an_example_leaves_owed_counts_debts_that_no_rule_takes_back(tmp_path):
    text = (FOLDER / "sample-arrears.toml").read_text("utf-8")
    file = tmp_path / "pack.toml"
    file.write_text(text.replace("left = { loan = 50.00 }", "left = { loan = 49.00 }"), "utf-8")
    report = check.run(file)
    assert report.failed == 1
    assert "loan left 50.00, not 49.00" in report.lines[3]


def test_the_check_of_a_wrong_pack_says_every_mistake_with_file_line_and_field(tmp_path):
    file = tmp_path / "pack.toml"
    text = (FOLDER / "ke-domestic.toml").read_text("utf-8")
    file.write_text(text.replace("percent = 5", "percent = 0").replace("price", "prise"), "utf-8")
    report = check.run(file)
    assert (report.passed, report.failed) == (0, 2)
    line = next(n for n, t in enumerate(text.splitlines(), 1) if "up_to = 100" in t)
    assert report.lines[0].startswith(f"pack.toml:{line}: component[1].blocks[1].prise: ")
    assert "one of the fields up_to, price" in report.lines[0]
    assert "component[2].percent: expected a percentage above 0" in report.lines[1]


def test_the_check_of_a_file_that_is_no_text_or_not_there(tmp_path):
    file = tmp_path / "pack.toml"
    file.write_bytes(b'format = 1\nname = "\xff"\n')
    assert check.run(file).lines[0] == "pack.toml:2: expected a text file in UTF-8"
    with pytest.raises(ConfigError, match="FILE_UNREADABLE"):
        check.run(tmp_path / "none.toml")
