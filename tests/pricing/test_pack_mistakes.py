"""Every mistake a clerk can make in a pack is answered with its line, field and the right thing."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.errors import InputError, SaleError
from posapp.pricing.month import MonthLedger
from posapp.pricing.pack import check_pack, load_pack, read_pack
from posapp.pricing.quote import by_money
from posapp.pricing.reader import Mistake
from posapp.pricing.tariff import TariffPack

GOOD = """\
format = 1
code = "TEST"
version = 3
name = "Test tariff"
currency = "KES"
effective_from = 2025-07-01
effective_until = 2026-07-01T12:00:00
unit_rounding = "nearest"
source = ["a table", "another"]

[[component]]
kind = "monthly_fee"
code = "fee"
amount = 120

[[component]]
kind = "blocks"
code = "energy"
blocks = [
  { up_to = 50, price = 2.50 },
  { up_to = 1500.5, price = 11.62 },
  { price = 19.57 },
]

[[component]]
kind = "per_kwh"
code = "fuel"
price = 5.19
counts_as = "levy"

[[component]]
kind = "levy"
code = "rural"
percent = 5
of = ["energy"]

[[component]]
kind = "vat"
code = "vat"
percent = 16
of = ["fee", "energy", "fuel", "rural"]
included = false

[[example]]
name = "by money"
bought = 60
fee_paid = true
pay = 1000
units = 49.6
raw_units = 49.57

