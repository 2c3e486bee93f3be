"""The security module's page: its state and keys at work, its facts and the next step aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from posapp.domain.operator import Operator
from posapp.errors import PosError
from posapp.ui import messages, theme
from posapp.ui.expiry import next_expiry
from posapp.ui.i18n import say, translate
from posapp.ui.module import words
from posapp.ui.module.bars import KeyRows
from posapp.ui.module.form import TaskForm
from posapp.ui.module.notice import expiry_told, trouble_head
from posapp.ui.module.presenter import PIN_MIN, ModulePageState, ModulePresenter, Task
from posapp.ui.module.signing import SignBody
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.lines import QuoteLines
from posapp.ui.widgets.panels import (
    Banner,
    Panel,
    SlipPanel,
    escape,
    place_sides,
    relayout,
)
from posapp.ui.widgets.text import Label, Paragraph, StateShape

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till

ICONS = {
    Task.AUTHORISATION: "shield",
    Task.KEYS: "key",
    Task.CONFIRMATION: "check",
    Task.AUDIT: "usb",
    Task.PAIR: "swap",
}


class ModulePage(QWidget):
    """Everybody sees how the module stands; a supervisor gives it what it lacks."""

    def __init__(self, till: Till, tasks: Runner, leave: Callable[[str], None]) -> None:
        """`leave` gets `sell` or `sign_in` when that is what the state asks for."""
        super().__init__()
        self._till = till
        self._compact = False
        self._trouble: PosError | None = None
        self._parked = False  # the focus waits on the keys for something to press
        self._focus_key: tuple[Task | None, bool, int] | None = None
        self.presenter = ModulePresenter(till, tasks, self.show_state, leave)
        self._work = QStackedWidget()
        self._overview = QWidget()
        self._fill_overview()
        self.form = TaskForm()
        self._work.addWidget(self._overview)
        self._work.addWidget(self.form)
        self._fill_slip()
        place_sides(self, self._work, self.slip)
        self._connect()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    # ------------------------------------------------------------ building

    def _fill_overview(self) -> None:
        self._column = QVBoxLayout(self._overview)
        self._column.setSpacing(12)
        self._column.addSpacing(8)
        self._column.addWidget(Label(translate("Module", "Security module"), "name"))
        self._column.addWidget(self._state_panel())
        self.banner = Banner("off")
        self.banner.hide()
        self._column.addWidget(self.banner)
        self._column.addWidget(self._keys_panel(), 1)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        self.buttons: dict[Task, Button] = {}
        for task in Task:
            button = Button(words.task_words(task), icon=ICONS[task])
            self.buttons[task] = button
        self._column.addLayout(self._grid)
        self._only = Paragraph("")
        self._column.addWidget(self._only)

    def _state_panel(self) -> QWidget:
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(12)
        self._shape = StateShape("off", 16)
        self.headline = Paragraph("", "title", "text")
        line.addWidget(self._shape)
        line.addWidget(self.headline, 1)
        column.addLayout(line)
        self.told = Paragraph("", "body", "muted")
        column.addWidget(self.told)
        return panel

    def _keys_panel(self) -> QWidget:
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(12, 14, 12, 10)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.addSpacing(12)
        head.addWidget(Label(translate("Module", "Keys, and what is left"), "strong"), 1)
        self._count = Label("", "body", "muted")
        head.addWidget(self._count)
        head.addSpacing(12)
        column.addLayout(head)
        self.keys = KeyRows()
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(12, 0, 12, 0)
        inner.addWidget(self.keys)
        self._no_keys = Paragraph("")
        inner.addWidget(self._no_keys)
        inner.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(holder)
        self._scroll.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._scroll.setAccessibleName(translate("Module", "Keys, and what is left"))
        column.addWidget(self._scroll, 1)
        return panel

    def _fill_slip(self) -> None:
        self.slip = SlipPanel()
        self._facts_body = Body()
        self.facts = QuoteLines()
        self._facts_body.gap(8)
        self._facts_body.add(self.facts)
        self._facts_body.rest()
        self._todo = Paragraph("")
        self._facts_body.add(self._todo)
        self.slip.add_body(self._facts_body)
        self.sign = SignBody()
        self.slip.add_body(self.sign)

    def _connect(self) -> None:
        presenter = self.presenter
        for task, button in self.buttons.items():
            button.clicked.connect(lambda _=False, task=task: presenter.choose(task))
        self.slip.primary.clicked.connect(presenter.enter)
        self.banner.acted.connect(self._back)
        self.form.typed.connect(presenter.type_entry)
        self.form.second_chosen.connect(presenter.choose_second)
        self.form.left.connect(presenter.back)
        self.sign.pin.typed.connect(presenter.type_pin)
        enter = translate("Module", "Next step")
        add_action(self, "module.enter", enter, ("Enter", "Return"), presenter.enter)
        add_action(self, "module.back", translate("Module", "One step back"), ("Esc",), self._back)

    @property
    def wants_code(self) -> bool:
        """Whether what is typed now is a pairing code."""
        return self.presenter.state.task is Task.PAIR

    def _back(self) -> None:
        self.presenter.back()
        self._keep_focus(had=self.presenter.state.task is None)

    # ------------------------------------------------------------ showing

    def open(self, operator: Operator, trouble: PosError | None) -> None:
        """The page was opened; `trouble` is what the module said to this person's PIN."""
        self._trouble = trouble
        self._focus_key = None
        self.presenter.start(operator)
        self._keep_focus(had=True)

    def show_status(self, status: TillStatus) -> None:
        """The window's poll; days go by on a module that says nothing new."""
        self.presenter.show_status(status)
        state = self.presenter.state
        if state.task is None and not state.busy:
            self.show_state(state)

    def show_trouble(self, trouble: PosError | None) -> None:
        """The module answered to a sign-in meanwhile."""
        self._trouble = trouble
        self.show_state(self.presenter.state)

    def show_state(self, state: ModulePageState) -> None:
        """Render a state."""
        self._show_overview(state)
        if state.task is None:
            came_back = self._work.currentWidget() is self.form and self.isVisible()
            self._focus_key = None
            self._work.setCurrentWidget(self._overview)
            self._show_facts(state, came_back=came_back)
            return
        formatter = messages.formatter_for(self._till.site)
        self.form.show_state(state, self._till.site, formatter)
        self._work.setCurrentWidget(self.form)
        self.sign.show_state(state)
        title = translate("Module", "Both sign the same sentence")
        if not state.needs_two:
            title = translate("Module", "This will happen")
        self.slip.show_body(self.sign, title)
        self._offer(state)
        self._place_focus(state)

    def _show_overview(self, state: ModulePageState) -> None:
        for task, button in self.buttons.items():
            button.setVisible(task in state.tasks)
        self._only.setVisible(not state.tasks)
        nothing = state.status is not None and not state.status.offers
        self._only.set_html(
            translate("Module", "This kind of module is given nothing through the till.")
            if nothing
            else translate("Module", "A supervisor loads what the module needs and pairs it.")
        )
        status, site, now = state.status, self._till.site, self._till.clock.now()
        if status is None:
            return
        told = words.state_told(status)
        self._shape.set_state(status.colour or "off")
        self.headline.set_html(escape(told.what))
        self.told.set_html(escape(told.body))
        self.keys.show_rows(words.key_rows(status, site, now))
        self._count.setText(str(len(status.keys)) if status.keys else "")
        self._no_keys.setVisible(not status.keys)
        none = translate("Module", "Nothing is known of its keys yet.")
        self._no_keys.set_html(escape(none))
        self._show_banner(state)

    def _show_banner(self, state: ModulePageState) -> None:
        """One at most: what was done, what the module said to a PIN, a key that ends."""
        status = state.status
        assert status is not None
        expiry = next_expiry(status, self._till.clock.now())
        formatter = messages.formatter_for(self._till.site)
        shown = True
        if state.done is not None:
            close = translate("Module", "Close")
            self.banner.tell("ok", words.done_words(state.done), button=close, key="Esc")
        elif state.failure is not None and state.task is None:
            told = say(state.failure, formatter)
            self.banner.tell("bad", told.what, told.body)
        elif self._trouble is not None and status.state.holds:
            told = say(self._trouble, formatter)
            self.banner.tell("warn", trouble_head(told), told.body)
        elif expiry is not None:
            head, body = expiry_told(expiry, self._till.site)
            self.banner.tell(expiry.colour, head, body)
        else:
            shown = False
        self.banner.setVisible(shown)

    def _show_facts(self, state: ModulePageState, *, came_back: bool = False) -> None:
        site, now = self._till.site, self._till.clock.now()
        self.slip.show_body(self._facts_body, translate("Module", "This module"), site.till_name)
        primary, status = self.slip.primary, state.status
        had = came_back or primary.hasFocus() or (self._scroll.hasFocus() and self._parked)
        primary.setVisible(status is None or status.action != "WAIT")
        if status is None:
            primary.show_action(translate("Module", "Look again"))
            return
        self.facts.show_lines(words.facts(status, site, now))
        action = words.action_words(status)
        leads = state.leads_to
        if leads is not None or status.action in ("SELL", "SIGN_IN"):
            reason = ""
            if leads is not None and leads not in state.tasks:
                reason = translate("Module", "A supervisor does this")
            primary.show_action(action, reason=reason)
            self._todo.set_html("")
        else:
            primary.show_action(translate("Module", "Look again"))
            self._todo.set_html(f"<b>{escape(action)}</b>" if status.action != "WAIT" else "")
        if state.busy:
            primary.show_busy(translate("Module", "Asking the module"))
        self._keep_focus(had=had)

    def _keep_focus(self, *, had: bool) -> None:
        """On what can be pressed; while there is nothing, on the keys and never on the strip."""
        if not had:
            return
        close = self.banner.button
        can = (one for one in (self.slip.primary, close, *self.buttons.values()) if _can_press(one))
        found = None if self.presenter.state.busy else next(can, None)
        self._parked = found is None
        (found or self._scroll).setFocus()

    def _offer(self, state: ModulePageState) -> None:
        """The one next step of a task, or what is missing for it."""
        primary = self.slip.primary
        primary.show()
        assert state.task is not None
        verb = words.task_words(state.task)
        if words.reads(state) and state.document is None:
            missing = "" if state.entry.strip() else translate("Module", "Name the file")
            primary.show_action(translate("Module", "Read the file"), reason=missing)
        elif not state.entry.strip():
            pairing = state.task is Task.PAIR
            missing = (
                translate("Module", "Type the code")
                if pairing
                else translate("Module", "Name the file")
            )
            primary.show_action(verb, reason=missing)
        elif state.needs_two and state.second_person is None:
            primary.show_action(verb, reason=translate("Module", "Choose the second person"))
        elif state.needs_two and state.pin_length < PIN_MIN:
            primary.show_action(verb, reason=translate("Module", "The second PIN is missing"))
        else:
            primary.show_action(verb)
        if state.busy:
            primary.show_busy(translate("Module", "Asking the module"))

    def _place_focus(self, state: ModulePageState) -> None:
        signing = state.needs_two and state.document is not None
        key = (state.task, signing, state.second)
        if key == self._focus_key or not self.isVisible():
            return
        self._focus_key = key
        if signing and state.second_person is not None:
            self.sign.pin.setFocus()
        elif signing:
            self.form.focus_people()
        else:
            self.form.field.edit.setFocus()

    # ------------------------------------------------------------ sizes

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.form.set_compact(compact)
        self.slip.set_compact(compact)
        columns = 2 if compact else 3
        for place, button in enumerate(self.buttons.values()):
            self._grid.addWidget(button, place // columns, place % columns)
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)


def _can_press(widget: QWidget) -> bool:
    return widget.isEnabled() and widget.isVisible()
