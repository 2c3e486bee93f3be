"""The real module process over a pty and over TCP: sold once, whatever dies in between."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posapp.bootstrap import module as bootstrap
from posapp.clock import SystemClock
from posapp.domain.meter import MeterNumber, luhn_digit
from posapp.errors import ConfigError, ModuleError, Outcome
from posapp.ports import IssueRequest, IssueResult, ModuleState, NotFound
from posapp.security_module.link import codec
from posapp.security_module.link.framing import frame
from posapp.security_module.link.messages import order_of
from posapp.security_module.link.transports import Address
from posapp.security_module.manager import ModuleManager
from posapp.sts import ciphers, keys, tid
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.lines import CUT, TO_MODULE, TO_TILL, Relay, whole
from tests.security_module.module_process import (
    HMAC_SECRET,
    ON_POSIX,
    ModuleProcess,
    a_configuration,
    a_request,
)

LINUX = sys.platform.startswith("linux")
LISTENS = ["pty", "tcp"] if ON_POSIX else ["tcp"]


def now_tid() -> int:
    return tid.tid_at(SystemClock().now(), 2014)


NUMBERS = itertools.count(1)
SETTLED_WITHIN_S = 30.0


class Till:
    """A manager and what a till remembers: the next number, the next TID. Each has an id and a
    meter of its own, so that many may share a module.
    """

    def __init__(self, address: str, **options: Any) -> None:
        number = next(NUMBERS)
        self.till_id = number.to_bytes(16, "big")
        self.meter = f"01{number:08d}" + luhn_digit(f"01{number:08d}")
        settings: dict[str, Any] = {"hard_s": 5.0, "clock": SystemClock(), "till_id": self.till_id}
        self.manager = ModuleManager(address, **{**settings, **options})
        self.sequence = 0
        self.high: int | None = None

    def intend(self) -> IssueRequest:
        self.sequence += 1
        self.high = tid.next_tid(SystemClock().now(), 2014, self.high)
        return a_request(
            self.sequence,
            self.high,
            meter=self.meter,
            till=self.till_id,
            request_id=self.till_id[8:] + self.sequence.to_bytes(8, "big"),
        )

    def fetch(self, request_id: bytes) -> IssueResult | NotFound:
        return self.manager.fetch(request_id, self.till_id)

    def sell(self) -> IssueResult:
        return self.manager.issue(self.intend())

    def settle(self, request: IssueRequest) -> IssueResult:
        """Until the module has said what became of it: ask, fetch, ask the same again."""
        asked = False
        deadline = time.monotonic() + SETTLED_WITHIN_S
        last: ModuleError | None = None
        while time.monotonic() < deadline:
            try:
                if asked:
                    found = self.fetch(request.request_id)
                    if not isinstance(found, NotFound):
                        return found
                asked = True
                return self.manager.issue(request)
            except ModuleError as error:
                # PORT_BUSY: a new pty can have the number of the one that is being given up.
                never_sent = error.code in ("PORT_MISSING", "MODULE_ABSENT", "PORT_BUSY")
                if error.outcome is not Outcome.UNKNOWN and not never_sent:
                    raise
                last = error
                threading.Event().wait(0.01)
        raise AssertionError(f"never settled: {last}")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., ModuleProcess]]:
    """Module processes that end with the test."""
    made: list[ModuleProcess] = []

    def one(kind: str, name: str = "module") -> ModuleProcess:
        listen = f"pty:{tmp_path / 'line'}" if kind == "pty" else "tcp:127.0.0.1:0"
        module = ModuleProcess.make(tmp_path / name, listen)
        made.append(module)
        module.start()
        return module

    yield one
    for module in made:
        if module._process is not None:
            module.kill()
        assert module.errors() == ""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleProcess]]:
    """One running module a kind of line, for tests that leave it as it is."""
    running: dict[str, ModuleProcess] = {}

    def one(kind: str) -> ModuleProcess:
        if kind not in running:
            folder = tmp_path_factory.mktemp(f"shared-{kind}")
            listen = f"pty:{folder / 'line'}" if kind == "pty" else "tcp:127.0.0.1:0"
            running[kind] = ModuleProcess.make(folder, listen)
            running[kind].start()
        return running[kind]

    yield one
    for module in running.values():
        module.kill()
        assert module.errors() == ""


@pytest.fixture
def till_of() -> Iterator[Callable[..., Till]]:
    made: list[Till] = []

    def one(address: str, **options: Any) -> Till:
        made.append(Till(address, **options))
        return made[-1]

    yield one
    for till in made:
        till.manager.close()


# ---------------------------------------------------------------- a life with a module


@pytest.mark.parametrize("kind", LISTENS)
def test_a_token_from_the_process_is_accepted_by_the_meter_once(
    shared: Any, till_of: Any, kind: str
) -> None:
    module = shared(kind)
    till = till_of(module.address)
    result = till.sell()
    key = keys.VendingKey(
        bytes.fromhex(HMAC_SECRET), "201457", 1, a_configuration().kt, 2014, 255, 4
    )
    number, ea = MeterNumber(till.meter), a_configuration().ea
    decoder = keys.decoder_key(key, number, "01", ea)
    meter = VirtualMeter(number, decoder, ea, ciphers.sample_tables())
    assert meter.enter(result.tokens[0]) is MeterResult.ACCEPT
    assert meter.electricity_tenths == 711
    assert meter.enter(result.tokens[0]) is MeterResult.USED_ERROR


@pytest.mark.parametrize("kind", LISTENS)
def test_status_tells_who_it_is_and_that_it_is_not_certified(
    shared: Any, till_of: Any, kind: str
) -> None:
    module = shared(kind)
    till = till_of(module.address)
    assert till.manager.status().state is ModuleState.ABSENT
    till.sell()
    status = till.manager.refresh()
    assert (status.state, status.module_id) == (ModuleState.READY, module.module_id)
    assert (status.certified, status.last_sequence) == (False, 1)
    assert {(k.sgc, k.krn, k.base_date) for k in status.keys} >= {("201457", 1, 2014)}
    assert all(k.test for k in status.keys)
    assert "NOT CERTIFIED - TEST KEYS" in module.words


@pytest.mark.parametrize("kind", LISTENS)
def test_killed_before_it_read_the_request_then_the_same_request_sells(
    make: Any, till_of: Any, kind: str
) -> None:
    module = make(kind)
    till = till_of(module.address)
    till.sell()
    request = till.intend()
    module.kill()
    with pytest.raises(ModuleError) as caught:
        till.manager.issue(request)
    assert caught.value.outcome is Outcome.NOT_EXECUTED
    module.start()
    assert till.fetch(request.request_id) == NotFound(1)
    assert not till.manager.issue(request).replayed


@pytest.mark.parametrize("kind", LISTENS)
def test_killed_after_it_answered_then_the_fetch_has_the_same_tokens(
    make: Any, till_of: Any, kind: str
) -> None:
    module = make(kind)
    till = till_of(module.address)
    request = till.intend()
    first = till.manager.issue(request)
    module.restart()
    found = till.fetch(request.request_id)
    assert isinstance(found, IssueResult)
    assert (found.tokens, found.audit_no, found.replayed) == (first.tokens, 1, True)
    again = till.manager.issue(request)
    assert (again.tokens, again.replayed) == (first.tokens, True)
    assert till.manager.refresh().last_sequence == 1


@pytest.mark.parametrize("kind", LISTENS)
def test_killed_at_random_while_selling_every_sale_has_one_token(
    make: Any, till_of: Any, kind: str
) -> None:
    module = make(kind)
    till = till_of(module.address)
    chance = random.Random(7)
    sold: dict[bytes, tuple[str, ...]] = {}
    for number in range(24):
        request = till.intend()
        killer = None
        if number % 6 == 5:  # during, or a little before or after
            killer = threading.Timer(chance.random() * 0.004, module.restart)
            killer.start()
        sold[request.request_id] = till.settle(request).tokens
        if killer is not None:
            killer.join()
    assert len(set(sold.values())) == 24
    for request_id, tokens in sold.items():
        found = till.fetch(request_id)
        assert isinstance(found, IssueResult) and found.tokens == tokens
    assert till.manager.issue(till.intend()).audit_no == 25  # nothing was made unseen


# ---------------------------------------------------------------- bad cables


def flip(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


FAULTS: dict[str, Callable[[bytes], list[bytes] | None]] = {
    "lost": lambda _data: [],
    "flipped": lambda data: [flip(data)],
    "doubled": lambda data: [data, data],
    "halved": lambda data: [data[: len(data) // 2]],
    "cut": lambda _data: CUT,
    "cut in the middle": lambda data: [data[:9]],
    "noise before": lambda data: [b"AT\r\nATE0\r\n\x00\xff\x07", data],
    "noise after": lambda data: [data, b"\x03\x00\x00garbage"],
    "byte by byte": lambda data: [bytes([byte]) for byte in data],
}


@pytest.mark.parametrize("direction", [TO_MODULE, TO_TILL])
@pytest.mark.parametrize("name", FAULTS)
def test_over_a_bad_cable_a_sale_ends_with_exactly_one_token(
    shared: Any, till_of: Any, direction: str, name: str
) -> None:
    relay = Relay(shared("tcp").address)
    till = till_of(relay.address, hard_s=0.6)
    till.manager.refresh()
    request = till.intend()
    faulty = [True]

    def fault(way: str, data: bytes) -> list[bytes] | None:
        if way == direction and faulty[0]:
            faulty[0] = False
            return FAULTS[name](data)
        return whole(way, data)

    relay.fault = fault
    result = till.settle(request)
    assert not faulty[0], "the fault never happened"
    found = till.fetch(request.request_id)
    assert isinstance(found, IssueResult)
    assert (found.tokens, found.audit_no) == (result.tokens, result.audit_no)
    assert till.sell().audit_no == result.audit_no + 1  # nothing was made unseen
    relay.close()


def test_a_talker_that_vanishes_in_mid_frame_harms_nobody(shared: Any, till_of: Any) -> None:
    for kind in LISTENS:
        module = shared(kind)
        till = till_of(module.address)
        body = order_of(till.intend())
        half = frame(codec.request(7, codec.ISSUE, body))[:40]
        line = Address.parse(module.address).open()
        line.send(half, 0)
        line.close()
        assert not till.sell().replayed
        assert till.manager.refresh().last_sequence == 2


def test_noise_at_the_module_is_survived(shared: Any, till_of: Any) -> None:
    chance = random.Random(3)
    module = shared("tcp")
    for _ in range(5):
        line = Address.parse(module.address).open()
        line.send(chance.randbytes(20_000), 0)
        line.close()
    assert not till_of(module.address).sell().replayed


# ---------------------------------------------------------------- coming and going


@pytest.mark.parametrize("kind", LISTENS)
def test_a_poll_sees_the_module_go_and_come_back(make: Any, till_of: Any, kind: str) -> None:
    module = make(kind)
    manager = till_of(module.address).manager
    assert manager.poll().state is ModuleState.READY
    assert manager.status().keys
    assert manager.poll().state is ModuleState.READY
    module.kill()
    assert manager.poll().state in (ModuleState.LINK_LOST, ModuleState.ABSENT)
    assert manager.poll().state is ModuleState.ABSENT
    module.start()
    assert manager.poll().state is ModuleState.READY


@pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")
def test_the_link_leads_to_the_new_pty_even_while_the_old_module_lives(
    make: Any, till_of: Any, tmp_path: Path
) -> None:
    first = make("pty", "first")
    till = till_of(first.address)
    till.sell()
    second = make("pty", "second")  # takes the same name
    assert second.address == first.address
    with pytest.raises(ModuleError) as caught:
        till.sell()
    assert (caught.value.code, caught.value.outcome) == ("WRONG_MODULE", Outcome.NOT_EXECUTED)
    assert caught.value.params == {"expected": first.module_id, "found": second.module_id}
    assert till.manager.status().state is ModuleState.WRONG_MODULE
    first.stop()
    assert (tmp_path / "line").is_symlink()  # a stopped module takes only its own name away
    second.stop()
    assert not (tmp_path / "line").is_symlink()


@pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")
def test_a_serial_line_has_one_till_and_the_second_is_told_that_it_is_busy(
    shared: Any, till_of: Any
) -> None:
    module = shared("pty")
    till_of(module.address).sell()
    with pytest.raises(ModuleError) as caught:
        till_of(module.address).sell()
    assert (caught.value.code, caught.value.outcome) == ("PORT_BUSY", Outcome.NOT_EXECUTED)


@pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")
def test_the_line_changes_no_byte_even_for_a_talker_that_sets_nothing(shared: Any) -> None:
    import termios

    module = shared("pty")
    handle = os.open(module.address.removeprefix("serial:"), os.O_RDWR | os.O_NOCTTY)
    iflag, oflag, _, lflag, *_ = termios.tcgetattr(handle)
    os.close(handle)
    assert not iflag & (termios.ICRNL | termios.IXON)
    assert not oflag & termios.OPOST
    assert not lflag & (termios.ECHO | termios.ICANON | termios.ISIG)


def test_two_tills_on_tcp_take_turns(shared: Any, till_of: Any) -> None:
    module = shared("tcp")
    first, second = till_of(module.address), till_of(module.address)
    first.sell()
    second.sell()
    first.sell()
    assert first.manager.refresh().last_sequence == 2
    assert second.manager.refresh().last_sequence == 1


# ---------------------------------------------------------------- starting


def test_it_stops_when_asked(make: Any) -> None:
    assert make("tcp").stop() == 0


@pytest.mark.skipif(not LINUX, reason="reads another process's time by /proc")
def test_it_starts_with_well_under_half_a_second_of_work(make: Any) -> None:
    # Its processor time: how long that takes is a matter of what else the machine does.
    fields = Path(f"/proc/{make('tcp').pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    assert ticks / os.sysconf("SC_CLK_TCK") < 0.5  # 0.2 s on the machine it was written on


def test_a_second_process_on_one_module_is_refused(shared: Any) -> None:
    module = shared("tcp")
    second = _serve(module.folder, "tcp:127.0.0.1:0")
    assert second.returncode != 0
    assert "STORE_IN_USE" in second.stderr


def test_a_port_in_use_is_named_as_busy(shared: Any, tmp_path: Path) -> None:
    module = shared("tcp")
    other = ModuleProcess.make(tmp_path / "other", module.address)
    refused = _serve(other.folder, module.address)
    assert "PORT_BUSY" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("listen", "code"),
    [
        ("tcp:0.0.0.0:0", "LISTEN_NOT_LOCAL"),
        ("tcp:example.org:80", "LISTEN_NOT_LOCAL"),
        ("tcp:nonsense", "LISTEN_ADDRESS_INVALID"),
        ("carrier pigeon", "LISTEN_ADDRESS_INVALID"),
        ("pty:", "LISTEN_ADDRESS_INVALID"),
    ],
)
def test_an_impossible_place_to_listen_is_refused(
    ready_folder: Path, listen: str, code: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        bootstrap.serve(ready_folder, listen)
    assert caught.value.code == code


@pytest.mark.skipif(not ON_POSIX, reason="a pty is Unix")
def test_a_file_in_the_place_of_the_line_is_not_overwritten(ready_folder: Path) -> None:
    taken = ready_folder / "precious"
    taken.write_text("x")
    with pytest.raises(ConfigError) as caught:
        bootstrap.serve(ready_folder, f"pty:{taken}")
    assert caught.value.code == "LISTEN_PATH_TAKEN"
    assert taken.read_text() == "x"


@pytest.fixture(scope="module")
def ready_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ModuleProcess.make(tmp_path_factory.mktemp("ready")).folder


def _serve(folder: Path, listen: str) -> subprocess.CompletedProcess[str]:
    from tests.security_module.module_process import _RUN

    return subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), listen],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


# ---------------------------------------------------------------- secrets


@pytest.mark.skipif(not LINUX, reason="reads another process's memory by /proc")
def test_the_key_is_in_the_modules_memory_and_never_in_the_tills(tmp_path: Path) -> None:
    secret = random.SystemRandom().randbytes(20)
    rows = [{"sgc": "201457", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 4}]
    module = ModuleProcess.make(tmp_path, keys=[{**rows[0], "secret": secret.hex()}])
    with module.running():
        till = subprocess.Popen(
            [sys.executable, "-c", _SELL, module.address, str(now_tid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert till.stdout is not None
        assert till.stdout.readline().strip() == "sold 1"
        in_module, in_till = _memory(module.pid), _memory(till.pid)
        till.communicate("")
    hexed = secret.hex().encode("ascii")
    assert secret in in_module  # the search does find it where it must be
    assert hexed not in in_module
    for form in (secret, hexed, hexed.upper()):
        assert form not in in_till
    assert module.errors() == ""
    sealed = b"".join(p.read_bytes() for p in tmp_path.glob("module.db*"))
    assert secret not in sealed and hexed not in sealed


@pytest.mark.skipif(not LINUX, reason="reads another process's limits by /proc")
def test_the_module_leaves_no_core_file(shared: Any) -> None:
    limits = Path(f"/proc/{shared('tcp').pid}/limits").read_text(encoding="ascii")
    line = next(row for row in limits.splitlines() if row.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


_SELL = """
import sys
from posapp.clock import SystemClock
from posapp.security_module.manager import ModuleManager
from tests.security_module.module_process import TILL, a_request
manager = ModuleManager(sys.argv[1], till_id=TILL, clock=SystemClock())
result = manager.issue(a_request(1, int(sys.argv[2])))
manager.refresh()
print("sold", result.audit_no, flush=True)
sys.stdin.read()
"""


def _memory(pid: int) -> bytes:
    kept: list[bytes] = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *rest = line.split()
            if not rights.startswith("rw") or rest[-1].startswith("[v"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            kept.append(memory.read(end - start))
    return b"".join(kept)
