"""Sales that were cut short: what the screen says and what no press may do meanwhile."""

from __future__ import annotations

import pytest
import ui_town
from PySide6.QtCore import Qt
from test_window import says
from ui_town import AMINA, PEOPLE, TOKEN, build_till, number

from posapp.domain.sale import SaleState, TenderKind
from posapp.errors import InputError, ModuleError, Outcome, PosError, SaleError, StoreError
from posapp.ui.running import Direct
from posapp.ui.sell.presenter import SellPresenter
from posapp.ui.sell.state import Phase

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def paying(world):
    presenter = SellPresenter(build_till(world), Direct(), lambda _: None)
    presenter.start(PEOPLE[0])
    presenter.type_query(AMINA.digits)
    presenter.type_amount("1700")
    presenter.enter()
    world.clock.pass_ms(400)
    return presenter


def finished(**more):
    return SaleError("OPEN_SALE_FINISHED", receipt=18355, amount_minor=50000, **more)


# ---------------------------------------------------------------- outcome not known


@pytest.mark.parametrize(
    "error",
    [
        StoreError("DISK_FULL"),
        PosError("UNEXPECTED"),
        InputError("METER_STATE"),
        ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN),
        SaleError("OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN, cause="STORE_DISK_ERROR"),
    ],
    ids=lambda error: error.code,
)
def test_whatever_is_no_certain_refusal_is_not_known_yet(paying, world, error):
    world.refuse = error
    paying.enter()
    assert paying.state.phase is Phase.IDLE and paying.state.quote is None
    failure = paying.state.failure
    assert (failure.code, failure.outcome) == ("OUTCOME_UNKNOWN", Outcome.UNKNOWN)
    assert (failure.params["amount_minor"], failure.params["meter"]) == (170000, AMINA.digits)
    for _ in range(3):
        world.clock.pass_ms(400)
        paying.enter()
        paying.exact_and_sell()
    assert world.sales == []


def test_a_sale_that_was_cut_short_is_found_again_and_watched(paying, world):
    record = ui_town.leave_open(world)
    world.refuse = PosError("UNEXPECTED")
    paying.enter()
    assert paying.state.recovery.unresolved == (record,) and paying.state.failure is None


def test_a_sale_that_the_till_finished_before_anyone_asked_is_told(paying, world):
    record = ui_town.leave_open(world)
    ui_town.finish(world, record)
    world.refuse = SaleError(
        "OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN, receipt=record.intent.receipt
    )
    paying.enter()
    assert paying.state.recovery.resolved[0].tokens == (TOKEN,)
    assert paying.state.failure is None and paying.state.last.record.tokens == (TOKEN,)


def test_another_trouble_does_not_hide_that_an_outcome_is_not_known(paying, world):
    world.refuse = StoreError("STORE_DISK_ERROR")
    paying.enter()
    paying.fail(StoreError("DISK_FULL"))
    assert paying.state.failure.code == "OUTCOME_UNKNOWN"
    paying.type_query("fat")
    paying.new_search()
    assert paying.state.failure.code == "OUTCOME_UNKNOWN"
    paying.dismiss()
    assert paying.state.failure is None


def test_an_unexpected_fault_while_selling_never_locks_the_page_and_never_says_no(
    selling, world, fingers, expect_log
):
    expect_log("unexpected ZeroDivisionError")
    fingers.type(AMINA.digits)
    fingers.type("1700")
    fingers.enter()
    world.refuse = ZeroDivisionError("of nobody")
    fingers.enter()
    page = selling.sell_page()
    assert page.presenter.state.phase is Phase.IDLE
    assert "KSh 1,700.00" in page.banner.words and "not known yet" in page.banner.words
    assert "othing was sold" not in says(page) and "No token" not in says(page)
    fingers.enter()
    assert world.sales == []
    (file,) = (selling._config.folder / "crash").glob("crash-*.txt")
    assert "ZeroDivisionError" in file.read_text(encoding="utf-8")


def test_an_unexpected_fault_while_the_pin_is_checked_does_not_lock_the_door(
    window, fingers, monkeypatch, expect_log
):
    expect_log("unexpected ZeroDivisionError")
    sign_in = window._till.sign_in

    def broken(_self, _operator_id, _pin):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(type(sign_in), "__call__", broken)
        fingers.type("1234")
        fingers.enter()
    assert "Something inside the till went wrong." in says(window.login_page())
    fingers.type("1234")
    fingers.enter()
    assert window.login_page().presenter.state.signed_in == PEOPLE[0]


