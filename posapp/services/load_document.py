"""Give the module head office's word or keys that only it can read; two people stand by it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from posapp.domain.permissions import Operation
from posapp.errors import InputError, ModuleError, Outcome
from posapp.journal.facts import ModuleLoaded
from posapp.ports import SecurityModule, Store
from posapp.services.two_people import TwoPeople, Witness

log = logging.getLogger("posapp.module")


class _LoadDocument:
    """Runs on the sale lane, up to 10 s: no sale may run between the document and its limits."""

    OPERATION: ClassVar[Operation]

    def __init__(
        self, store: Store, people: TwoPeople, module: SecurityModule, give: Callable[[bytes], int]
    ) -> None:
        self._store = store
        self._module = module
        self._people = people
        self._give = give

    def _load(self, document: bytes, first_id: int, witness: Witness) -> int:
        first, second = self._people.check(self.OPERATION, first_id, witness)
        assert second is not None, "this takes two people"

        def note(number: int) -> None:
            module_id = self._module.status().module_id
            people = first.operator_id, second.operator_id
            fact = ModuleLoaded(self.OPERATION.value, module_id, number, *people)
            self._store.write(lambda uow: uow.append(fact))

        try:
            number = self._give(document)
        except ModuleError as error:
            if not _may_have_it(error):
                raise
            note(ModuleLoaded.UNCERTAIN)
            raise ModuleError(
                "LOAD_UNCERTAIN", outcome=Outcome.UNKNOWN, cause=error.code
            ) from error
        note(number)
        return number


class LoadAuthorisation(_LoadDocument):
    """Head office's word on what the module may make."""

    OPERATION = Operation.LOAD_AUTHORISATION

    def __init__(self, store: Store, module: SecurityModule, people: TwoPeople) -> None:
        super().__init__(store, people, module, module.load_authorisation)

    def __call__(self, document: bytes, first_id: int, witness: Witness) -> int:
        """The number of the authorisation that the module has now; the journal says who they were.

        The same document renews the till's own lease where head office itself signed it.

        Raises InputError as `TwoPeople.check` before the module is asked; ModuleError with what
        the module says of the document (nothing was changed), LOAD_UNCERTAIN(cause) when its
        answer was lost: it may have the document, and the journal says who they were;
        StoreError when the journal cannot be written: the module has it then. Loading it once
        more does no harm.
        """
        number = self._load(document, first_id, witness)
        try:
            self._store.write(lambda uow: uow.take_authorisation(document))
        except InputError as error:  # the module's signers need not be this till's head office
            log.info("the till's lease stays as it is: %s", error.code)
        return number


class LoadKeys(_LoadDocument):
    """Vending keys that only the module can read."""

    OPERATION = Operation.LOAD_KEYS

    def __init__(self, store: Store, module: SecurityModule, people: TwoPeople) -> None:
        super().__init__(store, people, module, module.load_keys)

    def __call__(self, document: bytes, first_id: int, witness: Witness) -> int:
        """How many keys the module has now; the journal says who they were.

        Raises as `LoadAuthorisation`; the module's own words are KEY_FILE_... and ROLE_DENIED.
        A device that fails half-way (HSM_...) may have some of the keys: LOAD_UNCERTAIN too.
        """
        return self._load(document, first_id, witness)


def _may_have_it(error: ModuleError) -> bool:
    return error.outcome is Outcome.UNKNOWN or error.code.startswith("HSM_")
