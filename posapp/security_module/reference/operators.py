"""Who may work with the module: people with a PIN, each of whom can open the store's key.

The key is sealed once an operator (`posapp.codec.sealed`), under the PIN and the device's
secret. A try is counted on the disk before it is made: pulling the plug gives none back.

    operators.sealed  canonical CBOR {0: 1, 1: module id, 2: generation, 3: [[number, name,
                      role, tries left, sealed key], ...]} and the device's MAC over it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from posapp.clock import Clock, Randomness
from posapp.codec import cbor
from posapp.codec.files import read_bounded
from posapp.codec.pin import PIN_FORM
from posapp.codec.sealed import DAILY, Cost, SealedBox, wipe
from posapp.db.lock import FileLock
from posapp.errors import ConfigError, InputError, ModuleError
from posapp.security_module.reference.seal import MAC_BYTES, DeviceSecret, VouchedFile

FILE_NAME = "operators.sealed"
LOCK_NAME = "operators.lock"
TRIES = 5
IDLE_S = 15 * 60  # a module that nobody used this long asks for the PIN again
OPERATORS_MAX = 32
NUMBER_MAX = 9999
NAME_MAX = 40
FILE_BYTES_MAX = 64 * 1024
KEY_BYTES = 32
_VERSION = 1
_PURPOSE = b"posapp/operators/1"
_MODULE_ID = re.compile(r"[A-Z0-9-]{1,20}")


class Role(StrEnum):
    """What a person is to the module."""

    VENDOR = "vendor"
    CLERK = "clerk"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"


class Action(StrEnum):
    """What needs a person at the module. Questions and signed documents need none."""

    SELL = "sell"
    CHANGE_KEY = "change_key"  # tokens that give a meter its next key
    ENGINEER = "engineer"  # other management tokens, and tests of meters
    LOAD_KEYS = "load_keys"
    SET_TIME = "set_time"
    OPERATORS = "operators"


_SELLERS = frozenset({Role.VENDOR, Role.CLERK, Role.SUPERVISOR})
MAY: Mapping[Action, frozenset[Role]] = {
    Action.SELL: _SELLERS,
    Action.CHANGE_KEY: frozenset(Role),  # often goes with a sale
    Action.ENGINEER: frozenset({Role.SUPERVISOR, Role.TECHNICIAN}),
    Action.LOAD_KEYS: frozenset({Role.SUPERVISOR}),
    Action.SET_TIME: frozenset({Role.SUPERVISOR, Role.TECHNICIAN}),
    Action.OPERATORS: frozenset({Role.SUPERVISOR}),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """A person: `number` 1..9999, `name` 1..40 characters for messages and the audit.

    Raises InputError OPERATOR_FIELD(field).
    """

    number: int
    name: str
    role: Role

    def __post_init__(self) -> None:
        checks = {
            "number": type(self.number) is int and 1 <= self.number <= NUMBER_MAX,
            "name": isinstance(self.name, str) and 1 <= len(self.name) <= NAME_MAX,
            "role": self.role in tuple(Role),
        }
        for name, right in checks.items():
            if not right:
                raise InputError("OPERATOR_FIELD", field=name)


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator on the disk; `left` tries until the PIN is blocked."""

    operator: Operator
    left: int
    box: bytes = field(repr=False)


