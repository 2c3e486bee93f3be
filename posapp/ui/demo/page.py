"""The sample town's page: a row a plug, what the module says to it, and everybody's PIN."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.errors import PosError
from posapp.ui import theme
from posapp.ui.demo.presenter import DemoPresenter, DemoState, Plug, Town
from posapp.ui.i18n import ltr, say, translate
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Panel, Rule, SlipPanel, place_sides, relayout
from posapp.ui.widgets.text import Label, Paragraph, StateShape

if TYPE_CHECKING:
    from posapp.services.status import TillStatus


@dataclass(frozen=True, slots=True)
class PlugWords:
    """A row's words, in place and pulled."""

    title: str
    plugged: str
    pulled: str
    pull: str
    plug: str


def plug_words() -> dict[Plug, PlugWords]:
    """The words of every plug."""
    return {
        Plug.CABLE: PlugWords(
            translate("Demo", "The module's cable"),
            translate("Demo", "In. Till and module talk."),
            translate("Demo", "Out. The module runs on alone."),
            translate("Demo", "Pull the cable"),
            translate("Demo", "Plug it in"),
        ),
        Plug.PAPER: PlugWords(
            translate("Demo", "The printer's paper"),
            translate("Demo", "In. Slips are printed."),
            translate("Demo", "Out. Slips wait, tokens show."),
            translate("Demo", "Take the paper"),
            translate("Demo", "Put paper in"),
        ),
        Plug.LINE: PlugWords(
            translate("Demo", "Head office's line"),
            translate("Demo", "On. Sales go up."),
            translate("Demo", "Off. Selling goes on."),
            translate("Demo", "Cut the line"),
            translate("Demo", "Mend the line"),
        ),
        Plug.MODULE: PlugWords(
            translate("Demo", "The module's power"),
            translate("Demo", "On. A PIN opens it."),
            translate("Demo", "Off. Later it asks for a PIN."),
            translate("Demo", "Cut the power"),
            translate("Demo", "Switch it on"),
        ),
    }


class DemoPage(QWidget):
    """Pull something, see what the till says, and put it right again."""

    def __init__(self, town: Town, tasks: Runner) -> None:
        super().__init__()
        self._compact = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # for its digits; Enter is the primary's
        self.setProperty("ring", "none")
        self._words = plug_words()
        self.presenter = DemoPresenter(town, tasks, self.show_state)
        self.rows: dict[Plug, _Row] = {}
        self._work = QWidget()
        self._fill_work()
        self._slip_side(town)
        place_sides(self, self._work, self.slip)
        words = translate("Demo", "Put everything right")
        add_action(self, "demo.right", words, ("Enter", "Return"), self._put_right)
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _fill_work(self) -> None:
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(16)
        self._column.addSpacing(8)
        self._column.addWidget(Label(translate("Demo", "A sample town"), "name"))
        words = translate(
            "Demo", "Take something away while you sell, and see what the till makes of it."
        )
        self._column.addWidget(Paragraph(words))
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 8, 24, 8)
        column.setSpacing(0)
        for place, plug in enumerate(Plug):
            if place:
                column.addWidget(Rule())
            row = self.rows[plug] = _Row(self._words[plug], str(place + 1))
            row.button.clicked.connect(partial(self._turn, plug))
            column.addWidget(row)
            name = f"demo.{plug}"
            add_action(self, name, self._words[plug].title, (str(place + 1),), row.button.click)
        self._column.addWidget(panel)
        self.banner = Banner("off")
        self._column.addWidget(self.banner)
        self._column.addStretch(1)

    def _slip_side(self, town: Town) -> None:
        self.slip = SlipPanel()
        body = Body()
        people = QuoteLines()
        roles = {
            "clerk": translate("Demo", "Clerk"),
            "vendor": translate("Demo", "Vendor"),
            "supervisor": translate("Demo", "Supervisor"),
        }
        people.show_lines(
            tuple(Line(name, pin, roles.get(role, role)) for name, role, pin in town.people)
        )
        body.gap(8)
        body.add(people)
        body.gap(16)
        body.add(Label(translate("Demo", "Slips are printed to"), "caption", "muted"))
        body.gap(4)
        self.slips = Label(ltr(town.slips), "body", elide=True)
        body.add(self.slips)
        body.rest()
        body.add(Paragraph(translate("Demo", "All of it is gone when the window closes.")))
        self.slip.add_body(body)
        self.slip.show_body(body, translate("Demo", "People and their PINs"))
        self.slip.primary.clicked.connect(self._put_right)

    def start(self) -> None:
        """The page was opened."""
        self.setFocus()

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        self.presenter.show_status(status)

    def _turn(self, plug: Plug) -> None:
        self.presenter.turn(plug)

    def _put_right(self) -> None:
        self.presenter.put_right()

    def show_state(self, state: DemoState) -> None:
        """Render a state."""
        for plug, row in self.rows.items():
            row.show_plug(plugged=state.plugged[plug], moving=plug in state.moving)
        words = translate("Demo", "Put everything right")
        reason = translate("Demo", "Everything is in its place") if state.whole else ""
        if self.slip.primary.hasFocus():  # it is about to be off, and the strip would be next
            self.setFocus()
        if state.moving:
            self.slip.primary.show_action(words)
            self.slip.primary.show_busy(translate("Demo", "One moment"))
        else:
            self.slip.primary.show_action(words, reason=reason)
        self._show_banner(state)

    def _show_banner(self, state: DemoState) -> None:
        self.banner.setVisible(state.failure is not None or state.status is not None)
        if state.failure is not None:
            told = say(state.failure)
            self.banner.tell("bad", told.what, told.body)
        elif state.status is not None:
            module = state.status.module
            told = say(PosError(module.sentence))
            self.banner.tell(module.colour, told.what, told.body)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)


class _Row(QWidget):
    """A plug: its shape, two lines of words, and the button that moves it."""

    HEIGHT, BUTTON = 72, 184

    def __init__(self, words: PlugWords, key: str) -> None:
        super().__init__()
        self._words = words
        self.shape = StateShape("ok", 16)
        self._second = Label("", "body", "muted", elide=True)
        self.button = Button(words.pull, key=key)
        self.button.setMinimumWidth(self.BUTTON)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addStretch(1)
        column.addWidget(Label(words.title, "strong", elide=True))
        column.addWidget(self._second)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.shape)
        row.addLayout(column, 1)
        row.addWidget(self.button)
        self.setFixedHeight(self.HEIGHT)

    def show_plug(self, *, plugged: bool, moving: bool) -> None:
        """In place or pulled. Pressed while it moves it does nothing, and so keeps the focus."""
        self.shape.set_state("busy" if moving else "ok" if plugged else "off")
        self._second.setText(self._words.plugged if plugged else self._words.pulled)
        words = self._words.pull if plugged else self._words.plug
        self.button.setText(words)
        self.button.setAccessibleName(words)
