"""The use cases of a till's unresolved matters and its clock, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.ports import Clock, PrintQueue, SecurityModule, Store
from posapp.services.override import Override
from posapp.services.print_claim import PrintClaim
from posapp.services.recover_answers import RecoverAnswers
from posapp.services.set_clock import SetClock
from posapp.services.settle_audit import SettleAudit
from posapp.services.settle_orphan import SettleOrphan
from posapp.services.two_people import TwoPeople
from posapp.services.unresolved import ListUnresolved


@dataclass(frozen=True, slots=True)
class Truth:
    """What the page of unresolved matters uses."""

    unresolved: ListUnresolved
    print_claim: PrintClaim
    settle_audit: SettleAudit
    settle_orphan: SettleOrphan
    set_clock: SetClock
    answers: RecoverAnswers


def make_truth(
    store: Store,
    module: SecurityModule,
    queue: PrintQueue,
    clock: Clock,
    people: TwoPeople,
    answers: RecoverAnswers,
) -> Truth:
    """All of them over one store and one module."""
    override = Override(people)
    return Truth(
        unresolved=ListUnresolved(store, module, clock),
        print_claim=PrintClaim(store, module, queue, clock, override),
        settle_audit=SettleAudit(store, module, clock, override),
        settle_orphan=SettleOrphan(store, people),
        set_clock=SetClock(store, people),
        answers=answers,
    )