class Operators:
    """The operators of one module, and who is signed in. Called by one thread.

    Nobody is signed in at first, and `data_key` is not known before somebody was.
    """

    def __init__(
        self,
        folder: Path,
        module_id: str,
        device: DeviceSecret,
        clock: Clock,
        randomness: Randomness,
        *,
        cost: Cost = DAILY,
        idle_s: int = IDLE_S,
    ) -> None:
        """Read them. `cost` is for new PINs; an old one keeps its own. One process at a time.

        Raises ConfigError SEAL_MISSING, FILE_UNREADABLE; ModuleError SEAL_DAMAGED(file), HSM_...;
        StoreError STORE_IN_USE.
        """
        self._module_id = module_id
        self._device = device
        self._clock = clock
        self._randomness = randomness
        self._cost = cost
        self._idle_ms = idle_s * 1000
        self._data_key: bytearray | None = None
        self._signed_in: Operator | None = None
        self._used_ms = 0
        self._lock = FileLock(folder / LOCK_NAME)
        try:
            self._file = _file(folder, device)
            self._generation, entries = _read(self._file, module_id)
        except BaseException:
            self._lock.release()
            raise
        self._entries = {entry.operator.number: entry for entry in entries}

    @staticmethod
    def create(
        folder: Path,
        module_id: str,
        device: DeviceSecret,
        randomness: Randomness,
        supervisor: Operator,
        pin: str,
        data_key: bytes,
        *,
        cost: Cost = DAILY,
    ) -> None:
        """Make the file with the first supervisor, who opens `data_key` (32 bytes).

        Raises ConfigError SEAL_EXISTS(file), FILE_UNWRITABLE; InputError PIN_FORM,
        OPERATOR_FIELD(field); ModuleError HSM_...
        """
        assert len(data_key) == KEY_BYTES and _MODULE_ID.fullmatch(module_id)
        if supervisor.role is not Role.SUPERVISOR:
            raise InputError("OPERATOR_FIELD", field="role")
        if (folder / FILE_NAME).exists():
            raise ConfigError("SEAL_EXISTS", file=str(folder / FILE_NAME))
        box = _seal(data_key, pin, supervisor, module_id, device, randomness, cost)
        _write(_file(folder, device), module_id, 1, [Entry(supervisor, TRIES, box)])

    # ------------------------------------------------------------ signing in and out

    def login(self, number: int, pin: str) -> Role:
        """Sign a person in, in place of whoever was. As long as the PIN's cost, about 0.2 s.

        The try is on the disk before it is made, and given back only by the right PIN. Raises
        ModuleError PIN_WRONG(left), PIN_BLOCKED(name), SEAL_DAMAGED, HSM_...; InputError
        OPERATOR_UNKNOWN, PIN_FORM (no try is counted); ConfigError FILE_UNWRITABLE.
        """
        entry = self._entry(number)
        _check_form(pin)
        if entry.left == 0:
            raise ModuleError("PIN_BLOCKED", name=entry.operator.name)
        self.logout()
        secret = self._device_secret(entry.operator)  # a device that is away costs no try
        self._put(replace(entry, left=entry.left - 1))
        key = self._open(entry, pin, secret)
        if key is None:
            left = entry.left - 1
            if left == 0:
                raise ModuleError("PIN_BLOCKED", name=entry.operator.name)
            raise ModuleError("PIN_WRONG", left=left)
        self._put(replace(entry, left=TRIES))
        if self._data_key is None:
            self._data_key = key
        else:
            wipe(key)
        self._signed_in = entry.operator
        self._used_ms = self._clock.monotonic_ms()
        return entry.operator.role

    def logout(self) -> None:
        """Nobody is signed in. The store stays open: recovery must be able to ask it."""
        self._signed_in = None

    @property
    def signed_in(self) -> Operator | None:
        """Who works here now; nobody after the idle time."""
        idle_ms = self._clock.monotonic_ms() - self._used_ms
        if self._signed_in is not None and idle_ms >= self._idle_ms:
            self.logout()
        return self._signed_in

    def require(self, action: Action) -> Operator:
        """Who is signed in and may do it; this counts as use. Returns at once.

        Raises ModuleError LOGIN_REQUIRED, ROLE_DENIED(role, allowed).
        """
        operator = self.signed_in
        if operator is None:
            raise ModuleError("LOGIN_REQUIRED")
        if operator.role not in MAY[action]:
            allowed = ", ".join(role for role in Role if role in MAY[action])
            raise ModuleError("ROLE_DENIED", role=str(operator.role), allowed=allowed)
        self._used_ms = self._clock.monotonic_ms()
        return operator

    def data_key(self) -> bytes:
        """The store's key. Raises ModuleError LOGIN_REQUIRED before the first login."""
        if self._data_key is None:
            raise ModuleError("LOGIN_REQUIRED")
        return bytes(self._data_key)

    @property
    def generation(self) -> int:
        """Grows with each change of the file. The store keeps the highest it has seen."""
        return self._generation

    def check_generation(self, seen: int) -> None:
        """Raise ModuleError SEAL_OLD when the store has seen a later file: an old copy, in which
        a removed operator would be back.
        """
        if self._generation < seen:
            raise ModuleError("SEAL_OLD")

    # ------------------------------------------------------------ what a supervisor does

    def all(self) -> tuple[tuple[Operator, int], ...]:
        """Everybody with the tries left, by number."""
        return tuple((e.operator, e.left) for _, e in sorted(self._entries.items()))

    def add(self, operator: Operator, pin: str) -> None:
        """A new person. Raises ModuleError LOGIN_REQUIRED, ROLE_DENIED, HSM_...; InputError
        OPERATOR_EXISTS(number), OPERATORS_FULL(maximum), PIN_FORM; ConfigError FILE_UNWRITABLE.
        """
        self.require(Action.OPERATORS)
        if operator.number in self._entries:
            raise InputError("OPERATOR_EXISTS", number=operator.number)
        if len(self._entries) >= OPERATORS_MAX:
            raise InputError("OPERATORS_FULL", maximum=OPERATORS_MAX)
        self._put(Entry(operator, TRIES, self._sealed_for(operator, pin)))

    def change_pin(self, number: int, pin: str) -> None:
        """A new PIN: a supervisor's for anybody, or one's own. It unblocks, too.

        Raises ModuleError LOGIN_REQUIRED, ROLE_DENIED, HSM_...; InputError OPERATOR_UNKNOWN,
        PIN_FORM; ConfigError FILE_UNWRITABLE.
        """
        signed_in = self.signed_in
        if signed_in is None or signed_in.number != number:
            self.require(Action.OPERATORS)
        entry = self._entry(number)
        self._put(Entry(entry.operator, TRIES, self._sealed_for(entry.operator, pin)))

    def change_role(self, number: int, role: Role, pin: str) -> None:
        """Another role with a new PIN, because the old seal names the old role.

        Raises as `change_pin`, and InputError OPERATOR_LAST.
        """
        self.require(Action.OPERATORS)
        changed = replace(self._entry(number).operator, role=role)
        if role is not Role.SUPERVISOR:
            self._check_not_last(number)
        self._put(Entry(changed, TRIES, self._sealed_for(changed, pin)))
        if self._signed_in is not None and self._signed_in.number == number:
            self.logout()

    def unblock(self, number: int) -> None:
        """Five more tries with the same PIN. Raises like `remove` but for OPERATOR_LAST."""
        self.require(Action.OPERATORS)
        self._put(replace(self._entry(number), left=TRIES))

    def remove(self, number: int) -> None:
        """Somebody no longer works here. Raises ModuleError LOGIN_REQUIRED, ROLE_DENIED;
        InputError OPERATOR_UNKNOWN, OPERATOR_LAST; ConfigError FILE_UNWRITABLE.
        """
        self.require(Action.OPERATORS)
        self._entry(number)
        self._check_not_last(number)
        left = {n: entry for n, entry in self._entries.items() if n != number}
        self._save(left)
        if self._signed_in is not None and self._signed_in.number == number:
            self.logout()

    def close(self) -> None:
        """Forget the key and let another process in; safe to call twice."""
        self.logout()
        if self._data_key is not None:
            wipe(self._data_key)
            self._data_key = None
        self._lock.release()

    # ------------------------------------------------------------ below

    def _entry(self, number: int) -> Entry:
        entry = self._entries.get(number)
        if entry is None:
            raise InputError("OPERATOR_UNKNOWN")
        return entry

    def _check_not_last(self, number: int) -> None:
        others = (e.operator.role for n, e in self._entries.items() if n != number)
        if Role.SUPERVISOR not in others:
            raise InputError("OPERATOR_LAST")

    def _device_secret(self, operator: Operator) -> bytes:
        return self._device.derive(_box_purpose(self._module_id, operator).encode("ascii"))

    def _open(self, entry: Entry, pin: str, secret: bytes) -> bytearray | None:
        purpose = _box_purpose(self._module_id, entry.operator)
        try:
            return SealedBox.read(entry.box).open([pin], secret, purpose=purpose)
        except InputError as error:
            if error.code == "SEAL_REFUSED":
                return None
            raise ModuleError("SEAL_DAMAGED", file=FILE_NAME) from None

    def _sealed_for(self, operator: Operator, pin: str) -> bytes:
        return _seal(
            self.data_key(),
            pin,
            operator,
            self._module_id,
            self._device,
            self._randomness,
            self._cost,
        )

    def _put(self, entry: Entry) -> None:
        self._save({**self._entries, entry.operator.number: entry})

    def _save(self, entries: dict[int, Entry]) -> None:
        """First the disk, then the memory; a generation is never used twice."""
        self._generation += 1
        _write(self._file, self._module_id, self._generation, list(entries.values()))
        self._entries = entries


