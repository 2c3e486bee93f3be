"""A supervisor signs what does not agree: what it is, who signs, the PIN."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.ui.i18n import translate
from posapp.ui.shift.presenter import ShiftState
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.fields import PinField
from posapp.ui.widgets.panels import Banner
from posapp.ui.widgets.text import Label


class SignForm(QWidget):
    """Hidden while all agrees."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.advice = Banner("warn")
        self.pin = PinField(translate("Shift", "PIN of the supervisor"))
        self._people = QHBoxLayout()
        self._people.setSpacing(8)
        self.buttons: list[Button] = []
        column.addWidget(self.advice)
        column.addWidget(Label(translate("Shift", "Who signs?"), "caption", "muted"))
        column.addLayout(self._people)
        column.addWidget(self.pin)

    def show_state(self, state: ShiftState) -> None:
        """Render the part of a state that needs a signature."""
        preview = state.preview
        if preview is None:
            return
        module = preview.module
        if preview.open_sales:
            what = translate("Shift", "{n} sales have no answer; their money is held.").format(
                n=preview.open_sales
            )
        else:
            what = translate("Shift", "The module made {made} tokens, our book has {ours}.").format(
                made=module.module_tokens, ours=module.ledger_tokens
            )
        told = translate("Shift", "Orders of no sale: {numbers}").format(
            numbers=", ".join(str(n) for n in module.orphans) or "–"
        )
        self.advice.tell("warn", what, told)
        if [person.name for person in state.signers] != [b.text() for b in self.buttons]:
            for button in self.buttons:
                self._people.removeWidget(button)
                button.deleteLater()
            self.buttons = []
            for person in state.signers:
                button = Button(person.name, icon="people", checkable=True)
                number = person.operator_id
                button.clicked.connect(lambda _=False, n=number: self.chosen.emit(n))
                self.buttons.append(button)
                self._people.addWidget(button)
        for button, person in zip(self.buttons, state.signers, strict=True):
            button.setChecked(person.operator_id == state.signer_id)
        if self.pin.text() != state.pin:
            self.pin.setText(state.pin)
        wrong = state.failure is not None and state.failure.code.startswith("PIN")
        self.pin.set_state("bad" if wrong else "")
