"""The one window: rail, page, status strip; who is signed in; what the pages share.

`MainWindow(None, config)` shows the start page at once; `attach` gives it a till. Pages are made
when they are first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QGridLayout, QStackedWidget, QWidget

from posapp.config import TillConfig
from posapp.domain.operator import Operator
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.errors import PosError
from posapp.lanes import Lane
from posapp.ui.i18n import time_text, translate
from posapp.ui.idle_lock import IdleLock
from posapp.ui.sell.state import Phase
from posapp.ui.start import FirstRunPage, KeySheet, StartPage
from posapp.ui.tasks import CRASHES, Tasks
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.focus import FocusRing
from posapp.ui.widgets.panels import Banner
from posapp.ui.widgets.rail import NavRail, StatusStrip
from posapp.ui.widgets.scan import ScanWatcher

if TYPE_CHECKING:
    from posapp.ports import FoundMeter
    from posapp.services.status import TillStatus
    from posapp.services.till import Till
    from posapp.ui.counter.page import CounterPage
    from posapp.ui.door import Door
    from posapp.ui.engineering.page import EngineeringPage
    from posapp.ui.extra import ExtraPage
    from posapp.ui.login.page import LoginPage
    from posapp.ui.module.page import ModulePage
    from posapp.ui.sell.page import SellPage
    from posapp.ui.shift.page import ShiftPage
    from posapp.ui.unresolved.page import UnresolvedPage

POLL_MS = 1000
WIDTH_MIN, HEIGHT_MIN = 1024, 720
PAGES = ("sell", "shift", "day", "sync", "module", "open", "engineering", "counter")


class MainWindow(QWidget):
    """Everything on the screen."""

    closing = Signal()

    def __init__(
        self, till: Till | None, config: TillConfig, extra: ExtraPage | None = None
    ) -> None:
        super().__init__()
        self._config = config
        self._extra = extra
        self._till: Till | None = None
        self._tasks: Tasks | None = None
        self._operator: Operator | None = None
        self._shift: Shift | None = None
        self._status: TillStatus | None = None
        self._asking = False
        self._module_trouble: PosError | None = None
        self._sheet: KeySheet | None = None
        self._notice: Banner | None = None
        self._pages: dict[str, QWidget] = {}
        self._inside: list[QAction] = []  # off while nobody is signed in: Alt+1 is a person then
        self._current = ""
        self.setWindowTitle("posapp")
        self.setMinimumSize(WIDTH_MIN, HEIGHT_MIN)  # pages turn compact below 1280
        self.resize(1366, 768)
        self.rail = NavRail()
        self.strip = StatusStrip()
        self.stack = QStackedWidget()
        self.start_page = StartPage()
        self.stack.addWidget(self.start_page)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(self.rail, 0, 0)
        grid.addWidget(self.stack, 0, 1)
        grid.addWidget(self.strip, 1, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(0, 1)
        self.rail.hide()
        self.strip.hide()
        self.ring = FocusRing(self)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        if till is not None:
            self.attach(till)

    # ------------------------------------------------------------ a till arrives

    def show_door(self, door: Door) -> None:
        """Let a person choose and type while the till opens."""
        from posapp.ui.login.page import LoginPage

        self._show_title(door.site)
        page = self._pages["login"] = LoginPage(door, None, self.enter, self._module_said)
        self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)
        page.start()

    def _show_title(self, site: Site) -> None:
        self.setWindowTitle(f"{site.till_name} · {site.vendor}")

    def attach(self, till: Till) -> None:
        """Build the shell around an open till and ask who sells."""
        self._till = till
        self._tasks = Tasks(till.lanes, self, self._config.folder / CRASHES)
        self._show_title(till.site)
        self._fill_rail()
        self._build_actions()
        self.scanner = ScanWatcher(self, till.clock.monotonic_ms)
        self.scanner.scanned.connect(self._scanned)
        self.scanner.commits = self._enter_would_sell
        self.scanner.belongs_here = self._types_a_code
        minutes = int(self._config.lock_minutes)
        self._idle = IdleLock(self, till.clock.monotonic_ms, minutes)
        self.strip.opened.connect(self._open_diagnosis)
        self.strip.show_test_keys(till.test_keys)
        self.strip.show()
        at_the_door = self.stack.currentWidget() is self._pages.get("login")
        if at_the_door:
            self._stand_at_login()
            self.login_page().presenter.open(till, self._tasks)
        else:
            self.lock()
        self._poll()
        self._timer.start()

    def _fill_rail(self) -> None:
        words = {
            "sell": ("sell", translate("Window", "Sell")),
            "shift": ("till", translate("Window", "Shift")),
            "day": ("day", translate("Window", "Day")),
            "sync": ("sync", translate("Window", "Sync")),
            "module": ("shield", translate("Window", "Module")),
            "open": ("warn", translate("Window", "Open")),
            "engineering": ("tool", translate("Window", "Engineer")),
            "counter": ("account", translate("Window", "Counter")),
        }
        for name, (icon, word) in words.items():
            self.rail.add(name, icon, word, partial(self.go, name))
        if self._extra is not None:
            name = self._extra.name
            self.rail.add(name, self._extra.icon, self._extra.word, partial(self.go, name))
        self.rail.add("lock", "lock", translate("Window", "Lock F12"), self.lock, low=True)

    def _build_actions(self) -> None:
        table: list[tuple[str, str, str, Callable[[], None]]] = [
            ("keys", translate("Window", "All keys"), "F1", self.show_keys),
            ("shift", translate("Window", "Cash and shift"), "F9", lambda: self.go("shift")),
            ("lock", translate("Window", "Lock the till"), "F12", self.lock),
        ]
        titles = {
            "sell": translate("Window", "Page Sell"),
            "shift": translate("Window", "Page Shift"),
            "day": translate("Window", "Page Day"),
            "sync": translate("Window", "Page Sync"),
            "module": translate("Window", "Page Module"),
            "open": translate("Window", "Page Open points"),
            "engineering": translate("Window", "Page Engineer"),
            "counter": translate("Window", "Page Counter"),
        }
        for place, name in enumerate(PAGES):
            table.append((f"page.{name}", titles[name], f"Alt+{place + 1}", partial(self.go, name)))
        if self._extra is not None:
            name, word = self._extra.name, self._extra.word
            table.append((f"page.{name}", word, f"Alt+{len(PAGES) + 1}", partial(self.go, name)))
        for name, words, key, do in table:
            action = add_action(self, f"window.{name}", words, (key,), do, everywhere=True)
            if name != "keys":
                self._inside.append(action)

    # ------------------------------------------------------------ pages

    def page(self, name: str) -> QWidget:
        """A page, made when it is first wanted."""
        found = self._pages.get(name)
        if found is None:
            found = self._pages[name] = self._make(name)
            self.stack.addWidget(found)
        return found

    def _make(self, name: str) -> QWidget:
        # Imported here: the window opens before any page is needed.
        assert self._till is not None and self._tasks is not None
        if name == "login":
            from posapp.ui.login.page import LoginPage

            return LoginPage(self._till, self._tasks, self.enter, self._module_said)
        if name == "shift":
            from posapp.ui.shift.page import ShiftPage

            page = ShiftPage(self._till, self._tasks, self._shift_closed)
            page.day_wanted.connect(lambda: self.go("day"))
            return page
        if name == "day":
            from posapp.ui.reports.page import DayPage

            return DayPage(self._till, self._tasks, self._config.folder)
        if name == "sync":
            from posapp.ui.sync.page import SyncPage

            return SyncPage(self._till, self._tasks)
        if name == "module":
            from posapp.ui.module.page import ModulePage

            return ModulePage(self._till, self._tasks, self._leave)
        if name == "open":
            from posapp.ui.unresolved.page import UnresolvedPage

            return UnresolvedPage(self._till, self._tasks, self._leave)
        if name == "engineering":
            from posapp.ui.engineering.page import EngineeringPage

            return EngineeringPage(self._till, self._tasks)
        if name == "counter":
            from posapp.ui.counter.page import CounterPage

            return CounterPage(self._till, self._tasks)
        if self._extra is not None and name == self._extra.name:
            return self._extra.make(self._tasks)
        from posapp.ui.sell.page import SellPage

        sell = SellPage(self._till, self._tasks)
        sell.left.connect(self._leave)
        sell.show_trouble(self._module_trouble)
        return sell

    @property
    def current(self) -> str:
        """The name of the page that is shown."""
        return self._current

    @property
    def operator(self) -> Operator | None:
        """Who is signed in."""
        return self._operator

    def _enter_would_sell(self) -> bool:
        return self.current == "sell" and self.sell_page().presenter.ready_to_sell()

    def _types_a_code(self) -> bool:
        """A pairing code comes in one go from a stick or a scanner, and is no meter."""
        if self._current != "module":
            return False
        page: ModulePage = self._pages["module"]  # type: ignore[assignment]
        return page.wants_code

    def sell_page(self) -> SellPage:
        """The sell page."""
        from posapp.ui.sell.page import SellPage

        page = self.page("sell")
        assert isinstance(page, SellPage)
        return page

    def login_page(self) -> LoginPage:
        """The login page."""
        from posapp.ui.login.page import LoginPage

        page = self.page("login")
        assert isinstance(page, LoginPage)
        return page

    def go(self, name: str) -> None:
        """Show a page; nothing happens while nobody is signed in."""
        operator = self._operator
        if operator is None:
            return
        if name == "sell" and self._shift is None:
            name = "shift"
        page = self.page(name)
        self._current = name
        self.stack.setCurrentWidget(page)
        self.rail.mark(name)
        self._show_strip()
        if name == "sell":
            self.sell_page().focus_entry()
        elif name == "shift":
            shift_page: ShiftPage = page  # type: ignore[assignment]
            shift_page.start(operator)
        elif name == "engineering":
            work_page: EngineeringPage = page  # type: ignore[assignment]
            work_page.open(operator)
        elif name == "counter":
            counter_page: CounterPage = page  # type: ignore[assignment]
            counter_page.open(operator, self._found())
        elif name == "module":
            module_page: ModulePage = page  # type: ignore[assignment]
            module_page.open(operator, self._module_trouble)
        elif name == "open":
            open_page: UnresolvedPage = page  # type: ignore[assignment]
            open_page.open(operator)
        else:
            start = getattr(page, "start", None)
            if start is not None:
                start()
        self._show_pages_status()

    def _found(self) -> FoundMeter | None:
        """The customer who was found on the sell page and has not bought yet."""
        if "sell" not in self._pages:
            return None
        context = self.sell_page().presenter.state.context
        return context.found if context else None

    def _open_diagnosis(self, chip: str) -> None:
        places = {"module": "module", "clock": "open"}
        self.go(places.get(chip, "sync"))

    def _leave(self, where: str) -> None:
        if where == "sign_in":
            self.lock()
        else:
            self.go(where)

    def _module_said(self, trouble: PosError | None) -> None:
        """The module's answer to a sign-in; what it has against the PIN is told until the next."""
        self._module_trouble = trouble
        for name in ("sell", "module"):
            page = self._pages.get(name)
            if page is not None:
                show: Callable[[PosError | None], None] = page.show_trouble  # type: ignore[attr-defined]
                show(trouble)
        self._poll()

    def lock(self) -> None:
        """Nobody is signed in; what was begun stays where it was."""
        if self._till is None:
            return
        self.close_keys()
        sell = self._pages.get("sell")
        if sell is not None:
            self.sell_page().close_read_out()
        if self._operator is not None and self._tasks is not None:
            # Without a key: the next person's sign-in comes after it and never instead of it.
            self._tasks.run(Lane.SALE, self._till.sign_in.out, lambda _: None, lambda _: None)
        self._stand_at_login()
        self.login_page().start()
        self._show_pages_status()

    def _stand_at_login(self) -> None:
        self._operator = None
        self._allow(inside=False)
        self._current = "login"
        self.rail.hide()
        self.stack.setCurrentWidget(self.login_page())
        self._show_who()

    def enter(self, operator: Operator, shift: Shift | None) -> None:
        """A person signed in; without a shift of theirs only the shift page is open to them."""
        again = self._last_operator == operator and shift is not None
        self._operator = operator
        self._allow(inside=True)
        self._last_operator = operator if shift is not None else None
        self._shift = shift
        self.rail.show()
        self._show_who()
        if shift is None:
            self.go("shift")
            return
        if not again:
            self.sell_page().start(operator)
        self.go("sell")

    _last_operator: Operator | None = None

    def _allow(self, *, inside: bool) -> None:
        for action in self._inside:
            action.setEnabled(inside)

    def _shift_closed(self) -> None:
        self._shift = None
        self._last_operator = None
        self.lock()

    def _scanned(self, text: str) -> None:
        if self._operator is not None and self._shift is not None:
            self.go("sell")
            self.sell_page().scan(text)

    # ------------------------------------------------------------ status

    def _poll(self) -> None:
        if self._till is None or self._tasks is None:
            return
        self.strip.show_time(time_text(self._till.site.local(self._till.clock.now())))
        if self._operator is not None and self._idle.is_over() and not self._is_selling():
            self.lock()
        if not self._asking:
            self._asking = True
            self._tasks.run(Lane.LOOKUP, self._till.status, self._show_status, self._no_status)

    def _is_selling(self) -> bool:
        """A module is being asked: whoever waits for the token must see it come."""
        return "sell" in self._pages and self.sell_page().presenter.state.phase is Phase.SELLING

    def _no_status(self, error: PosError) -> None:
        self._asking = False

    def _show_status(self, status: TillStatus) -> None:
        from posapp.ui.care_words import troubles  # nothing of it is needed before a till is open

        self._asking = False
        self._status = status
        waiting = status.open_sales + (not status.clock_trusted)
        self.rail.buttons["open"].set_count(waiting)
        self.rail.buttons["sync"].set_count(troubles(status))
        self._show_strip()
        self._show_pages_status()

    def _show_strip(self) -> None:
        if self._status is None or self._till is None:
            return
        from posapp.ui.status_words import chips  # its enums come with the till, not before

        now, site = self._till.clock.now(), self._till.site
        counting = self._current == "shift"
        for name, words in chips(self._status, site, now, hide_float=counting).items():
            self.strip.show_chip(name, words)

    def _show_pages_status(self) -> None:
        page = self._pages.get(self._current)
        show = getattr(page, "show_status", None)
        if show is not None and self._status is not None:
            show(self._status)

    def _show_who(self) -> None:
        assert self._till is not None
        person, shift = translate("Window", "Nobody signed in"), ""
        if self._operator is not None:
            person = self._operator.name
            shift = translate("Window", "no shift")
            if self._shift is not None:
                shift = translate("Window", "Shift {number}").format(number=self._shift.number)
        self.strip.show_who(self._till.site.till_name, person, shift)

    # ------------------------------------------------------------ keys, notices, end

    def show_keys(self) -> None:
        """F1: all keys of the page."""
        if self._sheet is not None:
            self.close_keys()
            return
        page = self.stack.currentWidget()
        self._sheet = KeySheet(self, [*(page.actions() if page else []), *self.actions()])
        self._sheet.closed.connect(self.close_keys)
        self._sheet.show()
        self._sheet.raise_()
        self._sheet.setFocus()

    def close_keys(self) -> None:
        """Back to the page."""
        if self._sheet is None:
            return
        self._sheet.hide()
        self._sheet.deleteLater()
        self._sheet = None
        if self._current == "sell" and self._operator is not None:
            self.sell_page().focus_entry()

    def show_fault(self) -> None:
        """Something inside went wrong; say what is safe, over whatever is shown."""
        if self._notice is None:
            self._notice = Banner("bad", large=True)
            self._notice.setParent(self)
            self._notice.acted.connect(self._notice.hide)
        self._notice.tell(
            "bad",
            translate("Window", "Something inside the till went wrong."),
            translate(
                "Window",
                "What was sold is safe and counted once. Look at the last sale before you sell "
                "again. A note for the help line is in the folder crash.",
            ),
            button=translate("Window", "Close"),
        )
        self._notice.setFixedWidth(min(900, self.width() - 64))
        self._notice.adjustSize()
        self._notice.move((self.width() - self._notice.width()) // 2, 24)
        self._notice.show()
        self._notice.raise_()

    def show_first_run(self) -> FirstRunPage:
        """This till belongs to no head office yet."""
        page = FirstRunPage(self._config.head_office_url)
        self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)
        field = page.code if page.address.text() else page.address
        field.edit.setFocus()
        return page

    def show_opening(self) -> None:
        """The till is being opened."""
        door = self._pages.pop("login", None) if self._till is None else None
        if door is not None:
            door.deleteLater()
        self.stack.setCurrentWidget(self.start_page)
        self.start_page.show_opening()

    def resizeEvent(self, event: QResizeEvent) -> None:
        for overlay in (self._sheet,):
            if overlay is not None:
                overlay.setGeometry(self.rect())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            focus = QApplication.focusWidget()
            if focus is None and self._current == "sell" and self._operator is not None:
                self.sell_page().focus_entry()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._timer.stop()
        if self._tasks is not None:
            self._tasks.close()
        self.closing.emit()
        super().closeEvent(event)
