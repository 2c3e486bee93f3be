"""A key change comes from the utility's file, and ends when a till heard that the meter took it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from posapp import paths
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.domain.sale import KeyTarget, SaleKind, TokenKind
from posapp.headoffice import feed, projector, schema
from posapp.headoffice.imports import import_files
from posapp.journal.facts import KeyChangeAnswered, TokenItem

TARIFF = paths.resources() / "tariffs" / "ke-domestic.toml"
NUMBER = "0400000001" + luhn_digit("0400000001")
HEADER = "meter,tariff,ea,sgc,krn,ti,base_date,new_sgc,new_krn,new_ti,new_base_date,new_ken"
WANTED = KeyTarget("600702", 3, "02")


@pytest.fixture
def load(office, tmp_path):
    """Loads meters.csv of one row: what it is to get, as the file has it."""
    import_files(office, [TARIFF])

    def load_row(new: str, old: str = "11,600701,2,01,1993"):
        path = tmp_path / "meters.csv"
        path.write_text(f"{HEADER}\n{NUMBER},KE-D1,{old},{new}\n", encoding="utf-8")
        return import_files(office, [path]).files[0]

    return load_row


def told(till):
    """The meter as the till has it after its next talk."""
    assert till.sync.run_once().problem == ""
    return till.store.values["meter", NUMBER]


def key(configuration):
    c = configuration
    return None if c is None else (c.sgc, c.krn, c.ti, c.base_date, c.ken)


def say(till, *, took, target=WANTED, meter=NUMBER):
    """The till sold a set with a credit, and asked at the next visit."""
    journal = till.journal
    sale = journal.sell()
    change = TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=target)
    receipt = sale.receipt + 1
    sold = replace(
        sale,
        sale_id=journal.rng.randbytes(16),
        receipt=receipt,
        sequence=sale.sequence + 1,
        meter=meter,
        items=(change, *sale.items),
        kind=SaleKind.SALE,
    )
    journal.receipt, journal.sequence = receipt, sold.sequence
    seq = journal.append(sold)
    return journal.append(KeyChangeAnswered(seq, meter, took, 3))


def letters(office):
    with office.database.read() as connection:
        return connection.execute(select(schema.dead_letter.c.code)).scalars().all()


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        ("600702,3,2,2014,254", ("600702", 3, "02", 2014, 254)),
        (",3,,,", ("600701", 3, "01", 1993, 255)),
        (",,,2014,", ("600701", 2, "01", 2014, 255)),
        (",,,,", None),
        ("600701,2,01,1993,255", None),
    ],
)
def test_a_file_says_what_key_a_meter_is_to_get_and_the_till_is_told(till, load, new, wanted):
    assert load(new).added == 1
    meter = told(till)
    assert key(meter.pending) == wanted
    assert key(meter.configuration) == ("600701", 2, "01", 1993, 255)
    assert meter.number == MeterNumber(NUMBER)


@pytest.mark.parametrize("new", ["60070,3,2,2014,", ",10,,,", ",,x,,", ",,,2015,", ",,,,256"])
def test_a_key_that_cannot_be_leaves_the_row_out(load, new):
    report = load(new)
    assert (report.added, report.bad_rows) == (0, 1)


def test_a_confirmed_key_is_the_meters_key_and_every_till_is_told(office, till, load):
    load("600702,3,02,2014,254")
    assert told(till).pending is not None
    till.journal.open()
    say(till, took=True)
    told(till)
    meter = told(till)
    assert meter.pending is None
    assert key(meter.configuration) == ("600702", 3, "02", 2014, 254)
    assert letters(office) == []


def test_the_same_file_after_the_confirmation_changes_nothing(till, load):
    load("600702,3,02,2014,254")
    till.journal.open()
    say(till, took=True)
    told(till)
    report = load("600702,3,02,2014,254")
    assert (report.added, report.changed, report.unchanged) == (0, 0, 1)
    assert load("600702,4,02,2014,254").changed == 1
    assert key(told(till).pending) == ("600702", 4, "02", 2014, 254)


@pytest.mark.parametrize(
    "answer",
    [{"took": False}, {"took": True, "target": KeyTarget("600702", 4, "02")}],
    ids=["not taken", "another key than is wanted"],
)
def test_any_other_answer_leaves_the_change_as_it_is(office, till, load, answer):
    load("600702,3,02,2014,254")
    till.journal.open()
    say(till, **answer)
    told(till)
    meter = told(till)
    assert key(meter.pending) == ("600702", 3, "02", 2014, 254)
    assert key(meter.configuration) == ("600701", 2, "01", 1993, 255)
    assert letters(office) == []


def test_journals_booked_again_do_not_take_a_newer_key_back(office, till, load):
    load("600702,3,02,2014,254")
    till.journal.open()
    say(till, took=True)
    told(till)
    load(",4,,,", old="11,600702,3,02,2014")
    before = told(till)
    assert key(before.pending) == ("600702", 4, "02", 2014, 255)
    with office.write() as connection:
        projector.forget(connection)
        projector.project(connection, (till.journal.till_id, 1))
        assert feed.pending(connection) == 0
    assert told(till) == before


def test_an_answer_about_a_sale_without_a_set_waits_for_a_person(office, till, load):
    load("600702,3,02,2014,254")
    till.journal.open()
    say(till, took=True, target=None)
    say(till, took=True, meter="04000000020")
    told(till)
    assert letters(office) == ["KEY_CHANGE_MISSING"]
    assert told(till).pending is not None
