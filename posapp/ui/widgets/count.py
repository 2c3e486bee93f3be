"""Counting a drawer: one field a note or coin, largest first; Enter goes down."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from posapp.domain.money import Currency, amount_text
from posapp.ui import cash, theme
from posapp.ui.i18n import translate
from posapp.ui.widgets import paint
from posapp.ui.widgets.fields import CountField
from posapp.ui.widgets.panels import Panel, Rule
from posapp.ui.widgets.text import Label

PIECES_END = 164  # from a row's end to the end of its pieces: value, gap, padding


class _Total(QWidget):
    """The sum row under its 2 px rule."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word
        self.pieces = 0
        self.value = ""
        self.end, self.pad = PIECES_END, 20
        self.setFixedHeight(57)

    def show_sum(self, pieces: int, value: str) -> None:
        self.pieces, self.value = pieces, value
        self.setAccessibleName(f"{self._word} {value}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        painter.fillRect(QRect(0, 0, self.width(), 2), active.color("text"))
        area = self.rect().adjusted(self.pad, 2, -self.pad, 0)
        paint.text(painter, area, self._word, "strong", "text")
        paint.text(painter, area, self.value, active.font_of(18, 600), "text", paint.RIGHT)
        middle = QRect(0, 2, self.width() - self.end, area.height())
        paint.text(painter, middle, str(self.pieces), "strong", "text", paint.RIGHT)


class DenominationTable(Panel):
    """Notes and coins with their pieces and value. Expected cash is nowhere on it."""

    changed = Signal()
    finished = Signal()

    def __init__(self, currency: Currency) -> None:
        super().__init__()
        self._currency = currency
        self._faces = cash.faces(currency)
        self.fields: list[CountField] = []
        self._values: list[Label] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(1, 1, 1, 1)
        self._column.setSpacing(0)
        self._head = _Head(currency.symbol)
        self._words: list[Label] = []
        self._rows: list[QHBoxLayout] = []
        self._column.addWidget(self._head)
        self._column.addWidget(Rule())
        for place, (face, note) in enumerate(self._faces):
            self._add_row(face, note)
            if place < len(self._faces) - 1:
                self._column.addWidget(Rule())
        self._total = _Total(translate("Count", "Counted"))
        self._column.addWidget(self._total)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.recount()

    def _add_row(self, face: int, note: bool) -> None:
        word = translate("Count", "note") if note else translate("Count", "coin")
        value = amount_text(face, self._currency).removesuffix(
            "." + "0" * self._currency.minor_digits
        )
        field = CountField(f"{value} {word}")
        field.typed.connect(lambda _: self.recount())
        amount = Label("", "field", "text")
        amount.setFont(theme.active().font_of(18, 400))
        amount.setFixedWidth(128)
        amount.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        face_label = Label(value, "field", "text")
        face_label.setFont(theme.active().font_of(18, 600))
        row = QHBoxLayout()
        row.setContentsMargins(20, 3, 20, 3)
        row.setSpacing(0)
        row.addWidget(face_label)
        row.addSpacing(6)
        self._words.append(Label(word, "body", "muted"))
        row.addWidget(self._words[-1])
        row.addStretch(1)
        row.addWidget(field)
        row.addSpacing(16)
        row.addWidget(amount)
        self._rows.append(row)
        holder = QWidget()
        holder.setLayout(row)
        holder.setMinimumHeight(50)
        self._column.addWidget(holder, 1)
        self.fields.append(field)
        self._values.append(amount)

    def set_compact(self, compact: bool) -> None:
        """Narrower columns for a window below 1280."""
        for word in self._words:
            word.setVisible(not compact)
        for field, amount, row in zip(self.fields, self._values, self._rows, strict=True):
            field.setFixedWidth(80 if compact else 104)
            amount.setFixedWidth(96 if compact else 128)
            amount.setFont(theme.active().font_of(15 if compact else 18, 400))
            row.setContentsMargins(16 if compact else 20, 3, 16 if compact else 20, 3)
        self._head.end = self._total.end = 128 if compact else PIECES_END
        self._head.pad = self._total.pad = 16 if compact else 20
        self._head.short = compact

    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(face in minor units, pieces) of every filled row."""
        return tuple(
            (face, int(field.text()))
            for (face, _), field in zip(self._faces, self.fields, strict=True)
            if field.text()
        )

    def sums(self) -> tuple[int, int]:
        """Minor units in (notes, coins)."""
        notes = {face for face, note in self._faces if note}
        counted = self.pieces()
        in_notes = sum(face * count for face, count in counted if face in notes)
        return in_notes, sum(face * count for face, count in counted) - in_notes

    def show_pieces(self, pieces: tuple[tuple[int, int], ...]) -> None:
        """Fill the fields."""
        table = dict(pieces)
        for (face, _), field in zip(self._faces, self.fields, strict=True):
            count = table.get(face)
            field.show_text("" if count is None else str(count))
        self.recount()

    def current(self) -> CountField | None:
        """The field with the focus."""
        return next((field for field in self.fields if field.hasFocus()), None)

    def next_row(self) -> None:
        """Enter: one row down; `finished` after the last."""
        now = self.current()
        place = self.fields.index(now) + 1 if now else 0
        if place < len(self.fields):
            self.fields[place].setFocus()
        else:
            self.finished.emit()

    def recount(self) -> None:
        """Fill values and sum from the fields."""
        total = pieces = 0
        for (face, _), field, label in zip(self._faces, self.fields, self._values, strict=True):
            count = int(field.text() or "0")
            label.setText(amount_text(face * count, self._currency) if field.text() else "")
            total += face * count
            pieces += count
        self._total.show_sum(pieces, amount_text(total, self._currency))
        self.changed.emit()


class _Head(QWidget):
    def __init__(self, symbol: str) -> None:
        super().__init__()
        self._symbol = symbol
        self.end, self.pad = PIECES_END, 20
        self.short = False
        self.setFixedHeight(37)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        paint.box(painter, self.rect().adjusted(0, 0, 0, 12), fill="sunken", radius=11)
        area = self.rect().adjusted(self.pad, 0, -self.pad, 0)
        word = translate("Count", "Face") if self.short else translate("Count", "Note or coin")
        paint.text(painter, area, word, "caption", "muted")
        words = translate("Count", "Value, {symbol}").format(symbol=self._symbol)
        paint.text(painter, area, words, "caption", "muted", paint.RIGHT)
        middle = QRect(0, 0, self.width() - self.end, self.height())
        paint.text(painter, middle, translate("Count", "Pieces"), "caption", "muted", paint.RIGHT)
