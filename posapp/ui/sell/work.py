"""The work side of the sell page: recent list, results, customer card, amount, tender, token."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.money import Currency
from posapp.domain.sale import TenderKind
from posapp.ui import cash
from posapp.ui.i18n import translate
from posapp.ui.sell.token_set import TokenRow, TokenSet
from posapp.ui.sell.words import plain_amount, tender_word
from posapp.ui.widgets.buttons import Button, NumPad, PresetKey
from posapp.ui.widgets.fields import AmountField, TextField
from posapp.ui.widgets.panels import Banner, Chip, Panel, Rule
from posapp.ui.widgets.rows import ColumnHead, Columns, ListFrame, RowView
from posapp.ui.widgets.text import BigNumber, KeyCap, Label, MeterNo, Paragraph
from posapp.ui.widgets.token import TokenDigitsView


class RecentPanel(ListFrame):
    """Recent customers; the page's first sight of the day says what to do."""

    def __init__(self) -> None:
        super().__init__()
        head = QHBoxLayout()
        head.setContentsMargins(20, 13, 20, 10)
        head.setSpacing(8)
        head.addWidget(Label(translate("Sell", "Recent customers"), "strong"), 1)
        self._keys = [
            KeyCap("F3"),
            Label(translate("Sell", "or"), "body", "muted"),
            KeyCap("↓"),
        ]
        for part in self._keys:
            head.addWidget(part)
        self.column.addLayout(head)
        self.column.addWidget(Rule())
        self.list = RowView(translate("Sell", "Recent customers"), stretch=True)
        self.column.addWidget(self.list, 1)
        self.empty = QWidget()
        column = QVBoxLayout(self.empty)
        column.setContentsMargins(20, 24, 20, 24)
        column.setSpacing(4)
        column.addWidget(Label(translate("Sell", "No sale on this till yet."), "strong"))
        words = translate(
            "Sell", "Type a meter number, a name or a phone number above, or scan a receipt."
        )
        column.addWidget(Paragraph(words))
        column.addStretch(1)
        self.column.addWidget(self.empty, 1)

    def set_compact(self, compact: bool) -> None:
        """Columns for a window below or above 1280."""
        self.list.columns = (
            Columns(104, amount=76, when=48, gap=14)
            if compact
            else Columns(140, amount=100, units=90, when=56)
        )

    def show_empty(self, empty: bool) -> None:
        """A sentence instead of a white field."""
        self.empty.setVisible(empty)
        self.list.setVisible(not empty)
        for part in self._keys:
            part.setVisible(not empty)


