"""Sets the town up: head office, module, printer and meters as processes, and an enrolled till.

Between till and module runs a cable; they are paired, and the module may make what head office
says.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posapp import config
from posapp.bootstrap import module_access
from posapp.bootstrap import till as till_room
from posapp.clock import SystemClock, SystemRandomness
from posapp.demo.processes import Process
from posapp.demo.town import AUTHORISATION, SUPERVISOR, TILL_CODE, Town, build, staff_by_number
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.manager import ModuleManager

CONTROL_TIMEOUT_S = 10.0


class Stage:
    """The town's processes in one folder. `start` once, `stop` always."""

    def __init__(self, folder: Path, *, customers: int, seed: int) -> None:
        self.folder = folder
        self.slips = folder / "slips"
        self.till_folder = folder / "till"
        # Checked here too: a wrong number of customers is said before any process starts.
        self.town: Town = build(folder / "town", customers=customers, seed=seed)
        self._control = ""
        at = [str(folder), str(customers), str(seed)]
        self._founding = Process("founding", ["posapp.demo.founding", *at], folder)
        self.office = Process("headoffice", self._office_arguments("127.0.0.1:0"), folder)
        self.module = Process("module", self._module_arguments("tcp:127.0.0.1:0"), folder)
        self.cable = Process("cable", ["posapp.demo.cable", self._line("till-port")], folder)
        self._cable_talk = threading.Lock()
        self.printer = Process("printer", self._printer_arguments(), folder)
        files = [str(self.town.keys_json), str(self.town.meters_csv), self._at("meters")]
        self.meters = Process("meters", ["posapp.demo.meters", *files], folder)
        self.module_address = self.office_url = self.printer_address = ""

    def start(self) -> None:
        """Everything up to a till that knows its customers. Raises PosError."""
        for process in (self._founding, self.printer, self.meters, self.cable):
            process.launch()
        code, pairing = self._founding.ready().split()
        self._founding.stop()
        for process in (self.office, self.module):
            process.launch()
        words = self.printer.ready().split()
        self.printer_address, self._control = words[0], words[-1]
        self.meters.ready()
        module = self.module.ready()
        self.module.arguments = self._module_arguments(module)
        self.cable.ready()
        self.module_address = self.cable.ask(f"to {module}")
        self.office_url = self.office.ready()
        # After a restart it must be found where it was.
        self.office.arguments = self._office_arguments(self.office_url.removeprefix("http://"))
        till_room.enrol(
            self.till_folder,
            url=self.office_url,
            code=code,
            module_address=self.module_address,
            printer_address=self.printer_address,
            printer_model="virtual-80",
            key_source="keyfile",
        )
        self._introduce(pairing)

    def _introduce(self, pairing: str) -> None:
        """Till and module pair; the supervisor loads what head office allows. About 0.4 s."""
        with self.at_module() as module:
            module.pair(pairing, TILL_CODE)
            module.login(staff_by_number().index(SUPERVISOR) + 1, SUPERVISOR.pin)
            module.load_authorisation((self.folder / AUTHORISATION).read_bytes())
            module.logout()

    @contextmanager
    def at_module(self, keys: LineKeys | None = None) -> Iterator[ModuleManager]:
        """A hand on the module beside the till, which must not hold the line meanwhile.

        `keys` are the till's own unless given.
        """
        randomness = SystemRandomness()
        keys = keys or module_access.line_keys(config.load(self.till_folder), randomness)
        manager = ModuleManager(
            self.module_address,
            till_id=bytes(16),
            clock=SystemClock(),
            randomness=randomness,
            line_keys=keys,
        )
        try:
            yield manager
        finally:
            manager.close()

    def stop(self) -> None:
        """End every process."""
        for process in (
            self._founding,
            self.meters,
            self.printer,
            self.cable,
            self.module,
            self.office,
        ):
            process.stop()

    def pull_cable(self) -> None:
        """The till's port is gone; the module runs on."""
        self._at_cable("pull")

    def plug_cable(self) -> None:
        """The till's port is back, if there is a module."""
        self._at_cable("plug")

    def carried(self) -> int:
        """How many bytes the cable has brought to the module."""
        return int(self._at_cable("carried"))

    def _at_cable(self, word: str) -> str:
        with self._cable_talk:
            return self.cable.ask(word)

    def printer_control(self, line: str) -> str:
        """Do something to the printer: `paper out`, `paper 5000`, `cover open`; its answer."""
        host, _, port = self._control.rpartition(":")
        with socket.create_connection((host, int(port)), CONTROL_TIMEOUT_S) as line_out:
            line_out.sendall(line.encode("ascii") + b"\n")
            return line_out.makefile(encoding="utf-8").readline().strip()

    def enter(self, meter: str, digits: str) -> tuple[str, int]:
        """Key a token into a meter of the town: its verdict and its register in tenths."""
        verdict, _, register = self.meters.ask(f"{meter} {digits}").partition(" ")
        return verdict, int(register)

    def _at(self, name: str) -> str:
        return str(self.folder / name)

    def _office_arguments(self, listen: str) -> list[str]:
        serve = ["posapp", "headoffice", "serve"]
        return [*serve, "--dir", self._at("headoffice"), "--listen", listen]

    def _line(self, name: str, tcp: str = "tcp:127.0.0.1:0") -> str:
        return f"pty:{self._at(name)}" if os.name == "posix" else tcp

    def _module_arguments(self, tcp: str) -> list[str]:
        listen = self._line("module-line", tcp)
        return ["posapp", "module", "serve", "--dir", self._at("module"), "--listen", listen]

    def _printer_arguments(self) -> list[str]:
        listen = ["--listen", "tcp:127.0.0.1:0", "--control", "127.0.0.1:0"]
        return ["posapp", "printer", "serve", *listen, "--out", str(self.slips)]
