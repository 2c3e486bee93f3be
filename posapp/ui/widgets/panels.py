"""Surfaces and notices: panels, the slip at the end of a page, chips, banners, advice.

Depth is a surface colour and a 1 px edge; nothing has a shadow.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from posapp.ui import theme
from posapp.ui.widgets import paint
from posapp.ui.widgets.buttons import Button, PrimaryButton
from posapp.ui.widgets.text import Label, Paragraph


class Panel(QWidget):
    """A sheet of paper on the counter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, False)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint.box(paint.painter_of(self), self.rect(), fill="surface", edge="line", radius=12)


class Rule(QWidget):
    """A hairline between rows, or the 2 px rule over a sum."""

    def __init__(self, *, strong: bool = False) -> None:
        super().__init__()
        self._tone = "text" if strong else "line"
        self.setFixedHeight(2 if strong else 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint.painter_of(self).fillRect(self.rect(), theme.active().color(self._tone))


class Chip(QWidget):
    """A state's shape and word, 28 high. It never carries a plain fact."""

    def __init__(self, state: str = "off", word: str = "") -> None:
        super().__init__()
        self._state, self._word = "", ""
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_state(state, word)

    def show_state(self, state: str, word: str) -> None:
        """Show another state."""
        if (state, word) != (self._state, self._word):
            self._state, self._word = state, word
            self.setAccessibleName(word)
            self.updateGeometry()
            self.update()

    @property
    def state(self) -> str:
        """ok, warn, bad, off or busy."""
        return self._state

    @property
    def word(self) -> str:
        """The word beside the shape."""
        return self._word

    def sizeHint(self) -> QSize:
        return QSize(paint.width_of(self._word, "chip") + 39, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_chip(
            paint.painter_of(self), self.rect(), self._state, self._word, self.isRightToLeft()
        )


def paint_chip(painter: object, rect: QRect, state: str, word: str, rtl: bool = False) -> None:
    """A chip inside `rect`, for widgets and row delegates alike."""
    from PySide6.QtGui import QPainter

    assert isinstance(painter, QPainter)
    tone = "off" if state == "busy" else state
    edge = tone if theme.active().flat else ""
    paint.box(painter, rect, fill=f"{tone}_soft", edge=edge, radius=6)
    middle = rect.center().y() + 0.5
    at = rect.right() - 21 if rtl else rect.left() + 10
    paint.state_shape(painter, QRectF(at, middle - 6, 12, 12), state)
    area = rect.adjusted(10, 0, -29, 0) if rtl else rect.adjusted(29, 0, -8, 0)
    paint.text(painter, area, word, "chip", tone, paint.RIGHT if rtl else paint.LEFT)


class Banner(QWidget):
    """What happened, whether money is affected, what to do; beside the place it concerns."""

    acted = Signal()

    def __init__(self, state: str = "off", *, large: bool = False, stacked: bool = False) -> None:
        """`stacked` puts the button under the words, where there is no room beside them."""
        super().__init__()
        self._state = state
        self._tone = state
        self._icon = ""
        self._large = large
        self._head = Paragraph("", "title" if large else "strong", "text")
        self._body = Paragraph("", "body", "text")
        self._button = Button("")
        self._button.clicked.connect(self.acted)
        self._button.hide()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self._head)
        words.addWidget(self._body)
        if stacked:
            words.addSpacing(8)
            words.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeading)
        words.addStretch(1)
        row = QHBoxLayout(self)
        side = 20 if large else 14
        row.setContentsMargins(side + 3 + 36, 12, side, 12)
        row.setSpacing(16)
        row.addLayout(words, 1)
        if not stacked:
            row.addWidget(self._button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def tell(
        self,
        state: str,
        head: str,
        body: str = "",
        *,
        button: str = "",
        key: str = "",
        icon: str = "",
    ) -> None:
        """Show sentences; `head` and `body` are plain text."""
        self._state, self._icon = state, icon
        self._tone = "accent" if state == "note" else state
        self._head.set_html(escape(head))
        self._body.set_html(escape(body))
        self._body.setVisible(bool(body))
        self._button.setText(button)
        self._button.setAccessibleName(button)
        self._button.set_key(key)
        self._button.setVisible(bool(button))
        self.setAccessibleName(f"{head} {body}".strip())
        self.update()

    def tell_html(self, state: str, html: str, *, icon: str = "info") -> None:
        """One note whose numbers are bold; `html` is safe."""
        self.tell(state, "", "", icon=icon)
        self._head.setVisible(False)
        self._body.set_html(html)
        self._body.setVisible(True)

    @property
    def words(self) -> str:
        """Everything it says."""
        return self.accessibleName()

    @property
    def state(self) -> str:
        """The state it shows."""
        return self._state

    @property
    def button(self) -> Button:
        """Its one button."""
        return self._button

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        soft = "accent_soft" if self._tone == "accent" else f"{self._tone}_soft"
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()), 8, 8)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), active.color(soft))
        bar = 6 if active.flat else 3
        left = self.width() - bar if self.isRightToLeft() else 0
        painter.fillRect(QRect(left, 0, bar, self.height()), active.color(self._tone))
        painter.setClipping(False)
        if active.flat:
            paint.box(painter, self.rect(), edge=self._tone, radius=8)
        side = 20 if self._large else 14
        at = side + 3 if not self.isRightToLeft() else self.width() - side - 27
        if self._icon:
            tone = "accent_ink" if self._tone == "accent" else self._tone
            paint.icon(painter, self, self._icon, tone, QRect(at, 12, 24, 24), 24)
            return
        size = 24 if self._large else 20
        top = 14 if self._large else 13
        paint.state_shape(painter, QRectF(at + (24 - size) / 2, top, size, size), self._state)


