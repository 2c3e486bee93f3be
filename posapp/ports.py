"""Every seam between the parts, with units, errors and how long each call may take.

The use cases in `posapp.services` know only these Protocols and values; `posapp.bootstrap`
hands in the real ones. Times are aware UTC, money is minor units, energy tenths of a kWh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from posapp.clock import Clock as Clock
from posapp.clock import Randomness as Randomness
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import Meter, MeterConfiguration, MeterNumber
from posapp.domain.module_state import ModuleState as ModuleState
from posapp.domain.operator import OperatorRecord as OperatorRecord
from posapp.domain.sale import SaleState
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.journal.chain import Head
from posapp.journal.facts import Fact, SaleIntended, TokenItem
from posapp.lanes import Lanes as Lanes
from posapp.lanes import Urgency
from posapp.sts.tid import KEN_NEVER, TID_MAX, time_of
from posapp.wire.feed import FeedRow

T = TypeVar("T")

# ---------------------------------------------------------------- the security module


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
    busy; all three follow from `state`.
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

    def close(self) -> None:
        """Give up the line. At most 1 s."""
        ...


# ---------------------------------------------------------------- the store


@dataclass(frozen=True, slots=True)
class SaleRecord:
    """A sale as the store has it; `tokens` is empty until it is ISSUED."""

    intent: SaleIntended
    intent_seq: int
    at: datetime
    state: SaleState
    tokens: tuple[str, ...] = field(default=(), repr=False)
    audit_no: int = 0
    ended_reason: str = ""


@dataclass(frozen=True, slots=True)
class LastSale:
    """The newest sold sale of a meter on this till."""

    at: datetime
    amount_minor: int
    units_tenths: int


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A search hit: the meter, whose it is, and what was last sold to it."""

    meter: Meter
    customer: Customer | None
    last_sale: LastSale | None


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A document on its way to paper. `copy_no` 0 is the one original.

    `document` is `posapp.reports.document` bytes; `held` names why it waits (an error code).
    """

    job_id: int
    kind: str
    title: str
    document: bytes
    copy_no: int
    state: PrintState
    queued_at: datetime
    sale_id: bytes = b""
    held: str = ""


class PrintState(StrEnum):
    """QUEUED -> SENDING -> SENT -> PRINTED; UNCERTAIN after a lost line, CANCELLED by a person."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    PRINTED = "printed"
    HELD = "held"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