# ---------------------------------------------------------------- an open sale came first


def test_an_open_sale_that_was_finished_first_keeps_the_payment_and_waits(paying, world):
    paying.pay_with(TenderKind.MOBILE)
    paying.type_reference("QX71")
    old = paying.state.context
    world.refuse = finished(meter=number("0712345678").digits)
    paying.enter()
    state = paying.state
    assert state.phase is Phase.TENDER and state.failure.code == "OPEN_SALE_FINISHED"
    assert (state.tender, state.reference) == (TenderKind.MOBILE, "QX71")
    assert state.context is not old, "prices and float are read again"
    paying.enter()
    assert world.sales == [], "only a fresh press sells"
    world.clock.pass_ms(400)
    paying.enter()
    assert len(world.sales) == 1


def test_an_open_sale_that_ended_without_a_token_gives_its_money_back(selling, world, fingers):
    record = ui_town.leave_open(world)
    ui_town.finish(world, record, SaleState.REFUSED)
    fingers.type(AMINA.digits)
    fingers.type("1700")
    fingers.enter()
    world.refuse = finished(meter=AMINA.digits)
    fingers.enter()
    fingers.press(Qt.Key.Key_F2)
    assert "Give the money back" in selling.sell_page().banner.words


def test_a_quote_that_no_longer_stands_goes_back_to_the_amount(paying, world, monkeypatch):
    world.refuse = finished(meter=AMINA.digits)
    fresh = ui_town.context_of

    def blocked(world, wanted):
        from dataclasses import replace

        return replace(fresh(world, wanted), problem=SaleError("LEASE_EXPIRED"))

    monkeypatch.setattr(ui_town, "context_of", blocked)
    paying.enter()
    assert paying.state.phase is Phase.QUOTE and paying.state.quote is None


def test_the_banner_names_the_sale_that_was_finished_first(selling, world, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1700")
    fingers.enter()
    fingers.type("2000")
    world.refuse = finished(meter=AMINA.digits)
    fingers.enter()
    page = selling.sell_page()
    words = page.payment.banner.words
    assert "MM03-0018355-6" in words and AMINA.grouped in words
    assert "An open sale was finished first" in words and "Nothing new was sold" in words
    assert page.presenter.state.received == "2000"


# ---------------------------------------------------------------- how it ended


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("state", [SaleState.REFUSED, SaleState.CANCELLED])
def test_no_token_after_all_is_told_until_it_is_dismissed(selling, world, fingers, state):
    record = ui_town.leave_open(world)
    page = selling.sell_page()
    page.presenter.recover()
    assert "not known yet" in page.banner.words and "MM03-0018355-6" in page.banner.words
    ui_town.finish(world, record, state)
    selling._poll()
    assert "No token was made" in page.banner.words and "Give the money back" in page.banner.words
    assert "MM03-0018355-6" in page.banner.words
    fingers.press(Qt.Key.Key_F2)
    selling._poll()
    assert page.banner.isVisible() and "Give the money back" in page.banner.words
    page.banner.button.click()
    assert not page.banner.isVisible()


def test_a_sale_that_the_till_finished_by_itself_is_told_with_its_token(selling, world):
    record = ui_town.leave_open(world)
    page = selling.sell_page()
    page.presenter.recover()
    ui_town.finish(world, record)
    selling._poll()
    assert "is finished" in page.banner.words and "receipt prints" in page.banner.words
    assert "MM03-0018355-6" in page.banner.words
    shown = " ".join(label.text() for label in page.last.token)
    assert shown.replace(" ", "") == TOKEN
    page.banner.button.click()
    assert not page.banner.isVisible()


def test_each_sale_is_told_the_one_without_a_token_first(selling, world):
    first, second = ui_town.leave_open(world), ui_town.leave_open(world, 50000)
    page = selling.sell_page()
    page.presenter.recover()
    ui_town.finish(world, first)
    ui_town.finish(world, second, SaleState.REFUSED)
    selling._poll()
    assert "KSh 500.00" in page.banner.words and "No token" in page.banner.words
    page.banner.button.click()
    assert "KSh 1,700.00" in page.banner.words and "is finished" in page.banner.words
    page.banner.button.click()
    assert not page.banner.isVisible()
