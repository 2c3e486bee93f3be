"""The demonstration's page: what it pulls, what it says meanwhile; it waits for nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from ui_town import NOW, PEOPLE

from posapp.config import TillConfig
from posapp.domain.shift import Shift
from posapp.errors import ConfigError, PosError
from posapp.lanes import Lane
from posapp.ports import ModuleState
from posapp.security_module.states import TABLE
from posapp.ui.demo.page import DemoPage
from posapp.ui.demo.presenter import DemoPresenter, DemoState, Plug
from posapp.ui.extra import ExtraPage
from posapp.ui.running import Direct
from posapp.ui.shots import settle
from posapp.ui.window import PAGES, MainWindow

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class PaperTown:
    """Plugs that move at once and are written down."""

    people = (("Grace Otieno", "clerk", "246810"), ("Kwame Mensah", "supervisor", "975310"))
    slips = "/tmp/town/slips"

    def __init__(self) -> None:
        self.moved: list[tuple[Plug, bool]] = []
        self._plugged = dict.fromkeys(Plug, True)
        self.stuck: Plug | None = None

    def plugs(self) -> dict[Plug, bool]:
        return dict(self._plugged)

    def move(self, plug: Plug, *, plugged: bool) -> None:
        if plug is self.stuck:
            raise ConfigError("PROCESS_NOT_READY", name=plug, log="here")
        self.moved.append((plug, plugged))
        self._plugged[plug] = plugged


class Later(Direct):
    """Keeps work until it is told to do it."""

    def __init__(self) -> None:
        self.kept: list[tuple[Lane, tuple[object, ...]]] = []

    def run(self, lane, work, then, failed, *, key="", urgency=None) -> None:
        self.kept.append((lane, (work, then, failed)))

    def catch_up(self) -> None:
        while self.kept:
            lane, (work, then, failed) = self.kept.pop(0)
            super().run(lane, work, then, failed)


def test_a_plug_is_moved_on_a_lane_and_only_once_at_a_time():
    town, later, states = PaperTown(), Later(), list[DemoState]()
    presenter = DemoPresenter(town, later, states.append)
    presenter.turn(Plug.CABLE)
    presenter.turn(Plug.CABLE)
    assert [lane for lane, _ in later.kept] == [Lane.REPORT]
    assert (town.moved, states[-1].moving) == ([], {Plug.CABLE})
    later.catch_up()
    assert (town.moved, states[-1].moving) == ([(Plug.CABLE, False)], frozenset())
    assert states[-1].plugged[Plug.CABLE] is False


def test_all_is_put_right_with_the_module_before_its_cable():
    town = PaperTown()
    presenter = DemoPresenter(town, Direct(), lambda _: None)
    presenter.turn(Plug.CABLE)
    presenter.turn(Plug.MODULE)
    presenter.put_right()
    assert town.moved[2:] == [(Plug.MODULE, True), (Plug.CABLE, True)]
    assert presenter.state.whole


def test_a_plug_that_does_not_move_says_why_and_stays():
    town = PaperTown()
    town.stuck = Plug.LINE
    presenter = DemoPresenter(town, Direct(), lambda _: None)
    presenter.turn(Plug.LINE)
    assert isinstance(presenter.state.failure, PosError)
    assert presenter.state.plugged[Plug.LINE] and not presenter.state.moving


@pytest.fixture
def town():
    return PaperTown()


@pytest.fixture
def window(qtbot, qapp, world, town, tmp_path):
    from ui_town import build_till

    from posapp.ui import theme

    theme.load_fonts()
    theme.install(qapp, "light")
    extra = ExtraPage("demo", "tool", "Demo", lambda tasks: DemoPage(town, tasks))
    made = MainWindow(build_till(world), TillConfig(tmp_path), extra)
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    made.enter(PEOPLE[0], Shift(1, PEOPLE[0].operator_id, NOW, 0))
    QTest.keyClick(made, Qt.Key(Qt.Key.Key_1 + len(PAGES)), Qt.KeyboardModifier.AltModifier)
    settle()
    return made


def demo_page(window: MainWindow) -> DemoPage:
    page = window.page("demo")
    assert isinstance(page, DemoPage) and page.isVisible()
    return page


def test_digits_move_plugs_and_enter_puts_them_right(window, town):
    page = demo_page(window)
    assert not page.slip.primary.isEnabled()
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4):
        QTest.keyClick(window.focusWidget(), key)
    assert town.moved == [(plug, False) for plug in Plug]
    assert page.rows[Plug.CABLE].button.text() == "Plug it in"
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert all(town.plugs().values())
    assert page.rows[Plug.CABLE].button.text() == "Pull the cable"


@pytest.mark.parametrize("state", [ModuleState.ABSENT, ModuleState.LOCKED, ModuleState.READY])
def test_the_page_says_what_the_module_says(window, state):
    words = TABLE[state]
    module = replace(
        window._till.status().module, state=state, sentence=words.sentence, colour=words.colour
    )
    page = demo_page(window)
    page.show_status(replace(window._till.status(), module=module))
    assert page.banner.state == words.colour
    assert page.banner.isVisible()


def test_everybodys_pin_and_the_folder_of_the_slips_are_there(window):
    page = demo_page(window)
    said = " ".join(child.accessibleName() for child in page.findChildren(QWidget))
    assert "Grace Otieno 246810" in said and "Kwame Mensah 975310" in said
    assert page.slips.whole == PaperTown.slips


@pytest.mark.parametrize("width", [1024, 1366])
def test_nothing_is_cut_off(window, width):
    window.resize(width, 720)
    settle()
    page = demo_page(window)
    for row in page.rows.values():
        for label in row.findChildren(QLabel):
            assert label.text() == label.whole
    assert page.minimumSizeHint().height() <= 720
