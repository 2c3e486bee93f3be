"""Which ports a module could be on: USB serial ports by their numbers, other ports by path.

`serial:usb=VID:PID:SERIAL` names a device whatever port it has today. Nothing here opens a
port except `find_modules`, and no bad device hides the others.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from posapp.errors import ConfigError, ModuleError
from posapp.security_module.drivers.driver import (
    Driver,
    LineClosedError,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.security_module.link.transports import Address, Line

log = logging.getLogger("posapp.module")

USB = "usb="
MEET_S = 1.0  # how long one candidate may take to say who it is
PORTS_MAX = 64  # more serial ports than this are no shop's
_USB_SPEC = re.compile(r"usb=([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.{0,80}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class UsbPort:
    """A serial port on USB as the system describes it. `serial` may be empty: many have none."""

    port: str
    vendor: int
    product: int
    serial: str = ""
    words: str = ""

    @property
    def address(self) -> str:
        """What goes into a till's configuration: it survives a new port name."""
        return f"serial:{USB}{self.vendor:04X}:{self.product:04X}:{self.serial}"


@dataclass(frozen=True, slots=True)
class UsbSpec:
    """Which device is meant; an empty `serial` means any of that vendor and product."""

    vendor: int
    product: int
    serial: str = ""

    @classmethod
    def parse(cls, text: str) -> UsbSpec | None:
        """`VID:PID` or `VID:PID:SERIAL`, the numbers as four hex digits; None if it is neither."""
        match = _USB_SPEC.fullmatch(USB + text)
        if match is None:
            return None
        return cls(int(match[1], 16), int(match[2], 16), match[3] or "")

    def fits(self, port: UsbPort) -> bool:
        """Whether a port is of the device. Some systems write serial numbers in capitals."""
        return (port.vendor, port.product) == (self.vendor, self.product) and (
            not self.serial or port.serial.casefold() == self.serial.casefold()
        )


Ports = Callable[[], Sequence[UsbPort]]


def usb_ports() -> tuple[UsbPort, ...]:
    """The serial ports on USB, now. About a millisecond; never raises."""
    try:
        found = list(list_ports.comports())
    except OSError as error:
        log.warning("the serial ports cannot be listed: %s", error.strerror)
        return ()
    return tuple(
        sorted(
            UsbPort(p.device, p.vid, p.pid or 0, p.serial_number or "", p.description or "")
            for p in found[:PORTS_MAX]
            if p.vid is not None
        )
    )


def port_of(spec: UsbSpec, ports: Sequence[UsbPort]) -> str:
    """Today's name of a device's port. Raises LineClosedError PORT_MISSING, PORT_AMBIGUOUS."""
    fitting = [port.port for port in ports if spec.fits(port)]
    if not fitting:
        raise LineClosedError("PORT_MISSING", "no such device on USB")
    if len(fitting) > 1:
        raise LineClosedError("PORT_AMBIGUOUS", ", ".join(fitting[:4]))
    return fitting[0]


class UsbAddress(Address):
    """A serial port that is looked up each time it is opened."""

    __slots__ = ()

    def open(self) -> Line:
        """Raises LineClosedError, PORT_AMBIGUOUS when two devices fit."""
        return Address("serial", port_of(_spec(self), usb_ports())).open()


def parse(address: str) -> Address:
    """Any address of our own line. Raises ConfigError MODULE_ADDRESS_INVALID."""
    rest = address.removeprefix("serial:")
    if rest == address or not rest.startswith(USB):
        return Address.parse(address)
    if UsbSpec.parse(rest.removeprefix(USB)) is None:
        expected = f"serial:{USB}VID:PID:SERIAL"
        raise ConfigError("MODULE_ADDRESS_INVALID", address=address[:80], expected=expected)
    return UsbAddress("serial", rest)


def _spec(address: Address) -> UsbSpec:
    spec = UsbSpec.parse(address.target.removeprefix(USB))
    assert spec is not None, "it was read by `parse`"
    return spec


