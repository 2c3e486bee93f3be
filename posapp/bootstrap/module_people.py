"""Where a module's folder has its secrets, who may work with it, and what opens for them.

A laboratory's module has `module.key`; one with operators has `operators.sealed` and, unless a
token keeps that secret, `device.secret`. `module.toml` says whether a token keeps the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from posapp import __version__
from posapp.bootstrap.module_config import read_config
from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness
from posapp.codec.sealed import DAILY, Cost
from posapp.domain.sale import TokenKind
from posapp.errors import ConfigError
from posapp.security_module.link.messages import BOOT_BYTES, Hello, Order
from posapp.security_module.reference import operators
from posapp.security_module.reference.backends import KeyBackend, book, open_hsm
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.engine import Engine, Policy
from posapp.security_module.reference.gate import Answers
from posapp.security_module.reference.issue import Keeper
from posapp.security_module.reference.login_desk import LoginDesk
from posapp.security_module.reference.operators import Action, Operator, Operators, Role
from posapp.security_module.reference.seal import DeviceSecret, FileDevice, VouchedFile
from posapp.security_module.reference.store import ModuleStore, open_store
from posapp.sts.keys import VendingKey
from posapp.sts.sta import SAMPLE, StaTables
from posapp.wire.audit import AuditEntry, AuditKind

if TYPE_CHECKING:
    from posapp.security_module.reference.backends.hsm import Hsm

DEVICE_FILE = "device.secret"
_LINE_PURPOSE = b"posapp/line/1"
_ACTIONS = {TokenKind.CREDIT: Action.SELL, TokenKind.KEY_CHANGE: Action.CHANGE_KEY}
_KINDS = {"login": AuditKind.LOGIN, "logout": AuditKind.LOGOUT, "operators": AuditKind.LOGIN}

Allow = Callable[[Order], None]
Permit = Callable[[Action], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an opened store has around it; see `Engine`."""

    keeper: Keeper | None = None
    allow: Allow | None = None
    permit: Permit | None = None
    attended: Callable[[], bool] = lambda: True
    bound: bool = False

    def engine(
        self,
        store: ModuleStore,
        clock: Clock,
        randomness: Randomness,
        policy: Policy | None = None,
        *,
        tables: StaTables = SAMPLE,
    ) -> Engine:
        """The engine of the store. Raises what `Engine` raises."""
        return Engine(
            *(store, clock, randomness, policy),
            tables=tables,
            keeper=self.keeper,
            allow=self.allow,
            permit=self.permit,
            attended=self.attended,
            bound=self.bound,
        )


