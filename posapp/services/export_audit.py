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
    entry_hash,
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
        after, after_hash = 0, genesis(module_id)
        while True:
            part = self._module.read_audit(after + len(entries))
            if not part.entries:
                break
            if not entries:  # a module forgets what head office acknowledged long ago
                first = AuditEntry.from_bytes(part.entries[0])
                after, after_hash = first.number - 1, first.previous_hash32
            entries.extend(part.entries)
            spare = len(entries) - ENTRIES_MAX
            if spare > 0:
                after, after_hash = after + spare, entry_hash(entries[spare - 1])
                del entries[:spare]
        return _file(module_id, after, after_hash, entries, part).to_bytes()


def _file(
    module_id: str, after: int, after_hash: bytes, entries: list[bytes], part: AuditPart
) -> AuditFile:
    if after + len(entries) != part.number:
        raise InputError("AUDIT_INVALID", field="entries")
    head = AuditHead(module_id, part.number, part.hash32, part.signature)
    return AuditFile(after, after_hash, tuple(entries), head)
