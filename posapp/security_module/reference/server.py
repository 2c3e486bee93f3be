"""The module's loop: bytes in, frames, the gate, frames out; until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.reference.endpoints import Endpoint
from posapp.security_module.reference.gate import Gate

REST_S = 0.25  # how soon a stop is heard, and how often the store may tidy up
RESTLESS_S = 2.0  # a line that is never quiet must not keep the store from tidying for longer


class Server:
    """Serves one endpoint. `rest` is called whenever the line is quiet, or was not for 2 s."""

    def __init__(self, endpoint: Endpoint, gate: Gate, rest: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._gate = gate
        self._rest = rest
        self._deframer = Deframer()
        self._stopping = False

    def stop(self) -> None:
        """End `run` within REST_S; safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Answer until stopped. What was received whole is answered first."""
        rested_at = time.monotonic()
        while not self._stopping:
            data = self._endpoint.receive(REST_S)
            if not data or time.monotonic() - rested_at > RESTLESS_S:
                self._rest()
                rested_at = time.monotonic()
            dropped = self._deframer.dropped
            for payload in self._deframer.feed(data):
                self._send(self._gate.take(payload))
            if self._deframer.dropped != dropped:
                self._send(self._gate.heard())

    def _send(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            self._endpoint.send(frame(payload))
