"""The module's page and what the others say of it: real keys, every state, every size and side."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit
from test_window import assert_nothing_cut, buy, says
from ui_town import NOW, PEOPLE

from posapp.errors import InputError, ModuleError
from posapp.ports import KeyLimit, ModuleState, SupplyKey
from posapp.security_module.states import TABLE
from posapp.ui import messages
from posapp.ui.module.bars import KeyRow, KeyRows
from posapp.ui.module.presenter import Task
from posapp.ui.sell.state import Phase
from posapp.ui.shots import settle
from tests.security_module.engines import an_authorisation, signed

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
KEY = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
DAY = timedelta(days=1)
KWAME = PEOPLE[3]
FACTS = {
    "module_id": "REF-00000001",
    "firmware": "posapp-module 0.1.0",
    "limited": True,
    "keys": (
        SupplyKey("600727", 1, 2014, 255, 4, test=True, issue_until=NOW + 6 * DAY),
        SupplyKey("600727", 2, 2014, 255, 4, test=True, issue_until=NOW + 400 * DAY),
    ),
    "limits": (KeyLimit("600727", 1, 82000, 0, 12_000_000),),
    "lease_until": NOW + 12 * DAY + timedelta(hours=1),
    "unacknowledged": 920,
    "unacknowledged_max": 1000,
    "authorisation": 3,
    "audit_no": 1873,
}


@pytest.fixture
def looking(window, world, fingers):
    """A supervisor at the module's page."""
    world.module_facts = dict(FACTS)
    fingers.press("4", ALT)
    fingers.type("9999")
    fingers.enter()
    fingers.type("0")
    fingers.enter()
    fingers.press("5", ALT)
    assert window.current == "module"
    poll(window)
    return window


def poll(window):
    window._poll()
    settle()


@pytest.fixture
def word(tmp_path):
    path = tmp_path / "authorisation-7"
    path.write_bytes(signed(an_authorisation(7)))
    return path


def test_the_page_says_all_that_is_known(looking):
    page = looking.page("module")
    text = says(page)
    for words in (
        "REF-00000001",
        "NOT CERTIFIED – TEST KEYS",
        "Days left: 12",
        "920 of 1,000",
        "8,200.0 kWh",
        "value KSh 120,000.00",
        "Key ends in 6 days",
        "Entries in its book 1,873",
    ):
        assert words in text, words
    shown = page.keys.rows
    assert (shown[1].left, shown[1].share) == ("0.0 kWh", 0)  # a key without a grant makes nothing
    unseen = next(line for line in page.facts.lines if "confirmed" in line.words)
    assert unseen.state == "warn"


@pytest.mark.parametrize("state", ModuleState)
def test_every_state_has_its_sentence_and_one_action_on_the_page(looking, world, state):
    world.module = state
    poll(looking)
    page, words = looking.page("module"), TABLE[state]
    what, safe, act = messages.WORDS[words.sentence]
    assert what in page.headline.text() and safe in page.told.text() and act in page.told.text()
    assert page._shape._state == words.colour
    primary = page.slip.primary
    assert primary.isVisible() == (words.action != "WAIT")
    if primary.isVisible():
        assert primary.isEnabled() and primary.says
    chip = looking.strip.chips["module"].words
    assert chip.state == words.colour or state in (ModuleState.READY, ModuleState.BUSY)
    assert_nothing_cut(looking, state)


def test_two_people_load_an_authorisation_by_keys_alone(looking, world, fingers, word):
    world.module = ModuleState.LIMIT_USED
    poll(looking)
    page = looking.page("module")
    assert page.slip.primary.hasFocus()
    fingers.enter()
    assert page.form.field.edit.hasFocus()
    fingers.type(str(word))
    assert page.slip.primary.says == "Read the file"
    fingers.enter()
    assert "Authorisation 7" in says(page) and page.form._people[0].hasFocus()
    assert page.slip.primary.says == "Choose the second person"
    fingers.enter()  # presses the name that has the focus
    assert page.sign.pin.hasFocus()
    fingers.type("1234")
    fingers.enter()
    ((verb, data, first, witness),) = world.given
    assert (verb, data, first) == ("authorisation", word.read_bytes(), KWAME.operator_id)
    assert witness.operator_id == PEOPLE[0].operator_id
    assert "The module has authorisation 7 now." in says(page)
    assert page.slip.primary.hasFocus()
    fingers.press(KEY.Key_Escape)
    assert not page.banner.isVisible() or "authorisation 7" not in page.banner.words


def test_a_wrong_second_pin_is_said_beside_the_form_and_typed_again(looking, world, fingers, word):
    page = looking.page("module")
    page.presenter.choose(Task.AUTHORISATION)
    page.form.field.show_text(str(word))
    fingers.enter()
    fingers.enter()
    world.refuse = InputError("PIN_WRONG", left=3)
    fingers.type("1111")
    fingers.enter()
    assert "Tries left: 3." in says(page.form.problem) and page.sign.pin.text() == ""
    fingers.type("1234")
    fingers.enter()
    assert len(world.given) == 1


