"""Tells a barcode scanner from a person: many keys, each within 30 ms of the one before.

A scan lands in the omnibox from any focus, what it had typed elsewhere is taken back, and its
Enter only ends the search: it never reaches a button.
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
            return self._key(event.text())
        return False

    def _gap(self) -> int:
        return self._now_ms() - self._last_ms

    def _key(self, char: str) -> bool:
        close = self._gap() <= theme.active().ms("scan_gap")
        self._last_ms = self._now_ms()
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
        burst = len(self._keys) >= BURST_MIN
        if burst and self._gap() <= END_AFTER_MS:
            if kind == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            self._finish()
            return True
        self._keys = ""
        return False

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
