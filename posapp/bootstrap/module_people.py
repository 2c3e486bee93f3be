"""A module with operators: its device secret, its people, and what opens when one signs in.

Such a folder has `operators.sealed` and, unless a token keeps the secret, `device.secret`
instead of the `module.key` of a laboratory's module.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from posapp.bootstrap.module_config import ModuleConfig, read_config
from posapp.clock import Clock, Randomness
from posapp.codec.sealed import DAILY, Cost
from posapp.security_module.reference import operators
from posapp.security_module.reference.backends import KeyBackend, book, open_hsm
from posapp.security_module.reference.operators import Operator, Operators
from posapp.security_module.reference.seal import DeviceSecret, FileDevice, VouchedFile

if TYPE_CHECKING:
    from posapp.security_module.reference.backends.hsm import Hsm

DEVICE_FILE = "device.secret"
_LINE_PURPOSE = b"posapp/line/1"


def has_operators(folder: Path) -> bool:
    """Whether the module in `folder` starts closed."""
    return (folder / operators.FILE_NAME).exists()


def make(
    folder: Path,
    module_id: str,
    store_key: bytes,
    supervisor: Operator,
    pin: str,
    randomness: Randomness,
    *,
    cost: Cost = DAILY,
) -> None:
    """The device's secret and the first supervisor, who opens `store_key`.

    Raises ConfigError SEAL_EXISTS(file), FILE_UNWRITABLE, CONFIG_FIELD, HSM_EXTRA_MISSING;
    InputError PIN_FORM, OPERATOR_FIELD; ModuleError HSM_...
    """
    token = _Token(read_config(folder))
    try:
        device = token.make_device(module_id, randomness)
        if device is None:
            device = FileDevice.create(folder / DEVICE_FILE, randomness)
        Operators.create(
            folder, module_id, device, randomness, supervisor, pin, store_key, cost=cost
        )
    finally:
        token.close()


class ClosedModule:
    """The folder of a module with operators, before and while somebody is signed in."""

    def __init__(
        self, folder: Path, clock: Clock, randomness: Randomness, *, cost: Cost = DAILY
    ) -> None:
        """Raises what `Operators` raises, and ConfigError CONFIG_FIELD, HSM_EXTRA_MISSING."""
        self.folder = folder
        self.module_id = operators.module_id_in(folder)
        self._token = _Token(read_config(folder))
        try:
            device = self._token.device(self.module_id)
            if device is None:
                device = FileDevice.open(folder / DEVICE_FILE)
            self._device = device
            self.bound = device.bound
            self.line_secret = device.derive(_LINE_PURPOSE)  # the line is up before a first PIN
            self.operators = Operators(folder, self.module_id, device, clock, randomness, cost=cost)
        except BaseException:
            self._token.close()
            raise

    def key_backend(self) -> KeyBackend | None:
        """The token that keeps the vending keys, tried out; None where the store does.

        Raises ModuleError HSM_..., SEAL_DAMAGED(file).
        """
        return self._token.key_backend(self.folder, self._device)

    def close(self) -> None:
        """Forget the key; safe to call twice."""
        self.operators.close()
        self._token.close()


class _Token:
    """The token of a configuration, if it has one. Only then is its support imported."""

    def __init__(self, config: ModuleConfig) -> None:
        self._place = config.token
        self._hsm: Hsm | None = None
        if config.token is not None:
            place = config.token
            self._hsm = open_hsm(place.library, place.token, place.pin_file)

    def make_device(self, module_id: str, randomness: Randomness) -> DeviceSecret | None:
        if self._hsm is None or self._place is None or not self._place.device:
            return None
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Device

        return Pkcs11Device.create(self._hsm, module_id, randomness)

    def device(self, module_id: str) -> DeviceSecret | None:
        if self._hsm is None or self._place is None or not self._place.device:
            return None
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Device

        return Pkcs11Device(self._hsm, module_id)

    def key_backend(self, folder: Path, device: DeviceSecret) -> KeyBackend | None:
        if self._hsm is None or self._place is None or not self._place.keys:
            return None
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Backend

        file = VouchedFile(folder / book.FILE_NAME, device, book.PURPOSE, book.FILE_BYTES_MAX)
        backend = Pkcs11Backend(self._hsm, book.VouchedBook(file))
        backend.probe()
        return backend

    def close(self) -> None:
        if self._hsm is not None:
            self._hsm.close()
