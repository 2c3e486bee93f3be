"""The cable between the town's till and its module, with a plug that can be pulled.

Run as `python -m posapp.demo.cable LISTEN`; it says `ready` and then answers a line for each of
`to ADDRESS` (of the module; the answer is the till's address), `pull`, `plug`, `cut` and
`carried` (how many bytes came to the module).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from posapp.errors import ConfigError
from posapp.security_module.link.transports import Address, Line, LineClosedError, LineLostError
from posapp.security_module.reference.endpoints import Endpoint, open_endpoint

SLICE_S = 0.05  # how long an end listens before it looks whether the plug was moved
AGAIN_S = 0.05  # between two looks for a module that is away
MOVED_S = 3.0  # a till or module that does not read holds the plug for 2 s
SEND_S = 2.0


class Cable:
    """Two ends and a thread for each; it carries whole bytes both ways, as a real one does.

    `listen` is as in `endpoints.open_endpoint`, `module` the address of a module. A module that
    dies takes the till's port with it, as if it was powered by the cable; when it is back, so is
    the port.
    """

    def __init__(self, listen: str, module: str) -> None:
        self._listen = listen
        self._module = Address.parse(module)
        self._plugged = True
        self._cutting = self._silent = self._ending = False
        self._moved = threading.Condition()  # guards all of the above and the two ends
        self._to_till = threading.Lock()  # held while the till's end is written to or changed
        self._to_module = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._line: Line | None = None
        self._problem: ConfigError | None = None
        self.carried = 0  # bytes that came to the module
        self._threads = [
            threading.Thread(target=end, name=name, daemon=True)
            for name, end in (("till", self._till_end), ("module", self._module_end))
        ]

    def start(self) -> str:
        """Connect; the till's address. Raises ConfigError LISTEN_..., PORT_BUSY,
        PROCESS_NOT_READY when there is no module.
        """
        for thread in self._threads:
            thread.start()
        with self._moved:
            self._moved.wait_for(lambda: self._endpoint or self._problem, MOVED_S)
            if self._problem is not None:
                raise self._problem
            if self._endpoint is None:
                raise ConfigError("PROCESS_NOT_READY", name="module", log=self._module.target)
            return self._endpoint.address

    def pull(self) -> bool:
        """Out: the till's port is gone when this returns true. The module goes on running."""
        return self._move(plugged=False)

    def plug(self) -> bool:
        """In again, and whole; whether the port is back, which it is not without a module."""
        return self._move(plugged=True)

    def cut(self) -> None:
        """Both ports stay; the till's next message ends in the middle and then all is silent."""
        with self._moved:
            self._cutting = True

    def close(self) -> None:
        """Give up both ends."""
        with self._moved:
            self._ending = True
            self._moved.notify_all()
        for thread in self._threads:
            thread.join(MOVED_S)

    def _move(self, *, plugged: bool) -> bool:
        with self._moved:
            self._plugged = plugged
            self._cutting = self._silent = False
            self._moved.notify_all()
            return self._moved.wait_for(lambda: (self._endpoint is not None) == plugged, MOVED_S)

    # ------------------------------------------------------------ the till's end

    def _till_end(self) -> None:
        """The only one that makes and closes the till's port."""
        while not self._ending:
            wanted = self._plugged and self._line is not None
            if wanted and self._endpoint is None:
                self._open_port()
            elif not wanted and self._endpoint is not None:
                self._close_port()
            elif self._endpoint is None:
                with self._moved:
                    self._moved.wait(AGAIN_S)
            else:
                self._carry_on(self._endpoint.receive(SLICE_S))
        self._close_port()

    def _open_port(self) -> None:
        try:
            endpoint = open_endpoint(self._listen)
        except ConfigError as error:
            with self._moved:
                self._problem = error
                self._moved.notify_all()
                self._moved.wait(AGAIN_S)
            return
        if endpoint.address.startswith("tcp:"):
            self._listen = endpoint.address  # the same port when it is plugged in again
        with self._to_till, self._moved:
            self._endpoint, self._problem = endpoint, None
            self._moved.notify_all()

    def _close_port(self) -> None:
        with self._to_till, self._moved:
            if self._endpoint is not None:
                self._endpoint.close()
            self._endpoint = None
            self._moved.notify_all()

    def _carry_on(self, data: bytes) -> None:
        if data and self._cutting:
            with self._moved:
                self._cutting, self._silent = False, True
            data = data[: len(data) // 2]
        elif self._silent:
            return
        with self._to_module:
            if data and self._line is not None:
                try:
                    self._line.send(data, time.monotonic() + SEND_S)
                except LineLostError:  # the module's end finds out by itself
                    return
                self.carried += len(data)

    # ------------------------------------------------------------ the module's end

    def _module_end(self) -> None:
        """The only one that opens and closes the module's line."""
        seen: tuple[int, ...] | None = None
        while not self._ending:
            if self._line is None:
                # A dead module's name leads to a number that anybody may have by now.
                stamp = _stamp(self._module)
                if (stamp is None or stamp != seen) and self._open_line():
                    seen = stamp
                else:
                    time.sleep(AGAIN_S)
                continue
            try:
                data = self._line.receive(time.monotonic() + SLICE_S)
            except LineLostError:
                self._close_line()
                continue
            with self._to_till:
                if data and self._endpoint is not None and not self._silent:
                    self._endpoint.send(data)
        self._close_line()

    def _open_line(self) -> bool:
        try:
            line = self._module.open()
        except LineClosedError:
            return False
        with self._to_module, self._moved:
            self._line = line
            self._moved.notify_all()
        return True

    def _close_line(self) -> None:
        """The till's port goes first: a new pty must not get the number the module had."""
        with self._to_module, self._moved:
            if self._line is not None:
                self._line.close()
            self._line = None
            self._moved.notify_all()
        with self._moved:
            self._moved.wait_for(lambda: self._endpoint is None or self._ending, MOVED_S)


def _stamp(address: Address) -> tuple[int, ...] | None:
    """Changes when a module puts its name on a new pty; None where there are no such names."""
    path = Path(address.target)
    if address.kind != "serial" or not path.is_symlink():
        return None
    found = path.lstat()
    return (found.st_ino, found.st_mtime_ns)


def answers(lines: Iterable[str], listen: str) -> Iterator[str]:
    """An answer a line; the cable is given up at the end of the lines. Raises ConfigError."""
    cable: Cable | None = None
    try:
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if cable is None:
                cable = Cable(listen, rest)
                yield cable.start()
            elif word in ("pull", "plug"):
                yield "done" if (cable.pull() if word == "pull" else cable.plug()) else "no module"
            elif word == "cut":
                cable.cut()
                yield "done"
            elif word == "carried":
                yield str(cable.carried)
            else:
                yield "unknown"
    finally:
        if cable is not None:
            cable.close()


def main(arguments: list[str]) -> int:
    """0 at the end of standard input, or 2 with the reason on standard error."""
    print("ready", flush=True)
    try:
        for answer in answers(sys.stdin, arguments[0]):
            print(answer, flush=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
