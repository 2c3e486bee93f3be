"""Several tokens of one order, from top to bottom as the customer keys them in."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint

ROW_MIN, ROW_MAX = 58, 112
NUMBER_X, DIGITS_X, NARROW_X, END = 24, 84, 56, 24
SIZES = (36, 30, 24, 20, 16)
BAR = 4  # beside the row that is read out next


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token: its name, its twenty digits, its units as text (empty: it carries none)."""

    name: str
    digits: str
    units: str = ""


class TokenSet(QWidget):
    """Rows of number, name, digits and units; the row at hand is marked."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[TokenRow, ...] = ()
        self._at = 0
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def rows(self) -> tuple[TokenRow, ...]:
        """What is shown, in entry order."""
        return self._rows

    def show_rows(self, rows: tuple[TokenRow, ...], at: int) -> None:
        """Show these, the one at `at` marked."""
        self._rows, self._at = rows, at
        spoken = [f"{n}. {row.name}: {' '.join(row.digits)}" for n, row in enumerate(rows, 1)]
        self.setAccessibleName(". ".join(spoken))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, ROW_MIN * max(1, len(self._rows)))

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 40 * max(1, len(self._rows)))

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._rows:
            return
        painter = paint.painter_of(self)
        height = min(ROW_MAX, self.height() // len(self._rows))
        for place, row in enumerate(self._rows):
            self._paint_row(painter, place, row, QRect(0, place * height, self.width(), height))
        painter.end()

    def _paint_row(self, painter: QPainter, place: int, row: TokenRow, box: QRect) -> None:
        active, here = theme.active(), place == self._at
        if here:
            painter.fillRect(box, active.color("accent_soft"))
            painter.fillRect(QRect(0, box.top(), BAR, box.height()), active.color("accent"))
        if place:
            painter.fillRect(QRect(0, box.top(), box.width(), 1), active.color("line"))
        number = active.font_of(24, 600)
        tone = "accent_ink" if here else "muted"
        paint.text(painter, box.adjusted(NUMBER_X, 0, 0, 0), str(place + 1), number, tone)
        name, digits = active.font_of(14, 400), active.font_of(self._pixels(box), 600)
        top = max(4, (box.height() - 20 - active.line("name") - 4) // 2)
        caption = QRect(self._left(), box.top() + top, box.width() - self._left() - END, 20)
        paint.text(painter, caption, row.name, name, "muted")
        low = QRect(self._left(), caption.bottom(), 0, box.bottom() - caption.bottom() - top)
        x = self._left()
        for start in range(0, len(row.digits), 4):
            group = row.digits[start : start + 4]
            width = paint.width_of(group, digits)
            low.setRect(x, caption.bottom(), width, box.bottom() - caption.bottom() - top)
            paint.text(painter, low, group, digits, "text")
            x += width + self._gap()
        if row.units:
            words = f"{row.units} kWh"
            room = paint.width_of(words, active.font_of(18, 600))
            side = QRect(box.right() - room - END, box.top(), room + END, box.height())
            if side.left() > x:
                paint.text(painter, side, words, active.font_of(18, 600), "text")

    def _gap(self) -> int:
        width = self.width()
        return 36 if width > 700 else 14 if width > 400 else 9

    def _left(self) -> int:
        return DIGITS_X if self.width() > 400 else NARROW_X

    def _pixels(self, box: QRect) -> int:
        """The largest size whose twenty digits fit into a row."""
        room = self.width() - self._left() - END - 4 * self._gap()
        for pixels in SIZES:
            group = paint.width_of("0000", theme.active().font_of(pixels, 600))
            if 5 * group <= room and pixels + 34 <= box.height():
                return pixels
        return SIZES[-1]
