"""The token: large in groups of four, or full screen for a customer on the phone."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from posapp.ui import theme
from posapp.ui.i18n import translate
from posapp.ui.widgets import paint
from posapp.ui.widgets.buttons import Button, PrimaryButton
from posapp.ui.widgets.text import Label

GAP = 30
TWO_LINES_BELOW = 700
SIZES = (52, 48, 44)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class TokenDigitsView(QWidget):
    """Twenty digits in drawn groups: one line where it fits, else 3 + 2. Copied without blanks."""

    def __init__(self) -> None:
        super().__init__()
        self._digits = ""
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_digits(self, digits: str) -> None:
        """Show a token."""
        self._digits = digits
        self.setAccessibleName(" ".join(digits))
        self.updateGeometry()
        self.update()

    @property
    def digits(self) -> str:
        """The token without blanks."""
        return self._digits

    @property
    def groups(self) -> list[str]:
        """Five groups of four."""
        return [self._digits[i : i + 4] for i in range(0, len(self._digits), 4)]

    def lines(self) -> list[list[str]]:
        """The groups by line for the present width."""
        groups = self.groups
        if self.width() < TWO_LINES_BELOW and self._fit(groups, SIZES[:1]) is None:
            return [groups[:3], groups[3:]]
        return [groups]

    def _fit(self, groups: list[str], sizes: tuple[int, ...]) -> QFont | None:
        for pixels in sizes:
            font = theme.active().font_of(pixels, 600)
            room = sum(paint.width_of(g, font) for g in groups) + GAP * (len(groups) - 1)
            if room <= self.width():
                return font
        return None

    def sizeHint(self) -> QSize:
        return QSize(320, theme.active().line("token") * len(self.lines()))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: object) -> None:
        self.updateGeometry()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self._digits)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        QGuiApplication.clipboard().setText(self._digits)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        line = theme.active().line("token")
        y = 0
        for groups in self.lines():
            font = self._fit(groups, SIZES) or theme.active().font_of(SIZES[-1], 600)
            x = -2  # the digits' own side bearing, so that they stand on the column's edge
            for group in groups:
                width = paint.width_of(group, font)
                paint.text(painter, QRect(x, y, width, line), group, font, "text")
                x += width + GAP
            y += line


class TokenReadOut(QWidget):
    """Full screen: the current group largest, its digits as words. Space next, left back, Esc."""

    closed = Signal()

    def __init__(self, host: QWidget, who: str, meter: str, digits: str) -> None:
        super().__init__(host)
        self._groups = [digits[i : i + 4] for i in range(0, len(digits), 4)]
        self._at = 0
        self.setGeometry(host.rect())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", "none")
        head = QVBoxLayout()
        head.setSpacing(0)
        head.addWidget(Label(who, "name"))
        head.addWidget(Label(meter, "field", "muted"))
        close = Button(translate("ReadOut", "Close"), key="Esc")
        close.clicked.connect(self.closed)
        top = QHBoxLayout()
        top.addLayout(head, 1)
        top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._back = Button(translate("ReadOut", "Back one"), key="←", tall=False)
        self._back.setFixedSize(200, theme.active().size("primary_h"))
        self._back.clicked.connect(lambda: self._go(-1))
        self._next = PrimaryButton(translate("ReadOut", "Next group"), "Space")
        self._next.setFixedWidth(360)
        self._next.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._next.clicked.connect(lambda: self._go(1))
        self._back.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        note = Label(
            translate("ReadOut", "Wait until the customer has repeated the group."), "body", "muted"
        )
        note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        low = QHBoxLayout()
        low.addWidget(self._back)
        low.addWidget(note, 1)
        low.addWidget(self._next)
        column = QVBoxLayout(self)
        column.setContentsMargins(48, 32, 48, 32)
        column.addLayout(top)
        column.addStretch(1)
        column.addLayout(low)
        self._speak()

    @property
    def at(self) -> int:
        """The group being read, from 0."""
        return self._at

    def _go(self, step: int) -> None:
        at = self._at + step
        if at >= len(self._groups):
            self.closed.emit()
            return
        self._at = max(0, at)
        self._speak()
        self.update()

    def _speak(self) -> None:
        last = self._at == len(self._groups) - 1
        word = translate("ReadOut", "Done") if last else translate("ReadOut", "Next group")
        self._next.show_action(word, "Space")
        self.setAccessibleName(self._spoken())

    def _spoken(self) -> str:
        words = [translate("Digits", DIGITS[int(d)]) for d in self._groups[self._at]]
        return " · ".join(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Space, Qt.Key.Key_Right):
            self._go(1)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Backspace):
            self._go(-1)
        elif key == Qt.Key.Key_Escape:
            self.closed.emit()

    def event(self, event: object) -> bool:
        from PySide6.QtCore import QEvent

        assert isinstance(event, QEvent)
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        painter.fillRect(self.rect(), active.color("surface"))
        middle = self.height() // 2
        side = active.size("page_pad") * 2
        width = (self.width() - 2 * side - 16 * (len(self._groups) - 1)) // len(self._groups)
        shrink = min(1.0, width / 240)
        words = translate("ReadOut", "Group {n} of {all}")
        words = words.format(n=self._at + 1, all=len(self._groups))
        area = QRect(0, middle - 100 - 56, self.width(), 28)
        paint.text(painter, area, words, active.font_of(20, 500), "text", paint.CENTER)
        for place, group in enumerate(self._groups):
            cell = QRect(side + place * (width + 16), middle - 100, width, 200)
            now = place == self._at
            if now:
                paint.box(painter, cell, fill="accent_soft", edge="accent", radius=12, width=2)
            pixels = int((active.types["token_read"][0] if now else 80) * shrink)
            tone = "text" if now else "muted"
            paint.text(painter, cell, group, active.font_of(pixels, 600), tone, paint.CENTER)
        area = QRect(0, middle + 132, self.width(), 40)
        paint.text(painter, area, self._spoken(), active.font_of(32, 500), "text", paint.CENTER)
