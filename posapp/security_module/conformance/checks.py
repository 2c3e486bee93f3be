"""The contract, a function a sentence; `bench.py` has what they work with.

Sentences are for the author of a driver: they stand in the report when one does not hold.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from posapp.domain.sale import TokenKind
from posapp.errors import ModuleError, Outcome
from posapp.ports import IssueRequest, IssueResult, ModuleState, NotFound
from posapp.security_module.conformance.bench import (
    LINE_ERRORS,
    BrokenError,
    Cable,
    Case,
    Check,
    cut_short,
    must,
    refused,
)
from posapp.security_module.drivers.driver import (
    Capability,
    Driver,
    LineClosedError,
    LineLostError,
    LineSilentError,
)
from posapp.security_module.link.messages import BOOT_BYTES
from posapp.security_module.manager import ModuleManager

SHORT_S = 0.5  # the deadline of a call that will get no answer
GRACE_S = 1.0  # how much later than its deadline a call may end
LONG_S = 20.0  # of a call that is interrupted long before
SOON_S = 3.0
NAME_MAX = 64
TOKEN_MAX = 1 << 66
UNITS_TOO_MANY = (1 << 31) - 1  # far more than a token carries
CLOSED_CODES = {
    "PORT_MISSING",
    "PORT_BUSY",
    "PORT_DENIED",
    "PORT_AMBIGUOUS",
    "MODULE_ABSENT",
    "MODULE_NOT_TRUSTED",
}

CHECKS: list[Check] = []
Work = Callable[[Case], None]


def checks(
    sentence: str, *needs: Capability, parts: tuple[str, ...] = ()
) -> Callable[[Work], Work]:
    """A function becomes a check: its sentence, and what it needs of the driver and the bench."""

    def add(work: Work) -> Work:
        CHECKS.append(Check(sentence, work, frozenset(needs), parts))
        return work

    return add


# ---------------------------------------------------------------- who is there


@checks("a driver is made closed, and closed it refuses every call without having sent anything")
def _closed(case: Case) -> None:
    driver, request = case.driver(), case.request()
    must(not driver.is_open, "it is open before `open`")
    driver.interrupt()
    driver.close()
    calls: list[Callable[[], object]] = [
        driver.check,
        lambda: driver.status(case.till_id, case.deadline()),
        lambda: driver.issue(request, case.deadline()),
        lambda: driver.fetch(request.request_id, case.till_id, case.deadline()),
        lambda: driver.cancel(request.request_id, case.till_id, 1, case.deadline()),
    ]
    for call in calls:
        try:
            call()
        except LineLostError as lost:
            must(not lost.sent, "a closed driver says that something left")
        else:
            raise BrokenError("a closed driver answers")


@checks("the module says who it is, the same at each opening")
def _hello(case: Case) -> None:
    driver = case.driver()
    first = driver.open(case.deadline())
    must(driver.is_open, "it is closed after `open`")
    must(0 < len(first.module_id) <= NAME_MAX, "the module's id has no use as a name")
    must(len(first.boot) == BOOT_BYTES, f"boot has not {BOOT_BYTES} bytes")
    driver.check()
    again = driver.open(case.deadline())
    must(again == first, "another opening, another module")
    driver.close()
    driver.close()
    must(not driver.is_open, "it is open after `close`")
    must(driver.open(case.deadline()).module_id == first.module_id, "another id after `close`")


@checks("the report names the module, and the keys where the driver declares them")
def _status(case: Case) -> None:
    driver = case.driver()
    hello = driver.open(case.deadline())
    report = driver.status(case.till_id, case.deadline())
    must(report.hello.module_id == hello.module_id, "the report is another module's")
    must(report.last_sequence == 0, "a new till has used numbers")
    wanted = case.bench.configuration
    if Capability.KEYS in case.bench.capabilities:
        keys = [(key.sgc, key.krn, key.base_date) for key in report.keys]
        must((wanted.sgc, wanted.krn, wanted.base_date) in keys, "the meter's key is not listed")


@checks("an address that leads nowhere is told by its code, in time", parts=("nowhere",))
def _nowhere(case: Case) -> None:
    driver = case.driver(case.bench.nowhere)
    begun = time.monotonic()
    try:
        driver.open(case.deadline(SHORT_S))
    except LineClosedError as closed:
        must(closed.code in CLOSED_CODES, f"{closed.code} is no code of a line")
    except LINE_ERRORS:
        pass  # something is there, and no module
    else:
        raise BrokenError("it opened")
    must(time.monotonic() - begun < SHORT_S + 2 + GRACE_S, "it took too long")
    must(not driver.is_open, "it is open all the same")


@checks(
    "another module has another id, and a till that knows the first asks it nothing",
    parts=("stranger",),
)
def _wrong_module(case: Case) -> None:
    known = case.opened()
    ours = known.open(case.deadline()).module_id
    known.close()
    stranger = case.driver(case.bench.stranger)
    theirs = stranger.open(case.deadline()).module_id
    stranger.close()
    must(ours != theirs, "two modules have one id")
    manager = _manager(case, stranger, ours)
    error = refused(lambda: manager.issue(case.request()), Outcome.NOT_EXECUTED, "WRONG_MODULE")
    must(error.params.get("found") == theirs, "the wrong module is not named")
    must(manager.status().state is ModuleState.WRONG_MODULE, "the state hides it")
    manager.close()


# ---------------------------------------------------------------- tokens


@checks("one item makes one token of twenty digits, new each time")
def _issue(case: Case) -> None:
    driver = case.opened()
    results = [case.sell(driver) for _ in range(3)]
    for request, result in results:
        _is_whole(case, request, result)
        must(not result.replayed, "a new sale was replayed")
        case.made_once(request)
    must(len({result.tokens for _, result in results}) == 3, "two sales have one token")


@checks("a group makes a token an item, in order, and the same group again")
def _group(case: Case) -> None:
    driver = case.opened()
    request, result = case.sell(driver, items=3)
    _is_whole(case, request, result)
    must(len(set(result.tokens)) == 3, "two items have one token")
    again = driver.issue(request, case.deadline())
    must(again.tokens == result.tokens and again.replayed, "the group was made anew")
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(found, IssueResult), "the group cannot be fetched")
    assert isinstance(found, IssueResult)
    must(found.tokens == result.tokens, "the group is fetched in another order")
    case.made_once(request)


@checks("of a group that cannot be made whole nothing is made", Capability.GROUPS)
def _all_or_none(case: Case) -> None:
    driver = case.opened()
    request = case.request(items=3)
    items = (*request.items[:2], replace(request.items[2], units=UNITS_TOO_MANY))
    broken = replace(request, items=items)
    refused(lambda: driver.issue(broken, case.deadline()), Outcome.NOT_EXECUTED)
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(found, NotFound), "half a group was made")


@checks("a refusal says NOT_EXECUTED and leaves a line on which the next sale is made")
def _refusals(case: Case) -> None:
    driver = case.opened()
    other = next(k for k in range(9, 0, -1) if k != case.bench.configuration.krn)
    no_key = replace(case.bench.configuration, sgc="999999", krn=other)
    requests = [
        replace(case.request(), configuration=no_key),
        case.request(units=UNITS_TOO_MANY),
        case.request(units=0),
    ]
    for request in requests:
        refused(partial(driver.issue, request, case.deadline()), Outcome.NOT_EXECUTED)
        found = driver.fetch(request.request_id, case.till_id, case.deadline())
        must(isinstance(found, NotFound), "what was refused was made")
    must(driver.is_open, "a refusal closed the line")
    case.made_once(case.sell(driver)[0])


def _kind(case: Case, request: IssueRequest) -> None:
    """One item of any kind: its tokens, the same again, and found."""
    driver = case.opened()
    result = driver.issue(request, case.deadline())
    must(len(result.tokens) == request.token_count, "not as many tokens as such an item has")
    _are_tokens(result)
    again = driver.issue(request, case.deadline())
    must(again.tokens == result.tokens, "another token for the same request")
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(found, IssueResult) and found.tokens == result.tokens, "fetched, it differs")


@checks("credit in money is made in units of 0.00001 of the currency", Capability.CURRENCY)
def _currency(case: Case) -> None:
    _kind(case, case.order(subclass=4, units=1_234_500_000))


@checks("a management token is made", Capability.MANAGEMENT)
def _management(case: Case) -> None:
    _kind(case, case.order(kind=TokenKind.MANAGEMENT, subclass=0, units=5_000, value_minor=0))


@checks("a meter's test token is made without a token identifier", Capability.METER_TEST)
def _meter_test(case: Case) -> None:
    _kind(case, case.order(kind=TokenKind.METER_TEST, tid=0, units=1, value_minor=0))


@checks("a key change is one item and a set of tokens", Capability.KEY_CHANGE, parts=("target",))
def _key_change(case: Case) -> None:
    kind, target = TokenKind.KEY_CHANGE, case.bench.target
    _kind(case, case.order(kind=kind, tid=0, units=0, value_minor=0, target=target))


# ---------------------------------------------------------------- once, and not twice


@checks("the same request is answered the same, on this line and on others", Capability.REPLAY)
def _replay(case: Case) -> None:
    driver = case.opened()
    request, result = case.sell(driver)
    answers = [driver.issue(request, case.deadline())]
    driver.open(case.deadline())
    answers.append(driver.issue(request, case.deadline()))
    driver.close()
    answers.append(case.opened().issue(request, case.deadline()))
    for answer in answers:
        must(answer.tokens == result.tokens, "another token for the same request")
        must(answer.audit_no == result.audit_no, "another audit number for the same request")
        must(answer.replayed, "a replay that does not say so")
    case.made_once(request)


@checks("the same id with other content is refused and changes nothing", Capability.CONFLICT)
def _conflict(case: Case) -> None:
    driver = case.opened()
    request, result = case.sell(driver)
    other = replace(request, items=(replace(request.items[0], units=712),))
    refused(lambda: driver.issue(other, case.deadline()), Outcome.NOT_EXECUTED, "RID_CONFLICT")
    must(driver.issue(request, case.deadline()).tokens == result.tokens, "the first one is lost")
    case.made_once(request)


@checks("a request can be fetched, one that never was cannot")
def _fetch(case: Case) -> None:
    driver = case.opened()
    request, result = case.sell(driver)
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(found, IssueResult), "what was made is not found")
    assert isinstance(found, IssueResult)
    _is_whole(case, request, found)
    must(found.tokens == result.tokens, "another token is found")
    never = case.request()
    missing = driver.fetch(never.request_id, case.till_id, case.deadline())
    must(isinstance(missing, NotFound), "what was never asked for is found")
    assert isinstance(missing, NotFound)
    if Capability.SEQUENCE in case.bench.capabilities:
        must(missing.last_sequence == request.sequence, "the highest number is not told")
        foreign = driver.fetch(request.request_id, bytes(16), case.deadline())
        must(isinstance(foreign, NotFound), "another till reads this till's tokens")


@checks("a number that was passed never runs", Capability.SEQUENCE)
def _stale(case: Case) -> None:
    driver = case.opened()
    early = case.request()
    case.sell(driver)
    refused(lambda: driver.issue(early, case.deadline()), Outcome.NOT_EXECUTED, "STALE")
    found = driver.fetch(early.request_id, case.till_id, case.deadline())
    must(isinstance(found, NotFound), "a stale request was made")


@checks("a cancelled request never runs, and one that ran cannot be cancelled", Capability.CANCEL)
def _cancel(case: Case) -> None:
    driver = case.opened()
    request = case.request()
    for _ in range(2):
        driver.cancel(request.request_id, case.till_id, request.sequence, case.deadline())
    refused(lambda: driver.issue(request, case.deadline()), Outcome.NOT_EXECUTED, "STALE")
    sold, _ = case.sell(driver)
    _cancel_too_late(case, driver, sold)


@checks("a driver that cannot cancel says so, and never that it did")
def _no_cancel(case: Case) -> None:
    driver = case.opened()
    sold, _ = case.sell(driver)
    _cancel_too_late(case, driver, sold)
    if Capability.CANCEL not in case.bench.capabilities:
        request = case.request()
        refused(
            lambda: driver.cancel(
                request.request_id, case.till_id, request.sequence, case.deadline()
            ),
            Outcome.UNKNOWN,
        )


def _cancel_too_late(case: Case, driver: Driver, sold: IssueRequest) -> None:
    refused(
        lambda: driver.cancel(sold.request_id, case.till_id, sold.sequence, case.deadline()),
        Outcome.EXECUTED,
        "ALREADY_ISSUED",
    )


# ---------------------------------------------------------------- bad lines


@checks("a lost answer is an unknown outcome; fetched, it is there once", parts=("cable",))
def _lost_answer(case: Case) -> None:
    for items in (1, 2):
        driver, request = case.opened(), case.request(items)
        _cable(case).lose_answer()
        cut_short(partial(driver.issue, request, case.deadline(SHORT_S * 2)))
        _cable(case).heal()
        driver.close()
        result = _settled(case, request)
        _is_whole(case, request, result)
        case.made_once(request)


@checks("a lost request is an unknown outcome; asked again, it is made once", parts=("cable",))
def _lost_request(case: Case) -> None:
    driver, request = case.opened(), case.request()
    _cable(case).lose_request()
    try:
        driver.issue(request, case.deadline(SHORT_S * 2))
    except LINE_ERRORS:
        pass
    except ModuleError as error:
        must(error.outcome is Outcome.UNKNOWN, f"{error.code} says {error.outcome}")
    else:
        raise BrokenError("an answer, though the request was lost")
    _cable(case).heal()
    driver.close()
    _is_whole(case, request, _settled(case, request))
    case.made_once(request)


@checks(
    "a request that comes after it was cancelled never runs", Capability.CANCEL, parts=("cable",)
)
def _late(case: Case) -> None:
    driver, request = case.opened(), case.request()
    _cable(case).delay()
    cut_short(lambda: driver.issue(request, case.deadline(SHORT_S)))
    _cable(case).heal()
    driver.open(case.deadline())
    driver.cancel(request.request_id, case.till_id, request.sequence, case.deadline())
    driver.close()
    _cable(case).deliver()
    driver.open(case.deadline())
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(found, NotFound), "a late request was made")
    if case.bench.made is not None:
        must(case.bench.made(request.request_id) == 0, "a late request was made")


@checks("a silent module costs the deadline and no more", parts=("cable",))
def _deadline(case: Case) -> None:
    driver, request = case.opened(), case.request()
    _cable(case).stall()
    begun = time.monotonic()
    error = cut_short(lambda: driver.issue(request, case.deadline(SHORT_S)))
    took_s = time.monotonic() - begun
    must(isinstance(error, (LineSilentError, LineLostError)), "silence is told as an answer")
    must(took_s < SHORT_S + GRACE_S, f"{took_s:.1f} s instead of {SHORT_S}")
    driver.close()


@checks("a call under way ends soon when it is interrupted", parts=("cable",))
def _interrupted(case: Case) -> None:
    driver, request = case.opened(), case.request()
    _cable(case).stall()
    ended: list[object] = []

    def work() -> None:
        try:
            driver.issue(request, case.deadline(LONG_S))
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=work, name="conformance", daemon=True)
    thread.start()
    deadline = time.monotonic() + SOON_S
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(SOON_S / 10)
        driver.interrupt()  # more than once: the call may not have begun to wait
    must(ended, "it went on")
    must(isinstance(ended[0], LINE_ERRORS), f"it ended with {type(ended[0]).__name__}")
    driver.close()


# ---------------------------------------------------------------- what is seen of it


@checks("neither a secret nor a token shows in what the driver says of itself or of an error")
def _secrets(case: Case) -> None:
    driver = case.driver()
    seen = [repr(driver), repr(driver.open(case.deadline()))]
    request, result = case.sell(driver)
    seen += [repr(driver), repr(result), repr(driver.status(case.till_id, case.deadline()))]
    other = replace(request, items=(replace(request.items[0], units=0),))
    calls: list[Callable[[], object]] = [
        partial(driver.issue, other, case.deadline()),
        partial(driver.cancel, request.request_id, case.till_id, 1, case.deadline()),
        driver.close,
        driver.check,
    ]
    for call in calls:
        try:
            call()
        except (*LINE_ERRORS, ModuleError) as error:
            seen += traceback.format_exception(error)
    text = "\n".join(seen)
    hidden = [*result.tokens, *case.bench.secrets]
    must(not any(secret in text for secret in hidden), "a secret or a token is shown")


@checks("under the till's manager a sale, its replay, a fetch and a closing go as they must")
def _managed(case: Case) -> None:
    manager = _manager(case, case.driver(), "")
    request = case.request()
    result = manager.issue(request)
    _is_whole(case, request, result)
    must(manager.status().state is ModuleState.READY, "the module is not ready after a sale")
    must(manager.issue(request).tokens == result.tokens, "the manager's replay differs")
    found = manager.fetch(request.request_id, case.till_id)
    must(isinstance(found, IssueResult), "the manager does not find it")
    manager.refresh()
    manager.close()
    refused(lambda: manager.issue(case.request()), Outcome.NOT_EXECUTED, "MODULE_ABSENT")
    case.made_once(request)


# ---------------------------------------------------------------- helpers


def _manager(case: Case, driver: Driver, module_id: str) -> ModuleManager:
    return ModuleManager(
        "conformance:",
        till_id=case.till_id,
        clock=case.bench.clock,
        module_id=module_id,
        hard_s=case.bench.call_s,
        driver=driver,
    )


def _is_whole(case: Case, request: IssueRequest, result: IssueResult) -> None:
    must(result.request_id == request.request_id, "the answer to another request")
    must(len(result.tokens) == len(request.items), "not one token an item")
    _are_tokens(result)
    if case.bench.accepts is not None:
        must(case.bench.accepts(request, result.tokens), "the meter does not take the tokens")


def _are_tokens(result: IssueResult) -> None:
    for token in result.tokens:
        right = len(token) == 20 and token.isascii() and token.isdecimal()
        must(right and int(token) < TOKEN_MAX, "a token that is none")


def _settled(case: Case, request: IssueRequest) -> IssueResult:
    """What a till does with an unknown outcome: fetch, and only then the same again."""
    driver = case.opened()
    found = driver.fetch(request.request_id, case.till_id, case.deadline())
    if isinstance(found, NotFound):
        found = driver.issue(request, case.deadline())
    again = driver.fetch(request.request_id, case.till_id, case.deadline())
    must(isinstance(again, IssueResult) and again.tokens == found.tokens, "fetched, it differs")
    return found


def _cable(case: Case) -> Cable:
    assert case.bench.cable is not None, "the check said that it needs one"
    return case.bench.cable
