"""A pseudo-terminal as the virtual printer's serial port, reached by a link of a chosen name."""

from __future__ import annotations

import os
import pty
import tty
from contextlib import suppress
from pathlib import Path

from posapp.errors import ConfigError


class PtyPort:
    """Both ends are kept open, so that a till may come and go without ending the line."""

    def __init__(self, link: str) -> None:
        self._link = Path(link)
        self._ends: tuple[int, int] | None = None
        self._open()

    def _open(self) -> None:
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        try:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(os.ttyname(theirs))
        except OSError as error:
            os.close(ours)
            os.close(theirs)
            raise ConfigError("PORT_BUSY", port=str(self._link), reason=error.strerror) from None
        self._ends = (ours, theirs)

    def fds(self) -> list[int]:
        return [] if self._ends is None else [self._ends[0]]

    def accept(self) -> None:
        return None

    def read(self, limit: int) -> bytes:
        if self._ends is None:
            return b""
        try:
            return os.read(self._ends[0], limit)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        if self._ends is not None:
            with suppress(OSError):
                os.write(self._ends[0], data)

    def power(self, on: bool) -> None:
        if on and self._ends is None:
            self._open()
        elif not on:
            self.close()

    def close(self) -> None:
        if self._ends is not None:
            for end in self._ends:
                os.close(end)
            self._ends = None
            with suppress(OSError):
                self._link.unlink()
