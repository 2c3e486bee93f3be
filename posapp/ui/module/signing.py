"""Both sign the same sentence: the slip side of a task, with the second person's PIN."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from posapp.ui.i18n import translate
from posapp.ui.module import words
from posapp.ui.module.presenter import PIN_MIN, ModulePageState
from posapp.ui.sell.slips import Body
from posapp.ui.widgets.buttons import NumPad
from posapp.ui.widgets.fields import PinField
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import escape
from posapp.ui.widgets.text import Paragraph

PAD_H = 280


class SignBody(Body):
    """The sentence, who signs it, dots and a pad for the second."""

    def __init__(self) -> None:
        super().__init__()
        self.sentence = Paragraph("", "title", "text")
        self.people = QuoteLines()
        self.pin = PinField(translate("Module", "PIN of the second person"))
        self.pad = NumPad(
            clear_word=translate("Login", "Clear"), back_word=translate("Login", "Delete")
        )
        self.pad.setFixedHeight(PAD_H)
        self._signing = QWidget()
        inner = QVBoxLayout(self._signing)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addWidget(self.pin)
        inner.addWidget(self.pad)
        self.gap(8)
        self.add(self.sentence)
        self.gap(12)
        self.add(self.people)
        self.gap(12)
        self.add(self._signing)
        self.rest()
        self.pad.pressed_key.connect(self.pin.press)

    def show_state(self, state: ModulePageState) -> None:
        """Render the task of a state."""
        self.sentence.set_html(escape(words.sentence(state)))
        operator, second = state.operator, state.second_person
        ready = not words.reads(state) or state.document is not None
        lines = []
        if operator is not None:
            role = words.role_words(operator.role)
            lines.append(Line(f"1. {operator.name}", role, mark="ok"))
        if state.needs_two:
            name = second.name if second else translate("Module", "a second person")
            role = words.role_words(second.role) if second else ""
            mark = "ok" if second and state.pin_length >= PIN_MIN else "off"
            lines.append(Line(f"2. {name}", role, mark=mark))
        self.people.show_lines(tuple(lines))
        self._signing.setVisible(state.needs_two and ready and second is not None)
        if len(self.pin.text()) != state.pin_length:
            self.pin.setText("")
            self.pin.update()
        wrong = state.failure is not None and state.failure.code.startswith("PIN")
        self.pin.set_state("bad" if wrong else "")
