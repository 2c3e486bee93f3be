"""A page from outside: made when it is wanted, told when it is opened and every second."""

from __future__ import annotations

import pytest
import ui_town
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from posapp.config import TillConfig
from posapp.ui.extra import ExtraPage
from posapp.ui.tasks import Tasks
from posapp.ui.window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Guest(QLabel):
    """Notes what it is told."""

    def __init__(self, tasks):
        super().__init__("A guest")
        self.tasks, self.started, self.seen = tasks, 0, []

    def start(self):
        self.started += 1

    def show_status(self, status):
        self.seen.append(status)


def test_a_page_from_outside_stands_last_in_the_rail_and_opens_by_its_key(qtbot, world, tmp_path):
    made = []

    def make(tasks):
        made.append(Guest(tasks))
        return made[-1]

    extra = ExtraPage("guest", "tool", "Guest", make)
    window = MainWindow(ui_town.build_till(world), TillConfig(tmp_path), extra)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.go("guest")
    assert made == []  # nobody is signed in
    window.enter(ui_town.PEOPLE[3], None)
    QTest.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.AltModifier)
    (guest,) = made
    assert window.current == "guest" and guest.isVisible() and isinstance(guest.tasks, Tasks)
    window._poll()
    window.go("sync")
    window.rail.buttons["guest"].click()
    assert (len(made), guest.started, window.current) == (1, 2, "guest")
    assert guest.seen
