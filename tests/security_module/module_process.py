"""A real module process for tests: made in a moment, killed and started again at will.

module = ModuleProcess.make(tmp_path / "module")        # init, with TEST_KEYS
with module.running():                                  # or start(), kill(), stop()
    ModuleManager(module.address, till_id=..., clock=...)
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posapp.bootstrap import module as bootstrap
from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration
from posapp.domain.sale import TokenKind
from posapp.journal.facts import TokenItem
from posapp.ports import IssueRequest
from posapp.wire.introductions import Trust

START_WITHIN_S = 20.0  # two slow cores and everybody's tests; it takes a fifth of a second
ON_POSIX = os.name == "posix"

DES_SECRET = "abababababababab"
HMAC_SECRET = "abababababababab949494949494949401234567"
TEST_KEYS: list[dict[str, Any]] = [
    {"sgc": "201457", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 4},
    {"sgc": "123456", "krn": 1, "kt": 2, "base_date": 2014, "ken": 255, "dkga": 2},
    {"sgc": "123456", "krn": 2, "kt": 2, "base_date": 1993, "ken": 255, "dkga": 2},
    {"sgc": "201457", "krn": 2, "kt": 2, "base_date": 2014, "ken": 85, "dkga": 4},
    {"sgc": "201457", "krn": 3, "kt": 1, "base_date": 2014, "ken": 255, "dkga": 4},
]
METER = "58000079523"
TILL = bytes(range(16))
OTHER_TILL = bytes(range(16, 32))

_RUN = """
import sys
from pathlib import Path
from posapp.bootstrap.module import serve
from posapp.errors import PosError
try:
    serve(Path(sys.argv[1]), sys.argv[2], in_clear="paired" not in sys.argv[3:])
except PosError as error:
    sys.exit(f"{error}")
"""


def write_key_file(
    path: Path, keys: list[dict[str, Any]] | None = None, mark: str = "test"
) -> Path:
    """A key file like those of a test laboratory."""
    rows = [
        {"secret": HMAC_SECRET if k["dkga"] == 4 else DES_SECRET, **k} for k in keys or TEST_KEYS
    ]
    path.write_text(json.dumps({"marked": mark, "keys": rows}), encoding="utf-8")
    return path


def a_configuration(**changes: Any) -> MeterConfiguration:
    """EA07 under SGC 201457, KRN 1, base date 2014."""
    values: dict[str, Any] = {
        "ea": EncryptionAlgorithm.STA,
        "sgc": "201457",
        "krn": 1,
        "ti": "01",
        "base_date": 2014,
        "ken": 255,
        "tct": 2,
        "kt": KeyType.UNIQUE,
    }
    return MeterConfiguration(**{**values, **changes})


def an_item(tid: int, units: int = 711, *, reserved: bool = False) -> TokenItem:
    """Credit in tenths of a kWh."""
    return TokenItem(TokenKind.CREDIT, 0, tid, units, units * 16, reserved)


def a_request(
    sequence: int,
    *tids: int,
    meter: str = METER,
    till: bytes = TILL,
    request_id: bytes | None = None,
    configuration: MeterConfiguration | None = None,
    units: int = 711,
) -> IssueRequest:
    """One item a TID; the request id follows from the number unless given."""
    return IssueRequest(
        request_id=request_id or sequence.to_bytes(16, "big"),
        till_id=till,
        sequence=sequence,
        meter=meter,
        configuration=configuration or a_configuration(),
        items=tuple(an_item(tid, units) for tid in tids),
    )


class ModuleProcess:
    """One module folder and the process that serves it. `address` is good while it runs, and
    the same after a restart.
    """

    def __init__(self, folder: Path, listen: str, module_id: str, *, in_clear: bool = True) -> None:
        self.in_clear = in_clear  # False: as in a shop, where one with limits wants to be paired
        self.folder = folder
        self.listen = listen
        self.module_id = module_id
        self.address = ""
        self.words = ""
        self.started_in_s = 0.0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    @classmethod
    def make(
        cls,
        folder: Path,
        listen: str = "",
        keys: list[dict[str, Any]] | None = None,
        trust: Trust | None = None,
    ) -> ModuleProcess:
        """A new module with test keys, not yet started. It listens on a pty unless told.

        With `trust` it makes nothing before its first authorisation.
        """
        folder.mkdir(parents=True, exist_ok=True)
        trust_file = None
        if trust is not None:
            trust_file = folder / "trust.json"
            trust_file.write_text(trust.to_text(), encoding="ascii")
        module_id = bootstrap.init(folder, write_key_file(folder / "keys.json", keys), trust_file)
        usual = f"pty:{folder / 'line'}" if ON_POSIX else "tcp:127.0.0.1:0"
        return cls(folder, listen or usual, module_id)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and neither stopped nor killed."""
        return self._process is not None

    def start(self) -> str:
        """Run the process and wait until it can be asked; its address."""
        assert self._process is None, "it runs already"
        begun = time.monotonic()
        with (self.folder / "stderr.txt").open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _RUN, str(self.folder), self.listen),
                    "clear" if self.in_clear else "paired",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._lines = queue.Queue()
        threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
        ready = self._line()
        assert ready.startswith("ready "), f"{ready!r}: {self.errors()}"
        self.started_in_s = time.monotonic() - begun
        self.address = ready.removeprefix("ready ")
        self.words = self._line()
        if self.listen.startswith("tcp:"):
            self.listen = self.address  # the same port after a restart
        return self.address

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(hard=True)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        return self._end(hard=False)

    def restart(self) -> None:
        """kill -9 and start."""
        self.kill()
        self.start()

    @contextmanager
    def running(self) -> Iterator[ModuleProcess]:
        """Start it; whatever happens, it is gone at the end."""
        self.start()
        try:
            yield self
        finally:
            if self._process is not None:
                self.kill()

    def errors(self) -> str:
        """All that it ever wrote to standard error."""
        path = self.folder / "stderr.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _line(self) -> str:
        return self._lines.get(timeout=START_WITHIN_S)

    def _end(self, *, hard: bool) -> int:
        process, self._process = self._process, None
        assert process is not None
        if hard:
            process.kill()
        else:
            process.terminate()
        return process.wait(START_WITHIN_S)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            lines.put(line.rstrip("\n"))
    lines.put("")
