"""Head office's errand at a module by file: its word in, the module's book out.

For a shop without a line: what head office wrote to a stick is handed to the running module, and
what head office wants to see is brought back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posapp.clock import SystemClock
from posapp.codec.files import read_bounded
from posapp.errors import ConfigError
from posapp.security_module.manager import ModuleManager
from posapp.wire.audit import AuditFile, AuditHead, genesis

DOCUMENT_BYTES_MAX = 64 * 1024
_NO_TILL = bytes(16)  # an errand sells nothing


def authorise(address: str, file: Path) -> int:
    """Hand the module an authorisation; its number. Raises ModuleError, ConfigError."""
    with _module(address) as module:
        return module.load_authorisation(_document(file))


def acknowledge(address: str, file: Path) -> int:
    """Hand it an acknowledgement; the last audit entry that counts as seen. Raises as above."""
    with _module(address) as module:
        return module.acknowledge_audit(_document(file))


def load_keys(address: str, file: Path) -> int:
    """Hand it a key file as the officers made it; how many keys it has now. Raises as above."""
    with _module(address) as module:
        return module.load_keys(_document(file))


def fetch_audit(address: str, out: Path) -> int:
    """Write all of its book to a file for head office; the number of entries.

    Raises ModuleError, InputError AUDIT_INVALID(field) when it is too long for one file,
    ConfigError FILE_UNWRITABLE.
    """
    entries: list[bytes] = []
    with _module(address) as module:
        module_id = module.status().module_id
        while (page := module.read_audit(len(entries))).entries:
            entries.extend(page.entries)
    head = AuditHead(module_id, page.number, page.hash32, page.signature)
    book = AuditFile(0, genesis(module_id), tuple(entries), head).to_bytes()
    temporary = out.with_name(f"{out.name}.{os.getpid()}.new")
    try:
        temporary.write_bytes(book)
        temporary.replace(out)
    except (OSError, ValueError) as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError("FILE_UNWRITABLE", file=str(out), reason=str(error)) from None
    return len(entries)


@contextmanager
def _module(address: str) -> Iterator[ModuleManager]:
    module = ModuleManager(address, till_id=_NO_TILL, clock=SystemClock())
    try:
        module.refresh()
        yield module
    finally:
        module.close()


def _document(file: Path) -> bytes:
    try:
        return read_bounded(file, DOCUMENT_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise ConfigError("FILE_UNREADABLE", file=str(file), reason=str(error)) from None
