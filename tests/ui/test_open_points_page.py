"""The page of open points: a sentence and steps for each row, by keys and by role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from test_window import assert_nothing_cut, says
from ui_town import NOW, PEOPLE

from posapp.domain.shift import Shift
from posapp.errors import InputError
from posapp.services.unresolved import Matter, Step, Unresolved
from posapp.ui.shots import settle
from posapp.ui.unresolved import words
from posapp.ui.unresolved.presenter import typed_time

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
GRACE, KWAME = PEOPLE[0], PEOPLE[3]
SALE = {
    "receipt": 1047,
    "amount_minor": 170_000,
    "meter": "45123098761",
    "module": "RM-00117",
}
CLOCK = Unresolved(
    Matter.CLOCK_BACK,
    (Step.SET_CLOCK, Step.WAIT),
    {"floor": NOW, "now": NOW - timedelta(days=2000)},
)
UNKNOWN = Unresolved(
    Matter.UNKNOWN_SALE,
    (Step.WAIT, Step.PRINT_CLAIM, Step.SETTLE_AUDIT),
    SALE,
    NOW,
    b"s" * 16,
)
ORPHAN = Unresolved(
    Matter.ORPHAN,
    (Step.COUNTED, Step.NOT_PAID),
    {"meter": "45123098761", "amount_minor": 25_000},
    NOW,
    seq=9,
)
ROWS = {
    Matter.CLOCK_BACK: CLOCK,
    Matter.CLOCK_JUMPED: Unresolved(
        Matter.CLOCK_JUMPED, (Step.CONFIRM_CLOCK, Step.SET_CLOCK), CLOCK.params
    ),
    Matter.RESTORED: Unresolved(Matter.RESTORED, (Step.ASK_MODULE, Step.GO_ON), {"since": NOW}),
    Matter.UNKNOWN_SALE: UNKNOWN,
    Matter.OPEN_SALE: Unresolved(Matter.OPEN_SALE, (Step.ASK_MODULE,), SALE, NOW, b"o" * 16),
    Matter.ORPHAN: ORPHAN,
    Matter.MODULE_HOLD: Unresolved(
        Matter.MODULE_HOLD,
        (Step.SEE_MODULE,),
        {"hold": "AUDIT_FULL", "waiting": 1000, "maximum": 1000},
    ),
    Matter.CLOCK_AHEAD: Unresolved(
        Matter.CLOCK_AHEAD, (Step.CONFIRM_CLOCK, Step.SET_CLOCK), CLOCK.params
    ),
    Matter.SLIPS: Unresolved(Matter.SLIPS, (Step.SEE_PRINTER,), {"count": 3}),
}


def opened(window, world, rows, person=KWAME):
    world.unresolved = list(rows)
    world.shift = Shift(14, person.operator_id, NOW, 0)
    window.enter(person, world.shift)
    settle()
    window.go("open")
    settle()
    return window.page("open")


@pytest.mark.parametrize("matter", Matter)
@pytest.mark.parametrize("width", [1366, 1024])
def test_every_matter_has_a_sentence_without_a_gap(window, world, matter, width):
    window.resize(width, 768)
    page = opened(window, world, [ROWS[matter]])
    text = says(page)
    assert words.head(ROWS[matter]) in text
    assert "{" not in text
    wanted = [words.step_words(s) for s in ROWS[matter].steps if s is not Step.WAIT]
    assert [button.text() for button in page.rows[0].buttons.values()] == wanted
    assert_nothing_cut(window, matter)


def test_a_clerk_sees_the_rows_and_only_the_steps_that_are_hers(window, world):
    page = opened(window, world, [UNKNOWN, ORPHAN, ROWS[Matter.SLIPS]], GRACE)
    assert [list(row.buttons) for row in page.rows] == [[], [], [Step.SEE_PRINTER]]
    assert "takes a supervisor" in says(page)
    page.presenter.choose(UNKNOWN, Step.PRINT_CLAIM)  # not even past the button
    assert world.given == []


def test_a_claim_slip_is_one_press_and_the_row_follows(window, world):
    page = opened(window, world, [UNKNOWN])
    page.rows[0].buttons[Step.PRINT_CLAIM].click()
    settle()
    assert world.given == [("claim", b"s" * 16, KWAME.operator_id)]
    assert page.rows == [] and "claim slip is printed" in page.banner.words
    assert "Nothing waits" in says(page)


def test_the_time_is_typed_and_a_wrong_one_is_told(window, world, fingers):
    page = opened(window, world, [CLOCK])
    page.rows[0].buttons[Step.SET_CLOCK].click()
    settle()
    assert page.field.edit.hasFocus()
    fingers.type("24.12.2026 0930")
    fingers.enter()
    assert "no date and time" in page.banner.words and world.given == []
    page.field.edit.clear()
    fingers.type("24.12.2026 09:30")
    fingers.enter()
    settle()
    moment = typed_time("24.12.2026 09:30", window._till.site)
    assert world.given == [("set_clock", moment, KWAME.operator_id)]
    assert (moment.hour, moment.minute) == (6, 30)  # Nairobi is three hours before UTC
    assert page.rows == []


def test_a_book_is_read_from_its_file_and_told_in_numbers(window, world, fingers, tmp_path):
    file = tmp_path / "audit.posa"
    page = opened(window, world, [UNKNOWN])
    page.rows[0].buttons[Step.SETTLE_AUDIT].click()
    fingers.type(str(file))
    fingers.enter()
    settle()
    assert page.presenter.state.failure.code == "FILE_UNREADABLE"
    file.write_bytes(b"a book")
    fingers.enter()
    settle()
    assert world.given == [("settle", b"a book", KWAME.operator_id)]
    assert "Made: 1" in page.banner.words


def test_a_refused_step_leaves_the_row_and_says_why(window, world):
    world.refuse = InputError("CLAIM_ASK_FIRST")
    page = opened(window, world, [UNKNOWN])
    page.rows[0].buttons[Step.PRINT_CLAIM].click()
    settle()
    assert len(page.rows) == 1 and "there again" in page.banner.words


def test_esc_leaves_what_was_being_typed(window, world, fingers):
    page = opened(window, world, [CLOCK])
    page.rows[0].buttons[Step.SET_CLOCK].click()
    fingers.type("24.")
    fingers.press(Qt.Key.Key_Escape)
    assert page.presenter.state.step is None and not page.field.isVisible()
    assert page.slip.primary.hasFocus()


def test_the_rail_counts_open_sales_and_the_clock_leads_here(window, world):
    opened(window, world, [])
    window._open_diagnosis("clock")
    assert window.current == "open"
    assert window.rail.buttons["open"]._count == 0
