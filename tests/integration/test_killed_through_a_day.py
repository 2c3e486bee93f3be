"""The real process is killed sixty times through sales, groups, closes, Zs, backups, recovery."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security_module.module_process import ON_POSIX
from tests.storm.killed_day import kill_through

KILLS = 60


@pytest.mark.skipif(not ON_POSIX, reason="a till is forked to be killed")
def test_sixty_kills_through_a_day_lose_nothing_and_sell_nothing_twice(tmp_path: Path):
    work = kill_through(tmp_path, KILLS, 20261120)
    assert set("rsgmcb") <= set(work), "each kind of work was done between the kills"
