"""The whole window with real key presses: from the PIN to the token and the closed shift."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget
from ui_town import AMINA, TOKEN, number

from posapp.errors import ModuleError, Outcome, SaleError
from posapp.ports import LinkState, ModuleState, PrinterState
from posapp.ui.sell.state import Phase
from posapp.ui.shift.presenter import Step
from posapp.ui.shots import settle

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
NONE, KEYPAD = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier
CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
PAGES = ("sell", "shift", "day", "sync")


def says(widget: QWidget) -> str:
    """Everything a person can read or hear on the visible part of a widget."""
    parts = []
    for child in (widget, *widget.findChildren(QWidget)):
        if child.isVisible():
            parts.append(child.accessibleName())
            if isinstance(child, QLabel | QAbstractButton):
                parts.append(child.text())
    return " | ".join(part for part in parts if part)


def buy(fingers, digits=AMINA.digits, amount="1700"):
    fingers.type(digits)
    fingers.type(amount)
    fingers.enter()


# ---------------------------------------------------------------- the golden path


def test_from_pin_to_token_by_keyboard_alone(window, world, fingers):
    fingers.type("1234")
    fingers.enter()
    fingers.type("2000")
    fingers.enter()
    assert window.current == "sell" and world.shift.opening_minor == 200000
    fingers.type("45123098761")
    page = window.sell_page()
    assert page.presenter.state.phase is Phase.QUOTE
    assert "Amina Wanjiru" in says(page)
    fingers.type("1700")
    assert page.slip.primary.says == "Take payment"
    fingers.enter()
    fingers.type("2000")
    assert "300.00" in says(page.slip)
    fingers.enter()
    assert page.presenter.state.phase is Phase.SOLD
    assert page.sold.card.token.digits == TOKEN
    assert len(world.sales) == 1 and world.sales[0].intent.received_minor == 200000
    assert set(window._till.sell.revealed_ids) == {world.sales[0].intent.sale_id}
    fingers.enter()
    assert page.presenter.state.phase is Phase.IDLE
    assert page.omnibox.edit.hasFocus()


@pytest.mark.usefixtures("selling")
def test_same_again_is_three_keys_after_a_scan(world, fingers):
    fingers.scan(AMINA.digits)
    fingers.press("*")
    fingers.enter()
    fingers.enter()
    assert len(world.sales) == 1 and world.sales[0].intent.amount_minor == 50000


@pytest.mark.usefixtures("selling")
@pytest.mark.parametrize("modifier", [NONE, KEYPAD], ids=["plain", "keypad"])
def test_star_and_plus_work_on_every_part_of_the_keyboard(world, fingers, modifier):
    fingers.type(AMINA.digits)
    fingers.press(Qt.Key.Key_Asterisk, modifier)
    fingers.enter()
    fingers.press(Qt.Key.Key_Plus, modifier)
    assert world.sales[0].intent.amount_minor == 50000
    assert world.sales[0].intent.change_minor == 0


def test_slash_turns_the_amount_into_units(selling, fingers):
    fingers.type(AMINA.digits)
    fingers.press("/")
    fingers.type("50.5")
    assert selling.sell_page().presenter.state.quote.units_tenths == 505


def test_the_number_pad_of_the_screen_types_too(selling):
    page = selling.sell_page()
    page.presenter.type_query(AMINA.digits)
    for key in ("1", "7", "00"):
        page.amount.pad.pad.key(key).click()
    assert page.presenter.state.quote.amount_minor == 170000


def test_a_name_is_chosen_with_the_arrows(selling, fingers):
    fingers.type("ami wan")
    fingers.press(Qt.Key.Key_Down)
    fingers.enter()
    page = selling.sell_page()
    assert page.presenter.state.context.found.customer.name == "Amina Wangari"
    assert page.amount.field.hasFocus()


def test_a_recent_customer_is_two_keys_away(selling, world, fingers):
    buy(fingers)
    fingers.enter()
    fingers.enter()
    fingers.press(Qt.Key.Key_F3)
    fingers.enter()
    page = selling.sell_page()
    assert page.presenter.state.context.found.meter.number == AMINA
    assert len(world.sales) == 1


# ---------------------------------------------------------------- what must never happen


@pytest.mark.usefixtures("selling")
def test_a_double_enter_never_sells(world, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1700")
    fingers.enter()
    fingers.enter(after_ms=90)
    fingers.enter(after_ms=90)
    assert world.sales == []


@pytest.mark.usefixtures("selling")
def test_a_held_enter_key_sells_nothing_and_a_fresh_one_sells_once(world, fingers):
    buy(fingers)
    for _ in range(20):
        fingers.enter(after_ms=40)
    assert world.sales == []
    fingers.enter()
    assert len(world.sales) == 1


@pytest.mark.usefixtures("selling")
def test_a_double_enter_that_a_busy_computer_delivers_late_sells_nothing(world, fingers):
    buy(fingers)
    fingers.press(Qt.Key.Key_Return, stamp_ms=10_000)
    fingers.press(Qt.Key.Key_Return, stamp_ms=10_060, after_ms=2_000)
    assert world.sales == []
    fingers.press(Qt.Key.Key_Return, stamp_ms=10_500)
    assert len(world.sales) == 1


def test_slow_keys_that_arrive_all_at_once_are_a_person_and_no_scanner(selling, fingers):
    for place, digit in enumerate(AMINA.digits):
        fingers.press(digit, stamp_ms=20_000 + place * 120, after_ms=1)
    for place, digit in enumerate("1700"):
        fingers.press(digit, stamp_ms=30_000 + place * 120, after_ms=1)
    page = selling.sell_page()
    assert page.presenter.state.context.found.meter.number == AMINA
    assert page.presenter.state.quote.amount_minor == 170_000


def test_a_scan_over_the_payment_never_commits(selling, world, fingers):
    buy(fingers)
    fingers.scan(number("0712345678").digits)
    page = selling.sell_page()
    assert world.sales == []
    assert page.presenter.state.context.found.customer.name == "Fatou Diallo"
    assert page.amount.field.text() == "", "no digit of the scan lands in an amount"


def test_a_scan_into_the_amount_leaves_no_digit_there(selling, fingers):
    fingers.type(AMINA.digits)
    fingers.type("17")
    fingers.scan("6210093347" + "2")
    page = selling.sell_page()
    assert page.presenter.state.context.found.customer.name == "Amisi Wandera"
    assert "blocked" in says(page).lower()


def test_enter_on_a_focused_button_presses_that_button_only(selling, world, fingers):
    buy(fingers)
    fingers.enter()
    page = selling.sell_page()
    page.sold.card.copy.setFocus()
    fingers.enter()
    assert page.presenter.state.phase is Phase.SOLD
    assert [job.copy_no for job in world.jobs] == [0, 1]


def test_enter_in_the_rail_never_sells(selling, world, fingers):
    buy(fingers)
    selling.rail.buttons["lock"].setFocus()
    fingers.enter()
    assert world.sales == [] and selling.operator is None


# ---------------------------------------------------------------- bad input


def test_a_wrong_pin_is_one_sentence(window, world, fingers):
    fingers.type("0000")
    fingers.enter()
    login = window.login_page()
    assert window.operator is None and world.misses == 1
    assert "That PIN does not fit. Tries left: 4." in login.problem.words
    assert login.pin.text() == ""
    fingers.type("1234")
    assert not login.problem.isVisible()


def test_letters_in_the_amount_are_one_sentence(selling, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1x")
    page = selling.sell_page()
    assert page.amount.field.text() == "1"
    assert page.slip.primary.says == "Type digits only"


def test_a_letter_after_a_good_amount_is_told_too_and_sells_nothing(selling, world, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1700x")
    page = selling.sell_page()
    assert page.slip.primary.says == "Type digits only"
    assert "An amount has digits only." in says(page)
    fingers.enter()
    assert page.presenter.state.phase is Phase.QUOTE and world.sales == []
    fingers.press(Qt.Key.Key_Backspace)
    assert page.presenter.state.quote.amount_minor == 17_000
    fingers.type("0")
    assert page.presenter.state.quote.amount_minor == 170_000


def test_an_amount_below_the_smallest_sale_is_one_sentence(selling, fingers):
    fingers.type(AMINA.digits)
    fingers.type("10")
    page = selling.sell_page()
    assert page.slip.primary.says == "Smallest sale is KSh 50.00"
    fingers.enter()
    assert page.presenter.state.phase is Phase.QUOTE


def test_an_impossible_meter_number_is_one_sentence(selling, fingers):
    fingers.type("45123098716")
    page = selling.sell_page()
    assert "check digit of this meter number does not fit" in page.results.message.words
    assert "Amina Wanjiru" in says(page.slip), "the neighbour one swap away is offered"


def test_nobody_found_says_what_to_try(selling, fingers):
    fingers.type("zzz")
    page = selling.sell_page()
    assert "No customer found for “zzz”." in page.results.message.words
    assert not page.results.frame.isVisible()


def test_a_module_that_is_away_keeps_the_quote(selling, world, fingers):
    buy(fingers)
    world.refuse = ModuleError("MODULE_ABSENT")
    fingers.enter()
    page = selling.sell_page()
    assert "No token was made and no money is counted." in page.payment.banner.words
    fingers.enter()
    assert len(world.sales) == 1


def test_an_unknown_outcome_never_says_that_nothing_was_made(selling, world, fingers):
    buy(fingers)
    world.refuse = SaleError(
        "OUTCOME_UNKNOWN", outcome=Outcome.UNKNOWN, meter=AMINA.digits, amount_minor=170000
    )
    fingers.enter()
    words = selling.sell_page().banner.words
    assert "KSh 1,700.00" in words and "never charged twice" in words
    assert "No token" not in words


def test_paper_out_leaves_the_token_on_the_screen(selling, world, fingers):
    world.printer = PrinterState.PAPER_OUT
    selling._poll()
    buy(fingers)
    fingers.enter()
    page = selling.sell_page()
    assert page.sold.slip.words.startswith("Paper ran out. The token is safe.")
    assert page.sold.card.token.isVisible()


# ---------------------------------------------------------------- lock, read out, shift, day


def test_locking_keeps_what_was_begun(selling, world, fingers):
    fingers.type(AMINA.digits)
    fingers.type("1700")
    fingers.press(Qt.Key.Key_F12)
    assert selling.operator is None and not selling.rail.isVisible()
    fingers.type("1234")
    fingers.enter()
    page = selling.sell_page()
    assert selling.current == "sell" and page.presenter.state.quote.amount_minor == 170000
    assert world.shift.number == 14


def test_space_reads_the_token_out_and_escape_returns(selling, fingers):
    buy(fingers)
    fingers.enter()
    fingers.press(Qt.Key.Key_Space)
    page = selling.sell_page()
    assert page._read_out is not None
    assert page._read_out.accessibleName() == "five · two · six · zero"
    fingers.press(Qt.Key.Key_Escape)
    assert page._read_out is None and page.omnibox.edit.hasFocus()


def test_closing_a_shift_by_keyboard(selling, world, fingers):
    buy(fingers)
    fingers.enter()
    fingers.press(Qt.Key.Key_F9)
    page = selling.page("shift")
    assert selling.current == "shift" and page.table.fields[0].hasFocus()
    assert "3,700" not in says(page), "expected cash is nowhere before the count"
    assert selling.strip.chips["float"].words.sentence == "Float good"
    for pieces in ("3", "1"):
        fingers.type(pieces)
        fingers.enter()
    fingers.press(Qt.Key.Key_Return, CTRL)
    assert page.presenter.state.step is Step.COMPARE
    assert "−200.00" in says(page)
    fingers.type("gave change twice")
    fingers.press(Qt.Key.Key_Return, CTRL)
    assert world.shift is None and page.presenter.state.step is Step.DONE
    assert page.day.isVisible(), "the day's report is one press away"
    fingers.enter()
    assert selling.operator is None


def test_a_supervisor_comes_in_to_close_and_cannot_sell(selling, fingers):
    fingers.press(Qt.Key.Key_F12)
    fingers.press("4", ALT)
    fingers.type("9999")
    fingers.enter()
    assert selling.current == "shift"
    fingers.press("1", ALT)
    assert selling.current == "shift"


def test_the_sync_page_runs_a_round(selling, world, fingers):
    world.link = LinkState.OFFLINE
    selling._poll()
    fingers.press("4", ALT)
    assert "Offline is normal." in says(selling.page("sync"))
    fingers.enter()
    assert world.synced == 1


def test_f1_lists_all_keys_of_the_page(selling, fingers):
    fingers.press(Qt.Key.Key_F1)
    assert selling._sheet is not None
    words = says(selling._sheet)
    for expected in ("Exact cash and sell +", "Print a copy F6", "Lock the till F12"):
        assert expected in words
    fingers.press(Qt.Key.Key_Escape)
    assert selling._sheet is None


# ---------------------------------------------------------------- the strip


def test_the_strip_tells_each_part_with_shape_and_word(selling, world):
    world.module, world.link = ModuleState.ABSENT, LinkState.OFFLINE
    world.printer = PrinterState.COVER_OPEN
    selling._poll()
    chips = {name: chip.words for name, chip in selling.strip.chips.items()}
    assert (chips["module"].state, chips["module"].sentence) == ("bad", "Module missing")
    assert chips["head_office"].state == "off" and "12 waiting" in chips["head_office"].sentence
    assert (chips["printer"].state, chips["printer"].sentence) == ("warn", "Cover open")
    assert chips["float"].sentence == "Float  172,840.00"


def test_the_warning_of_test_keys_is_always_there(selling):
    assert "Test keys" in says(selling.strip)


# ---------------------------------------------------------------- every page, every size


def all_pages(window):
    for name in PAGES:
        if name == "day":
            continue
        window.go(name)
        yield name, window.page(name)


def test_every_action_has_words_a_key_and_a_tooltip(selling):
    actions: list[QAction] = list(selling.actions())
    for _, page in all_pages(selling):
        actions += page.actions()
    actions += selling.login_page().actions()
    assert len(actions) > 30
    for action in actions:
        assert action.text() and action.objectName(), action
        assert action.shortcuts() and action.toolTip(), action.text()


def test_every_control_has_a_name_for_a_screen_reader(selling):
    for _, page in all_pages(selling):
        for control in page.findChildren(QAbstractButton) + page.findChildren(QLineEdit):
            if control.isVisible():
                assert control.accessibleName(), control


@pytest.mark.parametrize("size", [(1024, 768), (1366, 768), (1920, 1080)], ids=str)
def test_every_page_fits_and_no_label_is_cut(selling, fingers, size):
    buy(fingers)
    selling.resize(*size)
    for moment in ("tender", "sold"):
        settle()
        assert (selling.width(), selling.height()) == size
        assert_nothing_cut(selling, moment)
        fingers.enter()
    for name, _ in all_pages(selling):
        settle()
        assert (selling.width(), selling.height()) == size, name
        assert_nothing_cut(selling, name)


def assert_nothing_cut(window, where):
    for label in window.findChildren(QLabel):
        if not label.isVisible() or not label.text() or label.wordWrap():
            continue
        if getattr(label, "_elide", False):
            continue
        room = label.fontMetrics().horizontalAdvance(label.text())
        assert label.width() >= room, (where, label.text(), label.width(), room)
    for widget in window.findChildren(QWidget):
        parent = widget.parentWidget()
        if widget.isVisible() and isinstance(widget, QAbstractButton) and parent is not None:
            assert parent.rect().contains(widget.geometry()), (where, widget.text())


def test_the_least_size_of_the_content_is_that_of_a_small_screen(selling):
    selling.resize(1024, 768)
    for name, page in all_pages(selling):
        settle()
        rail, strip = selling.rail.width(), selling.strip.height()
        hint = page.minimumSizeHint()
        assert hint.width() + rail <= 1024, (name, hint)
        assert hint.height() + strip <= 720, (name, hint)
    assert selling.minimumWidth() <= 1024 and selling.minimumHeight() <= 720


def test_tab_rings_what_has_the_focus(selling):
    page = selling.sell_page()
    page.presenter.type_query(AMINA.digits)
    QTest.keyClick(page.amount.field, Qt.Key.Key_Tab)
    focus = QApplication.focusWidget()
    assert focus is not page.amount.field
    assert selling.ring.isVisible() and selling.ring.target is focus


def test_a_fault_inside_says_what_is_safe(selling):
    selling.show_fault()
    assert "What was sold is safe" in selling._notice.words


def test_after_a_meter_that_cannot_buy_the_next_number_replaces_it(selling, fingers):
    fingers.type("62100933472")
    page = selling.sell_page()
    assert "blocked" in says(page).lower()
    fingers.type(AMINA.digits)
    assert page.presenter.state.context.found.meter.number == AMINA
