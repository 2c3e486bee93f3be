"""A module in this process that makes up digits, can be pulled out, and can be another one."""

from __future__ import annotations

from dataclasses import dataclass, field

from posapp.errors import ModuleError, Outcome
from posapp.ports import (
    IssueRequest,
    IssueResult,
    ModuleState,
    ModuleStatus,
    NotFound,
    SupplyKey,
)

KEYS = (
    SupplyKey("201457", 1, 2014, 255, 4, test=True),
    SupplyKey("123456", 1, 2014, 255, 2, test=True),
)


@dataclass
class EasyModule:
    """`lose`: the next answer never comes though the tokens are made; `away`: nobody is there."""

    module_id: str = "RM-00117"
    away: bool = False
    lose: bool = False
    hold: str = ""
    audit_key: bytes = b""
    made: dict[bytes, IssueResult] = field(default_factory=dict)
    asked: list[IssueRequest] = field(default_factory=list)

    def status(self) -> ModuleStatus:
        if self.away:
            return ModuleStatus(ModuleState.ABSENT, self.module_id)
        last = max((request.sequence for request in self.asked), default=0)
        return ModuleStatus(
            ModuleState.READY,
            self.module_id,
            keys=KEYS,
            last_sequence=last,
            hold=self.hold,
            audit_key=self.audit_key,
        )

    def refresh(self) -> ModuleStatus:
        self._there(Outcome.NOT_EXECUTED)
        return self.status()

    def issue(self, request: IssueRequest) -> IssueResult:
        self._there(Outcome.NOT_EXECUTED)
        self.asked.append(request)
        number = len(self.made) + 1
        tokens = tuple(f"{number:018d}{place:02d}" for place in range(request.token_count))
        result = IssueResult(request.request_id, tokens, self.module_id, number)
        self.made.setdefault(request.request_id, result)
        if self.lose:
            self.lose, self.away = False, True
            raise ModuleError("MODULE_LINK_LOST", outcome=Outcome.UNKNOWN)
        return self.made[request.request_id]

    def fetch(self, request_id: bytes, till_id: bytes) -> IssueResult | NotFound:
        self._there(Outcome.UNKNOWN)
        return self.made.get(request_id, NotFound(0))

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int) -> None:
        self._there(Outcome.UNKNOWN)

    def login(self, operator: int, pin: str) -> None:
        return None

    def logout(self) -> None:
        return None

    def _there(self, outcome: Outcome) -> None:
        if self.away:
            raise ModuleError("MODULE_ABSENT", outcome=outcome)
