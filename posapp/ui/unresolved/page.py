"""The page of open points: a row each with one sentence and its steps; typing is on the slip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from posapp.domain.operator import Operator
from posapp.services.unresolved import Step, Unresolved
from posapp.ui import messages, theme
from posapp.ui.i18n import say, translate
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.unresolved import words
from posapp.ui.unresolved.presenter import UnresolvedPresenter, UnresolvedState
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.fields import TextField
from posapp.ui.widgets.panels import Banner, Panel, SlipPanel, escape, place_sides, relayout
from posapp.ui.widgets.text import Label, Paragraph, StateShape

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till


class MatterRow(Panel):
    """One matter: its state, its sentence, its steps."""

    def __init__(
        self,
        row: Unresolved,
        steps: tuple[Step, ...],
        formatter: messages.Formatter,
        choose: Callable[[Unresolved, Step], None],
    ) -> None:
        super().__init__()
        self.buttons: dict[Step, Button] = {}
        head, told = words.head(row), words.sentence(row, formatter)
        self.setAccessibleName(f"{head}. {told}")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 14, 20, 14)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(StateShape(words.STATES[row.matter], 14))
        line.addWidget(Label(head, "strong", elide=True), 1)
        column.addLayout(line)
        sentence = Paragraph("", "body", "muted")
        sentence.set_html(escape(told))
        column.addWidget(sentence)
        if not steps:
            return
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for step in steps:
            button = Button(words.step_words(step))
            button.setAccessibleDescription(head)
            button.clicked.connect(lambda _=False, s=step: choose(row, s))
            self.buttons[step] = button
            bar.addWidget(button)
        bar.addStretch(1)
        column.addSpacing(6)
        column.addLayout(bar)


class UnresolvedPage(QWidget):
    """Everybody sees what waits; a supervisor ends what nobody else may."""

    def __init__(self, till: Till, tasks: Runner, leave: Callable[[str], None]) -> None:
        """`leave` gets the name of the page that a step leads to."""
        super().__init__()
        self._till = till
        self._compact = False
        self._shown: tuple[object, ...] = ()
        self.rows: list[MatterRow] = []
        self._work = QWidget()
        self._fill_work()
        self._fill_slip()
        self.presenter = UnresolvedPresenter(till, tasks, self.show_state, leave)
        place_sides(self, self._work, self.slip)
        self.field.changed.connect(self.presenter.type_entry)
        self.slip.primary.clicked.connect(self._enter)
        enter, back = translate("Open", "Next step"), translate("Open", "One step back")
        add_action(self, "open.enter", enter, ("Enter", "Return"), self._enter)
        add_action(self, "open.back", back, ("Esc",), self._back)
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _fill_work(self) -> None:
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(12)
        self._column.addSpacing(8)
        self._column.addWidget(Label(translate("Open", "Open points"), "name"))
        self.banner = Banner("ok")
        self.banner.hide()
        self._column.addWidget(self.banner)
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        self._list.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName(translate("Open", "Open points"))
        scroll.setWidget(holder)
        scroll.viewport().setAutoFillBackground(False)
        holder.setAutoFillBackground(False)
        self._column.addWidget(scroll, 1)
        self._nothing = Paragraph("")
        self._column.addWidget(self._nothing)

    def _fill_slip(self) -> None:
        self.slip = SlipPanel()
        body = self._body = Body()
        self._caption = Label("", "caption", "muted")
        self.field = TextField("")
        self._explained = Paragraph("")
        body.gap(8)
        body.add(self._caption)
        body.gap(4)
        body.add(self.field)
        body.gap(12)
        body.add(self._explained)
        body.rest()
        self.slip.add_body(body)

    # ------------------------------------------------------------ coming and going

    def open(self, operator: Operator) -> None:
        """The page was opened by somebody."""
        self.presenter.start(operator)
        self.slip.primary.setFocus()

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        self.presenter.show_status(status)

    def _enter(self) -> None:
        if self.presenter.state.step is None:
            self.presenter.look()
        else:
            self.presenter.enter()

    def _back(self) -> None:
        self.presenter.back()
        self.slip.primary.setFocus()

    # ------------------------------------------------------------ showing

    def show_state(self, state: UnresolvedState) -> None:
        """Render a state."""
        self._show_rows(state)
        self._show_banner(state)
        self._show_slip(state)

    def _show_rows(self, state: UnresolvedState) -> None:
        shown = (state.rows, state.operator)
        if shown != self._shown:
            self._shown = shown
            for old in self.rows:
                old.hide()
                self._list.removeWidget(old)
                old.deleteLater()
            formatter = messages.formatter_for(self._till.site)
            choose = self.presenter.choose
            self.rows = [MatterRow(row, state.steps(row), formatter, choose) for row in state.rows]
            for place, row in enumerate(self.rows):
                self._list.insertWidget(place, row)
        for card in self.rows:
            for button in card.buttons.values():
                button.setEnabled(not state.busy)
        told = ""
        if state.known and not state.rows:
            told = translate("Open", "Nothing waits. Every sale has its outcome.")
        elif state.needs_supervisor:
            told = translate("Open", "What has no button here takes a supervisor.")
        self._nothing.set_html(escape(told))
        self._nothing.setVisible(bool(told))

    def _show_banner(self, state: UnresolvedState) -> None:
        done = words.done_words(state)
        self.banner.setVisible(state.failure is not None or bool(done))
        if state.failure is not None:
            told = say(state.failure, messages.formatter_for(self._till.site))
            self.banner.tell("bad", told.what, told.body)
        elif done:
            self.banner.tell("ok", done)

    def _show_slip(self, state: UnresolvedState) -> None:
        step, row, primary = state.step, state.row, self.slip.primary
        typing = step is not None and row is not None
        title = words.step_words(step) if step is not None else translate("Open", "What to do")
        self.slip.show_body(self._body, title, self._till.site.till_name)
        self._caption.setVisible(typing)
        self.field.setVisible(typing)
        if step is None or row is None:
            told = translate(
                "Open",
                "Each row says what is safe and what may be done. Nothing here makes a token a "
                "second time.",
            )
            self._explained.set_html(escape(told))
            primary.show_action(translate("Open", "Look again"))
            return
        caption, example, explained = words.entry_words(step)
        self._caption.setText(caption)
        was_hidden = self.field.edit.accessibleName() != caption
        self.field.edit.setAccessibleName(caption)
        self.field.edit.setPlaceholderText(example)
        self.field.show_text(state.entry)
        self._explained.set_html(escape(explained))
        primary.show_action(words.step_words(step))
        if state.busy:
            primary.show_busy(translate("Open", "Working"))
        elif was_hidden or not state.entry:
            self.field.edit.setFocus()

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
