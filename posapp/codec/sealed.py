"""A secret at rest: what opens it is one or more PINs together with what the device keeps.

    KEK = HKDF-SHA256(Argon2id(PIN 1) | ... | Argon2id(PIN n) | device secret)

Canonical CBOR map: 0 version (1), 1 purpose, 2 whether a device secret belongs to it, 3 [memory
KiB, passes, lanes] of Argon2id, 4 [salt (16) of each PIN], 5 salt (32) of HKDF, 6 nonce (12),
7 AES-256-GCM of the secret, whose associated data is the map of 0..6. HKDF's info is
"posapp/sealed/1", a zero byte and the purpose. A PIN is UTF-8 of its NFKC form.

Without a device secret the PINs are all there is: an attacker with the file tries them at the
cost of Argon2id each. Two PINs cannot be tried one after the other: only both together open it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from posapp.clock import Randomness
from posapp.codec import cbor
from posapp.errors import InputError

VERSION = 1
INFO = b"posapp/sealed/1"
KEY_BYTES = 32
PIN_SALT_BYTES = 16
SALT_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PINS_MAX = 4
PIN_CHARACTERS_MAX = 128
DEVICE_SECRET_BYTES_MIN = 16
SECRET_BYTES_MAX = 1024 * 1024
BOX_BYTES_MAX = SECRET_BYTES_MAX + 1024
MEMORY_KIB_MAX = 512 * 1024  # what a file may ask of us: half a gigabyte ...
PASSES_MAX = 16
LANES_MAX = 4
WORK_KIB_MAX = 2 * 1024 * 1024  # ... and memory times passes, about five seconds
_PURPOSE_CHARACTERS_MAX = 60


def _bad(field: str) -> InputError:
    return InputError("SEAL_INVALID", field=field)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one try of a PIN costs (Argon2id, RFC 9106). Raises InputError SEAL_INVALID(field)."""

    memory_kib: int
    passes: int
    lanes: int = 1

    def __post_init__(self) -> None:
        numbers = (self.memory_kib, self.passes, self.lanes)
        if not all(type(number) is int for number in numbers):
            raise _bad("cost")
        if not 1 <= self.lanes <= LANES_MAX or not 1 <= self.passes <= PASSES_MAX:
            raise _bad("cost")
        if not 8 * self.lanes <= self.memory_kib <= MEMORY_KIB_MAX:  # 8: Argon2's own floor
            raise _bad("cost")
        if self.memory_kib * self.passes > WORK_KIB_MAX:
            raise _bad("cost")


DAILY = Cost(64 * 1024, 3)  # a till's own module: about 0.2 s, every start
RARE = Cost(256 * 1024, 4)  # a ceremony: about 1 s a PIN, a few times a year


