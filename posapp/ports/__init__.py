"""Every seam between the parts, with units, errors and how long each call may take.

The use cases in `posapp.services` know only these Protocols and values; `posapp.bootstrap`
hands in the real ones. Times are aware UTC, money is minor units, energy tenths of a kWh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from posapp.clock import Clock as Clock
from posapp.clock import Randomness as Randomness
from posapp.domain.clock_limits import ClockLimits as ClockLimits
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import Meter, MeterNumber
from posapp.domain.module_state import ModuleState as ModuleState
from posapp.domain.operator import OperatorRecord as OperatorRecord
from posapp.domain.operator import Role
from posapp.domain.role_limits import RoleLimits
from posapp.domain.sale import SaleState
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.domain.standing import FeeState, Rate, Standing
from posapp.journal.chain import Head
from posapp.journal.facts import Fact, SaleIntended
from posapp.lanes import Lanes as Lanes
from posapp.lanes import Urgency
from posapp.ports.backups import BackupMade as BackupMade
from posapp.ports.backups import Backups as Backups
from posapp.ports.backups import BackupStatus as BackupStatus
from posapp.ports.backups import DiskStatus as DiskStatus
from posapp.ports.backups import OrphanRecord as OrphanRecord
from posapp.ports.counter import Signature as Signature
from posapp.ports.ledger import LedgerReader as LedgerReader
from posapp.ports.module import AuditPart as AuditPart
from posapp.ports.module import IssueRequest as IssueRequest
from posapp.ports.module import IssueResult as IssueResult
from posapp.ports.module import KeyLimit as KeyLimit
from posapp.ports.module import ModuleOffer as ModuleOffer
from posapp.ports.module import ModuleStatus as ModuleStatus
from posapp.ports.module import NotFound as NotFound
from posapp.ports.module import SecurityModule as SecurityModule
from posapp.ports.module import SupplyKey as SupplyKey
from posapp.ports.people import PeopleReader as PeopleReader
from posapp.wire.feed import FeedRow

T = TypeVar("T")

# ---------------------------------------------------------------- the store


@dataclass(frozen=True, slots=True)
class SaleRecord:
    """A sale as the store has it; `tokens` is empty until it is ISSUED.

    `ended_seq` is the journal position of its outcome, 0 while it is open.
    """

    intent: SaleIntended
    intent_seq: int
    at: datetime
    state: SaleState
    tokens: tuple[str, ...] = field(default=(), repr=False)
    audit_no: int = 0
    ended_reason: str = ""
    ended_seq: int = 0


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
class SettledFee:
    """How far a sale at `at` left a fee of the tariff settled."""

    code: str
    state: FeeState
    at: datetime


@dataclass(frozen=True, slots=True)
class MeterHistory:
    """What this till itself sold to a meter; open sales count like sold ones.

    `bought_tenths` and `free_tenths` are the month's; `earlier_tenths` those of the months asked
    about before it, None where there was no sale; `last_bought` is the day of the last sale before
    the month. `fees` has the newest state of each fee,
    `arrears_paid` minor units by account.
    """

    bought_tenths: int = 0
    free_tenths: int = 0
    earlier_tenths: int | None = None
    last_bought: date | None = None
    fees: tuple[SettledFee, ...] = ()
    arrears_paid: tuple[tuple[str, int], ...] = ()


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


class Reader(LedgerReader, PeopleReader, Protocol):
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

    def tariff_packs(self, code: str) -> tuple[str, ...]:
        """The TOML texts of all versions of a tariff that head office sent, the newest first."""
        ...

    def tariff_codes(self) -> tuple[str, ...]: ...

    def rate(self, currency: str) -> Rate | None:
        """What head office last said another currency costs."""
        ...

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

    def history(
        self, number: MeterNumber, month: date, months: int, since: datetime | None
    ) -> MeterHistory:
        """This till's own sales to a meter: in the month of `month` (first day), in the `months`
        months before it, and the arrears paid after `since` (None: ever).
        """
        ...

    def standing(self, number: MeterNumber) -> Standing | None:
        """How head office last said the meter's account stood."""
        ...

    def last_sale_of(self, number: MeterNumber) -> SaleRecord | None:
        """The newest sold sale to a meter on this till."""
        ...

    def tid_high_water(self, number: MeterNumber, base_date: int) -> int | None:
        """The highest TID this till or head office knows for (meter, base date)."""
        ...

    def sale(self, sale_id: bytes) -> SaleRecord | None: ...

    def role_limits(self, role: Role) -> RoleLimits:
        """What head office set for a role, else what holds everywhere."""
        ...

    def free_issues(self, operator_id: int, business_date: date) -> int:
        """How many free issues a person made on a day, open ones included."""
        ...

    def signatures_on(self, business_date: date, limit: int) -> tuple[Signature, ...]:
        """What was signed for on a day, in order."""
        ...

    def key_change_of(self, number: MeterNumber) -> tuple[SaleRecord, bool | None] | None:
        """The newest order here that made a key-change set for a meter, and whether the meter
        took it (None: nobody has asked the customer yet).
        """
        ...

    def refunded_minor(self, record: SaleRecord) -> int:
        """What was asked back of a sale so far."""
        ...

    def sales_of_batch(self, batch: bytes, limit: int) -> tuple[SaleRecord, ...]:
        """The sales of one payment, in order."""
        ...

    def sale_by_receipt(self, receipt: int) -> SaleRecord | None: ...

    def orphans(self, limit: int) -> tuple[OrphanRecord, ...]:
        """What is not settled of what a module made and a restored journal lacks, oldest first."""
        ...

    def is_orphan(self, request_id: bytes) -> bool:
        """Whether these tokens are booked as an orphan, settled or not."""
        ...

    def recovering_since(self) -> datetime | None:
        """When the backup was made that this store came from, until the module was asked."""
        ...

    def last_sequence(self, module_id: str) -> int:
        """The highest sequence number that this store has used with a module; 0 before any."""
        ...

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

    def clock_offset_ms(self) -> int:
        """What is added to the computer's clock; 0 while that is trusted as it is."""
        ...

    def clock_limits(self) -> ClockLimits:
        """How far ahead of what is known to have passed a clock may be."""
        ...

    def module_key(self, module_id: str) -> bytes:
        """The key (32 bytes) that signs a module's book, as this till first saw it; else empty."""
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

    def take_authorisation(self, document: bytes) -> bool:
        """Renew the till's lease by a module's authorisation; whether it was newer.

        Raises InputError when it is not for this till or head office's signature is not on it.
        """
        ...

    def set_pin_misses(self, operator_id: int, misses: int) -> None: ...

    def raise_clock_floor(self, moment: datetime) -> None: ...

    def set_clock(self, moment: datetime, operator_id: int) -> None:
        """Go by `moment` from here on, journalled; the computer's clock stays as it is."""
        ...

    def note_module_key(self, module_id: str, key: bytes) -> None:
        """Keep the key that signs a module's book; the first one stays."""
        ...

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
