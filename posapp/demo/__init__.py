"""`posapp demo`: a sample town with real processes around a real till.

`town` makes it, `stage` starts it, `day` sells in it, `checks` compares, `summary` writes.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

DEFAULT_OUT = Path("demo-out")


def run(*, headless: bool, out: Path | None, customers: int, seed: int) -> int:
    """Open the town's till, or sell a scripted day without a window; the exit status.

    Without a display it goes headless by itself. Raises PosError when a part does not start.
    """
    if not headless and not _display():
        print("There is no display here: the demo sells a day without its window.")
        headless = True
    with tempfile.TemporaryDirectory(prefix="posapp-demo-") as folder:
        from posapp.demo.stage import Stage

        stage = Stage(Path(folder), customers=customers, seed=seed)
        # Asked to end, it ends as with Ctrl+C: the town's processes are not left behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            stage.start()
            if headless:
                from posapp.demo.headless import sell_a_day

                return sell_a_day(stage, out or DEFAULT_OUT, seed)
            return _window(stage)
        finally:
            stage.stop()


def _display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _window(stage: object) -> int:
    from posapp.bootstrap import window
    from posapp.demo.panel import page_of
    from posapp.demo.stage import Stage
    from posapp.demo.town import STAFF

    assert isinstance(stage, Stage)
    print("People of this till and their PINs:")
    for person in STAFF:
        print(f"  {person.name:16} {person.role:11} {person.pin}")
    print("Some customers (more in the search box):")
    for meter, customer in zip(stage.town.meters[:5], stage.town.customers[:5], strict=True):
        print(f"  {meter.meter:13} {customer[1]}")
    town = stage.town
    for meter, what in (
        (town.old_meter, "an old meter that must get a new key first"),
        (town.pending_meter, "gets another key with its next sale"),
        (town.indebted_meter, "owes for water and rent: a part of each payment goes there"),
        (town.entitled_meter, "has free units each month"),
    ):
        print(f"  {meter.meter:13} {what}")
    print("The page Demo pulls the module's cable, and more.")
    print(f"Slips are printed to {stage.slips}; all of the town is gone when the window closes.")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, _close_window)
    return window.run(stage.till_folder, page_of(stage))


def _close_window(_number: int, _frame: object) -> None:
    from PySide6.QtCore import QCoreApplication  # loaded with the window

    if QCoreApplication.instance() is None:
        raise KeyboardInterrupt
    QCoreApplication.quit()
