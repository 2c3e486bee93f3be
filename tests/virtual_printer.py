"""The real virtual printer as a process of its own, and the line that plays tricks on it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

START_S = 20.0
WAIT_S = 15.0


class PrinterProcess:
    """`posapp printer serve` on a free port; `kill` is the plug, `start` puts it in again."""

    def __init__(self, out: Path, listen: str = "tcp:127.0.0.1:0", **options: object) -> None:
        self.out = out
        self.address = listen
        self._options = options
        self.start()

    def start(self) -> None:
        """Start it, at the same address as before."""
        listen = self.address.replace("serial:", "pty:")
        code = (
            "from pathlib import Path; from posapp.bootstrap.printer import serve;"
            f"serve({listen!r}, Path({str(self.out)!r}), control='127.0.0.1:0',"
            f" say=lambda t: print(t, flush=True), **{self._options!r})"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[:1] == ["ready"], words
        self.address = words[1]
        host, _, port = words[3].rpartition(":")
        self._control = socket.create_connection((host, int(port)), START_S)

    def tell(self, line: str) -> str:
        """One control line and its answer."""
        self._control.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._control.recv(65536)
            assert part, "the printer has gone"
            answer += part
        return answer.decode().strip()

    def status(self) -> dict[str, object]:
        """What the printer says of itself."""
        found = json.loads(self.tell("status"))
        assert isinstance(found, dict)
        return found

    def texts(self) -> list[str]:
        """Every sheet that fell out, in order."""
        return [p.read_text(encoding="utf-8") for p in sorted(self.out.glob("*.txt"))]

    def kill(self) -> None:
        """The plug."""
        self.process.kill()
        self._end()

    def stop(self) -> None:
        """The switch."""
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        self.process.wait(START_S)
        self._control.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


def wait_until(claim: Callable[[], object], meanwhile: Callable[[], object] | None = None) -> None:
    """Until `claim` is true; `meanwhile` is called between looks."""
    deadline = time.monotonic() + WAIT_S
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        if meanwhile is not None:
            meanwhile()
        time.sleep(0.01)
