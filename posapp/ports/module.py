"""The seam to the one thing that makes tokens: what it is asked, what it answers, how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from posapp.domain.meter import MeterConfiguration
from posapp.domain.module_state import ModuleState
from posapp.journal.facts import TokenItem
from posapp.sts.tid import KEN_NEVER, TID_MAX, time_of


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """Asks for one group of tokens for one meter, all or none.

    `request_id` (16 bytes) is the sale's id; the same id with the same content is answered the
    same for ever. `sequence` counts per (module, till) and never repeats.
    """

    request_id: bytes
    till_id: bytes
    sequence: int
    meter: str
    configuration: MeterConfiguration
    items: tuple[TokenItem, ...]

    @property
    def token_count(self) -> int:
        """How many tokens all items make: a key change makes two to four."""
        return sum(item.token_count(self.configuration.ea) for item in self.items)


@dataclass(frozen=True, slots=True)
class IssueResult:
    """What the module made: 20-digit tokens in the order of the items."""

    request_id: bytes
    tokens: tuple[str, ...] = field(repr=False)  # cash: never in a log
    module_id: str
    audit_no: int
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The module never executed that request; `last_sequence` is the highest it has seen."""

    last_sequence: int


@dataclass(frozen=True, slots=True)
class SupplyKey:
    """A vending key as the module describes it: never the key itself."""

    sgc: str
    krn: int
    base_date: int
    ken: int
    dkga: int
    test: bool
    active_from: datetime | None = None
    issue_until: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """The last minute it makes tokens in: of its KEN, its base date, or as the module says."""
        last_tid = TID_MAX if self.ken == KEN_NEVER else min(TID_MAX, (self.ken + 1 << 16) - 1)
        end = time_of(last_tid, self.base_date)
        return end if self.issue_until is None else min(end, self.issue_until)

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends, for the warnings at 30, 7 and 1 (STS 202-6); below 0 after."""
        return (self.ends_at - now) // timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyLimit:
    """What the module may still make under a vending key.

    `units_left` of 0.1 kWh and so on, `money_units_left` of 0.00001 of the currency.
    """

    sgc: str
    krn: int
    units_left: int
    money_units_left: int
    value_left_minor: int


class ModuleOffer(StrEnum):
    """What a kind of module takes besides orders; a screen offers no more than this.

    Operators with a PIN of their own, head office's authorisation, key files, its audit and head
    office's word on it, pairing by a code.
    """

    SIGN_IN = "sign_in"
    AUTHORISATION = "authorisation"
    KEYS = "keys"
    AUDIT = "audit"
    PAIRING = "pairing"


@dataclass(frozen=True, slots=True)
class AuditPart:
    """Some entries of a module's book (`posapp.wire.audit`), and the signed end of the whole.

    `number` and `hash32` are the last entry's of the book; no entries: there are no more.
    """

    entries: tuple[bytes, ...]
    number: int
    hash32: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """A snapshot; `module_id` is empty until a module has answered once.

    `since` is when `state` began; `slow` says that the call under way has lasted over 3 s.
    From `hold` on it is what the module said last: the code by which it would refuse any order
    now (empty: none), whether it has limits at all, what is left of them, until when it may sell
    without a signed word, how many tokens head office has not seen and how many that may be, the
    number of its authorisation, the end of its audit and the key that signs it.
    `problem` is the code of the error that lost the line or kept it closed, empty on a good one.
    `sentence` and `action` are codes with words for people, `colour` is ok, warn, bad, off or
    busy; all three follow from `state`. `offers` is what this kind of module can be given.
    """

    state: ModuleState
    module_id: str = ""
    firmware: str = ""
    certified: bool = False
    keys: tuple[SupplyKey, ...] = ()
    last_sequence: int = 0
    since: datetime | None = None
    slow: bool = False
    hold: str = ""
    limited: bool = False
    limits: tuple[KeyLimit, ...] = ()
    lease_until: datetime | None = None
    unacknowledged: int = 0
    unacknowledged_max: int = 0
    authorisation: int = 0
    audit_no: int = 0
    audit_hash: bytes = b""
    audit_key: bytes = b""
    problem: str = ""
    sentence: str = ""
    action: str = ""
    colour: str = ""
    offers: frozenset[ModuleOffer] = frozenset()


class SecurityModule(Protocol):
    """The one thing that makes tokens. Every error is a ModuleError whose outcome says it all.

    Called on the module lane's own thread behind it; a caller waits at most the hard limit of
    10 s a call and then gets ModuleError MODULE_TIMEOUT with outcome UNKNOWN.
    """

    def status(self) -> ModuleStatus:
        """What is known now, without asking the device. Returns at once; never raises."""
        ...

    def refresh(self) -> ModuleStatus:
        """Open the line if need be and ask the module. Up to 10 s. Raises ModuleError."""
        ...

    def issue(self, request: IssueRequest) -> IssueResult:
        """Make the tokens, or replay them if this request was executed before. Up to 10 s.

        Raises ModuleError: NOT_EXECUTED (TID_WINDOW with `lowest_tid`, KEY_NOT_FOUND, KEY_EXPIRED,
        RID_CONFLICT, STALE, FIELD_RANGE, MODULE_ABSENT ...) or UNKNOWN (MODULE_LINK_LOST,
        MODULE_TIMEOUT).
        """
        ...

    def fetch(self, request_id: bytes, till_id: bytes) -> IssueResult | NotFound:
        """The stored answer to an earlier request. Up to 10 s. Raises ModuleError."""
        ...

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int) -> None:
        """Burn a sequence number so that a late frame of it can never run. Up to 10 s.

        Raises ModuleError ALREADY_ISSUED with outcome EXECUTED if it ran before.
        """
        ...

    # Nothing below can make a token: every ModuleError is NOT_EXECUTED (but for a document whose
    # loading was not answered), and UNSUPPORTED where the module's kind has no such thing (see
    # `ModuleStatus.offers`). Each takes up to 10 s; what it changed is in `status()` then.

    def login(self, operator: int, pin: str) -> None:
        """Sign a person in to the module; nothing is done where it has no operators.

        The PIN goes through and is kept nowhere. Raises ModuleError PIN_WRONG (left),
        PIN_BLOCKED (name), OPERATOR_UNKNOWN, SESSION_REQUIRED (it would go in the clear).
        """
        ...

    def logout(self) -> None:
        """Sign out whoever is signed in to the module; nothing where it has no operators."""
        ...

    def load_authorisation(self, document: bytes) -> int:
        """Hand over head office's signed document; the number that the module has now.

        Raises ModuleError with what the module says of it (AUTHORISATION_..., SIGNATURE_INVALID,
        SIGNERS_TOO_FEW, ROLE_DENIED ...); UNKNOWN when no answer came: it may have it.
        """
        ...

    def load_keys(self, document: bytes) -> int:
        """Hand over a key file (`posapp.wire.key_file`); how many keys the module has now.

        Raises ModuleError KEY_FILE_..., ROLE_DENIED, HSM_... when a device failed half-way;
        UNKNOWN when no answer came: it may have them.
        """
        ...

    def read_audit(self, after: int) -> AuditPart:
        """Some entries of its book after a number, oldest first."""
        ...

    def acknowledge_audit(self, document: bytes) -> int:
        """Hand over head office's word on the book; the entry up to which it counts."""
        ...

    def pair(self, code: str, name: str) -> ModuleStatus:
        """Pair with the module that shows `code` (24 digits); `name` (1..32) is the till's.

        Raises InputError PAIR_CODE_FORM, ModuleError PAIR_CLOSED, PAIR_CODE_WRONG ...
        """
        ...

    def close(self) -> None:
        """Give up the line. At most 1 s."""
        ...
