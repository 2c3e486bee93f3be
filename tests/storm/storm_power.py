"""Power cuts by the thousand on what a till wrote: 5,000 disks, and the same without waiting.

The seed decides the moments and what each cut takes; a short form is in the ordinary tests.
"""

from __future__ import annotations

import errno
import sys
import tempfile
from pathlib import Path

from tests.power import recording, states

STATES = 5_000
SALES = 120
FAILURES = 120  # calls that fail, one after the other, of each kind


def storm(seed: int, _minutes: float) -> list[str]:
    """Broken promises in plain words; about three minutes, whatever is asked for."""
    if recording.compiler() is None:
        print("  not run: the recorder is built by a C compiler, on Linux", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="posapp-power-") as name:
        folder = Path(name)
        library = recording.build(folder)
        findings = _cuts(library, folder, seed)
        for kind in "ws":
            for number in (errno.EIO, errno.ENOSPC):
                findings += _failures(library, folder, kind, number)
    return findings


def _cuts(library: Path, folder: Path, seed: int) -> list[str]:
    findings = []
    for mode in ("full", "normal"):
        root, log = folder / mode, folder / f"{mode}.log"
        recording.run(library, root, "sell", str(SALES), mode, log=log)
        count = STATES if mode == "full" else STATES // 10
        tally = states.power_cuts(recording.read_log(log, root), count, seed)
        print(f"  {mode}: {tally.states} disks, {len(tally.lost)} of them lost something")
        if mode == "full":
            findings += tally.lost
        elif not tally.lost:
            findings.append("a store that does not wait for its disk lost nothing: nothing is seen")
    return findings


def _failures(library: Path, folder: Path, kind: str, number: int) -> list[str]:
    root = folder / f"fail-{kind}-{number}"
    step = 5 if kind == "w" else 1
    places = ("1", str(1 + FAILURES * step), str(step))
    told = recording.run(library, root, "fail", kind, str(number), *places).splitlines()
    met = [line for line in told if " never " not in line]
    print(f"  {kind} {errno.errorcode[number]}: {len(met)} failures met")
    return [
        f"{kind} {errno.errorcode[number]} at {line}"
        for line in met
        if not line.endswith(" kept") or " unseen " in line
    ]
