"""Head office's errand at a module by file: its word in, the module's book out.

For a shop without a line: what head office wrote to a stick is handed to the running module, and
what head office wants to see is brought back. Whoever holds the module's folder is let in by it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from posapp.bootstrap import module as modules
from posapp.bootstrap import module_line
from posapp.clock import SystemClock, SystemRandomness
from posapp.codec.files import read_bounded
from posapp.errors import ConfigError
from posapp.security_module.link.identity import SECRET_BYTES, LineKeys, Peer
from posapp.security_module.manager import ModuleManager
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, genesis

DOCUMENT_BYTES_MAX = 64 * 1024
_NO_TILL = bytes(16)  # an errand sells nothing


@dataclass(frozen=True, slots=True)
class Errand:
    """Where a module is, and how it lets us in: by its folder when it answers only whom it is
    paired with; by an operator's number and PIN when it has operators. 0: nobody signs in.
    """

    address: str
    folder: Path | None = None
    operator: int = 0
    pin: str = field(default="", repr=False)


def authorise(errand: Errand, file: Path) -> int:
    """Hand the module an authorisation; its number. Raises ModuleError, ConfigError, StoreError."""
    return _hand(errand, file, ModuleManager.load_authorisation)


def acknowledge(errand: Errand, file: Path) -> int:
    """Hand it an acknowledgement; the last audit entry that counts as seen. Raises as above."""
    return _hand(errand, file, ModuleManager.acknowledge_audit)


def load_keys(errand: Errand, file: Path) -> int:
    """Hand it a key file as the officers made it; how many keys it has now. Raises as above."""
    return _hand(errand, file, ModuleManager.load_keys)


def set_time(errand: Errand, file: Path) -> int:
    """Hand it head office's word of the time; the moment (ms) that has surely passed. As above."""
    return _hand(errand, file, ModuleManager.set_time)


def self_test(errand: Errand) -> int:
    """Let it try itself out; its last audit entry. Raises as above, SELFTEST_FAILED(step)."""
    with _module(errand) as module:
        return module.self_test()


def fetch_audit(errand: Errand, out: Path) -> int:
    """Write all that it keeps of its book to a file for head office; the number of entries.

    Raises as above, and InputError AUDIT_INVALID(field) when it is too long for one file;
    ConfigError FILE_UNWRITABLE.
    """
    entries: list[bytes] = []
    with _module(errand) as module:
        module_id, last = module.status().module_id, 0
        while (page := module.read_audit(last)).entries:
            entries.extend(page.entries)
            last = AuditEntry.from_bytes(entries[-1]).number
    head = AuditHead(module_id, page.number, page.hash32, page.signature)
    after, before = 0, genesis(module_id)
    if entries:  # a module forgets what head office has acknowledged long ago
        first = AuditEntry.from_bytes(entries[0])
        after, before = first.number - 1, first.previous_hash32
    book = AuditFile(after, before, tuple(entries), head).to_bytes()
    temporary = out.with_name(f"{out.name}.{os.getpid()}.new")
    try:
        temporary.write_bytes(book)
        temporary.replace(out)
    except (OSError, ValueError) as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError("FILE_UNWRITABLE", file=str(out), reason=str(error)) from None
    return len(entries)


def _hand(errand: Errand, file: Path, take: Callable[[ModuleManager, bytes], int]) -> int:
    document = _document(file)
    with _module(errand) as module:
        return take(module, document)


@contextmanager
def _module(errand: Errand) -> Iterator[ModuleManager]:
    with _let_in(errand.folder) as keys:
        module = ModuleManager(
            errand.address, till_id=_NO_TILL, clock=SystemClock(), line_keys=keys
        )
        signed_in = False
        try:
            if errand.operator:
                module.login(errand.operator, errand.pin)
                signed_in = True
            module.refresh()
            yield module
        finally:
            if signed_in:
                module.logout()
            module.close()


@contextmanager
def _let_in(folder: Path | None) -> Iterator[LineKeys | None]:
    """A key of our own that the module in `folder` knows while this lasts, and no longer."""
    if folder is None:
        yield None
        return
    randomness = SystemRandomness()
    module_id, theirs = modules.line_keys(folder)
    with tempfile.TemporaryDirectory() as place:
        ours = LineKeys(Path(place), randomness.bytes(SECRET_BYTES), randomness)
        ours.trust(Peer.read(module_id, theirs.certificate))
        with module_line.let_in(folder, theirs, ours.certificate):
            yield ours


def _document(file: Path) -> bytes:
    try:
        return read_bounded(file, DOCUMENT_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise ConfigError("FILE_UNREADABLE", file=str(file), reason=str(error)) from None
