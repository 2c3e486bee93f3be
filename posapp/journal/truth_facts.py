"""Facts that set the record right: a book settles a sale, a person sets the clock, a row goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

Body = dict[int, Any]


@dataclass(frozen=True, slots=True)
class SaleSettled:
    """The module's signed book says that the tokens of a sale were made; their answer never came.

    `intent_seq` is the sale's intent, `audit_no` the number of the book's entry, `digits_hash`
    the SHA-256 of the digits as that entry has it. The digits themselves are not known here.
    """

    KIND: ClassVar[int] = 18
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: int, 2: bytes, 3: int}
    intent_seq: int
    audit_no: int
    digits_hash: bytes
    operator_id: int

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: self.audit_no, 2: self.digits_hash, 3: self.operator_id}

    @classmethod
    def from_body(cls, body: Body) -> SaleSettled:
        return cls(body[0], body[1], body[2], body[3])


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The till goes by another time than its computer; the computer's clock was left alone.

    All in ms since 1970: `floor_ms` is what was known to have passed, `computer_ms` what the
    computer said, `trusted_ms` the time that holds instead. `operator_id` 0: head office's word.
    """

    KIND: ClassVar[int] = 31
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: int, 2: int, 3: int}
    floor_ms: int
    computer_ms: int
    trusted_ms: int
    operator_id: int

    @property
    def offset_ms(self) -> int:
        """What is added to the computer's clock from here on."""
        return self.trusted_ms - self.computer_ms

    def to_body(self) -> Body:
        return {0: self.floor_ms, 1: self.computer_ms, 2: self.trusted_ms, 3: self.operator_id}

    @classmethod
    def from_body(cls, body: Body) -> ClockSet:
        return cls(body[0], body[1], body[2], body[3])


@dataclass(frozen=True, slots=True)
class PersonErased:
    """Two people erased a customer's personal data at this till; sales keep the bare number."""

    KIND: ClassVar[int] = 42
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: int, 2: int}
    customer_id: int
    first_id: int
    second_id: int

    def to_body(self) -> Body:
        return {0: self.customer_id, 1: self.first_id, 2: self.second_id}

    @classmethod
    def from_body(cls, body: Body) -> PersonErased:
        return cls(body[0], body[1], body[2])


TRUTH_FACTS = (SaleSettled, ClockSet, PersonErased)
