"""What becomes of a sale for every answer a module can give, and for its silence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from posapp.domain.sale import SaleState
from posapp.errors import InputError, ModuleError, Outcome, SaleError, StoreError
from posapp.ports import IssueResult, ModuleState, ModuleStatus, NotFound, SupplyKey
from posapp.store.feed import SqlSyncStore
from posapp.sts.tid import tid_at
from posapp.wire.feed import FeedRow, TariffText
from tests.services.counter import GRACE, KWAME, PIN, a_counter
from tests.stores import START, StoppedClock

KEYS = (
    SupplyKey("201457", 1, 2014, 255, 4, test=True),
    SupplyKey("123456", 1, 2014, 255, 2, test=True),
)
TOKEN = "12345678901234567890"
LOST = ModuleError("MODULE_LINK_LOST", outcome=Outcome.UNKNOWN)
ABSENT = ModuleError("MODULE_ABSENT")
BUSY = ModuleError("MODULE_BUSY")
EXPIRED = ModuleError("KEY_EXPIRED", ken=85)
STALE = ModuleError("STALE")
ALREADY = ModuleError("ALREADY_ISSUED", outcome=Outcome.EXECUTED)
MADE = "made"
NOT_FOUND = NotFound(0)


class Scripted:
    """Answers each call from a list; notes what it was asked. A call too many fails the test."""

    def __init__(self, **answers):
        self.answers = {name: list(given) for name, given in answers.items()}
        self.asked = []
        self.module_id = "M-1"
        self.last_sequence = 0

    def status(self):
        return ModuleStatus(
            ModuleState.READY, self.module_id, keys=KEYS, last_sequence=self.last_sequence
        )

    def refresh(self):
        self._answer("refresh", None, default=True)
        return self.status()

    def issue(self, request):
        return self._answer("issue", request)

    def fetch(self, request_id, till_id):
        return self._answer("fetch", (request_id, till_id))

    def cancel(self, request_id, till_id, sequence):
        return self._answer("cancel", sequence)

    def _answer(self, name, asked, *, default=False):
        if default and not self.answers.get(name):
            return None
        self.asked.append((name, asked))
        answer = self.answers[name].pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer == MADE:
            request_id = asked.request_id if name == "issue" else asked[0]
            return IssueResult(request_id, (TOKEN,), self.module_id, 1)
        return answer

    def calls(self, name):
        return [asked for called, asked in self.asked if called == name]


@pytest.fixture
def counters(tmp_path):
    made = []

    def make(**answers):
        counter = a_counter(tmp_path / str(len(made)), Scripted(**answers), StoppedClock())
        made.append(counter)
        return counter

    yield make
    for counter in made:
        counter.store.close()
    for counter in made:
        assert not any(counter.module.answers.values()), "the module was asked less than expected"


def the_sale(counter):
    return counter.store.read(lambda reader: reader.sale_by_receipt(1))


def sold(counter):
    record = counter.sale(1, 10_000).record
    assert the_sale(counter).state is SaleState.ISSUED
    assert record.tokens == (TOKEN,)
    return record


def refused(counter, code, outcome, state):
    with pytest.raises(SaleError) as refusal:
        counter.sale(1, 10_000)
    assert (refusal.value.code, refusal.value.outcome) == (code, outcome)
    record = the_sale(counter)
    assert record.state is state
    assert record.tokens == ()
    return record


def test_a_lost_answer_is_fetched_and_the_sale_is_made_once(counters):
    counter = counters(issue=[LOST], fetch=[MADE])
    sold(counter)
    assert len(counter.module.calls("issue")) == 1


def test_a_lost_request_is_asked_again_with_the_same_id_number_and_token_time(counters):
    counter = counters(issue=[LOST, MADE], fetch=[NOT_FOUND])
    sold(counter)
    first, second = counter.module.calls("issue")
    assert first == second


def test_a_refusal_is_written_and_the_money_is_free_again(counters):
    counter = counters(issue=[EXPIRED])
    refused(counter, "KEY_EXPIRED", Outcome.NOT_EXECUTED, SaleState.REFUSED)
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == 0


@pytest.mark.parametrize("error", [ABSENT, BUSY], ids=["absent", "busy"])
def test_a_request_that_never_left_is_cancelled(counters, error):
    counter = counters(issue=[error])
    refused(counter, error.code, Outcome.NOT_EXECUTED, SaleState.CANCELLED)


def test_silence_leaves_the_sale_open_and_holds_the_float(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == 10_000


@pytest.mark.parametrize("error", [ABSENT, BUSY], ids=["absent", "busy"])
def test_a_module_that_cannot_be_asked_again_settles_nothing(counters, error):
    counter = counters(issue=[LOST], fetch=[error], refresh=[None, ABSENT])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)


def test_a_later_visit_finishes_what_was_left_open(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT], fetch=[MADE])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    recovery = counter.recover()
    assert [record.tokens for record in recovery.resolved] == [(TOKEN,)]
    assert the_sale(counter).state is SaleState.ISSUED
    assert counter.recover().resolved == ()


def test_a_refusal_after_silence_counts_only_once_the_number_is_burnt(counters):
    counter = counters(issue=[LOST, EXPIRED], fetch=[NOT_FOUND], cancel=[None])
    record = refused(counter, "KEY_EXPIRED", Outcome.NOT_EXECUTED, SaleState.REFUSED)
    assert counter.module.calls("cancel") == [record.intent.sequence]


def test_a_number_that_was_used_after_all_gives_its_token(counters):
    counter = counters(issue=[LOST, EXPIRED], fetch=[NOT_FOUND, MADE], cancel=[ALREADY])
    sold(counter)


def test_a_number_that_has_passed_without_a_token_is_replaced_and_the_true_reason_is_said(counters):
    counter = counters(issue=[LOST, STALE, EXPIRED], fetch=[NOT_FOUND, NOT_FOUND], cancel=[None])
    refused(counter, "KEY_EXPIRED", Outcome.NOT_EXECUTED, SaleState.REFUSED)


def test_a_refusal_whose_word_was_lost_costs_a_number_and_no_sale(counters):
    counter = counters(issue=[LOST, MADE], fetch=[NotFound(7), NotFound(7)])
    sold(counter)
    first, second = counter.module.calls("issue")
    assert second.sequence > 7 > first.sequence
    assert (second.request_id, second.items) == (first.request_id, first.items)


@pytest.mark.parametrize("code", ["AMOUNT_ABOVE_LIMIT", "TILL_FOREIGN", "ROLE_DENIED"])
def test_what_the_module_refuses_later_is_the_reason_that_is_written(counters, code):
    counter = counters(
        issue=[LOST, ModuleError(code)], refresh=[ABSENT], fetch=[NOT_FOUND], cancel=[None]
    )
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    (record,) = counter.recover().resolved
    assert (record.state, record.ended_reason) == (SaleState.REFUSED, code)


@pytest.mark.parametrize("code", ["HSM_TIMEOUT", "HSM_KEY_GONE", "LOGIN_REQUIRED"])
def test_what_passes_ends_no_paid_sale_and_gives_it_a_new_number(counters, code):
    counter = counters(
        issue=[LOST, ModuleError(code), MADE],
        refresh=[ABSENT],
        fetch=[NOT_FOUND, NOT_FOUND],
        cancel=[None],
    )
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    (waiting,) = counter.recover().unresolved
    assert waiting.state is SaleState.REQUESTED
    (record,) = counter.recover().resolved
    assert record.tokens == (TOKEN,)
    first, second, third = counter.module.calls("issue")
    assert (first, third.sequence) == (second, second.sequence + 1)
    assert (third.request_id, third.items) == (first.request_id, first.items)


def test_what_passes_and_cannot_be_burnt_keeps_the_number(counters):
    counter = counters(
        issue=[LOST, ModuleError("HSM_TIMEOUT")],
        refresh=[ABSENT, None, ABSENT],
        fetch=[NOT_FOUND],
        cancel=[LOST],
    )
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    (waiting,) = counter.recover().unresolved
    assert waiting.intent.sequence == counter.module.calls("issue")[0].sequence


def test_a_device_that_fails_a_new_sale_is_a_refusal(counters):
    counter = counters(issue=[ModuleError("HSM_TIMEOUT")])
    refused(counter, "HSM_TIMEOUT", Outcome.NOT_EXECUTED, SaleState.REFUSED)


def test_an_answer_that_may_be_forgotten_is_for_a_supervisor_and_never_a_no(counters):
    passed = NotFound(99)
    counter = counters(issue=[LOST], refresh=[ABSENT], fetch=[passed, passed])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    counter.clock.move(days=7, minutes=1)
    assert len(counter.recover().unresolved) == 1
    assert the_sale(counter).state is SaleState.UNKNOWN
    before = counter.store.read(lambda reader: reader.head().seq)
    assert len(counter.recover().unresolved) == 1
    assert counter.store.read(lambda reader: reader.head().seq) == before, "written once"
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == 10_000


def test_a_clock_that_was_set_back_does_not_make_a_forgotten_answer_young(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT], fetch=[NotFound(99)])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    late = counter.clock.now() + timedelta(days=30)
    counter.store.write(lambda uow: uow.raise_clock_floor(late))
    assert len(counter.recover().unresolved) == 1
    assert the_sale(counter).state is SaleState.UNKNOWN


NOW = tid_at(START, 2014)
HALF_A_DAY = 12 * 60


def test_a_new_token_time_is_a_new_version_of_the_intent(counters):
    wanted = NOW + HALF_A_DAY
    counter = counters(issue=[ModuleError("TID_WINDOW", lowest_tid=wanted), MADE])
    record = sold(counter)
    first, second = counter.module.calls("issue")
    assert second.items[0].tid == wanted > first.items[0].tid
    assert second.sequence == first.sequence + 1
    assert second.request_id == first.request_id
    assert the_sale(counter).intent.items[0].tid == record.intent.items[0].tid == wanted


def test_a_module_from_the_future_makes_no_token(counters):
    too_late = ModuleError("TID_WINDOW", lowest_tid=NOW + HALF_A_DAY + 2)
    counter = counters(issue=[too_late], cancel=[None])
    refused(counter, "MODULE_CLOCK_WRONG", Outcome.NOT_EXECUTED, SaleState.REFUSED)


def test_an_open_sale_waits_for_the_right_time_rather_than_take_a_token_of_the_future(counters):
    years = ModuleError("TID_WINDOW", lowest_tid=NOW + 366 * 1440)
    counter = counters(issue=[LOST, years], refresh=[ABSENT], fetch=[NOT_FOUND])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    counter.clock.move(days=366)  # the computer has lost its battery
    assert len(counter.recover().unresolved) == 1
    assert the_sale(counter).state is SaleState.REQUESTED


def test_a_clock_a_little_back_sells_and_one_far_back_does_not(counters):
    counter = counters(issue=[MADE])
    counter.clock.move(seconds=-90)
    sold(counter)
    counter.clock.move(minutes=-3)
    with pytest.raises(SaleError) as refusal:
        counter.sale(2, 10_000)
    assert refusal.value.code == "CLOCK_BACK"


def test_head_office_puts_right_a_floor_that_a_wrong_clock_has_left(counters):
    counter = counters(issue=[MADE])
    right = counter.clock.now()
    counter.store.write(lambda uow: uow.raise_clock_floor(right + timedelta(days=3650)))
    with pytest.raises(SaleError):
        counter.sale(1, 10_000)
    SqlSyncStore(counter.store).set_server_time(right)
    sold(counter)
    assert counter.store.verify_journal().broken_seq is None


def test_a_shift_is_not_opened_by_a_clock_beyond_the_lease(counters):
    counter = counters()
    counter.clock.move(days=365)
    with pytest.raises(SaleError) as refusal:
        counter.open_shift(GRACE, 0)
    assert refusal.value.code == "LEASE_EXPIRED"


def test_an_error_after_the_intent_is_never_a_no(counters, monkeypatch, expect_log):
    expect_log("cut short after its intent")
    counter = counters(issue=[MADE], fetch=[MADE])
    write, calls = counter.store.write, []

    def full(work, urgency=None):
        calls.append(urgency)
        if len(calls) == 2:  # the outcome
            raise StoreError("DISK_FULL")
        return write(work)

    monkeypatch.setattr(counter.store, "write", full)
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.INTENT)
    monkeypatch.undo()
    with pytest.raises(SaleError) as refusal:
        counter.sale(1, 10_000)
    assert refusal.value.code == "OPEN_SALE_FINISHED"
    assert the_sale(counter).state is SaleState.ISSUED
    assert counter.store.read(lambda reader: reader.sale_by_receipt(2)) is None


def test_an_intent_that_was_not_written_is_a_plain_no(counters, monkeypatch):
    counter = counters()

    def full(*_):
        raise StoreError("DISK_FULL")

    monkeypatch.setattr(counter.store, "write", full)
    with pytest.raises(SaleError) as refusal:
        counter.sale(1, 10_000)
    assert (refusal.value.code, refusal.value.outcome) == ("DISK_FULL", Outcome.NOT_EXECUTED)


def test_a_till_behind_its_module_goes_on_above_its_count(counters):
    counter = counters(issue=[MADE])
    counter.module.last_sequence = 41
    assert sold(counter).intent.sequence == 42


def test_a_supervisor_in_the_room_forgives_misses(counters):
    counter = counters()
    for _ in range(5):
        with pytest.raises(InputError):
            counter.sign_in(GRACE.operator_id, "000000")
    counter.sign_in(KWAME.operator_id, PIN)
    assert counter.sign_in(GRACE.operator_id, PIN) == GRACE


def test_a_pack_that_this_till_cannot_read_keeps_no_paid_sale_open(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT], fetch=[MADE])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    code = the_sale(counter).intent.tariff.partition("@")[0]
    row = FeedRow(1, "tariff", code, TariffText(code, "format = 99"))
    SqlSyncStore(counter.store).apply_rows("other", [row], 1)
    assert [record.tokens for record in counter.recover().resolved] == [(TOKEN,)]


def test_another_module_cannot_settle_a_sale_it_was_never_asked_for(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    counter.module.module_id = "M-2"
    assert len(counter.recover().unresolved) == 1
    assert the_sale(counter).state is SaleState.UNKNOWN
    before = counter.store.read(lambda reader: reader.head().seq)
    counter.recover()
    assert counter.store.read(lambda reader: reader.head().seq) == before, "written once"
    # The new module sells, and the drawer can be closed; the float of the open sale stays held.
    counter.module.answers["issue"] = [MADE]
    counter.sale(2, 10_000)
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == 20_000
    counter.module.module_id, counter.module.answers["fetch"] = "M-1", [MADE]
    assert len(counter.recover().resolved) == 1


def test_no_sale_begins_while_another_waits_for_its_outcome(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT, ABSENT], fetch=[LOST])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    with pytest.raises(SaleError) as refusal:
        counter.sale(2, 10_000)
    assert refusal.value.code == "SALE_UNRESOLVED"
    assert counter.store.read(lambda reader: reader.sale_by_receipt(2)) is None


def test_a_person_who_has_left_sells_no_more(counters):
    counter = counters()
    sync = SqlSyncStore(counter.store)
    at = sync.cursor("global") + 1
    row = FeedRow(at, "operator", str(GRACE.operator_id), None, deleted=True)
    sync.apply_rows("global", [row], at)
    with pytest.raises(SaleError) as refusal:
        counter.sale(1, 10_000)
    assert refusal.value.code == "OPERATOR_UNKNOWN"


def test_a_sale_that_another_hand_finished_meanwhile_is_sold_once(counters, monkeypatch):
    counter = counters(issue=[MADE], fetch=[MADE])
    issue = counter.module.issue

    def and_meanwhile_the_caretaker(request):
        result = issue(request)
        assert len(counter.recover().resolved) == 1
        return result

    monkeypatch.setattr(counter.module, "issue", and_meanwhile_the_caretaker)
    record = sold(counter)
    jobs = counter.store.read(lambda r: r.print_jobs_of_sale(record.intent.sale_id))
    assert [job.copy_no for job in jobs] == [0]
