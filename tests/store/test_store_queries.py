"""Questions about days, shifts, months and what waits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from posapp.domain.sale import LineKind, SaleLine
from posapp.journal.facts import SaleEnded, SaleUncertain, ShiftClosed, ShiftOpened
from posapp.ports import MeterHistory, Reader
from posapp.store.store import SqlStore
from tests.stores import Seller, StoppedClock, a_meter_number, a_store

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
NO_FEE = (SaleLine(LineKind.ENERGY, "energy", 20_000, 93, "20"),)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def store(tmp_path: Path, clock: StoppedClock):
    made = a_store(tmp_path, clock)
    yield made
    made.close()


def test_the_sales_of_a_day_come_in_pages(store: SqlStore):
    seller = Seller(store)
    for number in range(7):
        seller.sell(number + 1)
    seller.sell(1, business_date=date(2026, 11, 20))
    seller.begin(2)
    day = date(2026, 11, 19)
    pages, after = [], 0
    while page := store.read(lambda r, a=after: r.sales_on(day, 3, a)):  # type: ignore[misc]
        pages.append([record.intent.receipt for record in page])
        after = page[-1].intent_seq
    assert pages == [[1, 2, 3], [4, 5, 6], [7, 9]]
    assert len(store.read(lambda reader: reader.sales_on(date(2026, 11, 20), 9))) == 1
    assert store.read(lambda reader: reader.sales_on(date(2026, 11, 18), 9)) == ()


def test_the_sales_of_a_shift(store: SqlStore):
    seller = Seller(store)
    seller.sell(1)
    seller.sell(2, shift=2)
    records = store.read(lambda reader: reader.sales_of_shift(2, 9))
    assert [record.intent.receipt for record in records] == [2]
    after = records[0].intent_seq
    assert store.read(lambda reader: reader.sales_of_shift(2, 9, after)) == ()


def test_a_month_counts_sold_and_open_sales_but_no_refused_ones(store: SqlStore):
    seller = Seller(store)
    number = a_meter_number(1)

    def month(of: date) -> int:
        return store.read(lambda r: r.history(number, of, 12, None).bought_tenths)

    assert month(NOVEMBER) == 0
    seq, _ = seller.begin(lines=NO_FEE)
    assert month(NOVEMBER) == 93
    store.write(lambda unit: unit.append(SaleUncertain(seq, "LOST")))
    assert month(NOVEMBER) == 93
    store.write(lambda unit: unit.append(SaleEnded(seq, SaleEnded.REFUSED, "x")))
    assert month(NOVEMBER) == 0
    seller.sell()
    seller.begin()
    seller.sell(business_date=date(2026, 12, 1))
    seller.sell(2)
    assert month(NOVEMBER) == 186
    assert month(DECEMBER) == 93
    assert month(date(2027, 1, 1)) == 0


def test_shifts_belong_to_the_shops_own_day(store: SqlStore, clock: StoppedClock):
    """Nairobi is three hours ahead: 21:30 UTC is already tomorrow there."""
    clock.moment = datetime(2026, 11, 19, 20, 30, tzinfo=UTC)
    store.write(lambda unit: unit.append(ShiftOpened(1, 3, 0)))
    clock.moment = datetime(2026, 11, 19, 21, 30, tzinfo=UTC)
    store.write(lambda unit: unit.append(ShiftClosed(1, 3, 0, 0, (), "", 0, 0)))
    store.write(lambda unit: unit.append(ShiftOpened(2, 3, 0)))

    def on(day: int) -> list[int]:
        found = store.read(lambda reader: reader.shifts_on(date(2026, 11, day)))
        return [shift.number for shift in found]

    assert (on(18), on(19), on(20), on(21)) == ([], [1], [2], [])
    Seller(store, clock).sell(1, shift=1, business_date=date(2026, 11, 20))
    assert (on(19), on(20)) == ([1], [1, 2])


def test_an_empty_store_answers_everything(store: SqlStore):
    def everything(reader: Reader) -> list[object]:
        number = a_meter_number(1)
        return [
            reader.acknowledged_seq(), reader.lease(), reader.vended_total_minor(),
            reader.operators(), reader.tariff_packs("x"), reader.tariff_codes(),
            reader.meter(number), reader.search_digits("45", 5), reader.search_words(["a"], 5),
            reader.recent_meters(5), reader.sale(bytes(16)), reader.sale_by_receipt(1),
            reader.open_sales(), reader.last_sale(), reader.open_shift(), reader.shift(1),
            reader.shifts_on(NOVEMBER), reader.last_shift_number(), reader.customer_name(1),
            reader.print_jobs([], 5), reader.print_job(1), reader.print_jobs_of_sale(bytes(16)),
            reader.print_counts(1), reader.history(number, NOVEMBER, 3, None),
            reader.standing(number), reader.rate("USD"), reader.last_sale_of(number),
        ]  # fmt: skip

    answers = store.read(everything)
    assert [a for a in answers if a] == [(0, 0), MeterHistory()]