MakeEngine = Callable[[ModuleStore, Surroundings], Engine]


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

    Call it only where there is no store yet. Raises ConfigError FILE_UNWRITABLE, CONFIG_FIELD,
    HSM_EXTRA_MISSING; InputError PIN_FORM, OPERATOR_FIELD; ModuleError HSM_...
    """
    for stale in (DEVICE_FILE, operators.FILE_NAME):  # of an attempt that never came to a store
        (folder / stale).unlink(missing_ok=True)
    token = FolderToken(folder)
    try:
        device = token.make_device(module_id, randomness)
        if device is None:
            device = FileDevice.create(folder / DEVICE_FILE, randomness)
        Operators.create(
            folder, module_id, device, randomness, supervisor, pin, store_key, cost=cost
        )
    finally:
        token.close()


def line_secret(folder: Path) -> bytes:
    """What seals the line's keys of a module with operators: the line is up before a first PIN.

    Raises ConfigError SEAL_MISSING, SEAL_EXPOSED, CONFIG_FIELD; ModuleError SEAL_DAMAGED, HSM_...
    """
    token = FolderToken(folder)
    try:
        return token.device(operators.module_id_in(folder)).derive(_LINE_PURPOSE)
    finally:
        token.close()


@dataclass(frozen=True, slots=True)
class Change:
    """What a supervisor wants: `do` is list, add, pin, role, unblock or remove."""

    do: str
    number: int = 0
    name: str = ""
    role: str = ""
    pin: str = field(default="", repr=False)


def change(folder: Path, supervisor: int, pin: str, wanted: Change) -> str:
    """Change the operators of a module that is not served now; a line for each of them.

    Raises what `Operators` raises; StoreError STORE_IN_USE while it is served.
    """
    token = FolderToken(folder)
    try:
        module_id = operators.module_id_in(folder)
        device = token.device(module_id)
        people = Operators(folder, module_id, device, SystemClock(), SystemRandomness())
        try:
            people.login(supervisor, pin)
            _apply(people, wanted)
            return "\n".join(
                f"{operator.number} {operator.role} {operator.name}, tries left: {left}"
                for operator, left in people.all()
            )
        finally:
            people.close()
    finally:
        token.close()


def _apply(people: Operators, wanted: Change) -> None:
    number = wanted.number
    if wanted.do == "add":
        people.add(Operator(number, wanted.name, Role(wanted.role)), wanted.pin)
    elif wanted.do == "pin":
        people.change_pin(number, wanted.pin)
    elif wanted.do == "role":
        people.change_role(number, Role(wanted.role), wanted.pin)
    elif wanted.do == "unblock":
        people.unblock(number)
    elif wanted.do == "remove":
        people.remove(number)
    else:
        people.require(Action.OPERATORS)


def keep_keys(
    folder: Path, keys: tuple[VendingKey, ...], module_id: str, secret: bytes | None
) -> tuple[VendingKey, ...]:
    """Bring a new module's keys into its token; the keys left for the store: all, or none.

    `secret` is a laboratory module's, None where there are operators. Raises ModuleError HSM_...
    and, for DKGA02, HSM_KEY_KIND(dkga).
    """
    token = FolderToken(folder)
    try:
        device = token.device(module_id) if secret is None else FileDevice(secret)
        (folder / book.FILE_NAME).unlink(missing_ok=True)
        backend = token.key_backend(device)
        if backend is None:
            return keys
        for key in keys:
            backend.load(key)
        return ()
    finally:
        token.close()


def _seen_generation(store: ModuleStore) -> int:
    """Of the operators when somebody last signed in; every login raises it."""
    with store.read() as books:
        known, entry = books.standing().people_generation, books.last_audit(AuditKind.LOGIN)
    return max(known, 0 if entry is None else int(AuditEntry.from_bytes(entry).body[22]))


class FolderToken:
    """The token that `module.toml` names, if it does. Only then is its support imported."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError CONFIG_SYNTAX, CONFIG_FIELD, HSM_EXTRA_MISSING."""
        self._folder = folder
        self._place = read_config(folder).token
        self._hsm: Hsm | None = None
        if self._place is not None:
            self._hsm = open_hsm(self._place.library, self._place.token, self._place.pin_file)

    def make_device(self, module_id: str, randomness: Randomness) -> DeviceSecret | None:
        """A new device secret in the token; None where a file keeps it."""
        if self._hsm is None or self._place is None or not self._place.device:
            return None
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Device

        return Pkcs11Device.create(self._hsm, module_id, randomness)

    def device(self, module_id: str) -> DeviceSecret:
        """The device secret, wherever it is."""
        if self._hsm is None or self._place is None or not self._place.device:
            return FileDevice.open(self._folder / DEVICE_FILE)
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Device

        return Pkcs11Device(self._hsm, module_id)

    def key_backend(self, device: DeviceSecret) -> KeyBackend | None:
        """The token as keeper of the vending keys, tried out; None where the store keeps them.

        `device` vouches for the book of its keys. Raises ModuleError HSM_..., SEAL_DAMAGED(file).
        """
        if self._hsm is None or self._place is None or not self._place.keys:
            return None
        from posapp.security_module.reference.backends.pkcs11 import Pkcs11Backend

        path = self._folder / book.FILE_NAME
        file = VouchedFile(path, device, book.PURPOSE, book.FILE_BYTES_MAX)
        backend = Pkcs11Backend(self._hsm, book.VouchedBook(file))
        backend.probe()
        return backend

    def close(self) -> None:
        """End the session with it; safe to call twice."""
        if self._hsm is not None:
            self._hsm.close()


@dataclass(frozen=True, slots=True)
class Opened:
    """A store for one errand; `generation` is the operators', None where there are none."""

    store: ModuleStore
    around: Surroundings
    keeper: KeyBackend | None
    generation: int | None


@contextmanager
def worked_at(
    folder: Path, operator: int, pin: str, action: Action, secret: bytes | None
) -> Iterator[Opened]:
    """The store of a module that is not served now, opened by somebody who may do `action`.

    `secret` is the store's key of a module without operators. Raises what `Operators`,
    `FolderToken` and `open_store` raise; ModuleError ROLE_DENIED.
    """
    token = FolderToken(folder)
    try:
        if secret is not None:
            with closing(open_store(folder, secret)) as store:
                keeper = _keeper(token, FileDevice(secret))
                yield Opened(store, Surroundings(keeper), keeper, None)
            return
        module_id = operators.module_id_in(folder)
        device = token.device(module_id)
        people = Operators(folder, module_id, device, SystemClock(), SystemRandomness())
        with closing(people):
            people.login(operator, pin)
            people.require(action)
            with closing(open_store(folder, people.data_key())) as store:
                people.check_generation(_seen_generation(store))
                keeper = _keeper(token, device)
                around = Surroundings(keeper, bound=device.bound)
                yield Opened(store, around, keeper, people.generation)
    finally:
        token.close()