def escape(text: str) -> str:
    """Plain text as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def relayout(root: QWidget) -> None:
    """Forget every measure below `root`; views that are hidden keep old ones otherwise."""
    for widget in root.findChildren(QWidget):
        widget.updateGeometry()
    for layout in root.findChildren(QLayout):
        layout.invalidate()


class SlipPanel(QWidget):
    """What it comes to: head, body, and at the bottom the one primary button."""

    def __init__(self) -> None:
        super().__init__()
        self.title = Label("", "title", "text", elide=True)
        self.side = Label("", "body", "muted")
        self._head = QHBoxLayout()
        self._head.setSpacing(8)
        self._head.addWidget(self.title, 1)
        self._head.addWidget(self.side)
        self._bodies = QStackedWidget()
        self.primary = PrimaryButton()
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        self._column.addLayout(self._head)
        self._column.addWidget(self._bodies, 1)
        self._column.addSpacing(12)
        self._column.addWidget(self.primary)
        self.set_compact(False)

    def set_compact(self, compact: bool) -> None:
        """Take the widths and paddings of a window below or above 1280."""
        active = theme.active()
        self.setFixedWidth(active.size("slip_w_compact" if compact else "slip_w"))
        sides, ends = (20, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)

    def head_widget(self, widget: QWidget) -> None:
        """Something at the end of the head, after the words."""
        self._head.addWidget(widget)

    def add_body(self, body: QWidget) -> None:
        """One more body to show."""
        self._bodies.addWidget(body)

    def show_body(self, body: QWidget, title: str, side: str = "") -> None:
        """Bring a body to the front under its title."""
        if self._bodies.currentWidget() is not body:
            self._bodies.setCurrentWidget(body)
        self.title.setText(title)
        self.side.setText(side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        painter.fillRect(self.rect(), active.color("surface"))
        x = self.width() - 1 if self.isRightToLeft() else 0
        painter.fillRect(QRect(x, 0, 1, self.height()), active.color("line"))


class Dot(QWidget):
    """A state's shape with a plain word beside it, for table cells."""

    def __init__(self, state: str, word: str) -> None:
        super().__init__()
        self._state, self._word = state, word
        self.setFixedHeight(22)

    def sizeHint(self) -> QSize:
        return QSize(paint.width_of(self._word, "body") + 20, 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        paint.state_shape(painter, QRectF(0, 5, 12, 12), self._state)
        paint.text(painter, self.rect().adjusted(20, 0, 0, 0), self._word, "body", "text")


class Scrim(QWidget):
    """A flat overlay that dims the page behind a question."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self.setGeometry(host.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        color = QColor(theme.active().color("rail"))
        color.setAlphaF(float(theme.tokens()["elevation"]["3"]["scrim"]))
        paint.painter_of(self).fillRect(self.rect(), color)


def place_sides(page: QWidget, work: QWidget, slip: QWidget) -> None:
    """The two places of every page: what is typed takes the room, what it comes to is fixed."""
    row = QHBoxLayout(page)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    row.addWidget(work, 1)
    row.addWidget(slip)
