"""Every kind of order from the counter to the meter: who may, what is paid, what it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.clock import SystemRandomness
from posapp.domain.engineering import Task, Work
from posapp.domain.meter import MeterConfiguration
from posapp.domain.operator import Role
from posapp.domain.permissions import RULES, Operation
from posapp.domain.role_limits import RoleLimits
from posapp.domain.sale import KeyTarget, SaleKind, SaleState, Tender, TenderKind, TokenKind
from posapp.errors import InputError, ModuleError, Outcome, SaleError, StoreError
from posapp.ports import PrintState
from posapp.reports.document import Document, KeyValue
from posapp.services.key_plan import KeyPolicy
from posapp.services.override import Consent
from posapp.services.quote import PrepareSale
from posapp.services.request_refund import Claim
from posapp.services.sell import Sell
from posapp.services.sell_many import split_tenders
from posapp.services.take_payment import Due, Purpose
from posapp.services.two_people import Witness
from posapp.store.feed import SqlSyncStore
from posapp.sts.meter import MeterResult
from posapp.wire.feed import Entity, FeedRow
from tests.services.counter import GRACE, KWAME, PIN, a_configuration
from tests.services.order_counter import (
    an_order_counter,
    consent,
    desk_of,
    due_for_another_key,
    entered,
    give_role,
)
from tests.services.tariff_counter import MORNING, TariffCounter, a_debt, a_standing
from tests.stores import a_meter_number

ACCEPT = MeterResult.ACCEPT.value
CASH, MOBILE, CARD = TenderKind.CASH, TenderKind.MOBILE, TenderKind.CARD
GRACE_ID = GRACE.operator_id


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        yield made


def head(counter: TariffCounter) -> int:
    return counter.store.read(lambda reader: reader.head().seq)


def cash(amount_minor: int) -> tuple[Tender, ...]:
    return (Tender(CASH, amount_minor),)


# ---------------------------------------------------------------- another key before the credit


@pytest.mark.parametrize(("number", "tokens"), [(1, 5), (2, 3)], ids=["EA11", "EA07"])
def test_a_meter_due_for_another_key_gets_the_set_and_its_credit_in_one_order(
    counter: TariffCounter, number: int, tokens: int
):
    due_for_another_key(counter, number)
    sold = counter.sale(number, 46_000)
    twin = counter.twin(number)
    assert len(sold.record.tokens) == tokens
    assert set(entered(twin, sold.record.tokens)[-2:]) == {ACCEPT}
    assert twin.electricity_tenths == sold.record.intent.units_tenths == 200
    kinds = [item.kind for item in sold.record.intent.items]
    assert kinds == [TokenKind.KEY_CHANGE, TokenKind.CREDIT]
    names = list(counter.receipt(sold))
    parts = tokens - 1
    assert [n for n in names if n.startswith("KEY CHANGE")] == [
        f"KEY CHANGE {n} of {parts}" for n in range(1, tokens)
    ]
    assert counter.receipt(sold)["CREDIT TOKEN"] == f"{tokens} of {tokens}"


def test_the_credit_alone_means_nothing_to_the_meter_before_its_set(counter: TariffCounter):
    due_for_another_key(counter, 2)
    tokens = counter.sale(2, 46_000).record.tokens
    twin = counter.twin(2)
    assert twin.enter(tokens[-1]) is not MeterResult.ACCEPT
    assert twin.electricity_tenths == 0


def test_until_somebody_answers_the_set_comes_again_and_a_meter_that_took_it_goes_on(
    counter: TariffCounter,
):
    due_for_another_key(counter, 2)
    twin = counter.twin(2)
    entered(twin, counter.sale(2, 46_000).record.tokens)
    second = counter.sale(2, 46_000).record
    assert [item.kind for item in second.intent.items] == [TokenKind.KEY_CHANGE, TokenKind.CREDIT]
    said = entered(twin, second.tokens)
    assert said[-1] == ACCEPT and ACCEPT not in said[:-1]
    assert twin.electricity_tenths == 400


def test_a_yes_at_the_next_visit_ends_it_and_a_no_makes_the_set_again(counter: TariffCounter):
    desk = desk_of(counter)
    for number, took, items in ((2, True, 1), (3, False, 2)):
        due_for_another_key(counter, number)
        counter.sale(number, 46_000)
        assert counter.context(number).key_plan.unanswered is not None
        desk.change_key.answer(a_meter_number(number), GRACE_ID, took=took)
        assert counter.context(number).key_plan.unanswered is None
        again = counter.sale(number, 46_000).record.intent
        assert len(again.items) == items
        with_new = again.configuration.sgc == "123456" and again.configuration.ti == "02"
        assert with_new is took
    with pytest.raises(SaleError, match="KEY_CHANGE_NOT_DUE"):
        desk.change_key.answer(a_meter_number(2), GRACE_ID, took=True)


def test_once_head_office_has_taken_it_over_nothing_is_asked(counter: TariffCounter):
    meter = due_for_another_key(counter, 2)
    counter.sale(2, 46_000)
    assert meter.pending is not None
    counter.put(2, configuration=meter.pending)
    assert counter.context(2).key_plan.keys == (meter.pending,)
    assert len(counter.sale(2, 46_000).record.tokens) == 1


def test_where_the_key_comes_first_credit_waits_for_the_answer(counter: TariffCounter):
    policy = KeyPolicy.FIRST
    counter.prepare = PrepareSale(counter.store, counter.clock, policy=policy)
    counter.sell = Sell(
        counter.store,
        counter.module,
        counter.queue,
        counter.clock,
        SystemRandomness(),
        policy=policy,
    )
    desk, number = desk_of(counter), a_meter_number(2)
    due_for_another_key(counter, 2)
    with pytest.raises(SaleError, match="KEY_CHANGE_FIRST"):
        counter.sale(2, 46_000)
    sold = desk.change_key(number, GRACE_ID)
    assert (sold.record.intent.kind, sold.record.intent.amount_minor) == (SaleKind.KEY_CHANGE, 0)
    twin = counter.twin(2)
    entered(twin, sold.record.tokens)
    with pytest.raises(SaleError, match="KEY_CHANGE_UNANSWERED"):
        counter.sale(2, 46_000)
    desk.change_key.answer(number, GRACE_ID, took=True)
    assert entered(twin, counter.sale(2, 46_000).record.tokens) == [ACCEPT]


def test_a_supervisor_may_stand_by_the_old_key(counter: TariffCounter):
    desk = desk_of(counter)
    due_for_another_key(counter, 2)
    context = counter.context(2)
    quote = context.by_money(46_000)
    with pytest.raises(InputError, match="SECOND_PERSON_REQUIRED"):
        desk.sell_signed.with_old_key(context, quote, cash(46_000), GRACE_ID, Consent("no time"))
    sold = desk.sell_signed.with_old_key(context, quote, cash(46_000), GRACE_ID, consent())
    assert entered(counter.twin(2), sold.record.tokens) == [ACCEPT]
    signed = signatures(counter)
    assert [(s.operation, s.first_id, s.second_id, s.reason) for s in signed] == [
        ("old_key", 1, 2, "inspection")
    ]
    assert signed[0].subject == sold.record.intent.sale_id


def signatures(counter: TariffCounter):
    day = counter.store.read(lambda r: r.site().business_date(counter.clock.now()))
    return counter.store.read(lambda r: r.signatures_on(day, 100))


# ---------------------------------------------------------------- how it is paid


def test_a_payment_in_three_parts_gives_change_in_cash(counter: TariffCounter):
    context = counter.context(1)
    quote = context.by_money(46_000)
    parts = (Tender(MOBILE, 20_000, "QX1"), Tender(CARD, 10_000, "C2"), Tender(CASH, 20_000))
    sold = counter.sell(context, quote, parts, GRACE_ID)
    assert sold.change_minor == 4_000
    slip = counter.receipt(sold)
    assert (slip["Mobile money QX1"], slip["Card C2"], slip["Cash"]) == (
        "200.00",
        "100.00",
        "200.00",
    )


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((Tender(MOBILE, 40_000, "A"),), "TENDER_TOO_LITTLE"),
        ((Tender(MOBILE, 46_000, "A"), Tender(CASH, 0), Tender(CARD, 1, "B")), "CHANGE_NOT_CASH"),
        ((Tender(MOBILE, 20_000, "A"), Tender(MOBILE, 26_000, "A ")), "TENDER_REFERENCE_TWICE"),
        ((Tender(CASH, 9_200),) * 5, "TENDER_INVALID"),
    ],
)
def test_parts_that_do_not_pay_are_refused_before_anything_is_written(
    counter: TariffCounter, parts: tuple[Tender, ...], code: str
):
    context, before = counter.context(1), head(counter)
    with pytest.raises((SaleError, InputError), match=code):
        counter.sell(context, context.by_money(46_000), parts, GRACE_ID)
    assert head(counter) == before


def test_several_meters_in_one_payment_have_a_sale_and_a_receipt_each_and_one_sum(
    counter: TariffCounter,
):
    desk = desk_of(counter)
    rows = tuple((counter.context(n), counter.context(n).by_money(n * 10_000)) for n in (1, 2, 3))
    tenders = (Tender(CASH, 50_000), Tender(MOBILE, 25_000, "LL7"))
    done = desk.sell_many(rows, tenders, GRACE_ID)
    assert done.failure is None and done.back_minor == 15_000
    records = counter.store.read(lambda r: r.sales_of_batch(done.batch, 10))
    assert [r.intent.amount_minor for r in records] == [10_000, 20_000, 30_000]
    assert all(r.intent.change_minor == 0 for r in records)
    by_phone = sum(t.received_minor for r in records for t in r.intent.tenders if t.kind is MOBILE)
    assert by_phone == 25_000
    jobs = counter.store.read(lambda r: r.print_jobs((PrintState.QUEUED,), 10))
    assert [job.kind for job in jobs] == ["receipt", "receipt", "receipt", "sum"]
    blocks = Document.from_bytes(jobs[-1].document).blocks
    slip = {b.left: b.right for b in blocks if isinstance(b, KeyValue)}
    assert (slip["TOTAL"], slip["Change"]) == ("KSh 600.00", "150.00")


def test_what_stops_a_row_of_meters_gives_back_what_was_not_sold(counter: TariffCounter):
    desk = desk_of(counter)
    rows = tuple((counter.context(n), counter.context(n).by_money(10_000)) for n in (1, 2, 3))
    counter.sale(2, 5_000)  # the second quote is stale now
    done = desk.sell_many(rows, cash(30_000), GRACE_ID)
    assert len(done.sold) == 1 and done.back_minor == 20_000
    assert done.failure is not None and done.failure.code == "QUOTE_CHANGED"


def test_money_for_a_sale_nobody_knows_of_is_not_given_back(counter: TariffCounter):
    desk = desk_of(counter)
    rows = tuple((counter.context(n), counter.context(n).by_money(10_000)) for n in (1, 2, 3))
    issue, calls = counter.driver.issue, []

    def breaks(request, *rest):
        calls.append(request)
        if len(calls) >= 2:
            raise ModuleError("MODULE_LINK_LOST", outcome=Outcome.UNKNOWN)
        return issue(request, *rest)

    counter.driver.issue = breaks
    counter.driver.fetch = breaks
    done = desk.sell_many(rows, cash(35_000), GRACE_ID)
    assert (len(done.sold), done.held_minor, done.back_minor) == (1, 10_000, 15_000)
    assert done.failure is not None and done.failure.code == "OUTCOME_UNKNOWN"


def test_parts_of_tenders_add_up_and_leave_change_to_cash():
    tenders = (Tender(CASH, 500), Tender(CARD, 300, "A"))
    parts = split_tenders(tenders, (200, 250, 100))
    assert [[(t.kind, t.received_minor) for t in part] for part in parts] == [
        [(CARD, 200)],
        [(CARD, 100), (CASH, 150)],
        [(CASH, 100)],
    ]


# ---------------------------------------------------------------- money without a token


def test_a_payment_is_one_transaction_without_the_module_and_lowers_the_debt(
    counter: TariffCounter,
):
    desk, number = desk_of(counter), a_meter_number(1)
    counter.tell(a_standing(1, MORNING, debts=(a_debt("water", 9_000),)))
    counter.clock.move(minutes=1)
    counter.module.close()
    dues = (
        Due(Purpose.ARREARS, 4_000, "water"),
        Due(Purpose.RECONNECTION, 2_500),
        Due(Purpose.ACCOUNT, 1_000),
    )
    sold = desk.take_payment(number, dues, cash(10_000), GRACE_ID, "INV-7")
    assert sold.record.state is SaleState.ISSUED and sold.record.tokens == ()
    assert sold.change_minor == 2_500
    slip = counter.receipt(sold)
    assert slip["Reference"] == "INV-7" and slip["Water, still owed"] == "50.00"
    assert slip["Paid to the account"] == "10.00"
    assert counter.store.read(lambda r: r.vended_total_minor()) == 7_500
    situation = counter.situation(1)
    assert [debt.balance_minor for debt in situation.debts] == [5_000]
    assert situation.bought_tenths == 0 and situation.last_bought is None


@pytest.mark.parametrize(
    ("due", "code"),
    [
        (Due(Purpose.ARREARS, 9_001, "water"), "DEBT_SMALLER"),
        (Due(Purpose.ARREARS, 1, "garden"), "DEBT_UNKNOWN"),
    ],
)
def test_nobody_pays_more_than_is_owed(counter: TariffCounter, due: Due, code: str):
    counter.tell(a_standing(1, MORNING, debts=(a_debt("water", 9_000),)))
    before = head(counter)
    desk, tenders = desk_of(counter), cash(due.amount_minor)
    with pytest.raises(SaleError, match=code):
        desk.take_payment(a_meter_number(1), (due,), tenders, GRACE_ID)
    assert head(counter) == before


# ---------------------------------------------------------------- tokens nobody pays for


def test_a_free_issue_takes_two_people_a_reason_and_a_quota(counter: TariffCounter):
    desk, number = desk_of(counter), a_meter_number(1)
    with pytest.raises(InputError, match="OVERRIDE_REASON_MISSING"):
        desk.give_credit.free(number, 100, GRACE_ID, consent(reason=" "))
    for _ in range(5):
        sold = desk.give_credit.free(number, 100, GRACE_ID, consent("hardship"))
    assert sold.record.intent.kind is SaleKind.FREE_ISSUE
    twin = counter.twin(1)
    assert twin.enter(sold.record.tokens[0]) is MeterResult.ACCEPT
    assert twin.electricity_tenths == 100
    before = head(counter)
    with pytest.raises(InputError, match="FREE_ISSUES_USED"):
        desk.give_credit.free(number, 100, GRACE_ID, consent("hardship"))
    with pytest.raises(InputError, match="FREE_UNITS_ABOVE_ROLE"):
        desk.give_credit.free(number, 1_001, GRACE_ID, consent("hardship"))
    assert head(counter) == before
    counter.clock.move(days=1)
    desk.give_credit.free(number, 100, GRACE_ID, consent("hardship"))
    assert len(signatures(counter)) == 1


def test_units_left_in_a_swapped_meter_go_to_the_new_one_with_evidence(counter: TariffCounter):
    desk, new, old = desk_of(counter), a_meter_number(2), a_meter_number(1)
    with pytest.raises(InputError, match="EVIDENCE_MISSING"):
        desk.give_credit.replacement(new, old, 123, " ", GRACE_ID, consent())
    with pytest.raises(InputError, match="SAME_METER"):
        desk.give_credit.replacement(new, new, 123, "photo", GRACE_ID, consent())
    sold = desk.give_credit.replacement(new, old, 123, "photo 4711", GRACE_ID, consent("burnt"))
    assert sold.record.intent.reference == f"{old.digits} photo 4711"
    twin = counter.twin(2)
    assert twin.enter(sold.record.tokens[0]) is MeterResult.ACCEPT
    assert twin.electricity_tenths == 123
    assert counter.situation(2).bought_tenths == 0, "they were paid for before"


@pytest.mark.parametrize(
    "work",
    [
        Work(Task.CLEAR_TAMPER, "WO-1"),
        Work(Task.CLEAR_CREDIT, "WO-2", 0),
        Work(Task.POWER_LIMIT, "WO-3", 2_500),
        Work(Task.CHANGE_KEY, "WO-5", target=KeyTarget("123456", 1, "02")),
    ],
    ids=lambda work: work.task.value,
)
def test_an_engineering_token_has_a_work_order_two_people_and_no_price(
    counter: TariffCounter, work: Work
):
    desk = desk_of(counter)
    with pytest.raises(InputError, match="SECOND_PERSON_REQUIRED"):
        desk.engineer(a_meter_number(2), work, GRACE_ID, Consent("seal"))
    sold = desk.engineer(a_meter_number(2), work, GRACE_ID, consent("seal"))
    said = entered(counter.twin(2), sold.record.tokens)
    assert said[-1] == ACCEPT
    slip = counter.receipt(sold)
    assert slip["Work order"] == work.work_order and "TOTAL" not in slip
    assert [s.operation for s in signatures(counter)] == [work.task.operation.value]


def test_a_meter_test_needs_nobody_beside(counter: TariffCounter):
    work = Work(Task.METER_TEST, value=1)
    sold = desk_of(counter).engineer(a_meter_number(2), work, GRACE_ID, Consent())
    assert entered(counter.twin(2), sold.record.tokens) == [ACCEPT]
    assert signatures(counter) == ()


def test_a_sale_to_a_meter_nobody_knows_is_supervised_and_marked(counter: TariffCounter):
    desk, number = desk_of(counter), a_meter_number(777)
    configuration = MeterConfiguration(a_configuration(2).ea, "201457", 1, "01", 2014)
    context = desk.sell_signed.prepare_unknown(number, configuration, "TEST")
    quote = context.by_money(23_000)
    sold = desk.sell_signed.to_unknown(context, quote, cash(23_000), GRACE_ID, consent("new"))
    assert sold.record.intent.kind is SaleKind.UNKNOWN_METER
    assert len(sold.record.tokens) == 1
    with pytest.raises(InputError, match="METER_KNOWN"):
        desk.sell_signed.prepare_unknown(a_meter_number(1), configuration, "TEST")


# ---------------------------------------------------------------- taking back


def test_a_sale_whose_token_nobody_saw_is_voided_and_its_slip_never_comes(counter: TariffCounter):
    desk = desk_of(counter)
    sold = counter.sale(1, 46_000)
    record = desk.void(sold.record.intent.sale_id, GRACE_ID, consent("wrong customer"))
    assert (record.state, record.ended_reason) == (SaleState.CANCELLED, "VOIDED")
    jobs = counter.store.read(lambda r: r.print_jobs_of_sale(record.intent.sale_id))
    assert [(job.state, job.held) for job in jobs] == [(PrintState.CANCELLED, "VOIDED")]
    assert counter.store.read(lambda r: r.vended_total_minor()) == 0
    assert counter.situation(1).bought_tenths == 0
    with pytest.raises(StoreError, match="PRINT_JOB_MISSING"):
        counter.store.write(lambda u: u.set_print_job(jobs[0].job_id, PrintState.SENDING))


def test_what_was_seen_is_not_voided_but_asked_back(counter: TariffCounter):
    desk = desk_of(counter)
    shown, printed = counter.sale(1, 46_000), counter.sale(2, 23_000)
    counter.sell.revealed(shown.record.intent.sale_id)
    job = counter.store.read(lambda r: r.print_jobs_of_sale(printed.record.intent.sale_id))[0]
    counter.store.write(lambda u: u.set_print_job(job.job_id, PrintState.SENDING))
    for sold in (shown, printed):
        with pytest.raises(InputError, match="VOID_TOO_LATE"):
            desk.void(sold.record.intent.sale_id, GRACE_ID, consent())
    sale_id = shown.record.intent.sale_id
    claim = Claim(sale_id, 40_000, "ID 123", a_meter_number(3))
    job_id = desk.request_refund(claim, GRACE_ID, consent("wrong meter"))
    form = counter.store.read(lambda r: r.print_job(job_id))
    assert form is not None and form.kind == "refund"
    for token in shown.record.tokens:
        assert token.encode() not in form.document, "a form must not be cash"
    with pytest.raises(InputError, match="REFUND_AMOUNT") as caught:
        desk.request_refund(Claim(sale_id, 6_001, "ID 123"), GRACE_ID, consent("again"))
    assert caught.value.params == {"maximum_minor": 6_000}


# ---------------------------------------------------------------- people


def test_a_signature_is_for_one_operation_of_people_who_still_may(counter: TariffCounter):
    desk = desk_of(counter)
    for witness, code in (
        (Witness(GRACE_ID, PIN), "SECOND_PERSON_SAME"),
        (Witness(KWAME.operator_id, "000000"), "PIN_WRONG"),
    ):
        before = head(counter)
        with pytest.raises(InputError, match=code):
            desk.give_credit.free(a_meter_number(1), 10, GRACE_ID, consent(witness=witness))
        assert head(counter) == before
    first = desk.give_credit.free(a_meter_number(1), 10, GRACE_ID, consent())
    desk.give_credit.free(a_meter_number(1), 20, GRACE_ID, consent())
    one, two = signatures(counter)
    assert one.subject == first.record.intent.sale_id != two.subject
    assert one.operation == Operation.FREE_ISSUE.value


VERBS = {
    Operation.SELL: lambda c, _d, who: c.sell(
        c.context(1), c.context(1).by_money(10_000), cash(10_000), who
    ),
    Operation.TAKE_PAYMENT: lambda _c, d, who: d.take_payment(
        a_meter_number(1), (Due(Purpose.ACCOUNT, 500),), cash(500), who
    ),
    Operation.FREE_ISSUE: lambda _c, d, who: d.give_credit.free(
        a_meter_number(1), 10, who, consent()
    ),
    Operation.REPLACE_CREDIT: lambda _c, d, who: d.give_credit.replacement(
        a_meter_number(1), a_meter_number(2), 10, "photo", who, consent()
    ),
    Operation.CLEAR_TAMPER: lambda _c, d, who: d.engineer(
        a_meter_number(1), Work(Task.CLEAR_TAMPER, "WO"), who, consent()
    ),
    Operation.METER_TEST: lambda _c, d, who: d.engineer(
        a_meter_number(1), Work(Task.METER_TEST, value=1), who, Consent()
    ),
    Operation.CONFIRM_KEY: lambda _c, d, who: d.change_key(a_meter_number(3), who),
    Operation.VOID: None,
}


@pytest.mark.parametrize("operation", VERBS)
@pytest.mark.parametrize("role", Role)
def test_every_verb_asks_the_table_whoever_calls_it(
    counter: TariffCounter, operation: Operation, role: Role
):
    """Grace's role is changed under her open shift; Kwame stands by."""
    desk = desk_of(counter)
    due_for_another_key(counter, 3)
    may = role in RULES[operation].first
    if operation is Operation.VOID:
        sale_id = counter.sale(2, 10_000).record.intent.sale_id
    give_role(counter, GRACE, role)
    before = head(counter)

    def act() -> None:
        if operation is Operation.VOID:
            desk.void(sale_id, GRACE_ID, consent())
        else:
            VERBS[operation](counter, desk, GRACE_ID)

    if may:
        act()
        assert head(counter) > before
        return
    kind = SaleError if operation is Operation.SELL else InputError
    with pytest.raises(kind, match="OPERATION_DENIED"):
        act()
    assert head(counter) == before


