"""The networked module: real tokens over verified TLS, made once whatever the line does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp.clock import SystemClock, SystemRandomness, epoch_ms
from posapp.domain.ids import uuid7
from posapp.domain.meter import EncryptionAlgorithm
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.ports import IssueRequest, IssueResult, ModuleState, NotFound
from posapp.security_module.drivers import prismtoken
from posapp.security_module.drivers.driver import (
    Context,
    LineClosedError,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.security_module.drivers.prismtoken import PrismTokenDriver, as_double, message_ids
from posapp.security_module.drivers.prismtoken_address import KeyRow, Settings
from posapp.security_module.manager import ModuleManager
from posapp.sts import tid
from tests.security_module.conformance_benches import accepts
from tests.security_module.module_process import TILL, a_configuration, a_request
from tests.security_module.prismtoken_process import PrismTokenProcess
from tests.security_module.prismtoken_server import PASSWORD

CREDIT, FETCH = "issueCreditToken", "fetchTokenResult"


class Tides:
    """The system's clock, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> Any:
        return SystemClock().now() + self.ahead

    def monotonic_ms(self) -> int:
        return SystemClock().monotonic_ms()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrismTokenProcess]:
    server = PrismTokenProcess(tmp_path_factory.mktemp("prismtoken"))
    yield server
    server.close()


@pytest.fixture
def server(shared: PrismTokenProcess) -> Iterator[PrismTokenProcess]:
    yield shared
    shared.tell("heal")


Make = Callable[..., PrismTokenDriver]


@pytest.fixture
def make(server: PrismTokenProcess) -> Iterator[Make]:
    """Closed drivers for the server; `open_` opens one."""
    made: list[PrismTokenDriver] = []

    def one(
        *,
        password: str | None = PASSWORD,
        clock: Any = None,
        host: str = "localhost",
        **options: Any,
    ) -> PrismTokenDriver:
        context = Context(secret=lambda _name: password, clock=clock or SystemClock())
        settings = Settings.parse(server.address(host, **options))
        made.append(PrismTokenDriver(settings, context))
        return made[-1]

    yield one
    for driver in made:
        driver.close()


@pytest.fixture
def driver(make: Make) -> PrismTokenDriver:
    """An open one."""
    one = make()
    one.open(soon())
    return one


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


_tids = iter(range(100_000))


def a_sale(items: int = 1, **changes: Any) -> IssueRequest:
    now = SystemClock().now()
    first = tid.tid_at(now, 2014) + next(_tids) * 3
    tids = [t + 1 if tid.is_reserved(t) else t for t in range(first, first + items)]
    request_id = uuid7(epoch_ms(now), SystemRandomness().bytes(10)).bytes
    return a_request(1, *tids, request_id=request_id, **changes)


def count(server: PrismTokenProcess, request: IssueRequest) -> int:
    return sum(name.startswith(request.request_id.hex()) for name in server.made)


def refusal(call: Callable[[], object]) -> tuple[str, Outcome]:
    with pytest.raises(ModuleError) as caught:
        call()
    return caught.value.code, caught.value.outcome


def eventually(call: Callable[[], Any]) -> Any:
    """What a call answers once the module has settled."""
    deadline = soon(10)
    while time.monotonic() < deadline:
        try:
            return call()
        except ModuleError as error:
            if error.code != "RESULT_PENDING":
                raise
    raise AssertionError("it never settled")


def until_lost(driver: PrismTokenDriver) -> None:
    """Check again and again until the line is told to be lost."""
    deadline = soon()
    while time.monotonic() < deadline:
        driver.check()


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize("ea", EncryptionAlgorithm)
def test_a_token_is_taken_by_the_meter(driver: PrismTokenDriver, ea: EncryptionAlgorithm) -> None:
    request = a_sale(configuration=a_configuration(ea=ea))
    result = driver.issue(request, soon())
    assert accepts(request, result.tokens)
    assert result.module_id.startswith("localhost:")


