"""Key files: which of them this module takes, and that none is taken back.

A file is begun in the audit before its first key goes to the keeper, which may be a device with a
memory of its own. What was cut off in between is finished by the same file, and by no older one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from posapp.codec.hpke import OpeningKey
from posapp.errors import InputError
from posapp.security_module.link.messages import KEYS_MAX
from posapp.security_module.reference.books import Standing
from posapp.sts.key_records import key_of
from posapp.sts.keys import KeyAttributes, VendingKey
from posapp.wire.key_file import KeyFile


@dataclass(frozen=True, slots=True)
class Load:
    """What a key file brings. `keys` is empty when all of it was loaded before."""

    serial: int
    digest: bytes
    keys: tuple[VendingKey, ...]


class KeyLoading:
    """The rules of one module. `officers` may sign; None: a laboratory's module trusts nobody.

    `bound`: the module's own secret cannot be copied with its disk. Only then may real keys enter.
    """

    def __init__(
        self,
        module_id: str,
        opening: OpeningKey,
        officers: Collection[bytes] | None,
        *,
        bound: bool,
    ) -> None:
        self._module_id = module_id
        self._opening = opening
        self._officers = officers
        self._bound = bound

    def judge(
        self, data: bytes, standing: Standing, known: Iterable[KeyAttributes], now: datetime
    ) -> Load:
        """What a file brings, opened; nothing is changed. The newest one is taken again.

        Raises InputError AUTHORISATION_UNTRUSTED, KEY_FILE_PRODUCTION, KEY_FILE_FULL(most), and
        what `KeyFile.read`, `check` and `open` and `VendingKey` raise.
        """
        if self._officers is None:
            raise InputError("AUTHORISATION_UNTRUSTED")
        file = KeyFile.read(data)
        serial, digest = file.header.serial, hashlib.sha256(data).digest()
        again = standing.keys_serial == serial and standing.keys_file == digest
        if again and not standing.keys_loading:
            return Load(serial, digest, ())
        newest = serial - 1 if again else standing.keys_serial
        file.check(
            self._officers, self._module_id, self._opening.public, newest_serial=newest, now=now
        )
        if not file.header.test and not self._bound:
            raise InputError("KEY_FILE_PRODUCTION")
        records = file.open(self._opening)
        places = {(key.sgc, key.krn) for key in known} | {(r.sgc, r.krn) for r in records}
        if len(places) > KEYS_MAX:
            raise InputError("KEY_FILE_FULL", most=KEYS_MAX)
        return Load(serial, digest, tuple(key_of(r, test=file.header.test) for r in records))
