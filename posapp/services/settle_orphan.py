"""A supervisor says what became of tokens that no sale tells of, after a restore."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.errors import InputError
from posapp.journal.restore_facts import OrphanSettled
from posapp.ports import Store, UnitOfWork
from posapp.services.two_people import TwoPeople

REASON_MAX = 120
ORPHANS_MAX = 1000


class SettleOrphan:
    """Runs on the sale lane."""

    def __init__(self, store: Store, people: TwoPeople) -> None:
        self._store = store
        self._people = people

    def __call__(self, seq: int, how: int, operator_id: int, reason: str) -> None:
        """`how` is one of `OrphanSettled`: its money is there, or nobody paid.

        Raises InputError OPERATION_DENIED, ORPHAN_SETTLED (there is no such row any more).
        """
        self._people.check(Operation.CLOSE_UNRESOLVED, operator_id)
        fact = OrphanSettled(seq, how, operator_id, reason.strip()[:REASON_MAX])

        def write(uow: UnitOfWork) -> None:
            if all(orphan.seq != seq for orphan in uow.orphans(ORPHANS_MAX)):
                raise InputError("ORPHAN_SETTLED")
            uow.append(fact)

        self._store.write(write)
