"""Erase one customer's personal data at this till; sales and slips keep the bare number."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.errors import InputError
from posapp.journal.facts import PersonErased
from posapp.ports import Clock, Store, UnitOfWork
from posapp.services.override import Consent, Override, still_allowed


class ErasePerson:
    """Runs on the sale lane."""

    def __init__(self, store: Store, override: Override, clock: Clock) -> None:
        self._store = store
        self._override = override
        self._clock = clock

    def __call__(self, customer_id: int, operator_id: int, consent: Consent) -> None:
        """Delete the row and its words in the search index, and write who did it.

        It does not come back with head office's feed; whoever must be erased everywhere is
        erased at head office. Backups made before keep the person until they are replaced.
        Raises InputError PERSON_UNKNOWN, PERSON_ERASED and what `Override` raises; nothing was
        changed then.
        """
        parameters = {0: customer_id}
        signed = self._override(Operation.ERASE_PERSON, operator_id, consent, parameters)
        assert signed.second is not None
        erased = PersonErased(customer_id, signed.first.operator_id, signed.second.operator_id)

        def write(uow: UnitOfWork) -> None:
            still_allowed(uow, signed)
            if uow.is_erased(customer_id):
                raise InputError("PERSON_ERASED", customer=customer_id)
            if uow.customer_name(customer_id) is None:
                raise InputError("PERSON_UNKNOWN", customer=customer_id)
            uow.append(erased)
            uow.append(signed.fact(uow.site().business_date(self._clock.now())))

        self._store.write(write)
