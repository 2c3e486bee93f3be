"""Labels in the token's type: one line with its line height, paragraphs, numbers that stand alone.

`Label` is a QLabel, so selection and the accessibility tree come with it.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint


class Label(QLabel):
    """One line of text in a type token; elides rather than pushing its neighbours away."""

    def __init__(
        self,
        text: str = "",
        kind: str = "body",
        tone: str = "text",
        *,
        elide: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        active = theme.active()
        self._kind = kind
        self._elide = elide
        self._whole = ""
        self.setFont(active.font(kind))
        self.setFixedHeight(active.line(kind))
        self.setTextFormat(Qt.TextFormat.PlainText)
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_tone(tone)
        self.setText(text)

    def set_tone(self, tone: str) -> None:
        """Paint in another colour token."""
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme.active().color(tone))
        self.setPalette(palette)

    def setText(self, text: str) -> None:
        self._whole = text
        if self._elide:
            self.setAccessibleName(text)
            self._fit()
        elif text != self.text():
            super().setText(text)

    @property
    def whole(self) -> str:
        """The text before eliding."""
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._elide:
            self._fit()

    def _fit(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        super().setText(self.fontMetrics().elidedText(self._whole, mode, self.width()))

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(0, hint.height()) if self._elide else hint


class Paragraph(QLabel):
    """Text that wraps, in a type token's line height; `<b>` may carry the weight."""

    def __init__(
        self, text: str = "", kind: str = "body", tone: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setFont(theme.active().font(kind))
        self._kind = kind
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAlignment(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignTop)
        # A QLabel that wraps asks every layout around it for height by width, and their least
        # heights then follow the narrowest width; this one answers for the width it has.
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(False)
        self.setSizePolicy(policy)
        self.set_tone(tone)
        self.set_html(text)

    def hasHeightForWidth(self) -> bool:
        return False

    def sizeHint(self) -> QSize:
        width = self.width() if self.testAttribute(Qt.WidgetAttribute.WA_Resized) else 320
        height = self.heightForWidth(max(80, width)) if self.text() else 0
        return QSize(120, height)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def set_tone(self, tone: str) -> None:
        """Paint in another colour token."""
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme.active().color(tone))
        self.setPalette(palette)

    def set_html(self, html: str) -> None:
        """Set text that is already safe HTML."""
        line = theme.active().line(self._kind)
        text = f'<div style="line-height:{line}px">{html}</div>' if html else ""
        if text != self.text():
            super().setText(text)
            self.updateGeometry()


class BigNumber(QWidget):
    """The one number of a panel: sign, number, unit, on one baseline."""

    def __init__(self, kind: str = "units", *, right: bool = False) -> None:
        super().__init__()
        self._kind = kind
        self._right = right
        self._before = self._number = self._after = ""
        self.setFixedHeight(theme.active().line(kind))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_number(self, number: str, *, before: str = "", after: str = "") -> None:
        """Show `before number after`, the small words muted."""
        if (before, number, after) == (self._before, self._number, self._after):
            return
        self._before, self._number, self._after = before, number, after
        self.setAccessibleName(" ".join(part for part in (before, number, after) if part))
        self.updateGeometry()
        self.update()

    def _small(self) -> QFont:
        return theme.active().font_of(22, 500)

    def _big(self, room: int) -> QFont:
        active = theme.active()
        pixels, _, weight = active.types[self._kind]
        while True:
            font = active.font_of(pixels, weight)
            if self._width(font) <= room or pixels <= 26:
                return font
            pixels -= 2

    def _width(self, font: QFont) -> int:
        small = self._small()
        total = paint.width_of(self._number, font)
        for part in (self._before, self._after):
            if part:
                total += paint.width_of(part, small) + 10
        return total

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        active = theme.active()
        font, small = self._big(self.width()), self._small()
        right = self._right != self.isRightToLeft()
        x = self.width() - self._width(font) if right else 0
        metrics = active.metrics(self._kind)
        baseline = (self.height() + metrics.ascent() - metrics.descent()) // 2
        for part, face, tone in (
            (self._before, small, "muted"),
            (self._number, font, "text"),
            (self._after, small, "muted"),
        ):
            if part:
                painter.setFont(face)
                painter.setPen(active.color(tone))
                painter.drawText(x, baseline, part)
                x += paint.width_of(part, face) + 10

    def sizeHint(self) -> QSize:
        return QSize(self._width(theme.active().font(self._kind)), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.height())


class MeterNo(QWidget):
    """A meter number in drawn groups 4-4-3; always left to right, copied without blanks."""

    GAP = 9

    def __init__(self, pixels: int = 20, tone: str = "text") -> None:
        super().__init__()
        self._font = theme.active().font_of(pixels, 600)
        self._tone = tone
        self._digits = ""
        self.setFixedHeight(pixels + 8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_digits(self, digits: str) -> None:
        """Show a number of 11 or 13 digits."""
        if digits != self._digits:
            self._digits = digits
            self.setAccessibleName(" ".join(digits))
            self.updateGeometry()
            self.update()

    def _groups(self) -> list[str]:
        return [self._digits[i : i + 4] for i in range(0, len(self._digits), 4)]

    def sizeHint(self) -> QSize:
        groups = self._groups()
        width = sum(paint.width_of(g, self._font) for g in groups)
        return QSize(width + self.GAP * max(0, len(groups) - 1), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        x = 0
        for group in self._groups():
            width = paint.width_of(group, self._font)
            area = QRect(x, 0, width, self.height())
            paint.text(painter, area, group, self._font, self._tone)
            x += width + self.GAP


class KeyCap(QWidget):
    """A key drawn beside the words of its action."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key
        self.setFixedSize(paint.cap_width(key), paint.CAP_H)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint.key_cap(paint.painter_of(self), 0, self.height() // 2, self._key)


class StateShape(QWidget):
    """The shape of a state, 12 px; the word stands beside it."""

    def __init__(self, state: str = "off", side: int = 12) -> None:
        super().__init__()
        self._state = state
        self.setFixedSize(side, side)

    def set_state(self, state: str) -> None:
        """Show another state."""
        if state != self._state:
            self._state = state
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        from PySide6.QtCore import QRectF

        paint.state_shape(paint.painter_of(self), QRectF(self.rect()), self._state)
