"""Three hundred sales of the module's storm: half in the clear, half in sessions.

The whole of it is `python -m tests.storm module`.
"""

from __future__ import annotations

import pytest

from tests.security_module.module_process import ON_POSIX
from tests.storm.storm_module import Plan, run_storm

pytestmark = pytest.mark.skipif(not ON_POSIX, reason="the cable is a pty")

# A tenth of the whole each; one byte a second costs seconds and comes once.
SHARE = Plan(150, 31, 30, 5, 3, rounds=1, clear_rounds=1, slow=1, forked=True)
SEALED = Plan(150, 31, 30, 5, 3, rounds=1, clear_rounds=0, slow=1, forked=True)
MINUTES = 3.0


@pytest.mark.parametrize("plan", [SHARE, SEALED], ids=["in the clear", "in sessions"])
def test_whatever_breaks_and_dies_each_sale_has_one_token_and_the_limits_are_exact(tmp_path, plan):
    counts = run_storm(tmp_path, plan, seed=20261120, minutes=MINUTES)
    assert counts["sold"] >= plan.sales
