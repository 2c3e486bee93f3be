"""The virtual screen that the people of these tests look at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.person import HEIGHT, NO_FRAMES, WIDTH, Screen


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
