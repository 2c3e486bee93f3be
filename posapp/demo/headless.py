"""A day without a window: sell, examine, write it all down, say what held."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from posapp import config
from posapp.bootstrap.till import build
from posapp.demo import checks, module_checks, special_checks, summary
from posapp.demo.day import Script
from posapp.demo.stage import Stage
from posapp.services.till import Till


def _pictures(stage: Stage, till: Till, folder: Path) -> None:
    from posapp.ui import shots  # Qt is loaded late: the day itself needs no screen

    shots.take(till, config.load(stage.till_folder), folder)


def sell_a_day(stage: Stage, out: Path, seed: int) -> int:
    """0 when every check is ok, else 1. Writes into `out`, which is made."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    out.mkdir(parents=True, exist_ok=True)
    till = build(config.load(stage.till_folder))
    try:
        day = Script(stage, till, seed).play(lambda: _pictures(stage, till, out / "screens"))
        found = checks.examine(stage, till, day)
        found.checks.extend(special_checks.examine(stage, till, day, found))
        summary.write_files(stage, till, day, out)
        content = summary.summary(till, day, found, seed)
        with tempfile.TemporaryDirectory() as after:
            _pictures(stage, till, Path(after))
            for path in Path(after).glob("day-*.png"):  # the day is whole once its shift is closed
                shutil.copy(path, out / "screens" / path.name)
    finally:
        till.close()
    asked = module_checks.ask(stage)
    content["module"] = module_checks.summary(day, asked)
    every = [
        *found.checks,
        *module_checks.examine(stage, day, found.sales, asked),
        *checks.examine_files(stage),
    ]
    ok = summary.write_summary(out, content, every)
    for check in every:
        print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}  {check.detail}".rstrip())
    print(f"{len(found.sales)} sales; {out / 'summary.json'}")
    return 0 if ok else 1