class Reader(Protocol):
    """Read-only questions, answered from one consistent snapshot of the store.

    Each call takes milliseconds; every list has a limit. Raises StoreError on a damaged store.
    """

    def site(self) -> Site:
        """Raises StoreError NOT_ENROLLED before enrolment."""
        ...

    def head(self) -> Head: ...

    def acknowledged_seq(self) -> int:
        """The last journal position that head office confirmed."""
        ...

    def lease(self) -> Lease | None: ...

    def vended_total_minor(self) -> int:
        """Sum of all sold and open sales since enrolment: what the lease is measured against."""
        ...

    def operators(self) -> tuple[OperatorRecord, ...]: ...

    def tariff_pack(self, code: str) -> str | None:
        """The TOML text of a tariff pack that head office sent."""
        ...

    def tariff_codes(self) -> tuple[str, ...]: ...

    def meter(self, number: MeterNumber) -> FoundMeter | None:
        """Exact lookup; one indexed read."""
        ...

    def search_digits(self, digits: str, limit: int) -> tuple[FoundMeter, ...]:
        """Meters whose number starts or ends with `digits`, and exact account and phone hits."""
        ...

    def search_words(self, words: Sequence[str], limit: int) -> tuple[FoundMeter, ...]:
        """Customers with a beginning in name or address for every word, in any order."""
        ...

    def search_account(self, account: str, limit: int) -> tuple[FoundMeter, ...]: ...

    def recent_meters(self, limit: int) -> tuple[FoundMeter, ...]:
        """Meters of the newest sold sales, newest first, each once."""
        ...

    def month_units(self, number: MeterNumber, month: date) -> int:
        """Tenths of kWh sold to a meter in the month of `month` (first day), here and elsewhere."""
        ...

    def month_fee_paid(self, number: MeterNumber, month: date) -> bool:
        """Whether a sale in that month already carried the monthly fee."""
        ...

    def tid_high_water(self, number: MeterNumber, base_date: int) -> int | None:
        """The highest TID this till or head office knows for (meter, base date)."""
        ...

    def sale(self, sale_id: bytes) -> SaleRecord | None: ...

    def sale_by_receipt(self, receipt: int) -> SaleRecord | None: ...

    def open_sales(self) -> tuple[SaleRecord, ...]:
        """All sales in INTENT, REQUESTED or UNKNOWN, oldest first. There are few, ever."""
        ...

    def sales_on(self, business_date: date, limit: int, after_seq: int = 0) -> Sequence[SaleRecord]:
        """Sales of a business date with intent_seq > after_seq, in order; page on with the last."""
        ...

    def sales_of_shift(
        self, shift: int, limit: int, after_seq: int = 0
    ) -> Sequence[SaleRecord]: ...

    def last_sale(self) -> SaleRecord | None:
        """The newest sold sale."""
        ...

    def open_shift(self) -> Shift | None: ...

    def shift(self, number: int) -> Shift | None: ...

    def shifts_on(self, business_date: date) -> tuple[Shift, ...]:
        """Shifts opened or with sales on that business date, by number."""
        ...

    def last_shift_number(self) -> int: ...

    def customer_name(self, customer_id: int) -> Customer | None:
        """Personal data of a reference `{person:ID.field}`; None when erased."""
        ...

    def print_jobs(self, states: Sequence[PrintState], limit: int) -> tuple[PrintJob, ...]:
        """Oldest first."""
        ...

    def print_job(self, job_id: int) -> PrintJob | None: ...

    def print_jobs_of_sale(self, sale_id: bytes) -> tuple[PrintJob, ...]: ...

    def print_counts(self, shift: int) -> tuple[int, int]:
        """(originals printed, copies printed) for the sales of a shift."""
        ...

    def clock_floor(self) -> datetime:
        """The latest moment this store is sure has passed (journal, head office)."""
        ...

    def entries(self, after_seq: int, limit: int) -> tuple[bytes, ...]:
        """Raw journal entries of the current epoch after a position, in order."""
        ...


class UnitOfWork(Reader, Protocol):
    """One write transaction on the store lane: durable (fsync) when it ends, or nothing at all."""

    def append(self, fact: Fact) -> int:
        """Write a fact to the journal, project it, sign the new head; its position (seq)."""
        ...

    def next_receipt(self) -> int:
        """Allocate the next receipt number; gapless because it is part of the intent's commit."""
        ...

    def next_sequence(self, module_id: str, above: int = 0) -> int:
        """Allocate the next request number for a module, higher than `above`."""
        ...

    def set_sale_state(self, sale_id: bytes, state: SaleState) -> None:
        """Local steps that are no facts: INTENT -> REQUESTED, ISSUED -> REVEALED."""
        ...

    def add_print_job(
        self, kind: str, title: str, document: bytes, *, sale_id: bytes = b"", copy_no: int = 0
    ) -> int: ...

    def set_print_job(self, job_id: int, state: PrintState, held: str = "") -> None: ...

    def set_pin_misses(self, operator_id: int, misses: int) -> None: ...

    def raise_clock_floor(self, moment: datetime) -> None: ...

    def trust_time(self, moment: datetime) -> None:
        """Head office signed that it is `moment` now: raises the floor, and lowers one that a
        wrong clock has left far in the future (journalled as a corrected clock).
        """
        ...


