"""Cables to printers: open, write with a deadline, read what has come. No call waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from posapp.errors import ConfigError

OPEN_TIMEOUT_MS = 3_000


class Link(Protocol):
    """An open line to a printer.

    Every method raises PrintError PRINTER_LINK_LOST when the other end has gone.
    """

    def write(self, data: bytes, timeout_ms: int) -> int:
        """How many bytes were taken within `timeout_ms`; fewer when the printer is full."""
        ...

    def read(self, timeout_ms: int) -> bytes:
        """What has come, waiting at most `timeout_ms` for the first byte; b"" for nothing."""
        ...

    def close(self) -> None:
        """Give up the line at once; never raises."""
        ...


LinkFactory = Callable[[], Link]
"""Opens the line within 3 s or raises PrintError PRINTER_ABSENT, PRINTER_BUSY or PRINTER_DENIED."""


def link_factory(address: str) -> LinkFactory | None:
    """How to reach `address`: `tcp:HOST:PORT`, `serial:PATH`, `usblp:PATH`; None for `none`.

    Raises ConfigError PRINTER_ADDRESS for anything else.
    """
    kind, _, rest = address.partition(":")
    if address in ("", "none"):
        return None
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        if host and port.isdigit() and 0 < int(port) < 65536:
            from posapp.printing.link.tcp import TcpLink

            return lambda: TcpLink(host.strip("[]"), int(port))
    elif kind == "serial" and rest:
        from posapp.printing.link.serial_port import SerialLink  # pyserial only where it is used

        return lambda: SerialLink(rest)
    elif kind == "usblp" and rest:
        from posapp.printing.link.usblp_posix import UsbLink  # Unix only

        return lambda: UsbLink(rest)
    raise ConfigError("PRINTER_ADDRESS", address=address)
