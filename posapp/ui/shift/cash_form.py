"""The work side of cash without a sale: what, how much, why; and the row of keys that begins it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from posapp.domain.cash import CashKind
from posapp.domain.money import Currency
from posapp.ui import messages
from posapp.ui.i18n import say, translate
from posapp.ui.shift.cash_presenter import NEEDS_REASON, CashState
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.fields import AmountField, TextField
from posapp.ui.widgets.panels import Banner, Panel, escape
from posapp.ui.widgets.text import Label, Paragraph

KEYS = {
    CashKind.IN: "F2",
    CashKind.OUT: "F3",
    CashKind.DROP: "F4",
    CashKind.DRAWER: "F5",
    CashKind.DEPOSIT: "F6",
    CashKind.RETURN: "F7",
}
X_KEY = "F8"
COLUMNS = 2


def kind_word(kind: CashKind) -> str:
    """What a key says."""
    return {
        CashKind.IN: translate("Cash", "Put in"),
        CashKind.OUT: translate("Cash", "Pay out"),
        CashKind.DROP: translate("Cash", "To the safe"),
        CashKind.DRAWER: translate("Cash", "Open drawer"),
        CashKind.DEPOSIT: translate("Cash", "Deposit"),
        CashKind.RETURN: translate("Cash", "Give back"),
    }[kind]


def kind_explained(kind: CashKind) -> str:
    """One sentence below the title."""
    return {
        CashKind.IN: translate("Cash", "Change from the safe goes into this drawer."),
        CashKind.OUT: translate("Cash", "Something is paid from this drawer that is no sale."),
        CashKind.DROP: translate("Cash", "Cash leaves this drawer for the safe."),
        CashKind.DRAWER: translate("Cash", "No cash moves. The journal keeps the reason."),
        CashKind.DEPOSIT: translate("Cash", "Cash leaves the safe for the bank."),
        CashKind.RETURN: translate(
            "Cash", "A customer gets back what was paid for a sale that never made its token."
        ),
    }[kind]


def done_words(kind: CashKind) -> str:
    """What was done."""
    return {
        CashKind.IN: translate("Cash", "Cash was put in."),
        CashKind.OUT: translate("Cash", "Cash was paid out."),
        CashKind.DROP: translate("Cash", "Cash went to the safe."),
        CashKind.DRAWER: translate("Cash", "The drawer may be opened."),
        CashKind.DEPOSIT: translate("Cash", "The deposit is written down."),
        CashKind.RETURN: translate("Cash", "The money was given back."),
    }[kind]


class CashKeys(QWidget):
    """Seven keys beside the count: six movements and the X."""

    chosen = Signal(object)
    x_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons: dict[CashKind, Button] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        for place, (kind, key) in enumerate(KEYS.items()):
            button = Button(kind_word(kind), key=key)
            button.clicked.connect(lambda _=False, kind=kind: self.chosen.emit(kind))
            self.buttons[kind] = button
            grid.addWidget(button, place // COLUMNS, place % COLUMNS)
        self.x_button = Button(translate("Cash", "Print X"), key=X_KEY)
        self.x_button.clicked.connect(self.x_wanted)
        grid.addWidget(self.x_button, len(KEYS) // COLUMNS, 0)


class CashForm(QWidget):
    """One movement: amount, reason, number."""

    left = Signal()
    amount = Signal(str)
    reason = Signal(str)
    reference = Signal(str)

    def __init__(self, unit: Currency) -> None:
        super().__init__()
        self._kind: CashKind | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        row = QHBoxLayout()
        self._title = Label("", "title")
        back = Button(translate("Cash", "Back"), key="Esc")
        back.clicked.connect(self.left)
        row.addWidget(self._title, 1)
        row.addWidget(back)
        column.addLayout(row)
        self._words = Paragraph("")
        column.addWidget(self._words)
        panel = Panel()
        inner = QVBoxLayout(panel)
        inner.setContentsMargins(24, 16, 24, 16)
        inner.setSpacing(4)
        self.amount_field = AmountField(translate("Cash", "Amount"))
        self.amount_field.set_unit(unit.symbol, unit.minor_digits)
        self.reason_field = TextField(
            translate("Cash", "Reason"), translate("Cash", "Why, in a few words")
        )
        self.reference_field = TextField(translate("Cash", "Number"))
        self.reason_field.edit.setMaxLength(120)
        self.reference_field.edit.setMaxLength(40)
        self._captions = (
            Label(translate("Cash", "Amount"), "caption", "muted"),
            Label("", "caption", "muted"),
            Label(translate("Cash", "Reason"), "caption", "muted"),
        )
        fields = (self.amount_field, self.reference_field, self.reason_field)
        for caption, field in zip(self._captions, fields, strict=True):
            inner.addWidget(caption)
            inner.addWidget(field)
            inner.addSpacing(8)
        column.addWidget(panel)
        self.problem = Banner("bad")
        self.problem.hide()
        column.addWidget(self.problem)
        column.addStretch(1)
        self.amount_field.typed.connect(self.amount)
        self.reason_field.changed.connect(self.reason)
        self.reference_field.changed.connect(self.reference)

    def show_state(self, state: CashState, formatter: messages.Formatter) -> None:
        """Render a movement under way."""
        kind = state.kind
        if kind is None:
            self._kind = None
            return
        fresh, self._kind = kind is not self._kind, kind
        self._title.setText(kind_word(kind))
        self._words.set_html(escape(kind_explained(kind)))
        amount, reference, reason = self._captions
        numbered = kind in (CashKind.DEPOSIT, CashKind.RETURN)
        reference.setText(
            translate("Cash", "Receipt number")
            if kind is CashKind.RETURN
            else translate("Cash", "Number of the bag or slip")
        )
        for widget, shown in (
            (amount, kind.moves_cash),
            (self.amount_field, kind.moves_cash),
            (reference, numbered),
            (self.reference_field, numbered),
            (reason, kind in NEEDS_REASON),
            (self.reason_field, kind in NEEDS_REASON),
        ):
            widget.setVisible(shown)
        if fresh:
            self.amount_field.clear()
            self.reason_field.show_text("")
            self.reference_field.show_text("")
            first = self.amount_field if kind.moves_cash else self.reason_field
            first.setFocus()
        self.problem.setVisible(state.failure is not None)
        if state.failure is not None:
            told = say(state.failure, formatter)
            self.problem.tell("bad", told.what, told.body)
