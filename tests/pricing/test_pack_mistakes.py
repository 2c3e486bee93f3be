"""Every mistake a clerk can make in a pack is answered with its line, field and the right thing."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack_texts import GOOD, RICH

from posapp.errors import InputError, SaleError
from posapp.pricing.pack import check_pack, load_pack, read_pack
from posapp.pricing.quote import by_money
from posapp.pricing.reader import Mistake
from posapp.pricing.situation import Rate, Situation
from posapp.pricing.tariff import TariffPack

# A meter in the time of both packs.
FRESH = Situation(at=datetime(2025, 7, 10), rate=Rate("USD", Decimal("129.5"), date(2025, 7, 10)))


def mistakes(text):
    found = read_pack(text)
    return () if isinstance(found, TariffPack) else found


def edited(old, new, text=GOOD):
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_good_pack_is_good():
    pack = load_pack(GOOD, "test.toml")
    assert pack.reference == "TEST@3"
    assert [c.code for c in pack.components] == ["fee", "energy", "fuel", "rural", "vat"]
    assert len(pack.examples) == 2 and pack.sources == ("a table", "another")
    assert [o.failures for o in check_pack(pack)] == [(), ()]


def test_the_rich_pack_is_good():
    pack = load_pack(RICH, "test.toml")
    assert [o.failures for o in check_pack(pack)] == [()]
    assert len(pack.components) == 11 and len(pack.invoices) == 2


# (what stands there, what is written instead, the line, the field, what the answer must say)
CASES = [
    ("format = 1", "format = 2", 1, "format", "the number 1"),
    ("format = 1\n", "", 1, "format", "the number 1"),
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
    ('kind = "monthly_fee"', 'kind = "yearly_fee"', 12, "component[1].kind", '"monthly_fee"'),
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
    ("fee = 120.00", "fees = 120.00", 56, "example[2].lines.fees", 'fee, "block 1"'),
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


RICH_CASES = [
    ('leftover = "change"', 'leftover = "back"', 9, "leftover", '"rounding", "change"'),
    ('"half_even"', '"even"', 8, "money_rounding", '"half_up", "half_even", "up", "down"'),
    ("average_months = 3", "average_months = 0", 10, "average_months", "from 1 to 36"),
    ("average_months = 3", "average_months = 37", 10, "average_months", "from 1 to 36"),
    ('{ currency = "USD", decimals = 4, days_max = 7 }', '"USD"', 12, "pegged", "days_max = 7"),
    ('"USD"', '"KES"', 12, "pegged.currency", "another currency"),
    ('"USD"', '"GBP"', 12, "pegged.currency", '"USD"'),
    ("decimals = 4", "decimals = 7", 12, "pegged.decimals", "from 0 to 6"),
    ("decimals = 4", "places = 4", 12, "pegged.places", "currency, decimals, days_max"),
    ("days_max = 7 ", "days_max = 0 ", 12, "pegged.days_max", "from 1 to 400"),
    (", days_max = 7 ", "", 12, "pegged.days_max", "from 1 to 400"),
    ('{ step = 0.05, rule = "half_up" }', "0.05", 13, "cash_rounding", "step = 0.05"),
    ("step = 0.05", "step = 0", 13, "cash_rounding.step", "smallest coin of KES"),
    ("step = 0.05", "step = 0.001", 13, "cash_rounding.step", "KES with at most 2"),
    ('rule = "half_up"', 'rule = "near"', 13, "cash_rounding.rule", '"half_up"'),
    ('rule = "half_up"', 'rules = "up"', 13, "cash_rounding.rules", "step, rule"),
    ("from = 50.01", "from = 0", 20, "invoice[2].from", "a larger sum than"),
    ("from = 50.01", "from = 50.001", 20, "invoice[2].from", "at most 2 decimals"),
    ('title = "RECEIPT"', 'title = ""', 17, "invoice[1].title", "the receipt is called"),
    ('"Keep it."', '"' + "x" * 121 + '"', 22, "invoice[2].note", "a line for its foot"),
    ('note = "Keep it."', 'foot = "x"', 22, "invoice[2].foot", "from, title, note"),
    ("amount = 1\npercent = 2\n", "", 24, "component[1]", "an amount, a percent, or both"),
    ("percent = 2\n", "percent = 0\n", 28, "component[1].percent", "above 0, at most 100"),
    ("most = 30\n", "most = 0.5\n", 30, "component[1].most", "not below least"),
    ("least = 1\n", "lest = 1\n", 29, "component[1].lest", "amount, percent, least, most"),
    ("least = 1\n", "least = -1\n", 29, "component[1].least", "an amount of USD a sale"),
    ('"rates"]', '"water"]', 35, "component[2].accounts", "each once"),
    (
        '["water", "rates"]',
        "[]",
        35,
        "component[2].accounts",
        "a list of accounts in small letters",
    ),
    (
        '["water", "rates"]',
        '["Water"]',
        35,
        "component[2].accounts",
        "a list of accounts in small letters",
    ),
    ('accounts = ["water", "rates"]\n', "", 35, "component[2].order", "accounts to go by"),
    ('order = "listed"', 'order = "newest"', 36, "component[2].order", '"oldest", "listed"'),
    ("share = 30\n", "share = 101\n", 37, "component[2].share", "above 0, at most 100"),
    ("share = 30\n", "share = 81\n", 53, "component[4].share", "leaves something"),
    ("share = 30\n", "", 32, "component[2].share", "that share_of is about"),
    ('"rest"', '"left"', 38, "component[2].share_of", '"payment", "rest"'),
    ("most = 500", "most = 0", 39, "component[2].most", "a sum of KES above 0"),
    ("amount = 0.25", "amount = 0", 44, "component[3].amount", "an amount of USD a day"),
    ("days_max = 90", "days_max = 0", 45, "component[3].days_max", "from 1 to 3660"),
    ("days_max = 90", "months_max = 3", 45, "component[3].months_max", "amount, days_max"),
    ("days_max = 90", "when = { month_above = 1 }", 45, "component[3].when", "a fee by day"),
    ("share = 20\n", "share = 70\n", 53, "component[4].share", "leaves something"),
    ("amount = 3\n", "amount = 0\n", 50, "component[4].amount", "an amount of USD a month"),
    ('"add_up"\nmonths', '"keep"\nmonths', 51, "component[4].skipped_months", '"lost", "add_up"'),
    ("months_max = 6", "months_max = 1.5", 52, "component[4].months_max", "from 1 to 3660"),
    ("amount = 4", "amount = 4\nshare = 5", 60, "component[5].when", "for a fee that adds up"),
    ("amount = 4", "amount = 4\nmonths_max = 5", 60, "component[5].when", "or has a limit"),
    ("{ month_above = 60 }", "{ }", 59, "component[5].when", "at least one condition"),
    ("{ month_above = 60 }", "60", 59, "component[5].when", "{ month_up_to = 30 }"),
    ("month_above = 60", "month_over = 60", 59, "component[5].when.month_over", "month_above"),
    ("month_above = 60", "month_above = 6.05", 59, "component[5].when.month_above", "one decimal"),
    (
        "month_above = 60",
        "month_above = 60, month_up_to = 60",
        59,
        "component[5].when.month_up_to",
        "more kWh than month_above",
    ),
    ("units = 25\n", "units = 0\n", 64, "component[6].units", "kWh above 0"),
    ("units = 25\n", "units = 0.25\n", 64, "component[6].units", "one decimal"),
    ("counts_in_blocks = true\n", "", 61, "component[6].counts_in_blocks", "true or false"),
    ("{ entitled = true,", "{ month_up_to = 3,", 66, "component[6].when", "for free units"),
    ("{ entitled = true,", "{ entitled = 1,", 66, "component[6].when.entitled", "true or false"),
    (
        "average_up_to = 450",
        "average_above = 450, average_up_to = 450",
        66,
        "component[6].when.average_up_to",
        "more kWh than average_above",
    ),
    ("average_up_to = 450", "average_up_to = 0", 66, "component[6].when.average_up_to", "above 0"),
    ("[5, 6, 7, 8]", "[5, 6, 7]", 79, "component[8].when", "a price for everybody"),
    ("[5, 6, 7, 8]", "[5, 6, 7, 13]", 73, "component[7].when.months", "1 to 12, each once"),
    ("[5, 6, 7, 8]", "[5, 6, 7, 7]", 73, "component[7].when.months", "1 to 12, each once"),
    ("[5, 6, 7, 8]", "8", 73, "component[7].when.months", "a list of months"),
    (
        "months = [5, 6, 7, 8]",
        "month_above = 3",
        72,
        "component[7].skipped_months",
        "where a month has limits",
    ),
    ("counts_as", "price = 1\ncounts_as", 81, "component[9]", "either price, or prices"),
    ("price = 0 }", "price = -1 }", 86, "component[9].prices[2].price", "0 for none"),
    ("{ from = 2025-08-01", "{ from = 2025-07-01", 86, "component[9].prices[2].from", "a later"),
    ("{ from = 2025-08-01,", "{", 86, "component[9].prices[2].from", "a date like"),
    ('counts_as = "levy"\n', "", 86, "component[9].prices[2].price", "a price a kWh above 0"),
    ("until = 2026-07-01", 'until = "2026"', 88, "component[9].until", "a date like"),
    ("{ entitled = false }", "{ month_above = 3 }", 96, "component[10].when", "for a levy"),
    (
        "included = true",
        "included = true\nwhen = { months = [1] }",
        104,
        "component[11].when",
        "no",
    ),
    ('["service", "daily"]', '["service", "old"]', 102, "component[11].of", "without their VAT"),
    ('["service", "daily"]', '["service", "free"]', 102, "component[11].of", "(shop, old, daily,"),
    ('["service", "daily"]', '["energy"]', 102, "component[11].of", "takes no other percentage"),
    (
        "included = true",
        "included = false\nwhen = { month_above = 3 }",
        104,
        "component[11].when",
        "tax",
    ),
    ("at = 2025-08-13", "at = 2025-08", 107, "at", "TOML"),
    ("at = 2025-08-13", 'at = "today"', 107, "example[1].at", "a date like"),
    ("rate = 129.5", "rate = 0", 108, "example[1].rate", "what one of the other currency costs"),
    ("ct_ratio = 1", "ct_ratio = 0", 112, "example[1].ct_ratio", "from 1 to 10000"),
    ("last_bought = 2025-06-30", "last_bought = 6", 113, "example[1].last_bought", "2025-07-01"),
    ("{ service = { t", "{ sevice = { t", 114, "example[1].fees.sevice", "daily, service, big"),
    ("owed = 1.50", "owed = 1.505", 114, "example[1].fees.service.owed", "at most 2 decimals"),
    ("owed = 1.50", "oved = 1.50", 114, "example[1].fees.service.oved", "through, owed"),
    ("through = 2025-06-30", "through = 6", 114, "example[1].fees.service.through", "a date"),
    ("{ through = 2025-06-30, owed = 1.50 }", "3", 114, "example[1].fees.service", "by code"),
    ("pay = 2000", "fee_paid = true\npay = 2000", 114, "example[1].fees", "either fee_paid"),
    ("debts = { water", "debts = { Water", 115, "example[1].debts.Water", "owed by account"),
    ("debts = { water = 12.00, rates = 3 }", "debts = 12", 115, "example[1].debts", "{ water"),
    ('"old water" =', '"older water" =', 118, "example[1].lines.older water", "cash_rounding"),
    ("left = { water = 0,", 'left = { "a b" = 0,', 119, "example[1].left.a b", "still owed"),
    ("units = 41.6\n", "refused = 5.005\n", 117, "example[1].refused", "at most 2 decimals"),
    ("units = 41.6\n", "units = 41.6\nrefused = 5\n", 117, "example[1].units", "pay, refused"),
    ("units = 41.6\n", 'units = 41.6\nfree = "x"\n', 118, "example[1].free", "one decimal"),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "expected"), RICH_CASES)
def test_a_mistake_in_the_rich_pack_is_answered_with_its_place(old, new, line, field, expected):
    found = mistakes(edited(old, new, RICH))
    assert [(m.line, m.field) for m in found] == [(line, field)]
    assert expected in found[0].expected


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


def test_a_rate_in_an_example_of_a_pack_that_is_not_pegged_is_refused():
    (mistake,) = mistakes(edited("bought = 60", "rate = 129.5"))
    assert (mistake.field, mistake.found) == ("example[1].rate", "129.5")
    assert "not pegged" in mistake.expected


def test_a_single_price_has_no_end_and_a_price_must_be_there():
    (mistake,) = mistakes(edited("price = 5.19", "price = 5.19\nuntil = 2026-01-01"))
    assert (mistake.line, mistake.field) == (29, "component[3].until")
    (mistake,) = mistakes(edited("price = 5.19\n", ""))
    assert (mistake.line, mistake.field) == (25, "component[3]")
    assert "either price, or prices" in mistake.expected


def test_two_tables_of_blocks_have_lines_with_their_own_names():
    second = '[[component]]\nkind = "blocks"\ncode = "more"\nblocks = [{ price = 1 }]\n\n'
    text = GOOD.replace("[[example]]", second + "[[example]]", 1)
    (mistake,) = mistakes(text)
    assert mistake.field == "example[2].lines.block 1" and "more block 1" in mistake.expected
    assert mistakes(text.replace('"block 1" =', '"energy block 1" =')) == ()


def test_money_and_energy_are_not_sold_by_one_pack():
    credit = '[[component]]\nkind = "credit"\ncode = "money"\n\n'
    (mistake,) = mistakes(GOOD.replace("[[example]]", credit + "[[example]]", 1))
    assert mistake.field == "component[6].kind" and "without energy" in mistake.expected
    alone = without("blocks", "per_kwh", "levy").split("[[example]]")[0]
    alone = alone.replace(', "energy", "fuel", "rural"', "")
    alone += credit + '[[example]]\nname = "x"\nbuy = 1\ncost = 1\n'
    assert mistakes(alone) == ()
    (mistake,) = mistakes(alone.replace("[[example]]", credit + "[[example]]"))
    assert "a code of its own" in mistake.expected
    two = credit.replace("money", "more")
    (mistake,) = mistakes(alone.replace("[[example]]", two + "[[example]]"))
    assert 'one "credit" alone' in mistake.expected
    (mistake,) = mistakes(alone.replace('"money"', '"money"\nprice = 1'))
    assert mistake.field == "component[3].price" and "kind, code" in mistake.expected


def test_percentages_that_leave_nothing_for_energy_are_refused_together():
    channel = '[[component]]\nkind = "channel_fee"\ncode = "shop"\npercent = 60\n\n'
    arrears = '[[component]]\nkind = "arrears"\ncode = "old"\nshare = 40\n\n'
    text = GOOD.replace("[[component]]", channel + arrears + "[[component]]", 1)
    (mistake,) = mistakes(text)
    assert mistake.field == "component[2].share" and "for energy" in mistake.expected
    assert mistakes(text.replace("share = 40", "share = 39.9")) == ()
    # VAT on a fee that is a share of the payment takes its own share of it.
    text = text.replace("share = 40", "share = 31").replace('of = ["fee",', 'of = ["shop", "fee",')
    (mistake,) = mistakes(text)
    assert mistake.field == "component[7].percent" and "for energy" in mistake.expected
    assert mistakes(text.replace("share = 31", "share = 30")) == ()


def test_too_many_of_anything_is_refused():
    component = '[[component]]\nkind = "monthly_fee"\ncode = "f{}"\namount = 1\n\n'
    more = "".join(component.format(n) for n in range(20))
    (mistake,) = mistakes(GOOD.replace("[[example]]", more + "[[example]]", 1))
    assert (mistake.field, mistake.expected) == ("component", "[[component]] tables, 1 to 24")
    example = '\n[[example]]\nname = "x"\nbuy = 1\ncost = 1\n'
    assert mistakes(GOOD + example * 99)[0].field == "example"
    rows = "  { up_to = 1, price = 1 },\n" * 10
    (mistake,) = mistakes(edited("blocks = [\n", "blocks = [\n" + rows))
    assert mistake.field == "component[2].blocks" and "one to 12" in mistake.expected
    invoice = '[[invoice]]\nfrom = 1\ntitle = "x"\n'
    (mistake,) = mistakes(RICH.replace("[[component]]", invoice * 5 + "[[component]]", 1))
    assert mistake.field == "invoice" and "at most 6" in mistake.expected


def test_what_contains_its_vat_takes_no_levy_whichever_comes_first():
    levy = '[[component]]\nkind = "levy"\ncode = "late"\npercent = 1\nof = ["energy"]\n\n'
    text = without("levy").replace(', "rural"', "").replace("included = false", "included = true")
    assert mistakes(text) == ()
    (mistake,) = mistakes(text.replace("[[example]]", levy + "[[example]]", 1))
    assert (mistake.field, mistake.found) == ("component[5].of", '["energy"]')
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
            assert by_money(found, 10**6, FRESH).units_tenths > 0
        return
    assert found and all(isinstance(mistake, Mistake) for mistake in found)
    assert all(1 <= m.line <= len(text.splitlines()) + 1 and m.expected for m in found)
