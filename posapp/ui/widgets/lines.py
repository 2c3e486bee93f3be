"""Lines of a slip: words left, an amount on one right edge, the sum under a strong rule.

One painted widget, so that a quote redraws on every key without moving anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint
from posapp.ui.widgets.panels import paint_chip

PAD = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `second` stands muted below, `state` turns the value into a chip."""

    words: str
    value: str
    second: str = ""
    strong: bool = False
    total: bool = False
    state: str = ""
    mark: str = ""


class QuoteLines(QWidget):
    """The lines of a quote or of any slip; reserves room so that the total does not jump."""

    def __init__(self, *, reserve: int = 0) -> None:
        super().__init__()
        self._lines: tuple[Line, ...] = ()
        self._reserve = reserve
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: tuple[Line, ...]) -> None:
        """Show other lines."""
        if lines == self._lines:
            return
        self._lines = lines
        self.setAccessibleName("; ".join(f"{ln.words} {ln.value}" for ln in lines))
        self.updateGeometry()
        self.update()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def sizeHint(self) -> QSize:
        return QSize(280, max(self._reserve, sum(self._height(line) for line in self._lines)))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def _height(self, line: Line) -> int:
        active = theme.active()
        if line.total:
            return active.line("total") + 8 + 2 + PAD
        rows = active.line("body") + (active.line("status") if line.second else 0)
        return rows + 2 * PAD + 1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        rtl = self.isRightToLeft()
        left, right = (paint.RIGHT, paint.LEFT) if rtl else (paint.LEFT, paint.RIGHT)
        y, width = 0, self.width()
        for place, line in enumerate(self._lines):
            height = self._height(line)
            if line.total:
                painter.fillRect(QRect(0, y, width, 2), active.color("text"))
                row = QRect(0, y + 10, width, active.line("total"))
                paint.text(painter, row, line.words, "total", "text", left)
                paint.text(painter, row, line.value, "total", "text", right)
                y += height
                continue
            row = QRect(0, y + PAD, width, active.line("body"))
            indent = 0
            if line.mark:
                paint.state_shape(painter, QRectF(0, row.y() + 5, 12, 12), line.mark)
                indent = 24
            value_width = self._value(painter, line, row, right)
            words = row.adjusted(indent, 0, -value_width - 12, 0)
            if rtl:
                words = row.adjusted(value_width + 12, 0, -indent, 0)
            paint.text(painter, words, line.words, "body", "text", left, elide=True)
            if line.second:
                row.moveTop(row.y() + active.line("body"))
                row.setHeight(active.line("status"))
                under = row.adjusted(12, 0, -indent, 0) if rtl else row.adjusted(indent, 0, -12, 0)
                paint.text(painter, under, line.second, "status", "muted", left, elide=True)
            last = place + 1 == len(self._lines)
            if (not last and not self._lines[place + 1].total) or last:
                painter.fillRect(QRect(0, y + height - 1, width, 1), active.color("line"))
            y += height

    def _value(self, painter: object, line: Line, row: QRect, align: object) -> int:
        from PySide6.QtCore import Qt
        from PySide6.QtGui import QPainter

        assert isinstance(painter, QPainter) and isinstance(align, Qt.AlignmentFlag)
        if line.state:
            width = paint.width_of(line.value, "chip") + 39
            at = row.left() if self.isRightToLeft() else row.right() + 1 - width
            rect = QRect(at, row.y() - 3, width, 28)
            paint_chip(painter, rect, line.state, line.value, self.isRightToLeft())
            return width
        kind = "strong" if line.strong else "body"
        paint.text(painter, row, line.value, kind, "text", align)
        return paint.width_of(line.value, kind)
