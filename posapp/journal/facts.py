"""What can be written in a journal, as values, and their bodies on disk.

A kind and a version, once released, never change their meaning; a new meaning is a new version.
Bodies leave out what has its usual value, because three hundred sales travel together and each
may cost sixty bytes on the wire. Dates are proleptic ordinals, times ms since 1970.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration
from posapp.domain.sale import (
    KeyTarget,
    LineKind,
    SaleKind,
    SaleLine,
    Tender,
    TenderKind,
    TokenKind,
)
from posapp.domain.standing import FeeState, Rate
from posapp.errors import InputError
from posapp.journal.cash_facts import SHAPES as CASH_SHAPES
from posapp.journal.cash_facts import CashMoved as CashMoved
from posapp.journal.cash_facts import ZMade as ZMade
from posapp.journal.counter_facts import COUNTER_FACTS
from posapp.journal.counter_facts import KeyChangeAnswered as KeyChangeAnswered
from posapp.journal.counter_facts import OverrideSigned as OverrideSigned
from posapp.journal.counter_facts import RefundRequested as RefundRequested
from posapp.journal.counter_facts import SaleVoided as SaleVoided
from posapp.journal.restore_facts import RESTORE_FACTS
from posapp.journal.truth_facts import TRUTH_FACTS
from posapp.journal.truth_facts import ClockSet as ClockSet
from posapp.journal.truth_facts import PersonErased as PersonErased
from posapp.journal.truth_facts import SaleSettled as SaleSettled

Body = dict[int, Any]


class Fact(Protocol):
    """Something that happened, ready for the journal."""

    KIND: ClassVar[int]
    VERSION: ClassVar[int]

    def to_body(self) -> Body:
        """The map with integer keys that stands in the entry."""
        ...


@dataclass(frozen=True, slots=True)
class TillEnrolled:
    """The first entry of an epoch: which software, which head office."""

    KIND: ClassVar[int] = 1
    VERSION: ClassVar[int] = 1
    software: str
    head_office_key: bytes

    def to_body(self) -> Body:
        return {0: self.software, 1: self.head_office_key}

    @classmethod
    def from_body(cls, body: Body) -> TillEnrolled:
        return cls(body[0], body[1])


@dataclass(frozen=True, slots=True)
class ShiftOpened:
    """A person counted the opening float and opened a shift."""

    KIND: ClassVar[int] = 3
    VERSION: ClassVar[int] = 1
    shift: int
    operator_id: int
    opening_minor: int
    business_date: date | None = None
    currency: str = ""

    def to_body(self) -> Body:
        body: Body = {0: self.shift, 1: self.operator_id, 2: self.opening_minor}
        return body | _stamp(3, self.business_date, self.currency)

    @classmethod
    def from_body(cls, body: Body) -> ShiftOpened:
        return cls(body[0], body[1], body[2], _day_in(body.get(3, 0)), body.get(4, ""))


@dataclass(frozen=True, slots=True)
class ShiftClosed:
    """A drawer was counted and a shift closed; printing of the shift is summarised here."""

    KIND: ClassVar[int] = 4
    VERSION: ClassVar[int] = 1
    shift: int
    operator_id: int
    counted_minor: int
    expected_minor: int
    pieces: tuple[tuple[int, int], ...]
    reason: str
    slips_printed: int
    copies_printed: int
    business_date: date | None = None
    currency: str = ""

    def to_body(self) -> Body:
        body: Body = {
            0: self.shift,
            1: self.operator_id,
            2: self.counted_minor,
            3: self.expected_minor,
            4: [list(p) for p in self.pieces],
            5: self.reason,
            6: self.slips_printed,
            7: self.copies_printed,
        }
        return body | _stamp(8, self.business_date, self.currency)

    @classmethod
    def from_body(cls, body: Body) -> ShiftClosed:
        pieces = tuple((face, count) for face, count in body[4])
        day = _day_in(body.get(8, 0))
        rest = body[5], body[6], body[7], day, body.get(9, "")
        return cls(body[0], body[1], body[2], body[3], pieces, *rest)


@dataclass(frozen=True, slots=True)
class TokenItem:
    """One token asked for, or one key-change set.

    The TID is proposed by the till and never replaced in silence; tests and key changes have
    none (0). It counts from `base_date`, 0 standing for the meter's own: a credit after a key
    change in the same order counts from the new key's. `units` is what the token is about:
    0.1 kWh and so on or 0.00001 of the currency of a credit; watts, a register or sixteen bits
    of a management token; control field and manufacturer code (44 bits) of a meter test.
    """

    kind: TokenKind
    subclass: int
    tid: int
    units: int
    value_minor: int
    reserved: bool = False
    base_date: int = 0
    target: KeyTarget | None = None

    def token_count(self, ea: EncryptionAlgorithm) -> int:
        """How many tokens of twenty digits it makes for a meter with this algorithm."""
        return 1 if self.target is None else self.target.token_count(ea)


@dataclass(frozen=True, slots=True)
class SaleIntended:
    """Money was taken and a token is about to be asked for. Durable before the module is.

    `sale_id` is a UUIDv7 and the module's request id. `sequence` counts per (module, till).
    `units_tenths` were paid for, `free_tenths` came with them. `fees` are how far the fees of the
    tariff are settled with this sale, `rate` is the one its prices were made with, `invoice` the
    title and note that its tariff gives to a receipt of this sum. `kind` says why it was placed,
    `reason` is a code and `reference` what a person typed for it (a work order, the papers that
    were shown, a payer's number). Sales of one payment share `batch` (16 bytes, empty: alone).

    The body leaves out `units_tenths` when the energy lines add up to it, a tender's empty
    reference, and all but the TID of the usual item (one credit of all units for all the money).
    """

    KIND: ClassVar[int] = 10
    VERSION: ClassVar[int] = 1
    sale_id: bytes
    receipt: int
    shift: int
    operator_id: int
    business_date: date
    meter: str
    configuration: MeterConfiguration
    customer_id: int
    tariff: str
    currency: str
    lines: tuple[SaleLine, ...]
    tenders: tuple[Tender, ...]
    units_tenths: int
    month_units_before: int
    items: tuple[TokenItem, ...]
    module_id: str
    sequence: int
    free_tenths: int = 0
    fees: tuple[tuple[str, FeeState], ...] = ()
    rate: Rate | None = None
    invoice: tuple[str, str] = ("", "")
    kind: SaleKind = SaleKind.SALE
    reason: str = ""
    reference: str = ""
    batch: bytes = b""

    @property
    def amount_minor(self) -> int:
        """What the customer pays: the sum of the lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def received_minor(self) -> int:
        """What was handed over."""
        return sum(t.received_minor for t in self.tenders)

    @property
    def items_by_token(self) -> tuple[TokenItem, ...]:
        """The item of each token, in the order the customer enters them."""
        ea = self.configuration.ea
        return tuple(item for item in self.items for _ in range(item.token_count(ea)))

    @property
    def change_minor(self) -> int:
        """What goes back over the counter."""
        return self.received_minor - self.amount_minor

    def to_body(self) -> Body:
        c = self.configuration
        body: Body = {
            0: self.sale_id,
            1: self.receipt,
            2: self.shift,
            3: self.operator_id,
            4: self.business_date.toordinal(),
            5: self.meter,
            6: [int(c.ea), c.sgc, c.krn, c.ti, c.base_date, c.ken, c.tct, int(c.kt)],
            7: self.customer_id,
            8: self.tariff,
            9: self.currency,
            10: [_line_out(line) for line in self.lines],
            11: [_tender_out(tender) for tender in self.tenders],
            13: self.month_units_before,
            14: [
                [item.tid] if item == self._usual_item(item.tid) else _item_out(item)
                for item in self.items
            ],
            15: self.module_id,
            16: self.sequence,
        }
        if self.units_tenths != _energy_tenths(self.lines):
            body[12] = self.units_tenths
        if self.free_tenths:
            body[17] = self.free_tenths
        if self.fees:
            body[18] = [_fee_out(code, state) for code, state in self.fees]
        if self.rate is not None:
            body[19] = [self.rate.currency, str(self.rate.rate), self.rate.stamped.toordinal()]
        if any(self.invoice):
            body[20] = list(self.invoice)
        if self.kind is not SaleKind.SALE:
            body[21] = int(self.kind)
        if self.reason or self.reference:
            body[22] = [self.reason, self.reference]
        if self.batch:
            body[23] = self.batch
        return body

    def _usual_item(self, tid: int) -> TokenItem:
        return TokenItem(TokenKind.CREDIT, 0, tid, self.units_tenths, self.amount_minor)

    @classmethod
    def from_body(cls, body: Body) -> SaleIntended:
        ea, sgc, krn, ti, base_date, ken, tct, kt = body[6]
        lines = tuple(_line_in(line) for line in body[10])
        units = body[12] if 12 in body else _energy_tenths(lines)
        amount = sum(line.amount_minor for line in lines)
        configuration = MeterConfiguration(
            EncryptionAlgorithm(ea), sgc, krn, ti, base_date, ken, tct, KeyType(kt)
        )
        return cls(
            sale_id=body[0],
            receipt=body[1],
            shift=body[2],
            operator_id=body[3],
            business_date=date.fromordinal(body[4]),
            meter=body[5],
            configuration=configuration,
            customer_id=body[7],
            tariff=body[8],
            currency=body[9],
            lines=lines,
            tenders=tuple(_tender_in(row) for row in body[11]),
            units_tenths=units,
            month_units_before=body[13],
            items=tuple(
                TokenItem(TokenKind.CREDIT, 0, row[0], units, amount)
                if len(row) == 1
                else _item_in(row)
                for row in body[14]
            ),
            module_id=body[15],
            sequence=body[16],
            free_tenths=body.get(17, 0),
            fees=tuple(_fee_in(row) for row in body.get(18, ())),
            rate=_rate_in(body[19]) if 19 in body else None,
            invoice=(body[20][0], body[20][1]) if 20 in body else ("", ""),
            kind=SaleKind(body.get(21, 0)),
            reason=body[22][0] if 22 in body else "",
            reference=body[22][1] if 22 in body else "",
            batch=body.get(23, b""),
        )


@dataclass(frozen=True, slots=True)
class SaleRetimed:
    """A refused intent takes other TIDs: a new durable version of it, with a new sequence."""

    KIND: ClassVar[int] = 11
    VERSION: ClassVar[int] = 1
    sale_id: bytes
    items: tuple[TokenItem, ...]
    sequence: int

    def to_body(self) -> Body:
        return {0: self.sale_id, 1: [_item_out(item) for item in self.items], 2: self.sequence}

    @classmethod
    def from_body(cls, body: Body) -> SaleRetimed:
        return cls(body[0], tuple(_item_in(item) for item in body[1]), body[2])


@dataclass(frozen=True, slots=True)
class SaleIssued:
    """The module made the tokens; they are durable from here and may be shown.

    `intent_seq` is the journal position of the intent; `tokens` are 20-digit strings in entry
    order; `audit_no` is the module's own number for this issue.
    """

    KIND: ClassVar[int] = 12
    VERSION: ClassVar[int] = 1
    intent_seq: int
    tokens: tuple[str, ...]
    audit_no: int

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: list(self.tokens), 2: self.audit_no}

    @classmethod
    def from_body(cls, body: Body) -> SaleIssued:
        return cls(body[0], tuple(body[1]), body[2])


