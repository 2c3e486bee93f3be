"""What the till's manager says of a module: its states, its errors, and what became of money."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from posapp.clock import SystemClock, SystemRandomness
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.lanes import InlineLanes, Lane, Lanes, ThreadLanes
from posapp.ports import IssueResult, ModuleState, NotFound
from posapp.security_module.drivers.driver import LineLostError, LineSilentError
from posapp.security_module.link import codec, pairing
from posapp.security_module.link.identity import LineKeys, Peer
from posapp.security_module.link.messages import Answer, AuditPage, Hello, Report
from posapp.security_module.link.transports import Address, _port_code
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference.pairing_desk import PairingWindow
from posapp.sts import tid
from tests.security_module.lines import HELLO, ScriptedPeer, hang_up, says, silent
from tests.security_module.module_process import TILL, ModuleProcess, a_request

REQUEST = a_request(1, 1_000_000)
TOKEN = "12345678901234567890"
ANSWER = Answer(REQUEST.request_id, (TOKEN,), HELLO.module_id, 1, replayed=False)

Make = Callable[..., ModuleManager]


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < deadline, "it never became true"
        threading.Event().wait(0.005)


@pytest.fixture
def manage() -> Iterator[Make]:
    made: list[ModuleManager] = []

    def make(address: str, **options: Any) -> ModuleManager:
        settings: dict[str, Any] = {"till_id": TILL, "clock": SystemClock(), "hard_s": 0.3}
        made.append(ModuleManager(address, **{**settings, **options}))
        return made[-1]

    yield make
    for manager in made:
        manager.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., ScriptedPeer]]:
    made: list[ScriptedPeer] = []

    def make(script: Any, hello: Hello | None = HELLO) -> ScriptedPeer:
        made.append(ScriptedPeer(script, hello))
        return made[-1]

    yield make
    for one in made:
        one.close()


def failure(call: Callable[[], object]) -> tuple[str, Outcome]:
    with pytest.raises(ModuleError) as caught:
        call()
    return caught.value.code, caught.value.outcome


# ---------------------------------------------------------------- what became of the request


def test_silence_after_the_request_is_an_unknown_outcome(manage: Make, peer: Any) -> None:
    manager = manage(peer(silent).address)
    begun = time.monotonic()
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_TIMEOUT", Outcome.UNKNOWN)
    assert 0.25 < time.monotonic() - begun < 2
    assert manager.status().state is ModuleState.LINK_LOST


def test_a_cable_pulled_after_the_request_is_an_unknown_outcome(manage: Make, peer: Any) -> None:
    manager = manage(peer(hang_up).address)
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_LINK_LOST", Outcome.UNKNOWN)


def test_a_port_where_nobody_listens_is_not_executed(manage: Make) -> None:
    manager = manage("tcp:127.0.0.1:1")
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_ABSENT", Outcome.NOT_EXECUTED)
    assert manager.status().state is ModuleState.ABSENT


def test_a_missing_serial_port_is_not_executed(manage: Make, tmp_path: Any) -> None:
    manager = manage(f"serial:{tmp_path / 'nothing'}")
    assert failure(lambda: manager.issue(REQUEST)) == ("PORT_MISSING", Outcome.NOT_EXECUTED)


def test_someone_who_never_says_hello_is_no_module_and_gets_no_request(
    manage: Make, peer: Any
) -> None:
    mute = peer(silent, None)
    manager = manage(mute.address)
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_ABSENT", Outcome.NOT_EXECUTED)
    assert set(mute.heard) == {codec.HELLO}


def test_a_question_that_fails_leaves_the_sale_unknown_even_if_it_was_never_sent(
    manage: Make,
) -> None:
    manager = manage("tcp:127.0.0.1:1")
    unknown = ("MODULE_ABSENT", Outcome.UNKNOWN)
    assert failure(lambda: manager.fetch(REQUEST.request_id, TILL)) == unknown
    assert failure(lambda: manager.cancel(REQUEST.request_id, TILL, 1)) == unknown


def test_asking_how_it_is_never_endangers_money(manage: Make, peer: Any) -> None:
    manager = manage(peer(silent).address)
    assert failure(manager.refresh) == ("MODULE_TIMEOUT", Outcome.NOT_EXECUTED)


def test_the_modules_own_word_comes_through_with_its_parameters(manage: Make, peer: Any) -> None:
    def script(request: codec.Request) -> list[bytes]:
        no = Outcome.NOT_EXECUTED
        return [codec.refusal(request.call, "TID_WINDOW", no, {"lowest_tid": 77})]

    manager = manage(peer(script).address)
    with pytest.raises(ModuleError) as caught:
        manager.issue(REQUEST)
    assert (caught.value.code, caught.value.outcome) == ("TID_WINDOW", Outcome.NOT_EXECUTED)
    assert caught.value.params == {"lowest_tid": 77}
    assert manager.status().state is ModuleState.READY


def test_a_cancel_that_came_too_late_says_executed(manage: Make, peer: Any) -> None:
    def script(request: codec.Request) -> list[bytes]:
        return [codec.refusal(request.call, "ALREADY_ISSUED", Outcome.EXECUTED, {})]

    manager = manage(peer(script).address)
    too_late = ("ALREADY_ISSUED", Outcome.EXECUTED)
    assert failure(lambda: manager.cancel(REQUEST.request_id, TILL, 1)) == too_late


# ---------------------------------------------------------------- answers that are none


@pytest.mark.parametrize(
    "body",
    [
        {**ANSWER.body(), "rid": bytes(16)},
        {**ANSWER.body(), "tokens": [TOKEN, TOKEN]},
        {**ANSWER.body(), "tokens": ["1234"]},
        {**ANSWER.body(), "module": "PEER-2"},
        {**ANSWER.body(), "audit": 0},
        {},
    ],
    ids=["another request", "one too many", "no token", "another module", "no number", "empty"],
)
def test_an_answer_that_does_not_fit_is_not_believed(
    manage: Make, peer: Any, body: dict[str, Any]
) -> None:
    manager = manage(peer(says(body)).address)
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_ANSWER_WRONG", Outcome.UNKNOWN)


def test_late_answers_and_noise_before_the_right_one_are_ignored(manage: Make, peer: Any) -> None:
    asked: list[int] = []

    def script(request: codec.Request) -> list[bytes]:
        other = Answer(REQUEST.request_id, ("9" * 19 + "0",), HELLO.module_id, 9, replayed=True)
        asked.append(request.call)
        if len(asked) == 1:
            return [
                codec.reply(request.call - 1, other.body()),
                codec.refusal(request.call + 1, "STALE", Outcome.NOT_EXECUTED, {}),
                b"\xff\x00no cbor",
            ]
        return [codec.reply(request.call, ANSWER.body())]

    manager = manage(peer(script).address)
    assert manager.issue(REQUEST) == IssueResult(REQUEST.request_id, (TOKEN,), "PEER-1", 1)


def test_each_opening_of_a_line_counts_from_somewhere_else(manage: Make, peer: Any) -> None:
    calls: list[int] = []

    def script(request: codec.Request) -> list[bytes]:
        calls.append(request.call)
        return [codec.reply(request.call, ANSWER.body())]

    address = peer(script).address
    for _ in range(3):
        till = manage(address)
        till.issue(REQUEST)
        till.close()
    assert min(abs(a - b) for a in calls for b in calls if a is not b) > 1000


def test_a_request_that_got_lost_is_sent_again_before_the_till_gives_up(
    manage: Make, peer: Any
) -> None:
    asked: list[int] = []

    def script(request: codec.Request) -> list[bytes]:
        asked.append(request.call)
        return [codec.reply(request.call, ANSWER.body())] if len(asked) == 2 else []

    manager = manage(peer(script).address, hard_s=2.0)
    assert manager.issue(REQUEST).tokens == (TOKEN,)
    assert asked[0] == asked[1]


def test_a_module_of_another_protocol_version_is_named_so(manage: Make, peer: Any) -> None:
    def script(request: codec.Request) -> list[bytes]:
        return [codec.refusal(request.call, "PROTOCOL_VERSION", Outcome.NOT_EXECUTED, {})]

    manager = manage(peer(script, None).address)
    assert failure(lambda: manager.issue(REQUEST)) == ("PROTOCOL_VERSION", Outcome.NOT_EXECUTED)
    assert manager.status().state is ModuleState.FW_TOO_OLD


# ---------------------------------------------------------------- one module, one talker


def test_another_module_on_the_line_gets_no_request(manage: Make, peer: Any) -> None:
    stranger = peer(says(ANSWER.body()))
    manager = manage(stranger.address, module_id="REF-00000007")
    assert failure(lambda: manager.issue(REQUEST)) == ("WRONG_MODULE", Outcome.NOT_EXECUTED)
    assert failure(lambda: manager.fetch(REQUEST.request_id, TILL))[1] is Outcome.UNKNOWN
    assert manager.status().state is ModuleState.WRONG_MODULE
    assert stranger.heard == [codec.HELLO, codec.HELLO]


class SlowDriver:
    """A module that answers only when told to."""

    def __init__(self) -> None:
        self.is_open = False
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.inside = 0

    def open(self, deadline: float) -> Hello:
        self.is_open = True
        return HELLO

    def check(self) -> None:
        return None

    def status(self, till_id: bytes, deadline: float) -> Report:
        return Report(HELLO, (), 0, 0, 0)

    def issue(self, request: Any, deadline: float) -> IssueResult:
        self.inside += 1
        assert self.inside == 1, "two talkers on one line"
        self.asked.set()
        if not self.answer.wait(max(0.0, deadline - time.monotonic())):
            self.inside -= 1
            raise LineSilentError("issue")
        self.inside -= 1
        return IssueResult(request.request_id, (TOKEN,), HELLO.module_id, 1)

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> NotFound:
        return NotFound(0)

    def cancel(self, *_: Any) -> None:
        return None

    def interrupt(self) -> None:
        self.answer.set()

    def close(self) -> None:
        self.is_open = False


@pytest.mark.parametrize("kind", ["own lock", "inline lanes", "thread lanes"])
def test_a_second_request_waits_and_gives_up_unsent(manage: Make, kind: str) -> None:
    lanes: Lanes | None = {"thread lanes": ThreadLanes(), "inline lanes": InlineLanes()}.get(kind)
    driver = SlowDriver()
    manager = manage("tcp:127.0.0.1:1", driver=driver, lanes=lanes, hard_s=5.0)
    hasty = manage("tcp:127.0.0.1:1", driver=driver, lanes=lanes, hard_s=0.05)
    hasty._line = manager._line
    got: list[IssueResult] = []
    first = threading.Thread(target=lambda: got.append(manager.issue(REQUEST)))
    first.start()
    assert driver.asked.wait(5)
    assert manager.status().state is ModuleState.BUSY
    busy = ("MODULE_BUSY", Outcome.NOT_EXECUTED)
    assert failure(lambda: hasty.issue(a_request(2, 1_000_001))) == busy
    assert manager.poll().state is ModuleState.BUSY  # a look in passing does not wait
    driver.answer.set()
    first.join(5)
    assert [result.tokens for result in got] == [(TOKEN,)]
    assert manager.status().state is ModuleState.READY
    if lanes is not None:
        lanes.close()


def test_a_long_call_shows_as_slow_while_it_lasts(manage: Make) -> None:
    driver = SlowDriver()
    manager = manage("tcp:127.0.0.1:1", driver=driver, hard_s=5.0, soft_s=0.05)
    caller = threading.Thread(target=lambda: manager.issue(REQUEST))
    caller.start()
    assert driver.asked.wait(5)
    until(lambda: manager.status().slow)
    driver.answer.set()
    caller.join(5)
    assert not manager.status().slow


def test_closing_ends_a_call_under_way_within_a_second(manage: Make, peer: Any) -> None:
    quiet = peer(silent)
    manager = manage(quiet.address, hard_s=30.0)
    seen: list[tuple[str, Outcome]] = []
    caller = threading.Thread(target=lambda: seen.append(failure(lambda: manager.issue(REQUEST))))
    caller.start()
    until(lambda: codec.ISSUE in quiet.heard)
    begun = time.monotonic()
    manager.close()
    caller.join(5)
    assert time.monotonic() - begun < 1.5
    assert seen == [("MODULE_LINK_LOST", Outcome.UNKNOWN)]
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_ABSENT", Outcome.NOT_EXECUTED)


def test_closed_lanes_are_an_absent_module_and_no_crash(manage: Make) -> None:
    lanes = ThreadLanes()
    manager = manage("tcp:127.0.0.1:1", lanes=lanes)
    manager.poll()
    lanes.close()
    assert failure(lambda: manager.issue(REQUEST)) == ("MODULE_ABSENT", Outcome.NOT_EXECUTED)
    assert manager.poll().state is ModuleState.ABSENT


def test_a_call_from_the_module_lane_itself_does_not_wait_for_itself(manage: Make) -> None:
    lanes = ThreadLanes()
    driver = SlowDriver()
    driver.answer.set()
    manager = manage("tcp:127.0.0.1:1", driver=driver, lanes=lanes)
    result = lanes.run(Lane.MODULE, lambda: manager.issue(REQUEST)).result(5)
    assert result.tokens == (TOKEN,)
    lanes.close()


# ---------------------------------------------------------------- what makes no token


class GovernedDriver(SlowDriver):
    """A module with limits that takes any document."""

    def load_authorisation(self, document: bytes, deadline: float) -> int:
        if not document:
            raise LineLostError("cut", sent=True)
        return len(document)

    def acknowledge_audit(self, document: bytes, deadline: float) -> int:
        return len(document)

    def read_audit(self, after: int, deadline: float) -> AuditPage:
        return AuditPage((b"entry",), after + 1, bytes(32), bytes(64))


def test_documents_go_through_and_one_without_an_answer_may_be_there(manage: Make) -> None:
    manager = manage("tcp:127.0.0.1:1", driver=GovernedDriver())
    assert manager.load_authorisation(b"four") == 4
    assert manager.acknowledge_audit(b"three") == 5
    assert manager.read_audit(7).number == 8
    lost = ("MODULE_LINK_LOST", Outcome.UNKNOWN)
    assert failure(lambda: manager.load_authorisation(b"")) == lost


def test_a_module_without_limits_and_pairing_says_that_it_has_none(manage: Make) -> None:
    manager = manage("tcp:127.0.0.1:1", driver=SlowDriver())
    unsupported = ("UNSUPPORTED", Outcome.NOT_EXECUTED)
    assert failure(lambda: manager.load_authorisation(b"x")) == unsupported
    assert failure(lambda: manager.read_audit(0)) == unsupported
    assert failure(lambda: manager.pair("1" * 24, "T001")) == unsupported


def test_pairing_where_nobody_is_says_so(manage: Make, tmp_path: Any) -> None:
    keys = LineKeys(tmp_path, bytes(32), SystemRandomness())
    manager = manage("tcp:127.0.0.1:1", line_keys=keys)
    code = pairing.new_code(SystemRandomness())
    assert failure(lambda: manager.pair(code, "T001")) == ("MODULE_ABSENT", Outcome.NOT_EXECUTED)
    assert manager.status().state is ModuleState.ABSENT


def test_a_till_that_paired_knows_the_module_and_sells_sealed(manage: Make, tmp_path: Any) -> None:
    module = ModuleProcess.make(tmp_path / "module", "tcp:127.0.0.1:0")
    keys = LineKeys(tmp_path / "till", bytes(32), SystemRandomness())
    (tmp_path / "till").mkdir()
    secret = bytes.fromhex((module.folder / "module.key").read_text())
    module_keys = LineKeys(module.folder, secret, SystemRandomness())
    with module.running():
        window = PairingWindow(module.folder, module_keys)
        code = window.open(SystemClock().now(), SystemRandomness())
        manager = manage(module.address, line_keys=keys, hard_s=5.0)
        assert manager.pair(code, "T001").module_id == module.module_id
        tid_now = tid.tid_at(SystemClock().now(), 2014)
        assert manager.issue(a_request(1, tid_now)).module_id == module.module_id
        stranger = manage(module.address, hard_s=5.0)
        assert failure(lambda: stranger.issue(a_request(2, tid_now + 1))) == (
            "NOT_PAIRED",
            Outcome.NOT_EXECUTED,
        )
        assert stranger.status().state is ModuleState.NOT_PAIRED
        manager.close()


def test_line_keys_that_do_not_open_are_told_and_a_poll_survives_them(
    manage: Make, peer: Any, tmp_path: Any
) -> None:
    made = LineKeys(tmp_path, bytes(32), SystemRandomness())
    made.trust(Peer.read("PEER-1", made.certificate))
    other = LineKeys(tmp_path, bytes(range(32)), SystemRandomness())
    manager = manage(peer(silent).address, line_keys=other)
    assert manager.poll().state is ModuleState.NOT_PAIRED
    assert manager.status().problem == "LINE_FILE_SEALED"
    assert failure(manager.refresh) == ("LINE_FILE_SEALED", Outcome.NOT_EXECUTED)


# ---------------------------------------------------------------- addresses and ports


@pytest.mark.parametrize(
    "address", ["", "serial:", "tcp:", "tcp:host", "tcp:host:0", "tcp:host:99999", "x", "Ü:1"]
)
def test_an_impossible_address_is_refused_at_once(manage: Make, address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        manage(address)
    assert caught.value.code == "MODULE_ADDRESS_INVALID"


def test_addresses_are_read_as_they_are_written() -> None:
    assert Address.parse("serial:/dev/ttyACM0") == Address("serial", "/dev/ttyACM0")
    assert Address.parse("serial:COM3") == Address("serial", "COM3")
    assert Address.parse("tcp:127.0.0.1:4321") == Address("tcp", "127.0.0.1", 4321)
    assert Address.parse("tcp:[::1]:4321") == Address("tcp", "::1", 4321)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(13, "denied"), "PORT_DENIED"),
        (BlockingIOError(11, "locked"), "PORT_BUSY"),
        (OSError(16, "busy"), "PORT_BUSY"),
        (FileNotFoundError(2, "missing"), "PORT_MISSING"),
        (ValueError("no port"), "PORT_MISSING"),
        (OSError("could not open port 'COM3': PermissionError(13, ...)"), "PORT_BUSY"),
    ],
)
def test_why_a_port_did_not_open_has_one_code_each(error: Exception, code: str) -> None:
    assert _port_code(error) == code
