"""Facts of a store that was brought back from a backup; `facts` reads them with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

Body = dict[int, Any]


@dataclass(frozen=True, slots=True)
class StoreRestored:
    """The journal goes on from a backup; what followed it in the lost store is not in here.

    `incarnation` (16 random bytes) tells this life of the journal from the lost one. The backup
    was made at `backup_ms`; it is the newest moment that the lost store and this one share.
    """

    KIND: ClassVar[int] = 50
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: bytes, 1: int, 2: str}
    incarnation: bytes
    backup_ms: int
    software: str

    def to_body(self) -> Body:
        return {0: self.incarnation, 1: self.backup_ms, 2: self.software}

    @classmethod
    def from_body(cls, body: Body) -> StoreRestored:
        return cls(body[0], body[1], body[2])


@dataclass(frozen=True, slots=True)
class AnswersRecovered:
    """The module was asked what it made after the backup: selling may go on.

    It had used this till's sequence numbers up to `upto_sequence`, the backup up to
    `after_sequence`. Receipts up to `receipt_upto` may be on paper and are left out. `is_listed`:
    it could name every order; else somebody (`operator_id`) decided to go on without.
    """

    KIND: ClassVar[int] = 51
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: str, 1: int, 2: int, 3: int, 4: int, 5: bool, 6: int, 7: str}
    module_id: str
    after_sequence: int
    upto_sequence: int
    receipt_upto: int
    orphans: int
    is_listed: bool
    operator_id: int = 0
    reason: str = ""

    def to_body(self) -> Body:
        return {
            0: self.module_id,
            1: self.after_sequence,
            2: self.upto_sequence,
            3: self.receipt_upto,
            4: self.orphans,
            5: self.is_listed,
            6: self.operator_id,
            7: self.reason,
        }

    @classmethod
    def from_body(cls, body: Body) -> AnswersRecovered:
        return cls(*(body[key] for key in range(8)))


@dataclass(frozen=True, slots=True)
class OrphanItem:
    """One token or set of an orphan as the module's book has it; see `facts.TokenItem`."""

    kind: int
    subclass: int
    tid: int
    base_date: int
    units: int
    value_minor: int


@dataclass(frozen=True, slots=True)
class OrphanFound:
    """The module made tokens for this till that no sale of the journal tells of.

    `request_id` was the lost sale's id, `issue_no` is the module's number for it, `made_ms` the
    time of its clock. `tokens` is empty when it has forgotten the digits.
    """

    KIND: ClassVar[int] = 52
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {
        0: bytes, 1: str, 2: int, 3: int, 4: int, 5: str,
        6: [(int, int, int, int, int, int)], 7: [str], 8: int,
    }  # fmt: skip
    request_id: bytes
    module_id: str
    sequence: int
    issue_no: int
    made_ms: int
    meter: str
    items: tuple[OrphanItem, ...]
    tokens: tuple[str, ...]
    business_date: int

    @property
    def value_minor(self) -> int:
        """What the customer must have paid for it: the sum over its tokens."""
        return sum(item.value_minor for item in self.items)

    def to_body(self) -> Body:
        return {
            0: self.request_id,
            1: self.module_id,
            2: self.sequence,
            3: self.issue_no,
            4: self.made_ms,
            5: self.meter,
            6: [
                [i.kind, i.subclass, i.tid, i.base_date, i.units, i.value_minor] for i in self.items
            ],
            7: list(self.tokens),
            8: self.business_date,
        }

    @classmethod
    def from_body(cls, body: Body) -> OrphanFound:
        items = tuple(OrphanItem(*row) for row in body[6])
        return cls(
            body[0], body[1], body[2], body[3], body[4], body[5], items, tuple(body[7]), body[8]
        )


@dataclass(frozen=True, slots=True)
class OrphanSettled:
    """A supervisor said what became of an orphan (`orphan_seq`, the position of its fact).

    COUNTED: its money is in the drawer or the books; NOT_PAID: nobody paid for it.
    """

    KIND: ClassVar[int] = 53
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: int, 2: int, 3: str}
    COUNTED: ClassVar[int] = 1
    NOT_PAID: ClassVar[int] = 2
    orphan_seq: int
    how: int
    operator_id: int
    reason: str

    def to_body(self) -> Body:
        return {0: self.orphan_seq, 1: self.how, 2: self.operator_id, 3: self.reason}

    @classmethod
    def from_body(cls, body: Body) -> OrphanSettled:
        return cls(body[0], body[1], body[2], body[3])


RESTORE_FACTS = (StoreRestored, AnswersRecovered, OrphanFound, OrphanSettled)
