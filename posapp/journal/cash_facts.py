"""What is written when cash moves without a sale, and when a shift is summed up for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from posapp.domain.cash import CashKind

Body = dict[int, Any]


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Cash went into or out of a drawer or the safe, or a drawer was opened for no sale.

    `amount_minor` is never negative (0 for an opened drawer); `shift` is 0 for a deposit.
    `reference` is the bank's or a receipt's number; `signed_by` the second person, 0 for none.
    `receipt` is the sale whose money a RETURN gives back.
    """

    KIND: ClassVar[int] = 5
    VERSION: ClassVar[int] = 1
    kind: CashKind
    shift: int
    operator_id: int
    business_date: date
    currency: str
    amount_minor: int
    reason: str
    reference: str = ""
    signed_by: int = 0
    receipt: int = 0

    def to_body(self) -> Body:
        return {
            0: int(self.kind),
            1: self.shift,
            2: self.operator_id,
            3: self.business_date.toordinal(),
            4: self.currency,
            5: self.amount_minor,
            6: self.reason,
            7: self.reference,
            8: self.signed_by,
            9: self.receipt,
        }

    @classmethod
    def from_body(cls, body: Body) -> CashMoved:
        day = date.fromordinal(body[3])
        return cls(
            CashKind(body[0]), body[1], body[2], day, body[4], body[5], body[6], body[7], body[8],
            body[9],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Commission:
    """What the vendor earned under one rule: its code, what it was counted on, the amount.

    `base` is minor units, tenths of a kWh, sales or tokens, as the rule says.
    """

    code: str
    base: int
    rate: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ModuleCount:
    """The module's own book beside ours: tokens by both between two of its numbers.

    `through` is the last number compared (0: the module has no book or was not there; then
    nothing was compared). `orphans` are its numbers whose tokens stand in no sale of ours.
    """

    module_id: str = ""
    after: int = 0
    through: int = 0
    module_tokens: int = 0
    ledger_tokens: int = 0
    orphans: tuple[int, ...] = ()

    @property
    def compared(self) -> bool:
        return self.through > 0

    @property
    def agrees(self) -> bool:
        """Whether both sides have the same tokens; true where nothing could be compared."""
        return self.module_tokens == self.ledger_tokens and not self.orphans


NOT_COMPARED = ModuleCount()


@dataclass(frozen=True, slots=True)
class ZMade:
    """A shift was summed up: its number counts without gaps, its paper never changes.

    It covers the journal from `after_seq` (exclusive) to `through_seq` (inclusive).
    `document` is the zlib-packed `posapp.reports.document` of the slip, so that the same bytes
    come out under later software. Float: `authorised_minor` and `vended_minor` as they stood.
    `copies` were printed in the shift; slips and journal entries were `waiting_` at its end.
    """

    KIND: ClassVar[int] = 6
    VERSION: ClassVar[int] = 1
    number: int
    shift: int
    operator_id: int
    business_date: date
    currency: str
    after_seq: int
    through_seq: int
    authorised_minor: int
    vended_minor: int
    document: bytes
    commissions: tuple[Commission, ...] = ()
    module: ModuleCount = NOT_COMPARED
    signed_by: int = 0
    last_receipt: int = 0
    lease_until_ms: int = 0
    copies: int = 0
    waiting_slips: int = 0
    waiting_entries: int = 0

    def to_body(self) -> Body:
        m = self.module
        return {
            0: self.number,
            1: self.shift,
            2: self.operator_id,
            3: self.business_date.toordinal(),
            4: self.currency,
            5: self.after_seq,
            6: self.through_seq,
            7: self.authorised_minor,
            8: self.vended_minor,
            9: self.document,
            10: [[c.code, c.base, c.rate, c.amount_minor] for c in self.commissions],
            11: [m.module_id, m.after, m.through, m.module_tokens, m.ledger_tokens],
            12: list(m.orphans),
            13: self.signed_by,
            14: self.last_receipt,
            15: [self.lease_until_ms, self.copies, self.waiting_slips, self.waiting_entries],
        }

    @classmethod
    def from_body(cls, body: Body) -> ZMade:
        return cls(
            number=body[0],
            shift=body[1],
            operator_id=body[2],
            business_date=date.fromordinal(body[3]),
            currency=body[4],
            after_seq=body[5],
            through_seq=body[6],
            authorised_minor=body[7],
            vended_minor=body[8],
            document=body[9],
            commissions=tuple(Commission(*row) for row in body[10]),
            module=_module_in(body[11], body[12]),
            signed_by=body[13],
            last_receipt=body[14],
            lease_until_ms=body[15][0],
            copies=body[15][1],
            waiting_slips=body[15][2],
            waiting_entries=body[15][3],
        )


def _module_in(row: list[Any], orphans: list[int]) -> ModuleCount:
    module_id, after, through, module_tokens, ledger_tokens = row
    return ModuleCount(module_id, after, through, module_tokens, ledger_tokens, tuple(orphans))


SHAPES: dict[int, dict[int, Any]] = {
    CashMoved.KIND: {
        0: int, 1: int, 2: int, 3: int, 4: str, 5: int, 6: str, 7: str, 8: int, 9: int,
    },
    ZMade.KIND: {
        0: int, 1: int, 2: int, 3: int, 4: str, 5: int, 6: int, 7: int, 8: int, 9: bytes,
        10: [(str, int, str, int)], 11: (str, int, int, int, int), 12: [int], 13: int, 14: int,
        15: (int, int, int, int),
    },
}  # fmt: skip
"""The shapes of these bodies, for `posapp.journal.facts`."""
