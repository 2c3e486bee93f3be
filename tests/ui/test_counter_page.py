"""Counter work beside the sale: what is looked up, who signs, what goes over the counter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ui_town import World, build_till

from posapp.domain.ids import ReceiptNumber
from posapp.domain.operator import Operator, Role
from posapp.domain.sale import SaleKind, SaleState
from posapp.lanes import InlineLanes, Urgency
from posapp.sts.meter import MeterResult
from posapp.ui.counter import words
from posapp.ui.counter.presenter import CounterPresenter
from posapp.ui.counter.state import Field, Job
from posapp.ui.running import Direct
from tests.services.counter import GRACE, KWAME, PIN
from tests.services.order_counter import an_order_counter, desk_of
from tests.services.tariff_counter import TariffCounter
from tests.stores import a_meter_number

METER = a_meter_number(2)
STRANGER = a_meter_number(777)
LABEL = {
    Field.METER: STRANGER.grouped,
    Field.EA: "07",
    Field.SGC: "201457",
    Field.KRN: "1",
    Field.TI: "01",
    Field.BASE_DATE: "2014",
    Field.TARIFF: "TEST",
    Field.AMOUNT: "230",
}


class Later(Direct):
    """Answers when it is told to, as lanes do."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def run(self, lane, work, then, failed, *, key="", urgency=Urgency.NORMAL) -> None:
        at_once = super().run
        self._waiting.append(lambda: at_once(lane, work, then, failed, key=key, urgency=urgency))

    def answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            run()


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        yield made


def a_till(counter: TariffCounter):
    return replace(
        build_till(World()),
        lanes=InlineLanes(),
        site=counter.store.read(lambda reader: reader.site()),
        store=counter.store,
        clock=counter.clock,
        sign_in=counter.sign_in,
        sell=counter.sell,
        desk=desk_of(counter),
    )


def at_work(
    counter: TariffCounter, job: Job, typed: dict[Field, str], operator: Operator = GRACE
) -> CounterPresenter:
    presenter = CounterPresenter(a_till(counter), Direct(), lambda _: None)
    presenter.start(operator)
    presenter.choose(job)
    for name, text in typed.items():
        presenter.type_text(name, text)
    return presenter


def signed(presenter: CounterPresenter) -> CounterPresenter:
    assert presenter.state.second_person == KWAME
    assert presenter.state.missing == "pin"
    presenter.enter()
    assert presenter.state.done is None
    presenter.type_pin(PIN)
    presenter.enter()
    return presenter


def last(counter: TariffCounter):
    return counter.store.read(lambda reader: reader.last_sale())


# ---------------------------------------------------------------- money without a token


@pytest.mark.parametrize("job", [Job.ACCOUNT, Job.RECONNECTION, Job.TAMPER_FEE])
def test_a_payment_of_the_found_customer_takes_money_and_gives_change(
    counter: TariffCounter, job: Job
):
    found = counter.store.read(lambda reader: reader.meter(METER))
    presenter = CounterPresenter(a_till(counter), Direct(), lambda _: None)
    presenter.start(GRACE, found)
    presenter.choose(job)
    assert presenter.state.text(Field.METER) == METER.grouped
    assert presenter.state.seen is not None and presenter.state.seen.found == found
    assert presenter.state.missing == "amount"
    presenter.type_text(Field.AMOUNT, "75")
    presenter.type_text(Field.RECEIVED, "100")
    presenter.type_text(Field.REFERENCE, "INV-7")
    presenter.enter()
    done = presenter.state.done
    assert done is not None and done.sold is not None, presenter.state.failure
    assert done.sold.change_minor == 2_500
    sale = done.sold.record.intent
    assert (sale.kind, sale.amount_minor) == (SaleKind.PAYMENT, 7_500)
    assert [line.code for line in sale.lines] == [job.value]
    assert "25.00" in words.done_words(presenter.state, a_till(counter).site)


def test_an_empty_field_for_cash_means_exactly_what_is_due(counter: TariffCounter):
    presenter = at_work(counter, Job.ACCOUNT, {Field.METER: METER.digits, Field.AMOUNT: "75"})
    presenter.enter()
    assert presenter.state.done is not None and presenter.state.done.sold is not None
    assert presenter.state.done.sold.change_minor == 0


