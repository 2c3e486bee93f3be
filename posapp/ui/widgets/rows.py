"""Lists of meters to choose from: search results and recent customers, painted row by row.

Rows are 60 to 80 high, share the height there is, and the chosen one has a bar and a tint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from posapp.ui import theme
from posapp.ui.widgets import paint
from posapp.ui.widgets.panels import paint_chip

Index = QModelIndex | QPersistentModelIndex
ROW_LOW, ROW_HIGH = 60, 80


@dataclass(frozen=True, slots=True)
class Row:
    """A meter in a list. `state` is a chip; `amount`, `units`, `when` are of its last sale."""

    name: str
    address: str
    meter: str
    state: str = ""
    state_word: str = ""
    amount: str = ""
    units: str = ""
    when: str = ""

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        parts = (self.name, self.address, self.meter, self.state_word, self.amount, self.when)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths from the end of a row; 0 leaves a column out."""

    meter: int
    state: int = 0
    amount: int = 0
    units: int = 0
    when: int = 0
    gap: int = 16


class RowModel(QAbstractListModel):
    """The rows, with their spoken text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Replace all rows."""
        if rows != self.rows:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        return None


class RowDelegate(QStyledItemDelegate):
    """Paints a row; matched letters are heavier and underlined."""

    def __init__(self, view: RowView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, self._view.row_height(index.row()))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, RowModel)
        row = model.rows[index.row()]
        rect: QRect = option.rect
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hover = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self._ground(painter, rect, index.row() == model.rowCount() - 1, chosen, hover)
        area = rect.adjusted(20, 0, -20, 0)
        end = self._end_columns(painter, row, area)
        start = QRect(area.left(), area.top(), end - area.left() - self._view.columns.gap, 0)
        middle = area.top() + area.height() // 2
        name = theme.active().font_of(self._view.name_size, 600)
        top = QRect(start.left(), middle - 23, start.width(), 24)
        self._marked(painter, top, row.name, name, "text")
        low = QRect(start.left(), middle + 1, start.width(), 20)
        self._marked(painter, low, row.address, theme.active().font("body"), "muted")
        painter.restore()

    def _ground(
        self, painter: QPainter, rect: QRect, last: bool, chosen: bool, hover: bool
    ) -> None:
        active = theme.active()
        if chosen:
            painter.fillRect(rect, active.color("accent_soft"))
            painter.fillRect(
                QRect(rect.left(), rect.top(), 3, rect.height()), active.color("accent")
            )
        elif hover:
            painter.fillRect(rect, active.color("hover"))
        if not last:
            bottom = QRect(rect.left(), rect.bottom(), rect.width(), 1)
            painter.fillRect(bottom, active.color("line"))

    def _end_columns(self, painter: QPainter, row: Row, area: QRect) -> int:
        """Paint the columns from the end; the left edge of the first of them."""
        columns = self._view.columns
        at = area.right() + 1
        texts = (
            (columns.when, row.when, "body", "muted"),
            (columns.units, row.units, "body", "muted"),
            (columns.amount, row.amount, "strong", "text"),
        )
        for width, words, kind, tone in texts:
            if width:
                at -= width
                cell = QRect(at, area.top(), width, area.height())
                paint.text(painter, cell, words, kind, tone, paint.RIGHT)
                at -= columns.gap
        if columns.state:
            at -= columns.state
            if row.state:
                width = min(paint.width_of(row.state_word, "chip") + 39, columns.state)
                middle = area.top() + area.height() // 2
                paint_chip(painter, QRect(at, middle - 14, width, 28), row.state, row.state_word)
            at -= columns.gap
        at -= columns.meter
        cell = QRect(at, area.top(), columns.meter, area.height())
        paint.text(painter, cell, row.meter, "body", "text")
        return at

    def _marked(self, painter: QPainter, rect: QRect, words: str, font: QFont, tone: str) -> None:
        heavy = QFont(font)
        heavy.setWeight(QFont.Weight.DemiBold)
        active = theme.active()
        x, right = rect.left(), rect.right()
        for part, marked in split_matches(words, self._view.words):
            face = heavy if marked else font
            room = right - x
            width = paint.width_of(part, face)
            cell = QRect(x, rect.top(), min(width, room), rect.height())
            paint.text(painter, cell, part, face, tone, elide=width > room)
            if marked:
                line = QRect(x, rect.bottom() + 1, min(width, room), 2)
                painter.fillRect(line, active.color(tone))
            x += width
            if x >= right:
                return


