"""Slips of a person who writes a pack: the answer must tell him what to write instead."""

from __future__ import annotations

import re

import pytest

from posapp import paths
from posapp.pricing import check

FOLDER = paths.resources() / "tariffs"
PAGE = (FOLDER / "README.md").read_text("utf-8")
SIMPLE, TOWN, ISLAND = (
    text
    for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    if re.search(r"^format = 1", text, re.MULTILINE)
)

# (the pack, what stands there, what is written instead, what the answer must say)
SLIPS = [
    (SIMPLE, "price = 1.2167", 'price = "1.2167"', 'without quotes .* found "1.2167"'),
    (SIMPLE, "price = 1.2167", "price = 1,2167", "a decimal point in numbers"),
    (SIMPLE, "price = 1.2167", "price = 1 216.70", "without spaces or a unit"),
    (SIMPLE, "price = 1.2167", "price = R1.2167", "numbers without quotes or anything else"),
    (SIMPLE, "350, price", "350 price", "a comma is missing"),
    (SIMPLE, "1.2167 },", "1.2167 }", "a comma after each row of the list before"),
    (SIMPLE, "1.3786 },\n]", "1.3786 },\n", "a ] at the end of the list before"),
    (SIMPLE, "blocks = [", "blocks =", "a value behind the ="),
    (SIMPLE, 'kind = "blocks"', 'kind = "block"', 'perhaps "blocks"'),
    (SIMPLE, 'kind = "vat"', "kind = VAT", "text in quotes"),
    (SIMPLE, "percent = 15", "percent = 15%", "a number alone, without its sign"),
    (SIMPLE, "percent = 15", 'percent = "15%"', "from 0 to 100, without its sign"),
    (SIMPLE, "percent = 15\n", "", "component.2..percent: .* found nothing"),
    (SIMPLE, "2020-04-01", "01-04-2020", "year-month-day, like 2025-07-01"),
    (SIMPLE, "2020-04-01", "2020/04/01", "year-month-day, like 2025-07-01"),
    (SIMPLE, "2020-04-01", '"2020-04-01"', "a date like 2025-07-01 without quotes"),
    (SIMPLE, '"Homelight 20A"', "“Homelight 20A”", "straight quotes"),
    (SIMPLE, "[[component]] ", "[component] ", "two brackets on each side"),
    (SIMPLE, "[[example]]", "[[examples]]", 'perhaps "example"'),
    (SIMPLE, "units = 407.8", "unit = 407.8", 'perhaps "units"'),
    (SIMPLE, "pay = 600", "pay = 600\nlines = { block 1 = 3 }", "a name with a space in quotes"),
    (SIMPLE, "pay = 600", "pay = 600\nlines = { energy = 3 }", 'fields "block 1", "block 2", vat'),
    (SIMPLE, "pay = 600", "pay = 600\nfees = { vat = 3 }", "no fields here"),
    (SIMPLE, "pay = 600", "pay = 0.10", "refused: the least sum is 0.14"),
    (TOWN, '"arrears water" = 53.91', "arrears = 53.91", '"arrears ACCOUNT"'),
    (TOWN, "{ water = 1200.00 }\npay", '{ "Water" = 1200.00 }\npay', "small letters"),
    (ISLAND, "rate = 129.24\npay", "pay", "the example has no rate, what one USD costs"),
    (ISLAND, "[10]", '["October"]', r"like \[6, 7\], found \[\"October\"\]"),
    (ISLAND, ", 9, 11, 12]", ", 9, 12]", "component.2..when: .* there is none in month 11, found"),
    (ISLAND, "{ from = 2025-11-01", "{ from = 2025-12-01", "FAILED"),
    (ISLAND, "{ from = 2025-10-01", "{ from = 2025-10-02", "fuel has no price on 2025-10-01"),
]


def answer(text, folder):
    file = folder / "pack.toml"
    file.write_text(text, "utf-8")
    lines = check.run(file).lines
    return [line for line in lines[:-1] if line.startswith("pack.toml:")]


@pytest.mark.parametrize(("text", "right", "slip", "said"), SLIPS)
def test_a_slip_is_answered_with_what_to_write(text, right, slip, said, tmp_path):
    wrong = text.replace(right, slip, 1)
    lines = [line for line in answer(wrong, tmp_path) if not line.endswith(": passed")]
    assert len(lines) == (wrong != text)
    assert all(re.search(said, line) for line in lines)


def test_what_was_found_is_shown_in_a_few_words(tmp_path):
    text = SIMPLE.replace("[[example]]", "[[samples]]").replace("bought", "fee_paid = true\nbought")
    (line,) = answer(text, tmp_path)
    found = line.partition(", found ")[2]
    assert found.startswith('[{ name = "600 rand') and found.endswith("...") and len(found) == 80


def test_a_component_without_a_name_is_one_mistake_and_not_one_for_each_that_names_it(tmp_path):
    (line,) = answer(SIMPLE.replace('code = "energy"\n', ""), tmp_path)
    assert "component[1].code: expected a name of small letters" in line


def test_prices_in_cents_of_a_pegged_currency_are_its_own_cents(tmp_path):
    text = ISLAND.replace('currency = "KES"', 'currency = "UGX"').replace("129.24", "3700")
    text = re.sub(r"\nlines = .*", "", text).replace("pay = 1000", "pay = 30000")
    # 35 US cents are 1,295 shillings, 41 are 1,517 and 2.5 are 92.50; 5 per cent on the energy.
    text = text.replace("units = 21.0", "units = 22.0").replace("588.695", "16853.50")
    assert [line.endswith(": passed") for line in answer(text, tmp_path)] == [True, True]
