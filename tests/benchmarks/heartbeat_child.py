"""A window whose heart is listened to: `python -m tests.benchmarks.heartbeat_child HOW SECONDS`.

HOW is `bare`, or the folder of a till whose person signs in, sells once and says `ready`. When a
line comes in, the person types on and sells again while the heart is listened to for SECONDS.
Says the latest beat in microseconds and how many beats there were.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMainWindow

BEAT_MS = 10
KEY_MS = 90  # slower than a scanner
WITHIN_S = 30.0
AMOUNT = "200"


class Heart:
    """A timer of the UI thread that knows how late it is."""

    def __init__(self) -> None:
        self.latest_ns = self.beats = 0
        self._due = 0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._due = time.monotonic_ns() + BEAT_MS * 1_000_000
        self._timer.start()

    def stop(self) -> None:
        """Before it is forgotten: a timer that another thread sweeps up still fires."""
        self._timer.stop()
        self._timer.deleteLater()

    def _beat(self) -> None:
        now = time.monotonic_ns()
        self.latest_ns = max(self.latest_ns, now - self._due)
        self.beats += 1
        self._due = now + BEAT_MS * 1_000_000


def until(ready: Callable[[], bool]) -> None:
    """Run events until it is so."""
    limit = time.monotonic() + WITHIN_S
    while not ready():
        if time.monotonic() > limit:
            shown = QApplication.activeWindow()
            texts = [] if shown is None else shown.findChildren(QLabel)
            raise TimeoutError(" | ".join(text.text() for text in texts if text.isVisible()))
        QTest.qWait(10)


def press(key: Qt.Key) -> None:
    focus = QApplication.focusWidget()
    if focus is not None:
        QTest.keyClick(focus, key)
    QTest.qWait(KEY_MS)


def write(text: str) -> None:
    """As fingers do."""
    for character in text:
        focus = QApplication.focusWidget()
        if focus is not None:
            QTest.keyClicks(focus, character)
        QTest.qWait(KEY_MS)


class BareWindow:
    """The least that a person can type into."""

    def __init__(self) -> None:
        self._app = QApplication([])
        self._window = QMainWindow()
        self._field = QLineEdit()
        self._window.setCentralWidget(self._field)
        self._window.show()
        self._field.setFocus()

    def open(self) -> None:
        until(self._field.isVisible)

    def sell(self, digits: str) -> None:
        write(digits + AMOUNT)

    def close(self) -> None:
        self._window.close()


class TillWindow:
    """The till as its command shows it."""

    def __init__(self, folder: Path) -> None:
        from posapp import config
        from posapp.bootstrap import till
        from posapp.ui.app import Opening, make_app
        from posapp.ui.window import MainWindow

        settings = config.load(folder)
        self._app = make_app(settings)
        self._window = MainWindow(None, settings)
        self._opening = Opening(self._window, lambda: till.build(settings), None, folder)
        self._window.show()
        self._window.activateWindow()

    def open(self) -> None:
        """Signed in, with one sale sold."""
        from tests.services.counter import PIN
        from tests.stores import a_meter_number

        self._opening.open()
        until(lambda: self._opening.till is not None)
        QTest.qWait(500)
        write(PIN)
        press(Qt.Key.Key_Return)
        until(lambda: self._window.current == "sell")
        self.sell(a_meter_number(1).digits)
        until(lambda: self._phase() == "sold")
        press(Qt.Key.Key_Return)

    def sell(self, digits: str) -> None:
        write(digits)
        until(lambda: self._phase() == "quote")
        for _ in ("the amount", "the cash"):
            write(AMOUNT)
            press(Qt.Key.Key_Return)

    def close(self) -> None:
        self._window.close()
        self._opening.close()

    def _phase(self) -> str:
        return self._window.sell_page().presenter.state.phase.name.lower()


def main(how: str, seconds: str) -> None:
    from tests.stores import a_meter_number

    window: BareWindow | TillWindow
    window = BareWindow() if how == "bare" else TillWindow(Path(how))
    window.open()
    print("ready", flush=True)
    sys.stdin.readline()
    heart = Heart()
    heart.start()
    end = time.monotonic() + float(seconds)
    window.sell(a_meter_number(2).digits)
    while time.monotonic() < end:
        write("7")
    heart.stop()
    print(heart.latest_ns // 1000, heart.beats, flush=True)
    window.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
