"""The two frames of the window that never move: pages at the side, states below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, QSize, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from posapp.ui import theme
from posapp.ui.i18n import translate
from posapp.ui.widgets import paint
from posapp.ui.widgets.buttons import Pressable
from posapp.ui.widgets.panels import Chip
from posapp.ui.widgets.text import Label


class NavButton(Pressable):
    """One page of the rail: icon over a word, a bar when current, a count when someone must act."""

    def __init__(self, icon: str, word: str) -> None:
        super().__init__(word)
        self._icon = icon
        self._count = 0
        self.setCheckable(True)
        active = theme.active()
        self.setFixedSize(active.size("rail_w"), active.size("rail_item_h"))

    @property
    def count(self) -> int:
        """How many things are shown to be waiting."""
        return self._count

    def set_count(self, count: int) -> None:
        """Show how many things wait for a person here."""
        if count != self._count:
            self._count = count
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        on = self.isChecked()
        ink = "rail_on_text" if on else "rail_text"
        if on:
            painter.fillRect(self.rect(), active.color("rail_on"))
            bar = self.width() - 3 if self.isRightToLeft() else 0
            painter.fillRect(QRect(bar, 0, 3, self.height()), active.color("rail_mark"))
        elif self.underMouse() and not active.flat:
            painter.fillRect(self.rect(), active.color("rail_on"))
        paint.icon(painter, self, self._icon, ink, QRect(0, 10, self.width(), 24), 24)
        area = QRect(0, 39, self.width(), 16)
        paint.text(painter, area, self.text(), "caption", ink, paint.CENTER)
        if self._count:
            words = str(min(self._count, 99))
            side = 18
            at = 18 if self.isRightToLeft() else self.width() - 18 - side
            disc = QRect(at, 6, side, side)
            paint.box(painter, disc, fill="rail_dot", radius=9)
            paint.text(painter, disc, words, active.font_of(12, 600), "rail", paint.CENTER)


class NavRail(QWidget):
    """Where am I. Pages on top, settings and lock at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(theme.active().size("rail_w"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 16, 0, 8)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self._top = 0
        self.buttons: dict[str, NavButton] = {}

    def add(
        self, name: str, icon: str, word: str, go: Callable[[], None], *, low: bool = False
    ) -> None:
        """Add an entry; `low` puts it at the bottom."""
        button = NavButton(icon, word)
        button.setCheckable(not low)
        button.setAutoExclusive(False)
        button.clicked.connect(lambda: go())
        self.buttons[name] = button
        if low:
            self._column.addWidget(button)
        else:
            self._column.insertWidget(self._top, button)
            self._top += 1

    def mark(self, current: str) -> None:
        """Show which page is open."""
        for name, button in self.buttons.items():
            if button.isCheckable():
                button.setChecked(name == current)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        painter.fillRect(self.rect(), active.color("rail"))
        if active.flat:
            x = 0 if self.isRightToLeft() else self.width() - 1
            painter.fillRect(QRect(x, 0, 1, self.height()), active.color("border"))


@dataclass(frozen=True, slots=True)
class ChipWords:
    """A state with its sentence and the one word that stands for it when it is well."""

    state: str
    sentence: str
    short: str
    detail: str = ""


class StatusChip(Pressable):
    """A part's state over the full height of the strip; pressing it opens its diagnosis."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._words = ChipWords("off", "", "")
        self._compact = False
        self.first = False
        self.setFixedHeight(theme.active().size("status_h") - 1)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setProperty("ring_inside", True)

    def show_words(self, words: ChipWords) -> None:
        """Show a state."""
        if words != self._words:
            self._words = words
            self.setAccessibleName(words.sentence)
            self.setToolTip(words.detail or words.sentence)
            self.updateGeometry()
            self.update()

    @property
    def words(self) -> ChipWords:
        """What is shown."""
        return self._words

    def set_compact(self, compact: bool) -> None:
        """A healthy chip shortens to one word."""
        if compact != self._compact:
            self._compact = compact
            self.updateGeometry()
            self.update()

    def _says(self) -> str:
        return self._words.short if self._compact else self._words.sentence

    def sizeHint(self) -> QSize:
        return QSize(paint.width_of(self._says(), "status") + 44, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        if self.underMouse():
            painter.fillRect(self.rect(), active.color("hover"))
        rtl = self.isRightToLeft()
        if not self.first:
            x = self.width() - 1 if rtl else 0
            painter.fillRect(QRect(x, 0, 1, self.height()), active.color("line"))
        at = self.width() - 24 if rtl else 12
        area = QRectF(at, (self.height() - 12) / 2, 12, 12)
        paint.state_shape(painter, area, self._words.state)
        rect = self.rect().adjusted(12, 0, -32, 0) if rtl else self.rect().adjusted(32, 0, -12, 0)
        paint.text(
            painter, rect, self._says(), "status", "text", paint.RIGHT if rtl else paint.LEFT
        )


class StatusStrip(QWidget):
    """Head office, module, printer, float, clock; then till, person, shift, time."""

    opened = Signal(str)

    NAMES = ("head_office", "module", "printer", "float", "clock")

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(theme.active().size("status_h"))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 1, 8, 0)
        row.setSpacing(0)
        self.chips: dict[str, StatusChip] = {}
        for name in self.NAMES:
            chip = StatusChip(name)
            chip.first = not self.chips
            chip.clicked.connect(lambda _=False, name=name: self.opened.emit(name))
            self.chips[name] = chip
            row.addWidget(chip)
        self._test = Chip("warn", translate("Status", "Test keys · no value"))
        self._test.hide()
        row.addSpacing(12)
        row.addWidget(self._test)
        row.addStretch(1)
        self._till = Label("", "status", "muted")
        self._person = Label("", "status", "muted")
        self._shift = Label("", "status", "muted")
        self._time = Label("", "status", "text")
        self._time.setFont(theme.active().font_of(14, 600))
        for label in (self._till, self._person, self._shift, self._time):
            row.addWidget(label)
            row.addSpacing(14 if label is not self._time else 12)
        self._compact = False

    def show_test_keys(self, shown: bool) -> None:
        """The permanent warning of a till whose tokens are for trying out only."""
        self._test.setVisible(shown)

    def show_who(self, till: str, person: str, shift: str) -> None:
        """Who sells where."""
        self._till.setText(till)
        self._person.setText(person)
        self._shift.setText(shift)
        self._shift.setVisible(bool(shift))

    def show_time(self, text: str) -> None:
        """The shop's clock."""
        self._time.setText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self._compact = compact
            self._till.setVisible(not compact)
            for chip in self.chips.values():
                chip.set_compact(compact)
            words = translate("Status", "Test keys · no value")
            self._test.show_state("warn", translate("Status", "Test keys") if compact else words)
        self._hide_well_clock()

    def _hide_well_clock(self) -> None:
        clock = self.chips["clock"]
        clock.setVisible(not (self._compact and clock.words.state == "ok"))

    def show_chip(self, name: str, words: ChipWords) -> None:
        """Show the state of one part."""
        self.chips[name].show_words(words)
        if name == "clock":
            self._hide_well_clock()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = paint.painter_of(self)
        active = theme.active()
        painter.fillRect(self.rect(), active.color("surface"))
        painter.fillRect(QRect(0, 0, self.width(), 1), active.color("line"))
