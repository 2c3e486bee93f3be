"""What every kind of module must offer the manager; a new driver is one more file beside it.

A driver owns one line, is called by one thread at a time, and says of every failure whether a
byte of the request left. It raises ModuleError for the module's own word, the rest as below.

The contract is tested by `posapp.security_module.conformance`; drivers of others come through
the entry-point group `posapp.security_modules` (see `registry.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.link.messages import AuditPage, Hello, Report
from posapp.security_module.link.transports import LineClosedError as LineClosedError
from posapp.security_module.link.transports import LineLostError as LineLostError

INTERFACE = 1  # grows when a driver written for the number before would no longer work


class LineSilentError(Exception):
    """No answer until the deadline, though the request went out."""


class WrongAnswerError(Exception):
    """The module answered what no module may; `field` names what did not fit."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Capability(StrEnum):
    """What a kind of module can do beyond one credit token; it decides what it is asked for.

    REPLAY: the same request is answered the same, as long as the module remembers it.
    CONFLICT: the same id with other content is refused. SEQUENCE: a number that was used up
    never runs again (STALE), and NotFound says the highest one. CANCEL: a number can be burnt.
    GROUPS: up to eight items in one transaction; without it a driver makes one request an item
    and finishes a group that was cut. KEYS: the report names the keys. The rest are kinds of
    tokens and services.
    """

    REPLAY = "replay"
    CONFLICT = "conflict"
    SEQUENCE = "sequence"
    CANCEL = "cancel"
    GROUPS = "groups"
    KEYS = "keys"
    CURRENCY = "currency"
    KEY_CHANGE = "key_change"
    MANAGEMENT = "management"
    METER_TEST = "meter_test"
    VERIFY = "verify"
    LOGIN = "login"
    LIMITS = "limits"
    AUDIT = "audit"


@runtime_checkable
class Driver(Protocol):
    """One module on one line. Deadlines are `time.monotonic` seconds.

    Every call raises LineLostError, LineSilentError, WrongAnswerError, or ModuleError with the
    module's refusal.
    """

    @property
    def is_open(self) -> bool: ...

    def open(self, deadline: float) -> Hello:
        """Open the line and learn who is there. Raises LineClosedError too."""
        ...

    def check(self) -> None:
        """Raise LineLostError (sent False) if the line is surely gone. Returns at once."""
        ...

    def status(self, till_id: bytes, deadline: float) -> Report: ...

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult: ...

    def fetch(
        self, request_id: bytes, till_id: bytes, deadline: float
    ) -> IssueResult | NotFound: ...

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None: ...

    def interrupt(self) -> None:
        """Make a call of another thread give up soon."""
        ...

    def close(self) -> None:
        """Give up the line; safe when it is closed. The next `open` starts anew."""
        ...


@runtime_checkable
class Governed(Protocol):
    """What a driver offers besides when its module holds limits and an audit of its own.

    Raises like `Driver`. No token can come of any of it.
    """

    def load_authorisation(self, document: bytes, deadline: float) -> int:
        """Hand over head office's signed document; the number the module has now."""
        ...

    def acknowledge_audit(self, document: bytes, deadline: float) -> int:
        """Hand over head office's word on the audit; the entry up to which it counts."""
        ...

    def read_audit(self, after: int, deadline: float) -> AuditPage:
        """Some entries after a number, oldest first; none at the end."""
        ...


@runtime_checkable
class Verifying(Protocol):
    """What a driver offers besides when its module says what a token is. Raises like `Driver`."""

    def verify(self, digits: str, request: IssueRequest, deadline: float) -> int:
        """The class of a token for the meter of a request: 0 credit, 1 test, 2 management.

        Raises ModuleError TOKEN_... for digits that are none, VERIFY_TOO_OFTEN.
        """
        ...


@runtime_checkable
class Serviced(Protocol):
    """What a module with a clock to trust and a self-test has. Raises like `Driver`."""

    def set_time(self, document: bytes, deadline: float) -> int:
        """Hand over head office's word of the time; the moment (ms) that has surely passed."""
        ...

    def self_test(self, deadline: float) -> int:
        """Let it try itself out; the number of its last audit entry. ModuleError SELFTEST_..."""
        ...


@runtime_checkable
class Rekeyable(Protocol):
    """What a driver offers besides when its module takes key files over the line."""

    def load_keys(self, document: bytes, deadline: float) -> int:
        """Hand over a key file; how many keys the module has now. Raises like `Driver`."""
        ...


@runtime_checkable
class Staffed(Protocol):
    """What a driver offers besides when its module may have operators of its own."""

    def login(self, operator: int, pin: str, deadline: float) -> None:
        """Sign a person in; nothing where this module has no operators. The PIN is not kept.

        Raises ModuleError PIN_WRONG (left), PIN_BLOCKED, and as `Driver`.
        """
        ...

    def logout(self, deadline: float) -> None:
        """Sign out whoever is signed in; nothing where this module has no operators."""
        ...


@runtime_checkable
class Pairable(Protocol):
    """What a driver offers besides when till and module learn each other's key."""

    def pair(self, code: str, name: str, deadline: float) -> Hello:
        """Pair by the code on the module's window; `name` is the till's. Closes the line."""
        ...


def no_secret(_name: str) -> str | None:
    """A context that knows no secrets."""
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """What a driver is made with, besides its address.

    `secret` answers a name from the driver's own documentation (a password, a PIN) or None; ask
    for it when it is needed and keep it no longer. `hard_s` is the longest a call may last.
    `line_keys` are the till's key on our own line and the modules it is paired with.
    """

    randomness: Randomness = field(default_factory=SystemRandomness)
    clock: Clock = field(default_factory=SystemClock)
    hard_s: float = 10.0
    secret: Callable[[str], str | None] = field(default=no_secret, repr=False)
    line_keys: LineKeys | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DriverKind:
    """What an entry point of `posapp.security_modules` leads to.

    `make` gets the whole address and must not touch a device yet; it raises ConfigError for an
    address that cannot be one. `presence`, where there is one, gets the address too and returns
    bytes that change when the port comes, goes or is another device; it opens nothing, takes
    about a millisecond and never raises. `interface` is the INTERFACE it was written for.
    """

    schemes: tuple[str, ...]
    words: str
    make: Callable[[str, Context], Driver]
    capabilities: frozenset[Capability] = frozenset()
    presence: Callable[[str], bytes] | None = None
    interface: int = INTERFACE
