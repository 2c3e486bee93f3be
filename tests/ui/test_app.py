"""Opening, crashing, pictures: the window before and around a till."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import ui_town
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from posapp.config import TillConfig
from posapp.errors import HeadOfficeError, InputError, StoreError
from posapp.lanes import InlineLanes, Lane, ThreadLanes
from posapp.reports.daily_facts import facts_from
from posapp.ui import shots
from posapp.ui.app import CrashFiles, Opening, make_app
from posapp.ui.tasks import Tasks
from posapp.ui.window import MainWindow

pytestmark = [pytest.mark.usefixtures("qapp"), pytest.mark.qt_log_ignore("propagateSizeHints")]


class Day:
    """The report service on the fake town."""

    def __init__(self, world):
        self._world = world

    def facts(self, day):
        world = self._world
        return facts_from(
            ui_town.SITE,
            day,
            world.sales,
            [world.shift] if world.shift else [],
            made_at=ui_town.NOW,
            chain_code="7f3a",
            operator_names={1: "Grace Otieno"},
            vended_total_minor=sum(s.intent.amount_minor for s in world.sales),
        )

    def pdf(self, day):
        return b"%PDF-1.7"

    def print_slip(self, day):
        return 1


def opened(qtbot, tmp_path, build, enrol=None):
    window = MainWindow(None, TillConfig(tmp_path, head_office_url="http://127.0.0.1:1"))
    qtbot.addWidget(window)
    window.show()
    opening = Opening(window, build, enrol, tmp_path)
    opening.open()
    return window, opening


# ---------------------------------------------------------------- opening


def test_a_window_is_there_before_the_till_and_the_till_arrives(qtbot, tmp_path):
    make_app(TillConfig(tmp_path))
    release = threading.Event()

    def build():
        release.wait(5)
        return ui_town.build_till(ui_town.World())

    window, opening = opened(qtbot, tmp_path, build)
    assert window.isVisible() and window.current == ""
    release.set()
    qtbot.waitUntil(lambda: window.current == "login", timeout=5000)
    window.close()
    opening.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreError("STORE_IN_USE", folder="/till"), "Another till is already open on /till."),
        (StoreError("STORE_KEY_WRONG"), "The key does not open this till's store."),
        (StoreError("STORE_NEWER"), "This store was written by a newer version of the till."),
    ],
)
def test_a_till_that_does_not_open_says_why_and_offers_another_try(qtbot, tmp_path, error, words):
    tries = []

    def build():
        tries.append(1)
        raise error

    window, opening = opened(qtbot, tmp_path, build)
    banner = window.start_page.banner
    qtbot.waitUntil(banner.isVisible, timeout=5000)
    assert banner.words.startswith(words)
    banner.button.click()
    qtbot.waitUntil(lambda: len(tries) == 2, timeout=5000)
    window.close()
    opening.close()


def test_a_new_till_asks_for_head_office_and_opens_after(qtbot, tmp_path):
    asked = []

    def build():
        if not asked:
            raise StoreError("NOT_ENROLLED")
        return ui_town.build_till(ui_town.World())

    def enrol(address, code):
        if code == "WRONG":
            raise InputError("ENROL_CODE_FORM")
        asked.append((address, code))

    window, opening = opened(qtbot, tmp_path, build, enrol)
    qtbot.waitUntil(lambda: window.stack.currentWidget() is not window.start_page, timeout=5000)
    page = window.stack.currentWidget()
    assert page.primary.says == "Type the one-time code"
    QTest.keyClicks(page.code.edit, "WRONG")
    page.primary.click()
    qtbot.waitUntil(page.banner.isVisible, timeout=5000)
    assert "This is no one-time code." in page.banner.words
    page.code.edit.clear()
    QTest.keyClicks(page.code.edit, "ABCD-EFGH")
    QTest.keyClick(page.code.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.current == "login", timeout=5000)
    assert asked == [("http://127.0.0.1:1", "ABCD-EFGH")]
    window.close()
    opening.close()


# ---------------------------------------------------------------- tasks


def test_results_arrive_on_the_ui_thread_and_a_newer_run_supersedes(qtbot):
    lanes = ThreadLanes()
    tasks = Tasks(lanes)
    arrived, threads = [], []
    first = threading.Event()

    def slow():
        first.wait(5)
        return "old"

    def then(value):
        arrived.append(value)
        threads.append(threading.current_thread())

    tasks.run(Lane.LOOKUP, slow, then, arrived.append, key="find")
    tasks.run(Lane.LOOKUP, lambda: "new", then, arrived.append, key="find")
    first.set()
    qtbot.waitUntil(lambda: bool(arrived), timeout=5000)
    lanes.close()
    QApplication.processEvents()
    assert arrived == ["new"] and threads == [threading.main_thread()]


def test_our_errors_come_back_as_values():
    tasks, failed = Tasks(InlineLanes()), []

    def work():
        raise HeadOfficeError("LINE_DOWN")

    tasks.run(Lane.SYNC, work, lambda _: None, failed.append)
    assert [e.code for e in failed] == ["LINE_DOWN"]


def test_what_nobody_expected_comes_back_as_a_value_and_leaves_one_crash_file(tmp_path, expect_log):
    expect_log("unexpected ZeroDivisionError; its traceback is in")
    tasks, failed = Tasks(InlineLanes(), crashes=tmp_path / "crash"), []

    def work():
        raise ZeroDivisionError("of 52601815908301661318")

    for _ in range(3):  # the poll of the status comes every second
        tasks.run(Lane.LOOKUP, work, lambda _: None, failed.append)
    assert [error.code for error in failed] == ["UNEXPECTED"] * 3
    (file,) = (tmp_path / "crash").glob("crash-*.txt")
    text = file.read_text(encoding="utf-8")
    assert "ZeroDivisionError" in text and "52601815908301661318" not in text


def test_nothing_arrives_after_the_window_is_closed():
    tasks, arrived = Tasks(InlineLanes()), []
    tasks.close()
    tasks.run(Lane.SYNC, lambda: 1, arrived.append, arrived.append)
    assert arrived == []


# ---------------------------------------------------------------- crashes


def test_a_crash_leaves_a_file_without_a_traceback_for_the_person(tmp_path, expect_log):
    expect_log("unexpected ZeroDivisionError")
    told = []
    crash = CrashFiles(tmp_path, lambda: told.append(True))
    crash.install()
    try:
        try:
            raise ZeroDivisionError("of 52601815908301661318")
        except ZeroDivisionError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        crash.remove()
    (file,) = (tmp_path / "crash").glob("crash-*.txt")
    assert "ZeroDivisionError" in file.read_text(encoding="utf-8")
    assert "52601815908301661318" not in file.read_text(encoding="utf-8"), "a token is cash"
    assert told == [True]
    assert sys.excepthook is sys.__excepthook__


def test_hooks_stay_away_when_the_folder_cannot_be_made(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with caplog.at_level(logging.INFO):
        crash = CrashFiles(blocked, lambda: None)
        crash.install()
        crash.remove()


# ---------------------------------------------------------------- pictures, imports


def test_pictures_of_every_page_change_nothing(tmp_path):
    world = ui_town.World()
    till = ui_town.build_till(world, report=Day(world))
    till.open_shift(ui_town.PEOPLE[0], 200000)
    context = ui_town.context_of(world, ui_town.AMINA)
    quote = context.by_money(50000)
    from posapp.domain.sale import Tender, TenderKind

    till.sell(context, quote, (Tender(TenderKind.CASH, 50000),), 1)
    files = shots.take(
        till, TillConfig(tmp_path), tmp_path / "screens", sizes=((1024, 768),), themes=("dark",)
    )
    names = [path.name for path in files]
    assert "sell-3-quote-dark-1024.png" in names and "day-dark-1024.png" in names
    assert len(world.sales) == 1 and world.shift is not None
    for path in files:
        image = QImage(str(path))
        assert (image.width(), image.height()) == (1024, 768), path.name
        colors = {
            image.pixelColor(x, y).name() for x in range(0, 1024, 16) for y in range(0, 768, 16)
        }
        assert len(colors) > 5, f"{path.name} is almost empty"


def test_the_screen_pulls_in_no_store_printer_or_report_library():
    code = (
        "import sys, posapp.ui.app, posapp.ui.sell.page, posapp.ui.shift.page\n"
        "import posapp.ui.reports.page, posapp.ui.sync.page, posapp.ui.login.page\n"
        "heavy = {'sqlalchemy', 'reportlab', 'escpos', 'PIL', 'httpx', 'alembic'}\n"
        "found = heavy & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_window_itself_needs_no_page():
    code = (
        "import sys, posapp.ui.app\n"
        "late = [m for m in sys.modules if m.startswith('posapp.ui.') and m.endswith('.page')]\n"
        "assert not late, late\n"
        "heavy = {'cryptography', 'posapp.ports', 'posapp.services.sell', 'zoneinfo'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_file_or_function_has_grown_too_long():
    import ast

    for path in Path(shots.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 600, path.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 70, (path.name, node.name)
