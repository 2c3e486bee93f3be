"""Sets the town up: head office, module, printer and meters as processes, and an enrolled till."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from posapp.bootstrap import till as till_room
from posapp.demo.processes import Process
from posapp.demo.town import Town, build

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
        self.module = Process("module", self._module_arguments(), folder)
        self.printer = Process("printer", self._printer_arguments(), folder)
        files = [str(self.town.keys_json), str(self.town.meters_csv), self._at("meters")]
        self.meters = Process("meters", ["posapp.demo.meters", *files], folder)
        self.module_address = self.office_url = self.printer_address = ""

    def start(self) -> None:
        """Everything up to a till that knows its customers. Raises PosError."""
        for process in (self._founding, self.printer, self.meters):
            process.launch()
        code = self._founding.ready()
        self._founding.stop()
        for process in (self.office, self.module):
            process.launch()
        words = self.printer.ready().split()
        self.printer_address, self._control = words[0], words[-1]
        self.meters.ready()
        self.module_address = self.module.ready()
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

    def stop(self) -> None:
        """End every process."""
        for process in (self._founding, self.meters, self.printer, self.module, self.office):
            process.stop()

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

    def _module_arguments(self) -> list[str]:
        listen = f"pty:{self._at('module-line')}" if os.name == "posix" else "tcp:127.0.0.1:0"
        return ["posapp", "module", "serve", "--dir", self._at("module"), "--listen", listen]

    def _printer_arguments(self) -> list[str]:
        listen = ["--listen", "tcp:127.0.0.1:0", "--control", "127.0.0.1:0"]
        return ["posapp", "printer", "serve", *listen, "--out", str(self.slips)]
