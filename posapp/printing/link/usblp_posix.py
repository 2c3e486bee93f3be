"""USB printers through Linux's usblp device (/dev/usb/lp0). Written from the kernel's interface;
it has not been run on a printer by us yet.
"""

from __future__ import annotations

import errno
import os
import select
import time

from posapp.errors import PrintError

READ_BYTES = 512
_CODES = {
    errno.EACCES: "PRINTER_DENIED",
    errno.EPERM: "PRINTER_DENIED",
    errno.EBUSY: "PRINTER_BUSY",
}


class UsbLink:
    """Non-blocking both ways: the kernel would wait for paper for ever."""

    def __init__(self, path: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            code = _CODES.get(error.errno or 0, "PRINTER_ABSENT")
            raise PrintError(code, reason=error.strerror) from None
        self._poll = select.poll()

    def _ready(self, events: int, timeout_ms: int) -> bool:
        self._poll.register(self._fd, events)
        found = self._poll.poll(timeout_ms)
        if found and found[0][1] & (select.POLLHUP | select.POLLNVAL):
            raise PrintError("PRINTER_LINK_LOST", reason="unplugged")
        return bool(found and found[0][1] & events)

    def write(self, data: bytes, timeout_ms: int) -> int:
        end = time.monotonic() + timeout_ms / 1000
        sent = 0
        while sent < len(data):
            left_ms = int((end - time.monotonic()) * 1000)
            if left_ms <= 0 or not self._ready(select.POLLOUT, left_ms):
                break
            try:
                sent += os.write(self._fd, data[sent:])
            except BlockingIOError:
                continue
            except OSError as error:
                raise PrintError("PRINTER_LINK_LOST", reason=error.strerror) from None
        return sent

    def read(self, timeout_ms: int) -> bytes:
        if not self._ready(select.POLLIN, timeout_ms):
            return b""
        try:
            return os.read(self._fd, READ_BYTES)  # b"": this printer has nothing to say
        except BlockingIOError:
            return b""
        except OSError as error:
            raise PrintError("PRINTER_LINK_LOST", reason=error.strerror) from None

    def close(self) -> None:
        os.close(self._fd)
