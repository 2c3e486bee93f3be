"""Two people at one till: the first is signed in, the second proves to be there with a PIN."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.domain import permissions
from posapp.domain.operator import Operator
from posapp.domain.permissions import RULES, Operation
from posapp.errors import InputError
from posapp.services.sign_in import SignIn


@dataclass(frozen=True, slots=True)
class Witness:
    """Who the second person says to be, and the PIN of it; it is gone with this value."""

    operator_id: int
    pin: str

    def __repr__(self) -> str:
        return f"Witness({self.operator_id})"


class TwoPeople:
    """Decides whether an operation has the people it needs. Runs on the sale lane."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def check(
        self, operation: Operation, first_id: int, witness: Witness | None = None
    ) -> tuple[Operator, Operator | None]:
        """Who the people are, as head office knows them now; the second None where one is enough.

        A wrong PIN counts as one of the second person's misses. Raises InputError
        OPERATION_DENIED, SECOND_PERSON_REQUIRED, SECOND_PERSON_SAME, SECOND_PERSON_DENIED,
        OPERATOR_UNKNOWN, PIN_WRONG (left), PIN_BLOCKED.
        """
        people = {p.operator_id: p for p in self._sign_in.people()}
        first = people.get(first_id)
        if first is None:
            raise InputError("OPERATOR_UNKNOWN")
        permissions.check_first(operation, first)
        if not RULES[operation].second:
            return first, None
        claimed = people.get(witness.operator_id) if witness else None
        if witness is not None and claimed is None:
            raise InputError("OPERATOR_UNKNOWN")
        permissions.check_second(operation, first, claimed)
        assert witness is not None
        return first, self._sign_in.check(witness.operator_id, witness.pin)
