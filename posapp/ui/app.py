"""Starts the screen: a window at once, the till behind it, and a crash file if all else fails.

Heavy imports and the opening of the store happen inside `build_till`, on a lane, while the
window already shows that it opens.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.errors import PosError, StoreError
from posapp.lanes import Lane, ThreadLanes, Urgency
from posapp.paths import private_folder
from posapp.ui import theme
from posapp.ui.door import Door, keep_door, load_door
from posapp.ui.i18n import load_language
from posapp.ui.tasks import CRASHES, Tasks
from posapp.ui.window import MainWindow

if TYPE_CHECKING:
    from posapp.services.till import Till
    from posapp.ui.extra import ExtraPage
    from posapp.ui.start import Enrol

log = logging.getLogger("posapp.ui")


def make_app(config: TillConfig) -> QApplication:
    """The QApplication with fonts, theme and language; the one that exists if there is one."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(["posapp"])
    app.setApplicationName("posapp")
    theme.load_fonts()
    theme.install(app, config.theme)
    load_language(app, config.language)
    return app


def run(
    build_till: Callable[[], Till],
    config: TillConfig,
    *,
    enrol: Enrol | None = None,
    shown: Callable[[MainWindow], None] | None = None,
    extra: ExtraPage | None = None,
) -> int:
    """Show the window, open the till behind it, and return the exit status when it closes.

    `build_till` runs on a lane and may take seconds; its PosError becomes a sentence with a way
    on. `enrol(address, code)` is offered when the store says NOT_ENROLLED or STORE_MISSING.
    `extra` is one more page.
    """
    app = make_app(config)
    window = MainWindow(None, config, extra)
    crash = CrashFiles(config.folder, window.show_fault)
    crash.install()
    opening = Opening(window, build_till, enrol, config.folder)
    opening.show_door()
    window.showMaximized()  # a counter has one program, and every pixel is its own
    if shown is not None:
        shown(window)
    opening.open()
    try:
        return app.exec()
    finally:
        opening.close()
        crash.remove()


class Opening:
    """Opens the till on a lane; shows what stands in the way; ends it with the window."""

    def __init__(
        self,
        window: MainWindow,
        build_till: Callable[[], Till],
        enrol: Enrol | None,
        folder: Path,
    ) -> None:
        self._folder = folder
        self._door: Door | None = None
        self._window = window
        self._build = build_till
        self._enrol = enrol
        self._lanes = ThreadLanes()
        self._tasks = Tasks(self._lanes, window, folder / CRASHES)
        self.till: Till | None = None
        window.start_page.again.connect(self.open)

    def show_door(self) -> None:
        """Show who may sign in, as far as it is known from the last time."""
        self._door = load_door(self._folder)
        if self._door is not None:
            self._window.show_door(self._door)

    def open(self) -> None:
        """Open, or try again."""
        if self._door is None:
            self._window.show_opening()
        self._tasks.run(Lane.STORE, self._build, self._opened, self._failed)

    def _opened(self, till: Till) -> None:
        self.till = till
        self._window.attach(till)
        till.lanes.run(Lane.REPORT, lambda: self._keep_door(till), Urgency.CHORE)

    def _keep_door(self, till: Till) -> None:
        door = Door(till.site, till.sign_in.people())
        if door != self._door:
            keep_door(self._folder, door)

    def _failed(self, error: PosError) -> None:
        self._door = None
        new = isinstance(error, StoreError) and error.code in ("NOT_ENROLLED", "STORE_MISSING")
        if new and self._enrol is not None:
            page = self._window.show_first_run()
            enrol = self._enrol
            page.asked.connect(
                lambda address, code: self._tasks.run(
                    Lane.SYNC,
                    lambda: enrol(address, code),
                    lambda _: self.open(),
                    page.show_trouble,
                )
            )
            return
        self._window.show_opening()
        self._window.start_page.show_trouble(error)

    def close(self) -> None:
        """Close the till; waits for what is being written."""
        self._tasks.close()
        if self.till is not None:
            self.till.close()
        self._lanes.close()


class CrashFiles:
    """What nobody expected goes to a file in the till's folder, never to a person."""

    def __init__(self, folder: Path, tell: Callable[[], None]) -> None:
        self._folder = folder / CRASHES
        self._tell = tell
        self._stream: TextIO | None = None

    def install(self) -> None:
        """Hook the interpreter, its threads and Qt."""
        try:
            private_folder(self._folder)
            self._stream = (self._folder / "fault.txt").open("a", encoding="utf-8")
        except OSError as error:
            log.info("no crash file can be written: %s", error.strerror)
        else:
            faulthandler.enable(self._stream)
        sys.excepthook = self.caught
        threading.excepthook = lambda args: self.caught(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )
        qInstallMessageHandler(_qt_message)

    def remove(self) -> None:
        """Leave no hook behind."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
        if self._stream is not None:
            faulthandler.disable()
            self._stream.close()
            self._stream = None

    def caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Write the traceback, without local values, and tell the person that nothing is lost."""
        if issubclass(kind, KeyboardInterrupt):
            app = QApplication.instance()
            if app is not None:
                app.quit()
            return
        from posapp.log import write_crash  # a crash is rare; the window opens without it

        error.__traceback__ = error.__traceback__ or trace
        where = write_crash(self._folder, error, SystemClock().now())
        log.error("unexpected %s; its traceback is in %s", kind.__name__, where)
        if threading.current_thread() is threading.main_thread():
            self._tell()


def _qt_message(kind: QtMsgType, _context: object, message: str) -> None:
    quiet = kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg)
    level = logging.INFO if quiet else logging.WARNING
    if "propagateSizeHints" in message:  # the offscreen platform says this of every window
        return
    log.log(level, "Qt: %s", message)
