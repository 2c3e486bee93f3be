"""A window on a till in memory, and fingers that type slower than a scanner."""

from __future__ import annotations

import os
from contextlib import contextmanager

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import ui_town


@pytest.fixture
def world():
    return ui_town.World()


@pytest.fixture
def window(qtbot, qapp, world, tmp_path):
    from posapp.config import TillConfig
    from posapp.ui import theme
    from posapp.ui.window import MainWindow

    if qapp.property("dressed") != theme.active().name:
        theme.load_fonts()
        theme.install(qapp, "light")
        qapp.setProperty("dressed", "light")
    made = MainWindow(ui_town.build_till(world), TillConfig(tmp_path))
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


@contextmanager
def _stamped(stamp_ms):
    """QTest's keys carry no time; for this one key, the scanner's watcher reads ours."""
    from posapp.ui.widgets.scan import ScanWatcher

    before = ScanWatcher._stamp
    ScanWatcher._stamp = lambda _self, _event: stamp_ms
    try:
        yield
    finally:
        ScanWatcher._stamp = before


class Fingers:
    """Types into whatever has the focus; every key takes a person's time."""

    def __init__(self, world, window) -> None:
        self._world = world
        self._window = window

    def press(self, key, modifier=None, *, after_ms=400, stamp_ms=0) -> None:
        """One key; `stamp_ms` is when the windowing system says it was pressed (0: it does not)."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QApplication

        self._world.clock.pass_ms(after_ms)
        target = QApplication.focusWidget() or self._window
        if stamp_ms:
            with _stamped(stamp_ms):
                QTest.keyClick(target, key, modifier or Qt.KeyboardModifier.NoModifier)
        else:
            QTest.keyClick(target, key, modifier or Qt.KeyboardModifier.NoModifier)

    def type(self, text, *, each_ms=120) -> None:
        for char in text:
            self.press(char, after_ms=each_ms)

    def enter(self, *, after_ms=400) -> None:
        from PySide6.QtCore import Qt

        self.press(Qt.Key.Key_Enter, after_ms=after_ms)

    def scan(self, text) -> None:
        from PySide6.QtCore import Qt

        self._world.clock.pass_ms(500)
        for char in text:
            self.press(char, after_ms=8)
        self.press(Qt.Key.Key_Return, after_ms=8)


@pytest.fixture
def fingers(world, window):
    return Fingers(world, window)


@pytest.fixture
def selling(window, fingers):
    """Grace is signed in and her shift is open."""
    fingers.type("1234")
    fingers.enter()
    fingers.type("2000")
    fingers.enter()
    assert window.current == "sell"
    return window
