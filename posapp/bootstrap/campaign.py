"""A key-change campaign from file to file; the work is in `posapp.sts.bulk.campaign`.

The result appears whole: until its last row is on the disk it is another file beside it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from posapp.errors import ConfigError
from posapp.sts.bulk.campaign import Campaign, CampaignReport, Progress, Target
from posapp.sts.bulk.derive import Hmac
from posapp.sts.keys import AnyKey
from posapp.sts.sta import StaTables

PART = ".part"


@dataclass(frozen=True, slots=True)
class Written:
    """What a campaign did, and the file its rows are in: OUT, or when stopped what there is."""

    report: CampaignReport
    file: Path


def run(
    meters: Path,
    out: Path,
    keys: Iterable[AnyKey],
    target: Target,
    tables: StaTables,
    now: datetime,
    *,
    kept: Iterable[Path] = (),
    hmac: Hmac | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Written:
    """New keys for the meters of a CSV file, as another CSV file, a row for every row.

    `out` is a new name or a file to replace, never the list itself nor one of `kept`; `hmac` is
    for keys that a device keeps. A stopped run leaves its whole rows in a file `OUT.*.part`, a
    failed one leaves nothing. The files hold tokens: only their owner may read them. Raises
    ConfigError FILE_UNREADABLE, FILE_UNWRITABLE, SAME_FILE; InputError CSV_....
    """
    final = _final(out, (meters, *kept))
    campaign = Campaign({(key.sgc, key.krn): key for key in keys}, target, tables, now, hmac=hmac)
    try:
        source = meters.open("rb")
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(meters), reason=error.strerror) from None
    with source:
        try:  # a name nobody has, for its owner only
            handle, name = tempfile.mkstemp(PART, f"{final.name}.", final.parent)
        except OSError as error:
            raise _unwritable(final, error) from None
        part = Path(name)
        try:
            with os.fdopen(handle, "wb", buffering=1 << 20) as output:
                listed = _List(source, meters)
                report = campaign.run(listed, output, progress=progress, cancelled=cancelled)
                output.flush()
                os.fsync(output.fileno())
            if report.cancelled:
                return Written(report, part)
            part.replace(final)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _unwritable(final, error) from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return Written(report, final)


class _List:
    """The list of meters; what goes wrong with it is not told as a fault of the result."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path

    def read(self, count: int, /) -> bytes:
        """The next bytes. Raises ConfigError FILE_UNREADABLE."""
        try:
            return self._stream.read(count)
        except OSError as error:
            reason = error.strerror
            raise ConfigError("FILE_UNREADABLE", file=str(self._path), reason=reason) from None


def _final(out: Path, kept: Iterable[Path]) -> Path:
    """Where the result goes, links followed. Raises ConfigError FILE_UNWRITABLE, SAME_FILE."""
    try:
        final = out.resolve()
        if final.exists() and not final.is_file():
            raise ConfigError("FILE_UNWRITABLE", file=str(out), reason="it is no file")
        if any(path.exists() and final.exists() and final.samefile(path) for path in kept):
            raise ConfigError("SAME_FILE", file=str(out))
    except (OSError, ValueError) as error:
        raise ConfigError("FILE_UNWRITABLE", file=str(out), reason=str(error)) from None
    return final


def _unwritable(file: Path, error: OSError) -> ConfigError:
    return ConfigError("FILE_UNWRITABLE", file=str(file), reason=error.strerror)
