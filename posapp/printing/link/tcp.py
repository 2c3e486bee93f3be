"""Network printers on port 9100."""

from __future__ import annotations

import select
import socket
import time

from posapp.errors import PrintError
from posapp.printing.link import OPEN_TIMEOUT_MS

READ_BYTES = 512


class TcpLink:
    """A raw socket; small send buffer, so that what we wrote is near the printer."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), OPEN_TIMEOUT_MS / 1000)
        except OSError as error:
            raise PrintError("PRINTER_ABSENT", reason=error.strerror or "timeout") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._socket.setblocking(False)

    def write(self, data: bytes, timeout_ms: int) -> int:
        end = time.monotonic() + timeout_ms / 1000
        sent = 0
        while sent < len(data):
            left = end - time.monotonic()
            if left <= 0 or not select.select([], [self._socket], [], left)[1]:
                break
            try:
                sent += self._socket.send(data[sent:])
            except BlockingIOError:
                continue
            except OSError as error:
                raise PrintError("PRINTER_LINK_LOST", reason=error.strerror) from None
        return sent

    def read(self, timeout_ms: int) -> bytes:
        if not select.select([self._socket], [], [], timeout_ms / 1000)[0]:
            return b""
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise PrintError("PRINTER_LINK_LOST", reason=error.strerror) from None
        if not data:
            raise PrintError("PRINTER_LINK_LOST", reason="closed")
        return data

    def close(self) -> None:
        self._socket.close()
