"""Bad lines for tests: a relay that loses, breaks and doubles bytes, a peer with a script, a
cable in memory that does the same without waiting, and both ends of a paired line.
"""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from posapp.security_module.link import codec
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.identity import LineKeys, Peer
from posapp.security_module.link.messages import BOOT_BYTES, Hello
from posapp.security_module.link.transports import LineLostError
from posapp.security_module.reference.gate import Gate

TO_MODULE, TO_TILL = "to the module", "to the till"
CUT = None  # a fault that returns this closes the cable
Fault = Callable[[str, bytes], list[bytes] | None]

HELLO = Hello("PEER-1", bytes(BOOT_BYTES), "peer", certified=False)


def whole(_direction: str, data: bytes) -> list[bytes] | None:
    """No fault."""
    return [data]


class _Listening:
    """A thread that owns a listening socket of this machine."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.address = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._ending.is_set():
            try:
                talker, _ = self._listener.accept()
            except TimeoutError:
                continue
            with talker:
                talker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with suppress(OSError):
                    self._talk(talker)

    def _talk(self, talker: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._listener.close()


class Relay(_Listening):
    """A cable between a till and a module on TCP. `fault` decides about each piece it carries:
    the pieces that arrive instead of it, or CUT.
    """

    def __init__(self, module_address: str) -> None:
        host, _, port = module_address.removeprefix("tcp:").rpartition(":")
        self._module = (host, int(port))
        self.fault: Fault = whole
        super().__init__()

    def _talk(self, talker: socket.socket) -> None:
        with socket.create_connection(self._module) as module:
            module.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = {talker: (TO_MODULE, module), module: (TO_TILL, talker)}
            while not self._ending.is_set():
                for source in select.select(list(ways), [], [], 0.02)[0]:
                    direction, sink = ways[source]
                    data = source.recv(4096)
                    pieces = self.fault(direction, data) if data else CUT
                    if pieces is CUT:
                        return
                    for piece in pieces:
                        sink.sendall(piece)


Script = Callable[[codec.Request], list[bytes] | None]


class ScriptedPeer(_Listening):
    """Something that says HELLO like a module (unless `hello` is None) and then does what
    `script` says: the payloads to send back, or CUT.
    """

    def __init__(self, script: Script, hello: Hello | None = HELLO) -> None:
        self._script = script
        self._hello = hello
        self.heard: list[str] = []
        super().__init__()

    def _talk(self, talker: socket.socket) -> None:
        deframer = Deframer()
        while not self._ending.is_set():
            if not select.select([talker], [], [], 0.02)[0]:
                continue
            data = talker.recv(4096)
            if not data:
                return
            for payload in deframer.feed(data):
                request = codec.read_request(payload)
                assert request is not None
                self.heard.append(request.op)
                replies: list[bytes] | None
                if request.op == codec.HELLO and self._hello is not None:
                    replies = [codec.reply(request.call, self._hello.body())]
                else:
                    replies = self._script(request)
                if replies is CUT:
                    return
                for reply in replies:
                    talker.sendall(frame(reply))


def silent(_request: codec.Request) -> list[bytes] | None:
    """A peer that hears and says nothing."""
    return []


def hang_up(_request: codec.Request) -> list[bytes] | None:
    """A peer that goes away when it is asked."""
    return CUT


def says(body: dict[str, Any]) -> Script:
    """A peer with one answer to everything."""
    return lambda request: [codec.reply(request.call, body)]


# ---------------------------------------------------------------- a cable in memory


class MemoryCable:
    """A line, without threads and waiting, to a gate that stands beside it.

    `fault` decides about each frame as `Relay`'s does about each piece; `carried` is all that
    went over it. `plug` puts another gate at the far end, as a restart does.
    """

    def __init__(self, gate: Gate) -> None:
        self.fault: Fault = whole
        self.carried: dict[str, bytearray] = {TO_MODULE: bytearray(), TO_TILL: bytearray()}
        self.lines = 0
        self.byte_s = 0.0  # how long each byte to the till takes
        self._arriving = bytearray()
        self._broken = False
        self.plug(gate)

    def plug(self, gate: Gate) -> None:
        self._gate = gate
        self._deframer = Deframer()

    def open(self) -> MemoryCable:
        """As `Address.open`."""
        self.lines += 1
        self._broken = False
        self._arriving.clear()
        return self

    def send(self, data: bytes, deadline: float) -> None:
        if self._broken:
            raise LineLostError("cut", sent=False)
        for piece in _frames(data):
            dropped = self._deframer.dropped
            for arrived in self._carry(TO_MODULE, piece):
                for payload in self._deframer.feed(arrived):
                    self._answer(self._gate.take(payload))
            if self._deframer.dropped != dropped:
                self._answer(self._gate.heard())

    def receive(self, deadline: float) -> bytes:
        if not self._arriving and self._broken:
            raise LineLostError("cut", sent=True)
        if self.byte_s and self._arriving:
            threading.Event().wait(min(self.byte_s, max(0.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                return b""
        length = 1 if self.byte_s else len(self._arriving)
        data = bytes(self._arriving[:length])
        del self._arriving[:length]
        return data

    def check(self) -> None:
        if self._broken:
            raise LineLostError("cut", sent=False)
        self._arriving.clear()

    def cancel(self) -> None:
        self._broken = True

    def close(self) -> None:
        self._arriving.clear()

    def _answer(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            for piece in self._carry(TO_TILL, frame(payload)):
                self._arriving += piece

    def _carry(self, direction: str, data: bytes) -> list[bytes]:
        if self._broken:
            return []
        self.carried[direction] += data
        pieces = self.fault(direction, data)
        if pieces is CUT:
            self._broken = True
            return []
        return pieces


def _frames(data: bytes) -> list[bytes]:
    """The bytes of each frame, its two zeros with it."""
    return [b"\0" + part + b"\0" for part in data.split(b"\0") if part]


def flip(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


MODEM_NOISE = b"AT\r\nATE0\r\n\x00\xff\x07"
FAULTS: dict[str, Callable[[bytes], list[bytes] | None]] = {
    "lost": lambda _data: [],
    "flipped": lambda data: [flip(data)],
    "doubled": lambda data: [data, data],
    "halved": lambda data: [data[: len(data) // 2]],
    "cut": lambda _data: CUT,
    "noise before": lambda data: [MODEM_NOISE, data],
    "noise after": lambda data: [data, b"\x03\x00\x00garbage"],
    "byte by byte": lambda data: [bytes([byte]) for byte in data],
}


class Late:
    """A fault that holds one frame back until the next one of that way has gone by."""

    def __init__(self) -> None:
        self._held: bytes | None = None

    def __call__(self, data: bytes) -> list[bytes] | None:
        self._held = data
        return []

    def release(self, data: bytes) -> list[bytes]:
        held, self._held = self._held, None
        return [data] if held is None else [data, held]


# ---------------------------------------------------------------- both ends of a paired line


class Chance:
    """Different bytes each time, the same in each run."""

    def __init__(self, seed: int = 1) -> None:
        self._source = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._source.randbytes(count)


SECRET = bytes(range(32))
MODULE_ID = "REF-00000001"


def line_keys(folder: Path, seed: int, secret: bytes = SECRET) -> LineKeys:
    """The keys of one end, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return LineKeys(folder, secret, Chance(seed))


def introduce(till: LineKeys, module: LineKeys, module_id: str = MODULE_ID) -> None:
    """Each trusts the other, as after a pairing."""
    till.trust(Peer.read(module_id, module.certificate))
    module.trust(Peer.read(f"till {till.certificate[-4:].hex()}", till.certificate))
