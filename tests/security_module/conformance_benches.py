"""Our drivers on their lines, ready for the conformance checks; one of each for a whole run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

from posapp.clock import SystemClock, SystemRandomness
from posapp.domain.meter import MeterNumber
from posapp.domain.sale import KeyTarget
from posapp.ports import IssueRequest
from posapp.security_module.conformance import Bench
from posapp.security_module.drivers.driver import (
    Capability,
    Context,
    Driver,
    LineLostError,
    LineSilentError,
)
from posapp.security_module.drivers.link import KIND as LINK
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.drivers.prismtoken import KIND as PRISMTOKEN
from posapp.security_module.drivers.registry import DriverRegistry
from posapp.security_module.link import codec
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.transports import Address, Line
from posapp.security_module.reference.desk import Desk
from posapp.sts import ciphers, keys
from posapp.sts.meter import MeterResult, VirtualMeter
from tests.security_module.engines import an_engine
from tests.security_module.lines import CUT, TO_MODULE, TO_TILL, Relay, whole
from tests.security_module.module_process import (
    DES_SECRET,
    HMAC_SECRET,
    TEST_KEYS,
    ModuleProcess,
    a_configuration,
)
from tests.security_module.prismtoken_process import PrismTokenProcess
from tests.security_module.prismtoken_server import PASSWORD
from tests.security_module.soft_tokens import LIBRARY, USER_PIN, a_token

CALL_S = 5.0
TARGET = KeyTarget("123456", 1, "07")
HMAC_KEYS = [key for key in TEST_KEYS if key["dkga"] == 4]
PARTS = ("cable", "stranger", "nowhere")


@dataclass
class Standing:
    """A bench and how to take it down."""

    bench: Bench
    close: Callable[[], None]


def accepts(request: IssueRequest, tokens: tuple[str, ...]) -> bool:
    """Whether the meter of a request, fresh from its maker, takes its tokens one after another."""
    c = request.configuration
    key = keys.VendingKey(bytes.fromhex(HMAC_SECRET), c.sgc, c.krn, c.kt, c.base_date, c.ken, 4)
    number = MeterNumber(request.meter)
    decoder = keys.decoder_key(key, number, c.ti, c.ea)
    meter = VirtualMeter(number, decoder, c.ea, ciphers.sample_tables())
    taken = all(meter.enter(token) is MeterResult.ACCEPT for token in tokens)
    return taken and meter.electricity_tenths == sum(item.units for item in request.items)


def _make(address: str) -> Driver:
    context = Context(hard_s=CALL_S, secret=lambda _name: PASSWORD)
    return DriverRegistry().make(address, context)


def _bench(
    make: Callable[[], Driver], capabilities: frozenset[Capability], **parts: object
) -> Bench:
    return Bench(
        make=make,
        capabilities=capabilities,
        configuration=a_configuration(),
        target=TARGET,
        accepts=accepts,
        secrets=(HMAC_SECRET, DES_SECRET, PASSWORD),
        call_s=CALL_S,
        **parts,  # type: ignore[arg-type]
    )


# ---------------------------------------------------------------- link over memory


class MemoryModule:
    """A module in this process. It is also the cable: the lines to it do what it is told."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        clock = SystemClock()
        engine, self._store = an_engine(folder, clock, begun=clock.now())  # type: ignore[arg-type]
        self._desk = Desk(engine)
        self._lock = threading.Lock()
        self.fault = ""
        self._held: bytes | None = None

    def open(self) -> Line:
        """A line of its own for each talker."""
        return MemoryLine(self)

    def take(self, payload: bytes) -> list[bytes]:
        """One request through the cable; the frames that come back."""
        request = codec.read_request(payload)
        fault = self.fault if request is not None and request.op == codec.ISSUE else ""
        if fault == "delay":
            self._held = payload
        if fault in ("delay", "lose_request"):
            self.fault = ""
            raise LineLostError("cut", sent=True)
        if fault == "stall":
            return []
        with self._lock:
            reply = self._desk.answer(payload)
        if fault == "lose_answer":
            self.fault = ""
            raise LineLostError("cut", sent=True)
        return [] if reply is None else [frame(reply)]

    def lose_request(self) -> None:
        self.fault = "lose_request"

    def lose_answer(self) -> None:
        self.fault = "lose_answer"

    def delay(self) -> None:
        self.fault = "delay"

    def stall(self) -> None:
        self.fault = "stall"

    def deliver(self) -> None:
        assert self._held is not None
        self._desk.answer(self._held)

    def heal(self) -> None:
        self.fault = ""

    def close(self) -> None:
        self._store.close()


