"""A vendor at the real window with a real keyboard, on a virtual screen; the paper is judged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from posapp.demo.stage import Stage
from posapp.demo.town import STAFF
from tests.e2e.person import NEEDS_A_SCREEN, Person, until

pytestmark = [pytest.mark.e2e, NEEDS_A_SCREEN]
# Where the eye looks, away from any caret: left, top, right, bottom.
RAIL = (0, 80, 88, 700)
HEAD = (660, 12, 1010, 48)
LOGIN_HEAD = (660, 48, 1010, 112)
LOGIN_FIELD = (660, 120, 1010, 180)
SUM = (660, 60, 1010, 320)
PRIMARY = (660, 620, 1010, 710)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("town"), customers=500, seed=11)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def person(stage, screen) -> Iterator[Person]:
    environment = {**os.environ, "DISPLAY": screen.display, "QT_QPA_PLATFORM": "xcb"}
    till = subprocess.Popen(
        [sys.executable, "-m", "posapp", "--data", str(stage.till_folder)], env=environment
    )
    someone = Person(screen, stage.slips)
    try:
        someone.sees_window("Baraka General Store")
        yield someone
    finally:
        till.terminate()
        till.wait(20)


def test_a_vendor_signs_in_sells_and_closes_by_keyboard_alone(person, stage):
    clerk = STAFF[0]
    usual = next(m for m in stage.town.meters if m.base_date == 2014 and m.state == "active")
    person.types(clerk.pin, changes=PRIMARY)
    person.presses("Return", changes=LOGIN_HEAD)
    person.types("2000", changes=LOGIN_FIELD)
    person.presses("Return", changes=RAIL)
    person.types(usual.meter, changes=HEAD)
    person.types("500", changes=PRIMARY)
    person.presses("Return", changes=HEAD)
    person.types("1000", changes=SUM)
    person.presses_until_printed("Return", 1)
    (slip,) = person.sees_slips(1)
    assert re.search(r"TOTAL +KSh 500\.00", slip)
    assert re.search(r"Change +500\.00", slip)
    token = re.sub(r"\D", "", slip[slip.index("1 of 1") + 6 : slip.index("UNITS")])
    assert len(token) == 20
    verdict, units = stage.enter(usual.meter, token)
    assert verdict == "Accept"
    assert f"{units / 10:.1f} kWh" in slip

    person.presses("F9", changes=HEAD)
    person.types("2", changes=SUM)
    person.presses("Return")
    person.types("1", changes=SUM)
    person.presses_until_printed("ctrl+Return", 2)
    _, slip = person.sees_slips(2)
    assert "SHIFT CLOSED" in slip
    assert re.search(r"Counted cash +2,500\.00", slip)


def test_head_office_has_the_sale(person, stage):
    assert person is not None

    def arrived() -> bool:
        with urllib.request.urlopen(f"{stage.office_url}/health", timeout=10) as answer:
            assert answer.status == 200
        return office_total(stage) == {"KES": 50_000}

    until(arrived, "the sale at head office")


def office_total(stage: Stage) -> dict[str, int]:
    """What head office knows of the day that the slip belongs to."""
    slip = sorted(stage.slips.glob("*.txt"))[0].read_text(encoding="utf-8")
    day, month, year = re.search(r"(\d\d)\.(\d\d)\.(\d{4})", slip).groups()
    url = f"{stage.office_url}/totals/{year}-{month}-{day}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["amount_minor"]