def module_id_in(folder: Path) -> str:
    """The module that a folder says it is; `Operators` finds out whether it is true.

    Raises ConfigError SEAL_MISSING(file); ModuleError SEAL_DAMAGED(file).
    """
    try:
        value: Any = cbor.decode(read_bounded(folder / FILE_NAME, FILE_BYTES_MAX)[:-MAC_BYTES])
        module_id = value[1]
    except OSError:
        raise ConfigError("SEAL_MISSING", file=str(folder / FILE_NAME)) from None
    except (InputError, KeyError, TypeError, ValueError):
        raise ModuleError("SEAL_DAMAGED", file=FILE_NAME) from None
    if not isinstance(module_id, str) or not _MODULE_ID.fullmatch(module_id):
        raise ModuleError("SEAL_DAMAGED", file=FILE_NAME)
    return module_id


def _check_form(pin: str) -> None:
    if not PIN_FORM.fullmatch(pin):
        raise InputError("PIN_FORM")


def _box_purpose(module_id: str, operator: Operator) -> str:
    """Who may open it as what: a changed role or number in the file opens nothing."""
    return f"posapp/operator/{module_id}/{operator.number}/{operator.role}"


def _seal(
    data_key: bytes,
    pin: str,
    operator: Operator,
    module_id: str,
    device: DeviceSecret,
    randomness: Randomness,
    cost: Cost,
) -> bytes:
    _check_form(pin)
    purpose = _box_purpose(module_id, operator)
    secret = device.derive(purpose.encode("ascii"))
    box = SealedBox.seal(data_key, [pin], secret, purpose=purpose, randomness=randomness, cost=cost)
    return box.to_bytes()