class OpenModule(Protocol):
    """What `serve` needs of a module, closed or not."""

    @property
    def module_id(self) -> str:
        """Who it is."""
        ...

    @property
    def line_secret(self) -> bytes:
        """What seals the line's keys."""
        ...

    @property
    def is_laboratory(self) -> bool:
        """Whether it was made without anybody to trust and without operators."""
        ...

    @property
    def desk(self) -> Answers:
        """Where its requests go."""
        ...

    def rest(self) -> None:
        """Between requests."""
        ...

    def close(self) -> None:
        """End everything; safe to call twice."""
        ...


class KeyedModule:
    """A module without operators: its key in a file opens it at once."""

    def __init__(self, folder: Path, secret: bytes, make_engine: MakeEngine) -> None:
        """Raises what `open_store`, `FolderToken` and `Engine` raise; ConfigError KEYS_NOT_TEST."""
        self.line_secret = secret
        self._token = FolderToken(folder)
        self._store: ModuleStore | None = None
        try:
            self._store = store = open_store(folder, secret)
            keeper = _keeper(self._token, FileDevice(secret))
            self.module_id = store.module_id
            self.is_laboratory = store.words()[0] is None
            self._engine = make_engine(store, Surroundings(keeper))
            self.desk = Desk(self._engine)
        except BaseException:
            self.close()
            raise

    def rest(self) -> None:
        """Between requests."""
        if self._store is not None:
            self._engine.tidy()
            self._store.rest()

    def close(self) -> None:
        """End everything; safe to call twice."""
        if self._store is not None:
            self._store.close()
        self._token.close()


def _keeper(token: FolderToken, device: DeviceSecret) -> KeyBackend | None:
    """Real keys only where the module's own secret cannot be copied with the disk."""
    keeper = token.key_backend(device)
    real = keeper is not None and not all(key.test for key in keeper.attributes())
    if real and not device.bound:
        raise ConfigError("KEYS_NOT_TEST")
    return keeper


class ClosedModule:
    """A module with operators: it answers from the start, and opens when somebody signs in."""

    is_laboratory = False

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        randomness: Randomness,
        make_engine: MakeEngine,
        *,
        cost: Cost = DAILY,
    ) -> None:
        """`make_engine` gets the opened store, who keeps the keys, and the check of a person.

        Raises what `FolderToken` and `Operators` raise.
        """
        self.module_id = operators.module_id_in(folder)
        self._folder = folder
        self._make_engine = make_engine
        self._store: ModuleStore | None = None
        self._engine: Engine | None = None
        self._token = FolderToken(folder)
        try:
            self._device = self._token.device(self.module_id)
            self.line_secret = self._device.derive(_LINE_PURPOSE)
            self.operators = Operators(
                folder, self.module_id, self._device, clock, randomness, cost=cost
            )
        except BaseException:
            self._token.close()
            raise
        hello = Hello(
            self.module_id,
            randomness.bytes(BOOT_BYTES),
            f"posapp-module {__version__}",
            certified=False,
        )
        self.desk = LoginDesk(self.operators, hello, self._open)

    def rest(self) -> None:
        """Between requests."""
        if self._store is not None and self._engine is not None:
            self._engine.tidy()
            self._store.rest()

    def close(self) -> None:
        """Forget everything; safe to call twice."""
        if self._store is not None:
            self._store.close()
        self.operators.close()
        self._token.close()

    def _open(self, store_key: bytes) -> _AuditedDesk:
        store = open_store(self._folder, store_key)
        try:
            self.operators.check_generation(_seen_generation(store))
            keeper = _keeper(self._token, self._device)
            around = Surroundings(
                *(keeper, self._allow, self._permit, self._attended), bound=self._device.bound
            )
            self._engine = self._make_engine(store, around)
            desk = _AuditedDesk(self._engine, self.operators)
        except BaseException:
            store.close()
            raise
        self._store = store
        return desk

    def _allow(self, order: Order) -> None:
        for item in order.items:
            self.operators.require(_ACTIONS.get(TokenKind(item.kind), Action.ENGINEER))

    def _attended(self) -> bool:
        return self.operators.signed_in is not None

    def _permit(self, action: Action) -> None:
        self.operators.require(action)


class _AuditedDesk:
    """The desk of an open store; who came is in its audit, with the operators' generation."""

    def __init__(self, engine: Engine, people: Operators) -> None:
        self._engine = engine
        self._desk = Desk(engine)
        self._people = people

    def answer(self, payload: bytes) -> bytes | None:
        return self._desk.answer(payload)

    def may_bind(self, till: bytes) -> bool:
        return self._desk.may_bind(till)

    def note_impostor(self, till: bytes, peer: str) -> None:
        self._engine.note_impostor(till, peer)

    def note(self, kind: str, operator: int, detail: str) -> None:
        known = _KINDS.get(kind, AuditKind.REFUSAL)
        self._engine.note_person(known, operator, detail, self._people.generation)
