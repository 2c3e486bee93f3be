"""Take the module's book to head office by stick: files of entries up to its signed end."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.errors import InputError
from posapp.ports import AuditPart, SecurityModule
from posapp.services.two_people import TwoPeople
from posapp.wire.audit import (
    ENTRIES_MAX,
    AuditEntry,
    AuditFile,
    AuditHead,
    genesis,
)


class ExportAudit:
    """Runs on the report lane; a page of the module takes some 10 ms, a sale goes in between."""

    def __init__(self, module: SecurityModule, people: TwoPeople) -> None:
        self._module = module
        self._people = people

    def __call__(self, operator_id: int) -> bytes:
        """The bytes of one `posapp.wire.audit.AuditFile`: the newest entries up to 50,000.

        A book is read from the oldest entry that the module keeps, for the chain's hash before the
        first one must be known. Raises InputError OPERATION_DENIED, AUDIT_INVALID(field) when what
        the module says does not hang together, ModuleError.
        """
        self._people.check(Operation.EXPORT_AUDIT, operator_id)
        module_id = self._module.status().module_id or self._module.refresh().module_id
        entries: list[bytes] = []
        last = 0
        while True:
            part = self._module.read_audit(last)
            if not part.entries:
                return _file(module_id, entries, part).to_bytes()
            entries.extend(part.entries)
            last = AuditEntry.from_bytes(entries[-1]).number
            del entries[:-ENTRIES_MAX]


def _file(module_id: str, entries: list[bytes], part: AuditPart) -> AuditFile:
    head = AuditHead(module_id, part.number, part.hash32, part.signature)
    if not entries:
        return AuditFile(0, genesis(module_id), (), head)
    first, last = AuditEntry.from_bytes(entries[0]), AuditEntry.from_bytes(entries[-1])
    if last.number != part.number:
        raise InputError("AUDIT_INVALID", field="entries")
    return AuditFile(first.number - 1, first.previous_hash32, tuple(entries), head)
