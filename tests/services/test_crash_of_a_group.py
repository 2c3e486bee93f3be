"""A till dies at each step of an order of many tokens; the money and the tokens stay one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.engineering import Task, Work
from posapp.domain.sale import SaleState, Tender, TenderKind
from posapp.errors import InputError
from posapp.ports import SaleRecord
from posapp.services.take_payment import Due, Purpose
from posapp.sts.meter import MeterResult
from tests.services.counter import GRACE
from tests.services.order_counter import (
    an_order_counter,
    consent,
    desk_of,
    due_for_another_key,
    entered,
    started_again,
)
from tests.services.tariff_counter import TariffCounter
from tests.stores import a_meter_number

ACCEPT = MeterResult.ACCEPT.value
NUMBER = a_meter_number(2)


class PowerCut(BaseException):
    """No code of ours may catch it: the process is gone."""


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        due_for_another_key(made, 2)
        yield made


def a_group(counter: TariffCounter) -> None:
    counter.sale(2, 46_000)


def a_free_issue(counter: TariffCounter) -> None:
    desk_of(counter).give_credit.free(NUMBER, 100, GRACE.operator_id, consent("hardship"))


def a_key_change(counter: TariffCounter) -> None:
    desk_of(counter).change_key(NUMBER, GRACE.operator_id)


def a_power_limit(counter: TariffCounter) -> None:
    work = Work(Task.POWER_LIMIT, "WO-1", 2_500)
    desk_of(counter).engineer(NUMBER, work, GRACE.operator_id, consent("seal"))


# (what is asked for, tokens, minor units, tenths of a kWh on the meter afterwards)
ORDERS: list[tuple[Callable[[TariffCounter], None], int, int, int]] = [
    (a_group, 3, 46_000, 200),
    (a_free_issue, 3, 0, 100),
    (a_key_change, 2, 0, 0),
    (a_power_limit, 1, 0, 0),
]


def cut_in_the_write(counter: TariffCounter, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes while the `count`-th write from now is under way: it is not there."""
    write, calls = counter.store.write, []

    def dying(work: Any, *urgency: Any) -> Any:
        calls.append(work)
        if len(calls) < count:
            return write(work, *urgency)

        def half(uow: Any) -> None:
            work(uow)
            raise PowerCut

        return write(half, *urgency)

    monkeypatch.setattr(counter.store, "write", dying)


def cut_at_the_module(
    counter: TariffCounter, monkeypatch: pytest.MonkeyPatch, *, made: bool
) -> None:
    """The power goes just before the module makes the tokens, or just after."""
    engine = counter.driver.engine  # type: ignore[union-attr]
    issue = engine.issue

    def dying(order: Any) -> Any:
        if made:
            issue(order)
        raise PowerCut

    monkeypatch.setattr(engine, "issue", dying)


def the_record(counter: TariffCounter) -> SaleRecord | None:
    return counter.store.read(lambda reader: reader.sale_by_receipt(1))


def dies(counter: TariffCounter, act: Callable[[TariffCounter], None]) -> None:
    with pytest.raises(PowerCut):
        act(counter)


@pytest.mark.parametrize(("act", "tokens", "minor", "tenths"), ORDERS)
@pytest.mark.parametrize("made", [False, True], ids=["before", "after"])
def test_a_cut_at_the_module_is_finished_with_the_same_tokens(
    counter: TariffCounter,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[TariffCounter], None],
    tokens: int,
    minor: int,
    tenths: int,
    made: bool,
):
    cut_at_the_module(counter, monkeypatch, made=made)
    dies(counter, act)
    monkeypatch.undo()
    started_again(counter)
    open_record = the_record(counter)
    assert open_record is not None and open_record.state is SaleState.INTENT
    assert [r.intent.receipt for r in counter.recover().resolved] == [1]
    record = the_record(counter)
    assert record is not None and record.state is SaleState.ISSUED
    assert record.intent == open_record.intent, "never another TID"
    assert (len(record.tokens), record.intent.amount_minor) == (tokens, minor)
    twin = counter.twin(2)
    assert entered(twin, record.tokens)[-1] == ACCEPT
    assert twin.electricity_tenths == tenths
    assert counter.store.read(lambda r: r.vended_total_minor()) == minor
    jobs = counter.store.read(lambda r: r.print_jobs_of_sale(record.intent.sale_id))
    assert [job.copy_no for job in jobs] == [0], "one original"
    assert counter.recover().resolved == ()


