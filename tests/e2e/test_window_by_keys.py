"""A vendor at the real window with a real keyboard, on a virtual screen; the paper is judged."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posapp.demo.stage import Stage
from posapp.demo.town import STAFF

NEEDED = ("Xvfb", "xdotool", "openbox")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(MISSING), reason="needs a virtual screen: Xvfb, xdotool, openbox"),
]
LIMIT_S = 30.0
WIDTH, HEIGHT = 1024, 768
# Where the eye looks, away from any caret: left, top, right, bottom.
RAIL = (0, 80, 88, 700)
HEAD = (660, 12, 1010, 48)
LOGIN_HEAD = (660, 48, 1010, 112)
LOGIN_FIELD = (660, 120, 1010, 180)
SUM = (660, 60, 1010, 320)
PRIMARY = (660, 620, 1010, 710)
NO_FRAMES = """<openbox_config xmlns="http://openbox.org/3.4/rc"><applications>
<application class="*"><decor>no</decor><maximized>yes</maximized></application>
</applications></openbox_config>"""

Region = tuple[int, int, int, int]


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something to become true; a test that waits for nothing fails."""
    deadline = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class Screen:
    """The pixels of a virtual screen, as its server keeps them in a file (XWD, 32 bits each)."""

    def __init__(self, display: str, pixels: Path) -> None:
        self.display = display
        self._pixels = pixels

    def look(self, region: Region) -> bytes:
        data = self._pixels.read_bytes()
        header, colours = struct.unpack_from(">I72xI", data)
        stride = struct.unpack_from(">I", data, 48)[0]
        left, top, right, bottom = region
        start = header + colours * 12
        return b"".join(
            data[start + y * stride + left * 4 : start + y * stride + right * 4]
            for y in range(top, bottom)
        )


class Person:
    """Types and presses like a human; sees what was printed and what the title says."""

    def __init__(self, screen: Screen, slips: Path) -> None:
        self._screen = screen
        self._environment = {**os.environ, "DISPLAY": screen.display}
        self._slips = slips

    def types(self, text: str, *, changes: Region) -> None:
        """Type, and wait until that part of the screen answers."""
        self._act(changes, "type", "--delay", "60", text)

    def presses(self, key: str, *, changes: Region | None = None) -> None:
        """Press one key, and wait until that part of the screen answers, if one is named."""
        if changes is None:
            self._do("key", key)
        else:
            self._act(changes, "key", key)

    def presses_until_printed(self, key: str, slips: int) -> None:
        """Press, and press again after a while as an impatient hand would, until paper comes."""
        again = 0.0

        def printed() -> bool:
            nonlocal again
            if time.monotonic() >= again:
                self._do("key", key)
                again = time.monotonic() + 1.0
            return len(self._texts()) >= slips

        until(printed, f"slip {slips}")

    def _act(self, region: Region, *words: str) -> None:
        before = self._screen.look(region)
        self._do(*words)
        until(lambda: self._screen.look(region) != before, f"an answer to {words[-1]!r}")

    def sees_window(self, title: str) -> None:
        until(lambda: self._find(title), f"the window {title!r}")

    def sees_slips(self, count: int) -> list[str]:
        until(lambda: len(self._texts()) >= count, f"{count} slips")
        return self._texts()

    def _texts(self) -> list[str]:
        if not self._slips.is_dir():
            return []
        return [path.read_text(encoding="utf-8") for path in sorted(self._slips.glob("*.txt"))]

    def _find(self, title: str) -> bool:
        return self._do("search", "--onlyvisible", "--name", title, check=False) == 0

    def _do(self, *words: str, check: bool = True) -> int:
        done = subprocess.run(
            ["xdotool", *words], env=self._environment, check=check, capture_output=True
        )
        return done.returncode


@pytest.fixture(scope="module")
def screen(tmp_path_factory) -> Iterator[Screen]:
    """A virtual screen of the smallest size the till is made for, with a window manager."""
    folder = tmp_path_factory.mktemp("screen")
    read, write = os.pipe()
    size = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(folder)]
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *size, "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        display = f":{pipe.readline().strip()}"
    environment = {**os.environ, "DISPLAY": display}
    (folder / "rc.xml").write_text(NO_FRAMES, encoding="utf-8")
    manager = subprocess.Popen(
        ["openbox", "--config-file", str(folder / "rc.xml")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield Screen(display, folder / "Xvfb_screen0")
    for process in (manager, server):
        process.terminate()
        process.wait(10)


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
