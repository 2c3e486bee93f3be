"""Who is selling? People on the work side, PIN and opening float on the slip."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.operator import Operator, Role
from posapp.domain.shift import Shift
from posapp.errors import PosError
from posapp.ui import messages, theme
from posapp.ui.i18n import say, translate
from posapp.ui.login.presenter import PIN_MIN, LoginPresenter, LoginState
from posapp.ui.running import Runner
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import NumPad, PersonTile
from posapp.ui.widgets.fields import AmountField, PinField
from posapp.ui.widgets.panels import Banner, SlipPanel, place_sides, relayout
from posapp.ui.widgets.text import Label, Paragraph

if TYPE_CHECKING:
    from posapp.ports import ModuleStatus
    from posapp.services.status import TillStatus
    from posapp.services.till import Till
    from posapp.ui.door import Door

PEOPLE_MAX = 8  # tiles that fit beside each other; Alt+1 to Alt+8


class LoginPage(QWidget):
    """People, a PIN, and for a new shift the counted float."""

    def __init__(
        self,
        place: Till | Door,
        tasks: Runner | None,
        entered: Callable[[Operator, Shift | None], None],
        module_said: Callable[[PosError | None], None] = lambda _: None,
    ) -> None:
        """`place` is the till, or its door while the till opens (then `tasks` is None)."""
        super().__init__()
        self._site = place.site
        self._compact = False
        self._tiles: list[PersonTile] = []
        self.presenter = LoginPresenter(place, tasks, self.show_state, entered, module_said)
        self._work = QWidget()
        self._fill_work()
        self.slip = SlipPanel()
        self._fill_slip()
        place_sides(self, self._work, self.slip)
        self._build_actions()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _fill_work(self) -> None:
        site = self._site
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(0)
        self._column.addWidget(Label(f"{site.vendor} · {site.till_name}", "body", "muted"))
        self._column.addSpacing(4)
        head = Label(translate("Login", "Who is selling?"), "amount", elide=True)
        self._column.addWidget(head)
        self._column.addSpacing(24)
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        self._column.addLayout(self._grid)
        self._column.addSpacing(24)
        self.notes = [Banner("ok"), Banner("warn"), Banner("off")]
        for note in self.notes:
            note.hide()
            self._column.addWidget(note)
            self._column.addSpacing(12)
        self._column.addStretch(1)
        self._column.addWidget(
            Label(" · ".join(filter(None, (site.utility, site.help_line))), "body", "muted")
        )

    def _fill_slip(self) -> None:
        self.pin = PinField(translate("Login", "PIN"))
        self.pad = NumPad(
            clear_word=translate("Login", "Clear"), back_word=translate("Login", "Delete")
        )
        self.opening = AmountField(translate("Login", "Opening float"))
        unit = self._site.currency
        self.opening.set_unit(unit.symbol, unit.minor_digits)
        self._fields = QStackedWidget()
        self._fields.addWidget(self.pin)
        self._fields.addWidget(self.opening)
        self._fields.setFixedHeight(theme.active().size("primary_h"))
        self._ask = Paragraph("")
        self.problem = Banner("bad")
        self.problem.hide()
        self._next = Paragraph("")
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._ask)
        column.addSpacing(16)
        column.addWidget(self._fields)
        column.addSpacing(16)
        column.addWidget(self.pad, 1)
        column.addSpacing(16)
        column.addWidget(self.problem)
        column.addWidget(self._next)
        self.pad.setMaximumHeight(344)
        column.addStretch(0)
        self.slip.add_body(body)
        self._body = body
        self.pin.typed.connect(self.presenter.type_pin)
        self.opening.typed.connect(self.presenter.type_opening)
        self.pad.pressed_key.connect(self._press)
        self.slip.primary.clicked.connect(self.presenter.enter)

    def _build_actions(self) -> None:
        key = Qt.Key
        table: list[tuple[str, str, list[QKeySequence], Callable[[], None]]] = [
            (
                "enter",
                translate("Login", "Sign in"),
                [QKeySequence(key.Key_Return), QKeySequence(key.Key_Enter)],
                self.presenter.enter,
            ),
            (
                "back",
                translate("Login", "One step back"),
                [QKeySequence(key.Key_Escape)],
                self._back,
            ),
        ]
        for place in range(PEOPLE_MAX):
            words = translate("Login", "Person {n}").format(n=place + 1)
            keys = [QKeySequence(f"Alt+{place + 1}")]
            table.append((f"person{place + 1}", words, keys, partial(self._choose, place)))
        for name, words, keys, do in table:
            add_action(self, f"login.{name}", words, keys, do)

    # ------------------------------------------------------------ showing

    def start(self) -> None:
        """Nobody is signed in."""
        self.pin.setText("")
        self.opening.show_text("")
        self.presenter.start()
        self.pin.setFocus()

    def show_status(self, status: TillStatus) -> None:
        """What matters before selling begins."""
        whole, paper, module = self.notes
        self._show_module(module, status.module)
        if status.open_sales:
            whole.tell(
                "warn",
                translate("Login", "A sale is still open."),
                translate(
                    "Login", "The till finishes it with the module before the first new sale."
                ),
            )
        elif status.shift is not None:
            words = translate("Login", "Shift {number} is open.").format(number=status.shift.number)
            whole.tell("ok", words, translate("Login", "Its person signs in and goes on."))
        else:
            whole.tell(
                "ok",
                translate("Login", "Nothing is open."),
                translate("Login", "All sales have their token, the last shift is closed."),
            )
        whole.show()
        state = str(status.printer.state)
        if state == "paper_low":
            paper.tell(
                "warn",
                translate("Login", "Paper is low."),
                translate("Login", "Selling is not affected. Keep a new roll at hand."),
            )
        elif state in ("paper_out", "cover_open"):
            paper.tell(
                "warn",
                translate("Login", "The printer needs paper."),
                translate("Login", "Selling is not affected. Slips wait in the queue."),
            )
        paper.setVisible(state in ("paper_low", "paper_out", "cover_open"))

    def _show_module(self, note: Banner, status: ModuleStatus) -> None:
        """A module that waits for a PIN takes the one that is typed here; worse is told."""
        note.setVisible(status.state.holds)
        if status.state.value == "locked":
            note.tell(
                "off",
                translate("Login", "The security module waits for a PIN too."),
                translate("Login", "It takes yours when you sign in."),
                icon="info",
            )
        elif status.state.holds:
            told = say(PosError(status.sentence))
            note.tell(status.colour, told.what, told.body)

    def show_state(self, state: LoginState) -> None:
        """Render a state."""
        self._show_people(state)
        person = state.signed_in or state.person
        name = person.name if person else translate("Login", "Nobody")
        self.slip.show_body(self._body, name)
        counting = state.signed_in is not None and state.shift is None
        primary = self.slip.primary
        self._fields.setCurrentIndex(1 if counting else 0)
        if counting:
            self._ask.set_html(translate("Login", "Count the cash in the drawer: opening float."))
            words = translate("Login", "Open shift {number}").format(number=state.next_shift)
            primary.show_action(words)
            self._next.set_html(
                translate("Login", "The count is written in the journal and cannot be changed.")
            )
            if not self.opening.hasFocus() and self.isVisible():
                self.opening.setFocus()
        else:
            self._ask.set_html(translate("Login", "Enter your PIN."))
            if len(self.pin.text()) != state.pin_length:
                self.pin.setText("")
                self.pin.update()
            reason = "" if state.pin_length >= PIN_MIN else translate("Login", "Type your PIN")
            primary.show_action(translate("Login", "Sign in"), reason=reason)
            after = translate("Login", "Next: count the opening float")
            self._next.set_html(after if state.shift is None else "")
            if not self.pin.hasFocus() and self.isVisible():
                self.pin.setFocus()
        if state.checking:
            primary.show_busy(translate("Login", "Checking"))
        self.pin.set_state("bad" if state.failure and not counting else "")
        self.problem.setVisible(state.failure is not None)
        self._next.setVisible(state.failure is None)
        if state.failure is not None:
            told = say(state.failure, messages.formatter_for(self._site))
            self.problem.tell("bad", told.what, told.body)

    def _show_people(self, state: LoginState) -> None:
        people = state.people[:PEOPLE_MAX]
        if len(self._tiles) != len(people):
            for tile in self._tiles:
                tile.hide()
                self._grid.removeWidget(tile)
                tile.deleteLater()
            self._tiles = []
            roles = {
                Role.VENDOR: translate("Login", "Vendor"),
                Role.CLERK: translate("Login", "Clerk"),
                Role.SUPERVISOR: translate("Login", "Supervisor"),
                Role.TECHNICIAN: translate("Login", "Technician"),
                Role.AUDITOR: translate("Login", "Auditor"),
            }
            for place, person in enumerate(people):
                tile = PersonTile(
                    person.name, person.initials, roles[person.role], f"Alt+{place + 1}"
                )
                tile.clicked.connect(lambda _=False, place=place: self._choose(place))
                self._tiles.append(tile)
            self._lay_people()
        for place, tile in enumerate(self._tiles):
            tile.setChecked(place == state.chosen)

    def _lay_people(self) -> None:
        columns = 1 if self._compact and len(self._tiles) <= 4 else 2
        for place, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, place // columns, place % columns)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _choose(self, place: int) -> None:
        self.presenter.choose(place)
        self.pin.setFocus()

    def _press(self, key: str) -> None:
        field = self.opening if self._fields.currentIndex() == 1 else self.pin
        field.press(key)

    def _back(self) -> None:
        self.pin.setText("")
        self.opening.show_text("")
        self.presenter.back()

    def set_compact(self, compact: bool) -> None:
        """Paddings for a window below or above 1280."""
        self._compact = compact
        if compact:
            self._column.setContentsMargins(40, 32, 40, 24)
        else:
            self._column.setContentsMargins(64, 56, 64, 32)
        self.slip.set_compact(compact)
        ends = 32 if compact else 56
        sides = 32 if compact else 48
        layout = self.slip.layout()
        assert layout is not None
        layout.setContentsMargins(sides, ends, sides, 24 if compact else 32)
        self._lay_people()
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)
