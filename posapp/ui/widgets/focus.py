"""The focus ring: 2 px of accent outside the edge of whatever has the focus, always.

QSS has no outline offset, so one transparent widget follows the focus and paints it.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt
from PySide6.QtGui import QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint

FIELD_GAP, BUTTON_GAP = -1, 2  # fields wear the ring on their edge, buttons a gap away

_MOVES = (
    QEvent.Type.Move,
    QEvent.Type.Resize,
    QEvent.Type.Show,
    QEvent.Type.Hide,
    QEvent.Type.EnabledChange,
)


class FocusRing(QWidget):
    """Lies over `host` and rings its focused child; never takes a click."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._target: QWidget | None = None
        self._watched: list[QWidget] = []
        self._gap = BUTTON_GAP
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)

    @property
    def target(self) -> QWidget | None:
        """What is ringed now."""
        return self._target

    def _follow(self, old: QWidget | None, now: QWidget | None) -> None:
        for watched in self._watched:
            watched.removeEventFilter(self)
        self._target, self._watched = None, []
        host = self.parentWidget()
        if now is None or host is None or not host.isAncestorOf(now):
            self.hide()
            return
        if now.property("ring") == "none":
            self.hide()
            return
        self._target = getattr(now, "ring_box", now)
        self._gap = FIELD_GAP if isinstance(now, QLineEdit) else BUTTON_GAP
        widget: QWidget | None = self._target
        while widget is not None and widget is not host:
            widget.installEventFilter(self)  # an ancestor that moves carries the ring along
            self._watched.append(widget)
            widget = widget.parentWidget()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES:
            self._place()
        return False

    def _place(self) -> None:
        target, host = self._target, self.parentWidget()
        if target is None or host is None or not target.isVisibleTo(host):
            self.hide()
            return
        room = self._gap + 2
        corner = target.mapTo(host, QPoint(0, 0))
        self.setGeometry(
            corner.x() - room,
            corner.y() - room,
            target.width() + 2 * room,
            target.height() + 2 * room,
        )
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        painter.setPen(QPen(theme.active().color("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = 8 + max(0, self._gap)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)
