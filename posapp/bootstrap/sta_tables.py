"""Which STA tables are used: those a site names, else the standard's own sample set.

The operational set belongs to the site's own licence and is only ever read from its file.
"""

from __future__ import annotations

import os
from pathlib import Path

from posapp.sts.ciphers import load_tables, sample_tables
from posapp.sts.sta import StaTables

VARIABLE = "POSAPP_STA_TABLES"


def choose(option: Path | None = None, configured: Path | None = None) -> StaTables:
    """The tables of `--sta-tables`, else of POSAPP_STA_TABLES, else of a configuration.

    Nothing named gives the sample set. A named file that cannot be used is an error and never
    silently the sample: its tokens would be worthless. Raises InputError STA_TABLES.
    """
    named = os.environ.get(VARIABLE)
    chosen = option or (Path(named) if named else None) or configured
    return sample_tables() if chosen is None else load_tables(chosen)
