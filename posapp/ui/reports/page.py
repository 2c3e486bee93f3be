"""The day: four figures, sales by hour, cashiers, and whether it all adds up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.domain.energy import units_text
from posapp.domain.money import amount_text
from posapp.domain.sale import TenderKind
from posapp.ui import messages, theme
from posapp.ui.i18n import long_day, say, translate
from posapp.ui.reports.presenter import DayPresenter, DayState
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.sell.words import tender_word
from posapp.ui.widgets import paint
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.charts import BarChart, Table
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Chip, Panel, SlipPanel, place_sides, relayout
from posapp.ui.widgets.text import Label

if TYPE_CHECKING:
    from posapp.reports.daily_facts import DailyFacts, Identity
    from posapp.services.till import Till


class DayFigures(Panel):
    """Four figures in one panel, a rule between them."""

    def __init__(self) -> None:
        super().__init__()
        self._figures: tuple[tuple[str, str, str], ...] = ()
        self.setFixedHeight(106)

    def show_figures(self, figures: tuple[tuple[str, str, str], ...]) -> None:
        """(label, number, note) of each."""
        self._figures = figures
        self.setAccessibleName("; ".join(" ".join(figure) for figure in figures))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._figures:
            return
        painter = paint.painter_of(self)
        width = self.width() // len(self._figures)
        pad = 20 if width > 170 else 12
        font, pixels = theme.active().font("name"), theme.active().types["name"][0]
        while pixels > 16 and any(
            paint.width_of(number, font) > width - pad - 6 for _, number, _ in self._figures
        ):
            pixels -= 1
            font = theme.active().font_of(pixels, 600)
        for place, (label, number, note) in enumerate(self._figures):
            x = place * width
            if place:
                painter.fillRect(QRect(x, 1, 1, self.height() - 2), theme.active().color("line"))
            area = QRect(x + pad, 14, width - pad - 6, 18)
            paint.text(painter, area, label, "caption", "muted")
            area = QRect(x + pad, 36, width - pad - 6, 32)
            paint.text(painter, area, number, font, "text")
            area = QRect(x + pad, 70, width - pad - 6, 22)
            paint.text(painter, area, note, "body", "muted", elide=True)


class DayPage(QWidget):
    """The supervisor's day."""

    def __init__(self, till: Till, tasks: Runner, folder: Path) -> None:
        super().__init__()
        self._till = till
        self._unit = till.site.currency
        self._compact = False
        self.presenter = DayPresenter(till, tasks, self.show_state, folder)
        self._work = QWidget()
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(16)
        self._head()
        self._figures = DayFigures()
        self._column.addWidget(self._figures)
        self._charts()
        self._slip_side()
        place_sides(self, self._work, self.slip)
        self._build_actions()
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _head(self) -> None:
        self._title = Label("", "name", elide=True)
        self.before = Button("", icon="before", name=translate("Day", "The day before"))
        self.after = Button("", icon="next", name=translate("Day", "The day after"))
        self.pdf = Button(translate("Day", "Save PDF"), icon="account")
        self.before.setFixedWidth(48)
        self.after.setFixedWidth(48)
        self.before.clicked.connect(lambda: self.presenter.step(-1))
        self.after.clicked.connect(lambda: self.presenter.step(1))
        self.pdf.clicked.connect(self.presenter.save_pdf)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._title, 1)
        row.addWidget(self.before)
        row.addWidget(self.after)
        row.addSpacing(8)
        row.addWidget(self.pdf)
        self._column.addLayout(row)

    def _charts(self) -> None:
        self.chart = BarChart(translate("Day", "Sales by hour"))
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(20, 16, 20, 12)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(translate("Day", "Sales by hour"), "strong"))
        head.addWidget(Label(self._unit.symbol, "body", "muted"))
        head.addStretch(1)
        self._busiest = Label("", "body", "muted")
        head.addWidget(self._busiest)
        column.addLayout(head)
        column.addWidget(self.chart, 1)
        self._column.addWidget(panel, 3)
        self.cashiers = Table(
            (
                translate("Day", "Cashier"),
                translate("Day", "Sales"),
                self._unit.symbol,
                translate("Day", "Cash"),
            ),
            (0, 56, 104, 92),
        )
        self.ways = Table(
            (translate("Day", "Paid by"), translate("Day", "Sales"), self._unit.symbol),
            (0, 56, 104),
        )
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.cashiers, 5)
        row.addWidget(self.ways, 4)
        self._column.addLayout(row, 3)

    def _slip_side(self) -> None:
        self.slip = SlipPanel()
        self._chip = Chip()
        self.slip.head_widget(self._chip)
        body = Body()
        self._checks = QuoteLines()
        self._look = Label(translate("Day", "To look at"), "title")
        self._notes = QuoteLines()
        self.banner = Banner("bad")
        body.gap(8)
        body.add(self._checks)
        body.gap(24)
        body.add(self._look)
        body.gap(4)
        body.add(self._notes)
        body.rest()
        body.add(self.banner)
        self.slip.add_body(body)
        self._body = body
        self.slip.primary.clicked.connect(self.presenter.print_slip)

    def _build_actions(self) -> None:
        table: tuple[tuple[str, str, tuple[str, ...], Callable[[], None]], ...] = (
            (
                "slip",
                translate("Day", "Print the day's slip"),
                ("Ctrl+Return", "Ctrl+Enter"),
                self.presenter.print_slip,
            ),
            ("pdf", translate("Day", "Save PDF"), ("Ctrl+S",), self.presenter.save_pdf),
            (
                "before",
                translate("Day", "The day before"),
                ("PgUp",),
                lambda: self.presenter.step(-1),
            ),
            (
                "after",
                translate("Day", "The day after"),
                ("PgDown",),
                lambda: self.presenter.step(1),
            ),
        )
        for name, words, keys, do in table:
            add_action(self, f"day.{name}", words, keys, do)

    # ------------------------------------------------------------ showing

    def start(self) -> None:
        """The page was opened."""
        self.presenter.start()
        self.before.setFocus()

    def show_state(self, state: DayState) -> None:
        """Render a state."""
        if state.day is not None:
            self._title.setText(long_day(state.day, short=self._compact))
        self.after.setEnabled(state.day != state.today)
        title = translate("Day", "Does the day add up?")
        self.slip.show_body(self._body, title)
        self._show_banner(state)
        primary, action = self.slip.primary, translate("Day", "Print the day's slip")
        if state.facts is None:
            self._chip.show_state("busy", translate("Day", "Reading"))
            primary.show_action(action, "Ctrl+Enter", reason=translate("Day", "Reading the day"))
            return
        primary.show_action(action, "Ctrl+Enter")
        self._show_figures(state.facts)
        self._show_hours(state)
        self._show_tables(state.facts)
        self._show_checks(state.facts)

    def _show_banner(self, state: DayState) -> None:
        if state.failure is not None:
            told = say(state.failure, messages.formatter_for(self._till.site))
            self.banner.tell("bad", told.what, told.body)
        elif state.saved:
            self.banner.tell("ok", translate("Day", "The PDF is saved."), state.saved)
        elif state.printed:
            self.banner.tell("ok", translate("Day", "The slip is in the print queue."))
        self.banner.setVisible(bool(state.failure or state.saved or state.printed))

    def _show_figures(self, facts: DailyFacts) -> None:
        unit = self._unit
        left = facts.float_row.available_minor if facts.float_row else 0
        closed = sum(row.variance_minor is not None for row in facts.shifts)
        self._figures.show_figures(
            (
                (
                    translate("Day", "Sold, {currency}").format(currency=unit.symbol),
                    amount_text(facts.gross_minor, unit),
                    translate("Day", "Sales: {n}").format(n=facts.issued),
                ),
                (
                    translate("Day", "Units, kWh"),
                    units_text(facts.units_tenths),
                    translate("Day", "Tokens: {n}").format(n=facts.tokens_made),
                ),
                (
                    translate("Day", "Cash over or short"),
                    amount_text(facts.variance_minor, unit),
                    translate("Day", "Closed: {n} of {all}").format(
                        n=closed, all=len(facts.shifts)
                    ),
                ),
                (
                    translate("Day", "Float left, {currency}").format(currency=unit.symbol),
                    amount_text(left, unit),
                    translate("Day", "of the lease"),
                ),
            )
        )

    def _show_hours(self, state: DayState) -> None:
        scale = self._unit.scale
        by_hour = {hour: minor for hour, minor, _ in state.hours}
        first = min([*by_hour, 7])
        last = max([*by_hour, 18])
        bars = tuple((f"{h:02d}", by_hour.get(h, 0) // scale) for h in range(first, last + 1))
        self.chart.show_bars(bars)
        best = max(state.hours, key=lambda row: row[1], default=None)
        words = ""
        if best is not None:
            words = translate("Day", "Busiest: {a} to {b}, sales: {n}")
            words = words.format(a=best[0], b=best[0] + 1, n=best[2])
        self._busiest.setText(words)

    def _show_tables(self, facts: DailyFacts) -> None:
        unit = self._unit
        rows, marks = [], []
        for row in facts.shifts:
            variance = row.variance_minor
            if variance is None:
                cash, mark = translate("Day", "open"), "off"
            elif variance:
                cash, mark = amount_text(variance, unit), "warn"
            else:
                cash, mark = translate("Day", "exact"), "ok"
            rows.append(
                (row.operator_name, str(row.sales), amount_text(row.gross_minor, unit), cash)
            )
            marks.append(mark)
        gross = amount_text(facts.gross_minor, unit)
        total = (translate("Day", "Day"), str(facts.issued), gross, "")
        self.cashiers.show_rows(tuple(rows), total, tuple(marks))
        ways = tuple(
            (tender_word(TenderKind(row.kind)), str(row.sales), amount_text(row.kept_minor, unit))
            for row in facts.tenders
        )
        self.ways.show_rows(ways, total[:3])

    def _show_checks(self, facts: DailyFacts) -> None:
        good = sum(identity.holds for identity in facts.identities)
        words = translate("Day", "{n} of {all}").format(n=good, all=len(facts.identities))
        self._chip.show_state("ok" if facts.all_hold else "bad", words)
        self._checks.show_lines(
            tuple(
                Line(_check_words(i), self._sides(i), mark="ok" if i.holds else "bad")
                for i in facts.identities
            )
        )
        notes = self._to_look_at(facts)
        self._look.setVisible(bool(notes))
        self._notes.setVisible(bool(notes))
        self._notes.show_lines(notes)

    def _sides(self, identity: Identity) -> str:
        if identity.money:
            return amount_text(identity.sides[0], self._unit)
        if len(identity.sides) == 3:
            return f"{identity.sides[1]} + {identity.sides[2]}"
        return str(identity.sides[0])

    def _to_look_at(self, facts: DailyFacts) -> tuple[Line, ...]:
        notes = []
        for row in facts.shifts:
            if row.variance_minor:
                words = translate("Day", "Cash differs, shift {number}").format(number=row.number)
                amount = amount_text(row.variance_minor, self._unit)
                notes.append(Line(words, amount, f"{row.operator_name}: {row.reason}", mark="warn"))
        for count, words, mark in (
            (facts.unfinished, translate("Day", "Sales not finished"), "warn"),
            (facts.abandoned, translate("Day", "Abandoned receipts, no token made"), "off"),
            (facts.unconfirmed_slips, translate("Day", "Slips still to print"), "off"),
            (facts.copies, translate("Day", "Copies printed"), "off"),
            (facts.waiting_entries, translate("Day", "Entries not yet at head office"), "off"),
        ):
            if count:
                notes.append(Line(words, str(count), mark=mark))
        return tuple(notes)

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        self.ways.setVisible(not compact)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)
            self.show_state(self.presenter.state)


def _check_words(identity: Identity) -> str:
    table = {
        "daily.check_lines": translate("Day", "Lines = paid − change"),
        "daily.check_sums": translate("Day", "Tariff = tender = cashier"),
        "daily.check_cash": translate("Day", "Cash expected in closed drawers"),
        "daily.check_float": translate("Day", "Float in − out"),
        "daily.check_receipts": translate("Day", "Receipts, no gaps"),
        "daily.check_tokens": translate("Day", "Module = ledger tokens"),
    }
    return table.get(identity.key, identity.key)
