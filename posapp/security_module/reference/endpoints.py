"""Where the module listens: one talker at a time over TCP here, else `{pty,unix}_posix.py`.

A talker may vanish at any byte; the endpoint then waits for the next one and never fails.
"""

from __future__ import annotations

import ipaddress
import re
import select
import socket
import sys
from pathlib import Path
from typing import Protocol

from posapp.errors import ConfigError

READ_BYTES = 4096
BACKLOG = 8
WRITE_S = 2.0  # a talker that does not read in this time has lost its reply


class Endpoint(Protocol):
    """Bytes from and to whoever talks now."""

    @property
    def address(self) -> str:
        """What a till puts in its configuration: `serial:PATH`, `tcp:HOST:PORT`, `unix:PATH`."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """Some bytes as soon as there are any; none after the time-out."""
        ...

    def send(self, data: bytes) -> None:
        """To the talker whose bytes came last; lost when it is gone. Up to 2 s."""
        ...

    def close(self) -> None: ...


def open_endpoint(listen: str, *, sealed: bool = False) -> Endpoint:
    """`pty:LINKPATH`, `unix:PATH` or `tcp:HOST:PORT` (port 0: any free one).

    Only a module that never talks in the clear (`sealed`) may listen to other machines. Raises
    ConfigError LISTEN_ADDRESS_INVALID, LISTEN_NOT_LOCAL, PORT_BUSY(port),
    LISTEN_REFUSED(address, reason), and for a path LISTEN_PATH_TAKEN(path), LISTEN_UNSUPPORTED.
    """
    kind, _, rest = listen.partition(":")
    if kind in ("pty", "unix") and rest:
        if sys.platform == "win32":
            raise ConfigError("LISTEN_UNSUPPORTED", address=listen[:80], expected="tcp:HOST:PORT")
        if kind == "pty":
            from posapp.security_module.reference.pty_posix import PtyEndpoint

            return PtyEndpoint(Path(rest))
        from posapp.security_module.reference.unix_posix import UnixEndpoint

        return UnixEndpoint(Path(rest))
    match = re.fullmatch(r"\[?([^\]\s]+?)\]?:(\d{1,5})", rest, re.ASCII)
    if kind != "tcp" or not match or int(match.group(2)) > 65_535:
        raise ConfigError(
            "LISTEN_ADDRESS_INVALID",
            address=listen[:80],
            expected="pty:PATH, unix:PATH, tcp:HOST:PORT",
        )
    return TcpEndpoint(match.group(1), int(match.group(2)), sealed=sealed)


class SocketEndpoint:
    """A listening socket. A new talker takes the place of the old one, after all that the old
    one sent was answered: so a fetch never overtakes the issue before it.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._talker: socket.socket | None = None

    def receive(self, timeout_s: float) -> bytes:
        """See `Endpoint`."""
        watched = [self._listener] + ([self._talker] if self._talker else [])
        ready, _, _ = select.select(watched, [], [], timeout_s)
        if self._talker is not None and self._talker in ready:
            try:
                data = self._talker.recv(READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self._hang_up()
            return data
        if self._listener in ready:
            self._hang_up()
            self._accept()
        return b""

    def send(self, data: bytes) -> None:
        """See `Endpoint`."""
        if self._talker is None:
            return
        try:
            self._talker.sendall(data)
        except OSError:  # it vanished, or stopped reading: its next connection will ask again
            self._hang_up()

    def close(self) -> None:
        """Hang up and listen no more."""
        self._hang_up()
        self._listener.close()

    def _accept(self) -> None:
        try:
            talker, _ = self._listener.accept()
        except OSError:  # gone before it was greeted
            return
        talker.settimeout(WRITE_S)
        if talker.family in (socket.AF_INET, socket.AF_INET6):
            talker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._talker = talker

    def _hang_up(self) -> None:
        talker, self._talker = self._talker, None
        if talker is not None:
            talker.close()


class TcpEndpoint(SocketEndpoint):
    """A TCP port: of this machine only, unless the line is always sealed."""

    def __init__(self, host: str, port: int, *, sealed: bool = False) -> None:
        # In clear text tokens may not travel over a network.
        if not sealed and host != "localhost" and not _is_loopback(host):
            raise ConfigError("LISTEN_NOT_LOCAL", address=f"tcp:{host}:{port}")
        self._host = host
        try:
            family, kind, proto, _, where = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, proto)
        except OSError as error:
            raise ConfigError(
                "LISTEN_REFUSED", address=f"tcp:{host}:{port}", reason=str(error.strerror)
            ) from None
        try:
            if sys.platform == "win32":  # there REUSEADDR would let a stranger share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            raise ConfigError(
                "PORT_BUSY", port=f"tcp:{host}:{port}", reason=str(error.strerror)
            ) from None
        super().__init__(listener)

    @property
    def address(self) -> str:
        """`tcp:HOST:PORT` with the port that was got."""
        port = self._listener.getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"tcp:{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
