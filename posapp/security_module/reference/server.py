"""The module's loop: bytes in, frames, the desk, frames out; until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable

from posapp.security_module.link.framing import PAYLOAD_MAX, Deframer, frame
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.endpoints import Endpoint

REST_S = 0.25  # how soon a stop is heard, and how often the store may tidy up


class Server:
    """Serves one endpoint. `rest` is called whenever the line is quiet."""

    def __init__(self, endpoint: Endpoint, desk: Desk, rest: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._desk = desk
        self._rest = rest
        self._deframer = Deframer()
        self._stopping = False

    def stop(self) -> None:
        """End `run` within REST_S; safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Answer until stopped. What was received whole is answered first."""
        while not self._stopping:
            data = self._endpoint.receive(REST_S)
            if not data:
                self._rest()
                continue
            for payload in self._deframer.feed(data):
                reply = self._desk.answer(payload)
                if reply is not None:
                    assert len(reply) <= PAYLOAD_MAX, "a reply that does not fit"
                    self._endpoint.send(frame(reply))
