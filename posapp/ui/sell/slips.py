"""The slip side of the sell page: last sale, preview, quote, payment, change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.ui import theme
from posapp.ui.i18n import translate
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.lines import QuoteLines
from posapp.ui.widgets.panels import Banner, Chip, Rule
from posapp.ui.widgets.text import BigNumber, Label, MeterNo, Paragraph


class Body(QWidget):
    """One face of the slip: lines from the top, room, something at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)

    def gap(self, pixels: int) -> None:
        """Room between two parts."""
        self.column.addSpacing(pixels)

    def add(self, widget: QWidget) -> None:
        """The next part."""
        self.column.addWidget(widget)

    def rest(self) -> None:
        """All room that is left."""
        self.column.addStretch(1)


class LastSaleBody(Body):
    """The newest sale: its token stays findable until the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = QWidget()
        inner = QVBoxLayout(self.shown)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        self.name = Label("", "strong", elide=True)
        self.meter = Label("", "body", "muted")
        big = theme.active().font_of(26, 600)
        self.token = [Label("", "name"), Label("", "name")]
        for label in self.token:
            label.setFont(big)
            label.setFixedHeight(34)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.lines = QuoteLines()
        self.copy = Button(translate("Sell", "Print a copy"), icon="print", key="F6")
        self.read_out = Button(translate("Sell", "Read out"), icon="speak")
        inner.addSpacing(16)
        inner.addWidget(self.name)
        inner.addWidget(self.meter)
        inner.addSpacing(16)
        inner.addWidget(Label(translate("Sell", "Token"), "caption", "muted"))
        inner.addSpacing(4)
        for label in self.token:
            inner.addWidget(label)
        inner.addSpacing(16)
        inner.addWidget(self.lines)
        inner.addSpacing(16)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.copy, 1)
        row.addWidget(self.read_out, 1)
        inner.addLayout(row)
        self.add(self.shown)
        self.empty = Paragraph("")
        self.gap(8)
        self.add(self.empty)
        self.rest()
        self.note = Banner("off", stacked=True)
        self.note.hide()
        self.add(self.note)


class PreviewBody(Body):
    """Is this the customer? The same facts as the card, before anything is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.name = Label("", "name", elide=True)
        self.address = Label("", "body", "muted", elide=True)
        self.meter = MeterNo(26)
        self.lines = QuoteLines()
        self.gap(16)
        self.add(self.name)
        self.add(self.address)
        self.gap(12)
        self.add(self.meter)
        self.gap(16)
        self.add(self.lines)
        self.rest()


class QuoteBody(Body):
    """Units, lines, what the customer pays, a note, and why it is fewer units than last time."""

    def __init__(self) -> None:
        super().__init__()
        self.units = BigNumber("units")
        self.lines = QuoteLines()
        self.note = Banner("note")
        self.empty = Paragraph("")
        self.why = Paragraph("", "caption", "muted")
        self.paper = Button(translate("Sell", "Print"), icon="print", key="F7")
        row = QHBoxLayout()
        row.addWidget(self.units, 1)
        row.addWidget(self.paper, 0, Qt.AlignmentFlag.AlignVCenter)
        self.gap(4)
        self.column.addLayout(row)
        self.gap(8)
        self.add(self.lines)
        self.add(self.empty)
        self.gap(12)
        self.add(self.note)
        self.gap(8)
        self.add(self.why)
        self.rest()


class PaymentBody(Body):
    """To pay, received, change; and the sentence that is read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.due = BigNumber("amount", right=True)
        self.way = Label("", "body")
        active = theme.active()
        self.received = Label("", "title")
        self.received.setFont(active.font_of(20, 500))
        self.change_word = Label(translate("Sell", "Change"), "body")
        self.change = BigNumber("change", right=True)
        self.lines = QuoteLines()
        self.banner = Banner("bad")
        self.banner.hide()
        self.aloud = Paragraph("")
        self.gap(16)
        row = QHBoxLayout()
        row.addWidget(Label(translate("Sell", "To pay"), "body"), 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.due, 1)
        self.column.addLayout(row)
        self.gap(6)
        row = QHBoxLayout()
        row.addWidget(self.way)
        row.addStretch(1)
        row.addWidget(self.received)
        self.column.addLayout(row)
        self.gap(12)
        self.add(Rule(strong=True))
        self.gap(12)
        self.add(self.change_word)
        self.add(self.change)
        self.gap(16)
        self.add(self.lines)
        self.rest()
        self.add(self.banner)
        self.gap(12)
        self.add(self.aloud)


class ChangeBody(Body):
    """Change first, then what makes it, then the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.change = BigNumber("change")
        self.pieces = Label("", "body", "muted")
        self.paid = QuoteLines()
        self.within = Label("", "caption", "muted")
        self.lines = QuoteLines()
        self.order = Banner("note")
        self.order.hide()
        self.chip = Chip()
        self.queue = Label("", "body", "muted")
        self.gap(8)
        self.add(self.change)
        self.add(self.pieces)
        self.gap(16)
        self.add(self.paid)
        self.gap(24)
        self.add(self.within)
        self.add(self.lines)
        self.gap(16)
        self.add(self.order)
        self.rest()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.chip)
        row.addWidget(self.queue)
        row.addStretch(1)
        self.column.addLayout(row)