def test_a_large_amount_is_rounded_as_the_token_carries_it(driver: PrismTokenDriver) -> None:
    assert driver.issue(a_sale(units=1_000_001), soon()).tokens


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"units": 0}, "units"), ({"units": 18_201_625}, "units"), ({"tid": 1 << 24}, "tid")],
)
def test_what_no_token_carries_is_refused_before_anything_is_sent(
    driver: PrismTokenDriver, server: PrismTokenProcess, changes: dict[str, int], field: str
) -> None:
    request = a_sale()
    request = replace(request, items=(replace(request.items[0], **changes),))
    with pytest.raises(ModuleError) as caught:
        driver.issue(request, soon())
    assert (caught.value.code, caught.value.params["field"]) == ("FIELD_RANGE", field)
    assert count(server, request) == 0


def test_a_currency_token_is_refused_because_its_unit_is_not_certain(
    driver: PrismTokenDriver,
) -> None:
    request = a_sale()
    request = replace(request, items=(replace(request.items[0], subclass=4),))
    assert refusal(lambda: driver.issue(request, soon())) == (
        "UNSUPPORTED",
        Outcome.NOT_EXECUTED,
    )


def test_an_amount_is_a_double_only_where_a_double_is_exact() -> None:
    for units in (0, 1, 18_201_624, (1 << 53) - 1, 1 << 53):
        assert int(as_double(units)) == units
    for units in ((1 << 53) + 1, 1 << 60, -(1 << 53) - 1):
        assert refusal(lambda u=units: as_double(u)) == ("FIELD_RANGE", Outcome.NOT_EXECUTED)


def test_the_tid_is_the_tills_own_for_every_base_date(driver: PrismTokenDriver) -> None:
    request = a_sale(configuration=a_configuration(sgc="123456", krn=2, base_date=1993))
    old = replace(request, items=(replace(request.items[0], tid=tid.TID_MAX - 1),))
    assert driver.issue(old, soon()).tokens


# ---------------------------------------------------------------- groups


def test_the_id_of_each_item_follows_from_the_sale_s_id() -> None:
    sale = bytes(range(16))
    assert message_ids(sale, 1) == (sale.hex(),)
    assert message_ids(sale, 3) == tuple(f"{sale.hex()}-{k}.3" for k in (1, 2, 3))
    ids = [name for items in range(1, 9) for name in message_ids(sale, items)]
    assert len(set(ids)) == len(ids) == 36
    assert all(len(name) <= 40 for name in ids)


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_group_that_was_cut_is_finished_in_order_and_once(
    driver: PrismTokenDriver, server: PrismTokenProcess, make: Make, place: int, fault: str
) -> None:
    request = a_sale(3)
    original = driver._make

    def made(name: str, *rest: Any) -> Any:
        if name.endswith(f"-{place}.3"):
            server.tell(fault, method=CREDIT)
        return original(name, *rest)

    driver._make = made  # type: ignore[method-assign]
    with pytest.raises(LineLostError) as caught:
        driver.issue(request, soon())
    assert caught.value.sent
    later = make()
    later.open(soon())
    whole = place == 3 and fault == "after"
    found = later.fetch(request.request_id, TILL, soon())
    assert isinstance(found, IssueResult) is whole
    result = later.issue(request, soon())
    assert accepts(request, result.tokens)
    assert count(server, request) == 3
    found = later.fetch(request.request_id, TILL, soon())
    assert isinstance(found, IssueResult) and found.tokens == result.tokens


