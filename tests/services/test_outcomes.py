"""What becomes of a sale for every answer a module can give, and for its silence."""

from __future__ import annotations

import pytest

from posapp.domain.sale import SaleState
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.ports import IssueResult, ModuleState, ModuleStatus, NotFound, SupplyKey
from tests.services.counter import a_counter
from tests.stores import StoppedClock

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

    def status(self):
        return ModuleStatus(ModuleState.READY, self.module_id, keys=KEYS)

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
        assert not any(counter.module.answers.values()), "the module was asked less than expected"
        counter.store.close()


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


def test_a_number_that_has_passed_can_never_run(counters):
    counter = counters(issue=[LOST, STALE], fetch=[NOT_FOUND])
    refused(counter, "STALE", Outcome.NOT_EXECUTED, SaleState.REFUSED)


def test_a_new_token_time_is_a_new_version_of_the_intent(counters):
    counter = counters(issue=[ModuleError("TID_WINDOW", lowest_tid=9_000_000), MADE])
    record = sold(counter)
    first, second = counter.module.calls("issue")
    assert second.items[0].tid == 9_000_000 > first.items[0].tid
    assert second.sequence == first.sequence + 1
    assert second.request_id == first.request_id
    assert the_sale(counter).intent.items[0].tid == record.intent.items[0].tid == 9_000_000


def test_another_module_cannot_settle_a_sale_it_was_never_asked_for(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    counter.module.module_id = "M-2"
    assert len(counter.recover().unresolved) == 1
    assert the_sale(counter).state is SaleState.REQUESTED
    counter.module.module_id, counter.module.answers["fetch"] = "M-1", [MADE]
    assert len(counter.recover().resolved) == 1


def test_no_sale_begins_while_another_waits_for_its_outcome(counters):
    counter = counters(issue=[LOST], refresh=[ABSENT, ABSENT], fetch=[LOST])
    refused(counter, "OUTCOME_UNKNOWN", Outcome.UNKNOWN, SaleState.REQUESTED)
    with pytest.raises(SaleError) as refusal:
        counter.sale(2, 10_000)
    assert refusal.value.code == "SALE_UNRESOLVED"
    assert counter.store.read(lambda reader: reader.sale_by_receipt(2)) is None
