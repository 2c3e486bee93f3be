"""A till that is really killed inside a slip; the long form is tests/storm/storm_slips.py."""

from __future__ import annotations

from pathlib import Path

from tests.storm.storm_slips import Scene
from tests.virtual_printer import wait_until


def test_a_till_killed_inside_a_slip_loses_none_and_prints_no_second_original(tmp_path: Path):
    scene = Scene(tmp_path, seed=1, speed_mm_s=300)
    try:
        scene.start_till(2)
        wait_until(lambda: scene.printer.status()["printed_mm"] > 30)
        scene.end_till(kill=True)
        scene.start_till(0)
        scene.end_till(kill=False)
        assert scene.findings() == []
        copies = [text for text in scene.printer.texts() if "COPY 1" in text]
        assert len(copies) == 1
    finally:
        scene.close()
