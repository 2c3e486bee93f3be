"""The sealed file of the ceremony: vending keys, two officers, how many key files each module had.

One file, opened only by both PINs together (`posapp.codec.sealed`), in a folder of its own that
is no head office's. `keys.py` makes what goes in, `export` makes what goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from posapp import paths
from posapp.clock import Randomness
from posapp.codec import cbor
from posapp.codec.files import write_private
from posapp.codec.sealed import BOX_BYTES_MAX, RARE, Cost, SealedBox, wipe
from posapp.codec.signing import SigningKey
from posapp.db.lock import FileLock
from posapp.errors import ConfigError, InputError
from posapp.headoffice import office
from posapp.headoffice.ceremony import officers as people
from posapp.headoffice.ceremony.officers import Officer
from posapp.headoffice.ceremony.private_file import read_private
from posapp.sts.key_records import key_of, record_of
from posapp.sts.keys import VendingKey
from posapp.wire.fields import Fields
from posapp.wire.introductions import ModuleCard
from posapp.wire.key_file import KEYS_MAX, KeyFile, KeyFileHeader, KeyRecord, key_hash

FILE_NAME = office.CEREMONY_FILE
LOCK_NAME = "keys.lock"
PURPOSE = "posapp/key-vault/1"
VERSION = 1
OFFICERS = 2
LOAD_DAYS_MAX = 90
VAULT_KEYS_MAX = 1000
_MODULES_MAX = 10_000
_NO_DEVICE = b""  # two long PINs and a locked drawer; the machine changes, the file stays


@dataclass(slots=True)
class Vault:
    """An open vault. Made by `create` or `open_vault`; `save` writes it back, `close` ends it.

    `test` is the mark of every key file that leaves it; it never changes.
    """

    folder: Path
    test: bool
    officers: tuple[Officer, ...]
    keys: tuple[VendingKey, ...]
    serials: dict[str, int]
    cost: Cost = field(repr=False)
    _pins: tuple[str, ...] = field(repr=False)
    _lock: FileLock = field(repr=False)

    def add(self, key: VendingKey) -> None:
        """Take a key in. Raises InputError KEY_THERE(sgc, krn), KEYS_TOO_MANY(most)."""
        if any((old.sgc, old.krn) == (key.sgc, key.krn) for old in self.keys):
            raise InputError("KEY_THERE", sgc=key.sgc, krn=key.krn)
        if len(self.keys) >= VAULT_KEYS_MAX:
            raise InputError("KEYS_TOO_MANY", most=VAULT_KEYS_MAX)
        marked = replace(key, test=self.test)
        self.keys = tuple(sorted((*self.keys, marked), key=lambda k: (k.sgc, k.krn)))

    def find(self, sgc: str, krn: int) -> VendingKey:
        """Raises InputError KEY_NOT_THERE(sgc, krn)."""
        for key in self.keys:
            if (key.sgc, key.krn) == (sgc, krn):
                return key
        raise InputError("KEY_NOT_THERE", sgc=sgc, krn=krn)

    def export(
        self, card: ModuleCard, keys: Sequence[VendingKey], now: datetime, load_days: int
    ) -> KeyFile:
        """The next key file of one module; `save` keeps its serial, before the file leaves.

        Raises InputError KEYS_NONE, KEYS_TOO_MANY, LOAD_DAYS(most), HPKE_REFUSED.
        """
        if not keys:
            raise InputError("KEYS_NONE")
        if len(keys) > KEYS_MAX:
            raise InputError("KEYS_TOO_MANY", most=KEYS_MAX)
        if not 1 <= load_days <= LOAD_DAYS_MAX:
            raise InputError("LOAD_DAYS", most=LOAD_DAYS_MAX)
        serial = self.serials.get(card.module_id, 0) + 1
        header = KeyFileHeader(
            card.module_id,
            key_hash(card.seal_key),
            self.test,
            serial,
            now,
            now + timedelta(days=load_days),
        )
        signers = [officer.key for officer in self.officers]
        made = KeyFile.make(header, card.seal_key, [record_of(key) for key in keys], signers)
        self.serials[card.module_id] = serial
        return made

    def change_pin(self, place: int, new_pin: str) -> None:
        """A new PIN for officer 0 or 1; `save` seals with it.

        Raises InputError OFFICER_PIN_FORM, OFFICER_PIN_SAME.
        """
        pins = list(self._pins)
        pins[place] = new_pin
        people.check_pins(pins)
        self._pins = tuple(pins)

    def save(self, randomness: Randomness) -> None:
        """Seal all of it anew, in place of the old file. About one second a PIN."""
        self._write(randomness, new=False)

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._pins = ()
        self._lock.release()

    def _write(self, randomness: Randomness, *, new: bool) -> None:
        content = bytearray(cbor.encode(self._content()))
        try:
            box = SealedBox.seal(
                content,
                self._pins,
                _NO_DEVICE,
                purpose=PURPOSE,
                randomness=randomness,
                cost=self.cost,
            )
        finally:
            wipe(content)
        write_private(self.folder / FILE_NAME, box.to_bytes(), new=new)

    def _content(self) -> dict[int, Any]:
        return {
            0: VERSION,
            1: self.test,
            2: [[officer.name, officer.key.secret()] for officer in self.officers],
            3: [record_of(key).to_row() for key in self.keys],
            4: [[module_id, self.serials[module_id]] for module_id in sorted(self.serials)],
        }


def create(
    folder: Path,
    names: Sequence[str],
    pins: Sequence[str],
    randomness: Randomness,
    *,
    test: bool,
    cost: Cost = RARE,
) -> Vault:
    """A new vault with two officers in a folder of its own.

    Raises ConfigError KEYS_IN_OFFICE, FILE_EXISTS, FILE_UNWRITABLE; InputError OFFICER_NAME,
    OFFICER_NAME_SAME, OFFICER_PIN_FORM, OFFICER_PIN_SAME; StoreError STORE_IN_USE.
    """
    if len(names) != OFFICERS or len(pins) != OFFICERS:
        raise ValueError("two officers")
    cleaned = [people.check_name(name) for name in names]
    if len({name.casefold() for name in cleaned}) != OFFICERS:
        raise InputError("OFFICER_NAME_SAME")
    people.check_pins(pins)
    refuse_office(folder)
    if (folder / FILE_NAME).exists():
        raise ConfigError("FILE_EXISTS", file=str(folder / FILE_NAME))
    paths.private_folder(folder)
    officers = tuple(Officer(name, SigningKey(randomness.bytes(32))) for name in cleaned)
    lock = _lock(folder)
    try:
        vault = Vault(folder, test, officers, (), {}, cost, tuple(pins), lock)
        vault._write(randomness, new=True)
        return vault
    except BaseException:
        lock.release()
        raise


def open_vault(folder: Path, pins: Sequence[str]) -> Vault:
    """Open with both PINs, in the order of the officers. About one second a PIN.

    Raises ConfigError KEYS_MISSING, KEYS_IN_OFFICE, FILE_EXPOSED, FILE_UNREADABLE; InputError
    SEAL_REFUSED, SEAL_INVALID; StoreError STORE_IN_USE.
    """
    refuse_office(folder)
    path = folder / FILE_NAME
    if not path.is_file():
        raise ConfigError("KEYS_MISSING", folder=str(folder))
    lock = _lock(folder)
    try:
        box = SealedBox.read(read_private(path, BOX_BYTES_MAX))
        secret = box.open(pins, _NO_DEVICE, purpose=PURPOSE)
        try:
            content = bytes(secret)
        finally:
            wipe(secret)
        return _read(folder, content, box.cost, tuple(pins), lock)
    except BaseException:
        lock.release()
        raise


def refuse_office(folder: Path) -> None:
    """Raise ConfigError KEYS_IN_OFFICE for a folder in or around a head office's.

    A serving head office is on a network; whoever breaks in there must not find keys.
    """
    here = folder.resolve()
    places = [here, *here.parents]
    if here.is_dir():
        places += [child for child in here.iterdir() if child.is_dir()]
    for place in places:
        if (place / office.FILE_NAME).exists():
            raise ConfigError("KEYS_IN_OFFICE", folder=str(place))


def _lock(folder: Path) -> FileLock:
    try:
        return FileLock(folder / LOCK_NAME)
    except OSError as error:
        path = str(folder / LOCK_NAME)
        raise ConfigError("FILE_UNWRITABLE", file=path, reason=error.strerror) from None


def _read(folder: Path, content: bytes, cost: Cost, pins: tuple[str, ...], lock: FileLock) -> Vault:
    """What both officers sealed; a form that we do not know is of newer software."""
    f = Fields(cbor.decode(content))
    if f.integer(0) != VERSION:
        raise InputError("SEAL_INVALID", field="version")
    test = f.boolean(1)
    officers = []
    for row in f.items(2, OFFICERS):
        person = Fields(dict(enumerate(row)))
        officers.append(Officer(person.text(0), SigningKey(person.data(1, length=32))))
    keys = [key_of(KeyRecord.from_row(row), test=test) for row in f.items(3, VAULT_KEYS_MAX)]
    serials = {}
    for row in f.items(4, _MODULES_MAX):
        module = Fields(dict(enumerate(row)))
        serials[module.text(0, 40)] = module.integer(1, low=1)
    return Vault(folder, test, tuple(officers), tuple(keys), serials, cost, pins, lock)
