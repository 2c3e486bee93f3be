"""Someone at the till: types, presses, and sees pixels and paper; knows nothing of the program."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

NEEDED = ("Xvfb", "xdotool", "openbox")
NEEDS_A_SCREEN = pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED),
    reason="needs a virtual screen: Xvfb, xdotool, openbox",
)
LIMIT_S = 30.0
WIDTH, HEIGHT = 1024, 768
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

    def sees_colour(self, region: Region, colour: str) -> None:
        """Wait until a state's colour (#RRGGBB) is in that part of the screen."""
        pixel = bytes.fromhex(colour.removeprefix("#"))[::-1]

        def is_there() -> bool:
            data = self._screen.look(region)
            return any(data[at : at + 3] == pixel for at in range(0, len(data), 4))

        until(is_there, f"the colour {colour}")

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
