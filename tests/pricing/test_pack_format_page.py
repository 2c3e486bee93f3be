"""resources/tariffs/README.md is what a clerk works from, so what it shows must be true."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

import pytest

from posapp import paths
from posapp.domain.money import CURRENCIES
from posapp.errors import SaleError
from posapp.pricing.pack import check_pack, load_pack, read_pack
from posapp.pricing.quote import by_money, by_units
from posapp.pricing.situation import Debt, Rate, Situation

PAGE = (paths.resources() / "tariffs" / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PACKS = [s for s in SNIPPETS if re.search(r"^format = 1", s, re.MULTILINE)]
WHOLE = PACKS[0]
HEAD, FIRST_COMPONENTS = WHOLE.split("\n[[component]]", 1)
EXAMPLE = '[[example]]\nname = "x"\nbuy = 1\ncost = 1\n'
KINDS = (
    *("blocks", "per_kwh", "monthly_fee", "daily_fee", "channel_fee"),
    *("arrears", "free_units", "credit", "levy", "vat"),
)
NOW = Situation(datetime(2025, 10, 15))


def component(kind, *, containing=""):
    """A component of the page that stands without its header."""
    (found,) = [s for s in SNIPPETS if s.startswith(f'kind = "{kind}"') and containing in s]
    return "[[component]]\n" + found


def field_table(title):
    """The first column of the tables of a section."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return section, re.findall(r"^\| `([^`]+)`(?:, `([^`]+)`)?", section, re.MULTILINE)


def known_fields(text, field):
    """What the reader says may stand where `field` is a mistake."""
    found = read_pack(text)
    assert isinstance(found, tuple), "a field that nobody knows was taken"
    (mistake,) = [m for m in found if m.field.endswith(field)]
    assert mistake.expected.startswith("one of the fields "), mistake
    return mistake.expected.removeprefix("one of the fields ").split(", ")


@pytest.mark.parametrize("text", PACKS, ids=lambda text: re.search(r'code = "(.*?)"', text)[1])
def test_the_whole_packs_on_the_page_prove_themselves(text):
    outcomes = check_pack(load_pack(text, "page"))
    assert outcomes and [outcome.failures for outcome in outcomes] == [()] * len(outcomes)
    assert len(PACKS) == 3


def test_every_component_on_the_page_can_be_used_as_it_stands():
    kinds = ("monthly_fee", "daily_fee", "channel_fee", "arrears", "free_units", "blocks")
    surcharge = component("per_kwh", containing="prices = [")
    parts = [*(component(kind) for kind in kinds), surcharge, component("levy"), component("vat")]
    pack = load_pack("\n".join([HEAD, *parts, EXAMPLE]), "page")
    debts = (Debt("water", 5000, NOW.day), Debt("rates", 9000, NOW.day))
    situation = Situation(NOW.at, entitled=True, debts=debts)
    quote = by_money(pack, 2_000_000, situation)
    assert [line.code for line in quote.lines] == [
        *("service_fee", "channel", "arrears rates", "arrears water", "free_basic"),
        *("block 2", "fuel", "rural", "vat", "rounding"),
    ]
    assert sum(line.amount_minor for line in quote.lines) == 2_000_000
    assert quote.free_tenths == 500  # they count in the blocks: block 1 is used up


def test_the_single_price_and_the_meter_that_counts_money_can_be_used_as_they_stand():
    single = component("per_kwh", containing="price = 19.00")
    pack = load_pack("\n".join([HEAD, single, EXAMPLE]), "page")
    assert by_money(pack, 1900, NOW).units_tenths == 10
    money = load_pack("\n".join([HEAD, component("credit"), EXAMPLE]), "page")
    quote = by_money(money, 1900, NOW)
    assert (quote.carries_money, quote.units_tenths) == (True, 0)


def test_the_tables_of_the_head_can_be_used_as_they_stand():
    tables = [s for s in SNIPPETS if s.startswith(("[pegged]", "[cash_rounding]", "[[invoice]]"))]
    assert len(tables) == 3
    text = "\n".join([HEAD, *tables, "[[component]]" + FIRST_COMPONENTS])
    pack = load_pack(text.replace("units = 407.8", "units = 407.8\nrate = 1"), "page")
    assert pack.pegged.days_max == 7 and pack.cash_rounding.step_minor == 5
    situation = Situation(NOW.at, rate=Rate("USD", Decimal("18.5"), NOW.day))
    assert by_money(pack, 5001, situation).invoice.note == "VAT is shown per line"
    assert by_money(pack, 5000, situation).invoice.title == "RECEIPT"
    assert by_units(pack, 7, situation, cash=True).amount_minor % 5 == 0


def test_the_cap_and_the_conditions_of_the_page_can_be_used_as_they_stand():
    (cap,) = [s for s in SNIPPETS if s.startswith("share = ")]
    (when,) = [s for s in SNIPPETS if s.startswith("when = ")]
    fee = component("monthly_fee") + cap + when
    pack = load_pack("\n".join([HEAD, component("blocks"), fee, EXAMPLE]), "page")
    winter = Situation(datetime(2025, 7, 1), average_tenths=301)
    fees = [line for line in by_money(pack, 10_000, winter).lines if line.code == "service_fee"]
    assert fees[0].amount_minor == 5000
    assert by_money(pack, 10_000, NOW).lines[0].code == "block 1"


def test_the_lifeline_of_the_page_prices_the_whole_month_anew():
    (cliff,) = [s for s in SNIPPETS if s.startswith('[[component]]\nkind = "per_kwh"')]
    pack = load_pack("\n".join([HEAD, cliff, EXAMPLE]), "page")
    assert by_units(pack, 300, NOW).amount_minor == 2400
    assert by_units(pack, 310, NOW).amount_minor == 5580
    with pytest.raises(SaleError, match="AMOUNT_IN_GAP"):
        by_money(pack, 4000, NOW)


@pytest.mark.parametrize(
    ("rounding", "rows"), [("down", (449, 449)), ("nearest", (450, 450)), ("up", (450, 450))]
)
def test_the_table_of_roundings_is_right(rounding, rows):
    assert re.search(rf'\| `"{rounding}"` \| {rows[0] / 10:.1f} \| {rows[1] / 10:.1f} \|', PAGE)
    text = WHOLE.replace('"nearest"', f'"{rounding}"').replace("up_to = 350", "up_to = 9000")
    pack = load_pack(text.replace("1.2167", "1").replace("percent = 15", "percent = 0"), "page")
    assert (by_money(pack, 4498, NOW).units_tenths, by_money(pack, 4495, NOW).units_tenths) == rows


def test_the_page_describes_each_field_of_the_head_and_no_other():
    names = {name for name, _ in field_table("The head")[1]}
    fields = {name.strip("[]") for name in names}
    known = known_fields("nobody = 1\n" + WHOLE, "nobody")
    assert fields == set(known) - {"component", "example"}


@pytest.mark.parametrize("name", ["pegged", "cash_rounding", "invoice"])
def test_the_page_shows_each_field_of_a_table_of_the_head(name):
    (table,) = [s for s in SNIPPETS if s.lstrip("[").startswith(name)]
    shown = set(re.findall(r"^([a-z_]+) = ", table, re.MULTILINE))
    text = "\n".join([HEAD, table, "nobody = 1", "[[component]]" + FIRST_COMPONENTS])
    assert shown == set(known_fields(text, "nobody"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_each_field_of_each_kind_in_its_section(kind):
    section = PAGE.split(f"\n### `{kind}`", 1)[1].split("\n### ", 1)[0]
    text = HEAD + f'\n[[component]]\nkind = "{kind}"\ncode = "it"\nnobody = 1\n'
    for field in known_fields(text + EXAMPLE, "nobody"):
        if field == "when":
            continue  # it has a section of its own
        assert re.search(rf"\b{field}\b", section), f"{field} of {kind}"
    kinds = known_kinds()
    assert kind in kinds and len(kinds) == len(KINDS)
    assert f"\n| `{kind}` | " in PAGE


def known_kinds():
    (mistake,) = read_pack(HEAD + '\n[[component]]\nkind = "none"\ncode = "it"\n' + EXAMPLE)
    return re.findall(r'"([a-z_]+)"', mistake.expected)


def test_the_page_names_each_condition():
    section, rows = field_table("The components")[0], field_table("The components")[1]
    parts = HEAD + '\n[[component]]\nkind = "credit"\ncode = "a"\n'
    parts += '\n[[component]]\nkind = "levy"\ncode = "b"\npercent = 1\nof = ["a"]\n'
    known = known_fields(parts + "when = { nobody = 1 }\n" + EXAMPLE, "nobody")
    named = {name for row in rows for name in row if name}
    assert set(known) <= named
    assert "counts as 0" in section


def test_the_page_describes_each_field_of_an_example_and_no_other():
    section, rows = field_table("The examples")
    start = WHOLE.rindex("[[example]]")
    known = set()
    for form in ("pay = 1\nunits = 1", "pay = 1\nrefused = 1", "buy = 1\ncost = 1"):
        text = WHOLE[:start] + f'[[example]]\nname = "x"\n{form}\nnobody = 1\n'
        known |= set(known_fields(text, "nobody"))
    described = {name for row in rows for name in row if name}
    inline = {"name", "pay", "buy", "units", "raw_units", "cost", "refused"}
    assert described == known - inline
    assert all(f"`{name}`" in section for name in inline)


def test_the_page_names_every_currency_and_every_shipped_pack():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `currency`"))
    assert set(CURRENCIES) == set(re.findall(r"\b[A-Z]{3}\b", row))
    files = {file.name for file in (paths.resources() / "tariffs").glob("*.toml")}
    listed = re.findall(r"^\| `([a-z0-9-]+\.toml)`", PAGE, re.MULTILINE)
    assert files == set(listed) and len(listed) == len(files)
