"""One program start for bench_window: says when its window could be used, and its memory.

`python -m tests.benchmarks.window_child bare`, or `... till FOLDER`, which runs the till's own
command. A window can be used when it was painted and takes the first key; a till is open when
its status strip shows, which is when the PIN that was typed meanwhile is checked.
"""

from __future__ import annotations

import sys
import time

USABLE_WITHIN_S = 30.0
LOOK_MS = 10
FIRST_KEY_GOES_TO = ("QLineEdit", "PersonTile")  # the bare window's field, a person of the till


def peak_kb() -> int:
    """The most memory that this process ever held, in KiB; 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            return next((int(line.split()[1]) for line in status if line[:6] == "VmHWM:"), 0)
    except OSError:
        return 0


class Watch:
    """Looks at the application now and then; between the looks its event loop sleeps for real."""

    def __init__(self) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        self.loop = QEventLoop()
        self.limit = time.monotonic() + USABLE_WITHIN_S
        self.usable = 0
        self.timer = QTimer()
        self.timer.setInterval(LOOK_MS)
        self.timer.timeout.connect(self.look)

    def look(self) -> None:
        """Note when the window takes a key, and end when the till is open."""
        from PySide6.QtWidgets import QApplication, QWidget

        shown = {
            type(widget).__name__: widget
            for widget in QApplication.allWidgets()
            if isinstance(widget, QWidget) and widget.isVisible() and widget.isEnabled()
        }
        taking = [shown[name] for name in FIRST_KEY_GOES_TO if name in shown]
        if taking and not self.usable:
            taking[0].window().repaint()
            self.usable = time.monotonic_ns()
        if self.usable and ("StatusStrip" in shown or "MainWindow" not in shown):
            print(self.usable, time.monotonic_ns(), peak_kb(), flush=True)
            self.loop.exit(0)
        elif time.monotonic() > self.limit:
            seen = [str(getattr(widget, "text", str)()) for widget in shown.values()]
            print("never; it shows:", *filter(None, seen), sep="\n  ", flush=True)
            self.loop.exit(1)


def until_usable(*_: object) -> int:
    """Stands in for `QApplication.exec`: runs events until the till is open, and ends."""
    watch = Watch()
    watch.timer.start()
    return int(watch.loop.exec())


def bare() -> int:
    """The least that a window with a field can be."""
    from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow

    app = QApplication([])
    window = QMainWindow()
    window.setCentralWidget(QLineEdit())
    window.show()
    status = until_usable()
    window.close()
    del app
    return status


def till(folder: str) -> int:
    """The till's own command on a till's folder; what it loads first is its own affair."""
    _stand_in_once_qt_is_loaded()
    from posapp.cli import main

    return main(["--data", folder])


def _stand_in_once_qt_is_loaded() -> None:
    from posapp.ui import qt_loading

    load = qt_loading.load_qt

    def load_and_stand_in() -> None:
        load()
        from PySide6.QtWidgets import QApplication

        QApplication.exec = until_usable  # type: ignore[method-assign,assignment]

    qt_loading.load_qt = load_and_stand_in


if __name__ == "__main__":
    raise SystemExit(bare() if sys.argv[1] == "bare" else till(sys.argv[2]))
