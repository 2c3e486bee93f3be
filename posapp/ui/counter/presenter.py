"""One piece of counter work: what it is about is looked up, shown, signed and done. No Qt.

The second person's PIN is here only until it is handed on; whatever is typed anew takes the
signature back, because it was for something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from posapp.domain.energy import parse_units
from posapp.domain.ids import ReceiptNumber
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration, MeterNumber
from posapp.domain.money import parse_amount
from posapp.domain.operator import Operator
from posapp.domain.sale import OPEN_STATES, SaleState, Tender, TenderKind
from posapp.errors import InputError, PosError
from posapp.lanes import Lane, Urgency
from posapp.services.override import Consent
from posapp.services.request_refund import Claim
from posapp.services.take_payment import Due, Purpose
from posapp.services.two_people import Witness
from posapp.ui.counter.state import CounterState, Done, Field, Job, Seen
from posapp.ui.running import Runner

if TYPE_CHECKING:
    from posapp.ports import FoundMeter, Reader, SaleRecord
    from posapp.services.till import Till

VOIDABLE = (*OPEN_STATES, SaleState.ISSUED)
# What stays when another job is chosen: it is about the same customer or the same slip.
KEPT = (Field.METER, Field.RECEIPT)


class CounterPresenter:
    """One job after another."""

    def __init__(self, till: Till, tasks: Runner, changed: Callable[[CounterState], None]) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._pin = ""
        self.state = CounterState()

    def start(self, operator: Operator, found: FoundMeter | None = None) -> None:
        """The page was opened by somebody, maybe with a customer; what another began is gone."""
        self._pin = ""
        fresh = CounterState(operator=operator, people=self.state.people)
        typed = {Field.METER: found.meter.number.grouped} if found is not None else {}
        job = fresh.jobs[0] if fresh.jobs else fresh.job
        self._set(replace(fresh, job=job, typed=typed))
        self._tasks.run(
            Lane.LOOKUP, self._till.sign_in.people, self._people, self._fail, key="counter.people"
        )
        self._look()

    def _people(self, people: tuple[Operator, ...]) -> None:
        self._set(replace(self.state, people=people))

    def choose(self, job: Job) -> None:
        """Other work, for the same customer; the last sale is offered to be taken back."""
        if job not in self.state.jobs or self.state.busy:
            return
        kept = {name: text for name, text in self.state.typed.items() if name in KEPT}
        self._changed_to(job=job, typed=kept, done=None, second=-1, seen=None)
        if job is Job.VOID and not self.state.text(Field.RECEIPT):
            self._tasks.run(
                Lane.LOOKUP,
                lambda: self._till.store.read(lambda reader: reader.last_sale()),
                self._offer_last,
                self._fail,
                key="counter.last",
            )
        self._look()

    def _offer_last(self, record: SaleRecord | None) -> None:
        """The sale just made, while nobody has seen what came of it."""
        state = self.state
        if state.job is not Job.VOID or state.text(Field.RECEIPT) or record is None:
            return
        if record.state in VOIDABLE:
            receipt = ReceiptNumber(self._till.site.till_code, record.intent.receipt)
            self.type_text(Field.RECEIPT, str(receipt))

    def type_text(self, name: Field, text: str) -> None:
        """What stands in a field now; the signature was for something else."""
        state = self.state
        if state.busy or state.typed.get(name, "") == text:
            return
        typed = {**state.typed, name: text}
        seen = None if name in state.ask.look else state.seen
        self._changed_to(typed=typed, seen=seen, done=None)
        if name in state.ask.look:
            self._look()

    def choose_second(self, place: int) -> None:
        """Who stands by."""
        if 0 <= place < len(self.state.seconds) and not self.state.busy:
            self._changed_to(second=place)

    def type_pin(self, pin: str) -> None:
        """The second person's PIN so far; only its length is shown."""
        if not self.state.busy:
            self._pin = pin
            self._set(replace(self.state, pin_length=len(pin), failure=None))

    def back(self) -> None:
        """Everything typed is gone; what was made last too."""
        if not self.state.busy and self.state.operator is not None:
            job = self.state.job
            self.start(self.state.operator)
            self.choose(job)

    # ------------------------------------------------------------ what it is about

    def _look(self, *, aloud: bool = False) -> None:
        """Look up what the fields name, once they are whole; `aloud` says what is wrong."""
        state = self.state
        if not state.jobs or any(not state.text(name) for name in state.ask.look):
            return
        try:
            look = self._looker(state)
        except PosError as error:
            if aloud:
                self._fail(error)
            return

        def found(seen: Seen) -> None:
            if self.state.subject == state.subject:
                self._changed_to(seen=seen)  # nobody signs before it is shown

        def missed(error: PosError) -> None:
            if self.state.subject == state.subject:
                self._fail(error)

        self._tasks.run(Lane.LOOKUP, look, found, missed, key="counter.look")

    def _looker(self, state: CounterState) -> Callable[[], Seen]:
        """The question for the store. Raises InputError for what is no number."""
        store = self._till.store
        if state.job in (Job.VOID, Job.REFUND):
            receipt = ReceiptNumber.parse(state.text(Field.RECEIPT))
            return lambda: store.read(lambda reader: _earlier(reader, receipt))
        number = MeterNumber.parse(state.text(Field.METER))
        if state.job is not Job.UNKNOWN_METER:
            return lambda: store.read(lambda reader: _known(reader, number))
        configuration = _configuration(state)
        amount, tariff = self._money(Field.AMOUNT), state.text(Field.TARIFF)
        prepare = self._till.desk.sell_signed.prepare_unknown

        def price() -> Seen:
            context = prepare(number, configuration, tariff)
            return Seen(context=context, quote=context.by_money(amount))

        return price

    # ------------------------------------------------------------ doing it

    def enter(self) -> None:
        """Do it once nothing is missing."""
        state = self.state
        if state.busy or state.done is not None or not state.jobs:
            return
        if state.missing == "look":
            self._look(aloud=True)
        if self.state.missing:
            return
        try:
            work = self._work(self.state)
        except PosError as error:
            self._fail(error)
            return
        self._pin = ""
        self._set(replace(self.state, busy=True, failure=None, pin_length=0))
        self._tasks.run(Lane.SALE, work, self._made, self._fail, urgency=Urgency.SALE)

    def _work(self, state: CounterState) -> Callable[[], Done]:
        """The call that does it. Raises InputError for what cannot be meant."""
        assert state.operator is not None and state.seen is not None
        job, first, seen = state.job, state.operator.operator_id, state.seen
        second = state.second_person
        witness = Witness(second.operator_id, self._pin) if second else None
        consent = Consent(state.text(Field.REASON), witness=witness)
        desk = self._till.desk
        if job is Job.VOID:
            record = seen.record
            assert record is not None
            sale_id = record.intent.sale_id
            return lambda: Done(job, record=desk.void(sale_id, first, consent))
        if job is Job.REFUND:
            return self._refund(state, seen, first, consent)
        if job is Job.REPLACEMENT:
            number = MeterNumber.parse(state.text(Field.METER))
            old = MeterNumber.parse(state.text(Field.OLD_METER))
            units, proof = parse_units(state.text(Field.UNITS)), state.text(Field.EVIDENCE)
            replaced = desk.give_credit.replacement
            return lambda: Done(job, replaced(number, old, units, proof, first, consent))
        if job is Job.UNKNOWN_METER:
            context, quote = seen.context, seen.quote
            assert context is not None and quote is not None
            cash = self._cash(quote.amount_minor)
            sell = desk.sell_signed.to_unknown
            return lambda: Done(job, sell(context, quote, cash, first, consent))
        return self._payment(state, first)

    def _payment(self, state: CounterState, first: int) -> Callable[[], Done]:
        job, take = state.job, self._till.desk.take_payment
        number = MeterNumber.parse(state.text(Field.METER))
        due = Due(Purpose(job.value), self._money(Field.AMOUNT))
        cash, reference = self._cash(due.amount_minor), state.text(Field.REFERENCE)
        return lambda: Done(job, take(number, (due,), cash, first, reference))

    def _refund(
        self, state: CounterState, seen: Seen, first: int, consent: Consent
    ) -> Callable[[], Done]:
        record, ask_back = seen.record, self._till.desk.request_refund
        assert record is not None
        right = state.text(Field.RIGHT_METER)
        claim = Claim(
            record.intent.sale_id,
            self._money(Field.AMOUNT),
            state.text(Field.EVIDENCE),
            MeterNumber.parse(right) if right else None,
        )

        def ask() -> Done:
            ask_back(claim, first, consent)
            return Done(Job.REFUND, record=record)

        return ask

    def _money(self, name: Field) -> int:
        return parse_amount(self.state.text(name), self._till.site.currency)

    def _cash(self, due_minor: int) -> tuple[Tender, ...]:
        """What was handed over; an empty field means exactly what is due."""
        received = due_minor
        if self.state.text(Field.RECEIVED):
            received = self._money(Field.RECEIVED)
        return (Tender(TenderKind.CASH, received),)

    def _made(self, done: Done) -> None:
        self._set(replace(self.state, busy=False, done=done))
        if done.sold is not None and done.sold.record.tokens:
            sale_id = done.sold.record.intent.sale_id
            self._tasks.run(
                Lane.SALE, lambda: self._till.sell.revealed(sale_id), lambda _: None, self._fail
            )

    def _changed_to(self, **changes: object) -> None:
        self._pin = ""
        self._set(replace(self.state, pin_length=0, failure=None, **changes))  # type: ignore[arg-type]

    def _fail(self, error: PosError) -> None:
        self._pin = ""
        self._set(replace(self.state, busy=False, failure=error, pin_length=0))

    def _set(self, state: CounterState) -> None:
        self.state = state
        self._changed(state)


