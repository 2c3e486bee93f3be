"""A Unix socket as the module's line: for a module and a till on one machine, by file rights."""

from __future__ import annotations

import socket
import stat
from contextlib import suppress
from pathlib import Path

from posapp.errors import ConfigError
from posapp.security_module.reference.endpoints import BACKLOG, SocketEndpoint

OWNER_ONLY = 0o600


class UnixEndpoint(SocketEndpoint):
    """A socket file that only its owner may talk to; one left by a killed module is replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError("LISTEN_PATH_TAKEN", path=str(path))
        if _answers(path):
            raise ConfigError("PORT_BUSY", port=f"unix:{path}", reason="another module is there")
        making = path.with_name(f".{path.name}.new")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            making.unlink(missing_ok=True)
            listener.bind(str(making))
            making.chmod(OWNER_ONLY)  # before it has the name that tills know
            listener.listen(BACKLOG)
            making.replace(path)
        except OSError as error:
            listener.close()
            raise ConfigError(
                "LISTEN_REFUSED", address=f"unix:{path}", reason=str(error.strerror or error)
            ) from None
        self._inode = path.stat().st_ino
        super().__init__(listener)

    @property
    def address(self) -> str:
        """`unix:PATH`."""
        return f"unix:{self._path}"

    def close(self) -> None:
        """Hang up; the name goes too unless another module has it by now."""
        super().close()
        with suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
