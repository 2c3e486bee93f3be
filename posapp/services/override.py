"""A second person's word for exactly one operation: checked with a PIN, kept in the journal.

It needs no line: the PIN is checked here, in the call that carries the operation out, so there
is nothing a signature could be kept and used again for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from posapp.codec import cbor
from posapp.domain.operator import Operator
from posapp.domain.permissions import RULES, Operation, check_first
from posapp.errors import InputError
from posapp.journal.facts import OverrideSigned
from posapp.ports import UnitOfWork
from posapp.services.two_people import TwoPeople, Witness

REASON_MAX = 40
NOTE_MAX = 120


@dataclass(frozen=True, slots=True)
class Consent:
    """Why something is done, and who stands by it. `reason` is a code, `note` free words."""

    reason: str = ""
    note: str = ""
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """People whose right and PIN were checked for one operation with these parameters."""

    operation: Operation
    first: Operator
    second: Operator | None
    reason: str
    note: str
    parameters: bytes

    def fact(self, business_date: date, subject: bytes = b"") -> OverrideSigned:
        """What the journal keeps; `subject` is the sale it was for."""
        return OverrideSigned(
            operation=self.operation.value,
            parameters=self.parameters,
            first_id=self.first.operator_id,
            second_id=self.second.operator_id if self.second else 0,
            reason=self.reason,
            note=self.note,
            subject=subject,
            business_date=business_date.toordinal(),
        )


class Override:
    """Runs on the sale lane; a PIN takes about 50 ms by design."""

    def __init__(self, people: TwoPeople) -> None:
        self._people = people

    def __call__(
        self,
        operation: Operation,
        first_id: int,
        consent: Consent,
        parameters: Mapping[int, Any],
    ) -> Signed:
        """Check who does it and who stands by, before anything is written.

        `parameters` is all that the second person saw, as canonical CBOR takes it. Raises
        InputError OVERRIDE_REASON_MISSING, OVERRIDE_NOTE_LONG and what `TwoPeople.check` raises.
        """
        reason, note = consent.reason.strip(), consent.note.strip()
        if RULES[operation].second and not reason:
            raise InputError("OVERRIDE_REASON_MISSING")
        if len(reason) > REASON_MAX or len(note) > NOTE_MAX:
            raise InputError("OVERRIDE_NOTE_LONG", limit=NOTE_MAX)
        first, second = self._people.check(operation, first_id, consent.witness)
        said = cbor.encode([operation.value, dict(parameters)])
        digest = hashlib.sha256(said).digest()
        return Signed(operation, first, second, reason, note, digest)


def still_allowed(uow: UnitOfWork, signed: Signed) -> None:
    """Ask once more inside the transaction: head office may have taken a right away just now.

    Raises InputError as `Override` does.
    """
    people = {r.operator.operator_id: r.operator for r in uow.operators()}
    for person in (signed.first, signed.second):
        if person is not None and people.get(person.operator_id) != person:
            raise InputError("OPERATION_DENIED", name=person.name)


def allowed_now(uow: UnitOfWork, operation: Operation, person: Operator) -> Operator:
    """The person as head office knows them inside this transaction, whoever signed in.

    Raises InputError OPERATION_DENIED, also for somebody who has left.
    """
    for record in uow.operators():
        if record.operator.operator_id == person.operator_id:
            check_first(operation, record.operator)
            return record.operator
    raise InputError("OPERATION_DENIED", name=person.name)