@pytest.mark.parametrize(("act", "tokens", "minor", "tenths"), ORDERS)
def test_a_cut_while_the_outcome_is_written_loses_no_token(
    counter: TariffCounter,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[TariffCounter], None],
    tokens: int,
    minor: int,
    tenths: int,
):
    signed = act in (a_free_issue, a_power_limit)
    cut_in_the_write(counter, 4 if signed else 2, monkeypatch)  # a PIN takes two writes
    dies(counter, act)
    monkeypatch.undo()
    started_again(counter)
    assert len(counter.recover().resolved) == 1
    record = the_record(counter)
    assert record is not None and len(record.tokens) == tokens
    twin = counter.twin(2)
    entered(twin, record.tokens)
    assert twin.electricity_tenths == tenths
    assert counter.store.read(lambda r: r.vended_total_minor()) == minor


@pytest.mark.parametrize(("act", "tokens"), [order[:2] for order in ORDERS])
def test_a_cut_while_the_intent_is_written_is_nothing_at_all(
    counter: TariffCounter,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[TariffCounter], None],
    tokens: int,
):
    signed = act in (a_free_issue, a_power_limit)
    before = counter.store.read(lambda r: r.head().seq)
    cut_in_the_write(counter, 3 if signed else 1, monkeypatch)
    dies(counter, act)
    monkeypatch.undo()
    started_again(counter)
    assert counter.store.read(lambda r: r.head().seq) == before, "no signature without its order"
    assert counter.recover().resolved == ()
    act(counter)
    record = the_record(counter)
    assert record is not None and len(record.tokens) == tokens


def test_a_payment_is_whole_or_not_there(counter: TariffCounter, monkeypatch: pytest.MonkeyPatch):
    def pay(counter: TariffCounter) -> None:
        dues, cash = (Due(Purpose.ACCOUNT, 500),), (Tender(TenderKind.CASH, 500),)
        desk_of(counter).take_payment(NUMBER, dues, cash, GRACE.operator_id)

    cut_in_the_write(counter, 1, monkeypatch)
    dies(counter, pay)
    monkeypatch.undo()
    started_again(counter)
    assert the_record(counter) is None
    assert counter.store.read(lambda r: r.vended_total_minor()) == 0
    pay(counter)
    assert counter.store.read(lambda r: r.open_sales()) == ()
    assert counter.store.read(lambda r: r.vended_total_minor()) == 500


def test_a_void_is_whole_or_the_sale_stands(
    counter: TariffCounter, monkeypatch: pytest.MonkeyPatch
):
    sold = counter.sale(1, 46_000)
    sale_id = sold.record.intent.sale_id

    def void(counter: TariffCounter) -> None:
        desk_of(counter).void(sale_id, GRACE.operator_id, consent("wrong customer"))

    cut_in_the_write(counter, 3, monkeypatch)  # a PIN takes two
    dies(counter, void)
    monkeypatch.undo()
    started_again(counter)
    record = the_record(counter)
    assert record is not None and record.state is SaleState.ISSUED
    jobs = counter.store.read(lambda r: r.print_jobs_of_sale(sale_id))
    assert jobs[0].state.value == "queued"
    with pytest.raises(InputError, match="VOID_TOO_LATE"):  # it may have stood on the screen
        void(counter)
    assert counter.store.read(lambda r: r.vended_total_minor()) == 46_000


def test_an_open_order_is_burnt_by_a_void_and_can_never_run(
    counter: TariffCounter, monkeypatch: pytest.MonkeyPatch
):
    cut_at_the_module(counter, monkeypatch, made=False)
    dies(counter, a_group)
    monkeypatch.undo()
    started_again(counter)
    record = the_record(counter)
    assert record is not None
    sale_id = record.intent.sale_id
    ended = desk_of(counter).void(sale_id, GRACE.operator_id, consent("left the queue"))
    assert (ended.state, ended.ended_reason) == (SaleState.CANCELLED, "BURNT")
    assert counter.recover().resolved == ()
    assert counter.store.read(lambda r: r.vended_total_minor()) == 0


def test_an_open_order_whose_tokens_exist_is_voided_unseen(
    counter: TariffCounter, monkeypatch: pytest.MonkeyPatch
):
    cut_at_the_module(counter, monkeypatch, made=True)
    dies(counter, a_group)
    monkeypatch.undo()
    started_again(counter)
    record = the_record(counter)
    assert record is not None
    sale_id = record.intent.sale_id
    ended = desk_of(counter).void(sale_id, GRACE.operator_id, consent("left the queue"))
    assert (ended.state, ended.ended_reason) == (SaleState.CANCELLED, "VOIDED")
    assert counter.store.check_projections().differences == ()
