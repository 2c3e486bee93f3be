"""What the store says of its ledger: sums over a stretch of the journal, cash, Z reports, lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from posapp.domain.sale import SaleKind, TokenKind
from posapp.journal.cash_facts import CashMoved, ZMade
from posapp.journal.postings import Account, Booking

if TYPE_CHECKING:
    from posapp.ports import SaleRecord


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """Sold sales of one kind. Minor units, tenths of a kWh."""

    kind: SaleKind
    sales: int
    amount_minor: int
    units_tenths: int
    free_tenths: int


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """What one account and code moved by; debits are positive."""

    account: Account
    code: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TenderTotal:
    """What came in one way, change taken off: how many bookings, how much."""

    account: Account
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TokenTotal:
    """Tokens of one kind; `free` ones carry no value."""

    kind: TokenKind
    free: bool
    count: int


@dataclass(frozen=True, slots=True)
class IssuedSale:
    """A sale that has its tokens: the module's number for it, and how many they are."""

    sale_id: bytes
    audit_no: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A receipt number that ended without a token, and why (an error code)."""

    receipt: int
    reason: str


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """Everything between two places of the journal, as it stood at the second one.

    Receipt numbers are those of the intents between them (0: none); `numbers` of them end as
    `issued`, `refused`, `cancelled` or are `unfinished` there. `late_issued` and `late_abandoned`
    are sales held before that ended here. `types` and `tokens` count what was sold here.
    """

    first_receipt: int = 0
    last_receipt: int = 0
    numbers: int = 0
    issued: int = 0
    refused: int = 0
    cancelled: int = 0
    unfinished: int = 0
    late_issued: int = 0
    late_abandoned: int = 0
    types: tuple[TypeTotal, ...] = ()
    tenders: tuple[TenderTotal, ...] = ()
    accounts: tuple[AccountTotal, ...] = ()
    tokens: tuple[TokenTotal, ...] = ()
    abandoned: tuple[Abandoned, ...] = ()

    @property
    def sales(self) -> int:
        """Sales with their outcome here; a voided one is taken off again."""
        return sum(t.sales for t in self.types)

    @property
    def gross_minor(self) -> int:
        return sum(t.amount_minor for t in self.types)

    @property
    def units_tenths(self) -> int:
        """Paid for."""
        return sum(t.units_tenths for t in self.types)

    @property
    def free_tenths(self) -> int:
        return sum(t.free_tenths for t in self.types)

    @property
    def token_count(self) -> int:
        return sum(token.count for token in self.tokens)

    @property
    def free_tokens(self) -> int:
        """Credit tokens that nobody paid for."""
        return sum(t.count for t in self.tokens if t.free and t.kind is TokenKind.CREDIT)

    @property
    def gaps(self) -> int:
        """Receipt numbers between the first and the last that nothing is known of."""
        span = self.last_receipt - self.first_receipt + 1 if self.last_receipt else 0
        return span - self.numbers

    def of(self, account: Account) -> int:
        """What an account moved by, over all its codes."""
        return sum(t.amount_minor for t in self.accounts if t.account is account)


@dataclass(frozen=True, slots=True)
class CashRecord:
    """A `CashMoved` with its place and time."""

    fact: CashMoved
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ZRecord:
    """A `ZMade` with its place, its time and the journal's code at it."""

    fact: ZMade
    seq: int
    at: datetime
    chain_code: str


@dataclass(frozen=True, slots=True)
class HeldSale:
    """Money of a customer whose sale has no token, in minor units; `open` while it may come."""

    receipt: int
    amount_minor: int
    open: bool


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One posting with what it is about. `receipt` 0 and `tariff` "" where it is no sale's.

    `seq` is the journal entry that booked it, `at` that entry's time; `z` the Z that covers it,
    0 for none yet.
    """

    seq: int
    at: datetime
    booking: Booking
    account: Account
    code: str
    amount_minor: int
    currency: str
    business_date: date
    shift: int
    operator_id: int
    receipt: int
    tariff: str
    z: int


class LedgerReader(Protocol):
    """Questions about the ledger; each takes milliseconds, a period of 3,000 sales 50 of them."""

    def period(self, after_seq: int, through_seq: int) -> PeriodTotals:
        """Sums over the journal from `after_seq` (exclusive) to `through_seq` (inclusive), as
        things stood there: nothing that came later changes them.
        """
        ...

    def drawer_minor(self, shift: int) -> int:
        """What should be in a shift's drawer: the balance of Account.CASH over its bookings."""
        ...

    def drawer_parts(self, shift: int) -> dict[Booking, int]:
        """The same by kind of booking; the closing itself makes them add up to zero."""
        ...

    def held_sales(self) -> tuple[HeldSale, ...]:
        """Customers' money without a token, oldest first: sales still open, and ended ones whose
        money nobody has fetched.
        """
        ...

    def cash_moves(self, after_seq: int, through_seq: int) -> tuple[CashRecord, ...]: ...

    def cash_of_shift(self, shift: int) -> tuple[CashRecord, ...]: ...

    def last_z(self) -> ZRecord | None: ...

    def z(self, number: int) -> ZRecord | None: ...

    def z_of_shift(self, shift: int) -> ZRecord | None: ...

    def zs_on(self, business_date: date) -> tuple[ZRecord, ...]:
        """By number."""
        ...

    def late_sales(self, after_seq: int, through_seq: int) -> tuple[SaleRecord, ...]:
        """Sales held before `after_seq` whose token came up to `through_seq`; few, ever."""
        ...

    def last_z_before(self, business_date: date) -> ZRecord | None:
        """The newest Z of the dates before."""
        ...

    def issued_since(self, after_seq: int) -> tuple[IssuedSale, ...]:
        """Sales whose tokens were written after a position, by any module; a shift's worth."""
        ...

    def audit_mark(self, module_id: str) -> tuple[int, int]:
        """(journal position, number in the module's book) up to which both were compared."""
        ...

    def ledger(self, business_date: date, limit: int, after_seq: int = 0) -> tuple[LedgerLine, ...]:
        """Postings booked on a date after a position, whole bookings in the journal's order;
        fewer than `limit` unless there are more: page on with the last `seq`.
        """
        ...
