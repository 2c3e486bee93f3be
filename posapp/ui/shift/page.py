"""Close the shift: count on the work side, sums on the slip, expected cash only after the count."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.cash import CashKind
from posapp.domain.money import amount_text
from posapp.domain.operator import Operator
from posapp.ui import messages, theme
from posapp.ui.i18n import say, time_text, translate
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.shift.cash_form import KEYS, X_KEY, CashForm, CashKeys, done_words, kind_word
from posapp.ui.shift.cash_presenter import CashPresenter, CashState
from posapp.ui.shift.presenter import RECOUNTS_MAX, ShiftPresenter, ShiftState, Step
from posapp.ui.shift.sign_form import SignForm
from posapp.ui.widgets import paint
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button, NumPad
from posapp.ui.widgets.count import DenominationTable
from posapp.ui.widgets.fields import TextField
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Chip, Panel, SlipPanel, place_sides, relayout
from posapp.ui.widgets.text import BigNumber, Label, Paragraph

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till


class Steps(QWidget):
    """1 Count > 2 Compare > 3 Reason > 4 Print."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self._words = words
        self._at = 0
        self.setFixedHeight(22)
        wide = theme.active().font("strong")
        width = sum(paint.width_of(f"{i + 1} {w}", wide) for i, w in enumerate(words))
        self.setFixedWidth(width + 40 * (len(words) - 1))

    def show_step(self, at: int) -> None:
        """Which step it is, from 0."""
        self._at = at
        self.setAccessibleName(self._words[at])
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        x = 0
        for place, word in enumerate(self._words):
            now = place == self._at
            text = f"{place + 1} {word}"
            kind, tone = ("strong", "accent_ink") if now else ("body", "muted")
            width = paint.width_of(text, "strong")
            paint.text(painter, QRect(x, 0, width, self.height()), text, kind, tone)
            x += width + 12
            if place + 1 < len(self._words):
                paint.icon(painter, self, "next", "muted", QRect(x, 3, 16, 16), 16)
            x += 28