def test_a_refusal_in_the_middle_of_a_group_is_an_unknown_outcome(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    request = a_sale(2)
    driver.issue(replace(request, items=request.items[:1]), soon())
    names = message_ids(request.request_id, 2)
    original = driver._recall

    def recall(name: str, deadline: float) -> Any:
        if name == names[1]:
            server.tell("refuse", method=CREDIT, code="EKeystore.NotFound")
        return original(name, deadline)

    driver._recall = recall  # type: ignore[method-assign]
    with pytest.raises(ModuleError) as caught:
        driver.issue(request, soon())
    assert (caught.value.code, caught.value.outcome) == ("KEY_NOT_FOUND", Outcome.UNKNOWN)
    assert caught.value.params["made"] == 1


def test_a_line_that_breaks_between_two_items_is_no_line_on_which_nothing_was_sent(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    request = a_sale(2)
    original = driver._recall

    def recall(name: str, deadline: float) -> Any:
        if name.endswith("-2.2"):
            server.tell("before", method=FETCH)
        return original(name, deadline)

    driver._recall = recall  # type: ignore[method-assign]
    with pytest.raises(LineLostError) as caught:
        driver.issue(request, soon())
    assert caught.value.sent and count(server, request) == 1


# ---------------------------------------------------------------- once


def test_nothing_is_asked_for_before_it_was_asked_whether_it_was_made(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    request = a_sale()
    server.tell("before", method=FETCH)
    with pytest.raises(LineLostError) as caught:
        driver.issue(request, soon())
    assert not caught.value.sent  # the manager may try again at once
    assert count(server, request) == 0


def test_a_request_that_may_still_run_is_not_asked_for_again_until_it_cannot(
    server: PrismTokenProcess, make: Make
) -> None:
    """The server executes it after the line broke: asked at once, it says that it knows nothing."""
    one, request = make(settle_s=1), a_sale()
    one.open(soon())
    server.tell("late", method=CREDIT, s=0.6)
    with pytest.raises(LineLostError):
        one.issue(request, soon())
    one.open(soon())
    pending = ("RESULT_PENDING", Outcome.UNKNOWN)
    assert refusal(lambda: one.fetch(request.request_id, TILL, soon())) == pending
    assert refusal(lambda: one.issue(request, soon())) == pending
    found = eventually(lambda: one.fetch(request.request_id, TILL, soon()))
    assert isinstance(found, IssueResult) and accepts(request, found.tokens)
    assert count(server, request) == 1


def test_a_module_that_forgot_is_believed_for_as_long_as_it_remembers(
    server: PrismTokenProcess, make: Make
) -> None:
    clock = Tides()
    one, request = make(clock=clock, cache_s=300), a_sale()
    one.open(soon())
    one.issue(request, soon())
    server.tell("forget")
    assert one.fetch(request.request_id, TILL, soon()) == NotFound(0)
    clock.ahead = timedelta(seconds=310)
    expired = ("RESULT_EXPIRED", Outcome.UNKNOWN)
    assert refusal(lambda: one.fetch(request.request_id, TILL, soon())) == expired
    assert refusal(lambda: one.issue(request, soon())) == expired
    assert count(server, request) == 1


def test_what_is_found_is_believed_however_old_it_is(make: Make) -> None:
    clock = Tides()
    one, request = make(clock=clock), a_sale()
    one.open(soon())
    result = one.issue(request, soon())
    clock.ahead = timedelta(days=3)
    assert one.issue(request, soon()).tokens == result.tokens


# ---------------------------------------------------------------- answers that do not fit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("drn", "58000079531"),
        ("sgc", 201458),
        ("krn", 2),
        ("ti", 2),
        ("ea", 11),
        ("tokenClass", 2),
        ("subclass", 1),
        ("tid", 5),
        ("transferAmount", 712.0),
        ("transferAmount", 711.5),
        ("tokenDec", "123"),
        ("tokenDec", "9" * 20),
        ("tokenDec", "1234567890123456789x"),
        ("tokenDec", None),
        ("drn", None),
    ],
)
def test_a_token_for_something_else_is_not_shown(
    driver: PrismTokenDriver, server: PrismTokenProcess, field: str, value: object
) -> None:
    server.tell("answer", field=field, value=value)
    with pytest.raises(WrongAnswerError):
        driver.issue(a_sale(), soon())


@pytest.mark.parametrize("fault", ["noise", "huge"])
def test_bytes_that_are_no_answer_end_the_line_at_once(
    driver: PrismTokenDriver, server: PrismTokenProcess, fault: str
) -> None:
    server.tell(fault, method=CREDIT)
    begun = time.monotonic()
    with pytest.raises(WrongAnswerError):
        driver.issue(a_sale(), soon())
    assert time.monotonic() - begun < 2


def test_one_byte_at_a_time_does_not_outlast_the_deadline(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    server.tell("drip", method=CREDIT, s=0.01)
    begun = time.monotonic()
    with pytest.raises(LineSilentError):
        driver.issue(a_sale(), soon(0.6))
    assert time.monotonic() - begun < 1.5


def test_an_answer_nobody_waits_for_any_more_is_a_lost_line(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    driver.check()
    server.tell("slow", method=CREDIT, s=0.3)
    with pytest.raises(LineSilentError):
        driver.issue(a_sale(), soon(0.1))
    with pytest.raises(LineLostError) as caught:
        until_lost(driver)
    assert not caught.value.sent


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        *((code, (ours, Outcome.NOT_EXECUTED)) for code, ours in prismtoken._REFUSALS.items()),
        ("ESm", ("INTERNAL", Outcome.UNKNOWN)),
        ("EService", ("INTERNAL", Outcome.UNKNOWN)),
        ("ESomething.New", ("INTERNAL", Outcome.UNKNOWN)),
        ("", ("INTERNAL", Outcome.UNKNOWN)),
    ],
)
def test_each_refusal_is_translated_and_an_unlisted_one_is_unknown(
    driver: PrismTokenDriver, server: PrismTokenProcess, code: str, ours: tuple[str, Outcome]
) -> None:
    server.tell("refuse", method=CREDIT, code=code)
    request = a_sale()
    if code:
        assert refusal(lambda: driver.issue(request, soon())) == ours
        assert driver.is_open
    assert driver.issue(request, soon()).tokens
    assert count(server, request) == 1


def test_a_key_that_it_has_not_is_told_as_ours_would(driver: PrismTokenDriver) -> None:
    request = a_sale(configuration=a_configuration(sgc="999999"))
    assert refusal(lambda: driver.issue(request, soon())) == (
        "KEY_NOT_FOUND",
        Outcome.NOT_EXECUTED,
    )


# ---------------------------------------------------------------- signing in


def test_a_session_that_ended_is_begun_again_within_the_call(
    driver: PrismTokenDriver, server: PrismTokenProcess
) -> None:
    server.tell("sign_out")
    request = a_sale()
    assert driver.issue(request, soon()).tokens
    assert count(server, request) == 1


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_a_refused_password_is_not_tried_again(
    make: Make, server: PrismTokenProcess, password: str | None
) -> None:
    one = make(password=password)
    refused = ("MODULE_LOGIN_REFUSED", Outcome.NOT_EXECUTED)
    assert refusal(lambda: one.open(soon())) == refused
    assert not one.is_open
    server.tell("refuse", method="signInWithPassword", code="ESignin.Version")
    assert refusal(lambda: one.open(soon())) == refused  # or it would be PROTOCOL_VERSION
    fresh = make()
    assert refusal(lambda: fresh.open(soon())) == ("PROTOCOL_VERSION", Outcome.NOT_EXECUTED)


def test_the_password_is_seen_nowhere(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = make()
    one.open(soon())
    result = one.issue(a_sale(), soon())
    text = caplog.text + repr(one) + repr(vars(one)["_settings"])
    assert PASSWORD not in text + repr(vars(one))
    assert result.tokens[0] not in text + repr(result)


# ---------------------------------------------------------------- who it is


def closed(one: PrismTokenDriver) -> str:
    with pytest.raises(LineClosedError) as caught:
        one.open(soon())
    assert not one.is_open
    return caught.value.code


def test_a_certificate_of_a_stranger_is_not_trusted(
    make: Make, server: PrismTokenProcess, tmp_path: Path
) -> None:
    other = PrismTokenProcess(tmp_path / "other")
    other.close()
    assert closed(make(ca=other.authority)) == "MODULE_NOT_TRUSTED"
    own = Settings.parse(server.address().replace(f"ca={server.authority}&", ""))
    one = PrismTokenDriver(own, Context(secret=lambda _name: PASSWORD))
    assert closed(one) == "MODULE_NOT_TRUSTED"  # the system does not know it either
    assert closed(make(ca=tmp_path / "missing.pem")) == "MODULE_NOT_TRUSTED"


def test_a_certificate_must_say_the_name_that_was_asked_for(make: Make) -> None:
    assert closed(make(name="sm.example")) == "MODULE_NOT_TRUSTED"
    assert make(host="127.0.0.1").open(soon()).module_id.startswith("127.0.0.1:")
    assert make(host="127.0.0.1", name="localhost").open(soon())


def test_an_expired_certificate_is_not_trusted(tmp_path: Path) -> None:
    old = PrismTokenProcess(tmp_path, days=-1)
    try:
        one = PrismTokenDriver(
            Settings.parse(old.address()), Context(secret=lambda _name: PASSWORD)
        )
        assert closed(one) == "MODULE_NOT_TRUSTED"
    finally:
        old.close()


def test_what_it_says_of_itself_is_no_more_than_is_known(driver: PrismTokenDriver) -> None:
    report = driver.status(TILL, soon())
    assert not report.hello.certified
    assert report.hello.firmware == "interface 1.1 as published"
    assert [(key.sgc, key.krn, key.base_date) for key in report.keys] == [
        ("201457", 1, 2014),
        ("123456", 1, 2014),
    ]


# ---------------------------------------------------------------- addresses


def test_an_address_says_all_but_the_password() -> None:
    address = "prismtoken://till-7@sm.example:9444?realm=shop&key=123456.1.2014.85&cache_s=60"
    settings = Settings.parse(address)
    assert (settings.endpoint.host, settings.endpoint.port) == ("sm.example", 9444)
    assert (settings.user, settings.realm, settings.cache_s) == ("till-7", "shop", 60)
    assert settings.keys == (KeyRow("123456", 1, 2014, 85),)
    assert Settings.parse("prismtoken://a@sm.example").endpoint.port == 9443


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "sm.example",
        "till@",
        "till@sm.example:0x",
        "till@sm.example:99999",
        "till@sm.example/path",
        "till@sm.example?key=1.1.2014",
        "till@sm.example?key=123456.1.2015",
        "till@sm.example?key=123456.1.2014.256",
        "till@sm.example?verify=no",
        "till@sm.example?cache_s=x",
        "till@sm.example#x",
        "two words@sm.example",
    ],
)
def test_half_an_address_is_refused(rest: str) -> None:
    with pytest.raises(ConfigError, match="MODULE_ADDRESS_INVALID"):
        Settings.parse(f"prismtoken://{rest}")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    for address in ("prismtoken://till:hunter2@sm.example", "prismtoken://t:hunter2@sm.example:x"):
        with pytest.raises(ConfigError) as caught:
            Settings.parse(address)
        assert "hunter2" not in str(caught.value)
    assert caught.value.code == "MODULE_ADDRESS_INVALID"


