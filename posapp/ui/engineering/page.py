"""Engineering tokens: the work at one side, the sentence that is signed at the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.operator import Operator
from posapp.ui import messages, theme
from posapp.ui.engineering import words
from posapp.ui.engineering.presenter import (
    PIN_MIN,
    EngineeringPresenter,
    EngineeringState,
    Job,
)
from posapp.ui.i18n import ltr, say, translate
from posapp.ui.module.words import role_words
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.sell.token_set import TokenSet
from posapp.ui.sell.words import token_rows
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button, NumPad
from posapp.ui.widgets.fields import PinField, TextField
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Panel, SlipPanel, escape, place_sides, relayout
from posapp.ui.widgets.text import Label, Paragraph

if TYPE_CHECKING:
    from posapp.services.till import Till

ICONS = {
    Job.CLEAR_TAMPER: "shield",
    Job.CLEAR_CREDIT: "x",
    Job.POWER_LIMIT: "sell",
    Job.PHASE_UNBALANCE: "swap",
    Job.FREE_ISSUE: "gift",
    Job.METER_TEST: "meter",
}
FIELDS = ("meter", "work_order", "value", "reason")
PAD_H = 280
JOBS_W = 190


class EngineeringPage(QWidget):
    """Work is chosen at the left, described in the middle and signed at the end."""

    def __init__(self, till: Till, tasks: Runner) -> None:
        super().__init__()
        self._till = till
        self._compact = False
        self._seconds: list[Button] = []
        self.presenter = EngineeringPresenter(till, tasks, self.show_state)
        self._work = QWidget()
        self._fill_work()
        self._fill_slip()
        place_sides(self, self._work, self.slip)
        self._connect()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    # ------------------------------------------------------------ building

    def _fill_work(self) -> None:
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(Label(translate("Engineering", "Engineering token"), "name"))
        always = translate("Engineering", "No price, always a reason.")
        head.addWidget(Label(always, "body", "muted", elide=True), 1)
        self._column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(16)
        jobs = QVBoxLayout()
        jobs.setSpacing(8)
        self.jobs: dict[Job, Button] = {}
        for job, icon in ICONS.items():
            button = Button(words.job_words(job)[0], icon=icon, checkable=True)
            button.setMinimumWidth(JOBS_W)
            self.jobs[job] = button
            jobs.addWidget(button)
        jobs.addStretch(1)
        row.addLayout(jobs)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._form())
        self.tokens = TokenSet()
        made = Panel()
        inner = QVBoxLayout(made)
        inner.setContentsMargins(1, 16, 1, 16)
        inner.addWidget(self.tokens)
        self._middle.addWidget(made)
        row.addWidget(self._middle, 1)
        self._column.addLayout(row, 1)
        self.problem = Banner("bad")
        self.problem.hide()
        self._column.addWidget(self.problem)

    def _form(self) -> QWidget:
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(4)
        self._title = Label("", "title")
        self._told = Paragraph("")
        column.addWidget(self._title)
        column.addWidget(self._told)
        names = {
            "meter": translate("Engineering", "Meter"),
            "work_order": translate("Engineering", "Work order"),
            "value": "",
            "reason": translate("Engineering", "Reason"),
        }
        self.fields: dict[str, TextField] = {}
        self._captions: dict[str, Label] = {}
        for name, caption in names.items():
            label = self._captions[name] = Label(caption, "caption", "muted")
            field = self.fields[name] = TextField(caption or translate("Engineering", "Number"))
            field.edit.setMaxLength(40)
            column.addSpacing(8)
            column.addWidget(label)
            column.addWidget(field)
        column.addStretch(1)
        return panel

    def _fill_slip(self) -> None:
        self.slip = SlipPanel()
        body = self._body = Body()
        self.sentence = Paragraph("", "title", "text")
        self.signers = QuoteLines()
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        self.pin = PinField(translate("Engineering", "PIN of the second person"))
        self.pad = NumPad(
            clear_word=translate("Login", "Clear"), back_word=translate("Login", "Delete")
        )
        self.pad.setFixedHeight(PAD_H)
        body.gap(8)
        body.add(self.sentence)
        body.gap(12)
        body.add(self.signers)
        body.gap(8)
        body.column.addLayout(self._grid)
        body.gap(8)
        body.add(self.pin)
        body.gap(8)
        body.add(self.pad)
        body.rest()
        self.slip.add_body(body)

    def _connect(self) -> None:
        presenter = self.presenter
        for job, button in self.jobs.items():
            button.clicked.connect(partial(self._choose, job))
        for name, field in self.fields.items():
            field.changed.connect(partial(presenter.type_text, name))
        self.pin.typed.connect(presenter.type_pin)
        self.pad.pressed_key.connect(self.pin.press)
        self.slip.primary.clicked.connect(self._enter)
        next_step = translate("Engineering", "Next step")
        add_action(self, "work.enter", next_step, ("Enter", "Return"), self._enter)
        back = translate("Engineering", "Begin anew")
        add_action(self, "work.back", back, ("Esc",), self._back)

    # ------------------------------------------------------------ from the window

    def open(self, operator: Operator) -> None:
        """The page was opened."""
        self.presenter.start(operator)
        self._to_next()

    # ------------------------------------------------------------ showing

    def show_state(self, state: EngineeringState) -> None:
        """Render a state."""
        name, told = words.job_words(state.job)
        for job, button in self.jobs.items():
            button.setVisible(job in state.jobs)
            button.setChecked(job is state.job)
        self._title.setText(name)
        self._told.set_html(escape(told))
        shown = {
            "meter": True,
            "work_order": state.job.takes_work_order,
            "value": state.job.takes_value,
            "reason": state.needs_two,
        }
        self._captions["value"].setText(words.value_words(state.job))
        for field in FIELDS:
            self.fields[field].setVisible(shown[field])
            self._captions[field].setVisible(shown[field])
            self.fields[field].show_text(getattr(state, field))
        done = state.done
        self._middle.setCurrentIndex(0 if done is None else 1)
        if done is not None:
            self.tokens.show_rows(token_rows(done.record), 0)
        self.problem.setVisible(state.failure is not None)
        if state.failure is not None:
            found = say(state.failure, messages.formatter_for(self._till.site))
            self.problem.tell("bad", found.what, found.body)
        self._show_slip(state)

    def _show_slip(self, state: EngineeringState) -> None:
        title = translate("Engineering", "Both sign the same sentence")
        if not state.needs_two:
            title = translate("Engineering", "This will happen")
        self.slip.show_body(self._body, title)
        self.sentence.set_html(escape(words.sentence(state)))
        lines = []
        if state.operator is not None:
            role = role_words(state.operator.role)
            lines.append(Line(f"1. {state.operator.name}", role, mark="ok"))
        second = state.second_person
        if state.needs_two:
            name = second.name if second else translate("Engineering", "a second person")
            signed = state.pin_length >= PIN_MIN or state.done is not None
            ready = second is not None and signed
            role = role_words(second.role) if second else ""
            lines.append(Line(f"2. {name}", role, mark="ok" if ready else "off"))
        self.signers.show_lines(tuple(lines))
        self._show_seconds(state)
        signing = state.needs_two and second is not None and state.done is None
        self.pin.setVisible(signing)
        self.pad.setVisible(signing)
        if len(self.pin.text()) != state.pin_length:
            self.pin.setText("")
            self.pin.update()
        self._offer(state)

    def _offer(self, state: EngineeringState) -> None:
        primary = self.slip.primary
        if state.busy:
            primary.show_busy(translate("Engineering", "Asking the module"))
        elif state.done is not None:
            receipt = ltr(str(state.done.receipt))
            self.sentence.set_html(
                escape(translate("Engineering", "Made. Slip {number}.").format(number=receipt))
            )
            primary.show_action(translate("Engineering", "Next work"))
        else:
            action = translate("Engineering", "Make the token")
            if state.needs_two:
                action = translate("Engineering", "Sign and make the token")
            reason = words.missing_words(state.missing) if state.missing else ""
            primary.show_action(action, reason=reason)

    def _show_seconds(self, state: EngineeringState) -> None:
        people = state.seconds if len(state.seconds) > 1 and state.done is None else ()
        names = [person.name for person in people]
        if names != [button.text() for button in self._seconds]:
            for button in self._seconds:
                button.hide()
                self._grid.removeWidget(button)
                button.deleteLater()
            self._seconds = []
            for place, person in enumerate(people):
                button = Button(person.name, icon="people", checkable=True)
                button.clicked.connect(partial(self._choose_second, place))
                self._seconds.append(button)
                self._grid.addWidget(button, place // 2, place % 2)
        for place, button in enumerate(self._seconds):
            button.setChecked(place == state.second)

    # ------------------------------------------------------------ keys and buttons

    def _choose(self, job: Job, _checked: bool = False) -> None:
        self.presenter.choose(job)
        self._to_next()

    def _choose_second(self, place: int, _checked: bool = False) -> None:
        self.presenter.choose_second(place)
        self._to_next()

    def _enter(self) -> None:
        """The field after this one, or the token once nothing is missing."""
        state = self.presenter.state
        if state.done is not None:
            self._back()
        elif state.missing:
            self._to_next()
        else:
            self.presenter.enter()

    def _back(self) -> None:
        self.presenter.back()
        self._to_next()

    def _to_next(self) -> None:
        """The cursor goes to what is still to be typed."""
        missing = self.presenter.state.missing
        target: QWidget = self.slip.primary
        if missing in self.fields:
            target = self.fields[missing].edit
        elif missing == "second" and self._seconds:
            target = self._seconds[0]
        elif missing == "pin":
            target = self.pin
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        relayout(self)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)
