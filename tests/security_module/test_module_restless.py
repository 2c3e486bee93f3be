"""A line that is never quiet does not keep the module's store from tidying up."""

from __future__ import annotations

import time

from posapp.security_module.reference import server
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.gate import Gate
from tests.security_module.engines import an_engine


class Restless:
    """An endpoint that always has something to read."""

    address = "restless"

    def receive(self, timeout_s: float) -> bytes:
        return b"\0"

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


def test_a_line_that_is_never_quiet_still_lets_the_store_tidy_up(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "RESTLESS_S", 0.05)
    engine, store = an_engine(tmp_path)
    rests: list[float] = []

    def rest() -> None:
        rests.append(time.monotonic())
        if len(rests) == 2:
            serving.stop()

    serving = server.Server(Restless(), Gate(Desk(engine)), rest)
    serving.run()
    store.close()
    assert 0.04 < rests[1] - rests[0] < 5.0
