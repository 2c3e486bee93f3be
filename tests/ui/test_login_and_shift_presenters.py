"""Signing in, opening and closing a shift, without Qt."""

from __future__ import annotations

import pytest
from ui_town import PEOPLE, build_till

from posapp.ui.login.presenter import LoginPresenter
from posapp.ui.running import Direct
from posapp.ui.shift.presenter import ShiftPresenter, Step


@pytest.fixture
def entered():
    return []


@pytest.fixture
def login(world, entered):
    presenter = LoginPresenter(
        build_till(world),
        Direct(),
        lambda _: None,
        lambda who, shift: entered.append((who, shift)),
    )
    presenter.start()
    return presenter


def sign_in(login, place, pin):
    login.choose(place)
    login.type_pin(pin)
    login.enter()


def test_a_right_pin_leads_to_the_opening_float(login, entered):
    sign_in(login, 0, "1234")
    assert login.state.signed_in == PEOPLE[0] and entered == []
    login.type_opening("2000")
    login.enter()
    operator, shift = entered[0]
    assert operator == PEOPLE[0] and shift.opening_minor == 200000 and shift.number == 14


def test_a_wrong_pin_says_how_many_tries_are_left(login, entered):
    sign_in(login, 0, "0000")
    assert login.state.failure.code == "PIN_WRONG"
    assert login.state.failure.params == {"left": 4}
    assert login.state.pin_length == 0 and entered == []


def test_a_short_pin_is_not_even_tried(login, world):
    sign_in(login, 0, "12")
    assert world.misses == 0 and login.state.failure is None


def test_whoever_has_the_open_shift_goes_on_at_once(login, world, entered):
    sign_in(login, 1, "2345")
    login.type_opening("0")
    login.enter()
    login.start()
    assert login.state.person == PEOPLE[1], "the person of the open shift is chosen"
    login.type_pin("2345")
    login.enter()
    assert entered[-1] == (PEOPLE[1], world.shift)


def test_another_clerk_cannot_enter_an_open_shift_but_a_supervisor_can(login, entered):
    sign_in(login, 1, "2345")
    login.type_opening("0")
    login.enter()
    login.start()
    sign_in(login, 0, "1234")
    assert login.state.failure.code == "SHIFT_ALREADY_OPEN"
    sign_in(login, 3, "9999")
    assert entered[-1] == (PEOPLE[3], None)


def test_letters_in_the_opening_float_open_nothing(login, world):
    sign_in(login, 0, "1234")
    login.type_opening("2k")
    login.enter()
    assert login.state.failure.code == "AMOUNT_LETTERS" and world.shift is None


@pytest.fixture
def shift_page(world):
    till = build_till(world)
    till.open_shift(PEOPLE[0], 200000)
    closed = []
    presenter = ShiftPresenter(till, Direct(), lambda _: None, lambda: closed.append(True))
    presenter.start(PEOPLE[0])
    presenter.closed_calls = closed
    return presenter


def test_expected_cash_is_unknown_until_the_count_is_confirmed(shift_page):
    shift_page.count(((100000, 2),))
    assert shift_page.state.preview is None
    shift_page.confirm()
    assert shift_page.state.step is Step.COMPARE
    assert shift_page.state.preview.expected_minor == 200000


def test_an_exact_count_closes_with_one_more_press(shift_page, world):
    shift_page.count(((100000, 2),))
    shift_page.confirm()
    shift_page.confirm()
    assert shift_page.state.step is Step.DONE and world.shift is None
    shift_page.finish()
    assert shift_page.closed_calls == [True]


def test_a_difference_needs_a_reason(shift_page, world):
    shift_page.count(((100000, 1),))
    shift_page.confirm()
    shift_page.confirm()
    assert world.shift is not None and not shift_page.may_close()
    shift_page.give_reason("gave change twice")
    shift_page.confirm()
    assert world.shift is None
    assert shift_page.state.closed.shift.variance_reason == "gave change twice"


def test_one_recount_is_allowed(shift_page):
    shift_page.count(((100000, 1),))
    for _ in range(3):
        shift_page.confirm()
        shift_page.recount()
    assert shift_page.state.recounts == 1 and shift_page.state.step is Step.COMPARE


def test_an_empty_count_is_not_confirmed(shift_page):
    shift_page.confirm()
    assert shift_page.state.step is Step.COUNT