class MemoryLine:
    """See `Line`."""

    def __init__(self, module: MemoryModule) -> None:
        self._module = module
        self._deframer = Deframer()
        self._back = b""
        self._cancelled = threading.Event()

    def send(self, data: bytes, deadline: float) -> None:
        for payload in self._deframer.feed(data):
            self._back += b"".join(self._module.take(payload))

    def receive(self, deadline: float) -> bytes:
        data, self._back = self._back, b""
        if not data and self._cancelled.wait(0.01):
            raise LineLostError("cancelled", sent=True)
        return data

    def check(self) -> None:
        self._back = b""

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self._cancelled.set()


class MemoryAddress(Address):
    """Leads to a module in this process."""

    modules: ClassVar[dict[str, MemoryModule]] = {}

    def open(self) -> Line:
        return self.modules[self.target].open()


def link_over_memory(folder: Path) -> Standing:
    """No stranger: both would be made from one template."""
    module = MemoryModule(folder / "memory")
    MemoryAddress.modules[str(folder)] = module

    def make() -> Driver:
        return LinkDriver(MemoryAddress("memory", str(folder)), SystemRandomness())

    bench = _bench(make, LINK.capabilities, cable=module)
    return Standing(bench, module.close)


# ---------------------------------------------------------------- link over tcp and pty


class RelayCable:
    """A TCP cable that knows an ISSUE when one passes."""

    def __init__(self, address: str) -> None:
        self._module_address = address
        self.relay = Relay(address)
        self._held = b""

    def _on_issue(self, then: str) -> None:
        """From the next request that asks for tokens on, do `then`."""
        deframer = Deframer()
        begun = False

        def fault(direction: str, data: bytes) -> list[bytes] | None:
            nonlocal begun
            if direction == TO_MODULE and not begun:
                requests = [codec.read_request(payload) for payload in deframer.feed(data)]
                begun = any(r is not None and r.op == codec.ISSUE for r in requests)
                if begun and then == "delay":
                    self._held = data
                if begun and then in ("delay", "lose_request"):
                    self.relay.fault = whole
                    return CUT
            if begun and then == "stall":
                return []
            if begun and then == "lose_answer" and direction == TO_TILL:
                self.relay.fault = whole
                return CUT
            return [data]

        self.relay.fault = fault

    def lose_request(self) -> None:
        self._on_issue("lose_request")

    def lose_answer(self) -> None:
        self._on_issue("lose_answer")

    def delay(self) -> None:
        self._on_issue("delay")

    def stall(self) -> None:
        self._on_issue("stall")

    def deliver(self) -> None:
        line = Address.parse(self._module_address).open()
        line.send(self._held, 0)
        try:
            line.receive(0)
        except LineSilentError:
            pass
        finally:
            line.close()

    def heal(self) -> None:
        self.relay.fault = whole


def link_over_tcp(folder: Path) -> Standing:
    """Two module processes, and a cable before the first."""
    modules = [ModuleProcess.make(folder / name, "tcp:127.0.0.1:0") for name in ("one", "two")]
    for module in modules:
        module.start()
    cable = RelayCable(modules[0].address)
    bench = _bench(
        lambda: _make(cable.relay.address),
        LINK.capabilities,
        cable=cable,
        stranger=lambda: _make(modules[1].address),
        nowhere=lambda: _make("tcp:127.0.0.1:1"),
    )

    def close() -> None:
        cable.relay.close()
        for module in modules:
            module.kill()

    return Standing(bench, close)