def _file(folder: Path, device: DeviceSecret) -> VouchedFile:
    return VouchedFile(folder / FILE_NAME, device, _PURPOSE, FILE_BYTES_MAX)


def _write(file: VouchedFile, module_id: str, generation: int, entries: list[Entry]) -> None:
    rows = [
        [e.operator.number, e.operator.name, str(e.operator.role), e.left, e.box] for e in entries
    ]
    file.write(cbor.encode({0: _VERSION, 1: module_id, 2: generation, 3: rows}))


def _read(file: VouchedFile, module_id: str) -> tuple[int, list[Entry]]:
    """Only this device can have written it, so what does not fit is another version's."""
    damaged = ModuleError("SEAL_DAMAGED", file=FILE_NAME)
    content = file.read()
    try:
        value: Any = cbor.decode(content)
        if value[0] != _VERSION or value[1] != module_id:
            raise damaged
        return value[2], [_entry(row) for row in value[3]]
    except (InputError, KeyError, TypeError, ValueError):
        raise damaged from None


def _entry(row: Any) -> Entry:
    number, name, role, left, box = row
    if type(left) is not int or not 0 <= left <= TRIES or not isinstance(box, bytes):
        raise ValueError(left)
    return Entry(Operator(number, name, Role(role)), left, box)
