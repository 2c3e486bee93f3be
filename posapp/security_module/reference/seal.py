"""What ties a module to its machine: a secret of the device, and files that only it can vouch for.

The PINs are in `operators.py`; both together open the store's key. A device secret in a file on
the same disk binds nothing: such a module takes keys marked as test keys only.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Protocol

from posapp.clock import Randomness
from posapp.codec.files import read_bounded, write_private
from posapp.errors import ConfigError, ModuleError

SECRET_BYTES = 32
MAC_BYTES = 32


class DeviceSecret(Protocol):
    """A secret that stays where it is and answers questions."""

    @property
    def bound(self) -> bool:
        """Whether a copy of the disk is without it. Only then may real keys be loaded."""
        ...

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes that follow from the secret and `purpose`, different for each. Up to 10 s.

        Raises ModuleError HSM_... (NOT_EXECUTED) when a device does not answer.
        """
        ...


class FileDevice:
    """A device secret in a file (0600): for laboratories, where it guards nothing."""

    bound = False

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def create(cls, path: Path, randomness: Randomness) -> FileDevice:
        """Make the file. Raises ConfigError SEAL_EXISTS(file), FILE_UNWRITABLE."""
        secret = randomness.bytes(SECRET_BYTES)
        try:
            write_private(path, secret, new=True)
        except ConfigError as error:
            if error.code != "FILE_EXISTS":
                raise
            raise ConfigError("SEAL_EXISTS", file=str(path)) from None
        return cls(secret)

    @classmethod
    def open(cls, path: Path) -> FileDevice:
        """Raises ConfigError SEAL_MISSING(file), SEAL_EXPOSED(file); ModuleError SEAL_DAMAGED."""
        try:
            exposed = os.name == "posix" and path.stat().st_mode & 0o077
            secret = read_bounded(path, SECRET_BYTES)
        except OSError:
            raise ConfigError("SEAL_MISSING", file=str(path)) from None
        except ValueError:
            raise ModuleError("SEAL_DAMAGED", file=path.name) from None
        if exposed:
            raise ConfigError("SEAL_EXPOSED", file=str(path))
        if len(secret) != SECRET_BYTES:
            raise ModuleError("SEAL_DAMAGED", file=path.name)
        return cls(secret)

    def derive(self, purpose: bytes) -> bytes:
        """HMAC-SHA-256 of the purpose under the secret."""
        return hmac.digest(self._secret, purpose, "sha256")


class VouchedFile:
    """A small file that is replaced whole and that only this device can have written."""

    def __init__(self, path: Path, device: DeviceSecret, purpose: bytes, bytes_max: int) -> None:
        self.path = path
        self._key = device.derive(purpose)
        self._bytes_max = bytes_max

    def read(self) -> bytes:
        """What was written last. Raises ConfigError SEAL_MISSING(file), FILE_UNREADABLE;
        ModuleError SEAL_DAMAGED(file) for one changed byte, or when another device wrote it.
        """
        try:
            raw = read_bounded(self.path, self._bytes_max + MAC_BYTES)
        except FileNotFoundError:
            raise ConfigError("SEAL_MISSING", file=str(self.path)) from None
        except OSError as error:
            raise ConfigError(
                "FILE_UNREADABLE", file=str(self.path), reason=error.strerror
            ) from None
        except ValueError:
            raise ModuleError("SEAL_DAMAGED", file=self.path.name) from None
        content, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(content)):
            raise ModuleError("SEAL_DAMAGED", file=self.path.name)
        return content

    def write(self, content: bytes) -> None:
        """Replace it; durable when this returns, and after a power cut old or new, never half.

        Raises ConfigError FILE_UNWRITABLE; then the old one may or may not be replaced.
        """
        assert len(content) <= self._bytes_max
        write_private(self.path, content + self._mac(content))

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")
