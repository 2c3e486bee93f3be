"""`posapp module key-change`: new keys for a list of meters, made by a module that is not served.

The run is counted in the module's audit before its first token can be seen: it is made twice,
first into nothing but a digest. The work itself is `posapp.sts.bulk.campaign`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from posapp.bootstrap import campaign as files
from posapp.clock import Clock
from posapp.errors import ConfigError
from posapp.security_module.reference.engine import Engine
from posapp.sts.bulk.campaign import Campaign, CampaignReport, Target
from posapp.sts.bulk.derive import Hmac
from posapp.sts.keys import AnyKey
from posapp.sts.sta import StaTables

_TOKEN = re.compile(rb"(?<![0-9])[0-9]{20}(?![0-9])")
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RunKeys:
    """The module's vending keys: all of them, or what a device lets know, which makes the HMACs."""

    keys: tuple[AnyKey, ...] = field(repr=False)
    hmac: Hmac | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What became of the list, and how many tokens the file holds."""

    report: CampaignReport
    tokens: int


def change_keys(
    engine: Engine,
    keeper: RunKeys,
    clock: Clock,
    tables: StaTables,
    meters: Path,
    out: Path,
    target: Target,
) -> Run:
    """Key-change sets for the meters of a CSV file, as another one that only its owner may read.

    Raises ModuleError as `Engine.record_run` does and, with a device, HSM_..., and then nothing is
    written; ConfigError FILE_UNREADABLE, FILE_UNWRITABLE, SAME_FILE, RUN_CHANGED; InputError
    CSV_....
    """
    now, keys, hmac = clock.now(), keeper.keys, keeper.hmac
    planned = _Digest()
    try:
        with meters.open("rb") as source:
            plan = Campaign({(k.sgc, k.krn): k for k in keys}, target, tables, now, hmac=hmac)
            report = plan.run(source, cast(BinaryIO, planned))  # it only writes
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(meters), reason=error.strerror) from None
    engine.record_run(report.rows, planned.tokens, planned.digest)
    written = files.run(meters, out, keys, target, tables, now, hmac=hmac)
    if _digest_of(written.file) != planned.digest:
        written.file.unlink()
        raise ConfigError("RUN_CHANGED", file=str(meters))
    return Run(written.report, planned.tokens)


class _Digest:
    """Takes what would be written: how many tokens, and the SHA-256 of all of it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.tokens = 0

    def write(self, data: bytes) -> int:
        """Count and forget."""
        self._hash.update(data)
        self.tokens += sum(1 for _ in _TOKEN.finditer(data))
        return len(data)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


def _digest_of(path: Path) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            found.update(block)
    return found.digest()