# ---------------------------------------------------------------- has anything changed


def presence(address: str, ports: Ports = usb_ports) -> bytes:
    """Bytes that change when the port of an address comes, goes or becomes another device.

    Empty where the system cannot say (sockets). Opens nothing and never raises.
    """
    kind, _, rest = address.partition(":")
    if kind != "serial":
        return b""
    spec = UsbSpec.parse(rest.removeprefix(USB)) if rest.startswith(USB) else None
    if spec is not None:
        return state_hash([port for port in ports() if spec.fits(port)])
    if os.name != "posix":  # COM3 is no file
        return state_hash([port for port in ports() if port.port == rest])
    return hashlib.sha256(repr(_file_facts(Path(rest))).encode()).digest()


def state_hash(ports: Iterable[UsbPort]) -> bytes:
    """The same for the same ports, whatever order the system names them in."""
    rows = sorted((p.port, p.vendor, p.product, p.serial) for p in ports)
    return hashlib.sha256(repr(rows).encode()).digest()


def _file_facts(path: Path) -> tuple[object, ...]:
    """A name, where it leads and what is there; a pty's own times change with each byte."""
    try:
        link, target = path.lstat(), path.stat()
    except OSError as error:
        return ("gone", error.errno)
    born = link.st_mtime_ns if stat.S_ISLNK(link.st_mode) else 0
    return (link.st_ino, born, target.st_dev, target.st_ino, target.st_rdev)


# ---------------------------------------------------------------- who is there


@dataclass(frozen=True, slots=True)
class Found:
    """One candidate and what it said, or the code of why it said nothing."""

    address: str
    words: str = ""
    module_id: str = ""
    firmware: str = ""
    certified: bool = False
    problem: str = ""


def candidates(
    devices: Iterable[str], others: Iterable[str] = (), ports: Ports = usb_ports
) -> tuple[tuple[str, str], ...]:
    """(address, words) of every port a module may be on.

    `devices` are `VID:PID` of the modules a shop uses: they are configuration, because cables
    of all kinds share a few numbers. `others` are addresses that are no USB ports (a pty, tcp:).
    Raises ConfigError USB_DEVICE_INVALID.
    """
    specs = [_configured(text) for text in devices]
    usb = [port for port in ports() if any(spec.fits(port) for spec in specs)]
    counts: dict[str, int] = {}
    for port in usb:
        counts[port.address] = counts.get(port.address, 0) + 1
    rows = [
        # Two with the same numbers can be told apart by nothing but their ports.
        (port.address if counts[port.address] == 1 else f"serial:{port.port}", port.words)
        for port in usb
    ]
    return (*rows, *((address, "") for address in others))


def _configured(text: str) -> UsbSpec:
    spec = UsbSpec.parse(text)
    if spec is None:
        raise ConfigError("USB_DEVICE_INVALID", device=text[:40])
    return spec


def find_modules(
    rows: Iterable[tuple[str, str]],
    make: Callable[[str], Driver],
    *,
    meet_s: float = MEET_S,
) -> tuple[Found, ...]:
    """Ask each candidate who it is; up to `meet_s` each. A bad one is a row with its problem.

    Writes a HELLO to every port it is given, so give it none that is no module's.
    """
    return tuple(_meet(address, words, make, meet_s) for address, words in rows)


def _meet(address: str, words: str, make: Callable[[str], Driver], meet_s: float) -> Found:
    try:
        driver = make(address)
    except ConfigError as error:
        return Found(address, words, problem=error.code)
    try:
        hello = driver.open(time.monotonic() + meet_s)
    except LineClosedError as closed:
        return Found(address, words, problem=closed.code)
    except ModuleError as error:
        return Found(address, words, problem=error.code)
    except (LineLostError, LineSilentError, WrongAnswerError):
        return Found(address, words, problem="MODULE_ABSENT")
    finally:
        driver.close()
    return Found(address, words, hello.module_id, hello.firmware, hello.certified)
