"""Tells a barcode scanner from a person: many keys, each within 30 ms of the one before.

A scan lands in the omnibox from any focus, what it had typed elsewhere is taken back, and its
Enter only ends the search: it never reaches a button. Times are those of the key presses, not of
their arrival: a busy computer delivers a slow hand's keys all at once.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from posapp.ui import theme
from posapp.ui.widgets.buttons import ENTER_KEYS

BURST_MIN = 4  # so many keys in a row are no person's
SCAN_MIN = 6  # a shorter burst is not a number of ours
END_AFTER_MS = 60  # a scanner without Enter has finished by then


class ScanWatcher(QObject):
    """Watches the application's keys; `scanned(text)` carries a whole scan."""

    scanned = Signal(str)

    def __init__(self, window: QWidget, now_ms: Callable[[], int]) -> None:
        super().__init__(window)
        self._window = window
        self._now_ms = now_ms
        self.commits: Callable[[], bool] = lambda: False  # whether an Enter would sell now
        self.belongs_here: Callable[[], bool] = lambda: False  # fast keys are for the focus now
        self._enters_ms = (-1_000_000, -1_000_000)  # the last two presses of Enter
        self._keys = ""
        self._last_ms = -1_000_000
        self._kept: tuple[QLineEdit, str] | None = None
        self._ending = False
        self._end = QTimer(self)
        self._end.setSingleShot(True)
        self._end.timeout.connect(self._finish)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)
        self._follow(None, QApplication.focusWidget())

    def _follow(self, old: QWidget | None, now: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if now is not None and now.window() is self._window:
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        if not isinstance(event, QKeyEvent):
            return False
        if event.key() in ENTER_KEYS:
            return self._enter(event, kind)
        if kind == QEvent.Type.KeyPress and len(event.text()) == 1 and event.text().isprintable():
            return self._key(event)
        return False

    def _stamp(self, event: QKeyEvent) -> int:
        """When the key was pressed, in ms of the windowing system; else when it arrived."""
        return int(event.timestamp()) or self._now_ms()

    def _key(self, event: QKeyEvent) -> bool:
        if self.belongs_here():
            self._keys = ""
            return False
        char, stamp = event.text(), self._stamp(event)
        close = stamp - self._last_ms <= theme.active().ms("scan_gap")
        self._last_ms = stamp
        if not close:
            self._keys = char
            focus = QApplication.focusWidget()
            self._kept = (focus, focus.text()) if isinstance(focus, QLineEdit) else None
            return False
        self._keys += char
        if len(self._keys) < BURST_MIN:
            return False
        if len(self._keys) == BURST_MIN:
            self._take_back()
        self._end.start(END_AFTER_MS)
        return True

    def _enter(self, event: QKeyEvent, kind: QEvent.Type) -> bool:
        stamp = self._stamp(event)
        if len(self._keys) >= BURST_MIN and stamp - self._last_ms <= END_AFTER_MS:
            if kind == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            self._finish()
            return True
        self._keys = ""
        return self._too_soon(event, stamp)

    def _too_soon(self, event: QKeyEvent, stamp: int) -> bool:
        """Swallow the second half of a double press where it would sell."""
        if stamp != self._enters_ms[1]:  # the override and the press of one key have one stamp
            self._enters_ms = (self._enters_ms[1], stamp)
        gap = self._enters_ms[1] - self._enters_ms[0]
        if not self.commits() or gap >= theme.active().ms("commit_dwell"):
            return False
        event.accept()
        return True

    def _take_back(self) -> None:
        if self._kept is None:
            return
        field, text = self._kept
        if isinstance(field, QLineEdit):
            field.setText(text)
            typed = getattr(field, "typed", None)
            if typed is not None:
                typed.emit(text)
            else:
                field.textEdited.emit(text)

    def _finish(self) -> None:
        self._end.stop()
        text, self._keys, self._kept = self._keys, "", None
        self._last_ms = -1_000_000
        if len(text) >= SCAN_MIN:
            self.scanned.emit(text)