def test_a_module_that_takes_nothing_says_so_and_offers_nothing(looking, world):
    world.module_facts |= {"offers": frozenset(), "limited": False, "certified": True}
    poll(looking)
    page = looking.page("module")
    assert not any(button.isVisible() for button in page.buttons.values())
    assert "is given nothing through the till" in says(page) and "NOT CERTIFIED" not in says(page)
    assert all(row.share < 0 for row in page.keys.rows)


def test_escape_leaves_a_task_and_the_keys_of_the_page_work_again(looking, fingers):
    page = looking.page("module")
    QTest.mouseClick(page.buttons[Task.PAIR], Qt.MouseButton.LeftButton)
    assert page.form.isVisible() and not page.form.choose.isVisible()
    fingers.press(KEY.Key_Escape)
    assert page._overview.isVisible() and page.slip.primary.hasFocus()
    fingers.enter()
    assert looking.current in ("sell", "shift")


def test_the_chip_in_the_strip_opens_the_page(looking):
    looking.go("sync")
    QTest.mouseClick(looking.strip.chips["module"], Qt.MouseButton.LeftButton)
    assert looking.current == "module"
    QTest.mouseClick(looking.strip.chips["printer"], Qt.MouseButton.LeftButton)
    assert looking.current == "sync"


def test_a_clerk_reads_it_and_is_told_who_loads(selling, world):
    world.module_facts, world.module = dict(FACTS), ModuleState.KEY_EXPIRED
    selling.go("module")
    poll(selling)
    page = selling.page("module")
    assert not any(button.isVisible() for button in page.buttons.values())
    assert page.slip.primary.says == "A supervisor does this"
    assert page.isAncestorOf(QApplication.focusWidget())


@pytest.mark.parametrize("rtl", [False, True], ids=["ltr", "rtl"])
@pytest.mark.parametrize("size", [(1024, 768), (1366, 768), (1920, 1080)], ids=str)
@pytest.mark.parametrize("task", [None, *Task])
def test_every_face_fits_every_screen_from_both_sides(qapp, looking, word, size, rtl, task):
    page = looking.page("module")
    if rtl:
        qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        looking.resize(*size)
        if task is not None:
            page.presenter.choose(task)
            page.presenter.type_entry(str(word))
            page.presenter.enter()
            page.presenter.choose_second(0)
        settle()
        assert (looking.width(), looking.height()) == size
        assert_nothing_cut(looking, (size, task))
        if size[0] == 1024:
            hint = page.minimumSizeHint()
            assert hint.width() + looking.rail.width() <= 1024, hint
            assert hint.height() + looking.strip.height() <= 720, hint
        for control in page.findChildren(QAbstractButton) + page.findChildren(QLineEdit):
            if control.isVisible():
                assert control.accessibleName(), control
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_sixty_four_keys_scroll_and_push_nothing_away(looking, world):
    keys = tuple(SupplyKey(f"6007{n:02d}", 1 + n % 9, 2014, 255, 4, test=True) for n in range(64))
    world.module_facts["keys"] = keys
    poll(looking)
    page = looking.page("module")
    assert len(page.keys.rows) == 64 and page.keys.height() > page._scroll.height()
    assert_nothing_cut(looking, "64 keys")


@pytest.mark.parametrize("rtl", [False, True])
def test_bars_share_one_scale_and_are_read_aloud(qtbot, rtl):
    rows = KeyRows()
    qtbot.addWidget(rows)
    if rtl:
        rows.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    rows.show_rows(
        (
            KeyRow("SGC 1", "until 2030", "50.0 kWh", "value 1", 500),
            KeyRow("SGC 2", "until 2030", "100.0 kWh", "value 2", 1000, "bad", "Key has ended"),
            KeyRow("SGC 3", "until 2030"),
        )
    )
    rows.resize(400, rows.sizeHint().height())
    rows.show()
    image = rows.grab().toImage()
    assert "100.0 kWh" in rows.accessibleName() and "Key has ended" in rows.accessibleName()
    bar_y = rows._height(rows.rows[0]) - 17
    here, there = (390, 10) if rtl else (10, 390)
    assert image.pixelColor(here, bar_y) != image.pixelColor(there, bar_y)


# ---------------------------------------------------------------- the other pages


def test_a_locked_module_is_told_on_the_sell_page_and_one_key_signs_in_again(
    selling, world, fingers
):
    world.module = ModuleState.LOCKED
    poll(selling)
    note = selling.sell_page().last.note
    assert note.isVisible() and "Nobody has signed in to the module." in note.words
    assert (note.button.text(), note.button.key_cap) == ("Sign in", "F12")
    fingers.press(KEY.Key_F12)
    assert selling.current == "login"
    poll(selling)
    assert "waits for a PIN too" in says(selling.login_page())
    world.module_pins.clear()
    fingers.type("1234")
    fingers.enter()
    assert world.module_pins == [(1, "1234")] and selling.current == "sell"
    world.module = ModuleState.READY
    poll(selling)
    assert not note.isVisible()


