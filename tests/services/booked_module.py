"""A module that numbers its tokens and keeps a book of them, and can be made to lie or vanish."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from posapp.errors import ModuleError, Outcome
from posapp.ports import (
    AuditPart,
    IssueRequest,
    IssueResult,
    ModuleOffer,
    ModuleState,
    ModuleStatus,
    NotFound,
    SupplyKey,
)
from posapp.wire.audit import AuditEntry, AuditKind, genesis

KEYS = (
    SupplyKey("201457", 1, 2014, 255, 4, test=True),
    SupplyKey("123456", 1, 2014, 255, 2, test=True),
)
MODULE_ID = "RM-00117"
PAGE = 7  # entries of one answer: a book is read in many


@dataclass
class BookedModule:
    """`refuse` is a code that it answers; `gone` makes it answer nothing after having worked."""

    refuse: str = ""
    gone: bool = False
    silent: bool = False
    count: int = 0
    book: list[bytes] = field(default_factory=list)
    answers: dict[bytes, IssueResult] = field(default_factory=dict)

    def status(self) -> ModuleStatus:
        return ModuleStatus(
            ModuleState.READY, MODULE_ID, keys=KEYS, offers=frozenset({ModuleOffer.AUDIT})
        )

    def refresh(self) -> ModuleStatus:
        if self.gone:
            raise ModuleError("MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED)
        return self.status()

    def issue(self, request: IssueRequest) -> IssueResult:
        if self.silent:
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        if self.refuse:
            raise ModuleError(self.refuse, outcome=Outcome.NOT_EXECUTED)
        if request.request_id not in self.answers:
            self.make(request.request_id, request.till_id, request.token_count)
        if self.gone:
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        return self.answers[request.request_id]

    def make(self, request_id: bytes, till_id: bytes, tokens: int) -> None:
        """Make tokens and write them into the book."""
        digits = tuple(f"{self.count + n + 1:020d}" for n in range(tokens))
        self.count += tokens
        number = len(self.answers) + 1
        rows = [[0, 0, "123456", 1, 1, 2014, 1, 1, tokens]]
        self.enter(AuditKind.ISSUE, {0: request_id, 1: till_id, 2: 1, 3: number, 5: rows})
        self.answers[request_id] = IssueResult(request_id, digits, MODULE_ID, number)

    def enter(self, kind: AuditKind, body: dict[int, Any]) -> None:
        """One more entry of the book."""
        last = AuditEntry.from_bytes(self.book[-1]) if self.book else None
        number = last.number + 1 if last else 1
        before = last.hash() if last else genesis(MODULE_ID)
        self.book.append(AuditEntry(number, before, 1, kind, body).to_bytes())

    def fetch(self, request_id: bytes, till_id: bytes) -> IssueResult | NotFound:
        if self.gone or self.silent:
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        return self.answers.get(request_id) or NotFound(0)

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int) -> None:
        if self.gone:
            raise ModuleError("MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED)

    def read_audit(self, after: int) -> AuditPart:
        if self.gone:
            raise ModuleError("MODULE_ABSENT", outcome=Outcome.NOT_EXECUTED)
        found = [data for data in self.book if AuditEntry.from_bytes(data).number > after]
        return AuditPart(tuple(found[:PAGE]), len(self.book), bytes(32), bytes(64))

    def close(self) -> None:
        return None
