"""DKGA04 vending keys in a PKCS#11 device: brought in once, never to be read again.

The device makes the HMAC of IEC 62055-41 6.5.3.6 and nothing else. The store has each key's
attributes with a check value, so that another key under the same name is noticed, never used.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from typing import Any

from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11 import exceptions as native
from pkcs11.types import Object, Session

from posapp.clock import Randomness
from posapp.codec import cbor
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.errors import ModuleError
from posapp.security_module.reference.backends import BackendInfo, BookedKey, KeyBook
from posapp.security_module.reference.backends.book import attribute_values
from posapp.security_module.reference.backends.hsm import Hsm, KeyGoneError
from posapp.sts.keys import (
    KeyAttributes,
    VendingKey,
    check_derivation,
    dkga04_data,
    dkga04_key,
)

NAME = "pkcs11"
KEY_BYTES = 32  # SoftHSM takes no shorter one for SHA-256
CHECK_BYTES = 8
_CHECK_PURPOSE = b"posapp/vending-key-check/1\0"  # no DKGA04 block begins like this

# RFC 4231, test case 1: a key of 20 bytes, as a vending key has.
_KNOWN_KEY, _KNOWN_DATA = b"\x0b" * 20, b"Hi There"
_KNOWN_MAC = bytes.fromhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")


class Pkcs11Backend:
    """Implements `KeyBackend` on a token and a book whose rows hold check values."""

    def __init__(self, hsm: Hsm, book: KeyBook) -> None:
        self._hsm = hsm
        self._book = book
        self._rows = {row.name: row for row in book.rows()}
        self._handles: dict[tuple[str, int], Any] = {}
        self._epoch = 0

    def attributes(self) -> tuple[KeyAttributes, ...]:
        """What is known of each key, ordered by SGC and KRN."""
        return tuple(self._rows[name].attributes for name in sorted(self._rows))

    def decoder_key(
        self, sgc: str, krn: int, number: MeterNumber, ti: str, ea: EncryptionAlgorithm
    ) -> bytes:
        """A meter's key; up to 10 s, usually 0.1 ms.

        Raises ModuleError KEY_NOT_FOUND(sgc, krn), HSM_KEY_GONE(sgc, krn),
        HSM_KEY_CHANGED(sgc, krn) and what `Hsm.run` raises; InputError.
        """
        row = self._row(sgc, krn)
        check_derivation(row.attributes, number, ti, ea)
        return dkga04_key(self.hmac(sgc, krn, dkga04_data(row.attributes, number, ti, ea)), ea)

    def hmac(self, sgc: str, krn: int, message: bytes) -> bytes:
        """HMAC-SHA-256 of what DKGA04 hashes, for runs of many meters. Raises as `decoder_key`."""
        row = self._row(sgc, krn)
        try:
            return self._hsm.run("hmac", lambda session: _mac(self._handle(session, row), message))
        except KeyGoneError:
            raise ModuleError("HSM_KEY_GONE", sgc=sgc, krn=krn) from None

    def check(self, known: KeyAttributes) -> None:
        """Raise ModuleError HSM_KEY_KIND(dkga) for DKGA02, whose last step needs the bare key
        (6.5.3.4).
        """
        if known.dkga != 4:
            raise ModuleError("HSM_KEY_KIND", dkga=known.dkga)

    def load(self, key: VendingKey) -> None:
        """Bring a key into the token, then destroy what was there under its name before.

        After a power cut in between, the key that the book names works, and the next load
        finishes the work. Raises ModuleError HSM_KEY_KIND(dkga), what `Hsm.run` raises;
        StoreError.
        """
        known = key.attributes()
        self.check(known)
        row = BookedKey(known, _check_value(key.secret, known))
        self._hsm.run("import", lambda session: _bring(session, row, key.secret), write=True)
        self._handles.pop(row.name, None)
        self._book.put(row)
        self._rows[row.name] = row
        self._hsm.run("destroy", lambda session: _destroy_others(session, row), write=True)

    def remove(self, sgc: str, krn: int) -> None:
        """Destroy a key. Raises ModuleError KEY_NOT_FOUND(sgc, krn), as `Hsm.run`; StoreError."""
        row = self._row(sgc, krn)
        self._hsm.run("destroy", lambda session: _destroy(session, _label(row)), write=True)
        self._handles.pop(row.name, None)
        self._book.drop(sgc, krn)
        del self._rows[row.name]

    def probe(self) -> BackendInfo:
        """Do with a throw-away key all that real ones need, whatever the device lists.

        Raises ModuleError HSM_UNFIT(step) with step import, hmac or secret; as `Hsm.run`.
        """
        steps: tuple[tuple[str, Callable[[Any], bool]], ...] = (
            ("import", lambda _: True),
            ("hmac", lambda key: _mac(key, _KNOWN_DATA) == _KNOWN_MAC),
            ("secret", _keeps_secret),
        )
        for step, is_right in steps:
            if not self._hsm.run(step, partial(_with_known_key, is_right)):
                raise ModuleError("HSM_UNFIT", token=self._hsm.label, step=step)
        told = self._hsm.info()
        return BackendInfo(NAME, bound=told.hardware, device=f"{told.maker} {told.model}".strip())

    def close(self) -> None:
        """End the session with the token."""
        self._handles.clear()
        self._hsm.close()

    def _row(self, sgc: str, krn: int) -> BookedKey:
        row = self._rows.get((sgc, krn))
        if row is None:
            raise ModuleError("KEY_NOT_FOUND", sgc=sgc, krn=krn)
        return row

    def _handle(self, session: Session, row: BookedKey) -> Any:
        """The object of a key, checked once a session to be the key that was loaded."""
        if self._epoch != self._hsm.epoch:
            self._handles.clear()
            self._epoch = self._hsm.epoch
        handle = self._handles.get(row.name)
        if handle is None:
            handle = _checked(session, row)
            self._handles[row.name] = handle
        return handle


class Pkcs11Device:
    """Implements `seal.DeviceSecret` on a key that was made in the token and stays there."""

    def __init__(self, hsm: Hsm, module_id: str) -> None:
        """Raises what `Hsm.run` raises."""
        self._hsm = hsm
        self._label = _device_label(module_id)
        self.bound = hsm.info().hardware

    @classmethod
    def create(cls, hsm: Hsm, module_id: str, randomness: Randomness) -> Pkcs11Device:
        """Make the key, unless it is there. Raises what `Hsm.run` raises."""
        label = _device_label(module_id)
        hsm.run("import", lambda session: _make_device_key(session, label, randomness), write=True)
        return cls(hsm, module_id)

    def derive(self, purpose: bytes) -> bytes:
        """HMAC-SHA-256 of the purpose, made in the token; up to 10 s.

        Raises ModuleError HSM_DEVICE_GONE(token) and what `Hsm.run` raises.
        """

        def ask(session: Session) -> bytes:
            found = _objects(session, self._label)
            if not found:
                raise KeyGoneError
            return _mac(found[0], purpose)

        try:
            return self._hsm.run("hmac", ask)
        except KeyGoneError:
            raise ModuleError("HSM_DEVICE_GONE", token=self._hsm.label) from None


def _device_label(module_id: str) -> str:
    return f"posapp-{module_id}"


def _make_device_key(session: Session, label: str, randomness: Randomness) -> None:
    if _objects(session, label):
        return
    template = {**_template(randomness.bytes(KEY_BYTES)), Attribute.TOKEN: True}
    template[Attribute.LABEL] = label
    session.create_object(template)


def _label(row: BookedKey) -> str:
    sgc, krn = row.name
    return f"VK-{sgc}-{krn}"


def _template(secret: bytes) -> dict[Attribute, Any]:
    """HMAC under a key padded with zeros is HMAC under the key (RFC 2104 2)."""
    return {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
        Attribute.VALUE: secret.ljust(KEY_BYTES, b"\0"),
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.MODIFIABLE: False,
        Attribute.SIGN: True,
    }


def _mac(key: Any, data: bytes) -> bytes:
    mac: bytes = key.sign(data, mechanism=Mechanism.SHA256_HMAC)
    return mac


def _with_known_key(is_right: Callable[[Any], bool], session: Session) -> bool:
    key = session.create_object({**_template(_KNOWN_KEY), Attribute.TOKEN: False})
    try:
        return is_right(key)
    finally:
        key.destroy()


def _keeps_secret(key: Any) -> bool:
    try:
        key[Attribute.VALUE]
    except (native.AttributeSensitive, native.AttributeTypeInvalid):
        return True
    return False


def _check_data(known: KeyAttributes) -> bytes:
    """All attributes: one that was changed in the store no longer fits its key."""
    return _CHECK_PURPOSE + cbor.encode(attribute_values(known))


def _check_value(secret: bytes, known: KeyAttributes) -> bytes:
    return hmac.digest(secret, _check_data(known), "sha256")[:CHECK_BYTES]


def _objects(session: Session, label: str) -> list[Object]:
    # All of them at once: a search that is left open blocks the session.
    return list(
        session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label})
    )


def _fits(key: Any, row: BookedKey) -> bool:
    check = _mac(key, _check_data(row.attributes))[:CHECK_BYTES]
    return hmac.compare_digest(check, row.kept)


def _checked(session: Session, row: BookedKey) -> Object:
    found = _objects(session, _label(row))
    if not found:
        raise KeyGoneError
    for key in found:
        if _fits(key, row):
            return key
    sgc, krn = row.name
    raise ModuleError("HSM_KEY_CHANGED", sgc=sgc, krn=krn)


def _bring(session: Session, row: BookedKey, secret: bytes) -> None:
    sgc, krn = row.name
    if any(_fits(key, row) for key in _objects(session, _label(row))):
        return
    made = session.create_object(
        {
            **_template(secret),
            Attribute.TOKEN: True,
            Attribute.LABEL: _label(row),
            Attribute.ID: f"{sgc}-{krn}".encode("ascii"),
        }
    )
    if not _fits(made, row):  # the device's HMAC is not the host's
        made.destroy()
        raise ModuleError("HSM_KEY_CHANGED", sgc=sgc, krn=krn)


def _destroy_others(session: Session, row: BookedKey) -> None:
    kept = False
    for key in _objects(session, _label(row)):
        if not kept and _fits(key, row):
            kept = True
        else:
            key.destroy()


def _destroy(session: Session, label: str) -> None:
    for key in _objects(session, label):
        key.destroy()