@dataclass(frozen=True, slots=True)
class SaleEnded:
    """The sale ended without a token: refused by the module, or cancelled before it was asked."""

    KIND: ClassVar[int] = 13
    VERSION: ClassVar[int] = 1
    REFUSED: ClassVar[int] = 0
    CANCELLED: ClassVar[int] = 1
    intent_seq: int
    how: int
    reason: str

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: self.how, 2: self.reason}

    @classmethod
    def from_body(cls, body: Body) -> SaleEnded:
        return cls(body[0], body[1], body[2])


@dataclass(frozen=True, slots=True)
class SaleUncertain:
    """The module was asked and cannot be reached: the outcome is unknown until it can."""

    KIND: ClassVar[int] = 14
    VERSION: ClassVar[int] = 1
    intent_seq: int
    reason: str

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: self.reason}

    @classmethod
    def from_body(cls, body: Body) -> SaleUncertain:
        return cls(body[0], body[1])


@dataclass(frozen=True, slots=True)
class ClockCorrected:
    """The clock stood before the last journal entry, or jumped; `floor_ms` is what was known."""

    KIND: ClassVar[int] = 30
    VERSION: ClassVar[int] = 1
    floor_ms: int
    clock_ms: int

    def to_body(self) -> Body:
        return {0: self.floor_ms, 1: self.clock_ms}

    @classmethod
    def from_body(cls, body: Body) -> ClockCorrected:
        return cls(body[0], body[1])


