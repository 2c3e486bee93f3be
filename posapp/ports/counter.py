"""What a store tells of people and of key changes at the counter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signature:
    """One operation that somebody signed for; `second_id` 0 where one person was enough.

    `operation` is a `posapp.domain.permissions.Operation`, `subject` the sale it was for.
    """

    at: datetime
    operation: str
    first_id: int
    second_id: int
    reason: str
    note: str
    subject: bytes = b""
