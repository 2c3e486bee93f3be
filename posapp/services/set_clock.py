"""Go by another time than the computer's: cheap ones forget theirs when the power goes."""

from __future__ import annotations

from datetime import datetime

from posapp.domain.clock_limits import SLACK
from posapp.domain.permissions import Operation
from posapp.errors import InputError, SaleError
from posapp.ports import Store, UnitOfWork
from posapp.services.two_people import TwoPeople


class SetClock:
    """Runs on the sale lane. The computer's own clock is never touched."""

    def __init__(self, store: Store, people: TwoPeople) -> None:
        self._store = store
        self._people = people

    def __call__(self, moment: datetime, operator_id: int) -> None:
        """The till goes by `moment` (aware) from now on; also to confirm a clock far ahead.

        It must lie between what is known to have passed and the end of the lease. Head office's
        next word replaces it. Raises InputError OPERATION_DENIED, CLOCK_BEFORE_FLOOR(floor),
        CLOCK_AFTER_LEASE(until), SaleError LEASE_MISSING; nothing was changed then.
        """
        self._people.check(Operation.SET_CLOCK, operator_id)

        def write(uow: UnitOfWork) -> None:
            lease, floor = uow.lease(), uow.clock_floor()
            if lease is None:
                raise SaleError("LEASE_MISSING")
            if moment < floor - SLACK:
                raise InputError("CLOCK_BEFORE_FLOOR", floor=floor)
            if moment > lease.valid_until:
                raise InputError("CLOCK_AFTER_LEASE", until=lease.valid_until)
            uow.set_clock(moment, operator_id)

        self._store.write(write)
