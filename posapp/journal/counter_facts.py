"""Facts of people and of what becomes of a sale afterwards; `facts` reads them with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

Body = dict[int, Any]


@dataclass(frozen=True, slots=True)
class SaleVoided:
    """A sale whose token nobody has seen was taken back; its money goes back over the counter.

    The token exists in the module and its TID stays taken; it will never be shown.
    """

    KIND: ClassVar[int] = 15
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: int, 2: int}
    intent_seq: int
    shift: int
    operator_id: int

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: self.shift, 2: self.operator_id}

    @classmethod
    def from_body(cls, body: Body) -> SaleVoided:
        return cls(body[0], body[1], body[2])


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """A customer wants money or units of a sale back whose token was seen; head office decides.

    `right_meter` is where the units should have gone (empty: money back). `amount_minor` of the
    sale and `units_tenths` are in question, `evidence` names the papers that were shown.
    """

    KIND: ClassVar[int] = 16
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {
        0: int, 1: int, 2: int, 3: int, 4: int, 5: str, 6: str, 7: str, 8: int, 9: str,
    }  # fmt: skip
    intent_seq: int
    shift: int
    operator_id: int
    amount_minor: int
    units_tenths: int
    right_meter: str
    reason: str
    evidence: str
    business_date: int
    currency: str

    def to_body(self) -> Body:
        return {
            0: self.intent_seq,
            1: self.shift,
            2: self.operator_id,
            3: self.amount_minor,
            4: self.units_tenths,
            5: self.right_meter,
            6: self.reason,
            7: self.evidence,
            8: self.business_date,
            9: self.currency,
        }

    @classmethod
    def from_body(cls, body: Body) -> RefundRequested:
        return cls(*(body[key] for key in range(10)))


@dataclass(frozen=True, slots=True)
class KeyChangeAnswered:
    """A customer said at the next visit whether the meter took its key-change tokens.

    `intent_seq` is the sale that made them.
    """

    KIND: ClassVar[int] = 17
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: int, 1: str, 2: bool, 3: int}
    intent_seq: int
    meter: str
    took: bool
    operator_id: int

    def to_body(self) -> Body:
        return {0: self.intent_seq, 1: self.meter, 2: self.took, 3: self.operator_id}

    @classmethod
    def from_body(cls, body: Body) -> KeyChangeAnswered:
        return cls(body[0], body[1], body[2], body[3])


@dataclass(frozen=True, slots=True)
class OverrideSigned:
    """A second person signed one operation, with a reason.

    `operation` is a `posapp.domain.permissions.Operation`, `parameters` the SHA-256 of what
    exactly was signed (canonical CBOR), `reason` a code, `note` what a person typed, `subject`
    the sale it was for (empty: none). `second_id` is 0 where one person is enough.
    """

    KIND: ClassVar[int] = 41
    VERSION: ClassVar[int] = 1
    SHAPE: ClassVar[Body] = {0: str, 1: bytes, 2: int, 3: int, 4: str, 5: str, 6: bytes, 7: int}
    operation: str
    parameters: bytes
    first_id: int
    second_id: int
    reason: str
    note: str
    subject: bytes
    business_date: int

    def to_body(self) -> Body:
        return {
            0: self.operation,
            1: self.parameters,
            2: self.first_id,
            3: self.second_id,
            4: self.reason,
            5: self.note,
            6: self.subject,
            7: self.business_date,
        }

    @classmethod
    def from_body(cls, body: Body) -> OverrideSigned:
        return cls(*(body[key] for key in range(8)))


COUNTER_FACTS = (SaleVoided, RefundRequested, KeyChangeAnswered, OverrideSigned)
