"""The journal is the truth: everything projected from it comes out the same a second time."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from posapp.domain.sale import SaleState
from posapp.domain.standing import FeeState, Rate
from posapp.errors import StoreError
from posapp.journal.facts import (
    ClockCorrected,
    SaleEnded,
    SaleRetimed,
    SaleUncertain,
    ShiftClosed,
    ShiftOpened,
)
from posapp.store import rebuild
from posapp.store.schema import PROJECTED, SEQ_BITS
from posapp.store.store import SqlStore
from tests.stores import Seller, StoppedClock, a_store, again

SEQS = (1 << SEQ_BITS) - 1  # the part of a place that counts within its epoch


FEES = (("service", FeeState(date(2026, 11, 19), 9_130)), ("rent", FeeState(None, 5)))
# What sales of older software have not: free units, fees, a rate, a title.
NEWER: tuple[dict[str, Any], ...] = (
    {},
    {"free_tenths": 500, "fees": FEES},
    {"rate": Rate("USD", Decimal("129.24"), date(2026, 11, 18)), "invoice": ("RECEIPT", "")},
)


def a_busy_day(store: SqlStore, clock: StoppedClock, sales: int = 40, seed: int = 5) -> None:
    """Sales that end in every way, in shifts, with retimings and recoveries mixed in."""
    chance = random.Random(seed)
    seller = Seller(store, clock)
    store.write(lambda unit: unit.append(ShiftOpened(1, 3, 100_000)))
    waiting = []
    for number in range(sales):
        clock.move(seconds=chance.randrange(5, 300))
        seq, sale = seller.begin(number % 9 + 1, **NEWER[number % len(NEWER)])
        end = chance.choice(["sell", "sell", "sell", "refuse", "cancel", "retime", "wait"])
        if end == "retime":
            seller.tid += 1000
            items = tuple(replace(item, tid=seller.tid) for item in sale.items)
            fact = SaleRetimed(sale.sale_id, items, sale.sequence + 1)
            store.write(lambda unit, fact=fact: unit.append(fact))  # type: ignore[misc]
            sale = replace(sale, items=items)
        if end in ("sell", "retime"):
            seller.end(seq, sale)
            store.write(
                lambda unit, sale=sale: unit.set_sale_state(sale.sale_id, SaleState.REVEALED)  # type: ignore[misc]
            )
        elif end == "wait":
            store.write(lambda unit, seq=seq: unit.append(SaleUncertain(seq, "LOST")))  # type: ignore[misc]
            waiting.append((seq, sale))
        else:
            how = SaleEnded.REFUSED if end == "refuse" else SaleEnded.CANCELLED
            store.write(lambda unit, seq=seq, how=how: unit.append(SaleEnded(seq, how, "WHY")))  # type: ignore[misc]
    for seq, sale in waiting[:-1]:
        seller.end(seq, sale)
    store.write(lambda unit: unit.append(ClockCorrected(1, 2)))
    store.write(lambda unit: unit.append(ShiftClosed(1, 3, 1, 2, ((1, 1),), "late", 9, 0)))


def _dump(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    def read(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
        return {
            table: [tuple(r) for r in connection.exec_driver_sql(f"SELECT * FROM {table}")]
            for table in (*(name for name, _, _ in PROJECTED), "till")
        }

    return store.look(read)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("busy")
    clock = StoppedClock()
    made = a_store(folder, clock)
    a_busy_day(made, clock)
    made.close()
    return folder


@pytest.fixture
def store(tmp_path: Path, busy: Path):
    shutil.copytree(busy, tmp_path, dirs_exist_ok=True)
    opened = again(tmp_path)
    yield opened
    opened.close()


def test_a_rebuild_beside_the_store_finds_it_equal_bit_for_bit(store: SqlStore, tmp_path: Path):
    before = sorted(path.name for path in tmp_path.iterdir())
    result = store.check_projections()
    head = store.read(lambda reader: reader.head())
    assert result == rebuild.Rebuild(head.seq)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE sale SET amount_minor = amount_minor + 1 WHERE receipt = 3", "sale"),
        ("UPDATE posting SET amount_minor = -1 WHERE account = 11", "posting"),
        ("DELETE FROM token WHERE place = (SELECT max(place) FROM token)", "token"),
        ("UPDATE sale_line SET rate = '16.5' WHERE n = 0 AND rate = '16.50'", "sale_line"),
        ("INSERT INTO tid VALUES ('45000000000', 2014, 9, 0, 1)", "tid"),
        ("UPDATE shift SET counted_minor = 5", "shift"),
        ("UPDATE sale SET free_tenths = 0 WHERE free_tenths > 0", "sale"),
        ("UPDATE sale_fee SET owed_minor = 0 WHERE owed_minor = 9130", "sale_fee"),
        ("DELETE FROM sale_fee WHERE code = 'fixed fee'", "sale_fee"),
        ("UPDATE till SET vended_minor = vended_minor - 1", "till.vended_minor"),
    ],
)
def test_a_changed_row_is_found_and_repaired(store: SqlStore, statement: str, where: str):
    truth = _dump(store)
    store.transaction(lambda c: c.exec_driver_sql(statement))
    store.close()
    reopened = again(store.folder)
    differences = reopened.check_projections().differences
    assert differences and all(text.startswith(where) for text in differences)
    reopened.rebuild()
    assert _dump(reopened) == truth
    assert reopened.check_projections().ok
    Seller(reopened, seed=99).begin(3)
    assert reopened.check_projections().ok
    reopened.close()


def test_a_sales_free_units_and_fees_are_in_the_tables_and_old_fees_by_their_lines(
    store: SqlStore,
):
    rows = _dump(store)["sale_fee"]
    states = {(code, through, owed) for _, code, through, owed in rows}
    day = date(2026, 11, 19).toordinal()
    assert states == {("service", day, 9_130), ("rent", 0, 5), ("fixed fee", day, 0)}
    free = store.look(
        lambda c: c.exec_driver_sql("SELECT DISTINCT free_tenths FROM sale ORDER BY 1").all()
    )
    assert free == [(0,), (500,)]


def test_a_repair_keeps_what_is_no_fact(store: SqlStore):
    truth = _dump(store)
    assert any(row for row in truth["sale"] if 2 in row)
    store.rebuild()
    assert _dump(store) == truth


def test_differences_name_keys_and_never_values(store: SqlStore):
    store.transaction(
        lambda c: c.exec_driver_sql("UPDATE token SET digits = '99999999999999999999'")
    )
    text = " ".join(store.check_projections().differences)
    assert "9999" not in text


def test_a_journal_with_a_hole_is_not_rebuilt_from(store: SqlStore):
    def cut(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TRIGGER journal_stays")
        connection.exec_driver_sql(f"DELETE FROM journal WHERE place & {SEQS} = 7")

    store.transaction(cut)
    for work in (store.check_projections, store.rebuild):
        with pytest.raises(StoreError) as caught:
            work()
        assert caught.value.code == "STORE_DAMAGED"
    verdict = store.verify_journal()
    assert verdict.head.seq < store.read(lambda reader: reader.head()).seq
    assert verdict.broken_seq is not None


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        (f"UPDATE journal SET entry = CAST(entry || x'00' AS BLOB) WHERE place & {SEQS} = 5", 5),
        (f"DELETE FROM journal WHERE place & {SEQS} = 9", 9),
        ("DELETE FROM journal WHERE place = (SELECT max(place) FROM journal)", None),
        ("UPDATE till SET seq = seq - 1", None),
    ],
)
def test_verify_finds_the_first_broken_link(store: SqlStore, change: str, seq: int | None):
    last = store.read(lambda reader: reader.head()).seq

    def tamper(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TRIGGER journal_stays")
        connection.exec_driver_sql("DROP TRIGGER journal_keeps")
        connection.exec_driver_sql(change)

    assert store.verify_journal().broken_seq is None
    store.transaction(tamper)
    verdict = store.verify_journal()
    assert verdict.broken_seq in ((seq,) if seq else (last, last + 1))


def test_two_entries_that_changed_places_are_found(store: SqlStore):
    def swap(connection: Connection) -> None:
        run = connection.exec_driver_sql
        run("DROP TRIGGER journal_keeps")
        first, second = run("SELECT place FROM journal ORDER BY place LIMIT 2 OFFSET 10").scalars()
        run("UPDATE journal SET place = 1 WHERE place = ?", (first,))
        run("UPDATE journal SET place = ? WHERE place = ?", (first, second))
        run("UPDATE journal SET place = ? WHERE place = 1", (second,))

    store.transaction(swap)
    assert store.verify_journal().broken_seq == 11