@dataclass(frozen=True, slots=True)
class ModuleLoaded:
    """Two people gave the module a document: `what` is a `posapp.domain.permissions.Operation`.

    `number` is the authorisation's, or how many keys the module had afterwards; UNCERTAIN when
    its answer was lost, so that it may have the document or not.
    """

    KIND: ClassVar[int] = 40
    VERSION: ClassVar[int] = 1
    UNCERTAIN: ClassVar[int] = -1
    what: str
    module_id: str
    number: int
    first_id: int
    second_id: int

    def to_body(self) -> Body:
        return {
            0: self.what,
            1: self.module_id,
            2: self.number,
            3: self.first_id,
            4: self.second_id,
        }

    @classmethod
    def from_body(cls, body: Body) -> ModuleLoaded:
        return cls(body[0], body[1], body[2], body[3], body[4])


def _stamp(key: int, day: date | None, currency: str) -> Body:
    """The business date and the currency, where they are known."""
    return {} if day is None else {key: day.toordinal(), key + 1: currency}


def _day_in(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None


def _line_out(line: SaleLine) -> list[Any]:
    return [int(line.kind), line.code, line.amount_minor, line.units_tenths, line.rate]


def _line_in(row: list[Any]) -> SaleLine:
    return SaleLine(LineKind(row[0]), row[1], row[2], row[3], row[4])


def _fee_out(code: str, state: FeeState) -> list[Any]:
    return [code, 0 if state.through is None else state.through.toordinal(), state.owed_minor]


def _fee_in(row: list[Any]) -> tuple[str, FeeState]:
    return row[0], FeeState(date.fromordinal(row[1]) if row[1] else None, row[2])


def _rate_in(row: list[Any]) -> Rate:
    return Rate(row[0], Decimal(row[1]), date.fromordinal(row[2]))


def _energy_tenths(lines: tuple[SaleLine, ...]) -> int:
    return sum(line.units_tenths for line in lines if line.kind is LineKind.ENERGY)


def _tender_out(tender: Tender) -> list[Any]:
    row: list[Any] = [int(tender.kind), tender.received_minor]
    return [*row, tender.reference] if tender.reference else row


def _tender_in(row: list[Any]) -> Tender:
    return Tender(TenderKind(row[0]), *row[1:])


def _item_out(item: TokenItem) -> list[Any]:
    row: list[Any] = [
        int(item.kind),
        item.subclass,
        item.tid,
        item.units,
        item.value_minor,
        item.reserved,
    ]
    if item.base_date or item.target:
        row.append(item.base_date)
    if item.target:
        row += [item.target.sgc, item.target.krn, item.target.ti, item.target.third_token]
    return row


def _item_in(row: list[Any]) -> TokenItem:
    plain, target = row[1:7], row[7:]
    item = TokenItem(TokenKind(row[0]), *plain)
    return replace(item, target=KeyTarget(*target)) if target else item


# What each reader expects under its keys: a type, `(...)` a row of at most these types, `[x]`
# any number of x. A journal may come from another machine, where anything can be signed.
_LINE = (int, str, int, int, str)
_TENDER = (int, int, str)
_ITEM = (int, int, int, int, int, bool, int, str, int, str, bool)
_SHAPES: dict[int, dict[int, Any]] = {
    TillEnrolled.KIND: {0: str, 1: bytes},
    ShiftOpened.KIND: {0: int, 1: int, 2: int, 3: int, 4: str},
    ShiftClosed.KIND: {
        0: int, 1: int, 2: int, 3: int, 4: [(int, int)], 5: str, 6: int, 7: int,
        8: int, 9: str,
    },
    SaleIntended.KIND: {
        0: bytes, 1: int, 2: int, 3: int, 4: int, 5: str,
        6: (int, str, int, str, int, int, int, int), 7: int, 8: str, 9: str, 10: [_LINE],
        11: [_TENDER], 12: int, 13: int, 14: [_ITEM], 15: str, 16: int, 17: int,
        18: [(str, int, int)], 19: (str, str, int), 20: (str, str),
        21: int, 22: (str, str), 23: bytes,
    },
    SaleRetimed.KIND: {0: bytes, 1: [_ITEM], 2: int},
    SaleIssued.KIND: {0: int, 1: [str], 2: int},
    SaleEnded.KIND: {0: int, 1: int, 2: str},
    SaleUncertain.KIND: {0: int, 1: str},
    ClockCorrected.KIND: {0: int, 1: int},
    ModuleLoaded.KIND: {0: str, 1: str, 2: int, 3: int, 4: int},
    **{
        fact.KIND: fact.SHAPE
        for fact in (*COUNTER_FACTS, *RESTORE_FACTS, *TRUTH_FACTS)
    },
    **CASH_SHAPES,
}  # fmt: skip
_INT_LIMIT = 1 << 63  # what a column of any database holds


def _fits(value: Any, shape: Any) -> bool:
    if shape is int:
        return type(value) is int and -_INT_LIMIT <= value < _INT_LIMIT
    if isinstance(shape, type):
        return type(value) is shape
    if not isinstance(value, list):
        return False
    if isinstance(shape, list):
        return all(_fits(item, shape[0]) for item in value)
    return len(value) <= len(shape) and all(
        type(item) is part and (part is not int or -_INT_LIMIT <= item < _INT_LIMIT)
        for item, part in zip(value, shape, strict=False)
    )


_READERS: dict[tuple[int, int], Callable[[Body], Fact]] = {
    (fact.KIND, fact.VERSION): fact.from_body
    for fact in (
        TillEnrolled,
        ShiftOpened,
        ShiftClosed,
        SaleIntended,
        SaleRetimed,
        SaleIssued,
        SaleEnded,
        SaleUncertain,
        ClockCorrected,
        ModuleLoaded,
        *COUNTER_FACTS,
        *RESTORE_FACTS,
        *TRUTH_FACTS,
        CashMoved,
        ZMade,
    )
}


def read(kind: int, version: int, body: Body) -> Fact | None:
    """The fact of a body; None for a kind or version this software does not know yet.

    Raises InputError JOURNAL_ENTRY_INVALID when a known kind has an impossible body: a field that
    is missing, of another type, or an integer beyond 64 bits. Some microseconds.
    """
    reader = _READERS.get((kind, version))
    if reader is None:
        return None
    for key, shape in _SHAPES[kind].items():
        if key in body and not _fits(body[key], shape):
            raise InputError("JOURNAL_ENTRY_INVALID", kind=kind, reason=f"field {key}")
    try:
        return reader(body)
    except (LookupError, TypeError, ValueError, ArithmeticError, InputError) as error:
        raise InputError("JOURNAL_ENTRY_INVALID", kind=kind, reason=type(error).__name__) from error
