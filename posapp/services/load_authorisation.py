"""Give the module head office's word on what it may make; two people stand by it."""

from __future__ import annotations

import logging

from posapp.domain.permissions import Operation
from posapp.errors import InputError
from posapp.journal.facts import ModuleLoaded
from posapp.ports import SecurityModule, Store
from posapp.services.two_people import TwoPeople, Witness

log = logging.getLogger("posapp.module")


class LoadAuthorisation:
    """Runs on the sale lane, up to 10 s: no sale may run between the document and its limits."""

    def __init__(self, store: Store, module: SecurityModule, people: TwoPeople) -> None:
        self._store = store
        self._module = module
        self._people = people

    def __call__(self, document: bytes, first_id: int, witness: Witness) -> int:
        """The number of the authorisation that the module has now; the journal says who they were.

        The same document renews the till's own lease where head office itself signed it.

        Raises InputError as `TwoPeople.check` before the module is asked, ModuleError
        with what the module says of the document (nothing was changed),
        StoreError when the journal cannot be written: the module has it then, and
        loading it once more does no harm.
        """
        first, second = self._people.check(Operation.LOAD_AUTHORISATION, first_id, witness)
        assert second is not None, "this takes two people"
        number = self._module.load_authorisation(document)
        fact = ModuleLoaded(
            Operation.LOAD_AUTHORISATION.value,
            self._module.status().module_id,
            number,
            first.operator_id,
            second.operator_id,
        )
        self._store.write(lambda uow: uow.append(fact))
        try:
            self._store.write(lambda uow: uow.take_authorisation(document))
        except InputError as error:  # the module's signers need not be this till's head office
            log.info("the till's lease stays as it is: %s", error.code)
        return number
