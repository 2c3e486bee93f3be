"""One program start for bench_window: says when its window could be used, and its memory.

`python -m tests.benchmarks.window_child bare`, or `... till FOLDER`, which runs the till's own
command. A window can be used when it was painted and takes the first key.
"""

from __future__ import annotations

import builtins
import sys
import time
from typing import Any

USABLE_WITHIN_S = 30.0
FIRST_KEY_GOES_TO = ("QLineEdit", "PersonTile")  # the bare window's field, a person of the till


def peak_kb() -> int:
    """The most memory that this process ever held, in KiB; 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            return next((int(line.split()[1]) for line in status if line[:6] == "VmHWM:"), 0)
    except OSError:
        return 0


def until_usable(*_: object) -> int:
    """Stands in for `QApplication.exec`: runs events until the window can be used, and ends."""
    from PySide6.QtCore import QDeadlineTimer, QEventLoop
    from PySide6.QtWidgets import QApplication, QWidget

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    limit = time.monotonic() + USABLE_WITHIN_S
    while time.monotonic() < limit:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, QDeadlineTimer(5))
        for widget in app.allWidgets():
            if (
                type(widget).__name__ in FIRST_KEY_GOES_TO
                and isinstance(widget, QWidget)
                and widget.isVisible()
                and widget.isEnabled()
            ):
                widget.window().repaint()
                print(time.monotonic_ns(), peak_kb(), flush=True)
                return 0
    seen = [str(getattr(w, "text", str)()) for w in app.allWidgets() if w.isVisible()]
    print("never; it shows:", *filter(None, seen), sep="\n  ", flush=True)
    return 1


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
    original = builtins.__import__
    waiting = True

    def watch(*arguments: Any, **options: Any) -> Any:
        nonlocal waiting
        module = original(*arguments, **options)
        if waiting:
            application = getattr(sys.modules.get("PySide6.QtWidgets"), "QApplication", None)
            if application is not None:
                application.exec = until_usable
                waiting = False
        return module

    builtins.__import__ = watch  # stays: PySide6 puts its own around it


if __name__ == "__main__":
    raise SystemExit(bare() if sys.argv[1] == "bare" else till(sys.argv[2]))
