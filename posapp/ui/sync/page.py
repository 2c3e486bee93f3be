"""Head office and this till's parts: state, what waits, one button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from posapp.domain.money import amount_text, money_text
from posapp.ports import LinkState
from posapp.ui import messages, theme
from posapp.ui.care_words import backup_line, trouble_words
from posapp.ui.i18n import day_text, long_day, say, time_text, translate
from posapp.ui.running import Runner
from posapp.ui.sell.slips import Body
from posapp.ui.status_words import chips
from posapp.ui.sync.presenter import SyncPresenter, SyncState
from posapp.ui.widgets.actions import add_action
from posapp.ui.widgets.lines import Line, QuoteLines
from posapp.ui.widgets.panels import Banner, Panel, SlipPanel, place_sides, relayout
from posapp.ui.widgets.text import BigNumber, Label, Paragraph, StateShape

if TYPE_CHECKING:
    from posapp.services.status import TillStatus
    from posapp.services.till import Till


class SyncPage(QWidget):
    """What waits for head office, and the parts of the till."""

    def __init__(self, till: Till, tasks: Runner) -> None:
        super().__init__()
        self._till = till
        self._compact = False
        self.presenter = SyncPresenter(till, tasks, self.show_state)
        self._work = QWidget()
        self._fill_work()
        self._slip_side()
        place_sides(self, self._work, self.slip)
        words = translate("Sync", "Exchange now")
        add_action(self, "sync.now", words, ("Enter", "Return"), self.presenter.sync_now)
        self.set_compact(False)
        self.show_state(self.presenter.state)

    def _fill_work(self) -> None:
        self._column = QVBoxLayout(self._work)
        self._column.setSpacing(16)
        head = Label(translate("Sync", "Head office"), "name")
        self._column.addSpacing(8)
        self._column.addWidget(head)
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 20, 24, 24)
        column.setSpacing(0)
        line = QHBoxLayout()
        line.setSpacing(12)
        self._shape = StateShape("off", 16)
        self._state = Label("", "title", elide=True)
        line.addWidget(self._shape)
        line.addWidget(self._state, 1)
        column.addLayout(line)
        column.addSpacing(20)
        column.addWidget(Label(translate("Sync", "Waiting to be sent"), "caption", "muted"))
        self._waiting = BigNumber("change")
        column.addWidget(self._waiting)
        column.addSpacing(12)
        self._facts = QuoteLines()
        column.addWidget(self._facts)
        self._column.addWidget(panel)
        self.banner = Banner("off")
        self._column.addWidget(self.banner)
        self.care = Banner("warn")
        self.care.hide()
        self._column.addWidget(self.care)
        self._column.addStretch(1)
        words = translate(
            "Sync",
            "Sales go up, customers, tariffs and the lease come down. Each record is sealed and "
            "counted once, however often the line breaks.",
        )
        self._column.addWidget(Paragraph(words))

    def _slip_side(self) -> None:
        self.slip = SlipPanel()
        body = Body()
        self._parts = QuoteLines()
        body.gap(8)
        body.add(self._parts)
        body.rest()
        body.add(Paragraph(translate("Sync", "You can go on selling meanwhile.")))
        self.slip.add_body(body)
        self._body = body
        self.slip.primary.clicked.connect(self.presenter.sync_now)

    def start(self) -> None:
        """The page was opened."""
        self.slip.primary.setFocus()

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        self.presenter.show_status(status)

    def show_state(self, state: SyncState) -> None:
        """Render a state."""
        site = self._till.site
        self.slip.show_body(self._body, translate("Sync", "This till"), site.till_name)
        primary = self.slip.primary
        primary.show_action(translate("Sync", "Exchange now"))
        if state.running:
            primary.show_busy(translate("Sync", "Talking to head office"))
        if state.status is None or state.sync is None:
            self.banner.hide()
            return
        words = chips(state.status, site, self._till.clock.now())
        head = words["head_office"]
        self._shape.set_state(head.state)
        self._state.setText(head.sentence)
        self._waiting.show_number(str(state.sync.waiting), after=translate("Sync", "entries"))
        contact = state.sync.last_contact
        seen = translate("Sync", "never")
        if contact is not None:
            local = site.local(contact)
            seen = f"{day_text(local.date())} {time_text(local)}"
        self._facts.show_lines((Line(translate("Sync", "Last contact"), seen),))
        self._show_banner(state)
        self._show_care(state.status)
        self._show_parts(state.status)

    def _show_banner(self, state: SyncState) -> None:
        online = state.sync is not None and state.sync.state is LinkState.ONLINE
        if state.failure is not None:
            told = say(state.failure, messages.formatter_for(self._till.site))
            self.banner.tell("warn", told.what, told.body)
        elif state.done and online:
            self.banner.tell("ok", translate("Sync", "Everything is exchanged."))
        elif not online:
            words = translate(
                "Sync",
                "Selling goes on until the lease ends or the float is used. Nothing is lost.",
            )
            head = translate("Sync", "Offline is normal.")
            self.banner.tell("off", head, words, icon="info")
        self.banner.setVisible(bool(state.failure) or state.done or not online)

    def _show_care(self, status: TillStatus) -> None:
        """The disk and the backups, while one of them wants a person."""
        told = trouble_words(status, self._till.site)
        if told is not None:
            self.care.tell(*told)
        self.care.setVisible(told is not None)

    def _show_parts(self, status: TillStatus) -> None:
        site, now = self._till.site, self._till.clock.now()
        words = chips(status, site, now)
        keys = ", ".join(f"SGC {k.sgc} · KRN {k.krn}" for k in status.module.keys[:2])
        identity = " · ".join(part for part in (status.module.module_id, keys) if part)
        until = ""
        if status.lease_until is not None:
            until = translate("Sync", "until {day}").format(
                day=long_day(site.local(status.lease_until).date())
            )
        left = amount_text(status.float_left_minor, site.currency)
        authorised = money_text(status.float_authorised_minor, site.currency)
        of = translate("Sync", "of {amount} authorised in all").format(amount=authorised)
        short = {
            "module": {"ok": translate("Sync", "Ready"), "busy": translate("Sync", "Asking")},
            "printer": {"ok": translate("Sync", "Ready")},
            "clock": {"ok": translate("Sync", "Trusted")},
        }

        def word(name: str) -> str:
            chip = words[name]
            return short.get(name, {}).get(chip.state, chip.short)

        lines = [
            Line(
                translate("Sync", "Security module"),
                word("module"),
                identity,
                state=words["module"].state,
            ),
            Line(translate("Sync", "Float"), left, of),
            Line(
                translate("Sync", "Printer"),
                word("printer"),
                translate("Sync", "Slips waiting: {n}").format(n=status.printer.waiting),
                state=words["printer"].state,
            ),
            Line(translate("Sync", "Clock"), word("clock"), state=words["clock"].state),
            backup_line(status, site),
        ]
        if until:
            days = max(0, (status.lease_until - now).days) if status.lease_until else 0
            chip = translate("Sync", "Days left: {n}").format(n=days)
            lines.insert(
                1, Line(translate("Sync", "Lease"), chip, until, state="ok" if days else "warn")
            )
        self._parts.show_lines(tuple(lines))

    def set_compact(self, compact: bool) -> None:
        """Widths for a window below or above 1280."""
        self._compact = compact
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
        self.slip.set_compact(compact)
        relayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.window().width() < theme.COMPACT_BELOW
        if compact != self._compact:
            self.set_compact(compact)