@dataclass(frozen=True, slots=True)
class SealedBox:
    """What lies on the disk; nothing in it is readable without the PINs and the device.

    Made by `seal` or `read`; `data` is the whole of it.
    """

    purpose: str
    device_bound: bool
    cost: Cost
    pin_salts: tuple[bytes, ...]
    data: bytes

    @classmethod
    def seal(
        cls,
        secret: bytes | bytearray,
        pins: Sequence[str],
        device_secret: bytes,
        *,
        purpose: str,
        randomness: Randomness,
        cost: Cost = DAILY,
    ) -> SealedBox:
        """Seal a secret of at most 1 MiB under 1..4 PINs and a device secret.

        `device_secret` has at least 16 bytes, or none at all where no device keeps one.
        `purpose` (ASCII, at most 60) must be given again to open it. Time: `cost` a PIN.
        """
        if not 1 <= len(pins) <= PINS_MAX or len(secret) > SECRET_BYTES_MAX:
            raise ValueError("1 to 4 PINs and a secret of at most 1 MiB")
        if not purpose.isascii() or not 1 <= len(purpose) <= _PURPOSE_CHARACTERS_MAX:
            raise ValueError("a purpose is a short ASCII text")
        _check_device_secret(device_secret)
        header: dict[int, Any] = {
            0: VERSION,
            1: purpose,
            2: bool(device_secret),
            3: [cost.memory_kib, cost.passes, cost.lanes],
            4: [randomness.bytes(PIN_SALT_BYTES) for _ in pins],
            5: randomness.bytes(SALT_BYTES),
            6: randomness.bytes(NONCE_BYTES),
        }
        key = _kek(header, pins, device_secret)
        try:
            sealed = AESGCM(key).encrypt(header[6], secret, cbor.encode(header))
        finally:
            wipe(key)
        return cls.read(cbor.encode(header | {7: sealed}))

    @classmethod
    def read(cls, data: bytes) -> SealedBox:
        """Its form only, nothing is opened. Raises InputError SEAL_INVALID(field)."""
        value = _parsed(data)
        purpose, bound, salts = value[1], value[2], value[4]
        if not isinstance(purpose, str) or not 1 <= len(purpose) <= _PURPOSE_CHARACTERS_MAX:
            raise _bad("purpose")
        if not isinstance(bound, bool):
            raise _bad("device")
        if not isinstance(value[3], list) or len(value[3]) != 3:
            raise _bad("cost")
        if not isinstance(salts, list) or not 1 <= len(salts) <= PINS_MAX:
            raise _bad("salts")
        if not all(_is_bytes(salt, PIN_SALT_BYTES) for salt in salts):
            raise _bad("salts")
        if not _is_bytes(value[5], SALT_BYTES) or not _is_bytes(value[6], NONCE_BYTES):
            raise _bad("salts")
        if not isinstance(value[7], bytes) or len(value[7]) < TAG_BYTES:
            raise _bad("content")
        return cls(purpose, bound, Cost(*value[3]), tuple(salts), data)

    def open(self, pins: Sequence[str], device_secret: bytes, *, purpose: str) -> bytearray:
        """The secret; the caller wipes it. Time: the box's own `cost` a PIN.

        A wrong PIN, another device, changed bytes and another purpose are one error: InputError
        SEAL_REFUSED.
        """
        _check_device_secret(device_secret)
        fits = len(pins) == len(self.pin_salts) and bool(device_secret) == self.device_bound
        if not fits or purpose != self.purpose:
            raise InputError("SEAL_REFUSED")
        header = _parsed(self.data)
        sealed = header.pop(7)
        secret = bytearray(len(sealed) - TAG_BYTES)
        key = _kek(header, pins, device_secret)
        try:
            AESGCM(key).decrypt_into(header[6], sealed, cbor.encode(header), secret)
        except InvalidTag:
            wipe(secret)
            raise InputError("SEAL_REFUSED") from None
        finally:
            wipe(key)
        return secret

    def reseal(
        self,
        pins: Sequence[str],
        new_pins: Sequence[str],
        device_secret: bytes,
        *,
        purpose: str,
        randomness: Randomness,
        cost: Cost | None = None,
    ) -> SealedBox:
        """The same secret under new PINs and fresh salts. Raises InputError SEAL_REFUSED."""
        secret = self.open(pins, device_secret, purpose=purpose)
        try:
            return SealedBox.seal(
                secret,
                new_pins,
                device_secret,
                purpose=purpose,
                randomness=randomness,
                cost=cost or self.cost,
            )
        finally:
            wipe(secret)

    def to_bytes(self) -> bytes:
        """What `read` takes."""
        return self.data

    def __repr__(self) -> str:
        return f"SealedBox({self.purpose}, {len(self.data)} bytes)"


def wipe(buffer: bytearray) -> None:
    """Overwrite with zeros. Copies that a library made on its way are beyond us."""
    buffer[:] = bytes(len(buffer))


def _kek(header: dict[int, Any], pins: Sequence[str], device_secret: bytes) -> bytearray:
    """The key of a box; every part of it that is ours to wipe is wiped."""
    memory, passes, lanes = header[3]
    material = bytearray(KEY_BYTES * len(pins) + len(device_secret))
    material[KEY_BYTES * len(pins) :] = device_secret
    try:
        for place, (pin, salt) in enumerate(zip(pins, header[4], strict=True)):
            typed = bytearray(_pin_bytes(pin))
            stretched = memoryview(material)[KEY_BYTES * place : KEY_BYTES * (place + 1)]
            kdf = Argon2id(
                salt=salt, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory
            )
            try:
                kdf.derive_into(cast(bytes, typed), stretched)  # any buffer will do
            finally:
                stretched.release()
                wipe(typed)
        key = bytearray(KEY_BYTES)
        info = INFO + b"\0" + header[1].encode("ascii")
        HKDF(SHA256(), KEY_BYTES, header[5], info).derive_into(material, key)
        return key
    finally:
        wipe(material)


def _pin_bytes(pin: str) -> bytes:
    if len(pin) > PIN_CHARACTERS_MAX:
        raise InputError("SEAL_REFUSED")
    return unicodedata.normalize("NFKC", pin).encode("utf-8", "surrogatepass")


def _check_device_secret(device_secret: bytes) -> None:
    if device_secret and len(device_secret) < DEVICE_SECRET_BYTES_MIN:
        raise ValueError("a device secret has at least 16 bytes")


def _parsed(data: bytes) -> dict[int, Any]:
    if len(data) > BOX_BYTES_MAX:
        raise _bad("size")
    try:
        value = cbor.decode(data)
    except InputError:
        raise _bad("form") from None
    if not isinstance(value, dict) or not all(type(key) is int for key in value):
        raise _bad("form")
    if set(value) != set(range(8)):
        raise _bad("form")
    if type(value[0]) is not int or value[0] != VERSION:
        raise _bad("version")
    return value


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
