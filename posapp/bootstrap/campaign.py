"""A key-change campaign from file to file; the work is in `posapp.sts.bulk.campaign`.

The result appears whole: until its last row is on the disk it has another name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from posapp.errors import ConfigError
from posapp.sts.bulk.campaign import Campaign, CampaignReport, Progress, Target
from posapp.sts.keys import VendingKey
from posapp.sts.sta import StaTables

PART = ".part"


def run(
    meters: Path,
    out: Path,
    keys: Iterable[VendingKey],
    target: Target,
    tables: StaTables,
    now: datetime,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> CampaignReport:
    """New keys for the meters of a CSV file, as another CSV file, a row for every row.

    A cancelled run leaves what it has in `OUT.part`. The files hold tokens: only their owner
    may read them. Raises ConfigError FILE_UNREADABLE, FILE_UNWRITABLE, SAME_FILE, BULK_MISSING;
    InputError CSV_COLUMNS, CSV_ROWS.
    """
    if out.exists() and meters.exists() and out.samefile(meters):
        raise ConfigError("SAME_FILE", file=str(out))
    part = out.with_name(out.name + PART)
    campaign = Campaign({(key.sgc, key.krn): key for key in keys}, target, tables, now)
    try:
        source = meters.open("rb")
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(meters), reason=error.strerror) from None
    with source:
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb", buffering=1 << 20) as output:
                report = campaign.run(source, output, progress=progress, cancelled=cancelled)
                output.flush()
                os.fsync(output.fileno())
            if not report.cancelled:
                part.replace(out)
        except OSError as error:
            raise ConfigError("FILE_UNWRITABLE", file=str(part), reason=error.strerror) from None
    return report