class Store(Protocol):
    """The till's encrypted store. One writer, many readers; `write` and `read` may be nested
    nowhere.
    """

    def write(self, work: Callable[[UnitOfWork], T], urgency: Urgency = Urgency.NORMAL) -> T:
        """Run `work` in one transaction on the store lane and return after its commit is durable.

        Waits for the lane; never call it on the UI thread. An exception rolls everything back.
        Raises StoreError DISK_FULL, STORE_DAMAGED.
        """
        ...

    def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` on a read-only connection of the calling thread, in one snapshot."""
        ...

    def close(self) -> None: ...


# ---------------------------------------------------------------- printing


class PrinterState(StrEnum):
    """One word a state; `unknown` is never shown as ready."""

    READY = "ready"
    PAPER_LOW = "paper_low"
    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    OFFLINE = "offline"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """The printer now, and how many jobs wait."""

    state: PrinterState
    waiting: int = 0


class PrintQueue(Protocol):
    """The spooler as the use cases see it. Jobs are already durable; this only moves them."""

    def wake(self) -> None:
        """There may be something to print. Returns at once."""
        ...

    def status(self) -> PrinterStatus:
        """What is known now. Returns at once; never raises."""
        ...


class Previewer(Protocol):
    """Draws a document the way it will print."""

    def preview(self, document: bytes) -> bytes:
        """PNG bytes of the slip; about 50 ms. Call it on the report lane."""
        ...

    def text(self, document: bytes, columns: int = 48) -> str:
        """The slip as plain lines of at most `columns` characters; a few ms."""
        ...

    def pdf(self, document: bytes) -> bytes:
        """An A4 PDF; the same document gives the same bytes. Up to 1 s for a day."""
        ...


# ---------------------------------------------------------------- head office


class LinkState(StrEnum):
    """The line to head office. OFFLINE is normal."""

    ONLINE = "online"
    OFFLINE = "offline"
    SUSPENDED = "suspended"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """What waits and since when the line is gone.

    `problem` is a stable code when head office or our own check said no (TILL_ROLLED_BACK,
    TILL_FORKED, TILL_SUSPENDED, ...), or why the last try failed; empty when all is well.
    """

    state: LinkState
    waiting: int = 0
    since: datetime | None = None
    last_contact: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of head office across restarts: `at` is the last time it answered."""

    at: datetime | None = None
    problem: str = ""


class SyncStore(Protocol):
    """The till's store as the sync engine sees it. Called on the sync lane.

    Every method is one short transaction (reads on a reader, writes on the store lane as
    chores, steps under 20 ms) and is durable when it returns. Raises StoreError.
    """

    def head(self) -> Head:
        """Till id, current epoch, last position and its hash."""
        ...

    def acknowledged(self) -> tuple[int, bytes]:
        """Position and hash that head office confirmed last; (0, hash of the empty journal)."""
        ...

    def hash_at(self, seq: int) -> bytes | None:
        """Our own hash at a position of the current epoch (0: of the empty journal); None if
        there is no such entry.
        """
        ...

    def entries(self, after_seq: int, limit: int) -> tuple[bytes, ...]:
        """Raw entries of the current epoch after a position, in order, at most `limit`."""
        ...

    def acknowledge(self, seq: int, hash: bytes) -> None:
        """Head office has everything up to `seq`. Never moves back (a lower one is ignored).

        Raises StoreError STORE_DAMAGED when `hash` is not our own at `seq`.
        """
        ...

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        """The till's Ed25519 signature (64 bytes); the secret stays in the store."""
        ...

    def head_office_key(self) -> bytes:
        """The public key (32 bytes) pinned at enrolment."""
        ...

    def cursor(self, scope: str) -> int:
        """The last feed position applied in a scope; 0 before the first row."""
        ...

    def apply_rows(self, scope: str, rows: Sequence[FeedRow], upto: int) -> None:
        """Apply rows in order and set the cursor to `upto`, rows and cursor in one transaction.

        Long lists may be cut into several transactions, each with its own cursor (the seq of
        its last row), never beyond 20 ms. Applying rows again changes nothing. `upto` below the
        cursor is ignored. Rows with `known` false are skipped. A lease with a number not above
        the one held is ignored; PIN misses are the till's own and are kept.
        """
        ...

    def set_server_time(self, moment: datetime) -> None:
        """Head office's clock showed `moment`; see `UnitOfWork.trust_time`."""
        ...

    def contact(self) -> Contact:
        """What `set_contact` wrote last."""
        ...

    def set_contact(self, contact: Contact) -> None:
        """Remember when head office answered and whether it, or our check, said no."""
        ...


class SyncEngine(Protocol):
    """Moves the journal up and customers, tariffs, lease down; resumable at every message."""

    def run_once(self) -> SyncStatus:
        """One full round on the sync lane. Raises nothing: a missing line is a status."""
        ...

    def status(self) -> SyncStatus:
        """What is known now. Returns at once."""
        ...
