"""The processes of the storm: `posapp module serve` and the selling till, started and killed.

Each start is a new interpreter, or (forked) a fork of one that has the code loaded already: the
same commands either way, a third of a second apart.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

from tests.security_module.module_process import START_WITHIN_S, ModuleProcess

LOOK_S = 0.003
_LOADED = ["posapp.cli", "posapp.bootstrap.module", "tests.storm.module_till"]


class Launched(Protocol):
    """A process, as `subprocess.Popen` has it."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Forked:
    """`python -m NAME WORDS` in a fork of a process that has imported it."""

    def __init__(self, name: str, words: list[str], out: Path, errors: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_LOADED)
        self._process = context.Process(target=_run, args=(name, words, str(out), str(errors)))
        self._process.start()
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        if self._status is None and self._process.exitcode is not None:
            self.wait()
        return self._status

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; minus the signal that killed it."""
        if self._status is None:
            self._process.join(timeout)
            status = self._process.exitcode
            assert status is not None, "it does not end"
            self._status = status
            self._process.close()
        return self._status


def _run(name: str, words: list[str], out: str, errors: str) -> None:
    for path, number in ((out, 1), (errors, 2)):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, number)
        os.close(handle)
    sys.argv = [name, *words]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def launch(name: str, words: list[str], out: Path, errors: Path, *, forked: bool) -> Launched:
    """Start `python -m NAME WORDS`; what it writes is added to the two files."""
    if forked:
        return Forked(name, words, out, errors)
    with out.open("ab") as said, errors.open("ab") as complained:
        return subprocess.Popen(
            [sys.executable, "-m", name, *words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
        )


class ServedModule(ModuleProcess):
    """As `ModuleProcess`, by the command itself. `happened` counts kills and starts."""

    def __init__(self, folder: Path, listen: str, module_id: str) -> None:
        super().__init__(folder, listen, module_id)
        self.happened: Counter[str] = Counter()
        self.is_paired = self.forked = False

    def begin(self) -> None:
        """Start it without waiting for anything."""
        assert self._process is None, "it runs already"
        words = ["module", "serve", "--dir", str(self.folder), "--listen", self.listen]
        words += [] if self.is_paired else ["--in-clear"]
        (self.folder / "stdout.txt").unlink(missing_ok=True)
        self._process = launch(  # type: ignore[assignment]
            "posapp",
            words,
            self.folder / "stdout.txt",
            self.folder / "stderr.txt",
            forked=self.forked,
        )
        self.happened["starts"] += 1

    def start(self) -> str:
        """Run it until it can be asked; its address."""
        assert self.starts(), f"it fell over: {self.errors()}"
        return self.address

    def starts(self) -> bool:
        """Run it until it can be asked; False when it ends before that."""
        self.begin()
        assert self._process is not None
        said, deadline = self.folder / "stdout.txt", time.monotonic() + START_WITHIN_S
        while not said.exists() or said.read_text().count("\n") < 2:
            if self._process.poll() is not None:
                return False
            assert time.monotonic() < deadline, f"it does not start: {self.errors()}"
            threading.Event().wait(LOOK_S)
        ready, self.words = said.read_text().split("\n")[:2]
        self.address = ready.removeprefix("ready ")
        self.happened["ready"] += 1
        return True

    def kill(self) -> None:
        """kill -9; it counts when that is what it died of."""
        if self._end(hard=True) == -signal.SIGKILL:
            self.happened["module killed"] += 1