# ---------------------------------------------------------------- under the manager


def test_the_manager_sells_through_a_line_that_breaks_and_makes_each_token_once(
    server: PrismTokenProcess,
) -> None:
    manager = ModuleManager(
        server.address(),
        till_id=TILL,
        clock=SystemClock(),
        hard_s=5.0,
        secret=lambda _name: PASSWORD,
    )
    try:
        for fault in ("before", "after", "before", "after"):
            request = a_sale()
            assert manager.poll().state is ModuleState.READY
            server.tell(fault, method=CREDIT)
            assert refusal(lambda r=request: manager.issue(r)) == (
                "MODULE_LINK_LOST",
                Outcome.UNKNOWN,
            )
            assert manager.status().state is ModuleState.LINK_LOST
            assert manager.poll().state is ModuleState.RECOVERING
            found = manager.fetch(request.request_id, TILL)
            assert isinstance(found, IssueResult) is (fault == "after")
            assert manager.status().state is ModuleState.READY
            assert accepts(request, manager.issue(request).tokens)
            assert count(server, request) == 1
    finally:
        manager.close()


def test_a_refused_password_locks_the_module_on_the_screen(server: PrismTokenProcess) -> None:
    manager = ModuleManager(
        server.address(), till_id=TILL, clock=SystemClock(), secret=lambda _name: "wrong"
    )
    assert manager.poll().state is ModuleState.LOCKED
    assert manager.status().action == "SIGN_IN"
    assert manager.status().problem == "MODULE_LOGIN_REFUSED"
    manager.close()
