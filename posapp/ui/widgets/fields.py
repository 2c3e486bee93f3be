"""Where something is typed: the omnibox, amounts, counts, PIN dots and plain text.

Each is a painted box around a QLineEdit, so input methods, paste and screen readers work. What
was typed is kept as plain characters; groups and separators are drawn.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint
from posapp.ui.widgets.text import KeyCap, Label

AMOUNT_CHARS_MAX = 12
COUNT_CHARS_MAX = 5
PIN_MAX = 12
_COMMANDS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class BareEdit(QLineEdit):
    """A line edit without a box of its own; some keys are left to the page."""

    def __init__(self, box: QWidget, kind: str = "field", leave: str = "") -> None:
        super().__init__(box)
        self.ring_box = box
        self._leave = leave
        self.setFrame(False)
        self.setFont(theme.active().font(kind))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setAttribute(Qt.WidgetAttribute.WA_MacShowFocusRect, False)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            space = event.key() == Qt.Key.Key_Space and not self.text()
            if space or (event.text() and event.text() in self._leave):
                event.ignore()
                return False
        return super().event(event)


class Box(QWidget):
    """The frame of a field: edge, ground, and the accent edge while it has the focus."""

    def __init__(self, height: str = "field_h") -> None:
        super().__init__()
        self._state = ""
        self.setFixedHeight(theme.active().size(height))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_state(self, state: str) -> None:
        """`bad` draws the refused edge, `` the usual one."""
        if state != self._state:
            self._state = state
            self.update()

    def frame(self, painter: QPainter, *, lit: bool) -> None:
        """Paint the box."""
        if self._state == "bad":
            paint.box(painter, self.rect(), fill="surface", edge="bad", width=2)
        elif lit:
            paint.box(painter, self.rect(), fill="surface", edge="accent", width=2)
        else:
            paint.box(painter, self.rect(), fill="surface", edge="border")


class TextField(Box):
    """A plain field with a muted example inside."""

    changed = Signal(str)

    def __init__(self, name: str, example: str = "", *, height: str = "field_h") -> None:
        super().__init__(height)
        self.edit = BareEdit(self)
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(example)
        self.edit.textChanged.connect(self.changed)
        self.edit.setMaxLength(200)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 2, 14, 2)
        row.addWidget(self.edit)
        self.setFocusProxy(self.edit)

    def paintEvent(self, event: QPaintEvent) -> None:
        self.frame(paint.painter_of(self), lit=False)

    def text(self) -> str:
        """What was typed."""
        return self.edit.text()

    def show_text(self, text: str) -> None:
        """Set the text unless it stands there."""
        if text != self.edit.text():
            self.edit.setText(text)


class Omnibox(Box):
    """The one search box: meter, name, phone, account, receipt or a scan.

    Digits are grouped while typing. After a find it keeps the number and shows the way on.
    """

    changed = Signal(str)
    cleared = Signal()

    def __init__(self, name: str, example: str) -> None:
        super().__init__("omnibox_h")
        self._example = example
        self._grouping = False
        self.edit = BareEdit(self, "omnibox")
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(example)
        self.edit.setMaxLength(80)
        self.edit.textEdited.connect(self._edited)
        self._hint = Label("", "body", "muted")
        self._cap: KeyCap | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(52, 2, 16, 2)
        self._row.setSpacing(8)
        self._row.addWidget(self.edit, 1)
        self._row.addWidget(self._hint)
        self.setFocusProxy(self.edit)

    def show_example(self, text: str) -> None:
        """The muted words of the empty box."""
        if text != self.edit.placeholderText():
            self.edit.setPlaceholderText(text)

    def show_text(self, text: str) -> None:
        """Set the text without searching."""
        if text != self.edit.text():
            self.edit.setText(text)

    def show_hint(self, words: str, key: str = "") -> None:
        """What stands at the end: a count, or the way on with its key."""
        self._hint.setText(words)
        self._hint.setVisible(bool(words))
        if self._cap is not None and self._cap.property("key") == key:
            return
        if self._cap is not None:
            self._row.removeWidget(self._cap)
            self._cap.hide()
            self._cap.deleteLater()
            self._cap = None
        if key:
            self._cap = KeyCap(key)
            self._cap.setProperty("key", key)
            self._row.addWidget(self._cap)

    def set_quiet(self, quiet: bool) -> None:
        """After the find: the number stays, typing goes elsewhere."""
        policy = Qt.FocusPolicy.ClickFocus if quiet else Qt.FocusPolicy.StrongFocus
        self.edit.setFocusPolicy(policy)

    @property
    def hint(self) -> str:
        """The words at the end."""
        return self._hint.whole

    def _edited(self, text: str) -> None:
        grouped = group_digits(text)
        if grouped != text:
            left = sum(c != " " for c in text[: self.edit.cursorPosition()])
            self.edit.setText(grouped)
            self.edit.setCursorPosition(place_after(grouped, left))
        self.changed.emit(grouped)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        self.frame(painter, lit=False)
        at = self.width() - 40 if self.isRightToLeft() else 16
        paint.icon(painter, self, "find", "text", QRect(at, 16, 24, 24), 24)


def group_digits(text: str) -> str:
    """`4512 3098 761` from digits however spaced; anything else stays as typed."""
    digits = re.sub(r"[\s\u00a0\u2009\u202f]", "", text)
    if not digits.isdigit() or len(digits) > 13:
        return text
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def place_after(text: str, count: int) -> int:
    """The cursor place behind the `count`-th character that is no blank."""
    for place, char in enumerate(text):
        if count == 0:
            return place
        count -= char != " "
    return len(text)


def clean_number(text: str, decimals: int) -> str:
    """Digits and at most one separator of what was typed or pasted: `1,700.50` -> `1700.50`."""
    text = re.sub(r"[^\d.,]", "", text)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d*)?", text):
        text = text.replace(",", "")
    whole, point, rest = text.replace(",", ".").partition(".")
    if not decimals or not point:
        return whole
    return whole + "." + rest.replace(".", "")[:decimals]


class AmountField(QLineEdit):
    """Money or kWh: what is typed stands before muted decimals, right aligned.

    `text()` is what was typed; a shown suggestion is replaced by the first key. Keys that mean
    something to the page (`/ * +`) and letters never enter: letters are reported once.
    """

    typed = Signal(str)
    refused = Signal(str)

    def __init__(self, name: str, height: str = "primary_h") -> None:
        super().__init__()
        self.ring_box = self
        self._label = ""
        self._decimals = 2
        self._unit = ""
        self._suggested = False
        self.setAccessibleName(name)
        self.setFrame(False)
        self.setFixedHeight(theme.active().size(height))
        self.setFont(theme.active().font("amount"))
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setCursor(Qt.CursorShape.IBeamCursor)

    def set_unit(self, label: str, decimals: int, unit: str = "") -> None:
        """`KSh` at the start with so many decimals, or `kWh` at the end."""
        self._label, self._decimals, self._unit = label, decimals, unit
        self.update()

    def suggest(self, text: str) -> None:
        """Show a sum that the first key replaces and Enter accepts."""
        self.setText(text)
        self._suggested = bool(text)
        self.update()

    @property
    def suggested(self) -> bool:
        """Whether a suggestion stands there."""
        return self._suggested

    def show_text(self, text: str) -> None:
        """Set what was typed, unless it stands there."""
        if text != self.text():
            self.setText(text)
            self._suggested = False
            self.update()

    def press(self, key: str) -> None:
        """A key of the pad."""
        if key == "\b":
            self._set("" if self._suggested else self.text()[:-1])
        elif key in ("clear",):
            self._set("")
        else:
            self._insert(key)

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.text()
            and not (event.text().isdigit() or event.text() in ".,")
            and event.key() not in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete)
            and not event.modifiers() & _COMMANDS
        ):
            event.ignore()
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, text = event.key(), event.text()
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if ctrl and key == Qt.Key.Key_V:
            self._paste()
        elif key == Qt.Key.Key_Backspace:
            self.press("\b")
        elif key == Qt.Key.Key_Delete:
            self.press("clear")
        elif text and (text.isdigit() or text in ".,") and text.isascii():
            self._insert(text)
        elif text and text.isprintable() and not ctrl and text not in "/*+ -":
            self.refused.emit(text)
        else:
            event.ignore()

    def _paste(self) -> None:
        raw = QGuiApplication.clipboard().text().strip()
        if re.search(r"[A-Za-z]", raw):
            self.refused.emit(raw[:20])
            return
        self._set(clean_number(raw, self._decimals)[:AMOUNT_CHARS_MAX])

    def _insert(self, text: str) -> None:
        now = "" if self._suggested else self.text()
        if text in ".," and not now:
            now = "0"
        self._set(clean_number(now + text, self._decimals)[:AMOUNT_CHARS_MAX])

    def _set(self, text: str) -> None:
        text = re.sub(r"^0+(?=\d)", "", text)
        self._suggested = False
        self.setText(text)
        self.update()
        self.typed.emit(text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def sizeHint(self) -> QSize:
        return QSize(320, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.height())

    def shown(self) -> tuple[str, str]:
        """(typed part with separators, muted rest): `1,700` and `.00`."""
        whole, point, part = self.text().partition(".")
        head = f"{int(whole):,}" if whole else "0"
        if not self._decimals:
            return head, ""
        if point:
            return f"{head}.{part}", "0" * (self._decimals - len(part))
        return head, "." + "0" * self._decimals

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        paint.box(painter, self.rect(), fill="surface", edge="border")
        active = theme.active()
        area = self.rect().adjusted(20, 0, -20, 0)
        paint.text(painter, area, self._label, active.font_of(20, 500), "muted")
        head, rest = self.shown()
        muted = active.font_of(active.types["amount"][0], 500)
        right = area.right() + 1
        if self._unit:
            small = active.font_of(20, 500)
            paint.text(painter, area, self._unit, small, "muted", paint.RIGHT)
            right -= paint.width_of(self._unit, small) + 10
        right -= paint.width_of(rest, muted)
        paint.text(painter, QRect(right, 0, 200, self.height()), rest, muted, "muted")
        width = paint.width_of(head, "amount")
        if self._suggested and self.hasFocus():
            chosen = QRect(right - width - 4, self.height() // 2 - 22, width + 8, 44)
            paint.box(painter, chosen, fill="accent_soft", radius=6)
        tone = "text" if self.text() else "muted"
        paint.text(painter, QRect(right - width, 0, width, self.height()), head, "amount", tone)
        if self.hasFocus():
            caret = QRect(right, self.height() // 2 - 21, 2, 42)
            painter.fillRect(caret, active.color("accent"))


class CountField(AmountField):
    """Pieces of one note or coin: digits only, empty is not zero."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "row_h")
        self.set_unit("", 0)
        self.setFixedWidth(104)
        self.setFont(theme.active().font("field"))

    def minimumSizeHint(self) -> QSize:
        return QSize(72, self.height())

    def _set(self, text: str) -> None:
        super()._set(text[:COUNT_CHARS_MAX])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        paint.box(painter, self.rect(), fill="surface", edge="border")
        area = self.rect().adjusted(14, 0, -14, 0)
        paint.text(painter, area, self.text(), "field", "text", paint.RIGHT)
        if self.hasFocus():
            caret = QRect(area.right() + 3, self.height() // 2 - 11, 2, 22)
            painter.fillRect(caret, theme.active().color("accent"))


class PinField(QLineEdit):
    """A PIN as dots: no digits, no sound per key, nothing to copy."""

    typed = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.ring_box = self
        self._state = ""
        self.setAccessibleName(name)
        self.setEchoMode(QLineEdit.EchoMode.NoEcho)
        self.setMaxLength(PIN_MAX)
        self.setFrame(False)
        self.setFixedHeight(56)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhDigitsOnly | Qt.InputMethodHint.ImhSensitiveData
        )

    def set_state(self, state: str) -> None:
        """`bad` draws the refused edge."""
        self._state = state
        self.update()

    def press(self, key: str) -> None:
        """A key of the pad."""
        if key == "\b":
            self._set(self.text()[:-1])
        elif key == "clear":
            self._set("")
        else:
            self._set((self.text() + key)[:PIN_MAX])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        text = event.text()
        if event.key() == Qt.Key.Key_Backspace:
            self.press("\b")
        elif event.key() == Qt.Key.Key_Delete:
            self.press("clear")
        elif text.isdigit() and text.isascii():
            self.press(text)
        else:
            event.ignore()

    def _set(self, text: str) -> None:
        self.setText(text)
        self._state = ""
        self.update()
        self.typed.emit(text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        edge = "bad" if self._state == "bad" else "border"
        width = 2 if self._state == "bad" else 1
        paint.box(painter, self.rect(), fill="surface", edge=edge, width=width)
        active = theme.active()
        count, typed = max(4, len(self.text())), len(self.text())
        step = min(32, (self.width() - 40) // count)
        x = (self.width() - (count - 1) * step) // 2
        pen = painter.pen()
        for place in range(count):
            pen.setColor(active.color("text" if place < typed else "border"))
            pen.setWidth(2)
            painter.setPen(pen)
            painter.setBrush(active.color("text") if place < typed else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPoint(x + place * step, self.height() // 2), 7, 7)
