"""Before there is a till: opening the store, what to do if that fails, and the first set-up."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.errors import PosError
from posapp.ui.i18n import say, translate
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button, PrimaryButton
from posapp.ui.widgets.fields import TextField
from posapp.ui.widgets.panels import Banner
from posapp.ui.widgets.text import Label, Paragraph, StateShape

Enrol = Callable[[str, str], None]  # (head office's address, one-time code); waits, may raise


class StartPage(QWidget):
    """The till opens its store; a failure says what to do."""

    again = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shape = StateShape("busy", 24)
        self._words = Label(translate("Start", "Opening the till"), "title")
        self.banner = Banner("bad", large=True)
        self.banner.hide()
        self.banner.acted.connect(self.again)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addStretch(1)
        row.addWidget(self._shape)
        row.addWidget(self._words)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(160, 64, 160, 64)
        column.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.banner)
        column.addStretch(1)

    def show_opening(self) -> None:
        """Work is going on."""
        self._shape.show()
        self._words.show()
        self.banner.hide()

    def show_trouble(self, error: PosError) -> None:
        """The till could not be opened."""
        told = say(error)
        self._shape.hide()
        self._words.hide()
        body = f"{told.body} ({told.code})"
        self.banner.tell("bad", told.what, body, button=translate("Start", "Try again"))
        self.banner.show()
        self.banner.button.setFocus()


class FirstRunPage(QWidget):
    """Join head office: its address and the one-time code, then the till opens by itself."""

    asked = Signal(str, str)

    def __init__(self, address: str = "") -> None:
        super().__init__()
        self.address = TextField(
            translate("Start", "Head office's address"), "http://127.0.0.1:8080"
        )
        self.address.show_text(address)
        self.code = TextField(translate("Start", "One-time code"), "ABCD-EFGH-JKLM")
        self.banner = Banner("bad")
        self.banner.hide()
        self.primary = PrimaryButton(translate("Start", "Join head office"))
        self.primary.clicked.connect(self._ask)
        words = translate(
            "Start",
            "Head office gives this till its name, its customers, its tariffs and its limits. "
            "Ask there for the address and a one-time code.",
        )
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(Label(translate("Start", "Set up this till"), "amount"))
        column.addSpacing(4)
        column.addWidget(Paragraph(words))
        column.addSpacing(32)
        column.addWidget(Label(translate("Start", "Head office's address"), "caption", "muted"))
        column.addSpacing(4)
        column.addWidget(self.address)
        column.addSpacing(16)
        column.addWidget(Label(translate("Start", "One-time code"), "caption", "muted"))
        column.addSpacing(4)
        column.addWidget(self.code)
        column.addSpacing(24)
        column.addWidget(self.primary)
        column.addSpacing(16)
        column.addWidget(self.banner)
        column.addStretch(1)
        holder = QWidget()
        holder.setLayout(column)
        holder.setFixedWidth(560)
        row = QHBoxLayout(self)
        row.setContentsMargins(48, 56, 48, 32)
        row.addStretch(1)
        row.addWidget(holder)
        row.addStretch(1)
        join = translate("Start", "Join head office")
        add_action(self, "start.join", join, ("Enter", "Return"), self._ask)
        for field in (self.address, self.code):
            field.changed.connect(lambda _: self._offer())
        self._offer()

    def _offer(self) -> None:
        missing = ""
        if not self.address.text().strip():
            missing = translate("Start", "Type head office's address")
        elif not self.code.text().strip():
            missing = translate("Start", "Type the one-time code")
        self.primary.show_action(translate("Start", "Join head office"), reason=missing)

    def _ask(self) -> None:
        if not self.primary.isEnabled():
            field = self.code if self.address.text().strip() else self.address
            field.edit.setFocus()
            return
        self.banner.hide()
        self.primary.show_busy(translate("Start", "Asking head office"))
        self.asked.emit(self.address.text().strip(), self.code.text().strip())

    def show_trouble(self, error: PosError) -> None:
        """Head office said no, or did not answer."""
        told = say(error)
        self.banner.tell("bad", told.what, told.body)
        self.banner.show()
        self._offer()


class KeySheet(QWidget):
    """All keys of the page that is shown, made from its actions."""

    closed = Signal()

    def __init__(self, host: QWidget, actions: list[QAction]) -> None:
        super().__init__(host)
        from posapp.ui.widgets.lines import Line, QuoteLines
        from posapp.ui.widgets.panels import Panel

        self.setGeometry(host.rect())
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", "none")
        column = QVBoxLayout(self)
        column.setContentsMargins(48, 32, 48, 32)
        column.setSpacing(16)
        head = QHBoxLayout()
        head.addWidget(Label(translate("Start", "All keys"), "name"), 1)
        close = Button(translate("Start", "Close"), key="Esc")
        close.clicked.connect(self.closed)
        head.addWidget(close)
        column.addLayout(head)
        lines = [
            Line(a.text(), a.shortcut().toString().replace("Return", "Enter")) for a in actions
        ]
        row = QHBoxLayout()
        row.setSpacing(16)
        half = -(-len(lines) // 2)
        for part in (lines[:half], lines[half:]):
            panel = Panel()
            inner = QVBoxLayout(panel)
            inner.setContentsMargins(24, 12, 24, 12)
            table = QuoteLines()
            table.show_lines(tuple(part))
            inner.addWidget(table)
            inner.addStretch(1)
            row.addWidget(panel, 1)
        column.addLayout(row, 1)
        words = translate("Start", "Close")
        add_action(self, "keys.close", words, ("Esc", "F1"), self.closed.emit)
