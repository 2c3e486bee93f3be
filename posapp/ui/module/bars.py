"""The keys of a module: what each is, until when, and a bar of what is left, all on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint
from posapp.ui.widgets.charts import round_top
from posapp.ui.widgets.panels import paint_chip

PAD, BAR_H = 10, 6


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key. `share` is what the bar stands for, below 0 for no bar; `state` with `word` a chip
    in place of nothing.
    """

    name: str
    detail: str
    left: str = ""
    value: str = ""
    share: int = -1
    state: str = ""
    word: str = ""

    @property
    def spoken(self) -> str:
        """For a screen reader."""
        return ", ".join(p for p in (self.name, self.detail, self.left, self.value, self.word) if p)


class KeyRows(QWidget):
    """Bars from zero to one round top for all keys, so that the shortest is the scarcest."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[KeyRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: tuple[KeyRow, ...]) -> None:
        """Show other keys."""
        if rows != self._rows:
            self._rows = rows
            self.setAccessibleName("; ".join(row.spoken for row in rows))
            self.updateGeometry()
            self.update()

    @property
    def rows(self) -> tuple[KeyRow, ...]:
        """What is shown."""
        return self._rows

    def sizeHint(self) -> QSize:
        return QSize(320, sum(self._height(row) for row in self._rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    def _height(self, row: KeyRow) -> int:
        active = theme.active()
        bar = BAR_H + 8 if row.share >= 0 else 0
        return 2 * PAD + active.line("body") + active.line("status") + bar + 1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        rtl, width = self.isRightToLeft(), self.width()
        start, end = (paint.RIGHT, paint.LEFT) if rtl else (paint.LEFT, paint.RIGHT)
        top = round_top(max((row.share for row in self._rows), default=1))
        y = 0
        for row in self._rows:
            height = self._height(row)
            line = QRect(0, y + PAD, width, active.line("body"))
            name = paint.width_of(row.name, "strong")
            paint.text(painter, line, row.name, "strong", "text", start)
            if row.state:
                chip = paint.width_of(row.word, "chip") + 39
                at = width - name - 12 - chip if rtl else name + 12
                paint_chip(painter, QRect(at, line.y() - 3, chip, 28), row.state, row.word, rtl)
            paint.text(painter, line, row.left, "strong", "text", end)
            line = QRect(0, line.bottom() + 1, width, active.line("status"))
            taken = paint.width_of(row.value, "status") + 12
            room = line.adjusted(taken, 0, 0, 0) if rtl else line.adjusted(0, 0, -taken, 0)
            paint.text(painter, room, row.detail, "status", "muted", start, elide=True)
            paint.text(painter, line, row.value, "status", "muted", end)
            if row.share >= 0:
                bar = QRect(0, line.bottom() + 6, width, BAR_H)
                paint.box(painter, bar, fill="sunken", edge="line", radius=3)
                long = width * row.share // top
                if long:
                    long = max(BAR_H, long)
                    filled = QRect(width - long if rtl else 0, bar.y(), long, BAR_H)
                    tone = "warn" if row.state in ("warn", "bad") else "chart_1"
                    paint.box(painter, filled, fill=tone, radius=3)
            painter.fillRect(QRect(0, y + height - 1, width, 1), active.color("line"))
            y += height