def test_a_small_screen_has_room_for_the_last_sale_and_what_the_module_has_against_a_pin(
    selling, world, fingers
):
    buy(fingers)
    fingers.enter()
    fingers.enter()
    world.module = ModuleState.LOCKED
    selling.resize(1024, 768)
    selling._module_said(ModuleError("PIN_WRONG", left=4))
    poll(selling)
    page = selling.sell_page()
    assert page.last.shown.isVisible() and page.last.note.isVisible()
    assert page.minimumSizeHint().height() + selling.strip.height() <= 720
    assert_nothing_cut(selling, "note")


def test_days_go_by_on_a_module_that_says_nothing_new(looking, world):
    page = looking.page("module")
    world.clock.pass_ms(2 * 24 * 3600 * 1000)
    QTest.keyClick(looking, Qt.Key.Key_Shift)  # somebody is here: it does not lock
    poll(looking)
    assert "Key ends in 4 days" in says(page) and "Days left: 10" in says(page)


def test_a_held_module_is_told_before_money_is_on_the_counter(selling, world, fingers):
    world.module = ModuleState.HOLD_LEASE
    poll(selling)
    buy(fingers)
    page = selling.sell_page()
    assert page.presenter.state.phase is Phase.QUOTE and not world.sales
    assert messages.WORDS["STATE_HOLD_LEASE"][0] in says(page.slip)
    world.module = ModuleState.READY
    poll(selling)
    assert messages.WORDS["STATE_HOLD_LEASE"][0] not in says(page.slip)
    fingers.enter()
    assert page.presenter.state.phase is Phase.TENDER


@pytest.mark.parametrize(
    ("trouble", "state", "words"),
    [
        (ModuleError("PIN_WRONG", left=4), ModuleState.LOCKED, "That PIN does not fit."),
        (ModuleError("PIN_BLOCKED", name="Grace"), ModuleState.PIN_BLOCKED, "Grace is locked"),
    ],
    ids=["wrong", "blocked"],
)
def test_what_the_module_has_against_a_pin_is_said_and_keeps_nobody_out(
    window, world, fingers, trouble, state, words
):
    world.module_says, world.module = trouble, state
    fingers.type("1234")
    fingers.enter()
    fingers.type("2000")
    fingers.enter()
    assert window.current == "sell"
    poll(window)
    assert f"You can look and report, but not sell: {words}" in says(window.sell_page().slip)
    fingers.press("5", ALT)
    poll(window)
    assert words in window.page("module").banner.words
    fingers.press("4", ALT)
    assert window.current == "sync"


@pytest.mark.usefixtures("window")
def test_a_wrong_pin_of_the_till_never_reaches_the_module(world, fingers):
    fingers.type("0000")
    fingers.enter()
    assert world.misses == 1 and world.module_pins == []


def test_locking_the_till_signs_out_at_the_module_once(selling, world, fingers):
    world.module_pins.clear()
    fingers.press(KEY.Key_F12)
    selling.lock()
    assert world.module_pins == ["out"]


def test_the_strip_warns_of_a_key_in_the_words_of_the_page(looking):
    chip = looking.strip.chips["module"].words.sentence
    assert chip == "Key ends in 6 days" and chip in says(looking.page("module").banner)


@pytest.mark.parametrize("state", [ModuleState.READY, ModuleState.BUSY])
def test_after_a_document_the_focus_is_on_what_can_be_pressed(looking, world, fingers, word, state):
    world.module = state
    poll(looking)
    page = looking.page("module")
    page.presenter.choose(Task.AUTHORISATION)
    page.form.field.show_text(str(word))
    fingers.enter()
    fingers.enter()
    fingers.type("1234")
    fingers.enter()
    assert len(world.given) == 1
    focus = QApplication.focusWidget()
    assert isinstance(focus, QAbstractButton) and focus.isEnabled() and page.isAncestorOf(focus)


def test_a_pairing_code_that_comes_at_a_scanner_s_speed_stays_in_its_field(looking, world, fingers):
    page = looking.page("module")
    page.presenter.choose(Task.PAIR)
    code = "123456789012345678901234"
    fingers.type(code, each_ms=8)
    assert looking.current == "module"
    assert page.form.field.edit.text() == page.presenter.state.entry == code
    fingers.enter(after_ms=8)
    assert [(verb, entry) for verb, entry, _ in world.given] == [("pair", code)]


def test_a_sign_out_is_not_dropped_for_the_next_person_s_sign_in(selling, world, monkeypatch):
    waiting = WaitingLane()
    monkeypatch.setattr(selling._tasks, "_lanes", waiting)
    world.module_pins.clear()
    selling.lock()
    selling.login_page().presenter._hand_on(KWAME, "9999")
    waiting.work_off()
    assert world.module_pins == ["out", (KWAME.operator_id, "9999")]


class WaitingLane:
    """Takes work and does it in order when it is told to, as a lane that was held up."""

    def __init__(self) -> None:
        self.queue = []

    def run(self, _lane, work, _urgency=None):
        future = Future()
        self.queue.append((work, future))
        return future

    def work_off(self):
        for work, future in self.queue:
            if future.set_running_or_notify_cancel():
                future.set_result(work())
