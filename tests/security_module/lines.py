"""Bad lines for tests: a relay that loses, breaks and doubles bytes, and a peer with a script."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from posapp.security_module.link import codec
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.messages import BOOT_BYTES, Hello

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