def test_too_little_cash_and_a_meter_nobody_knows_take_nothing(counter: TariffCounter):
    little = {Field.METER: METER.digits, Field.AMOUNT: "75", Field.RECEIVED: "74"}
    presenter = at_work(counter, Job.ACCOUNT, little)
    presenter.enter()
    assert presenter.state.failure is not None and presenter.state.done is None
    presenter.type_text(Field.METER, STRANGER.digits)
    assert presenter.state.failure is not None
    assert presenter.state.failure.code == "METER_NOT_FOUND"
    assert presenter.state.missing == "look"
    presenter.enter()
    assert last(counter) is None


def test_half_a_number_is_no_error_until_somebody_goes_on(counter: TariffCounter):
    presenter = at_work(counter, Job.ACCOUNT, {Field.AMOUNT: "75", Field.METER: "4512"})
    assert presenter.state.failure is None
    presenter.enter()
    assert presenter.state.failure is not None
    assert presenter.state.failure.code == "METER_NUMBER_LENGTH"


# ---------------------------------------------------------------- taking back


def test_the_sale_just_made_is_offered_and_voided_while_nobody_saw_its_token(
    counter: TariffCounter,
):
    presenter = at_work(counter, Job.ACCOUNT, {})
    sold = counter.sale(1, 46_000)
    presenter.choose(Job.VOID)
    presenter.type_text(Field.REASON, "wrong customer")
    assert presenter.state.text(Field.RECEIPT) == str(sold.receipt)
    signed(presenter)
    done = presenter.state.done
    assert done is not None and done.record is not None, presenter.state.failure
    assert done.record.state is SaleState.CANCELLED
    assert "460.00" in words.done_words(presenter.state, a_till(counter).site)


def test_what_was_seen_is_not_offered_and_not_voided(counter: TariffCounter):
    sold = counter.sale(1, 46_000)
    counter.sell.revealed(sold.record.intent.sale_id)
    presenter = at_work(counter, Job.VOID, {Field.REASON: "wrong customer"})
    assert presenter.state.text(Field.RECEIPT) == ""
    presenter.type_text(Field.RECEIPT, str(sold.receipt))
    signed(presenter)
    assert presenter.state.failure is not None
    assert presenter.state.failure.code == "VOID_TOO_LATE"


@pytest.mark.parametrize("right", ["", a_meter_number(3).grouped])
def test_an_earlier_sale_is_asked_back_by_its_receipt_number(counter: TariffCounter, right: str):
    sold = counter.sale(1, 46_000)
    counter.sell.revealed(sold.record.intent.sale_id)
    claim = {
        Field.RECEIPT: str(sold.receipt),
        Field.AMOUNT: "400",
        Field.RIGHT_METER: right,
        Field.EVIDENCE: "ID 123",
        Field.REASON: "wrong meter",
    }
    presenter = signed(at_work(counter, Job.REFUND, claim))
    assert presenter.state.done is not None, presenter.state.failure
    record = last(counter)
    assert counter.store.read(lambda reader: reader.refunded_minor(record)) == 40_000
    again = signed(at_work(counter, Job.REFUND, {**claim, Field.AMOUNT: "60.01"}))
    assert again.state.failure is not None and again.state.failure.code == "REFUND_AMOUNT"


def test_a_receipt_of_another_till_is_not_found(counter: TariffCounter):
    sold = counter.sale(1, 46_000)
    foreign = ReceiptNumber("MM09", sold.receipt.number)
    presenter = at_work(counter, Job.REFUND, {Field.RECEIPT: str(foreign)})
    assert presenter.state.failure is not None and presenter.state.seen is None
    assert presenter.state.failure.code == "RECEIPT_NOT_FOUND"


def test_units_do_not_go_to_the_meter_they_came_from(counter: TariffCounter):
    sold = counter.sale(1, 46_000)
    claim = {
        Field.RECEIPT: str(sold.receipt),
        Field.AMOUNT: "400",
        Field.RIGHT_METER: a_meter_number(1).grouped,
        Field.EVIDENCE: "ID 123",
        Field.REASON: "wrong meter",
    }
    presenter = signed(at_work(counter, Job.REFUND, claim))
    assert presenter.state.failure is not None and presenter.state.failure.code == "SAME_METER"


# ---------------------------------------------------------------- meters