def link_over_pty(folder: Path) -> Standing:
    """Two module processes on lines that are as good as serial ports."""
    modules = []
    for name in ("one", "two"):
        modules.append(ModuleProcess.make(folder / name, f"pty:{folder / name / 'line'}"))
        modules[-1].start()
    bench = _bench(
        lambda: _make(modules[0].address),
        LINK.capabilities,
        stranger=lambda: _make(modules[1].address),
        nowhere=lambda: _make(f"serial:{folder / 'nothing'}"),
    )

    def close() -> None:
        for module in modules:
            module.kill()

    return Standing(bench, close)


def link_on_a_token(folder: Path) -> Standing:
    """Two module processes whose vending keys are in SoftHSM tokens of their own."""
    modules = []
    for name in ("one", "two"):
        place = folder / name
        place.mkdir(parents=True)
        (place / "hsm.pin").write_text(USER_PIN, encoding="ascii")
        (place / "hsm.pin").chmod(0o600)
        (place / "module.toml").write_text(
            f'[pkcs11]\nlibrary = "{LIBRARY}"\ntoken = "{a_token().label}"\n'
            'pin_file = "hsm.pin"\nkeys = true\n',
            encoding="utf-8",
        )
        modules.append(ModuleProcess.make(place, "tcp:127.0.0.1:0", HMAC_KEYS))
        modules[-1].start()
    bench = _bench(
        lambda: _make(modules[0].address),
        LINK.capabilities,
        stranger=lambda: _make(modules[1].address),
        nowhere=lambda: _make("tcp:127.0.0.1:1"),
    )
    bench = replace(bench, target=KeyTarget("201457", 1, "07"))  # a token keeps DKGA04 only

    def close() -> None:
        for module in modules:
            module.kill()

    return Standing(bench, close)


# ---------------------------------------------------------------- prismtoken


class CommandedCable:
    """The Thrift server does to itself what a bad line would do."""

    def __init__(self, server: PrismTokenProcess) -> None:
        self._server = server

    def lose_request(self) -> None:
        self._server.tell("before", method="issueCreditToken")

    def lose_answer(self) -> None:
        self._server.tell("after", method="issueCreditToken")

    def stall(self) -> None:
        self._server.tell("swallow", method="issueCreditToken")

    def delay(self) -> None:
        raise NotImplementedError("only a driver that can cancel is asked")

    deliver = delay

    def heal(self) -> None:
        self._server.tell("heal")


def prismtoken(folder: Path) -> Standing:
    """Two Thrift servers with certificates of their own."""
    servers = [PrismTokenProcess(folder / name) for name in ("one", "two")]

    def made(request_id: bytes) -> int:
        return sum(name.startswith(request_id.hex()) for name in servers[0].made)

    bench = _bench(
        lambda: _make(servers[0].address()),
        PRISMTOKEN.capabilities,
        cable=CommandedCable(servers[0]),
        stranger=lambda: _make(servers[1].address()),
        nowhere=lambda: _make(f"prismtoken://till@localhost:1?ca={servers[0].authority}"),
        made=made,
    )

    def close() -> None:
        for server in servers:
            server.close()

    return Standing(bench, close)


@dataclass(frozen=True)
class Kind:
    """What a bench will have, known before it stands."""

    stand: Callable[[Path], Standing]
    capabilities: frozenset[Capability]
    cable: object = True
    stranger: object = True
    nowhere: object = True
    target: object = True


@cache
def kinds() -> dict[str, Kind]:
    """All benches by name."""
    return {
        "link-memory": Kind(link_over_memory, LINK.capabilities, stranger=None, nowhere=None),
        "link-tcp": Kind(link_over_tcp, LINK.capabilities),
        "link-pty": Kind(link_over_pty, LINK.capabilities, cable=None),
        "link-pkcs11": Kind(link_on_a_token, LINK.capabilities, cable=None),
        "prismtoken": Kind(prismtoken, PRISMTOKEN.capabilities),
    }
