"""One transaction: all of it or nothing, in the right order, and never two of what is one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from posapp.domain.sale import SaleState, Tender, TenderKind, TokenKind
from posapp.errors import SaleError, StoreError
from posapp.journal.facts import (
    SaleEnded,
    SaleIntended,
    SaleIssued,
    SaleRetimed,
    SaleUncertain,
    ShiftClosed,
    ShiftOpened,
    TokenItem,
)
from posapp.ports import PrintState, Reader, UnitOfWork
from posapp.store.disk import Disk
from posapp.store.store import SqlStore
from tests.stores import (
    BASE_DATE,
    MODULE_ID,
    START,
    Seller,
    StoppedClock,
    a_meter_number,
    a_store,
    again,
)


@pytest.fixture
def store(tmp_path: Path):
    made = a_store(tmp_path)
    yield made
    assert made.check_projections().differences == ()
    made.close()


def _state(store: SqlStore, sale: SaleIntended) -> SaleState:
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None
    return record.state


def _postings(store: SqlStore) -> dict[int, int]:
    statement = "SELECT account, amount_minor FROM posting"
    rows = store.look(lambda c: c.exec_driver_sql(statement).all())
    return {row[0]: row[1] for row in rows}


def test_a_sale_passes_through_its_states(store: SqlStore):
    seller = Seller(store)
    seq, sale = seller.begin()
    assert _state(store, sale) is SaleState.INTENT
    store.write(lambda unit: unit.set_sale_state(sale.sale_id, SaleState.REQUESTED))
    store.write(lambda unit: unit.set_sale_state(sale.sale_id, SaleState.REQUESTED))
    assert _state(store, sale) is SaleState.REQUESTED
    seller.end(seq, sale)
    assert _state(store, sale) is SaleState.ISSUED
    store.write(lambda unit: unit.set_sale_state(sale.sale_id, SaleState.REVEALED))
    assert _state(store, sale) is SaleState.REVEALED


@pytest.mark.parametrize("state", [SaleState.ISSUED, SaleState.REFUSED, SaleState.REVEALED])
def test_a_state_that_only_a_fact_can_bring_is_refused(store: SqlStore, state: SaleState):
    _, sale = Seller(store).begin()
    with pytest.raises(StoreError) as caught:
        store.write(lambda unit: unit.set_sale_state(sale.sale_id, state))
    assert caught.value.code == "SALE_STATE_WRONG"
    assert _state(store, sale) is SaleState.INTENT


def test_a_sale_is_read_back_as_it_was_written(store: SqlStore):
    seller = Seller(store)
    seq, sale = seller.begin()
    seller.end(seq, sale)
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None
    assert (record.intent, record.intent_seq, record.at) == (sale, seq, START)
    assert len(record.tokens) == 1 and len(record.tokens[0]) == 20
    assert record.audit_no == seq + 90_000
    assert store.read(lambda reader: reader.sale_by_receipt(1)) == record
    assert store.read(lambda reader: reader.last_sale()) == record


def test_a_failed_transaction_leaves_no_trace(store: SqlStore):
    before = store.read(lambda reader: reader.head())

    def work(unit: UnitOfWork) -> None:
        unit.append(Seller(store).intent(unit))
        unit.add_print_job("receipt", "x", b"x")
        unit.raise_clock_floor(START + timedelta(days=1))
        raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        store.write(work)
    assert store.read(lambda reader: reader.head()) == before
    assert store.read(lambda reader: reader.open_sales()) == ()
    assert store.read(lambda reader: reader.vended_total_minor()) == 0
    assert store.read(lambda reader: reader.print_jobs(list(PrintState), 9)) == ()
    assert store.read(lambda reader: reader.clock_floor()) == START
    sale = Seller(store).sell()
    assert (sale.receipt, sale.sequence) == (1, 1)


def test_a_commit_whose_error_came_after_it_was_durable_is_read_back(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
):
    """After an error of the disk, memory is not believed: the next sale goes on from the file."""
    seller = Seller(store)
    real = store._database.write

    @contextmanager
    def fails_late():
        with real() as connection:
            yield connection
        raise StoreError("STORE_DISK_ERROR")

    with monkeypatch.context() as patch:
        patch.setattr(store._database, "write", fails_late)
        with pytest.raises(StoreError):
            seller.begin(1)
    assert seller.sell(2).receipt == 2
    assert len(store.read(lambda reader: reader.open_sales())) == 1
    assert store.verify_journal().broken_seq is None


def test_what_a_failed_transaction_knew_is_forgotten(store: SqlStore):
    seller = Seller(store)
    seq, sale = seller.begin()
    later = tuple(replace(item, tid=item.tid + 500) for item in sale.items)

    def fails(unit: UnitOfWork) -> None:
        unit.append(SaleRetimed(sale.sale_id, later, 9))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(fails)
    seller.end(seq, sale)
    tid = store.look(lambda c: c.exec_driver_sql("SELECT tid FROM token").scalar_one())
    assert tid == sale.items[0].tid


def test_receipts_have_no_gaps_whatever_fails(store: SqlStore):
    seller = Seller(store)

    def fails(unit: UnitOfWork) -> None:
        unit.next_receipt()
        unit.append(seller.intent(unit))
        raise RuntimeError

    receipts = []
    for _ in range(4):
        receipts.append(seller.sell().receipt)
        with pytest.raises(RuntimeError):
            store.write(fails)
    assert receipts == [1, 2, 3, 4]


def test_a_receipt_number_cannot_be_skipped_or_used_twice(store: SqlStore):
    seller = Seller(store)
    seller.sell()
    for receipt in (1, 3):
        with pytest.raises(StoreError) as caught:
            seller.begin(receipt=receipt)
        assert caught.value.code == "RECEIPT_GAP"


def test_request_numbers_count_for_each_module(store: SqlStore):
    def work(unit: UnitOfWork) -> list[int]:
        return [unit.next_sequence(name) for name in ("A", "A", "B", "A")]

    assert store.write(work) == [1, 2, 1, 3]
    assert store.write(lambda unit: unit.next_sequence("B")) == 2


def test_a_tid_is_used_once_for_a_meter_and_base_date(store: SqlStore):
    seller = Seller(store)
    first = seller.sell(meter=1)
    with pytest.raises(SaleError) as caught:
        seller.begin(meter=1, items=first.items)
    assert caught.value.code == "TID_TAKEN"
    seller.begin(meter=2, items=first.items)  # another meter's TIDs are its own
    other_key = replace(first.configuration, base_date=2035)
    seller.begin(meter=1, items=first.items, configuration=other_key)


def test_the_high_water_mark_counts_open_and_refused_but_not_reserved(store: SqlStore):
    seller = Seller(store)
    number = a_meter_number(1)

    def high() -> int | None:
        return store.read(lambda reader: reader.tid_high_water(number, BASE_DATE))

    assert high() is None
    seq, _ = seller.begin(items=(TokenItem(TokenKind.CREDIT, 0, 100, 93, 20_000),))
    assert high() == 100
    store.write(lambda unit: unit.append(SaleEnded(seq, SaleEnded.REFUSED, "TID_WINDOW")))
    assert high() == 100
    reserved = TokenItem(TokenKind.CREDIT, 0, 1_441, 93, 20_000, reserved=True)
    seller.begin(items=(reserved,))
    assert high() == 100
    assert store.read(lambda reader: reader.tid_high_water(number, 2035)) is None
    assert store.read(lambda reader: reader.tid_high_water(a_meter_number(2), BASE_DATE)) is None


def test_a_refused_intent_takes_another_tid_as_a_new_version(tmp_path: Path):
    store = a_store(tmp_path)
    seller = Seller(store)
    _, sale = seller.begin()
    store.write(lambda unit: unit.set_sale_state(sale.sale_id, SaleState.REQUESTED))
    later = tuple(replace(item, tid=item.tid + 500) for item in sale.items)
    store.write(lambda unit: unit.append(SaleRetimed(sale.sale_id, later, 77)))
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None
    assert record.state is SaleState.INTENT
    assert record.intent == replace(sale, items=later, sequence=77)
    # A power cut later, the token is booked under the newer TID.
    store.close()
    reopened = again(tmp_path)
    issued = SaleIssued(record.intent_seq, (seller.token(),), 1)
    reopened.write(lambda unit: unit.append(issued))
    tid = reopened.look(lambda c: c.exec_driver_sql("SELECT tid FROM token").scalar_one())
    assert tid == later[0].tid
    assert reopened.check_projections().ok
    reopened.close()


def test_a_retiming_may_keep_its_own_tids(store: SqlStore):
    _, sale = Seller(store).begin()
    more = (*sale.items, replace(sale.items[0], tid=sale.items[0].tid + 9))
    store.write(lambda unit: unit.append(SaleRetimed(sale.sale_id, more, 5)))
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None and record.intent.items == more


def test_a_token_needs_an_open_sale_and_all_of_its_tokens(store: SqlStore):
    seller = Seller(store)
    seq, sale = seller.begin()
    for wrong, code in (
        (SaleIssued(seq, (), 1), "TOKENS_INCOMPLETE"),
        (SaleIssued(seq + 7, (seller.token(),), 1), "SALE_STATE_WRONG"),
    ):
        with pytest.raises(StoreError) as caught:
            store.write(lambda unit, wrong=wrong: unit.append(wrong))  # type: ignore[misc]
        assert caught.value.code == code
    seller.end(seq, sale)
    for again_ in (SaleIssued(seq, (seller.token(),), 2), SaleEnded(seq, 0, "x")):
        with pytest.raises(StoreError) as caught:
            store.write(lambda unit, again_=again_: unit.append(again_))  # type: ignore[misc]
        assert caught.value.code == "SALE_STATE_WRONG"


@pytest.mark.parametrize(("how", "state"), [(0, SaleState.REFUSED), (1, SaleState.CANCELLED)])
def test_a_sale_that_ends_without_a_token_gives_the_float_back(
    store: SqlStore, how: int, state: SaleState
):
    seq, sale = Seller(store).begin()
    assert store.read(lambda reader: reader.vended_total_minor()) == 20_000
    store.write(lambda unit: unit.append(SaleEnded(seq, how, "KEY_EXPIRED")))
    record = store.read(lambda reader: reader.sale(sale.sale_id))
    assert record is not None
    assert (record.state, record.ended_reason) == (state, "KEY_EXPIRED")
    assert store.read(lambda reader: reader.vended_total_minor()) == 0
    assert _postings(store) == {}


def test_an_unknown_outcome_holds_the_float_until_it_is_known(store: SqlStore):
    seller = Seller(store)
    seq, sale = seller.begin()
    store.write(lambda unit: unit.set_sale_state(sale.sale_id, SaleState.REQUESTED))
    store.write(lambda unit: unit.append(SaleUncertain(seq, "MODULE_LINK_LOST")))
    assert _state(store, sale) is SaleState.UNKNOWN
    assert [r.intent for r in store.read(lambda reader: reader.open_sales())] == [sale]
    assert store.read(lambda reader: reader.vended_total_minor()) == 20_000
    seller.end(seq, sale)
    assert _state(store, sale) is SaleState.ISSUED
    assert store.read(lambda reader: reader.open_sales()) == ()


def test_money_is_booked_twice_over_and_sums_to_zero(store: SqlStore):
    seller = Seller(store)
    seller.sell(tenders=(Tender(TenderKind.MOBILE, 5_000, "Q7"), Tender(TenderKind.CASH, 20_000)))
    booked = _postings(store)
    assert sum(booked.values()) == 0
    assert (booked[2], booked[1]) == (5_000, 15_000)


def test_the_journal_cannot_be_changed(store: SqlStore):
    Seller(store).sell()
    for statement in (
        "UPDATE journal SET entry = x'00'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT place, x'00', hash FROM journal",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            store.transaction(lambda c, statement=statement: c.exec_driver_sql(statement))  # type: ignore[misc]
    assert store.verify_journal().broken_seq is None


def test_one_original_of_one_receipt(store: SqlStore):
    sale = Seller(store).sell()
    with pytest.raises(IntegrityError):
        store.write(lambda unit: unit.add_print_job("receipt", "R", b"x", sale_id=sale.sale_id))
    copy = store.write(
        lambda unit: unit.add_print_job("receipt", "R", b"x", sale_id=sale.sale_id, copy_no=1)
    )
    jobs = store.read(lambda reader: reader.print_jobs_of_sale(sale.sale_id))
    assert [job.copy_no for job in jobs] == [0, 1]
    assert jobs[1].job_id == copy


def test_a_print_job_moves_and_is_counted_for_its_shift(store: SqlStore):
    seller = Seller(store)
    sale = seller.sell()
    (job,) = store.read(lambda reader: reader.print_jobs([PrintState.QUEUED], 9))
    assert (job.sale_id, job.title, job.copy_no, job.queued_at) == (
        sale.sale_id,
        "Receipt",
        0,
        START,
    )
    store.write(lambda unit: unit.set_print_job(job.job_id, PrintState.HELD, "PAPER_OUT"))
    held = store.read(lambda reader: reader.print_job(job.job_id))
    assert held is not None and (held.state, held.held) == (PrintState.HELD, "PAPER_OUT")
    assert store.read(lambda reader: reader.print_counts(1)) == (0, 0)
    for copy_no in (1, 2):
        number = store.write(
            lambda unit, copy_no=copy_no: unit.add_print_job(  # type: ignore[misc]
                "receipt", "R", b"x", sale_id=sale.sale_id, copy_no=copy_no
            )
        )
        store.write(lambda unit, n=number: unit.set_print_job(n, PrintState.PRINTED))  # type: ignore[misc]
    store.write(lambda unit: unit.set_print_job(job.job_id, PrintState.PRINTED))
    assert store.read(lambda reader: reader.print_counts(1)) == (1, 2)
    assert store.read(lambda reader: reader.print_counts(2)) == (0, 0)
    slip = store.write(lambda unit: unit.add_print_job("shift", "Shift 1", b"x"))
    waiting = store.read(lambda r: r.print_jobs([PrintState.PRINTED, PrintState.QUEUED], 9))
    assert [j.job_id for j in waiting] == [1, 2, 3, slip]
    with pytest.raises(StoreError) as caught:
        store.write(lambda unit: unit.set_print_job(99, PrintState.SENT))
    assert caught.value.code == "PRINT_JOB_MISSING"


def test_a_shift_opens_once_and_closes_once(store: SqlStore):
    opened = ShiftOpened(1, 3, 500_000)
    closed = ShiftClosed(1, 3, 519_000, 520_000, ((100_000, 5), (1_000, 19)), "short", 4, 1)
    store.write(lambda unit: unit.append(opened))
    shift = store.read(lambda reader: reader.open_shift())
    assert shift is not None and (shift.number, shift.opening_minor) == (1, 500_000)
    with pytest.raises(StoreError):
        store.write(lambda unit: unit.append(opened))
    store.write(lambda unit: unit.append(closed))
    assert store.read(lambda reader: reader.open_shift()) is None
    shift = store.read(lambda reader: reader.shift(1))
    assert shift is not None and shift.variance_minor == -1_000
    assert (shift.closed_at, shift.variance_reason) == (START, "short")
    with pytest.raises(StoreError) as caught:
        store.write(lambda unit: unit.append(closed))
    assert caught.value.code == "SHIFT_STATE_WRONG"
    assert store.read(lambda reader: reader.last_shift_number()) == 1


def test_a_unit_of_work_reads_what_it_wrote(store: SqlStore):
    seller = Seller(store)

    def work(unit: UnitOfWork) -> None:
        sale = seller.intent(unit)
        seq = unit.append(sale)
        assert unit.head().seq == seq
        assert unit.vended_total_minor() == sale.amount_minor
        assert unit.next_receipt() == 2
        assert [r.intent for r in unit.open_sales()] == [sale]
        unit.append(SaleIssued(seq, (seller.token(),), 1))
        assert unit.open_sales() == ()
        unit.raise_clock_floor(START + timedelta(hours=1))
        assert unit.clock_floor() == START + timedelta(hours=1)

    store.write(work)
    assert store.read(lambda reader: reader.clock_floor()) == START + timedelta(hours=1)


def test_the_clock_floor_only_rises(tmp_path: Path):
    clock = StoppedClock()
    store = a_store(tmp_path, clock)

    def floor(reader: Reader) -> object:
        return reader.clock_floor()

    store.write(lambda unit: unit.raise_clock_floor(START + timedelta(days=2)))
    store.write(lambda unit: unit.raise_clock_floor(START))
    clock.move(days=1)
    Seller(store, clock).sell()
    assert store.read(floor) == START + timedelta(days=2)
    clock.move(days=5)
    Seller(store, clock, seed=9).begin(2)
    assert store.read(floor) == START + timedelta(days=6)
    store.close()


def test_a_full_disk_stops_a_new_sale_but_not_the_end_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = a_store(tmp_path)
    seller = Seller(store)
    seq, sale = seller.begin()
    monkeypatch.setattr(store, "_disk", Disk(tmp_path / "till.db", 1 << 60))
    with pytest.raises(StoreError) as caught:
        seller.begin(2)
    assert caught.value.code == "DISK_FULL"
    seller.end(seq, sale)
    assert _state(store, sale) is SaleState.ISSUED
    store.close()


def test_a_sequence_is_kept_for_what_is_no_sale(store: SqlStore):
    assert store.write(lambda unit: unit.next_sequence(MODULE_ID)) == 1
    assert Seller(store).sell().sequence == 2