[[example]]
name = "by units"
buy = 10
cost = 229.85
lines = { fee = 120.00, "block 1" = 25.00 }
"""


def mistakes(text):
    found = read_pack(text)
    return () if isinstance(found, TariffPack) else found


def edited(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_good_pack_is_good():
    pack = load_pack(GOOD, "test.toml")
    assert pack.reference == "TEST@3"
    assert [c.code for c in pack.components] == ["fee", "energy", "fuel", "rural", "vat"]
    assert len(pack.examples) == 2 and pack.sources == ("a table", "another")
    assert [o.failures for o in check_pack(pack)] == [(), ()]


# (what stands there, what is written instead, the line, the field, what the answer must say)
CASES = [
    ("format = 1", "format = 2", 1, "format", "a whole number from 1 to 1"),
    ("format = 1\n", "", 1, "format", "a whole number"),
    ('code = "TEST"', 'code = "test"', 2, "code", "capital letters"),
    ('code = "TEST"', "code = 12", 2, "code", "capital letters"),
    ("version = 3", 'version = "3"', 3, "version", "a whole number from 1"),
    ("version = 3", "version = true", 3, "version", "a whole number from 1"),
    ("version = 3", "version = 0", 3, "version", "a whole number from 1"),
    ("version = 3\n", "", 1, "version", "a whole number from 1"),
    ('"Test tariff"', '""', 4, "name", "up to 40 characters"),
    ('"Test tariff"', '"' + "x" * 41 + '"', 4, "name", "up to 40 characters"),
    ('"Test tariff"', '"a\\nb"', 4, "name", "up to 40 characters"),
    ('"KES"', '"KSH"', 5, "currency", '"KES"'),
    ("currency =", "curency =", 5, "curency", "one of the fields format, code"),
    ("= 2025-07-01", '= "2025-07-01"', 6, "effective_from", "a date like 2025-07-01"),
    ("= 2025-07-01", "= 2025-07-01T00:00:00Z", 6, "effective_from", "without a zone"),
    ("2026-07-01T12:00:00", "2025-07-01", 7, "effective_until", "after effective_from"),
    ('"nearest"', '"floor"', 8, "unit_rounding", '"up", "nearest", "down"'),
    ('unit_rounding = "nearest"\n', "", 1, "unit_rounding", '"up", "nearest", "down"'),
    ('["a table", "another"]', "[]", 9, "source", "published"),
    ('["a table", "another"]', '["a table", 3]', 9, "source", "published"),
    ('source = ["a table", "another"]\n', "", 1, "source", "published"),
    ('"nearest"', '"nearest"\nprices_in = "cents"', 9, "prices_in", '"major", "minor"'),
    ('kind = "monthly_fee"', 'kind = "daily_fee"', 12, "component[1].kind", '"monthly_fee"'),
    ('kind = "monthly_fee"\n', "", 11, "component[1].kind", '"blocks"'),
    ('code = "fee"', 'code = "Fee"', 13, "component[1].code", "small letters"),
    ('code = "fee"', 'code = "rounding"', 13, "component[1].code", '"rounding"'),
    ("amount = 120", "amount = 0", 14, "component[1].amount", "above 0"),
    ("amount = 120", "amount = -120", 14, "component[1].amount", "above 0"),
    ("amount = 120", "amount = nan", 14, "component[1].amount", "above 0"),
    ("amount = 120", "amount = 1e13", 14, "component[1].amount", "above 0"),
    ("amount = 120", 'amount = "120"', 14, "component[1].amount", "above 0"),
    ("amount = 120", "amout = 120", 14, "component[1].amout", "kind, code, amount"),
    ("amount = 120\n", "", 11, "component[1].amount", "above 0"),
    ("up_to = 50,", "up_to = 50.05,", 20, "component[2].blocks[1].up_to", "one decimal"),
    ("up_to = 50,", "up_to = 0,", 20, "component[2].blocks[1].up_to", "more kWh"),
    ("up_to = 50,", "upto = 50,", 20, "component[2].blocks[1].upto", "up_to, price"),
    ("up_to = 50, ", "", 20, "component[2].blocks[1].up_to", "one decimal"),
    ("up_to = 1500.5", "up_to = 50", 21, "component[2].blocks[2].up_to", "more kWh"),
    ("price = 11.62", "price = 0", 21, "component[2].blocks[2].price", "a price a kWh above 0"),
    ("price = 11.62", "price = 1000001", 21, "component[2].blocks[2].price", "above 0"),
    ("price = 11.62", "price = 1.00000000001", 21, "component[2].blocks[2].price", "above 0"),
    ("{ price = 19.57 }", "{ up_to = 9999, price = 1 }", 22, "component[2].blocks[3].up_to", "end"),
    ("{ price = 19.57 }", "{ }", 22, "component[2].blocks[3].price", "a price a kWh above 0"),
    ("{ price = 19.57 }", "19.57", 19, "component[2].blocks", "{ up_to = 50, price = 12.50 }"),
    ('counts_as = "levy"', 'counts_as = "tax"', 29, "component[3].counts_as", '"energy", "levy"'),
    ("price = 5.19", "price = true", 28, "component[3].price", "a price a kWh above 0"),
    ("percent = 5\n", "percent = 0\n", 34, "component[4].percent", "above 0, at most 100"),
    ("percent = 5\n", "percent = 101\n", 34, "component[4].percent", "above 0, at most 100"),
    ('of = ["energy"]', 'of = ["enrgy"]', 35, "component[4].of", "(fee, energy, fuel)"),
    ('of = ["energy"]', 'of = ["vat"]', 35, "component[4].of", "earlier components"),
    ('of = ["energy"]', 'of = ["rural"]', 35, "component[4].of", "earlier components"),
    ('of = ["energy"]', "of = []", 35, "component[4].of", "earlier components"),
    ('of = ["energy"]', 'of = ["energy", "energy"]', 35, "component[4].of", "each once"),
    ("percent = 16", "percent = -1", 40, "component[5].percent", "from 0 to 100"),
    ("included = false\n", "", 37, "component[5].included", "true or false"),
    ("included = false", 'included = "no"', 42, "component[5].included", "true or false"),
    ("included = false", "included = true", 41, "component[5].of", 'no "energy"'),
    ('code = "fuel"', 'code = "energy"', 27, "component[3].code", "a code of its own"),
    ("bought = 60", "bought = 60.55", 46, "example[1].bought", "one decimal"),
    ("fee_paid = true", "fee_paid = 1", 47, "example[1].fee_paid", "true or false"),
    ("pay = 1000", "pay = 1000.005", 48, "example[1].pay", "KES with at most 2 decimals"),
    ("units = 49.6\n", "", 44, "example[1].units", "one decimal"),
    ("units = 49.6\n", "unit = 49.5\n", 49, "example[1].unit", "pay, units, raw_units"),
    ("raw_units = 49.57", 'raw_units = "x"', 50, "example[1].raw_units", "before the grid"),
    ('name = "by money"\n', "", 44, "example[1].name", "a name"),
    ("cost = 229.85\n", "", 52, "example[2].cost", "as published"),
    ("buy = 10", "buy = 10\npay = 3", 52, "example[2]", "either pay (money)"),
    ("buy = 10\n", "", 52, "example[2]", "either pay (money)"),
    ("fee = 120.00", "fees = 120.00", 56, "example[2].lines.fees", "fee, energy"),
    ("fee = 120.00", "fee = 120.001", 56, "example[2].lines.fee", "2 decimals"),
    ('{ fee = 120.00, "block 1" = 25.00 }', "3", 56, "example[2].lines", "amounts by line"),
    ("price = 2.50", "price = 2,50", 20, "", "TOML"),
    ("version = 3", "version = ", 3, "version", "TOML"),
    ("version = 3", "version = 3.0.1", 3, "version", "TOML"),
    ("version = 3", 'version = 3\ncode = "TWO"', 4, "code", "each name once"),
    ("= 2025-07-01", "= 2025-13-01", 6, "effective_from", "TOML"),
    ('"Test tariff"', '"Test tariff', 4, "name", "TOML"),
    ("effective_from = 2025-07-01", "effective_from 2025-07-01", 6, "", "TOML"),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "expected"), CASES)
def test_a_mistake_is_answered_with_its_place(old, new, line, field, expected):
    with pytest.raises(InputError) as refused:
        load_pack(edited(old, new), "test.toml")
    assert refused.value.code == "TARIFF_INVALID"
    params = refused.value.params
    assert (params["file"], params["line"], params["field"]) == ("test.toml", line, field)
    assert expected in params["expected"]


def without(*kinds):
    """The good pack without components of these kinds."""
    tables = re.split(r"\n(?=\[\[)", GOOD)
    return "\n".join(t for t in tables if not any(f'kind = "{k}"' in t for k in kinds))


def test_a_pack_that_sells_no_energy_is_refused():
    text = without("blocks", "levy", "vat")
    (mistake,) = mistakes(text)
    assert mistake.field == "component[2].kind" and "sells energy" in mistake.expected


def test_a_pack_without_components_or_without_examples_is_refused():
    head = GOOD.split("[[component]]")[0]
    (mistake,) = mistakes(head)
    assert mistake.field == "component" and "[[component]]" in mistake.expected
    (mistake,) = mistakes(GOOD.split("[[example]]")[0])
    assert mistake.field == "example" and "prove the pack" in mistake.expected


def test_two_tables_of_blocks_are_refused():
    second = '[[component]]\nkind = "blocks"\ncode = "more"\nblocks = [{ price = 1 }]\n\n'
    (mistake,) = mistakes(GOOD.replace("[[example]]", second + "[[example]]", 1))
    assert mistake.field == "component[6].kind" and "only one" in mistake.expected


def test_what_contains_its_vat_takes_no_levy_whichever_comes_first():
    levy = '[[component]]\nkind = "levy"\ncode = "late"\npercent = 1\nof = ["energy"]\n\n'
    text = without("levy").replace(', "rural"', "").replace("included = false", "included = true")
    assert mistakes(text) == ()
    (mistake,) = mistakes(text.replace("[[example]]", levy + "[[example]]", 1))
    assert (mistake.field, mistake.found) == ("component[5].of", "['energy']")
    assert 'no "energy"' in mistake.expected
    (mistake,) = mistakes(
        text.replace("[[example]]", levy.replace('"energy"', '"vat"') + "[[example]]", 1)
    )
    assert 'no "vat"' in mistake.expected


def test_each_wrong_component_is_answered_and_its_name_still_counts():
    text = edited("amount = 120", "amount = 0").replace("percent = 5\n", "percent = 500\n")
    assert [(m.line, m.field) for m in mistakes(text)] == [
        (14, "component[1].amount"),
        (34, "component[4].percent"),
    ]


def test_a_file_that_is_far_too_long_is_refused_unread():
    assert mistakes(GOOD + "#" * 64_000)[0].expected.startswith("a file of at most")


def test_lines_are_counted_the_same_with_the_line_ends_of_windows():
    text = edited("price = 11.62", "price = 0").replace("\n", "\r\n")
    assert [(m.line, m.field) for m in mistakes(text)] == [(21, "component[2].blocks[2].price")]


@settings(max_examples=250)
@given(st.data())
def test_a_damaged_pack_is_refused_with_a_place_or_sells_whatever_the_damage(data):
    start = data.draw(st.integers(0, len(GOOD)))
    stop = min(len(GOOD), start + data.draw(st.integers(0, 12)))
    piece = st.text(alphabet='0159.,=[]{}"#abeT-_ \n\\', max_size=4)
    text = GOOD[:start] + data.draw(piece) + GOOD[stop:]
    found = read_pack(text)
    if isinstance(found, TariffPack):
        check_pack(found)
        with suppress(SaleError):
            assert by_money(found, 10**6, MonthLedger()).units_tenths > 0
        return
    assert found and all(isinstance(mistake, Mistake) for mistake in found)
    assert all(1 <= m.line <= len(text.splitlines()) + 1 and m.expected for m in found)
