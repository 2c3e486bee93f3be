"""Sales under every kind of tariff, to the token that the meter takes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from posapp.domain.lease import Lease
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import LineKind, SaleState, TokenKind
from posapp.domain.standing import FeeState, Rate
from posapp.errors import Outcome, SaleError
from posapp.security_module.reference.keys import load_key_file
from posapp.sts.amounts import UNITS_PER_CURRENCY
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import decoder_key
from posapp.sts.meter import MeterResult
from posapp.sts.verify import Expectation, verify
from posapp.wire.lease import SignedLease
from tests.security_module.module_process import write_key_file
from tests.services.counter import a_configuration
from tests.services.tariff_counter import (
    BLOCKS,
    ENERGY,
    MORNING,
    VAT,
    TariffCounter,
    a_debt,
    a_standing,
    a_tariff,
    a_tariff_counter,
    close,
    fee_of,
    lines_of,
)
from tests.stores import HEAD_OFFICE, TILL_ID, a_meter_number

CHARGE = {
    "kind": "monthly_fee",
    "code": "charge",
    "amount": 200,
    "skipped_months": "add_up",
    "share": 50,
}
CHARGE_VAT = {**VAT, "of": ["charge", "energy"]}
A_DAY = {"kind": "daily_fee", "code": "service", "amount": Decimal("7.50")}
ARREARS = {"kind": "arrears", "code": "arrears", "share": 50, "share_of": "rest"}
LIFELINE = (
    {
        "kind": "per_kwh",
        "code": "lifeline",
        "price": Decimal("1.00"),
        "when": {"month_up_to": 30},
    },
    {"kind": "per_kwh", "code": "energy", "price": Decimal("2.00"), "when": {"month_above": 30}},
)
DOLLARS = {"currency": "USD", "decimals": 2, "days_max": 7}


def free(units: int = 50, *, counted: bool) -> dict[str, object]:
    return {
        "kind": "free_units",
        "code": "free_basic",
        "units": units,
        "counts_in_blocks": counted,
        "when": {"entitled": True},
    }


@pytest.fixture
def make(tmp_path: Path):
    made: list[TariffCounter] = []

    def counter(*values, **settings):
        made.append(a_tariff_counter(tmp_path / str(len(made)), *values, **settings))
        return made[-1]

    yield counter
    for one in made:
        close(one)


# ---------------------------------------------------------------- free units


@pytest.mark.parametrize(("counted", "paid_tenths"), [(True, 100), (False, 200)])
def test_free_units_are_a_token_of_their_own_before_the_credit(make, counted, paid_tenths):
    counter = make(a_tariff(free(counted=counted), BLOCKS), a_standing(1, MORNING, entitled=True))
    sold = counter.sale(1, 20_000)
    intent, twin = sold.record.intent, counter.twin(1)
    assert (intent.free_tenths, intent.units_tenths) == (500, paid_tenths)
    first, second = intent.items
    assert (first.units, first.value_minor, second.units, second.value_minor) == (
        *(500, 0),
        *(paid_tenths, 20_000),
    )
    assert first.tid < second.tid
    assert [twin.enter(token) for token in sold.record.tokens] == [MeterResult.ACCEPT] * 2
    assert twin.electricity_tenths == 500 + paid_tenths
    assert lines_of(sold.record)["free_basic"] == 0


def test_free_units_are_claimed_once_a_month_and_again_in_the_next(make):
    counter = make(a_tariff(free(counted=True), BLOCKS), a_standing(1, MORNING, entitled=True))
    assert len(counter.sale(1, 20_000).record.tokens) == 2
    again = counter.sale(1, 20_000)
    assert (len(again.record.tokens), again.record.intent.free_tenths) == (1, 0)
    counter.clock.move(days=22)
    assert counter.situation(1).free_tenths == 0
    april = counter.sale(1, 20_000)
    assert (len(april.record.tokens), april.record.intent.free_tenths) == (2, 500)
    assert april.record.intent.month_units_before == 0


def test_who_is_not_on_the_list_gets_no_free_units(make):
    counter = make(a_tariff(free(counted=True), BLOCKS), a_standing(1, MORNING), meters=(1, 2))
    for number in (1, 2):
        assert len(counter.sale(number, 20_000).record.tokens) == 1


def test_both_tokens_are_moved_on_when_the_minute_is_taken(make):
    counter = make(a_tariff(free(counted=False), ENERGY), meters=(1,))
    high = counter.sale(1, 2_000).record.intent.items[0].tid
    counter.tell(a_standing(1, MORNING, entitled=True))
    sold = counter.sale(1, 2_000)
    tids = [item.tid for item in sold.record.intent.items]
    assert high < tids[0] < tids[1]
    assert sold.record.intent.items_by_token == sold.record.intent.items


# ---------------------------------------------------------------- fees


def test_a_capped_fee_is_carried_to_the_next_sale_and_into_the_next_months(make):
    counter = make(a_tariff(CHARGE, ENERGY, CHARGE_VAT))
    first = counter.sale(1, 25_000).record
    assert lines_of(first)["charge"] == 10_870, "125.00 of 250.00, with its VAT"
    assert fee_of(first, "charge") == FeeState(date(2026, 3, 10), 9_130)
    second = counter.sale(1, 50_000).record
    assert lines_of(second)["charge"] == 9_130
    assert fee_of(second, "charge").owed_minor == 0
    third = counter.sale(1, 50_000).record
    assert "charge" not in lines_of(third)
    counter.clock.move(days=30)  # April
    april = counter.sale(1, 10_000).record
    assert lines_of(april)["charge"] == 4_348
    assert fee_of(april, "charge").owed_minor == 20_000 - 4_348
    counter.clock.move(days=61)  # May is skipped, June's sale pays it too
    june = counter.sale(1, 500_000).record
    assert june.intent.business_date == date(2026, 6, 9)
    assert lines_of(june)["charge"] == 20_000 - 4_348 + 2 * 20_000
    assert fee_of(june, "charge") == FeeState(date(2026, 6, 9), 0)


def test_a_fee_by_day_counts_from_the_first_sale_and_once_a_day(make):
    counter = make(a_tariff(A_DAY, ENERGY))
    assert "service" not in lines_of(counter.sale(1, 30_000).record)
    counter.clock.move(days=12)
    assert lines_of(counter.sale(1, 30_000).record)["service"] == 12 * 750
    counter.clock.move(hours=5)
    assert "service" not in lines_of(counter.sale(1, 30_000).record)
    counter.clock.move(hours=12)  # past midnight in Nairobi
    assert lines_of(counter.sale(1, 30_000).record)["service"] == 750


def test_the_receipt_says_what_is_still_owed_of_a_fee(make):
    counter = make(a_tariff(CHARGE, ENERGY, CHARGE_VAT))
    told = counter.receipt(counter.sale(1, 25_000))
    assert told["Charge, still owed + VAT"] == "91.30"
    told = counter.receipt(counter.sale(1, 50_000))
    assert not [left for left in told if "still owed" in left]


# ---------------------------------------------------------------- arrears


def test_arrears_are_paid_down_the_oldest_first_and_the_receipt_says_what_is_left(make):
    debts = (a_debt("water", 3_000), a_debt("rates", 10_000, date(2025, 1, 31)))
    counter = make(a_tariff(ARREARS, ENERGY), a_standing(1, MORNING, debts=debts))
    counter.clock.move(minutes=1)
    told = []
    for _ in range(4):
        sold = counter.sale(1, 10_000)
        paid = {
            line.code: line.amount_minor
            for line in sold.record.intent.lines
            if line.kind is LineKind.ARREARS
        }
        slip = counter.receipt(sold)
        left = {key.partition(",")[0]: text for key, text in slip.items() if "still owed" in key}
        told.append((paid, left))
    assert told == [
        ({"arrears rates": 5_000}, {"Rates": "50.00", "Water": "30.00"}),
        ({"arrears rates": 5_000}, {"Rates": "0.00", "Water": "30.00"}),
        ({"arrears water": 3_000}, {"Water": "0.00"}),
        ({}, {}),
    ]


# ---------------------------------------------------------------- what did not happen


@pytest.mark.parametrize(
    ("code", "state"), [("FIELD_RANGE", SaleState.REFUSED), ("MODULE_BUSY", SaleState.CANCELLED)]
)
def test_a_sale_that_came_to_nothing_gives_back_fees_free_units_and_arrears(make, code, state):
    counter = make(
        a_tariff(CHARGE, ARREARS, free(counted=True), ENERGY, VAT),
        a_standing(1, MORNING, entitled=True, debts=(a_debt("water", 90_000),)),
    )
    counter.clock.move(minutes=1)
    before = counter.situation(1)
    refusal = counter.refused(1, 50_000, code)
    assert (refusal.code, refusal.outcome) == (code, Outcome.NOT_EXECUTED)
    record = counter.store.read(lambda reader: reader.sale_by_receipt(1))
    assert record.state is state
    assert record.intent.fees and record.intent.free_tenths == 500
    assert {"charge", "arrears water"} <= set(lines_of(record))
    assert counter.situation(1) == before
    sold = counter.sale(1, 50_000).record.intent
    assert (sold.lines, sold.fees, sold.free_tenths) == (
        record.intent.lines,
        record.intent.fees,
        500,
    )


def test_a_sale_whose_outcome_is_not_known_keeps_what_it_took(make):
    counter = make(
        a_tariff(CHARGE, ARREARS, free(counted=True), ENERGY, VAT),
        a_standing(1, MORNING, entitled=True, debts=(a_debt("water", 90_000),)),
    )
    counter.clock.move(minutes=1)
    lost = counter.refused(1, 50_000, "MODULE_TIMEOUT", Outcome.UNKNOWN)
    assert lost.outcome is Outcome.UNKNOWN
    now = counter.situation(1)
    assert now.free_tenths == 500
    assert now.fee("charge").through == date(2026, 3, 10)
    assert now.debts[0].balance_minor < 90_000


# ---------------------------------------------------------------- other meters


def test_a_meter_that_counts_money_gets_a_token_that_carries_it(make, tmp_path):
    shop = {"kind": "channel_fee", "code": "channel", "percent": 10, "least": 5}
    credit = {"kind": "credit", "code": "credit"}
    counter = make(a_tariff(shop, credit, {**VAT, "of": ["credit"]}))
    sold = counter.sale(1, 10_000)
    (item,) = sold.record.intent.items
    assert (item.kind, item.subclass) == (TokenKind.CREDIT, 4)
    assert sold.record.intent.units_tenths == 0
    assert lines_of(sold.record) == {"channel": 1_000, "credit": 7_826, "vat": 1_174}
    configuration = a_configuration(1)
    keys = load_key_file(write_key_file(tmp_path / "keys.json"))
    key = next(k for k in keys if (k.sgc, k.krn) == (configuration.sgc, configuration.krn))
    secret = decoder_key(key, a_meter_number(1), configuration.ti, configuration.ea)
    expected = Expectation(MORNING, configuration.base_date)
    found = verify(sold.record.tokens[0], secret, configuration.ea, sample_tables(), expected)
    assert found.plausible and found.token.subclass == 4
    assert found.token.units == item.units
    # A token of this size carries hundredths: what is written on it is the next one up.
    assert 0 <= item.units - 7_826 * UNITS_PER_CURRENCY // 100 < UNITS_PER_CURRENCY // 100
    twin = counter.twin(1)
    assert twin.enter(sold.record.tokens[0]) is MeterResult.ACCEPT
    assert twin.registers.credit == {4: item.units}
    told = counter.receipt(sold)
    assert told["CREDIT"] == "KSh 78.26"
    assert not [left for left in told if "kWh" in left]
    assert counter.situation(1).bought_tenths == 0


def test_a_meter_behind_transformers_gets_its_units_divided(make):
    counter = make(a_tariff(ENERGY), meters=())
    counter.put(1, ct_ratio=40)
    sold = counter.sale(1, 805_000)  # 402.5 kWh; the grid is 4 kWh
    intent = sold.record.intent
    assert (intent.units_tenths, intent.items[0].units) == (4_040, 101)
    twin = counter.twin(1)
    assert twin.enter(sold.record.tokens[0]) is MeterResult.ACCEPT
    assert twin.electricity_tenths == 101
    told = counter.receipt(sold)
    assert told["UNITS"] == "404.0 kWh"
    assert told["Added on the meter"] == "10.1 kWh"
    assert counter.situation(1).bought_tenths == 4_040


# ---------------------------------------------------------------- a cliff


def test_a_lifeline_is_lost_for_the_whole_month_and_no_sum_is_kept_for_nothing(make):
    counter = make(a_tariff(*LIFELINE))
    with pytest.raises(SaleError) as gap:
        counter.sale(1, 4_500)
    assert gap.value.code == "AMOUNT_IN_GAP"
    assert (gap.value.params["lower_minor"], gap.value.params["lower_tenths"]) == (3_000, 300)
    assert gap.value.params["upper_minor"] == 6_020
    assert counter.sale(1, 3_000).record.intent.units_tenths == 300
    with pytest.raises(SaleError) as least:
        counter.sale(1, 2_000)
    assert (least.value.code, least.value.params["minimum_minor"]) == (
        "AMOUNT_BELOW_MINIMUM",
        3_020,
    )
    crossing = counter.sale(1, 5_000).record
    assert crossing.intent.units_tenths == 100, "30 for what was cheap, 20 for 10 kWh"
    assert crossing.intent.month_units_before == 300
    counter.clock.move(days=25)
    assert counter.sale(1, 3_000).record.intent.units_tenths == 300, "a new month, a new lifeline"


# ---------------------------------------------------------------- another currency


def pegged(**head):
    return a_tariff({**ENERGY, "price": Decimal("0.35")}, pegged=DOLLARS, **head)


def test_prices_in_dollars_sell_only_with_a_rate_of_these_days_and_the_sale_keeps_it(make):
    counter = make(pegged())
    assert refusal_of(counter, 10_000) == "RATE_MISSING"
    counter.tell(Rate("USD", Decimal("129.24"), date(2026, 3, 2)))
    assert refusal_of(counter, 10_000) == "RATE_OLD"
    rate = Rate("USD", Decimal("129.24"), date(2026, 3, 3))
    counter.tell(rate)
    sold = counter.sale(1, 45_230)
    assert sold.record.intent.rate == rate
    assert sold.record.intent.units_tenths == 100, "45.23 each"
    assert counter.receipt(sold)["1 USD = 129.24"] == "03.03.2026"
    assert counter.store.read(lambda reader: reader.sale_by_receipt(1)).intent.rate == rate


def refusal_of(counter, amount_minor):
    with pytest.raises(SaleError) as caught:
        counter.sale(1, amount_minor)
    return caught.value.code


# ---------------------------------------------------------------- what moved since the quote


def test_whatever_moved_since_the_quote_is_named_and_sells_nothing(make):
    rate = Rate("USD", Decimal("129.24"), date(2026, 3, 9))
    tariff = a_tariff(ARREARS, free(counted=True), ENERGY, average_months=3)
    counter = make(tariff, rate, meters=(1, 2))
    names = []
    for what in (
        lambda: counter.tell(a_standing(1, MORNING, debts=(a_debt("water", 1_000),))),
        lambda: counter.tell(a_standing(1, MORNING, entitled=True)),
        lambda: counter.tell(a_standing(1, MORNING, average_tenths=800)),
        lambda: counter.put(1, ct_ratio=2),
        lambda: counter.put(2),
    ):
        names.append(counter.overtaken(1, 10_000, what))
    assert names == ["debts", "entitled,debts", "average_tenths,entitled", "meter", ""]
    assert counter.overtaken(2, 10_000, lambda: counter.sale(2, 2_000)) == "bought_tenths"
    assert counter.overtaken(2, 10_000, lambda: counter.clock.move(minutes=10)) == "QUOTE_EXPIRED"
    counter.sale(2, 10_000)
    assert counter.overtaken(2, 10_000, lambda: counter.clock.move(minutes=-1)) == ""
    assert counter.overtaken(2, 10_000, lambda: counter.clock.move(minutes=-2)) == "CLOCK_BACK"


def test_a_lease_that_was_used_up_or_ran_out_since_the_quote_sells_nothing(make):
    counter = make(a_tariff(ENERGY), meters=(1, 2))
    until = MORNING + timedelta(minutes=2)
    lease = Lease(3, 30_000, 30_000, 100, until)
    counter.tell(SignedLease.sign(TILL_ID, lease, HEAD_OFFICE))
    assert counter.overtaken(1, 20_000, lambda: counter.sale(2, 20_000)) == "FLOAT_TOO_LOW"
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(minutes=3)) == "LEASE_EXPIRED"


def test_a_new_rate_is_named(make):
    counter = make(pegged(), Rate("USD", Decimal("129.24"), date(2026, 3, 9)))
    newer = Rate("USD", Decimal("129.24"), date(2026, 3, 10))  # the same price on another day
    assert counter.overtaken(1, 10_000, lambda: counter.tell(newer)) == "rate"


def test_a_price_that_changed_with_the_hour_is_named(make):
    dated = {
        **{k: v for k, v in ENERGY.items() if k != "price"},
        "prices": [
            {"from": date(2026, 1, 1), "price": Decimal("20.00")},
            {"from": datetime(2026, 3, 10, 9, 3), "price": Decimal("21.00")},
        ],
    }
    counter = make(a_tariff(dated))
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(minutes=2)) == ""
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(minutes=1)) == "price"


def test_the_month_that_turned_at_midnight_is_named(make):
    last = datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC)  # 23:59:59 in Nairobi
    counter = make(a_tariff(CHARGE, ENERGY, CHARGE_VAT), start=last - timedelta(hours=1))
    counter.sale(1, 100_000)
    counter.clock.moment = last
    march = counter.sale(1, 10_000).record.intent
    assert march.business_date == date(2026, 3, 31)
    assert "charge" not in {line.code for line in march.lines}
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(seconds=1)) == (
        "day,bought_tenths,average_tenths,last_bought"
    )
    april = counter.sale(1, 10_000).record.intent
    assert (april.business_date, april.month_units_before) == (date(2026, 4, 1), 0)
    assert "charge" in {line.code for line in april.lines}


def test_a_day_that_turned_is_named(make):
    counter = make(a_tariff(A_DAY, ENERGY), start=datetime(2026, 3, 10, 20, 58, tzinfo=UTC))
    counter.sale(1, 10_000)
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(minutes=2)) == "day"


# ---------------------------------------------------------------- versions of a tariff


def two_versions(at: datetime):
    dear = {**ENERGY, "price": Decimal("40.00")}
    return a_tariff(ENERGY), a_tariff(dear, version=2, effective_from=at)


def version_at(counter, moment: datetime) -> int:
    counter.clock.moment = moment
    pack = counter.context(1).pack
    return 0 if pack is None else pack.version


def test_a_new_version_begins_at_its_own_instant_and_is_named(make):
    counter = make(*two_versions(datetime(2026, 3, 10, 9, 2)))
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(seconds=119)) == ""
    assert counter.overtaken(1, 10_000, lambda: counter.clock.move(seconds=1)) == "tariff"
    sold = counter.sale(1, 10_000).record
    assert (sold.intent.tariff, sold.intent.units_tenths) == ("TEST@2", 25)
    slip = counter.receipt(counter.sale(1, 10_000))
    assert slip["Tariff"] == "Test tariff, TEST@2"


def test_a_version_of_a_day_begins_at_the_shops_own_midnight(make):
    counter = make(*two_versions(date(2026, 4, 1)))
    assert version_at(counter, datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC)) == 1
    assert version_at(counter, datetime(2026, 3, 31, 21, 0, tzinfo=UTC)) == 2


def test_a_version_begins_once_where_the_clock_is_put_back_over_it(make):
    counter = make(
        *two_versions(datetime(2026, 10, 25, 1, 30)),
        start=datetime(2026, 10, 24, 12, tzinfo=UTC),
        zone="Europe/Lisbon",
    )
    hours = [(0, 29), (0, 30), (0, 59), (1, 0), (1, 29), (1, 30), (2, 0)]
    moments = [datetime(2026, 10, 25, *hour, tzinfo=UTC) for hour in hours]
    assert [version_at(counter, moment) for moment in moments] == [1, 2, 2, 2, 2, 2, 2]


def test_a_version_begins_at_once_where_the_clock_jumps_over_it(make):
    counter = make(
        *two_versions(datetime(2026, 3, 29, 1, 30)),
        start=datetime(2026, 3, 28, 12, tzinfo=UTC),
        zone="Europe/Lisbon",
    )
    assert version_at(counter, datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)) == 1
    assert version_at(counter, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)) == 2


def test_between_two_versions_nothing_is_sold_and_after_the_last_one_neither(make):
    counter = make(
        a_tariff(ENERGY, effective_until=date(2026, 4, 1)),
        a_tariff(
            ENERGY, version=2, effective_from=date(2026, 4, 2), effective_until=date(2026, 5, 1)
        ),
    )
    for moment, version in ((31, 1), (32, 0), (33, 2), (61, 2), (62, 0)):
        noon = datetime(2026, 2, 28, 9, tzinfo=UTC) + timedelta(days=moment)
        assert version_at(counter, noon) == version, noon
        problem = counter.context(1).problem
        assert (problem is None) == bool(version)
        assert problem is None or problem.code == "TARIFF_NOT_EFFECTIVE"


def test_a_corrected_version_takes_over_from_its_own_day_backwards_in_number_only(make):
    """Three versions, the second one withdrawn by a third that begins before it."""
    dear = {**ENERGY, "price": Decimal("40.00")}
    counter = make(
        *two_versions(date(2026, 4, 1)),
        a_tariff(dear, version=3, effective_from=date(2026, 3, 15)),
    )
    days = [(3, 14, 1), (3, 15, 3), (4, 1, 3)]
    for month, day, version in days:
        assert version_at(counter, datetime(2026, month, day, 9, tzinfo=UTC)) == version


def test_a_sale_names_the_version_under_which_it_was_quoted_even_after_it_is_gone(make):
    counter = make(*two_versions(date(2026, 4, 1)))
    sold = counter.sale(1, 10_000)
    counter.clock.move(days=30)
    record = counter.store.read(lambda reader: reader.sale_by_receipt(1))
    assert record.intent.tariff == sold.record.intent.tariff == "TEST@1"
    assert MeterNumber(record.intent.meter) == a_meter_number(1)
