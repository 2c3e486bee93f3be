"""Give the module head office's word on its book, so that it may go on: a file from a stick."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.ports import SecurityModule
from posapp.services.two_people import TwoPeople


class AcknowledgeAudit:
    """Runs on the sale lane, up to 10 s."""

    def __init__(self, module: SecurityModule, people: TwoPeople) -> None:
        self._module = module
        self._people = people

    def __call__(self, document: bytes, operator_id: int) -> int:
        """The entry up to which head office's word counts now.

        Raises InputError OPERATION_DENIED, OPERATOR_UNKNOWN and ModuleError ACKNOWLEDGEMENT_...,
        SIGNATURE_INVALID; nothing was changed then.
        """
        self._people.check(Operation.ACKNOWLEDGE_AUDIT, operator_id)
        return self._module.acknowledge_audit(document)
