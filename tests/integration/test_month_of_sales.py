"""A month in a minute: every sum of every day, whatever was sold, refused, stuck or dropped."""

from __future__ import annotations

import pytest

from tests.storm.month_of_sales import prove


@pytest.mark.parametrize("seed", [1, 2])
def test_every_identity_of_every_day_holds(tmp_path, seed):
    assert prove(tmp_path, days=6, sales=400, seed=seed) == []
