"""resources/tariffs/README.md is what a clerk works from, so what it shows must be true."""

from __future__ import annotations

import re

import pytest

from posapp import paths
from posapp.domain.money import CURRENCIES
from posapp.pricing.month import MonthLedger
from posapp.pricing.pack import check_pack, load_pack
from posapp.pricing.quote import by_money

PAGE = (paths.resources() / "tariffs" / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
WHOLE = SNIPPETS[0]


def snippet(kind):
    (found,) = [s for s in SNIPPETS[1:] if f'kind = "{kind}"' in s]
    return "[[component]]\n" + found


def pack_of(*kinds):
    head = WHOLE.split("[[component]]")[0]
    parts = [snippet(kind) for kind in kinds]
    return load_pack(
        "\n".join([head, *parts, '[[example]]\nname = "x"\nbuy = 1\ncost = 1\n']), "page"
    )


def test_the_whole_pack_on_the_page_passes():
    (outcome,) = check_pack(load_pack(WHOLE, "page"))
    assert outcome.failures == ()


def test_every_component_on_the_page_can_be_used_as_it_stands():
    pack = pack_of("monthly_fee", "blocks", "levy", "vat")
    lines = by_money(pack, 1_000_000, MonthLedger()).lines
    assert [line.code for line in lines[:3]] == ["service_fee", "block 1", "block 2"]
    flat = pack_of("per_kwh")
    assert by_money(flat, 1900, MonthLedger()).units_tenths == 10
    assert len(SNIPPETS) == 6


@pytest.mark.parametrize(
    ("rounding", "rows"), [("down", (449, 449)), ("nearest", (450, 450)), ("up", (450, 450))]
)
def test_the_table_of_roundings_is_right(rounding, rows):
    assert re.search(rf'\| `"{rounding}"` \| {rows[0] / 10:.1f} \| {rows[1] / 10:.1f} \|', PAGE)
    text = WHOLE.replace('"nearest"', f'"{rounding}"').replace("up_to = 350", "up_to = 9000")
    pack = load_pack(text.replace("1.2167", "1").replace("percent = 15", "percent = 0"), "page")
    month = MonthLedger()
    assert (
        by_money(pack, 4498, month).units_tenths,
        by_money(pack, 4495, month).units_tenths,
    ) == rows


def test_the_page_names_every_currency_and_every_shipped_pack():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `currency`"))
    assert set(CURRENCIES) == set(re.findall(r"\b[A-Z]{3}\b", row))
    files = {file.name for file in (paths.resources() / "tariffs").glob("*.toml")}
    assert files == set(re.findall(r"^\| `([a-z0-9-]+\.toml)`", PAGE, re.MULTILINE))
