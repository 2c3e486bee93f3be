"""A till whose store was made by older software sells on: nothing is lost or charged twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from posapp import paths
from posapp.domain.sale import LineKind, SaleLine
from posapp.domain.standing import FeeState
from posapp.journal.facts import SaleEnded, ShiftOpened
from posapp.pricing.pack import load_pack
from posapp.store.schema import MIGRATIONS, STORE_FILE, VERSION_TABLE
from posapp.sts.meter import MeterResult
from posapp.wire.feed import TariffText
from tests.old_stores import made_older
from tests.services.counter import GRACE
from tests.services.tariff_counter import (
    TariffCounter,
    a_tariff_counter,
    close,
    counter_over,
    lines_of,
)
from tests.stores import KEY, START, Seller, StoppedClock, a_meter_number, again

PACK = "ke-standing-charge"
TEXT = (paths.resources() / "tariffs" / f"{PACK}.toml").read_text(encoding="utf-8")
CODE = load_pack(TEXT, PACK).code
OLD_LINES = (
    SaleLine(LineKind.ENERGY, "block 1", 12_500, 500, "2.50"),
    SaleLine(LineKind.FEE, "fixed_charge", 12_000),
    SaleLine(LineKind.TAX, "vat", 3_920, 0, "16"),
)
PAID, REFUSED, FRESH = 1, 2, 3  # meters


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A till's folder of version 0001, with a tariff, meters and two sales with a fee."""
    counter = a_tariff_counter(
        tmp_path, TariffText(CODE, TEXT), start=START, meters=(), shift=False
    )
    for number in (PAID, REFUSED, FRESH):
        counter.put(number, CODE)
    seller = Seller(counter.store, StoppedClock(START))
    counter.store.write(lambda unit: unit.append(ShiftOpened(1, GRACE.operator_id, 0)))
    changes = {"lines": OLD_LINES, "tariff": f"{CODE}@1", "units_tenths": 500}
    seller.sell(PAID, **changes)
    seq, _ = seller.begin(REFUSED, **changes)
    counter.store.write(lambda unit: unit.append(_refused(seq)))
    close(counter)
    folder = tmp_path / "till"
    older = made_older(
        folder / STORE_FILE, KEY, MIGRATIONS, "0001", VERSION_TABLE, tmp_path / "older"
    )
    with older.read() as connection:
        assert _tables(connection).isdisjoint({"sale_fee", "standing", "rate"})
        assert connection.exec_driver_sql("SELECT count(*) FROM sale").scalar() == 2
        assert connection.exec_driver_sql("SELECT code FROM tariff").scalars().all()
    older.close()
    return folder


def _refused(seq: int) -> SaleEnded:
    return SaleEnded(seq, SaleEnded.REFUSED, "WHY")


def _tables(connection: Connection) -> set[str]:
    rows = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {row[0] for row in rows}


@pytest.fixture
def counter(old: Path, tmp_path: Path):
    made = counter_over(again(old), tmp_path / "another", StoppedClock(START))
    made.clock.move(minutes=1)
    yield made
    close(made)


def test_what_was_there_is_there_after_the_upgrade(counter: TariffCounter):
    store = counter.store
    assert store.read(lambda reader: reader.tariff_packs(CODE)) == (TEXT,)
    found = store.read(lambda reader: reader.meter(a_meter_number(PAID)))
    assert found is not None
    assert (found.meter.tariff, found.meter.ct_ratio) == (CODE, 1)
    record = store.read(lambda reader: reader.sale_by_receipt(1))
    assert record is not None
    assert record.intent.lines == OLD_LINES
    assert (record.intent.free_tenths, record.intent.fees, record.intent.rate) == (0, (), None)
    assert store.verify_journal().broken_seq is None


def test_the_upgraded_tables_are_what_the_journal_says(counter: TariffCounter):
    result = counter.store.check_projections()
    assert result.ok, result.differences
    counter.store.rebuild()
    assert counter.store.check_projections().ok


def test_a_fee_that_was_paid_before_the_upgrade_is_not_charged_again(counter: TariffCounter):
    paid = FeeState(date(2026, 11, 19), 0)
    assert counter.situation(PAID).fees == (("fixed_charge", paid),)
    assert counter.situation(PAID).bought_tenths == 500
    assert counter.situation(REFUSED).fees == counter.situation(FRESH).fees == ()
    charged = {}
    for number in (PAID, REFUSED, FRESH):
        record = counter.sale(number, 100_000).record
        charged[number] = lines_of(record).get("fixed_charge", 0)
        assert counter.twin(number).enter(record.tokens[0]) is MeterResult.ACCEPT
    assert charged == {PAID: 0, REFUSED: 12_000, FRESH: 12_000}
    counter.clock.move(days=12)
    assert lines_of(counter.sale(PAID, 100_000).record)["fixed_charge"] == 12_000
    assert counter.store.check_projections().ok


def test_a_new_version_of_an_old_tariff_takes_over_from_it(counter: TariffCounter):
    dearer = TEXT.replace("version = 1", "version = 2", 1).replace("2013-12-01", "2026-12-01")
    counter.tell(TariffText(CODE, dearer, 2))
    assert counter.sale(FRESH, 100_000).record.intent.tariff == f"{CODE}@1"
    counter.clock.move(days=12)
    assert counter.sale(FRESH, 100_000).record.intent.tariff == f"{CODE}@2"
    counter.tell(TariffText(CODE, TEXT, 1))  # head office has loaded it again since
    assert counter.store.read(lambda reader: reader.tariff_packs(CODE)) == (dearer, TEXT, TEXT)
    counter.clock.move(minutes=1)
    assert counter.sale(FRESH, 100_000).record.intent.tariff == f"{CODE}@2"
