"""How late the window's heart can be while its module hangs, drips or is pulled out.

The promise is 50 ms at the latest; the worst of a bare window on the same machine in the same run
is printed beside it. A person types on all the time and tries to sell.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from posapp import config
from posapp.bootstrap.store_key import FILE_NAME as STORE_KEY_FILE
from posapp.clock import SystemClock
from posapp.config import TillConfig
from posapp.security_module.manager import ModuleManager
from tests.benchmarks.row import Row
from tests.security_module.lines import TO_TILL, Relay
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import a_counter
from tests.stores import KEY, TILL_ID

LISTENS_S = 14.0  # the hard limit of a question is 10 s
LATEST_MS = 50.0
ENDS_WITHIN_S = 90.0

Fault = Callable[[], None]


class OneByteASecond:
    """A fault of a `Relay`: what comes from the module drips, once `start` was said."""

    def __init__(self) -> None:
        self._dripping, self._ended = threading.Event(), threading.Event()

    def start(self) -> None:
        self._dripping.set()

    def end(self) -> None:
        self._ended.set()

    def __call__(self, direction: str, data: bytes) -> list[bytes]:
        if direction != TO_TILL or not self._dripping.is_set():
            return [data]
        return cast("list[bytes]", self._drops(data))

    def _drops(self, data: bytes) -> Iterator[bytes]:
        for byte in data:
            if self._ended.wait(1.0):
                return
            yield bytes([byte])


def a_tills_folder(folder: Path, address: str) -> Path:
    """A furnished till whose shift is open."""
    nobody = ModuleManager("serial:none", till_id=TILL_ID, clock=SystemClock())
    a_counter(folder, nobody).store.close()
    (folder / STORE_KEY_FILE).write_text(KEY.hex() + "\n", encoding="ascii")
    config.save(TillConfig(folder, module_address=address, store_key="keyfile"))
    return folder


def listen(how: str, fault: Fault) -> float:
    """Milliseconds that the latest beat was late."""
    command = [sys.executable, "-m", "tests.benchmarks.heartbeat_child", how, str(LISTENS_S)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            said = child.stdout.readline()
            if said != "ready\n":
                raise RuntimeError("the window never came so far")
            fault()
            print(file=child.stdin, flush=True)
            latest_us, beats = map(int, child.stdout.readline().split())
        finally:
            child.stdin.close()
            try:
                child.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
    assert beats > 100, "a heart that hardly beats proves nothing"
    return latest_us / 1000


@contextmanager
def a_town() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="posapp-bench-") as name:
        yield Path(name)


def hanging() -> float:
    """SIGSTOP: the line is there, and nobody answers."""
    with a_town() as folder, ModuleProcess.make(folder / "module").running() as module:
        till = a_tills_folder(folder / "till", module.address)
        return listen(str(till), lambda: os.kill(module.pid, signal.SIGSTOP))


def unplugged() -> float:
    """The process and its line are gone from one moment to the next."""
    with a_town() as folder, ModuleProcess.make(folder / "module").running() as module:
        till = a_tills_folder(folder / "till", module.address)
        return listen(str(till), module.kill)


def dripping() -> float:
    """One byte a second."""
    with a_town() as folder:
        made = ModuleProcess.make(folder / "module", "tcp:127.0.0.1:0")
        with made.running() as module:
            relay, fault = Relay(module.address), OneByteASecond()
            relay.fault = fault
            try:
                return listen(str(a_tills_folder(folder / "till", relay.address)), fault.start)
            finally:
                fault.end()
                relay.close()


def bench_heartbeat() -> list[Row]:
    """The latest beat of each, all in one run."""
    bare = listen("bare", lambda: None)
    rows = [Row("latest beat, a bare window", bare, LATEST_MS, "ms", 1)]
    for name, measure in (
        ("a module that hangs", hanging),
        ("a module of one byte a second", dripping),
        ("a module pulled out", unplugged),
    ):
        rows.append(Row(f"latest beat, {name}", measure(), LATEST_MS, "ms", 1))
    return rows