class ResultPanel(QWidget):
    """Search results as high as they need, or a sentence and the next step."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = ListFrame()
        self.list = RowView(translate("Sell", "Search results"), stretch=False, name_size=17)
        self.head = ColumnHead(
            self.list,
            {
                "name": translate("Sell", "Customer"),
                "meter": translate("Sell", "Meter"),
                "state": translate("Sell", "State"),
                "when": translate("Sell", "Last sale"),
            },
        )
        self.frame.column.addWidget(self.head)
        self.frame.column.addWidget(self.list)
        self._rule = Rule()
        self.frame.column.addWidget(self._rule)
        low = QHBoxLayout()
        low.setContentsMargins(20, 14, 20, 14)
        low.setSpacing(8)
        for keys, words in (
            (("↑", "↓"), translate("Sell", "move")),
            (("Enter",), translate("Sell", "choose")),
            (("Esc",), translate("Sell", "clear")),
        ):
            for key in keys:
                low.addWidget(KeyCap(key))
            low.addWidget(Label(words, "body", "muted"))
            low.addSpacing(12)
        low.addStretch(1)
        self._note = Label("", "body", "muted")
        low.addWidget(self._note)
        self._low = QWidget()
        self._low.setLayout(low)
        self.frame.column.addWidget(self._low)
        self.message = Banner("off")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.message)
        column.addWidget(self.frame)
        column.addStretch(1)
        self._compact = False

    def set_compact(self, compact: bool) -> None:
        """Columns for a window below or above 1280."""
        self._compact = compact
        self.list.columns = (
            Columns(104, state=124, gap=14) if compact else Columns(130, state=130, when=56)
        )

    def show_note(self, *, more: bool) -> None:
        """What stands at the end of the last line."""
        note = translate("Sell", "50 of many. Keep typing.") if more else ""
        if not more and not self._compact:
            note = translate("Sell", "Not here? Type the meter number")
        self._note.setText(note)


class CustomerCard(Panel):
    """Whose meter this is: name, address, number, tariff, the last sale, what matters now."""

    def __init__(self) -> None:
        super().__init__()
        self.name = Label("", "name", elide=True)
        self.address = Label("", "body", "muted", elide=True)
        self.meter = MeterNo()
        self.tariff = Label("", "body", "muted")
        self.chip = Chip()
        self.last = Label("", "body", "muted")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.name)
        names.addWidget(self.address)
        numbers = QVBoxLayout()
        numbers.setSpacing(0)
        numbers.addSpacing(2)
        numbers.addWidget(self.meter, 0, Qt.AlignmentFlag.AlignTrailing)
        numbers.addWidget(self.tariff, 0, Qt.AlignmentFlag.AlignTrailing)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addLayout(names, 1)
        top.addLayout(numbers)
        low = QHBoxLayout()
        low.setSpacing(12)
        low.addWidget(self.chip)
        low.addStretch(1)
        low.addWidget(self.last)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(0)
        column.addLayout(top)
        column.addSpacing(12)
        column.addLayout(low)
        self.setFixedHeight(126)


class Pad(QWidget):
    """Presets and number pad side by side, their rows level."""

    def __init__(self, wide_key: str) -> None:
        super().__init__()
        self.wide = PresetKey(wide=True, key=wide_key)
        self.keys = [PresetKey() for _ in range(6)]
        self.pad = NumPad("00", back_word=translate("Sell", "Delete the last digit"))
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        grid.addWidget(self.wide, 0, 0, 1, 2)
        for place, key in enumerate(self.keys):
            grid.addWidget(key, 1 + place // 2, place % 2)
        for line in range(4):
            grid.setRowStretch(line, 1)
        for column in range(2):
            grid.setColumnStretch(column, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addLayout(grid, 1)
        row.addWidget(self.pad)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self.pad.setFixedWidth(264 if compact else 400)


class AmountPanel(QWidget):
    """How much: the amount, sums people carry, the pad."""

    preset = Signal(object)

    def __init__(self, unit: Currency) -> None:
        super().__init__()
        self._unit = unit
        self.field = AmountField(translate("Sell", "Amount"))
        self.switch = Button(translate("Sell", "In kWh"), key="/", tall=True)
        self.switch.setMinimumWidth(104)
        self.pad = Pad("*")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.field, 1)
        top.addWidget(self.switch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.pad, 1)
        self._values = cash.presets(unit)
        for key, value in zip(self.pad.keys, self._values, strict=True):
            key.show_preset(plain_amount(value, unit))
            key.clicked.connect(lambda _=False, value=value: self.preset.emit(value))
        self.pad.pad.pressed_key.connect(self.field.press)

    def show_unit(self, in_units: bool) -> None:
        """Money or kWh in the field."""
        if in_units:
            self.field.set_unit("", 1, "kWh")
            self.switch.setText(
                translate("Sell", "In {currency}").format(currency=self._unit.symbol)
            )
        else:
            self.field.set_unit(self._unit.symbol, self._unit.minor_digits)
            self.switch.setText(translate("Sell", "In kWh"))
        self.switch.setAccessibleName(self.switch.text())


class TenderPanel(QWidget):
    """How it is paid: cash or another way, what was received, exact and the next sums."""

    preset = Signal(object)
    way = Signal(object)

    ICONS: ClassVar[dict[TenderKind, str]] = {
        TenderKind.CASH: "till",
        TenderKind.MOBILE: "phone",
        TenderKind.CARD: "card",
        TenderKind.ACCOUNT: "account",
        TenderKind.CHEQUE: "cheque",
    }

    def __init__(self, unit: Currency) -> None:
        super().__init__()
        self._unit = unit
        self._values: tuple[int, ...] = ()
        self.ways: dict[TenderKind, Button] = {}
        row = QHBoxLayout()
        row.setSpacing(8)
        for kind, icon in self.ICONS.items():
            button = Button(tender_word(kind), icon=icon, checkable=True)
            button.clicked.connect(lambda _=False, kind=kind: self.way.emit(kind))
            self.ways[kind] = button
            row.addWidget(button, 1)
        self.field = AmountField(translate("Sell", "Received"))
        self.field.set_unit(translate("Sell", "Received"), unit.minor_digits)
        self.pad = Pad("+")
        cash_side = QWidget()
        inner = QVBoxLayout(cash_side)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(12)
        inner.addWidget(self.field)
        inner.addWidget(self.pad, 1)
        self.reference = TextField(
            translate("Sell", "Reference"),
            translate("Sell", "Number on the phone or card slip"),
            height="primary_h",
        )
        self.reference.edit.setMaxLength(40)
        other = QWidget()
        low = QVBoxLayout(other)
        low.setContentsMargins(0, 0, 0, 0)
        low.setSpacing(4)
        self.part = AmountField(translate("Sell", "Amount of this part"))
        self.part.set_unit(translate("Sell", "Amount"), unit.minor_digits)
        low.addWidget(self.part)
        low.addSpacing(8)
        low.addWidget(Label(translate("Sell", "Reference of the payment"), "caption", "muted"))
        low.addWidget(self.reference)
        low.addSpacing(8)
        low.addWidget(
            Paragraph(
                translate("Sell", "Compare the amount and the name before you sell. No change.")
            )
        )
        low.addStretch(1)
        self._sides = QStackedWidget()
        self._sides.addWidget(cash_side)
        self._sides.addWidget(other)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(row)
        column.addWidget(self._sides, 1)
        for place, key in enumerate(self.pad.keys):
            key.clicked.connect(lambda _=False, place=place: self._pressed(place))
        self.pad.pad.pressed_key.connect(self.field.press)

    def set_compact(self, compact: bool) -> None:
        """Words and widths for a window below or above 1280."""
        self.pad.set_compact(compact)
        word = translate("Sell", "Mobile") if compact else tender_word(TenderKind.MOBILE)
        self.ways[TenderKind.MOBILE].setText(word)
        self.ways[TenderKind.MOBILE].set_key("" if compact else "F8")
        for kind, button in self.ways.items():
            button.set_icon("" if compact else self.ICONS[kind])

    def show_way(self, kind: TenderKind) -> None:
        """Which way is chosen."""
        for own, button in self.ways.items():
            button.setChecked(own is kind)
        self._sides.setCurrentIndex(0 if kind is TenderKind.CASH else 1)

    def show_sums(self, due_minor: int, received: str) -> None:
        """Exact, and the next sums people make with notes."""
        self._values = cash.suggestions(due_minor, self._unit)
        self.pad.wide.show_preset(plain_amount(due_minor, self._unit), translate("Sell", "Exact"))
        for key, value in zip(self.pad.keys, self._values, strict=True):
            plain = plain_amount(value, self._unit)
            key.show_preset(plain, chosen=plain.replace(",", "") == received)

    def _pressed(self, place: int) -> None:
        self.preset.emit(self._values[place])


class TokenPanel(Panel):
    """The token, large, with whose it is; stays until the next customer is found."""

    def __init__(self) -> None:
        super().__init__()
        self.name = Label("", "name", elide=True)
        self.meter = Label("", "body", "muted")
        self.chip = Chip("ok")
        self.token = TokenDigitsView()
        self.units = BigNumber("amount")
        self.units.setFixedWidth(240)
        self.read_out = Button(translate("Sell", "Read out"), icon="speak", key="Space")
        self.copy = Button(translate("Sell", "Print a copy"), icon="print", key="F6")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.name)
        names.addWidget(self.meter)
        head = QHBoxLayout()
        head.setContentsMargins(24, 20, 24, 16)
        head.addLayout(names, 1)
        head.addWidget(self.chip, 0, Qt.AlignmentFlag.AlignTop)
        self.hint = Label(
            translate("Sell", "Key it in on the meter, then press enter ↵"),
            "body",
            "muted",
            elide=True,
        )
        units = QHBoxLayout()
        units.setSpacing(24)
        units.addWidget(self.units)
        units.addWidget(self.hint, 1, Qt.AlignmentFlag.AlignBottom)
        low = QHBoxLayout()
        low.setContentsMargins(24, 16, 24, 20)
        low.setSpacing(8)
        low.addWidget(self.read_out, 1)
        low.addWidget(self.copy, 1)
        single = QWidget()
        middle = QVBoxLayout(single)
        middle.setContentsMargins(24, 0, 24, 0)
        middle.setSpacing(0)
        middle.addStretch(1)
        middle.addWidget(Label(translate("Sell", "Credit token, 20 digits"), "caption", "muted"))
        middle.addSpacing(8)
        middle.addWidget(self.token)
        middle.addSpacing(12)
        middle.addLayout(units)
        middle.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(Rule())
        self.set = TokenSet()
        self._middle = QStackedWidget()
        self._middle.addWidget(single)
        self._middle.addWidget(self.set)
        column.addWidget(self._middle, 1)
        column.addLayout(low)

    def show_tokens(self, rows: tuple[TokenRow, ...], at: int) -> None:
        """One token large, or several in their order with the one at hand marked."""
        several = len(rows) != 1
        self._middle.setCurrentIndex(1 if several else 0)
        self.read_out.setEnabled(bool(rows))
        if several:
            self.set.show_rows(rows, at)

    def show_units(self, units: str) -> None:
        """How much electricity the token carries."""
        self.units.show_number(units, after="kWh")
        self.units.setFixedWidth(self.units.sizeHint().width() + 4)

    def set_compact(self, compact: bool) -> None:
        """Leave the hint out where the token needs two lines."""
        self.hint.setVisible(not compact)


class SoldPanel(QWidget):
    """Token, print state, and the facts of the sale."""

    def __init__(self) -> None:
        super().__init__()
        self.card = TokenPanel()
        self.slip = Banner("warn", large=True)
        self.slip.hide()
        self.receipt = Label("", "body", "muted")
        self.float_left = Label("", "body", "muted")
        facts = QHBoxLayout()
        facts.setContentsMargins(4, 0, 4, 0)
        facts.setSpacing(24)
        facts.addWidget(self.receipt)
        facts.addWidget(self.float_left)
        facts.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.card, 1)
        column.addWidget(self.slip)
        column.addLayout(facts)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self.card.set_compact(compact)
        self.float_left.setVisible(not compact)