class ShiftPage(QWidget):
    """Blind count, compare, reason, slip; then the way to the day's report."""

    day_wanted = Signal()

    def __init__(self, till: Till, tasks: Runner, closed: Callable[[], None]) -> None:
        super().__init__()
        self._till = till
        self._unit = till.site.currency
        self._compact = False
        self.presenter = ShiftPresenter(till, tasks, self.show_state, closed)
        self.cash = CashPresenter(till, tasks, self.show_cash)
        self._work = QWidget()
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(16)
        self._head()
        self._views = QStackedWidget()
        self._column.addWidget(self._views, 1)
        self._count_view()
        self._compare_view()
        self._cash_view()
        self._slip_side()
        place_sides(self, self._work, self.slip)
        self._build_actions()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _head(self) -> None:
        self._title = Label("", "name", elide=True)
        self._steps = Steps(
            (
                translate("Shift", "Count"),
                translate("Shift", "Compare"),
                translate("Shift", "Reason"),
                translate("Shift", "Print"),
            )
        )
        row = QHBoxLayout()
        row.setContentsMargins(0, 8, 0, 8)
        row.addWidget(self._title, 1)
        row.addWidget(self._steps)
        self._column.addLayout(row)

    def _count_view(self) -> None:
        self.table = DenominationTable(self._unit)
        self.pad = NumPad("00", back_word=translate("Shift", "Delete the last digit"))
        self.pad.setMaximumHeight(408)
        next_row = Button(translate("Shift", "Next row"), key="Enter")
        next_row.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        clear = Button(translate("Shift", "Clear all"))
        side = QVBoxLayout()
        side.setSpacing(12)
        side.addWidget(self.pad, 1)
        side.addWidget(next_row)
        side.addWidget(clear)
        side.addWidget(Paragraph(translate("Shift", "An empty place is 0, not blank.")))
        side.addStretch(0)
        self._side = QWidget()
        self._side.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        view = QWidget()
        row = QHBoxLayout(view)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.table, 1)
        row.addWidget(self._side)
        self._views.addWidget(view)
        self.pad.pressed_key.connect(self._press)
        next_row.clicked.connect(self.table.next_row)
        clear.clicked.connect(lambda: self.table.show_pieces(()))
        self.table.changed.connect(lambda: self.presenter.count(self.table.pieces()))

    def _cash_view(self) -> None:
        self.form = CashForm(self._unit)
        self._views.addWidget(self.form)
        self.form.left.connect(self.cash.leave)
        self.form.amount.connect(self.cash.type_amount)
        self.form.reason.connect(self.cash.type_reason)
        self.form.reference.connect(self.cash.type_reference)

    def _compare_view(self) -> None:
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(0)
        self._variance_word = Label("", "title")
        self._variance = BigNumber("change")
        self._compare = QuoteLines()
        self.reason = TextField(
            translate("Shift", "Reason"),
            translate("Shift", "Why the count differs, in a few words"),
        )
        self.reason.edit.setMaxLength(120)
        self._reason_label = Label(translate("Shift", "Reason"), "caption", "muted")
        self._note = Paragraph("")
        self.recount = Button(translate("Shift", "Count again"), icon="swap")
        self.day = Button(translate("Shift", "The day's report"), icon="day", key="Alt+3")
        column.addWidget(self._variance_word)
        column.addSpacing(4)
        column.addWidget(self._variance)
        column.addSpacing(12)
        column.addWidget(self._compare)
        column.addSpacing(24)
        column.addWidget(self._reason_label)
        column.addSpacing(4)
        column.addWidget(self.reason)
        column.addSpacing(12)
        self.sign = SignForm()
        self.sign.chosen.connect(self._sign_with)
        self.sign.pin.typed.connect(self.presenter.type_pin)
        column.addWidget(self._note)
        column.addSpacing(12)
        column.addWidget(self.sign)
        column.addSpacing(12)
        column.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.recount)
        row.addWidget(self.day)
        row.addStretch(1)
        column.addLayout(row)
        self._views.addWidget(panel)
        self.reason.changed.connect(self.presenter.give_reason)
        self.recount.clicked.connect(self.presenter.recount)
        self.day.clicked.connect(self.day_wanted)

    def _slip_side(self) -> None:
        self.slip = SlipPanel()
        body = Body()
        self._total = BigNumber("units")
        self._sums = QuoteLines()
        self._advice = Banner("note")
        self.banner = Banner("bad")
        self.banner.hide()
        self._chips = (Chip(), Chip())
        body.gap(4)
        body.add(self._total)
        body.gap(12)
        body.add(self._sums)
        body.gap(16)
        body.add(self._advice)
        body.gap(16)
        self.keys = CashKeys()
        self.keys.chosen.connect(self._begin_cash)
        self.keys.x_wanted.connect(self._print_x)
        body.add(self.keys)
        body.rest()
        body.add(self.banner)
        body.gap(12)
        row = QHBoxLayout()
        row.setSpacing(8)
        for chip in self._chips:
            row.addWidget(chip)
        row.addStretch(1)
        body.column.addLayout(row)
        self.slip.add_body(body)
        self._body = body
        self.slip.primary.clicked.connect(self._go)

    def _build_actions(self) -> None:
        table = (
            (
                "confirm",
                translate("Shift", "Confirm"),
                ("Ctrl+Return", "Ctrl+Enter"),
                self._go,
            ),
            ("row", translate("Shift", "Next row"), ("Return", "Enter"), self._enter),
            ("up", translate("Shift", "Row before"), ("Up",), self._up),
            ("down", translate("Shift", "Next row"), ("Down",), self._enter_row),
            ("x", translate("Shift", "Print X"), (X_KEY,), self._print_x),
            ("back", translate("Shift", "Back to the count"), ("Esc",), self.cash.leave),
        )
        for name, words, keys, do in table:
            repeats = name in ("up", "down")
            add_action(self, f"shift.{name}", words, keys, do, repeats=repeats)
        for kind, key in KEYS.items():
            name, do_this = f"shift.cash_{kind.name.lower()}", partial(self._begin_cash, kind)
            add_action(self, name, kind_word(kind), (key,), do_this)

    # ------------------------------------------------------------ showing

    def start(self, operator: Operator) -> None:
        """The page was opened."""
        self.cash.start(operator)
        self.presenter.start(operator)
        if self.presenter.state.step is Step.COUNT:
            self.table.fields[0].setFocus()

    def show_status(self, status: TillStatus) -> None:
        """Whether anything must be done before the shift can close."""
        waiting, sale = self._chips
        if status.printer.waiting:
            words = translate("Shift", "Slips to print: {n}").format(n=status.printer.waiting)
            waiting.show_state("warn", words)
        else:
            waiting.show_state("ok", translate("Shift", "All slips printed"))
        if status.open_sales:
            sale.show_state("warn", translate("Shift", "A sale is open"))
        else:
            sale.show_state("ok", translate("Shift", "No open sale"))

    def show_state(self, state: ShiftState) -> None:
        """Render a state."""
        number = state.shift.number if state.shift else "–"
        self._title.setText(translate("Shift", "Close shift {number}").format(number=number))
        if state.shift is None and state.step is not Step.DONE:
            self._title.setText(translate("Shift", "No shift is open"))
        if state.step is Step.COUNT and not state.pieces and self.table.pieces():
            self.table.show_pieces(())
        if state.failure is not None:
            told = say(state.failure, messages.formatter_for(self._till.site))
            self.banner.tell("bad", told.what, told.body)
        self.banner.setVisible(state.failure is not None)
        self._total.show_number(
            amount_text(state.counted_minor, self._unit), before=self._unit.symbol
        )
        self.slip.show_body(self._body, translate("Shift", "You counted"), state.operator_name)
        {
            Step.COUNT: self._show_count,
            Step.COMPARE: self._show_compare,
            Step.DONE: self._show_done,
        }[state.step](state)
        if state.busy:
            self.slip.primary.show_busy(translate("Shift", "One moment"))

    def _show_count(self, state: ShiftState) -> None:
        self._steps.show_step(0)
        self.keys.show()
        self._views.setCurrentIndex(0 if self.cash.state.kind is None else 2)
        notes, coins = self.table.sums()
        self._sums.show_lines(
            (
                Line(translate("Shift", "Notes"), amount_text(notes, self._unit)),
                Line(translate("Shift", "Coins"), amount_text(coins, self._unit)),
            )
        )
        head = translate("Shift", "Blind count")
        words = translate(
            "Shift",
            "You see what the till expects after you confirm. One recount is allowed.",
        )
        self._advice.tell("note", head, words, icon="info")
        self._advice.show()
        reason = "" if state.pieces else translate("Shift", "Count the drawer")
        if state.shift is None:
            reason = translate("Shift", "No shift is open")
        action = translate("Shift", "Confirm count")
        self.slip.primary.show_action(action, "Ctrl+Enter", reason=reason)

    def _show_compare(self, state: ShiftState) -> None:
        preview = state.preview
        assert preview is not None
        variance = preview.variance_minor
        self._steps.show_step(2 if variance else 1)
        self.keys.hide()
        self._views.setCurrentIndex(1)
        unit = self._unit
        if variance == 0:
            word = translate("Shift", "The drawer is exact")
        elif variance > 0:
            word = translate("Shift", "More cash than expected")
        else:
            word = translate("Shift", "Less cash than expected")
        self._variance_word.setText(word)
        self._variance.show_number(amount_text(variance, unit), before=unit.symbol)
        self._compare.show_lines(
            (
                Line(translate("Shift", "Expected"), amount_text(preview.expected_minor, unit)),
                Line(
                    translate("Shift", "Counted"),
                    amount_text(preview.counted_minor, unit),
                    strong=True,
                ),
            )
        )
        for widget in (self._reason_label, self.reason):
            widget.setVisible(variance != 0)
        self._note.set_html(
            translate("Shift", "The reason stands on the slip and in the daily report.")
            if variance
            else translate("Shift", "Nothing more to say. Close the shift.")
        )
        self.recount.setVisible(True)
        self.day.setVisible(False)
        self.recount.setEnabled(state.recounts < RECOUNTS_MAX)
        if variance and self.isVisible() and not self.reason.edit.hasFocus():
            self.reason.edit.setFocus()
        self._advice.hide()
        missing = ""
        self.sign.setVisible(preview.needs_signature)
        self.sign.show_state(state)
        if variance and not state.reason.strip():
            missing = translate("Shift", "Give a reason")
        elif not self.presenter.may_close():
            missing = translate("Shift", "A supervisor must sign")
        action = translate("Shift", "Close shift and print")
        self.slip.primary.show_action(action, "Ctrl+Enter", reason=missing)

    def _show_done(self, state: ShiftState) -> None:
        closed = state.closed
        assert closed is not None
        self._steps.show_step(3)
        shift = closed.shift
        title = translate("Shift", "Shift {number} is closed, Z {z}").format(
            number=shift.number, z=closed.z_number
        )
        self._title.setText(title)
        if shift.closed_at is not None:
            self._variance_word.setText(
                translate("Shift", "Closed at {time}").format(
                    time=time_text(self._till.site.local(shift.closed_at))
                )
            )
        for widget in (self._reason_label, self.reason, self.recount, self.sign):
            widget.setVisible(False)
        self.day.setVisible(True)
        self._views.setCurrentIndex(1)
        head = translate("Shift", "The slip prints now.")
        words = translate("Shift", "The count is in the journal. Put the slip with the cash.")
        self._advice.tell("ok", head, words)
        self._advice.show()
        self._note.set_html("")
        self.slip.primary.show_action(translate("Shift", "Next person"), "Enter")
        if self.isVisible():
            self.slip.primary.setFocus()

    def show_cash(self, state: CashState) -> None:
        """Render a movement of cash, or go back to the count when there is none."""
        formatter = messages.formatter_for(self._till.site)
        self.form.show_state(state, formatter)
        if state.kind is None:
            self.show_state(self.presenter.state)
            self._tell_done(state, formatter)
            return
        self._views.setCurrentWidget(self.form)
        self._advice.hide()
        reason = {
            "amount": translate("Shift", "Type an amount"),
            "reason": translate("Shift", "Give a reason"),
            "reference": translate("Shift", "Type the number"),
        }.get(state.missing, "")
        self.slip.primary.show_action(kind_word(state.kind), "Ctrl+Enter", reason=reason)
        if state.busy:
            self.slip.primary.show_busy(translate("Shift", "One moment"))

    def _tell_done(self, state: CashState, formatter: messages.Formatter) -> None:
        if state.told is not None or state.x_printed:
            head = translate("Shift", "X is printed.") if state.told is None else ""
            words = translate("Shift", "Its slip prints now.")
            head = head or (done_words(state.told) if state.told else "")
            self._advice.tell("ok", head, words)
            self._advice.show()
        if state.failure is not None:
            told = say(state.failure, formatter)
            self.banner.tell("bad", told.what, told.body)
            self.banner.show()

    # ------------------------------------------------------------ keys

    def _begin_cash(self, kind: CashKind) -> None:
        if self.presenter.state.step is Step.COUNT and not self.presenter.state.busy:
            self.cash.begin(kind)

    def _print_x(self) -> None:
        if self.presenter.state.step is Step.COUNT:
            self.cash.print_x()

    def _sign_with(self, operator_id: int) -> None:
        self.presenter.sign_with(operator_id)
        self.sign.pin.setFocus()

    def _go(self) -> None:
        if self.cash.state.kind is not None:
            self.cash.confirm()
            return
        if self.presenter.state.step is Step.DONE:
            self.presenter.finish()
        else:
            self.presenter.confirm()

    def _enter(self) -> None:
        if self.cash.state.kind is not None:
            self.cash.confirm()
        elif self.presenter.state.step is Step.COUNT:
            self._enter_row()
        elif self.presenter.state.step is Step.DONE:
            self.presenter.finish()

    def _enter_row(self) -> None:
        if self.presenter.state.step is Step.COUNT:
            if self.table.fields[-1].hasFocus():
                self.table.fields[0].setFocus()
            else:
                self.table.next_row()

    def _up(self) -> None:
        now = self.table.current()
        if now is not None:
            place = self.table.fields.index(now)
            self.table.fields[max(0, place - 1)].setFocus()

    def _press(self, key: str) -> None:
        field = self.table.current() or self.table.fields[0]
        field.setFocus()
        field.press(key)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self._side.setFixedWidth(232 if compact else 288)
        self.table.set_compact(compact)
        self._steps.setVisible(not compact)
        self.keys.setVisible(self.presenter.state.step is Step.COUNT)
        self.slip.set_compact(compact)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)