def split_matches(text: str, words: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Cut `text` where one of `words` begins a word of it: parts and whether they match."""
    if not words:
        return [(text, False)]
    pattern = "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True) if w)
    parts: list[tuple[str, bool]] = []
    last = 0
    for match in re.finditer(rf"(?<!\w)(?:{pattern})", text, re.IGNORECASE):
        if match.start() > last:
            parts.append((text[last : match.start()], False))
        parts.append((match.group(), True))
        last = match.end()
    if last < len(text):
        parts.append((text[last:], False))
    return parts


class RowView(QListView):
    """The list itself; a click chooses, keys come from the omnibox."""

    chosen = Signal(int)

    def __init__(self, name: str, *, stretch: bool, name_size: int = 15) -> None:
        super().__init__()
        self.columns = Columns(110)
        self.words: tuple[str, ...] = ()
        self.name_size = name_size
        self._stretch = stretch
        if not stretch:
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.rows = RowModel()
        self.setModel(self.rows)
        self.setItemDelegate(RowDelegate(self))
        self.setAccessibleName(name)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    def show_rows(self, rows: tuple[Row, ...], selected: int, words: tuple[str, ...] = ()) -> None:
        """Show rows with one chosen (-1: none)."""
        self.words = words
        if rows != self.rows.rows:
            self.rows.show_rows(rows)
            self.updateGeometry()
        if selected >= 0:
            self.setCurrentIndex(self.rows.index(selected, 0))
        else:
            self.clearSelection()
        self.viewport().update()

    def row_height(self, row: int) -> int:
        """Rows share the height, from 60 to 80; the last takes what division left."""
        if not self._stretch:
            return 64
        count, room = max(1, self.rows.rowCount()), self.viewport().height()
        height = max(ROW_LOW, min(ROW_HIGH, room // count))
        if row == count - 1 and ROW_LOW <= room // count < ROW_HIGH:
            return room - height * (count - 1)
        return height

    def sizeHint(self) -> QSize:
        if self._stretch:
            return QSize(320, ROW_LOW * max(1, self.rows.rowCount()))
        return QSize(320, sum(self.row_height(row) for row in range(self.rows.rowCount())))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, ROW_LOW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


class ListFrame(QWidget):
    """A panel around a list that keeps the list's corners round."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(1, 1, 1, 1)
        self.column.setSpacing(0)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint.box(paint.painter_of(self), self.rect(), fill="surface", edge="line", radius=12)


class ColumnHead(QWidget):
    """Heads over the columns of a list, 36 high, on the sunken ground."""

    def __init__(self, view: RowView, words: dict[str, str]) -> None:
        super().__init__()
        self._view = view
        self._words = words
        self.setFixedHeight(36)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        paint.box(painter, self.rect().adjusted(0, 0, 0, 12), fill="sunken", radius=11)
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), active.color("line"))
        area = self.rect().adjusted(20, 0, -20, 0)
        at = area.right() + 1
        columns = self._view.columns
        for name, width in (
            ("when", columns.when),
            ("units", columns.units),
            ("amount", columns.amount),
            ("state", columns.state),
            ("meter", columns.meter),
        ):
            if width:
                at -= width
                align = paint.LEFT if name in ("state", "meter") else paint.RIGHT
                cell = QRect(at, 0, width, self.height())
                paint.text(painter, cell, self._words.get(name, ""), "caption", "muted", align)
                at -= columns.gap
        paint.text(painter, area, self._words.get("name", ""), "caption", "muted")
