"""Bars from zero, one colour, three grid lines; arrow keys read each bar aloud."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint

GUTTER = 58


def round_top(value: float) -> int:
    """The next round number at or above: 1, 2, 4, 5 or 10 times a power of ten; at least 2."""
    step = 1
    while True:
        for lead in (2, 4, 5, 10):
            if value <= lead * step:
                return lead * step
        step *= 10


class BarChart(QWidget):
    """One row of bars with labels below; the same numbers stand in the table."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._bars: tuple[tuple[str, int], ...] = ()
        self._at = -1
        self.setAccessibleName(name)
        self._name = name
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_bars(self, bars: tuple[tuple[str, int], ...]) -> None:
        """(label, value >= 0) from the start."""
        self._bars, self._at = bars, -1
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}.get(Qt.Key(event.key()))
        if step is None or not self._bars:
            event.ignore()
            return
        self._at = max(0, min(len(self._bars) - 1, self._at + step))
        label, value = self._bars[self._at]
        self.setAccessibleDescription(f"{label}: {value:,}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        top = round_top(max((value for _, value in self._bars), default=1))
        plot = QRect(GUTTER, 10, self.width() - GUTTER, self.height() - 10 - 24)
        for share in (0, 1, 2):
            y = plot.bottom() - plot.height() * share // 2
            painter.fillRect(
                QRect(plot.left(), y, plot.width(), 1),
                active.color("border" if not share else "line"),
            )
            words = f"{top * share // 2:,}"
            cell = QRect(0, y - 9, GUTTER - 10, 18)
            font = active.font_of(13, 400)
            paint.text(painter, cell, words, font, "muted", paint.RIGHT)
        if not self._bars:
            return
        slot = plot.width() / len(self._bars)
        width = min(41, int(slot * 0.72))
        for place, (label, value) in enumerate(self._bars):
            height = round(plot.height() * value / top)
            x = plot.left() + round(slot * place + (slot - width) / 2)
            bar = QRect(x, plot.bottom() - height, width, height)
            tone = "accent_hover" if place == self._at else "chart_1"
            if height > 2:
                paint.box(painter, bar, fill=tone, radius=2)
                painter.fillRect(QRect(x, bar.bottom() - 2, width, 3), active.color(tone))
            cell = QRect(round(plot.left() + slot * place), plot.bottom() + 4, round(slot), 20)
            paint.text(painter, cell, label, active.font_of(13, 400), "muted", paint.CENTER)


class Table(QWidget):
    """A short table that is only read: head 37 high, rows 44, a sum row under a strong rule."""

    def __init__(self, heads: tuple[str, ...], widths: tuple[int, ...]) -> None:
        super().__init__()
        self._heads, self._widths = heads, widths
        self._rows: tuple[tuple[str, ...], ...] = ()
        self._sum: tuple[str, ...] = ()
        self._marks: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_rows(
        self,
        rows: tuple[tuple[str, ...], ...],
        total: tuple[str, ...] = (),
        marks: tuple[str, ...] = (),
    ) -> None:
        """Rows of words; `marks` is the state shape before the last cell of each."""
        self._rows, self._sum, self._marks = rows, total, marks
        self.setAccessibleName("; ".join(" ".join(row) for row in rows))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        paint.box(painter, self.rect(), fill="surface", edge="line", radius=12)
        head = QRect(1, 1, self.width() - 2, 37)
        painter.save()
        painter.setClipRect(head)
        paint.box(painter, head.adjusted(0, 0, 0, 12), fill="sunken", radius=11)
        painter.restore()
        self._cells(painter, head, self._heads, "caption", "muted")
        painter.fillRect(QRect(1, 38, self.width() - 2, 1), active.color("line"))
        y = 39
        room = self.height() - 39 - (47 if self._sum else 0)
        step = max(30, min(44, room // max(1, len(self._rows))))
        for place, row in enumerate(self._rows):
            area = QRect(1, y, self.width() - 2, step)
            mark = self._marks[place] if place < len(self._marks) else ""
            self._cells(painter, area, row, "body", "text", mark)
            y += step
            if place + 1 < len(self._rows):
                painter.fillRect(QRect(1, y - 1, self.width() - 2, 1), active.color("line"))
        if self._sum:
            painter.fillRect(QRect(1, y, self.width() - 2, 2), active.color("text"))
            area = QRect(1, y + 2, self.width() - 2, 45)
            self._cells(painter, area, self._sum, "strong", "text")

    def _cells(
        self,
        painter: object,
        row: QRect,
        cells: tuple[str, ...],
        kind: str,
        tone: str,
        mark: str = "",
    ) -> None:
        from PySide6.QtCore import QRectF
        from PySide6.QtGui import QPainter

        assert isinstance(painter, QPainter)
        x = row.left() + 20
        room = row.width() - 36
        fixed = sum(self._widths)
        for place, words in enumerate(cells):
            width = self._widths[place] or room - fixed
            cell = QRect(x, row.top(), width, row.height())
            align = paint.LEFT if place == 0 else paint.RIGHT
            paint.text(painter, cell, words, kind, tone, align, elide=True)
            if mark and place == len(cells) - 1:
                at = cell.right() - paint.width_of(words, kind) - 19
                middle = row.top() + row.height() / 2
                paint.state_shape(painter, QRectF(at, middle - 6, 12, 12), mark)
            x += width
