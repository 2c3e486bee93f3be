"""Somebody tries the demo: the module's cable is pulled on its page, and what follows is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.demo.town import STAFF, build
from posapp.ui import theme
from posapp.ui.window import PAGES
from tests.e2e.person import NEEDS_A_SCREEN, Person, Screen

pytestmark = [pytest.mark.e2e, NEEDS_A_SCREEN]
SEED = 11
RAIL = (0, 80, 88, 700)
HEAD = (660, 12, 1010, 48)
LOGIN_HEAD = (660, 48, 1010, 112)
LOGIN_FIELD = (660, 120, 1010, 180)
SUM = (660, 60, 1010, 320)
PRIMARY = (660, 620, 1010, 710)
BANNER = (104, 430, 632, 510)
SLIP_BANNER = (660, 380, 1010, 580)


@pytest.fixture(scope="module")
def person(screen: Screen) -> Iterator[Person]:
    environment = {**os.environ, "DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "posapp", "demo", "--seed", str(SEED)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    try:
        told = next(line for line in demo.stdout if line.startswith("Slips are printed to"))
        found = re.search(r"printed to (\S+);", told)
        assert found is not None
        slips = Path(found.group(1))
        someone = Person(screen, slips)
        someone.sees_window("Baraka General Store")
        yield someone
    finally:
        demo.terminate()
        demo.stdout.close()
        demo.wait(20)
    assert not slips.parent.exists(), "the town is gone with its window"


def test_a_pulled_cable_is_said_where_one_sells_and_a_plugged_one_sells_once(
    person: Person, tmp_path: Path
) -> None:
    town = build(tmp_path, customers=500, seed=SEED)
    usual = next(m for m in town.meters if m.base_date == 2014 and m.state == "active")
    light, demo = theme.tokens()["color"]["light"], f"alt+{len(PAGES) + 1}"
    person.types(STAFF[0].pin, changes=PRIMARY)
    person.presses("Return", changes=LOGIN_HEAD)
    person.types("2000", changes=LOGIN_FIELD)
    person.presses("Return", changes=RAIL)

    person.types(usual.meter, changes=HEAD)
    person.types("500", changes=PRIMARY)
    person.presses("Return", changes=HEAD)
    person.types("1000", changes=SUM)

    person.presses(demo, changes=HEAD)
    person.sees_colour(BANNER, light["ok"])
    person.presses("1", changes=PRIMARY)
    person.sees_colour(BANNER, light["bad"])
    person.presses("alt+1", changes=HEAD)
    person.presses("Return")
    person.sees_colour(SLIP_BANNER, light["bad"])

    person.presses(demo, changes=HEAD)
    person.presses("Return", changes=PRIMARY)
    person.sees_colour(BANNER, light["ok"])
    person.presses("alt+1", changes=HEAD)
    person.presses_until_printed("Return", 1)
    (slip,) = person.sees_slips(1)
    assert re.search(r"TOTAL +KSh 500\.00", slip)
    assert "COPY" not in slip