def test_more_than_a_role_may_sell_is_a_plain_no(counter: TariffCounter):
    sync = SqlSyncStore(counter.store)
    limits = RoleLimits(Role.CLERK, 40_000, 1, 50, 5_000)
    sync.apply_rows("roles", [FeedRow(1, Entity.ROLE_LIMITS, "clerk", limits)], 1)
    before = head(counter)
    with pytest.raises(SaleError, match="AMOUNT_ABOVE_ROLE") as caught:
        counter.sale(1, 46_000)
    assert caught.value.outcome is Outcome.NOT_EXECUTED and head(counter) == before
    desk, sold = desk_of(counter), counter.sale(1, 40_000)
    with pytest.raises(InputError, match="VOID_ABOVE_ROLE"):
        desk.void(sold.record.intent.sale_id, GRACE_ID, consent())
    sync.apply_rows("roles", [FeedRow(2, Entity.ROLE_LIMITS, "clerk", None, deleted=True)], 2)
    desk.void(sold.record.intent.sale_id, GRACE_ID, consent())


def test_everything_here_is_made_again_from_the_journal(counter: TariffCounter):
    desk = desk_of(counter)
    due_for_another_key(counter, 2)
    counter.sale(2, 46_000)
    desk.change_key.answer(a_meter_number(2), GRACE_ID, took=True)
    sold = counter.sale(1, 46_000)
    desk.void(sold.record.intent.sale_id, GRACE_ID, consent())
    seen = counter.sale(1, 46_000)
    counter.sell.revealed(seen.record.intent.sale_id)
    desk.request_refund(Claim(seen.record.intent.sale_id, 100, "ID"), GRACE_ID, consent())
    desk.give_credit.free(a_meter_number(3), 10, GRACE_ID, consent())
    desk.take_payment(a_meter_number(3), (Due(Purpose.ACCOUNT, 500),), cash(500), GRACE_ID)
    assert counter.store.check_projections().differences == ()