def test_a_stranger_is_priced_then_signed_and_the_sale_is_marked(counter: TariffCounter):
    presenter = at_work(counter, Job.UNKNOWN_METER, {**LABEL, Field.REASON: "new line"})
    seen = presenter.state.seen
    assert seen is not None and seen.quote is not None and seen.quote.amount_minor == 23_000
    signed(presenter)
    done = presenter.state.done
    assert done is not None and done.sold is not None, presenter.state.failure
    assert done.sold.record.intent.kind is SaleKind.UNKNOWN_METER
    record = last(counter)
    assert record is not None and record.state is SaleState.REVEALED


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        (Field.EA, "9", "METER_CONFIGURATION"),
        (Field.KRN, "x", "METER_CONFIGURATION"),
        (Field.BASE_DATE, "2013", "METER_CONFIGURATION"),
        (Field.TARIFF, "NONE", "TARIFF_MISSING"),
        (Field.METER, METER.digits, "METER_KNOWN"),
    ],
)
def test_a_label_that_cannot_be_right_gets_no_price(
    counter: TariffCounter, name: Field, text: str, code: str
):
    typed = {**LABEL, Field.REASON: "new line", name: text}
    presenter = at_work(counter, Job.UNKNOWN_METER, typed)
    presenter.enter()
    assert presenter.state.failure is not None and presenter.state.failure.code == code
    assert presenter.state.seen is None and last(counter) is None


@pytest.mark.parametrize(("name", "text"), [(Field.AMOUNT, "460"), (Field.REASON, "other")])
def test_whatever_is_typed_anew_takes_the_signature_back(
    counter: TariffCounter, name: Field, text: str
):
    presenter = at_work(counter, Job.UNKNOWN_METER, {**LABEL, Field.REASON: "new line"})
    presenter.type_pin(PIN)
    assert presenter.state.missing == ""
    presenter.type_text(name, text)
    assert presenter.state.missing == "pin"
    presenter.enter()
    assert presenter.state.done is None and last(counter) is None


def test_a_pin_that_came_before_the_price_signs_nothing(counter: TariffCounter):
    later = Later()
    presenter = CounterPresenter(a_till(counter), later, lambda _: None)
    presenter.start(GRACE)
    presenter.choose(Job.UNKNOWN_METER)
    for name, text in {**LABEL, Field.REASON: "new line"}.items():
        presenter.type_text(name, text)
    presenter.type_pin(PIN)
    later.answer()
    assert presenter.state.seen is not None and presenter.state.missing == "pin"


def test_an_answer_to_what_is_no_longer_typed_is_not_shown(counter: TariffCounter):
    later = Later()
    presenter = CounterPresenter(a_till(counter), later, lambda _: None)
    presenter.start(GRACE)
    presenter.type_text(Field.METER, METER.digits)
    presenter.type_text(Field.METER, "4512")
    later.answer()
    assert presenter.state.seen is None


def test_units_of_a_swapped_meter_go_to_the_new_one(counter: TariffCounter):
    typed = {
        Field.METER: METER.digits,
        Field.OLD_METER: a_meter_number(1).digits,
        Field.UNITS: "12.3",
        Field.EVIDENCE: "photo 4711",
        Field.REASON: "burnt",
    }
    presenter = signed(at_work(counter, Job.REPLACEMENT, typed))
    done = presenter.state.done
    assert done is not None and done.sold is not None, presenter.state.failure
    assert counter.twin(2).enter(done.sold.record.tokens[-1]) is MeterResult.ACCEPT


def test_each_role_sees_what_it_may_begin_at_the_counter(counter: TariffCounter):
    everything = set(Job)
    for role, jobs in (
        (Role.VENDOR, everything - {Job.REPLACEMENT}),
        (Role.CLERK, everything),
        (Role.SUPERVISOR, everything),
        (Role.TECHNICIAN, set()),
        (Role.AUDITOR, set()),
    ):
        presenter = CounterPresenter(a_till(counter), Direct(), lambda _: None)
        presenter.start(Operator(9, "Somebody", role))
        assert set(presenter.state.jobs) == jobs


def test_every_job_and_every_field_has_words():
    for job in Job:
        assert all(words.job_words(job)) and words.action_words(job)
        for name in Field:
            assert words.field_words(name, job)
