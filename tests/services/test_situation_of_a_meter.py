"""What a tariff is told of a meter: head office's word as of its moment, and own sales since."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from posapp.domain.standing import FeeState, Rate
from posapp.services.situation import debts_left
from tests.services.tariff_counter import (
    BLOCKS,
    ENERGY,
    MORNING,
    TariffCounter,
    a_debt,
    a_standing,
    a_tariff,
    a_tariff_counter,
    close,
)
from tests.stores import a_meter_number

CHARGE = {"kind": "monthly_fee", "code": "charge", "amount": 10, "skipped_months": "add_up"}
ARREARS = {"kind": "arrears", "code": "arrears", "share": 50, "share_of": "rest"}
EARLIER, LATER = MORNING - timedelta(hours=1), MORNING + timedelta(hours=1)


@pytest.fixture
def make(tmp_path: Path):
    made: list[TariffCounter] = []

    def counter(*values, **settings):
        made.append(a_tariff_counter(tmp_path / str(len(made)), *values, **settings))
        return made[-1]

    yield counter
    for one in made:
        close(one)


def bought_on(counter: TariffCounter, days: dict[tuple[int, int], int], number: int = 1) -> None:
    """A sale of 20.00 a kWh on each (month, day), of so many kWh."""
    for (month, day), kwh in days.items():
        year = counter.clock.moment.year + (month < counter.clock.moment.month)
        counter.clock.moment = datetime(year, month, day, 9, tzinfo=UTC)
        assert counter.sale(number, kwh * 2_000).record.intent.units_tenths == kwh * 10


def test_a_meter_that_nobody_knows_anything_of_is_in_a_fresh_situation(make):
    counter = make(a_tariff(CHARGE, ARREARS, ENERGY))
    found = counter.situation(1)
    assert found.at == datetime(2026, 3, 10, 9, 0)
    assert (found.bought_tenths, found.free_tenths, found.average_tenths) == (0, 0, None)
    assert (found.last_bought, found.fees, found.debts, found.rate) == (None, (), (), None)
    assert (found.entitled, found.ct_ratio) == (False, 1)


def test_each_meter_has_a_month_of_its_own(make):
    counter = make(a_tariff(CHARGE, BLOCKS), meters=(1, 2))
    counter.sale(1, 20_000)
    assert (counter.situation(1).bought_tenths, counter.situation(2).bought_tenths) == (190, 0)
    assert counter.situation(2).fees == ()


def test_the_last_second_of_a_month_is_in_it_and_the_next_one_is_not(make):
    last = datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC)
    counter = make(a_tariff(ENERGY), start=last)
    counter.sale(1, 20_000)
    assert counter.situation(1).bought_tenths == 100
    counter.clock.move(seconds=1)
    assert counter.situation(1).bought_tenths == 0
    assert counter.situation(1).last_bought == date(2026, 3, 31)


# ---------------------------------------------------------------- head office and own sales


@pytest.mark.parametrize(
    ("as_of", "own_counts"), [(EARLIER, True), (LATER, False)], ids=["older", "newer"]
)
def test_what_head_office_told_holds_as_of_its_moment(make, as_of, own_counts):
    counter = make(a_tariff(CHARGE, ARREARS, ENERGY))
    debts = (a_debt("water", 9_000), a_debt("rates", 400, date(2025, 1, 31)))
    counter.tell(a_standing(1, EARLIER, debts=debts))
    sold = counter.sale(1, 5_000).record.intent  # 10 for the charge, 20 for debts
    assert [line.amount_minor for line in sold.lines[1:3]] == [400, 1_600]
    told = {"charge": FeeState(date(2026, 2, 28), 77)}
    counter.clock.moment = LATER + timedelta(hours=1)
    counter.tell(a_standing(1, as_of, debts=debts, fees=tuple(told.items())))
    found = counter.situation(1)
    if own_counts:
        assert [(d.account, d.balance_minor) for d in found.debts] == [("water", 7_400)]
        assert found.fee("charge") == FeeState(date(2026, 3, 10), 0)
    else:
        assert found.debts == debts
        assert found.fee("charge") == told["charge"]
    left = counter.store.read(lambda reader: debts_left(reader, a_meter_number(1)))
    assert left == found.debts


def test_a_fee_that_head_office_does_not_name_stays_as_own_sales_left_it(make):
    counter = make(a_tariff(CHARGE, ENERGY))
    counter.sale(1, 5_000)
    other = ("network", FeeState(None, 300))
    counter.tell(a_standing(1, LATER, fees=(other,)))
    assert dict(counter.situation(1).fees) == dict(
        [other, ("charge", FeeState(date(2026, 3, 10), 0))]
    )


def test_sales_of_this_month_count_whenever_head_office_spoke(make):
    counter = make(a_tariff(ENERGY))
    counter.sale(1, 20_000)
    counter.tell(a_standing(1, LATER))
    assert counter.situation(1).bought_tenths == 100


def test_a_deleted_standing_leaves_what_own_sales_say(make):
    counter = make(a_tariff(CHARGE, ENERGY), a_standing(1, EARLIER, entitled=True))
    counter.sale(1, 5_000)
    counter.forget(a_standing(1, EARLIER))
    found = counter.situation(1)
    assert not found.entitled
    assert found.fee("charge").through == date(2026, 3, 10)


# ---------------------------------------------------------------- averages


def test_an_average_is_of_the_whole_months_before_with_months_without_a_sale(make):
    counter = make(a_tariff(ENERGY, average_months=3), start=datetime(2026, 1, 5, tzinfo=UTC))
    bought_on(counter, {(1, 31): 30, (2, 1): 40, (2, 28): 50, (4, 10): 500})
    assert counter.situation(1).average_tenths == 400, "30 + 90 + 0, over three months"
    counter.clock.moment = datetime(2026, 4, 30, 20, 59, tzinfo=UTC)
    assert counter.situation(1).average_tenths == 400
    counter.clock.moment = datetime(2026, 4, 30, 21, 0, tzinfo=UTC)
    assert counter.situation(1).average_tenths == 1_967, "90 + 0 + 500; January is too long ago"
    counter.clock.moment = datetime(2026, 9, 1, tzinfo=UTC)
    assert counter.situation(1).average_tenths is None


def test_an_average_just_above_a_limit_is_above_it(make):
    """90.1 kWh in three months are 30.03 a month: not a lifeline of 30."""
    cheap = {**ENERGY, "code": "cheap", "price": Decimal("1.00"), "when": {"average_up_to": 30}}
    dear = {**ENERGY, "when": {"average_above": 30}}
    counter = make(
        a_tariff(cheap, dear, average_months=3),
        start=datetime(2026, 1, 5, tzinfo=UTC),
        meters=(1, 2),
    )
    for number, minor in ((1, 9_000), (2, 9_010)):
        assert counter.sale(number, minor).record.intent.units_tenths == minor // 10
    counter.clock.moment = datetime(2026, 2, 5, tzinfo=UTC)
    for number, code in ((1, "cheap"), (2, "energy")):
        assert counter.context(number).by_money(10_000).lines[0].code == code


def test_free_units_are_in_an_average_and_head_offices_word_goes_before_it(make):
    free = {
        "kind": "free_units",
        "code": "free_basic",
        "units": 50,
        "counts_in_blocks": False,
        "when": {"entitled": True},
    }
    counter = make(a_tariff(free, ENERGY, average_months=1), a_standing(1, EARLIER, entitled=True))
    counter.sale(1, 20_000)
    counter.clock.move(days=25)
    assert counter.situation(1).average_tenths == 600
    counter.tell(a_standing(1, EARLIER, entitled=True, average_tenths=455))
    assert counter.situation(1).average_tenths == 455
    counter.tell(a_standing(1, EARLIER, entitled=True, average_tenths=0))
    assert counter.situation(1).average_tenths == 0


# ---------------------------------------------------------------- the rest


def test_a_rate_is_read_only_for_a_tariff_that_needs_one(make):
    rate = Rate("USD", Decimal("129.24"), date(2026, 3, 9))
    pegged = {"currency": "USD", "days_max": 7}
    counter = make(a_tariff(ENERGY), a_tariff(ENERGY, code="ISLAND", pegged=pegged), rate)
    counter.put(2, "ISLAND")
    assert (counter.situation(1).rate, counter.situation(2).rate) == (None, rate)


def test_the_last_purchase_that_counts_is_before_this_month(make):
    """Blocks of skipped months are counted from it, whatever was bought since."""
    counter = make(a_tariff(ENERGY), start=datetime(2026, 1, 5, tzinfo=UTC))
    bought_on(counter, {(1, 6): 1, (1, 20): 1, (3, 2): 1, (3, 9): 1})
    assert counter.situation(1).last_bought == date(2026, 1, 20)


def test_the_ratio_of_a_meter_is_the_meters(make):
    counter = make(a_tariff(ENERGY), meters=())
    counter.put(1, ct_ratio=40)
    assert counter.situation(1).ct_ratio == 40


def test_local_time_is_the_sites_own_through_a_change_of_the_clock(make):
    start = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    counter = make(a_tariff(ENERGY), start=start, zone="Europe/Lisbon")
    assert counter.situation(1).at == datetime(2026, 3, 29, 0, 59, 59)
    counter.clock.move(seconds=1)
    assert counter.situation(1).at == datetime(2026, 3, 29, 2, 0)
