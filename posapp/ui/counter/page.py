"""Counter work: chosen at the left, typed in the middle, seen and signed at the right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from posapp.domain.operator import Operator
from posapp.ui import messages, theme
from posapp.ui.counter import words
from posapp.ui.counter.presenter import CounterPresenter
from posapp.ui.counter.state import PIN_MIN, CounterState, Done, Field, Job
from posapp.ui.i18n import say, translate
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
    from posapp.ports import FoundMeter
    from posapp.services.till import Till

ICONS = {
    Job.ACCOUNT: "account",
    Job.RECONNECTION: "next",
    Job.TAMPER_FEE: "warn",
    Job.VOID: "x",
    Job.REFUND: "back",
    Job.UNKNOWN_METER: "meter",
    Job.REPLACEMENT: "swap",
}
SHORT = (Field.EA, Field.SGC, Field.KRN, Field.TI, Field.BASE_DATE, Field.TARIFF)
PAIRED = (*SHORT, Field.AMOUNT, Field.RECEIVED)  # stand two in a row
JOBS_W = 178
PAD_H = 280
TEXT_MAX = 80


class CounterPage(QWidget):
    """What a counter does beside the plain sale."""

    def __init__(self, till: Till, tasks: Runner) -> None:
        super().__init__()
        self._till = till
        self._compact = False
        self._laid: tuple[Field, ...] = ()
        self._shown: Done | None = None
        self._seconds: list[Button] = []
        self.presenter = CounterPresenter(till, tasks, self.show_state)
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
        self._column.setSpacing(8)
        self._title = Label("", "name")
        self._column.addWidget(self._title)
        row = QHBoxLayout()
        row.setSpacing(12)
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
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(4)
        self._told = Paragraph("")
        column.addWidget(self._told)
        self._cells = QGridLayout()
        self._cells.setHorizontalSpacing(12)
        self._cells.setVerticalSpacing(6)
        self.fields: dict[Field, TextField] = {}
        self._captions: dict[Field, Label] = {}
        self._cell: dict[Field, QWidget] = {}
        for name in Field:
            cell = self._cell[name] = QWidget()
            inner = QVBoxLayout(cell)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.setSpacing(2)
            caption = self._captions[name] = Label("", "caption", "muted", elide=True)
            field = self.fields[name] = TextField(words.field_words(name, Job.ACCOUNT))
            field.edit.setMaxLength(TEXT_MAX)
            inner.addWidget(caption)
            inner.addWidget(field)
            cell.hide()
        column.addLayout(self._cells)
        column.addStretch(1)
        return panel

    def _fill_slip(self) -> None:
        self.slip = SlipPanel()
        body = self._body = Body()
        self.sentence = Paragraph("", "title", "text")
        self.seen = QuoteLines()
        self.signers = QuoteLines()
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        self.pin = PinField(translate("Counter", "PIN of the second person"))
        self.pad = NumPad(
            clear_word=translate("Login", "Clear"), back_word=translate("Login", "Delete")
        )
        self.pad.setFixedHeight(PAD_H)
        body.add(self.sentence)
        body.add(self.seen)
        body.gap(4)
        body.add(self.signers)
        body.column.addLayout(self._grid)
        body.gap(4)
        body.add(self.pin)
        body.gap(4)
        body.add(self.pad)
        body.rest()
        self.slip.add_body(body)

    def _connect(self) -> None:
        presenter = self.presenter
        for place, (job, button) in enumerate(self.jobs.items(), 1):
            choose = partial(self._choose, job)
            button.clicked.connect(choose)
            name = words.job_words(job)[0]
            add_action(self, f"counter.{job.value}", name, (f"Ctrl+{place}",), choose)
        for field, box in self.fields.items():
            box.changed.connect(partial(presenter.type_text, field))
        self.pin.typed.connect(presenter.type_pin)
        self.pad.pressed_key.connect(self.pin.press)
        self.slip.primary.clicked.connect(self._enter)
        next_step = translate("Counter", "Next step")
        add_action(self, "counter.enter", next_step, ("Enter", "Return"), self._enter)
        back = translate("Counter", "Begin anew")
        add_action(self, "counter.back", back, ("Esc",), self._back)

    # ------------------------------------------------------------ from the window

    def open(self, operator: Operator, found: FoundMeter | None = None) -> None:
        """The page was opened, maybe with the customer of the sale page."""
        self.presenter.start(operator, found)
        self._to_next()

    # ------------------------------------------------------------ showing

    def show_state(self, state: CounterState) -> None:
        """Render a state."""
        name, told = words.job_words(state.job)
        for job, button in self.jobs.items():
            button.setVisible(job in state.jobs)
            button.setChecked(job is state.job)
        self._title.setText(name)
        self._told.set_html(escape(told))
        self._told.setVisible(state.failure is None)  # its room is the banner's
        self._lay(state)
        for field in state.ask.fields:
            self.fields[field].show_text(state.typed.get(field, ""))
        sold = state.done.sold if state.done else None
        has_tokens = sold is not None and bool(sold.record.tokens)
        self._middle.setCurrentIndex(1 if has_tokens else 0)
        if sold is not None and has_tokens:
            self.tokens.show_rows(token_rows(sold.record), 0)
        self.problem.setVisible(state.failure is not None)
        if state.failure is not None:
            found = say(state.failure, messages.formatter_for(self._till.site))
            self.problem.tell("bad", found.what, found.body)
        self._show_slip(state)
        if state.done is not None and state.done is not self._shown:
            self.slip.primary.setFocus(Qt.FocusReason.OtherFocusReason)
        self._shown = state.done

    def _lay(self, state: CounterState) -> None:
        """Put the fields of this job into the grid, short ones two in a row."""
        fields = state.ask.fields
        for field in fields:
            caption = words.field_words(field, state.job)
            self._captions[field].setText(caption)
            self.fields[field].edit.setAccessibleName(caption)
        if fields == self._laid:
            return
        for field in self._laid:
            self._cells.removeWidget(self._cell[field])
            self._cell[field].hide()
        self._laid, line, column = fields, 0, 0
        previous: QWidget | None = None
        for place, field in enumerate(fields):
            beside = fields[place + 1 : place + 2] if not column else (field,)
            wide = field not in PAIRED or not set(beside) & set(PAIRED)
            if wide and column:
                line, column = line + 1, 0
            self._cells.addWidget(self._cell[field], line, column, 1, 2 if wide else 1)
            line, column = (line + 1, 0) if wide or column else (line, 1)
            self._cell[field].show()
            if previous is not None:
                QWidget.setTabOrder(previous, self.fields[field].edit)
            previous = self.fields[field].edit

    def _show_slip(self, state: CounterState) -> None:
        title = translate("Counter", "This will happen")
        if state.done is not None:
            title = translate("Counter", "Done")
        elif state.needs_two:
            title = translate("Counter", "Both sign the same sentence")
        self.slip.show_body(self._body, title)
        said = words.sentence(state)
        if state.done is not None:
            said = words.done_words(state, self._till.site)
        self.sentence.set_html(escape(said))
        self.seen.show_lines(words.seen_lines(state, self._till.site))
        second = state.second_person
        self.signers.show_lines(_signers(state)[-1 if self._compact else 0 :])
        self._show_seconds(state)
        signing = state.needs_two and second is not None and state.done is None
        self.pin.setVisible(signing)
        self.pad.setVisible(signing)
        if len(self.pin.text()) != state.pin_length:
            self.pin.setText("")
            self.pin.update()
        primary = self.slip.primary
        if state.busy:
            primary.show_busy(translate("Counter", "One moment"))
        elif state.done is not None:
            primary.show_action(translate("Counter", "Next"))
        else:
            reason = words.missing_words(state.missing, state.job) if state.missing else ""
            primary.show_action(words.action_words(state.job), reason=reason)

    def _show_seconds(self, state: CounterState) -> None:
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
        """The field after this one; after the last one what is missing, then the work itself."""
        state = self.presenter.state
        if state.done is not None:
            self._back()
            return
        after = self._field_after()
        if after is not None:
            self.fields[after].edit.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self.presenter.enter()
        if not self.presenter.state.busy:
            self._to_next()

    def _field_after(self) -> Field | None:
        """The field behind the one with the cursor, if that one is not still to be filled."""
        state, focus = self.presenter.state, QApplication.focusWidget()
        fields = state.ask.fields
        for place, field in enumerate(fields[:-1]):
            if self.fields[field].edit is focus:
                empty = not state.text(field) and field not in state.ask.free
                return field if empty else fields[place + 1]
        return None

    def _back(self) -> None:
        self.presenter.back()
        self._to_next()

    def _to_next(self) -> None:
        """The cursor goes to what is still to be typed."""
        state = self.presenter.state
        missing = state.missing
        target: QWidget = self.slip.primary
        if state.done is not None:
            missing = ""
        if missing in tuple(Field):
            target = self.fields[Field(missing)].edit
        elif missing == "look":
            target = self.fields[state.ask.fields[0]].edit
        elif missing == "second" and self._seconds:
            target = self._seconds[0]
        elif missing == "pin":
            target = self.pin
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (12, 12) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        relayout(self)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)


def _signers(state: CounterState) -> tuple[Line, ...]:
    lines = []
    if state.operator is not None:
        role = role_words(state.operator.role)
        lines.append(Line(f"1. {state.operator.name}", role, mark="ok"))
    if state.needs_two:
        second = state.second_person
        name = second.name if second else translate("Counter", "a second person")
        ready = second is not None and (state.pin_length >= PIN_MIN or state.done is not None)
        role = role_words(second.role) if second else ""
        lines.append(Line(f"2. {name}", role, mark="ok" if ready else "off"))
    return tuple(lines)
