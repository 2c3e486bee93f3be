"""Starts, kills and restarts the town's real processes, and gives up on none of them quietly."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from posapp.errors import ConfigError

START_LIMIT_S = 30.0  # a slow disk and a cold interpreter; a healthy start takes under one
STOP_LIMIT_S = 5.0


class Process:
    """One child that prints a line starting with `ready` once it can be used."""

    def __init__(self, name: str, arguments: Sequence[str], log_folder: Path) -> None:
        self.name = name
        self.arguments = list(arguments)
        self._log = log_folder / f"{name}.log"
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it and wait; the rest of its ready line. Raises ConfigError PROCESS_NOT_READY."""
        self.launch()
        return self.ready()

    def launch(self) -> None:
        """Start it without waiting."""
        log = self._log.open("a", encoding="utf-8")
        self._child = subprocess.Popen(
            [sys.executable, "-m", *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl+C is for the till; the demo stops the rest itself
        )
        log.close()

    def ready(self) -> str:
        """Wait for its first line; what follows `ready`. Raises ConfigError PROCESS_NOT_READY."""
        line = self._first_line()
        if not line.startswith("ready"):
            self.stop()
            raise ConfigError("PROCESS_NOT_READY", name=self.name, log=str(self._log))
        return line.removeprefix("ready").strip()

    def _first_line(self) -> str:
        assert self._child is not None and self._child.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        pipe = self._child.stdout
        threading.Thread(target=lambda: lines.put(pipe.readline()), daemon=True).start()
        try:
            return lines.get(timeout=START_LIMIT_S).strip()
        except queue.Empty:
            return ""

    def ask(self, line: str) -> str:
        """Write a line to it and read its answer; for the meters, which talk on their pipes."""
        assert self._child is not None
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()
        return self._child.stdout.readline().strip()

    def freeze(self) -> None:
        """Let it stand still with its line open (where the system can; else nothing happens)."""
        if self._child is not None and os.name == "posix":
            self._child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._child is not None and os.name == "posix":
            self._child.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut would."""
        if self._child is not None and self._child.poll() is None:
            if os.name == "posix":
                self._child.send_signal(signal.SIGKILL)
            else:
                self._child.kill()
        self._reap()

    def stop(self) -> None:
        """Politely, then not."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._reap()

    def _reap(self) -> None:
        if self._child is None:
            return
        self._child.wait(STOP_LIMIT_S)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None
