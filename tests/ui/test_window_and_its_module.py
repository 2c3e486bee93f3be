"""The whole till with a module process of its own: set up, sold with, killed, signed in again,
by keys on the window alone.
"""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_window import says

from posapp import config
from posapp.bootstrap import store_key
from posapp.bootstrap import till as bootstrap
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.ports import ModuleState
from posapp.ui.sell.state import Phase
from posapp.ui.window import MainWindow
from tests.services.counter import PIN, a_counter
from tests.services.staffed_module import Shop
from tests.stores import KEY, a_meter_number

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
KEYS = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
WITHIN_MS = 20_000  # two slow cores; a PIN costs a quarter of a second, a lost line three looks


class PacedClock(SystemClock):
    """The real time; between two keys of a person more of it has passed than a scanner takes."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def monotonic_ms(self) -> int:
        return super().monotonic_ms() + self.ahead_ms


class Person:
    """Presses keys on a real till and looks at it until something is so."""

    def __init__(self, qtbot, window, clock) -> None:
        self.qtbot, self.window, self.clock = qtbot, window, clock

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self.clock.ahead_ms += 400
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)

    def type(self, text):
        for char in text:
            self.press(char)

    def enter(self):
        self.press(KEYS.Key_Enter)

    def sees(self, so):
        self.qtbot.waitUntil(so, timeout=WITHIN_MS)

    def sees_state(self, state):
        self.sees(lambda: self.window._status and self.window._status.module.state is state)

    def signs_in(self, place):
        self.sees(lambda: len(self.window.login_page().presenter.state.people) == 2)
        self.press(str(place), ALT)
        self.type(PIN)
        self.enter()
        self.sees(lambda: self.window.operator is not None)


@pytest.fixture
def shop(tmp_path):
    made = Shop.make(tmp_path)
    with made.module.running():
        yield made
    assert made.module.errors() == ""


@pytest.fixture
def person(qtbot, qapp, tmp_path, shop):
    from posapp.ui import theme

    theme.load_fonts()
    theme.install(qapp, "light")
    folder = tmp_path / "till"
    manager = shop.manager()
    a_counter(folder, manager).store.close()
    manager.close()
    (folder / store_key.FILE_NAME).write_text(KEY.hex())
    settings = TillConfig(folder, module_address=shop.module.address, store_key="keyfile")
    config.save(settings)
    clock = PacedClock()
    till = bootstrap.build(settings, clock=clock)
    window = MainWindow(till, settings)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield Person(qtbot, window, clock)
    window.close()
    till.close()


def sell(person, number):
    page = person.window.sell_page()
    sold = page.presenter.state.sold
    person.type(a_meter_number(number).digits)
    person.sees(lambda: page.presenter.state.phase is Phase.QUOTE)
    person.type("500")
    person.enter()
    person.enter()
    person.sees(lambda: page.presenter.state.sold not in (None, sold))
    assert len(page.presenter.state.sold.record.tokens) == 1
    person.enter()


def test_from_a_new_module_to_sales_by_keys_alone(person, shop, tmp_path):
    window = person.window
    person.signs_in(2)  # Kwame, the supervisor
    person.press("5", ALT)
    page = window.page("module")
    person.sees_state(ModuleState.NOT_PAIRED)

    person.sees(lambda: page.slip.primary.says == "Pair")
    person.enter()
    person.type(shop.code())
    person.enter()
    person.sees(lambda: "know each other now" in says(page))
    person.sees_state(ModuleState.LOCKED)

    person.sees(lambda: page.slip.primary.says == "Sign in")
    page.slip.primary.setFocus()
    person.enter()
    assert window.current == "login"
    person.signs_in(2)
    person.press("5", ALT)
    person.sees_state(ModuleState.HOLD_LEASE)  # no authorisation yet

    document = tmp_path / "authorisation-1"
    document.write_bytes(shop.authorisation())
    person.sees(lambda: page.slip.primary.says == "Load an authorisation")
    person.enter()
    person.type(str(document))
    person.enter()
    person.sees(lambda: "Authorisation 1" in says(page))
    person.enter()  # Grace, who has the focus
    person.type(PIN)
    person.enter()
    person.sees_state(ModuleState.READY)
    person.sees(lambda: "The module has authorisation 1 now." in says(page))

    person.press(KEYS.Key_F12)
    person.signs_in(1)  # Grace, whose shift is open
    person.sees(lambda: window.current == "sell")
    person.sees_state(ModuleState.READY)
    sell(person, 1)

    shop.module.restart()
    person.sees_state(ModuleState.LOCKED)
    note = window.sell_page().last.note
    person.sees(lambda: note.isVisible() and note.button.key_cap == "F12")
    person.press(KEYS.Key_F12)
    person.signs_in(1)
    person.sees_state(ModuleState.READY)
    sell(person, 2)
    person.sees(lambda: window._status.module.unacknowledged == 2)
