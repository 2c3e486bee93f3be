"""The virtual printer's one loop: its port (TCP or pty), its control port, its engine.

Back-pressure is real: no more is read from the port than the receive buffer can take.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from posapp.errors import ConfigError
from posapp.printing.virtual.engine import Engine

PORT_BUFFER = 2048
CONTROL_LINE_MAX = 200
CONTROLS_MAX = 8
IDLE_WAIT_S = 0.25
BUSY_WAIT_S = 0.005


class Port(Protocol):
    """Where the till's bytes come in."""

    def fds(self) -> list[int]: ...

    def accept(self) -> None:
        """Take a waiting client, if any; a second one waits until the first has gone."""
        ...

    def read(self, limit: int) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def power(self, on: bool) -> None:
        """Off: the line is dead and nobody can open it."""
        ...

    def close(self) -> None: ...


class TcpPort:
    """One client at a time, as a printer's network board does."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._client: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._listen()

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PORT_BUFFER)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            host, port = self._address
            raise ConfigError("PORT_BUSY", port=f"{host}:{port}", reason=error.strerror) from None
        listener.listen(1)
        listener.setblocking(False)
        self._listener = listener
        self._address = listener.getsockname()[:2]

    @property
    def address(self) -> str:
        """`tcp:HOST:PORT` as the till wants it."""
        return f"tcp:{self._address[0]}:{self._address[1]}"

    def fds(self) -> list[int]:
        found = [self._listener] if self._client is None else [self._client]
        return [one.fileno() for one in found if one is not None]

    def accept(self) -> None:
        if self._client is not None or self._listener is None:
            return
        with suppress(BlockingIOError):
            self._client, _ = self._listener.accept()
            self._client.setblocking(False)

    def read(self, limit: int) -> bytes:
        if self._client is None:
            return b""
        try:
            data = self._client.recv(limit)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop()
        return data

    def write(self, data: bytes) -> None:
        if self._client is not None:
            with suppress(OSError):  # a client that does not listen misses the answer
                self._client.send(data)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def power(self, on: bool) -> None:
        if on and self._listener is None:
            self._listen()
        elif not on:
            self.close()

    def close(self) -> None:
        if self._client is not None:
            # A plug pulled out sends no farewell: what is on its way is lost with a reset.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            with suppress(OSError):
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class Server:
    """Runs one engine on one port until `stop`."""

    def __init__(
        self, engine: Engine, port: Port, *, control: str | None, sheets: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._port = port
        self._sheets = sheets
        self._on = True
        self._stopping = False
        self._cut_power_after: int | None = None
        self._controls: dict[int, tuple[socket.socket, bytearray]] = {}
        self._control: socket.socket | None = None
        if control is not None:
            self._control = _listen_on(control)
        self._waker, self._woken = socket.socketpair()

    @property
    def control(self) -> str:
        """HOST:PORT of the control lines; "none" without them."""
        if self._control is None:
            return "none"
        host, port = self._control.getsockname()[:2]
        return f"{host}:{port}"

    def stop(self) -> None:
        """End `run` soon. May be called from a signal handler or another thread."""
        self._stopping = True
        with suppress(OSError):
            self._waker.send(b".")

    def run(self) -> None:
        """Serve until stopped."""
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._port.close()
            for client, _ in self._controls.values():
                client.close()
            if self._control is not None:
                self._control.close()
            self._waker.close()
            self._woken.close()

    def _turn(self) -> None:
        engine = self._engine
        engine_fds = self._port.fds() if self._on and engine.room else []
        control_fds = list(self._controls)
        if self._control is not None:
            control_fds.append(self._control.fileno())
        waiting = engine.buffered and not engine.stopped
        wait = BUSY_WAIT_S if waiting else IDLE_WAIT_S
        everything = [*engine_fds, *control_fds, self._woken.fileno()]
        ready, _, _ = select.select(everything, [], [], wait)
        if any(fd in ready for fd in engine_fds):
            self._take()
        if self._on:
            engine.run(time.monotonic_ns() // 1_000_000)
        self._flush()
        for fd in ready:
            if self._control is not None and fd == self._control.fileno():
                self._accept_control()
            elif fd in self._controls:
                self._read_control(fd)

    def _take(self) -> None:
        self._port.accept()
        limit = self._engine.room
        if self._cut_power_after is not None:
            limit = min(limit, self._cut_power_after)
        data = self._port.read(limit) if limit else b""
        self._engine.receive(data)
        if self._cut_power_after is not None:
            self._cut_power_after -= len(data)
            if self._cut_power_after <= 0:
                self._set_power(False)

    def _flush(self) -> None:
        while self._engine.answers:
            self._port.write(self._engine.answers.popleft())

    def _set_power(self, on: bool) -> None:
        self._cut_power_after = None
        if on != self._on:
            self._on = on
            self._port.power(on)
            if not on:
                self._engine.power_cycle()

    # ------------------------------------------------------------ control lines

    def _accept_control(self) -> None:
        assert self._control is not None
        client, _ = self._control.accept()
        if len(self._controls) >= CONTROLS_MAX:
            client.close()
            return
        client.setblocking(False)
        self._controls[client.fileno()] = (client, bytearray())

    def _read_control(self, fd: int) -> None:
        client, pending = self._controls[fd]
        try:
            data = client.recv(CONTROL_LINE_MAX)
        except OSError:
            data = b""
        pending += data
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            answer = self.obey(line.decode("utf-8", "replace").strip())
            with suppress(OSError):
                client.send(answer.encode() + b"\n")
        if not data or len(pending) > CONTROL_LINE_MAX:
            client.close()
            del self._controls[fd]

    def obey(self, line: str) -> str:
        """One control line; "ok", the status as JSON, or "error" and what is understood."""
        engine, words = self._engine, line.split()
        match words:
            case ["status"]:
                return json.dumps(self._status())
            case ["paper", "out"]:
                engine.load_paper(0)
            case ["paper", amount] if amount.isdigit() and len(amount) < 8:
                engine.load_paper(int(amount))
            case ["cover", "open" | "close" as what]:
                engine.cover_open = what == "open"
            case ["error", "on" | "off" as what]:
                engine.error = what == "on"
            case ["mute", "on" | "off" as what]:
                engine.mute = what == "on"
            case ["power", "on" | "off" as what]:
                self._set_power(what == "on")
            case ["power", "off", "after", amount] if amount.isdigit():
                self._cut_power_after = max(1, int(amount))
            case _:
                return (
                    "error: status | paper MM | paper out | cover open|close | error on|off | "
                    "mute on|off | power on|off | power off after BYTES"
                )
        return "ok"

    def _status(self) -> dict[str, object]:
        engine = self._engine
        return {
            "power": self._on,
            "paper_mm": engine.paper_mm,
            "cover_open": engine.cover_open,
            "error": engine.error,
            "buffered": engine.buffered,
            "printed_mm": engine.printed_dots // 8,
            "pending_lines": len(engine.sheet.lines),
            "sheets": self._sheets(),
            "events": list(engine.events),
        }


def _listen_on(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError("LISTEN_FORM", listen=address)
    try:
        listener = socket.create_server((host, int(port)))
    except OSError as error:
        raise ConfigError("PORT_BUSY", port=address, reason=error.strerror) from None
    listener.setblocking(False)
    return listener


def open_port(listen: str) -> tuple[Port, str]:
    """A port and its address for the till.

    `tcp:HOST:PORT` (port 0: any free one) or `pty:PATH`. Raises ConfigError LISTEN_FORM,
    PORT_BUSY or PTY_UNSUPPORTED.
    """
    kind, _, rest = listen.partition(":")
    if kind == "tcp":
        host, _, number = rest.rpartition(":")
        if not host or not number.isdigit() or int(number) > 65535:
            raise ConfigError("LISTEN_FORM", listen=listen)
        tcp = TcpPort(host.strip("[]"), int(number))
        return tcp, tcp.address
    if kind == "pty" and rest:
        if os.name != "posix":
            raise ConfigError("PTY_UNSUPPORTED", listen=listen)
        from posapp.printing.virtual.pty_posix import PtyPort  # Unix only

        return PtyPort(rest), f"serial:{rest}"
    raise ConfigError("LISTEN_FORM", listen=listen)
