"""Cash without a sale by keys, and a supervisor's signature under a close that does not agree."""

from __future__ import annotations

import pytest
from ui_town import PEOPLE, PINS, build_till

from posapp.domain.cash import CashKind
from posapp.journal.cash_facts import ModuleCount
from posapp.services.move_cash import CashWish
from posapp.ui.running import Direct
from posapp.ui.shift.cash_presenter import CashPresenter
from posapp.ui.shift.presenter import ShiftPresenter, Step

GRACE, KWAME = PEOPLE[0], PEOPLE[3]


@pytest.fixture
def till(world):
    made = build_till(world)
    made.open_shift(GRACE, 200_000)
    return made


@pytest.fixture
def cash(till):
    presenter = CashPresenter(till, Direct(), lambda _: None)
    presenter.start(GRACE)
    return presenter


@pytest.fixture
def page(till):
    presenter = ShiftPresenter(till, Direct(), lambda _: None, lambda: None)
    presenter.start(GRACE)
    return presenter


def test_a_drop_takes_an_amount_and_one_press(cash, world):
    cash.begin(CashKind.DROP)
    assert cash.state.missing == "amount"
    cash.confirm()
    assert world.given == []
    cash.type_amount("1500.50")
    cash.confirm()
    assert world.given == [("cash", GRACE.operator_id, CashWish(CashKind.DROP, 150_050))]
    assert cash.state.told is CashKind.DROP and cash.state.kind is None


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (CashKind.OUT, "reason"),
        (CashKind.DRAWER, "reason"),
        (CashKind.DEPOSIT, "reference"),
        (CashKind.RETURN, "reference"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_done(cash, world, kind, missing):
    cash.begin(kind)
    cash.type_amount("10")
    assert cash.state.missing == missing
    cash.confirm()
    assert world.given == []


def test_too_much_is_refused_in_words_and_what_was_typed_stays(cash, world):
    cash.begin(CashKind.OUT)
    cash.type_amount("9000")
    cash.type_reason("rent")
    cash.confirm()
    assert cash.state.failure.code == "CASH_NOT_THERE"
    assert (cash.state.kind, cash.state.amount, world.given) == (CashKind.OUT, "9000", [])
    cash.leave()
    assert cash.state.kind is None and cash.state.failure is None


def test_a_receipt_number_with_a_wrong_digit_gives_nothing_back(cash, world):
    cash.begin(CashKind.RETURN)
    cash.type_amount("10")
    cash.type_reason("no token")
    cash.type_reference("K7M2-0000002-0")
    cash.confirm()
    assert cash.state.failure.code.startswith("RECEIPT") and world.given == []


def test_another_person_types_another_pin(page, world):
    world.counted_tokens = ModuleCount("M", 0, 9, 2, 1, (7,))
    page.count(((100_000, 2),))
    page.confirm()
    page.sign_with(KWAME.operator_id)
    page.type_pin("1234")
    page.sign_with(GRACE.operator_id)
    assert page.state.pin == ""


def test_an_x_prints_at_any_time(cash, world):
    cash.print_x()
    assert cash.state.x_printed and world.given == [("x",)]


def test_a_module_that_disagrees_waits_for_a_supervisor(page, world):
    world.counted_tokens = ModuleCount("M", 0, 9, 2, 1, (7,))
    page.count(((100_000, 2),))
    page.confirm()
    assert page.state.step is Step.COMPARE and not page.may_close()
    assert page.state.signers == (KWAME,)
    page.sign_with(KWAME.operator_id)
    page.type_pin("000000")
    page.confirm()
    assert page.state.failure.code == "PIN_WRONG" and world.shift is not None
    assert page.state.pin == "" and not page.may_close()
    page.type_pin(PINS[KWAME.operator_id])
    assert "PIN" not in repr(page.state) and PINS[KWAME.operator_id] not in repr(page.state)
    page.confirm()
    assert page.state.step is Step.DONE and world.signed == KWAME.operator_id
    assert page.state.closed.z_number == 14
