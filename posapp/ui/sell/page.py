"""The sell page: lays out, forwards keys to the presenter and shows its state.

The three places never move: omnibox on top of the work side, work below it, slip with the one
primary button at the end. What each says is in `words`; what it decides is in `presenter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.operator import Operator
from posapp.domain.sale import TenderKind
from posapp.errors import PosError
from posapp.ui import theme
from posapp.ui.i18n import ltr, meter_text, translate
from posapp.ui.module.notice import notice
from posapp.ui.running import Runner
from posapp.ui.sell import render
from posapp.ui.sell.presenter import SellPresenter
from posapp.ui.sell.slips import ChangeBody, LastSaleBody, PaymentBody, PreviewBody, QuoteBody
from posapp.ui.sell.state import Phase, SellState
from posapp.ui.sell.work import (
    AmountPanel,
    CustomerCard,
    RecentPanel,
    ResultPanel,
    SoldPanel,
    TenderPanel,
)
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.fields import Omnibox
from posapp.ui.widgets.panels import Banner, SlipPanel, place_sides, relayout
from posapp.ui.widgets.token import TokenReadOut

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till


class SellPage(QWidget):
    """One sale in five moments."""

    beeped = Signal()
    left = Signal(str)  # to the page of that name, or to `sign_in`

    def __init__(self, till: Till, tasks: Runner) -> None:
        super().__init__()
        self.till = till
        self.unit = till.site.currency
        self.compact = False
        self.status: TillStatus | None = None
        self._read_out: TokenReadOut | None = None
        self._module_trouble: PosError | None = None
        self._note_leads_to = ""
        self.presenter = SellPresenter(till, tasks, self.show_state)
        self._build_work()
        self._build_slip()
        place_sides(self, self.work, self.slip)
        self._build_actions()
        self._connect()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    # ------------------------------------------------------------ building

    def _build_work(self) -> None:
        self.work = QWidget()
        self.omnibox = Omnibox(
            translate("Sell", "Find a customer"),
            translate("Sell", "Meter, name, phone or receipt number"),
        )
        self.banner = Banner("bad")
        self.banner.hide()
        self.recent = RecentPanel()
        self.results = ResultPanel()
        self.card = CustomerCard()
        self.stop = Banner("bad", large=True)
        self.stop.hide()
        self.amount = AmountPanel(self.unit)
        self.tender = TenderPanel(self.unit)
        self.sold = SoldPanel()
        sale = QWidget()
        column = QVBoxLayout(sale)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.card)
        column.addWidget(self.stop)
        self._steps = QStackedWidget()
        self._steps.addWidget(self.amount)
        self._steps.addWidget(self.tender)
        self._steps.addWidget(QWidget())
        column.addWidget(self._steps, 1)
        self.sale = sale
        self._views = QStackedWidget()
        for view in (self.recent, self.results, sale, self.sold):
            self._views.addWidget(view)
        self._column = QVBoxLayout(self.work)
        self._column.setSpacing(16)
        self._column.addWidget(self.omnibox)
        self._column.addWidget(self.banner)
        self._column.addWidget(self._views, 1)

    def _build_slip(self) -> None:
        self.slip = SlipPanel()
        self.last = LastSaleBody()
        self.preview = PreviewBody()
        self.quote = QuoteBody()
        self.payment = PaymentBody()
        self.change = ChangeBody()
        for body in (self.last, self.preview, self.quote, self.payment, self.change):
            self.slip.add_body(body)
        self.blank = QWidget()
        self.slip.add_body(self.blank)

    def _build_actions(self) -> None:
        key = Qt.Key
        presenter = self.presenter
        table = (
            (
                "next",
                translate("Sell", "Next step"),
                [key.Key_Return, key.Key_Enter],
                presenter.enter,
            ),
            ("back", translate("Sell", "One step back"), [key.Key_Escape], self._back),
            ("find", translate("Sell", "Find the next customer"), [key.Key_F2], self._find),
            ("recent", translate("Sell", "Recent customers"), [key.Key_F3], presenter.show_recent),
            ("copy", translate("Sell", "Print a copy"), [key.Key_F6], presenter.papers.copy),
            ("quote", translate("Sell", "Print the quote"), [key.Key_F7], presenter.papers.quote),
            ("way", translate("Sell", "Other payment"), [key.Key_F8], presenter.next_tender),
            ("units", translate("Sell", "Money or kWh"), [key.Key_Slash], presenter.toggle_units),
            ("same", translate("Sell", "Same as last"), [key.Key_Asterisk], presenter.same_as_last),
            (
                "exact",
                translate("Sell", "Exact cash and sell"),
                [key.Key_Plus],
                presenter.exact_and_sell,
            ),
            ("no", translate("Sell", "No: make it again"), [key.Key_Minus], self._answer_no),
            ("read", translate("Sell", "Read the token out"), [key.Key_Space], self.read_out),
            ("down", translate("Sell", "Next row"), [key.Key_Down], lambda: presenter.move(1)),
            ("up", translate("Sell", "Row before"), [key.Key_Up], lambda: presenter.move(-1)),
        )
        self.steps: dict[str, QAction] = {}
        for name, words, keys, do in table:
            repeats = name in ("down", "up")
            self.steps[name] = add_action(self, f"sell.{name}", words, keys, do, repeats=repeats)

    def _connect(self) -> None:
        presenter = self.presenter
        self.omnibox.changed.connect(presenter.type_query)
        self.recent.list.chosen.connect(presenter.pick)
        self.results.list.chosen.connect(self._point_or_pick)
        self.amount.field.typed.connect(presenter.type_amount)
        self.amount.field.refused.connect(presenter.refuse_letters)
        self.amount.preset.connect(presenter.preset)
        self.amount.pad.wide.clicked.connect(presenter.same_as_last)
        self.amount.switch.clicked.connect(presenter.toggle_units)
        self.tender.field.typed.connect(presenter.type_received)
        self.tender.field.refused.connect(presenter.refuse_letters)
        self.tender.reference.changed.connect(presenter.type_reference)
        self.tender.preset.connect(presenter.preset)
        self.tender.way.connect(presenter.pay_with)
        self.tender.pad.wide.clicked.connect(lambda: presenter.type_received(""))
        self.sold.card.copy.clicked.connect(presenter.papers.copy)
        self.sold.card.read_out.clicked.connect(self.read_out)
        self.last.copy.clicked.connect(presenter.papers.copy)
        self.quote.paper.clicked.connect(presenter.papers.quote)
        self.last.read_out.clicked.connect(self.read_out)
        self.slip.primary.clicked.connect(presenter.enter)
        self.tender.part.typed.connect(presenter.type_received)
        self.tender.part.refused.connect(presenter.refuse_letters)
        self.banner.acted.connect(self._act_on_banner)
        self.last.note.acted.connect(lambda: self.left.emit(self._note_leads_to))

    # ------------------------------------------------------------ from the window

    def start(self, operator: Operator) -> None:
        """A person signed in."""
        self.presenter.start(operator)
        self.focus_entry()

    def scan(self, text: str) -> None:
        """A scanner sent something."""
        self.close_read_out()
        self.presenter.scan(text)

    def show_status(self, status: TillStatus) -> None:
        """The parts of the till, polled by the window."""
        before, self.status = self.status, status
        state = self.presenter.state
        changed = before is None or before.printer != status.printer
        if state.phase in (Phase.SOLD, Phase.IDLE) and (changed or render.slip_waits(state)):
            self.presenter.papers.look()
        if changed:
            render.show_slip_state(self, state)
        self.presenter.look_at_open_sales()
        self.presenter.see_module(status.module)
        self._show_module_note()

    def show_trouble(self, trouble: PosError | None) -> None:
        """What the module said to the PIN of whoever is signed in."""
        self._module_trouble = trouble
        self._show_module_note()

    def _show_module_note(self) -> None:
        if self.status is None:
            return
        site, now = self.till.site, self.till.clock.now()
        told = notice(self.status.module, self._module_trouble, site, now)
        self.last.note.setVisible(told is not None)
        if told is not None:
            self._note_leads_to = told.leads_to
            self.last.note.tell(told.tone, told.head, told.body, button=told.button, key=told.key)

    # ------------------------------------------------------------ showing

    def show_state(self, state: SellState) -> None:
        """Render a state; cheap enough for every key."""
        render.show(self, state)
        self._place_focus(state)

    def show_view(self, view: QWidget, step: QWidget | None = None) -> None:
        """Bring a view of the work side to the front."""
        self._views.setCurrentWidget(view)
        if step is not None:
            self._steps.setCurrentWidget(step)

    def show_no_step(self) -> None:
        """Nothing can be typed: the meter cannot be sold to."""
        self._steps.setCurrentIndex(2)

    def _place_focus(self, state: SellState) -> None:
        wanted: QWidget = self.omnibox.edit
        if state.phase is Phase.QUOTE and state.context_problem is None:
            wanted = self.amount.field
        elif state.phase in (Phase.TENDER, Phase.SELLING):
            cash = state.tender is TenderKind.CASH
            wanted = self.tender.field if cash else self.tender.reference.edit
        key = (state.phase, state.tender)
        if key != getattr(self, "_focus_key", None) or not self._owns_focus():
            self._focus_key = key
            self._entry = wanted
            if self.isVisible() and self._read_out is None:
                wanted.setFocus(Qt.FocusReason.OtherFocusReason)
                if state.phase is Phase.QUOTE and wanted is self.omnibox.edit:
                    # This meter cannot buy: whatever is typed next is the next customer.
                    self.omnibox.edit.selectAll()

    def _owns_focus(self) -> bool:
        focus = self.window().focusWidget() if self.window() else None
        return focus is not None and self.isAncestorOf(focus)

    def focus_entry(self) -> None:
        """Put the cursor where the next thing is typed."""
        self._entry.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self.compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        self.recent.set_compact(compact)
        self.results.set_compact(compact)
        self.amount.pad.set_compact(compact)
        self.tender.set_compact(compact)
        self.sold.set_compact(compact)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self.compact:
            self.set_compact(compact)
            self.show_state(self.presenter.state)

    # ------------------------------------------------------------ keys and buttons

    def _answer_no(self) -> None:
        self.presenter.keys.answer(took=False)

    def _find(self) -> None:
        self.presenter.new_search()
        self.omnibox.edit.setFocus()

    def _back(self) -> None:
        if self.presenter.state.phase is Phase.SEARCH:
            self.omnibox.show_text("")
        self.presenter.escape()

    def _point_or_pick(self, row: int) -> None:
        state = self.presenter.state
        if row != state.selected:
            self.presenter.move(row - state.selected)
        else:
            self.presenter.pick(row)

    def _act_on_banner(self) -> None:
        if render.asks_again(self.presenter.state):
            self.presenter.recover()
        else:
            self.presenter.dismiss()

    def read_out(self) -> None:
        """The token full screen, group by group."""
        state = self.presenter.state
        token = render.token_shown(state)
        if token is None or self._read_out is not None:
            return
        name, meter, units, digits = token
        words = translate("Sell", "Meter {number} · {units} kWh")
        words = words.format(number=ltr(meter_text(meter)), units=ltr(units))
        self._read_out = TokenReadOut(self.window(), name, words, digits)
        self._read_out.closed.connect(self.close_read_out)
        self._read_out.show()
        self._read_out.raise_()
        self._read_out.setFocus()

    def close_read_out(self) -> None:
        """Back to the page."""
        if self._read_out is not None:
            self._read_out.hide()
            self._read_out.deleteLater()
            self._read_out = None
            self.focus_entry()
