"""The real module process behind a sealed line: killed, cut, disturbed, and sold once each time."""

from __future__ import annotations

import itertools
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
from posapp.domain.meter import luhn_digit
from posapp.errors import ConfigError, ModuleError
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.drivers.driver import LineClosedError, LineLostError, LineSilentError
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link.transports import Address
from posapp.security_module.reference.endpoints import open_endpoint
from posapp.sts import tid
from tests.security_module.lines import (
    FAULTS,
    TO_MODULE,
    TO_TILL,
    Chance,
    Relay,
    line_keys,
    whole,
)
from tests.security_module.module_process import ON_POSIX, ModuleProcess, a_request

KINDS = ["pty", "unix", "tcp"] if ON_POSIX else ["tcp"]
NUMBERS = itertools.count(1)
SETTLED_WITHIN_S = 30.0
LOST = (LineLostError, LineSilentError, LineClosedError)


def listens(kind: str, folder: Path) -> str:
    return "tcp:127.0.0.1:0" if kind == "tcp" else f"{kind}:{folder / 'line'}"


class Till:
    """A till with a driver, its keys, and what it remembers of a sale."""

    def __init__(self, folder: Path, address: str) -> None:
        number = next(NUMBERS)
        self.till_id = number.to_bytes(16, "big")
        self.meter = f"01{number:08d}" + luhn_digit(f"01{number:08d}")
        self.keys = line_keys(folder, 50 + number)
        self.sequence = 0
        self.high: int | None = None
        self.call_s = 3.0
        self.plug(address)

    def plug(self, address: str) -> None:
        chance = Chance(next(NUMBERS))
        self.driver = LinkDriver(Address.parse(address), chance, again_s=0.3, keys=self.keys)

    def pair(self, module: ModuleProcess) -> None:
        words = bootstrap.pair(module.folder)
        code = "".join(part for part in words.split("\n")[0].split() if part.isdigit())
        self.driver.pair(code, f"T{self.sequence:03d}", time.monotonic() + 5)

    def intend(self) -> IssueRequest:
        self.sequence += 1
        self.high = tid.next_tid(SystemClock().now(), 2014, self.high)
        rid = self.till_id[8:] + self.sequence.to_bytes(8, "big")
        return a_request(
            self.sequence, self.high, meter=self.meter, till=self.till_id, request_id=rid
        )

    def settle(self, request: IssueRequest) -> IssueResult:
        """Until the module has said what became of it."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < deadline:
            try:
                if not self.driver.is_open:
                    self.driver.open(time.monotonic() + self.call_s)
                return self.driver.issue(request, time.monotonic() + self.call_s)
            except LOST:
                self.driver.close()
            except ModuleError as refused:
                # While ours is down its pty's number may be somebody else's: that one is refused.
                if refused.code not in ("WRONG_MODULE", "NOT_PAIRED"):
                    raise
            threading.Event().wait(0.01)
        raise AssertionError("never settled")

    def fetch(self, request: IssueRequest) -> IssueResult | NotFound:
        return self.driver.fetch(request.request_id, self.till_id, time.monotonic() + 5)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], tuple[ModuleProcess, Till]]]:
    """A module process and a till that is paired with it."""
    made: list[tuple[ModuleProcess, Till]] = []

    def one(kind: str) -> tuple[ModuleProcess, Till]:
        module = ModuleProcess.make(tmp_path / "module", listens(kind, tmp_path))
        module.start()
        till = Till(tmp_path / "till", module.address)
        made.append((module, till))
        till.pair(module)
        return module, till

    yield one
    for module, till in made:
        till.driver.close()
        module.kill()
        assert module.errors() == ""


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_while_selling_sealed_every_sale_has_one_token(
    make: Any, kind: str
) -> None:
    module, till = make(kind)
    chance = random.Random(7)
    sold: list[tuple[IssueRequest, tuple[str, ...]]] = []
    for number in range(8):
        request = till.intend()
        killer = None
        if number % 4 == 3:  # in the handshake, during the order, or a little after
            if number % 8 == 7:
                till.driver.close()
            killer = threading.Timer(chance.random() * 0.01, module.restart)
            killer.start()
        sold.append((request, till.settle(request).tokens))
        assert till.driver.is_sealed
        if killer is not None:
            killer.join()
    last = till.settle(till.intend())
    assert last.audit_no == len(sold) + 1  # nothing was made unseen
    assert len({tokens for _, tokens in sold}) == len(sold)
    for request, tokens in sold:
        found = till.fetch(request)
        assert isinstance(found, IssueResult) and found.tokens == tokens


def test_over_a_bad_cable_a_sealed_sale_ends_with_one_token(make: Any) -> None:
    module, till = make("tcp")
    for made, (direction, name) in enumerate(itertools.product((TO_MODULE, TO_TILL), FAULTS), 1):
        relay = Relay(module.address)
        till.plug(relay.address)
        till.driver.open(time.monotonic() + 5)
        request = till.intend()
        faulty = [True]

        def fault(
            way: str,
            data: bytes,
            direction: str = direction,
            name: str = name,
            faulty: list[bool] = faulty,
        ) -> list[bytes] | None:
            if way == direction and faulty[0]:
                faulty[0] = False
                return FAULTS[name](data)
            return whole(way, data)

        relay.fault = fault
        assert till.settle(request).audit_no == made, (direction, name)
        assert not faulty[0], "the fault never happened"
        till.driver.close()
        relay.close()


# ---------------------------------------------------------------- paired tills only


def test_a_module_for_paired_tills_only_answers_nobody_in_the_clear(tmp_path: Path) -> None:
    module = ModuleProcess.make(tmp_path / "module")
    listen = listens(KINDS[0], tmp_path)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "posapp", "module", "serve", "--paired-only"),
            *("--dir", str(module.folder), "--listen", listen),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("ready ").strip()
        clear = LinkDriver(Address.parse(address), Chance(1), again_s=1.0)
        with pytest.raises(ModuleError) as caught:
            clear.open(time.monotonic() + 5)
        assert caught.value.code == "NOT_PAIRED"
        till = Till(tmp_path / "till", address)
        till.pair(module)
        assert not till.settle(till.intend()).replayed
        assert till.driver.is_sealed
        till.driver.close()
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_only_a_line_that_is_always_sealed_may_be_reached_from_elsewhere() -> None:
    with pytest.raises(ConfigError) as caught:
        open_endpoint("tcp:0.0.0.0:0")
    assert caught.value.code == "LISTEN_NOT_LOCAL"
    open_endpoint("tcp:127.0.0.1:0", sealed=True).close()


# ---------------------------------------------------------------- Unix sockets


@pytest.mark.skipif(not ON_POSIX, reason="Unix sockets are POSIX")
def test_a_socket_file_is_its_owners_and_what_is_in_its_place_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "line"
    path.write_text("precious")
    with pytest.raises(ConfigError) as caught:
        open_endpoint(f"unix:{path}")
    assert caught.value.code == "LISTEN_PATH_TAKEN" and path.read_text() == "precious"
    path.unlink()
    first = open_endpoint(f"unix:{path}")
    assert first.address == f"unix:{path}" and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError) as caught:
        open_endpoint(f"unix:{path}")
    assert caught.value.code == "PORT_BUSY"
    first.close()
    assert not path.exists()


@pytest.mark.skipif(not ON_POSIX, reason="Unix sockets are POSIX")
def test_a_socket_file_that_a_killed_module_left_is_replaced(make: Any) -> None:
    module, till = make("unix")
    path = Path(module.address.removeprefix("unix:"))
    module.kill()
    assert path.exists()
    with pytest.raises(LineClosedError) as caught:
        Address.parse(module.address).open()
    assert caught.value.code == "MODULE_ABSENT"
    module.start()
    assert not till.settle(till.intend()).replayed
