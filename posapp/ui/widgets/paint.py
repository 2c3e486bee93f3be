"""Painting that several widgets share: text in a token's font, state shapes, rounded boxes.

All colours come from the active theme; nothing here keeps state.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from posapp.ui import theme

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter
CAP_GAP = 7  # room left and right of the word on a key cap
CAP_H = 22


def painter_of(widget: QWidget) -> QPainter:
    """A painter with smooth edges. Left means left: what mirrors is decided by the widget,
    and a number keeps its own direction.
    """
    painter = QPainter(widget)
    painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    return painter


def box(
    painter: QPainter,
    rect: QRectF | QRect,
    *,
    fill: str = "",
    edge: str = "",
    radius: float = 8,
    width: float = 1,
    dashed: bool = False,
) -> None:
    """A rounded rectangle whose edge lies wholly inside `rect`."""
    active = theme.active()
    area = QRectF(rect)
    if edge:
        half = width / 2
        area.adjust(half, half, -half, -half)
        pen = QPen(active.color(edge), width)
        if dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(active.color(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(area, radius, radius)


def text(
    painter: QPainter,
    rect: QRect,
    words: str,
    kind: str | QFont,
    color: str | QColor,
    align: Qt.AlignmentFlag = LEFT,
    *,
    elide: bool = False,
) -> None:
    """One line of text; the rectangle is never a clip, so accents keep their room."""
    active = theme.active()
    font = active.font(kind) if isinstance(kind, str) else kind
    painter.setFont(font)
    painter.setPen(active.color(color) if isinstance(color, str) else color)
    if elide:
        words = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, int(align) | int(Qt.TextFlag.TextDontClip), words)


def width_of(words: str, kind: str | QFont) -> int:
    """How wide a line is in a token's font."""
    font = theme.active().font(kind) if isinstance(kind, str) else kind
    return QFontMetrics(font).horizontalAdvance(words)


def cap_width(words: str) -> int:
    """Width of a key cap around `words`."""
    return max(CAP_H, width_of(words, "caption") + 2 * CAP_GAP)


def key_cap(painter: QPainter, left: int, middle: int, words: str, tone: str = "muted") -> None:
    """A key cap at `left`, centred on the line `middle`."""
    rect = QRect(left, middle - CAP_H // 2, cap_width(words), CAP_H)
    if tone == "muted":
        box(painter, rect, fill="sunken", edge="line", radius=5)
    else:
        box(painter, rect, edge=tone, radius=5)
    text(painter, rect, words, "caption", tone, CENTER)


def state_shape(painter: QPainter, rect: QRectF, state: str, tone: str = "", step: int = 3) -> None:
    """Disc, triangle, square, ring or dots: the shape of a state in its colour."""
    color = theme.active().color(tone or ("accent" if state == "busy" else state))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    unit = rect.width() / 12
    if state == "ok":
        painter.drawEllipse(rect.adjusted(unit * 0.7, unit * 0.7, -unit * 0.7, -unit * 0.7))
    elif state == "warn":
        top, low = rect.top() + unit * 0.5, rect.bottom() - unit * 0.5
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(rect.center().x(), top),
                    QPointF(rect.right(), low),
                    QPointF(rect.left(), low),
                ]
            )
        )
    elif state == "bad":
        inner = rect.adjusted(unit, unit, -unit, -unit)
        painter.drawRoundedRect(inner, unit, unit)
    elif state == "busy":
        for place in range(3):
            if place < step:
                x = rect.left() + unit * (2 + 4 * place)
                painter.drawEllipse(QPointF(x, rect.center().y()), unit * 1.3, unit * 1.3)
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, unit * 2))
        painter.drawEllipse(rect.adjusted(unit * 2, unit * 2, -unit * 2, -unit * 2))


def icon(
    painter: QPainter, widget: QWidget, name: str, tone: str, rect: QRect, pixels: int
) -> None:
    """An icon centred in `rect`."""
    pixmap = theme.active().icon(name, tone, pixels, widget.devicePixelRatioF())
    x = rect.x() + (rect.width() - pixels) / 2
    y = rect.y() + (rect.height() - pixels) / 2
    painter.drawPixmap(QPointF(x, y), pixmap)
