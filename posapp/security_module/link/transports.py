"""Byte lines to a module: serial ports (ptys too), TCP and Unix sockets behind one small face.

A line promises nothing but bytes: half frames, doubles and silence are `drivers` business. What
it does say exactly is whether anything left this machine before it broke (`LineLostError.sent`).
"""

from __future__ import annotations

import errno
import re
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import serial

from posapp.errors import ConfigError

BAUD = 115_200
READ_BYTES = 4096
SLICE_S = 0.05  # how long one wait lasts, so that `cancel` is heard
WRITE_S = 2.0  # the largest frame takes 0.2 s at 115 200 baud
CONNECT_S = 2.0

_BUSY_PORT = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
_DENIED_PORT = {errno.EACCES, errno.EPERM}


class LineClosedError(Exception):
    """The line could not be opened; `code` is PORT_MISSING, PORT_BUSY, PORT_DENIED or
    MODULE_ABSENT. Nothing was sent.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class LineLostError(Exception):
    """The line broke. `sent` is False only when surely no byte of the frame went out."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Line(Protocol):
    """An open line. Deadlines are `time.monotonic` seconds: they belong to the device's time,
    which goes on when a test's clock stands still.
    """

    def send(self, data: bytes, deadline: float) -> None:
        """Hand all bytes to the system, or raise LineLostError."""
        ...

    def receive(self, deadline: float) -> bytes:
        """Some bytes as soon as there are any; none at the deadline. Raises LineLostError."""
        ...

    def check(self) -> None:
        """Throw away what waits; raise LineLostError if the other end is gone. At once."""
        ...

    def cancel(self) -> None:
        """Make a waiting `receive` of another thread raise LineLostError soon."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Address:
    """`serial:PORT` (a device, a COM name, a link to a pty), `tcp:HOST:PORT` or `unix:PATH`."""

    kind: str
    target: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ConfigError MODULE_ADDRESS_INVALID."""
        kind, _, rest = text.partition(":")
        if kind in ("serial", "unix") and rest:
            return cls(kind, rest)
        match = re.fullmatch(r"\[?([^\]\s]+?)\]?:(\d{1,5})", rest, re.ASCII)
        if kind == "tcp" and match and 0 < int(match.group(2)) < 65_536:
            return cls(kind, match.group(1), int(match.group(2)))
        raise ConfigError(
            "MODULE_ADDRESS_INVALID",
            address=text[:80],
            expected="serial:PORT, tcp:HOST:PORT, unix:PATH",
        )

    def open(self) -> Line:
        """The open line. Up to 2 s. Raises LineClosedError."""
        if self.kind == "serial":
            return SerialLine(self.target)
        if self.kind == "unix":
            return SocketLine(_unix_socket(self.target))
        return SocketLine(_tcp_socket(self.target, self.port))


class SerialLine:
    """A serial port or a pty, opened for us alone."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._cancelled = False
        self._serial: Any = serial.Serial(
            baudrate=BAUD, timeout=SLICE_S, write_timeout=WRITE_S, exclusive=True
        )
        self._serial.dtr = False  # some boards reset on a raised line
        self._serial.rts = False
        self._serial.port = port
        self._real = _real(port)
        try:
            self._serial.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise LineClosedError(_port_code(error), type(error).__name__) from error

    def send(self, data: bytes, deadline: float) -> None:
        # The first byte goes alone: when even that fails, nothing of the frame left.
        for place, part in enumerate((data[:1], data[1:])):
            try:
                self._serial.write(part)
            except (serial.SerialException, OSError, TypeError) as error:
                raise LineLostError("write", sent=place > 0) from error

    def receive(self, deadline: float) -> bytes:
        while not self._cancelled:
            data = self._read(1)
            if data or time.monotonic() >= deadline:
                return data
        raise LineLostError("cancelled", sent=True)

    def check(self) -> None:
        if _real(self._port) != self._real:
            raise LineLostError("another device has this name now", sent=False)
        try:
            waiting = self._serial.in_waiting
            while waiting:
                self._serial.read(min(waiting, READ_BYTES))
                waiting = self._serial.in_waiting
        except (serial.SerialException, OSError, TypeError) as error:
            raise LineLostError("gone", sent=False) from error

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        self._serial.close()

    def _read(self, at_least: int) -> bytes:
        try:
            first: bytes = self._serial.read(at_least)
            waiting = self._serial.in_waiting if first else 0
            rest: bytes = self._serial.read(min(waiting, READ_BYTES)) if waiting else b""
        except (serial.SerialException, OSError, TypeError) as error:
            # WORKAROUND: pyserial 3.5 raises TypeError when the port is closed under a read.
            raise LineLostError("read", sent=True) from error
        return first + rest


class SocketLine:
    """A connected socket to a module on this machine or beside it."""

    def __init__(self, connected: socket.socket) -> None:
        self._cancelled = False
        self._socket = connected

    def send(self, data: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(WRITE_S)
            done = self._socket.send(data)
        except OSError as error:
            raise LineLostError("write", sent=False) from error
        try:
            self._socket.sendall(data[done:])
        except OSError as error:
            raise LineLostError("write", sent=True) from error

    def receive(self, deadline: float) -> bytes:
        while not self._cancelled:
            try:
                self._socket.settimeout(SLICE_S)
                data = self._socket.recv(READ_BYTES)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    return b""
                continue
            except OSError as error:
                raise LineLostError("read", sent=True) from error
            if not data:
                raise LineLostError("closed", sent=True)
            return data
        raise LineLostError("cancelled", sent=True)

    def check(self) -> None:
        try:
            self._socket.setblocking(False)
            while self._socket.recv(READ_BYTES):
                pass
        except BlockingIOError:
            return
        except OSError as error:
            raise LineLostError("gone", sent=False) from error
        raise LineLostError("closed", sent=False)

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        self._socket.close()


def _tcp_socket(host: str, port: int) -> socket.socket:
    try:
        connected = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as error:
        raise LineClosedError("MODULE_ABSENT", type(error).__name__) from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _unix_socket(path: str) -> socket.socket:
    if sys.platform == "win32":
        raise LineClosedError("PORT_MISSING", "no Unix sockets here")
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.settimeout(CONNECT_S)
    try:
        connected.connect(path)
    except OSError as error:
        connected.close()
        code = "PORT_DENIED" if error.errno in _DENIED_PORT else "MODULE_ABSENT"
        raise LineClosedError(code, type(error).__name__) from error
    return connected


def _real(port: str) -> str:
    """Where a link leads: a module that was started again has another pty under the same name."""
    path = Path(port)
    return str(path.resolve()) if path.is_symlink() else port


def _port_code(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in _BUSY_PORT:
        return "PORT_BUSY"
    if number in _DENIED_PORT:
        return "PORT_DENIED"
    # WORKAROUND: pyserial 3.5 on Windows gives the cause only inside its text.
    if number is None and "PermissionError" in str(error):
        return "PORT_BUSY"
    return "PORT_MISSING"
