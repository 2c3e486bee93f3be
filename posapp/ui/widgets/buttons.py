"""Everything that is pressed: buttons, the one primary, number pad, presets, person tiles.

Each is a QAbstractButton painted from the tokens; states are normal, hover, pressed, chosen,
off and busy. Enter presses a focused button; Space does by Qt itself.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from posapp.ui import theme
from posapp.ui.widgets import paint

ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Pressable(QAbstractButton):
    """A button whose Enter key presses it, before any shortcut of the page is asked."""

    def __init__(self, text: str = "", *, name: str = "") -> None:
        super().__init__()
        self.setText(text)
        self.setAccessibleName(name or text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in ENTER_KEYS
            and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in ENTER_KEYS:
            if not event.isAutoRepeat():
                self.click()
            return
        super().keyPressEvent(event)

    def fill(self) -> str:
        """The ground of the present state."""
        if not self.isEnabled():
            return "disabled_bg"
        if self.isChecked():
            return "accent_soft"
        if self.isDown():
            return "sunken"
        return "hover" if self.underMouse() else "raised"

    def ground(self, painter: QPainter, radius: int = 8) -> None:
        """Paint the box of the present state."""
        if not self.isEnabled():
            edge = "disabled" if theme.active().flat else "disabled_bg"
            paint.box(painter, self.rect(), fill="disabled_bg", edge=edge, radius=radius)
        elif self.isChecked():
            paint.box(
                painter, self.rect(), fill="accent_soft", edge="accent", radius=radius, width=2
            )
        else:
            edge = "border" if self.isDown() else "key_edge"
            paint.box(painter, self.rect(), fill=self.fill(), edge=edge, radius=radius)

    def ink(self) -> str:
        """The colour of the words in the present state."""
        if not self.isEnabled():
            return "disabled"
        return "accent_ink" if self.isChecked() else "text"


class Button(Pressable):
    """A plain button: icon, verb with its object, key cap."""

    ICON, GAP, PAD = 20, 10, 16

    def __init__(
        self,
        text: str,
        *,
        icon: str = "",
        key: str = "",
        checkable: bool = False,
        tall: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(text, name=name)
        self._icon = icon
        self._key = key
        self._tall = tall
        self._pad = self.PAD
        self.setCheckable(checkable)
        self.setFixedHeight(theme.active().size("primary_h" if tall else "button_h"))
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)

    def set_key(self, key: str) -> None:
        """Show another key cap, or none."""
        if key != self._key:
            self._key = key
            self.updateGeometry()
            self.update()

    def set_icon(self, icon: str) -> None:
        """Show another icon, or none."""
        if icon != self._icon:
            self._icon = icon
            self.updateGeometry()
            self.update()

    @property
    def key_cap(self) -> str:
        """The key on the cap."""
        return self._key

    def _content(self) -> int:
        width = paint.width_of(self.text(), "button") if self.text() else 0
        if self._icon:
            width += self.ICON + (self.GAP if self.text() else 0)
        if self._key and not self._tall:
            width += self.GAP + paint.cap_width(self._key)
        return width

    def sizeHint(self) -> QSize:
        return QSize(max(self._content() + 2 * self._pad, 48), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(max(self._content() + 12, 48), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        self.ground(painter)
        ink = self.ink()
        if self._tall:
            self._paint_tall(painter, ink)
            return
        x = (self.width() - self._content()) // 2
        middle = self.height() // 2
        parts = [part for part in ("icon", "text", "key") if self._has(part)]
        if self.isRightToLeft():
            parts.reverse()
        for part in parts:
            x = self._paint_part(painter, part, x, middle, ink) + self.GAP

    def _has(self, part: str) -> bool:
        return bool({"icon": self._icon, "text": self.text(), "key": self._key}[part])

    def _paint_part(self, painter: QPainter, part: str, x: int, middle: int, ink: str) -> int:
        if part == "icon":
            area = QRect(x, middle - self.ICON // 2, self.ICON, self.ICON)
            paint.icon(painter, self, self._icon, ink, area, self.ICON)
            return x + self.ICON
        if part == "text":
            width = paint.width_of(self.text(), "button")
            paint.text(painter, QRect(x, 0, width, self.height()), self.text(), "button", ink)
            return x + width
        width = paint.cap_width(self._key)
        cap = "muted" if ink == "text" else ink
        if ink == "text":
            rect = QRect(x, middle - paint.CAP_H // 2, width, paint.CAP_H)
            paint.box(painter, rect, edge="line", radius=5)
            paint.text(painter, rect, self._key, "caption", cap, paint.CENTER)
        else:
            paint.key_cap(painter, x, middle, self._key, cap)
        return x + width

    def _paint_tall(self, painter: QPainter, ink: str) -> None:
        area = QRect(0, self.height() // 2 - 24, self.width(), 22)
        paint.text(painter, area, self.text(), "button", ink, paint.CENTER)
        width = paint.cap_width(self._key)
        tone = "muted" if ink == "text" else ink
        left, middle = (self.width() - width) // 2, self.height() // 2 + 13
        paint.key_cap(painter, left, middle, self._key, tone)


class LinkButton(Button):
    """A quiet button without an edge."""

    def ground(self, painter: QPainter, radius: int = 8) -> None:
        if self.underMouse() and self.isEnabled():
            paint.box(painter, self.rect(), fill="hover", radius=radius)

    def ink(self) -> str:
        return "accent_ink" if self.isEnabled() else "disabled"


class PrimaryButton(Pressable):
    """The one thing to do next: word and key cap, or the reason why it cannot be done now."""

    def __init__(self, text: str = "", key: str = "Enter") -> None:
        super().__init__(text)
        self.setObjectName("primary")
        self._key = key
        self._reason = ""
        self._busy = ""
        self._step = 3
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.timeout.connect(self._start_dots)
        self._dots = QTimer(self)
        self._dots.timeout.connect(self._turn)
        self._showing_busy = False
        self.setFixedHeight(theme.active().size("primary_h"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_action(self, text: str, key: str = "Enter", *, reason: str = "") -> None:
        """Offer an action; with a `reason` it is off and says why instead."""
        self._stop()
        self._key, self._reason = key, reason
        if text != self.text():
            self.setText(text)
        self.setAccessibleName(text)
        self.setAccessibleDescription(reason)
        self.setEnabled(not reason)
        self.updateGeometry()
        self.update()

    def show_busy(self, text: str) -> None:
        """Not pressable from now; after 300 ms it says `text` with the three dots."""
        if self._busy == text:
            return
        self._busy = text
        self.setEnabled(False)
        self._late.start(theme.active().ms("progress_after"))

    @property
    def says(self) -> str:
        """What is written on it now."""
        if self._showing_busy:
            return self._busy
        return self._reason or self.text()

    def _stop(self) -> None:
        self._late.stop()
        self._dots.stop()
        self._busy, self._showing_busy = "", False

    def _start_dots(self) -> None:
        self._showing_busy = True
        self._dots.start(int(theme.tokens()["state"]["busy"]["period"]) // 3)
        self.update()

    def _turn(self) -> None:
        self._step = self._step % 3 + 1
        self.update()

    def sizeHint(self) -> QSize:
        width = paint.width_of(self.says, "title") + 40
        if self._key:
            width += 16 + paint.cap_width(self._key)
        return QSize(width, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        lit = self.isEnabled() or (bool(self._busy) and not self._showing_busy)
        if not lit:
            flat = theme.active().flat
            edge = "disabled" if flat else ""
            paint.box(painter, self.rect(), fill="disabled_bg", edge=edge, dashed=flat)
            self._paint_words(painter, "muted")
            return
        fill = "accent"
        if self.isDown() or self._busy:
            fill = "accent_press"
        elif self.underMouse():
            fill = "accent_hover"
        paint.box(painter, self.rect(), fill=fill)
        self._paint_words(painter, "on_accent")

    def _paint_words(self, painter: QPainter, ink: str) -> None:
        words = self.says
        kind: str = "title"
        cap = "" if self._reason or self._showing_busy else self._key
        extra = 16 + paint.cap_width(cap) if cap else (32 if self._showing_busy else 0)
        active = theme.active()
        font = active.font(kind)
        pixels = active.types[kind][0]
        while paint.width_of(words, font) + extra > self.width() - 24 and pixels > 14:
            pixels -= 1
            font = active.font_of(pixels, 600)
        width = paint.width_of(words, font)
        x, middle = (self.width() - width - extra) // 2, self.height() // 2
        if self._showing_busy:
            dots = QRectF(x, middle - 8, 16, 16)
            paint.state_shape(painter, dots, "busy", step=self._step)
            x += 32
        paint.text(painter, QRect(x, 0, width, self.height()), words, font, ink)
        if cap:
            paint.key_cap(painter, x + width + 16, middle, cap, ink)


class NumKey(Pressable):
    """A key of the number pad. ⌫ repeats after 400 ms, digits never do."""

    def __init__(self, key: str, *, icon: str = "", name: str = "", small: bool = False) -> None:
        super().__init__(key, name=name)
        self._icon = icon
        self._small = small
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        width, height = theme.active().sizes["numkey_min"]
        self.setMinimumSize(width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        self.ground(painter)
        if self._icon:
            paint.icon(painter, self, self._icon, self.ink(), self.rect(), 24)
            return
        font = theme.active().font("button" if self._small else "key")
        paint.text(painter, self.rect(), self.text(), font, self.ink(), paint.CENTER)


class NumPad(QWidget):
    """7-8-9 on top like the keyboard beside it; always left to right."""

    pressed_key = Signal(str)

    BACK, CLEAR = "\b", "clear"

    def __init__(self, last: str = "00", clear_word: str = "", back_word: str = "Delete") -> None:
        super().__init__()
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        self._keys: dict[str, NumKey] = {}
        for place, digit in enumerate("789456123"):
            self._add(grid, NumKey(digit), digit, place // 3, place % 3)
        if clear_word:
            self._add(grid, NumKey(clear_word, small=True), self.CLEAR, 3, 0)
        else:
            self._add(grid, NumKey(last), last, 3, 0)
        self._add(grid, NumKey("0"), "0", 3, 1)
        back = NumKey("", icon="back", name=back_word)
        back.setAutoRepeat(True)
        back.setAutoRepeatDelay(400)
        self._add(grid, back, self.BACK, 3, 2)
        for line in range(4):
            grid.setRowStretch(line, 1)
        for column in range(3):
            grid.setColumnStretch(column, 1)

    def key(self, name: str) -> NumKey:
        """The key that types `name`."""
        return self._keys[name]

    def _add(self, grid: QGridLayout, key: NumKey, sends: str, row: int, column: int) -> None:
        key.clicked.connect(lambda: self.pressed_key.emit(sends))
        self._keys[sends] = key
        grid.addWidget(key, row, column)


class PresetKey(Pressable):
    """A sum people carry; the wide one says what it repeats and shows its key."""

    def __init__(self, *, wide: bool = False, key: str = "") -> None:
        super().__init__()
        self._wide = wide
        self._key = key
        self._amount = ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(64, theme.active().size("target_min"))

    def show_preset(self, amount: str, label: str = "", *, chosen: bool = False) -> None:
        """Offer an amount; an empty one turns the key off."""
        self._amount = amount
        self.setText(label or amount)
        self.setAccessibleName(f"{label} {amount}".strip())
        self.setCheckable(chosen)
        self.setChecked(chosen)
        self.setEnabled(bool(amount))
        self.update()

    @property
    def amount(self) -> str:
        """The amount on it."""
        return self._amount

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        self.ground(painter)
        ink = self.ink()
        if not self._wide:
            paint.text(painter, self.rect(), self._amount, "field", ink, paint.CENTER)
            return
        area = self.rect().adjusted(16, 0, -16, 0)
        left, right = paint.LEFT, paint.RIGHT
        if self.isRightToLeft():
            left, right = right, left
        paint.text(painter, area, self.text(), "field", ink, left)
        if not self._amount:
            return
        cap = paint.cap_width(self._key)
        at = area.left() if self.isRightToLeft() else area.right() - cap + 1
        paint.key_cap(painter, at, self.height() // 2, self._key, "muted" if ink == "text" else ink)
        inner = area.adjusted(cap + 8, 0, 0, 0) if self.isRightToLeft() else area
        inner = inner if self.isRightToLeft() else area.adjusted(0, 0, -cap - 8, 0)
        paint.text(painter, inner, self._amount, "field", ink, right)


class PersonTile(Pressable):
    """One person who may sign in: initials, name, role, key."""

    def __init__(self, name: str, initials: str, detail: str, key: str) -> None:
        super().__init__(name, name=f"{name}, {detail}")
        self._initials, self._detail, self._key = initials, detail, key
        self.setCheckable(True)
        self.setFixedHeight(96)
        self.setMinimumWidth(240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        self.ground(painter)
        rtl = self.isRightToLeft()
        disc = QRect(self.width() - 68 if rtl else 20, 24, 48, 48)
        paint.box(
            painter, disc, fill="rail", edge="border" if theme.active().flat else "", radius=24
        )
        big = theme.active().font_of(18, 600)
        on_disc = "rail_text" if theme.active().flat else "rail_on_text"
        paint.text(painter, disc, self._initials, big, on_disc, paint.CENTER)
        cap = paint.cap_width(self._key) if self._key else 0
        if self._key:
            at = 20 if rtl else self.width() - 20 - cap
            paint.key_cap(painter, at, self.height() // 2, self._key)
        area = QRect(84, 24, self.width() - 84 - 32 - cap, 24)
        if rtl:
            area.moveLeft(32 + cap)
        align = paint.RIGHT if rtl else paint.LEFT
        paint.text(painter, area, self.text(), big, "text", align, elide=True)
        area.moveTop(area.top() + 25)
        paint.text(painter, area, self._detail, "body", "muted", align, elide=True)
