"""The small parts: what they take, what they show, what they say to a screen reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from ui_town import TOKEN

from posapp.domain.money import currency
from posapp.ui.widgets.buttons import Button, NumPad, PresetKey, PrimaryButton
from posapp.ui.widgets.charts import BarChart, round_top
from posapp.ui.widgets.count import DenominationTable
from posapp.ui.widgets.fields import (
    AmountField,
    Omnibox,
    PinField,
    clean_number,
    group_digits,
    place_after,
)
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Chip
from posapp.ui.widgets.rows import split_matches
from posapp.ui.widgets.text import BigNumber, KeyCap, Label, MeterNo
from posapp.ui.widgets.token import TokenDigitsView, TokenReadOut

pytestmark = [pytest.mark.usefixtures("qapp"), pytest.mark.qt_log_ignore("propagateSizeHints")]


def shown(qtbot, widget, width=400, height=60):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    widget.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.isActiveWindow)
    widget.setFocus()
    return widget


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("keys", "text", "head", "rest"),
    [
        ("1700", "1700", "1,700", ".00"),
        ("1700.5", "1700.5", "1,700.5", "0"),
        ("1700.555", "1700.55", "1,700.55", ""),
        ("0012", "12", "12", ".00"),
        (".5", "0.5", "0.5", "0"),
        ("1,5", "1.5", "1.5", "0"),
        ("", "", "0", ".00"),
    ],
)
def test_an_amount_is_typed_and_drawn(qtbot, keys, text, head, rest):
    field = shown(qtbot, AmountField("Amount"))
    field.set_unit("KSh", 2)
    QTest.keyClicks(field, keys)
    assert field.text() == text
    assert field.shown() == (head, rest)


def test_letters_never_enter_an_amount_and_are_told(qtbot):
    field = shown(qtbot, AmountField("Amount"))
    refused = []
    field.refused.connect(refused.append)
    QTest.keyClicks(field, "1x7")
    assert field.text() == "17" and refused == ["x"]


def test_a_pasted_amount_is_cleaned(qtbot):
    field = shown(qtbot, AmountField("Amount"))
    QGuiApplication.clipboard().setText(" 1,700.50 ")
    QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert field.text() == "1700.50"


def test_the_first_key_replaces_a_suggestion(qtbot):
    field = shown(qtbot, AmountField("Received"))
    field.suggest("1700")
    assert field.suggested
    QTest.keyClicks(field, "2")
    assert field.text() == "2" and not field.suggested
    field.suggest("1700")
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    assert field.text() == ""


@given(st.text(max_size=30))
def test_cleaning_leaves_digits_and_one_point(text):
    cleaned = clean_number(text, 2)
    whole, _, part = cleaned.partition(".")
    assert all(c.isdigit() for c in whole + part) and len(part) <= 2
    assert cleaned.count(".") <= 1


@given(st.lists(st.sampled_from(["1", "0", "9", ".", "\b"]), max_size=20))
def test_pad_keys_and_keyboard_keys_mean_the_same(keys):
    pad, board = AmountField("a"), AmountField("b")
    for key in keys:
        pad.press(key)
        if key == "\b":
            QTest.keyClick(board, Qt.Key.Key_Backspace)
        else:
            QTest.keyClicks(board, key)
    assert pad.text() == board.text()


# ---------------------------------------------------------------- omnibox


@given(st.text(alphabet="0123456789 ", max_size=14))
def test_digits_are_grouped_in_fours(text):
    grouped = group_digits(text)
    assert grouped.replace(" ", "") == text.replace(" ", "")
    if grouped.replace(" ", "").isdigit() and len(grouped.replace(" ", "")) <= 13:
        assert all(len(g) == 4 for g in grouped.split(" ")[:-1])


def test_names_are_left_as_typed():
    assert group_digits("ami wan") == "ami wan"
    assert place_after("4512 309", 5) == 6


def test_the_omnibox_groups_while_typing_and_keeps_the_cursor(qtbot):
    box = shown(qtbot, Omnibox("Find", "Meter"), height=56)
    QTest.keyClicks(box.edit, "45123098761")
    assert box.edit.text() == "4512 3098 761"
    box.edit.setCursorPosition(4)
    QTest.keyClick(box.edit, Qt.Key.Key_Backspace)
    assert box.edit.text() == "4513 0987 61" and box.edit.cursorPosition() == 3


def test_the_hint_shows_words_and_one_key_cap(qtbot):
    box = shown(qtbot, Omnibox("Find", "Meter"), height=56)
    box.show_hint("Next customer", "F2")
    box.show_hint("Back to amount", "Esc")
    assert box.hint == "Back to amount"

    def caps():
        return [w for w in box.findChildren(KeyCap) if w.isVisible()]

    qtbot.waitUntil(lambda: len(caps()) == 1)


# ---------------------------------------------------------------- PIN


def test_a_pin_is_never_readable(qtbot):
    field = shown(qtbot, PinField("PIN"))
    QTest.keyClicks(field, "12x34")
    assert field.text() == "1234" and field.displayText() == ""
    QTest.keyClick(field, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "1234" not in QGuiApplication.clipboard().text()


# ---------------------------------------------------------------- buttons


def test_a_primary_that_is_off_says_what_is_missing(qtbot):
    button = shown(qtbot, PrimaryButton("Take payment"), height=72)
    button.show_action("Take payment", reason="Type an amount")
    assert not button.isEnabled() and button.says == "Type an amount"
    button.show_action("Take payment")
    assert button.isEnabled() and button.says == "Take payment"


def test_a_busy_primary_is_off_at_once_and_says_so_later(qtbot):
    button = shown(qtbot, PrimaryButton("Sell and print"), height=72)
    button.show_busy("Asking the module")
    assert not button.isEnabled() and button.says == "Sell and print"
    qtbot.waitUntil(lambda: button.says == "Asking the module", timeout=2000)
    button.show_action("Next customer")
    assert button.isEnabled() and button.says == "Next customer"


@pytest.mark.parametrize("key", [Qt.Key.Key_Enter, Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_keys_press_a_focused_button(qtbot, key):
    button = shown(qtbot, Button("Print a copy"))
    pressed = []
    button.clicked.connect(lambda: pressed.append(True))
    QTest.keyClick(button, key)
    assert pressed == [True]


def test_the_pad_has_789_on_top_and_stays_left_to_right(qtbot):
    pad = shown(qtbot, NumPad(), 300, 300)
    pad.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    sent = []
    pad.pressed_key.connect(sent.append)
    for key in ("7", "00", "\b"):
        pad.key(key).click()
    assert sent == ["7", "00", "\b"]
    assert pad.key("7").y() < pad.key("4").y() < pad.key("1").y()
    assert pad.key("7").x() < pad.key("9").x()
    assert not pad.key("5").autoRepeat() and pad.key("\b").autoRepeat()


def test_a_preset_without_an_amount_is_off(qtbot):
    key = shown(qtbot, PresetKey(wide=True, key="*"))
    key.show_preset("", "Same as last")
    assert not key.isEnabled()
    key.show_preset("500", "Same as last")
    assert key.isEnabled() and key.accessibleName() == "Same as last 500"


def test_every_state_of_a_button_is_drawn_differently(qtbot):
    button = shown(qtbot, Button("Cash", checkable=True))
    normal = button.grab().toImage()
    button.setDown(True)
    pressed = button.grab().toImage()
    button.setDown(False)
    button.setChecked(True)
    chosen = button.grab().toImage()
    button.setEnabled(False)
    off = button.grab().toImage()
    images = [normal, pressed, chosen, off]
    assert all(a != b for i, a in enumerate(images) for b in images[i + 1 :])


# ---------------------------------------------------------------- token, numbers, lines


def test_a_token_is_read_digit_by_digit_and_copied_without_blanks(qtbot):
    view = shown(qtbot, TokenDigitsView(), 760, 64)
    view.show_digits(TOKEN)
    assert view.accessibleName() == " ".join(TOKEN)
    assert len(view.lines()) == 1
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == TOKEN


def test_a_token_takes_two_lines_where_one_is_too_narrow(qtbot):
    view = shown(qtbot, TokenDigitsView(), 480, 128)
    view.show_digits(TOKEN)
    assert [len(line) for line in view.lines()] == [3, 2]


def test_reading_out_goes_group_by_group(qtbot):
    host = shown(qtbot, Label("host"), 900, 600)
    view = TokenReadOut(host, "Amina Wanjiru", "Meter 4512 3098 761", TOKEN)
    view.show()
    closed = []
    view.closed.connect(lambda: closed.append(True))
    assert view.accessibleName() == "five · two · six · zero"
    QTest.keyClick(view, Qt.Key.Key_Space)
    QTest.keyClick(view, Qt.Key.Key_Left)
    for _ in range(4):
        QTest.keyClick(view, Qt.Key.Key_Space)
    assert view.at == 4 and closed == []
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert closed == [True]


def test_big_numbers_and_meters_are_spoken():
    number, meter = BigNumber(), MeterNo()
    number.show_number("71.1", after="kWh")
    meter.show_digits("45123098761")
    assert number.accessibleName() == "71.1 kWh"
    assert meter.accessibleName() == "4 5 1 2 3 0 9 8 7 6 1"


def test_lines_reserve_their_height_and_are_spoken():
    lines = QuoteLines(reserve=300)
    lines.show_lines((Line("VAT 16 %", "211.03"), Line("Customer pays", "1,700.00", total=True)))
    assert lines.sizeHint().height() == 300
    assert lines.accessibleName() == "VAT 16 % 211.03; Customer pays 1,700.00"


def test_a_long_name_is_elided_and_still_whole_for_a_reader(qtbot):
    label = shown(qtbot, Label("Jean-Bosco Nkurunziza de la Montagne", "name", elide=True), 120)
    assert label.text().endswith("…")
    assert label.accessibleName() == "Jean-Bosco Nkurunziza de la Montagne"


def test_states_differ_by_shape_not_by_colour_alone(qtbot):
    def outline(state):
        chip = shown(qtbot, Chip(state, "x"), 60, 28)
        image = chip.grab().toImage()
        ground = image.pixelColor(5, 14)
        return {
            (x, y)
            for x in range(8, 24)
            for y in range(28)
            if abs(image.pixelColor(x, y).lightness() - ground.lightness()) > 60
        }

    shapes = [outline(state) for state in ("ok", "warn", "bad", "off", "busy")]
    assert all(a != b for i, a in enumerate(shapes) for b in shapes[i + 1 :])


def test_a_banner_says_everything_to_a_reader(qtbot):
    banner = shown(qtbot, Banner("warn"), 600, 80)
    banner.tell("bad", "Paper ran out.", "The token is safe.", button="Try now", key="F6")
    assert banner.words == "Paper ran out. The token is safe."
    assert banner.button.isVisible() and banner.button.key_cap == "F6"


def test_matches_are_cut_at_the_beginning_of_words():
    parts = split_matches("Amina Wanjiru", ("ami", "wan"))
    assert parts == [("Ami", True), ("na ", False), ("Wan", True), ("jiru", False)]
    assert split_matches("Benjamin", ("ami",)) == [("Benjamin", False)]


# ---------------------------------------------------------------- counting


def test_enter_goes_down_and_sums_follow(qtbot):
    table = shown(qtbot, DenominationTable(currency("KES")), 480, 600)
    table.fields[0].setFocus()
    QTest.keyClicks(table.fields[0], "27")
    table.next_row()
    assert table.current() is table.fields[1]
    QTest.keyClicks(table.fields[1], "11")
    assert table.pieces() == ((100000, 27), (50000, 11))
    assert table.sums() == (3250000, 0)


def test_an_empty_place_is_not_zero(qtbot):
    table = shown(qtbot, DenominationTable(currency("KES")), 480, 600)
    QTest.keyClicks(table.fields[2], "0")
    assert table.pieces() == ((20000, 0),)


def test_bars_are_read_with_the_arrow_keys(qtbot):
    chart = shown(qtbot, BarChart("Sales by hour"), 600, 200)
    chart.show_bars((("07", 1200), ("08", 3400)))
    QTest.keyClick(chart, Qt.Key.Key_Right)
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.accessibleDescription() == "08: 3,400"


@given(st.integers(min_value=1, max_value=10**9))
def test_the_top_of_a_chart_is_round_and_near(value):
    top = round_top(value)
    assert (value <= top <= max(2, 2.5 * value) and top % 2 == 0) or top in (5,)
