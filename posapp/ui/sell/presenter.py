"""Decides everything on the sell page: find, quote, freeze, tender, sell, show. No Qt.

The page renders `SellState` and forwards keys; work goes to lanes through a Runner. Two rules
live here and nowhere else: a fresh press at least 300 ms after the quote froze sells, and no
press sells twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from posapp.domain.energy import parse_units
from posapp.domain.module_state import ModuleState
from posapp.domain.money import parse_amount
from posapp.domain.operator import Operator
from posapp.domain.sale import TenderKind
from posapp.errors import InputError, PosError, SaleError
from posapp.lanes import Lane, Urgency
from posapp.ui.running import Runner
from posapp.ui.sell import idle, open_sales, payment
from posapp.ui.sell.key_desk import KeyDesk
from posapp.ui.sell.paper_desk import PaperDesk
from posapp.ui.sell.state import Phase, SellState

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, ModuleStatus, SaleRecord
    from posapp.pricing.quote import Quote
    from posapp.services.find import FindResult
    from posapp.services.quote import SaleContext
    from posapp.services.recover import Recovery
    from posapp.services.sell import Sold
    from posapp.services.till import Till

COMMIT_DWELL_MS = 300
RECENT = 7
QUOTE_FRESH = timedelta(minutes=4)  # older prices are read again before the quote freezes
_AWAY = frozenset({"MODULE_ABSENT", "PORT_AMBIGUOUS", "PORT_BUSY", "PORT_DENIED", "PORT_MISSING"})


class SellPresenter:
    """One sale after another for the person who is signed in."""

    def __init__(self, till: Till, tasks: Runner, changed: Callable[[SellState], None]) -> None:
        self.till = till
        self.tasks = tasks
        self._changed = changed
        self._unit = till.site.currency
        self.operator: Operator | None = None
        self._frozen_ms = 0
        self.asked_at = till.clock.now()
        self._enter_waits = False
        self._module: ModuleStatus | None = None
        self.state = SellState()
        self.keys = KeyDesk(self)
        self.papers = PaperDesk(self)

    # ------------------------------------------------------------ coming and going

    def start(self, operator: Operator) -> None:
        """A person signed in: an empty page, and finish what was left open."""
        self.operator = operator
        self.show(SellState(recovery=self.state.recovery, failure=self._lasting()))
        self._read_idle()
        self.recover()

    def recover(self) -> None:
        """Ask the module for every sale whose outcome is open."""
        self.tasks.run(
            Lane.SALE, self.till.recover, self._recovered, self.fail, urgency=Urgency.SALE
        )

    def _recovered(self, recovery: Recovery) -> None:
        self._learn((*recovery.resolved, *recovery.unresolved))
        self.look_at_open_sales()  # the till may have been faster than this page

    def look_at_open_sales(self) -> None:
        """How the sales that are told as open stand now, whoever asked the module."""
        recovery = self.state.recovery
        if recovery is None or not recovery.unresolved:
            return
        ids = tuple(record.intent.sale_id for record in recovery.unresolved)
        store = self.till.store
        self.tasks.run(
            Lane.LOOKUP,
            lambda: store.read(lambda reader: open_sales.of_ids(reader, ids)),
            self._learn,
            self.fail,
            key="open",
        )

    def _learn(self, records: tuple[SaleRecord, ...]) -> None:
        before, failure = self.state.recovery, self.state.failure
        recovery = open_sales.learned(before, records)
        if recovery is None or recovery == before:
            return
        if open_sales.tells_of(failure, records):
            failure = None  # from here on the banner follows the sale itself
        self.show(replace(self.state, recovery=recovery, failure=failure))
        if len(recovery.resolved) > len(before.resolved if before else ()):
            self._read_idle()

    def dismiss(self) -> None:
        """The person read the banner."""
        if self.state.failure is not None:
            self.show(replace(self.state, failure=None))
        else:
            self.show(replace(self.state, recovery=open_sales.read(self.state.recovery)))

    def _read_idle(self) -> None:
        till = self.till

        def read() -> idle.Idle:
            names = () if self.state.tariffs else till.store.read(idle.tariff_names)
            last = idle.last_seen(till)
            return idle.Idle(till.find.recent(RECENT), last, names)

        self.tasks.run(Lane.LOOKUP, read, self._idle_read, self.fail, key="idle")

    def _idle_read(self, answer: idle.Idle) -> None:
        tariffs = answer.tariffs or self.state.tariffs
        self.show(replace(self.state, recent=answer.recent, last=answer.last, tariffs=tariffs))

    def _kept(self) -> SellState:
        """An empty page that still knows what every page knows."""
        state = self.state
        return SellState(
            recent=state.recent,
            last=state.last,
            tariffs=state.tariffs,
            recovery=state.recovery,
            failure=self._lasting(),
        )

    def _lasting(self) -> PosError | None:
        failure = self.state.failure
        return failure if open_sales.is_not_known(failure) else None

    # ------------------------------------------------------------ find

    def type_query(self, text: str) -> None:
        """The text of the omnibox changed."""
        self._enter_waits = False
        if not text.strip():
            self._back_from_search()
            return
        result = self.state.result if self.state.phase is Phase.SEARCH else None
        state = replace(self.state, phase=Phase.SEARCH, query=text, searching=True, result=result)
        self.show(replace(state, failure=self._lasting()))
        self.tasks.run(
            Lane.LOOKUP, lambda: self.till.find(text), self._found, self.fail, key="find"
        )

    def scan(self, text: str) -> None:
        """A scanner sent a whole number: from any moment it starts a new search."""
        if self.state.phase is Phase.SELLING:
            return
        self.new_search()
        self.type_query(text)
        if self.state.phase is Phase.SEARCH:
            self._enter_waits = True
            if not self.state.searching:
                self._take_waiting_enter()

    def _found(self, result: FindResult) -> None:
        if self.state.phase is not Phase.SEARCH or result.text != self.state.query.strip()[:80]:
            return
        self.show(replace(self.state, result=result, searching=False, selected=0))
        if result.complete and result.hits:
            self.choose(result.hits[0])
        elif self._enter_waits:
            self._take_waiting_enter()

    def _take_waiting_enter(self) -> None:
        self._enter_waits = False
        hits = self.state.result.hits if self.state.result else ()
        if len(hits) == 1:
            self.choose(hits[0])

    def move(self, step: int) -> None:
        """Up or down in the list that is shown."""
        state = self.state
        if state.phase is Phase.SEARCH and state.result and state.result.hits:
            last = len(state.result.hits) - 1
            self.show(replace(state, selected=max(0, min(last, state.selected + step))))
        elif state.phase is Phase.SOLD and state.sold is not None:
            last = len(state.sold.record.tokens) - 1
            self.show(replace(state, token_at=max(0, min(last, state.token_at + step))))
        elif state.phase is Phase.IDLE and state.recent:
            last = len(state.recent) - 1
            self.show(replace(state, recent_at=max(-1, min(last, state.recent_at + step))))

    def pick(self, row: int) -> None:
        """A row was clicked or tapped."""
        state = self.state
        hits = (
            state.recent if state.phase is Phase.IDLE else state.result.hits if state.result else ()
        )
        if 0 <= row < len(hits):
            self.choose(hits[row])

    def choose(self, found: FoundMeter) -> None:
        number = found.meter.number
        self.tasks.run(
            Lane.LOOKUP,
            lambda: self.till.prepare_sale(number),
            self._prepared,
            self.fail,
            key="prepare",
        )

    def _prepared(self, context: SaleContext) -> None:
        if self.state.phase in (Phase.TENDER, Phase.SELLING):
            return
        self.show(
            replace(
                self._kept(),
                phase=Phase.QUOTE,
                query=context.found.meter.number.digits,
                context=context,
                problem=context.problem,
                failure=None,
            )
        )

    # ------------------------------------------------------------ quote

    def type_amount(self, text: str) -> None:
        """The amount changed: price it at once."""
        if self.state.phase is Phase.QUOTE:
            self._price(replace(self.state, entry=text, failure=None))

    def refuse_letters(self, text: str) -> None:
        """Something that is no number was typed into an amount.

        What stands there may not be what was meant, so it is no quote until the next digit.
        """
        quote = None if self.state.phase is Phase.QUOTE else self.state.quote
        problem = InputError("AMOUNT_LETTERS", text=text)
        self.show(replace(self.state, quote=quote, problem=problem))

    def toggle_units(self) -> None:
        """Money or kWh."""
        if self.state.phase is Phase.QUOTE:
            self._price(replace(self.state, in_units=not self.state.in_units, entry=""))

    def preset(self, amount_minor: int) -> None:
        """A sum that people carry."""
        if self.state.phase is Phase.QUOTE:
            self._price(replace(self.state, in_units=False, entry=self._entry(amount_minor)))
        elif self.state.phase is Phase.TENDER:
            self.type_received(self._entry(amount_minor))

    def same_as_last(self) -> None:
        """The customer buys for what they bought last."""
        context = self.state.context
        last = context.found.last_sale if context else None
        if last is not None:
            self.preset(last.amount_minor)

    def _entry(self, amount_minor: int) -> str:
        whole, part = divmod(amount_minor, self._unit.scale)
        return f"{whole}.{part:0{self._unit.minor_digits}d}" if part else str(whole)

    def _price(self, state: SellState) -> None:
        self.show(self._priced(state))

    def _priced(self, state: SellState) -> SellState:
        quote: Quote | None = None
        problem: PosError | None = None
        context = state.context
        if context is not None and context.problem is not None:
            problem = context.problem
        elif context is not None and state.entry.strip("0.,"):
            try:
                if state.in_units:
                    quote = context.by_units(parse_units(state.entry), cash=state.in_coins)
                else:
                    quote = context.by_money(parse_amount(state.entry, self._unit))
            except PosError as error:
                problem = error
        return replace(state, quote=quote, problem=problem)

    # ------------------------------------------------------------ tender

    def see_module(self, status: ModuleStatus) -> None:
        """The window's poll: a module that holds sells nothing until somebody has acted; what was
        said of one that held or was away is over when it is ready.
        """
        before, self._module = self._module, status
        failure = self.state.failure
        if before is None or failure is None:
            return
        held = before.state.holds and failure.code == before.sentence
        away = before.state is not ModuleState.READY and failure.code in _AWAY
        if (held and not status.state.holds) or (away and status.state is ModuleState.READY):
            self.show(replace(self.state, failure=None))

    def freeze(self) -> None:
        """Enter on the amount: the quote is fixed, payment begins."""
        state = self.state
        if state.quote is None or state.context is None:
            return
        if self._module is not None and self._module.state.holds:
            # Before the customer's money is on the counter, not after.
            self.show(replace(state, failure=SaleError(self._module.sentence)))
            return
        if self.till.clock.now() - state.context.prepared_at > QUOTE_FRESH:
            self._prepare_again()
            return
        self._frozen_ms = self.till.clock.monotonic_ms()
        self.show(
            replace(
                state,
                phase=Phase.TENDER,
                tender=TenderKind.CASH,
                received="",
                reference="",
                parts=(),
                guard="",
                problem=None,
                failure=None,
            )
        )

    def pay_with(self, kind: TenderKind) -> None:
        """Cash, mobile money, card or account."""
        if self.state.phase is Phase.TENDER:
            state = replace(self.state, tender=kind, guard="", problem=None)
            if not state.parts:  # coins may make it another sum; what was kept fixes it
                state = self._priced(state)
            self.show(state if state.quote else replace(state, phase=Phase.QUOTE))

    def next_tender(self) -> None:
        """F8: the next way to pay."""
        self.pay_with(TenderKind((self.state.tender + 1) % len(TenderKind)))

    def type_received(self, text: str) -> None:
        """What the customer handed over; nothing typed means exactly what is due."""
        if self.state.phase is Phase.TENDER:
            self.show(replace(self.state, received=text, guard="", problem=None))

    def type_reference(self, text: str) -> None:
        """The number of a payment that is not cash."""
        if self.state.phase is Phase.TENDER:
            self.show(replace(self.state, reference=text, guard="", problem=None))

    def received_minor(self) -> int:
        """What counts as received, in minor units, with the parts before it."""
        kept = sum(part.received_minor for part in self.state.parts)
        return kept + payment.received_minor(self.state, self._unit)

    def missing_minor(self) -> int:
        """How much is still to be handed over; 0 when it is enough."""
        return payment.missing_minor(self.state, self._unit)

    def makes_a_part(self) -> bool:
        """Whether Enter keeps what is typed as one part of the payment."""
        return self.state.phase is Phase.TENDER and payment.makes_a_part(self.state, self._unit)

    def ready_to_sell(self) -> bool:
        """Whether a press would sell, apart from the dwell."""
        state = self.state
        paid = not self.missing_minor() and payment.has_reference(state)
        return state.phase is Phase.TENDER and paid

    def exact_and_sell(self) -> None:
        """`+`: exact cash, and on, unless coins make it another sum than was shown; a meter asked
        about its key change took it.
        """
        if self.state.asks_about_key:
            self.keys.answer(took=True)
            return
        shown = self.state.due_minor
        if self.state.tender is not TenderKind.CASH:
            self.pay_with(TenderKind.CASH)
        if self.state.phase is Phase.TENDER and self.state.due_minor == shown:
            self.show(replace(self.state, received=""))
            self.sell()

    def sell(self) -> None:
        """A fresh press on the payment. Ignored while the quote is younger than 300 ms."""
        clock = self.till.clock
        if clock.monotonic_ms() - self._frozen_ms < COMMIT_DWELL_MS:
            return
        if self.makes_a_part():
            self.show(payment.keep_part(self.state, self._unit))
            return
        if not self.ready_to_sell():
            return
        state = self.state
        question = "" if state.guard else payment.doubt(state, clock.now())
        if question:
            self._frozen_ms = clock.monotonic_ms()
            self.show(replace(state, guard=question, failure=None))
            return
        tenders = payment.all_tenders(state, self._unit)
        context, quote, operator = state.context, state.quote, self.operator
        assert context is not None and quote is not None and operator is not None
        self.asked_at = clock.now()
        self.show(replace(state, phase=Phase.SELLING, failure=None))
        self.tasks.run(
            Lane.SALE,
            lambda: self.till.sell(context, quote, tenders, operator.operator_id),
            self.sold,
            self._not_sold,
            urgency=Urgency.SALE,
        )

    # ------------------------------------------------------------ outcome

    def sold(self, sold: Sold) -> None:
        self.show(
            replace(
                self.state,
                phase=Phase.SOLD,
                sold=sold,
                token_at=0,
                query="",
                result=None,
                guard="",
                jobs=(),
            )
        )
        sale_id = sold.record.intent.sale_id
        self.tasks.run(Lane.SALE, lambda: self.till.sell.revealed(sale_id), _nothing, self.fail)
        self.papers.look()
        self._read_idle()

    def _not_sold(self, error: PosError) -> None:
        if not open_sales.surely_not_sold(error):
            self._interrupted(error)
            return
        self._frozen_ms = self.till.clock.monotonic_ms()
        if error.code in ("QUOTE_EXPIRED", "QUOTE_CHANGED"):
            self.show(replace(self.state, phase=Phase.QUOTE, failure=error))
            self._prepare_again()
            return
        self.show(replace(self.state, phase=Phase.TENDER, failure=error, guard=""))
        if error.code == "OPEN_SALE_FINISHED":
            self._prepare_again()
            self._read_idle()
            receipt, store = error.params.get("receipt"), self.till.store
            self.tasks.run(
                Lane.LOOKUP,
                lambda: store.read(lambda reader: open_sales.of_receipt(reader, receipt)),
                self._learn,
                self.fail,
            )

    def _interrupted(self, error: PosError) -> None:
        """Nobody knows whether a token was made: leave the payment and find the sale."""
        context = self.state.context
        assert context is not None
        meter, since = context.found.meter.number.digits, self.asked_at
        told = open_sales.not_known(error, meter, self.state.due_minor)
        self.show(replace(self._kept(), failure=told))
        self._read_idle()

        def found(record: SaleRecord | None) -> None:
            if record is not None:
                if self.state.failure is told:
                    self.show(replace(self.state, failure=None))
                self._learn((record,))
            self.recover()

        def failed(trouble: PosError) -> None:
            self.fail(trouble)
            self.recover()

        store = self.till.store
        self.tasks.run(
            Lane.LOOKUP,
            lambda: store.read(lambda reader: open_sales.interrupted(reader, told, since)),
            found,
            failed,
        )

    def _prepare_again(self) -> None:
        """Prices, month and float are read again; a payment stays where its quote still stands."""
        context = self.state.context
        assert context is not None
        number = context.found.meter.number

        def priced(fresh: SaleContext) -> None:
            state = self._priced(replace(self.state, context=fresh))
            if state.phase not in (Phase.QUOTE, Phase.TENDER) or self.state.context is not context:
                return
            paying = state.phase is Phase.TENDER and state.quote is not None
            self._frozen_ms = self.till.clock.monotonic_ms()
            self.show(replace(state, phase=Phase.TENDER if paying else Phase.QUOTE))

        self.tasks.run(
            Lane.LOOKUP, lambda: self.till.prepare_sale(number), priced, self.fail, key="prepare"
        )

    # ------------------------------------------------------------ keys

    def enter(self) -> None:
        """The next step of the moment."""
        phase = self.state.phase
        if phase is Phase.IDLE:
            if self.state.recent_at >= 0:
                self.pick(self.state.recent_at)
        elif phase is Phase.SEARCH:
            if self.state.searching:
                self._enter_waits = True
            elif self.state.result and self.state.result.hits:
                self.pick(self.state.selected)
        elif phase is Phase.QUOTE:
            if not self.keys.change():
                self.freeze()
        elif phase is Phase.TENDER:
            self.sell()
        elif phase is Phase.SOLD:
            self.new_search()

    def escape(self) -> None:
        """One step back, without side effects."""
        phase = self.state.phase
        if phase is Phase.TENDER and self.state.parts:
            self.show(payment.give_back(self.state))
        elif phase is Phase.TENDER:
            self._price(replace(self.state, phase=Phase.QUOTE, failure=None, guard=""))
        elif phase is Phase.SEARCH:
            self._back_from_search()
        elif phase in (Phase.QUOTE, Phase.SOLD):
            self.new_search()
        elif phase is Phase.IDLE:
            self.show(replace(self.state, recent_at=-1, failure=None))

    def new_search(self) -> None:
        """F2: the next customer. Never while the module is asked."""
        if self.state.phase is Phase.SELLING:
            return
        self.show(self._kept())
        self._read_idle()

    def show_recent(self) -> None:
        """F3: the list of recent customers, its first row chosen."""
        if self.state.phase in (Phase.IDLE, Phase.SEARCH, Phase.SOLD):
            self.new_search()
            if self.state.recent:
                self.show(replace(self.state, recent_at=0))

    def _back_from_search(self) -> None:
        phase = Phase.SOLD if self.state.sold is not None else Phase.IDLE
        self.show(
            replace(self.state, phase=phase, query="", result=None, searching=False, selected=0)
        )

    # ------------------------------------------------------------ state

    def fail(self, error: PosError) -> None:
        self.show(replace(self.state, failure=self._lasting() or error, searching=False))

    def show(self, state: SellState) -> None:
        """Show a state as it is."""
        self.state = state
        self._changed(state)


def _nothing(_: object) -> None:
    return None