def _known(reader: Reader, number: MeterNumber) -> Seen:
    found = reader.meter(number)
    if found is None:
        raise InputError("METER_NOT_FOUND", number=number.digits)
    return Seen(found=found)


def _earlier(reader: Reader, receipt: ReceiptNumber) -> Seen:
    record = None
    if reader.site().till_code == receipt.till_code:
        record = reader.sale_by_receipt(receipt.number)
    if record is None:
        raise InputError("RECEIPT_NOT_FOUND")
    return Seen(record=record, found=reader.meter(MeterNumber(record.intent.meter)))


def _configuration(state: CounterState) -> MeterConfiguration:
    """As it stands on the meter's label. Raises InputError METER_CONFIGURATION."""
    texts = [state.text(name) for name in (Field.EA, Field.KRN, Field.BASE_DATE)]
    sgc, ti = state.text(Field.SGC), state.text(Field.TI)
    if not all(text.isascii() and text.isdigit() for text in texts):
        raise InputError("METER_CONFIGURATION", sgc=sgc, krn=texts[1], ti=ti)
    ea, krn, year = (int(text[:4]) for text in texts)
    if ea not in tuple(EncryptionAlgorithm):
        raise InputError("METER_CONFIGURATION", sgc=sgc, krn=krn, ti=ti)
    return MeterConfiguration(EncryptionAlgorithm(ea), sgc, krn, ti, year)
