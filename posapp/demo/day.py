"""The scripted day: a clerk sells, things go wrong on purpose, the shift is closed.

It uses the same services as the window. What it did is in `Day`; `checks` says whether it was
right.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date

from posapp.bootstrap.backups import backup
from posapp.demo.special import DROP_MINOR, Special, sell_specials
from posapp.demo.stage import Stage
from posapp.demo.town import CLERK, Person, TownMeter
from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.sale import SOLD_STATES, Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.errors import ModuleError, PosError, SaleError
from posapp.lanes import Lane, Urgency
from posapp.ports import BackupMade, LinkState, ModuleState, SaleRecord, SyncStatus
from posapp.services.sell import Sold
from posapp.services.shift import ClosedShift
from posapp.services.slips import waiting_slips
from posapp.services.till import Till

SALES = 44
AMOUNTS = (15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000, 200_000)
OPENING_MINOR = 200_000
SHORT_MINOR = 5_000  # a note stuck in the drawer: the count is short by this
NOTES = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 100)
PAPER_OUT_AT, PAPER_BACK_AT = 8, 12
LINE_LOST_AT, LINE_BACK_AT = 16, 24
MODULE_KILLED_AT = 30
REPRINTED_AT = 33
CABLE_PULLED_AT = 37
SPECIAL_AFTER = 27
SETTLED_WITHIN_S = 30.0
QUEUED_S = 0.05  # from the durable intent to the request in the module's lane


@dataclass
class Interrupted:
    """A sale that something came between: how it ended, and what the screen said meanwhile.

    `outcome` is "sold" or the code the clerk saw; `recovered` is the sale once it was finished;
    `said` are the module's sentence and action, by their codes, until all was well again.
    """

    outcome: str = ""
    recovered: SaleRecord | None = None
    said: list[tuple[str, str]] = field(default_factory=list)

    @property
    def sold_once(self) -> bool:
        """Whether the customer has what was paid for."""
        recovered = self.recovered is not None and self.recovered.state in SOLD_STATES
        return self.outcome == "sold" or recovered


@dataclass
class Day:
    """What happened, for the checks and the summary."""

    business_date: date
    sold: list[Sold] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    waiting_without_paper: int = 0
    offline: SyncStatus | None = None
    killed: Interrupted = field(default_factory=Interrupted)
    pulled: Interrupted = field(default_factory=Interrupted)
    copies: int = 0
    special: Special | None = None
    dropped_minor: int = 0
    backup: BackupMade | None = None
    closed: ClosedShift | None = None
    online: SyncStatus | None = None


class Script:
    """Plays the day. One object, one day."""

    def __init__(self, stage: Stage, till: Till, seed: int) -> None:
        self._stage = stage
        self._till = till
        self._chance = random.Random(seed)
        self._clerk: Operator | None = None
        self.day = Day(till.site.business_date(till.clock.now()))

    def play(self, before_closing: Callable[[], None]) -> Day:
        """The whole day; about 10 s. `before_closing` is called while the shift is still open.

        Raises PosError when the town itself does not work.
        """
        self._begin()
        meters = self._customers()
        for number in range(1, SALES + 1):
            self._before(number)
            meter = meters[number % len(meters)]
            if number == MODULE_KILLED_AT:
                self._sell_through_a_killed_module(meter)
            elif number == CABLE_PULLED_AT:
                self._sell_with_the_cable_pulled(meter)
            else:
                self._sell(meter, self._tender_kind(number))
            if number == SPECIAL_AFTER:
                self._specials()
            if number == REPRINTED_AT:
                self._settled()
                self._till.reprint(self.day.sold[-1].record.intent.sale_id)
                self.day.copies += 1
        self._settled()
        before_closing()
        self._end()
        return self.day

    def _begin(self) -> None:
        clerk = self._person(CLERK)
        self._refused("wrong PIN", lambda: self._till.sign_in(clerk.operator_id, "000000"))
        self._clerk = self._sign_in()
        self._till.open_shift(self._clerk, OPENING_MINOR)
        town = self._stage.town
        self._refused("old meter", lambda: self._quote_and_sell(town.old_meter, 50_000))
        self._refused("blocked meter", lambda: self._quote_and_sell(town.blocked_meter, 50_000))
        usual = self._customers()[0]
        self._refused("too little", lambda: self._quote_and_sell(usual, 1))
        self._refused("too much", lambda: self._quote_and_sell(usual, 10**9))

    def _person(self, wanted: Person) -> Operator:
        return next(p for p in self._till.sign_in.people() if p.name == wanted.name)

    def _sign_in(self) -> Operator:
        """The clerk, at the till and with that at the module."""
        return self._till.sign_in(self._person(CLERK).operator_id, CLERK.pin)

    def _refused(self, name: str, attempt: Callable[[], object]) -> None:
        try:
            attempt()
        except PosError as error:
            self.day.refusals[name] = error.code
        else:
            self.day.refusals[name] = ""

    def _customers(self) -> list[TownMeter]:
        """Twenty-five meters of all kinds; the first ones come back during the day."""
        usable = [m for m in self._stage.town.meters if m.base_date == 2014 and m.state == "active"]
        return usable[:25]

    def _before(self, number: int) -> None:
        if number == PAPER_OUT_AT:
            self._settled()
            self._stage.printer_control("paper out")
        if number == PAPER_BACK_AT:
            self.day.waiting_without_paper = self._unprinted()
            self._stage.printer_control("paper 50000")
        if number == LINE_LOST_AT:
            self._stage.office.kill()
        if number == LINE_BACK_AT:
            self.day.offline = self._talk()
            self._stage.office.start()

    def _tender_kind(self, number: int) -> TenderKind:
        if number % 5 == 0:
            return TenderKind.MOBILE
        return TenderKind.CARD if number % 17 == 0 else TenderKind.CASH

    def _sell(self, meter: TownMeter, kind: TenderKind) -> None:
        self.day.sold.append(self._quote_and_sell(meter, self._chance.choice(AMOUNTS), kind))
        self._till.sell.revealed(self.day.sold[-1].record.intent.sale_id)

    def _specials(self) -> None:
        assert self._clerk is not None
        self.day.special = sell_specials(self._stage, self._till, self._clerk)
        self.day.sold.extend(self.day.special.orders)
        self.day.dropped_minor = DROP_MINOR

    def _quote_and_sell(
        self, meter: TownMeter, amount_minor: int, kind: TenderKind = TenderKind.CASH
    ) -> Sold:
        assert self._clerk is not None
        context = self._till.prepare_sale(MeterNumber(meter.meter))
        quote = context.by_money(amount_minor)
        received = amount_minor if kind is not TenderKind.CASH else _handed_over(amount_minor)
        reference = "" if kind is TenderKind.CASH else f"QK{self._chance.randrange(10**8):08d}"
        tender, operator_id = Tender(kind, received, reference), self._clerk.operator_id
        return self._till.lanes.run(
            Lane.SALE, lambda: self._till.sell(context, quote, (tender,), operator_id), Urgency.SALE
        ).result()

    def _sell_through_a_killed_module(self, meter: TownMeter) -> None:
        """The module stands still with the request in its line, then loses its power.

        It comes back locked: it makes nothing, and says nothing of what it made, before a PIN.
        """
        happened = self.day.killed
        sale = self._sell_to_a_frozen_module(meter)
        self._stage.module.kill()
        self._settle(sale, happened)
        self._stage.module.start()
        _until(lambda: self._module_says(happened) is ModuleState.LOCKED)
        self._clerk = self._sign_in()
        self._recovered(happened)

    def _sell_with_the_cable_pulled(self, meter: TownMeter) -> None:
        """The module has the request and makes the token while nobody is there to hear of it."""
        happened = self.day.pulled
        sale = self._sell_to_a_frozen_module(meter)
        self._stage.pull_cable()
        self._stage.module.thaw()
        self._settle(sale, happened)
        _until(lambda: self._module_says(happened) is ModuleState.ABSENT)
        self._stage.plug_cable()
        self._recovered(happened)

    def _sell_to_a_frozen_module(self, meter: TownMeter) -> Future[Sold]:
        """A sale under way, its request somewhere on the line.

        The module lane is held until the request waits there too: a look in passing that a
        frozen module does not answer would be what breaks the line.
        """
        frozen, asked = threading.Event(), threading.Event()

        def stand_still() -> None:
            self._stage.module.freeze()
            frozen.set()
            asked.wait(SETTLED_WITHIN_S)

        lanes = self._till.lanes
        lanes.run(Lane.MODULE, stand_still, Urgency.SALE)
        frozen.wait(SETTLED_WITHIN_S)
        carried = self._stage.carried()
        sale = lanes.run(Lane.SALE, lambda: self._quote_and_sell(meter, 50_000), Urgency.SALE)
        _until(lambda: sale.done() or bool(self._open_sales()))
        time.sleep(QUEUED_S)
        asked.set()
        _until(lambda: sale.done() or self._stage.carried() > carried)
        return sale

    def _settle(self, sale: Future[Sold], happened: Interrupted) -> None:
        """What the clerk saw."""
        try:
            self.day.sold.append(sale.result(SETTLED_WITHIN_S))
            happened.outcome = "sold"
        except (SaleError, ModuleError) as error:
            happened.outcome = error.code
        self._module_says(happened)

    def _recovered(self, happened: Interrupted) -> None:
        """The caretaker finds the module again by itself and finishes the sale."""
        open_before = self._open_sales()
        _until(lambda: not self._open_sales())
        if open_before:
            sale_id = open_before[0].intent.sale_id
            happened.recovered = self._till.store.read(lambda reader: reader.sale(sale_id))
        _until(lambda: self._module_says(happened) is ModuleState.READY)

    def _module_says(self, happened: Interrupted) -> ModuleState:
        """The module's state as the strip shows it, noted when it is another than before."""
        status = self._till.status().module
        if happened.said[-1:] != [(status.sentence, status.action)]:
            happened.said.append((status.sentence, status.action))
        return status.state

    def _open_sales(self) -> tuple[SaleRecord, ...]:
        return self._till.store.read(lambda reader: reader.open_sales())

    def _unprinted(self) -> int:
        return self._till.store.read(waiting_slips)

    def _settled(self) -> None:
        """Until the printer has printed what there is."""
        _until(lambda: self._unprinted() == 0)

    def _talk(self) -> SyncStatus:
        return self._till.lanes.run(Lane.SYNC, self._till.sync_now).result(60)

    def _end(self) -> None:
        clerk = self._clerk
        assert clerk is not None
        self._settled()
        expected = self._till.close_shift.preview(CashCount(())).expected_minor
        count = _counted(expected - SHORT_MINOR)
        self._refused("no reason", lambda: self._till.close_shift(clerk, count, ""))
        self.day.closed = self._till.close_shift(clerk, count, "gave change twice")
        self._till.report.print_slip(self.day.business_date)
        self._settled()
        deadline = time.monotonic() + SETTLED_WITHIN_S
        status = self._talk()
        while (status.state, status.waiting) != (LinkState.ONLINE, 0):
            if time.monotonic() > deadline:
                break
            status = self._talk()
        self.day.online = self._talk()  # what the last words changed at head office comes down
        stick = self._stage.folder / "backups"
        stick.mkdir()
        self.day.backup = backup(self._stage.till_folder, stick)


def _handed_over(amount_minor: int) -> int:
    """The next whole thousand, as people pay."""
    return -(-amount_minor // 100_000) * 100_000


def _counted(total_minor: int) -> CashCount:
    pieces: list[tuple[int, int]] = []
    for face in NOTES:
        count, total_minor = divmod(total_minor, face)
        pieces.append((face, count))
    if total_minor:
        pieces.append((1, total_minor))
    return CashCount(tuple(pieces))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
