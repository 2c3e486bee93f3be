"""The sample town has a customer with debts and one with free units; a sale to each shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from posapp import paths
from posapp.demo.town import CUSTOMERS_MIN, TARIFFS, build
from posapp.domain.standing import Standing
from posapp.headoffice.desk import Desk
from posapp.headoffice.imports import import_files
from posapp.wire.feed import TariffText
from tests.office import DirectLine, an_office, enrolled_till
from tests.services.counter import a_configuration
from tests.services.tariff_counter import a_tariff_counter, close, lines_of

DAY_SELLS_TO = 25  # meters of the scripted day
PACKS = [paths.resources() / "tariffs" / f"{name}.toml" for name in TARIFFS.values()]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return build(tmp_path_factory.mktemp("town"), customers=CUSTOMERS_MIN, seed=7)


@pytest.fixture(scope="module")
def values(town, tmp_path_factory):
    """What a till of the town is sent."""
    office = an_office(tmp_path_factory.mktemp("office"))
    files = [town.customers_csv, town.meters_csv, town.accounts_csv]
    assert import_files(office, [*PACKS, *files]).bad_rows == 0
    till = enrolled_till(office, DirectLine(Desk(office)))
    assert till.sync.run_once().problem == ""
    yield till.store.values
    office.close()


def test_two_meters_have_an_account_and_the_day_sells_to_neither(town, values):
    usable = [m for m in town.meters if m.base_date == 2014 and m.state == "active"]
    with_account = [m for m in town.meters if m.tariff == "KE-DA"]
    assert with_account == [town.indebted_meter, town.entitled_meter]
    assert set(with_account).isdisjoint(usable[:DAY_SELLS_TO])
    assert {m.state for m in with_account} == {"active"}
    told = [key for kind, key in values if kind == "standing"]
    assert sorted(told) == sorted(m.meter for m in with_account)


@pytest.fixture
def counter(values, tmp_path):
    rows = [v for v in values.values() if isinstance(v, (Standing, TariffText))]
    start = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    made = a_tariff_counter(tmp_path, *rows, start=start, meters=())
    yield made
    close(made)


def sold_to(counter, values, meter):
    """A sale to a meter of the town, under a key of the tests."""
    found = values["meter", meter.meter]
    counter.tell(replace(found, configuration=a_configuration(1)))
    return counter.sale(found.number, 100_000)


def test_the_debts_go_down(town, values, counter):
    sold = sold_to(counter, values, town.indebted_meter)
    assert lines_of(sold.record)["arrears water"] == 30_000
    told = counter.receipt(sold)
    assert (told["Water, still owed"], told["Rent, still owed"]) == ("1,550.00", "640.00")


def test_the_free_units_come_as_a_token(town, values, counter):
    sold = sold_to(counter, values, town.entitled_meter)
    assert sold.record.intent.free_tenths == 200
    assert counter.receipt(sold)["FREE UNITS TOKEN"] == "1 of 2"
