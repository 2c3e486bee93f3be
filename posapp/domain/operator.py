"""People at the counter."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a person may do."""

    VENDOR = "vendor"
    CLERK = "clerk"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who may sign in. `operator_id` is head office's own number (> 0)."""

    operator_id: int
    name: str
    role: Role

    @property
    def initials(self) -> str:
        """`GO` for Grace Otieno."""
        words = self.name.split()
        return "".join(w[0].upper() for w in (words[:1] + words[-1:] if len(words) > 1 else words))


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """A person with the verifier of the PIN (Argon2id, PHC string) and the count of misses."""

    operator: Operator
    pin_verifier: str = field(repr=False)
    misses: int = 0
