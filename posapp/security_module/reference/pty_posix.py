"""A pseudo-terminal as the module's serial line, under a name that outlives the process.

The name is a symbolic link that each start points at its own new pty; a till opens the link.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import tty
from pathlib import Path

from posapp.errors import ConfigError

READ_BYTES = 4096
WRITE_S = 2.0
_PTY_TRIES = 64  # as many tills as could hold on at once


class PtyEndpoint:
    """Our end of a pty. We keep the other end open too, so that a till that goes away does not
    end the line.
    """

    def __init__(self, link: Path) -> None:
        if link.exists() and not link.is_symlink():
            raise ConfigError("LISTEN_PATH_TAKEN", path=str(link))
        self._link = link
        self._ours, self._theirs = _fresh_pty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._name = os.ttyname(self._theirs)
        try:
            self._point()
        except OSError as error:
            os.close(self._ours)
            os.close(self._theirs)
            raise ConfigError(
                "LISTEN_REFUSED", address=f"pty:{link}", reason=str(error.strerror)
            ) from None

    @property
    def address(self) -> str:
        return f"serial:{self._link}"

    def receive(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._ours], [], [], timeout_s)
        return os.read(self._ours, READ_BYTES) if ready else b""

    def send(self, data: bytes) -> None:
        while data:
            _, ready, _ = select.select([], [self._ours], [], WRITE_S)
            if not ready:  # nobody reads: the reply is lost, the till will ask again
                return
            data = data[os.write(self._ours, data) :]

    def close(self) -> None:
        if self._link.is_symlink() and str(self._link.readlink()) == self._name:
            self._link.unlink()
        os.close(self._ours)
        os.close(self._theirs)

    def _point(self) -> None:
        """At every moment the name leads to an old pty or to this one, never to nothing."""
        new = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(self._name)
        new.replace(self._link)


def _fresh_pty() -> tuple[int, int]:
    """A pty that nobody holds a lock on.

    WORKAROUND: some kernels give a new pty the number of one that a till has not let go of yet,
    with the lock that the till took; whoever wants the new line would be told that it is busy.
    """
    locked: list[int] = []
    try:
        for _ in range(_PTY_TRIES):
            ours, theirs = pty.openpty()
            try:
                fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                locked += (ours, theirs)  # kept until there is another, or it would come again
            else:
                fcntl.flock(theirs, fcntl.LOCK_UN)
                return ours, theirs
        return pty.openpty()
    finally:
        for handle in locked:
            os.close(handle)
