"""Serial printers, and pseudo-terminals in their place. Every timeout is finite."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Any

from posapp.errors import PrintError

BAUD = 115_200
READ_BYTES = 512


class SerialLink:
    """8 data bits, no parity, hardware handshake off: status answers steer the flow."""

    def __init__(self, path: str, baud: int = BAUD) -> None:
        import serial

        self._errors = (serial.SerialException, OSError)
        self._late: type[Exception] = serial.SerialTimeoutException
        try:
            self._port: Any = serial.Serial(
                path, baud, timeout=0, write_timeout=0.2, dsrdtr=False, exclusive=True
            )
        except serial.SerialException as error:
            raise PrintError(_open_code(error), reason=str(error.errno)) from None

    def write(self, data: bytes, timeout_ms: int) -> int:
        self._port.write_timeout = max(0.01, timeout_ms / 1000)
        sent = 0
        try:
            # In small steps: after a timeout pyserial does not say how much it wrote.
            while sent < len(data):
                sent += self._write_some(data[sent : sent + 64])
        except self._late:
            pass
        except self._errors:
            raise PrintError("PRINTER_LINK_LOST", reason="serial") from None
        return sent

    def _write_some(self, data: bytes) -> int:
        return int(self._port.write(data) or 0)

    def read(self, timeout_ms: int) -> bytes:
        try:
            self._port.timeout = timeout_ms / 1000
            first: bytes = self._port.read(1)
            if not first:
                return b""
            self._port.timeout = 0
            return first + bytes(self._port.read(READ_BYTES))
        except self._errors:
            raise PrintError("PRINTER_LINK_LOST", reason="serial") from None

    def close(self) -> None:
        with suppress(*self._errors):
            self._port.close()


def _open_code(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return "PRINTER_DENIED"
    return "PRINTER_BUSY" if number in (errno.EBUSY, errno.EAGAIN) else "PRINTER_ABSENT"
