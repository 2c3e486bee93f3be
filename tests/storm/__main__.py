"""Run the long fault storms one after the other.

Every storm_<name>.py in this folder defines `storm(seed: int, minutes: float) -> list[str]`;
what it returns are the promises that were broken, in plain words. Nothing means it held.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

Storm = Callable[[int, float], list[str]]
HERE = Path(__file__).resolve().parent


def discover(folder: Path = HERE, package: str = "tests.storm") -> dict[str, Storm]:
    """Every storm by its name, sorted."""
    return {
        path.stem.removeprefix("storm_"): importlib.import_module(f"{package}.{path.stem}").storm
        for path in sorted(folder.glob("storm_*.py"))
    }


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 when a promise was broken, 2 when a name fits nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a storm's name")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each storm (10)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same storm (1)")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    options = parser.parse_args(arguments)
    storms = discover()
    for wanted in options.names:
        if not any(wanted in name for name in storms):
            print(f"No storm is called {wanted}. There are: {', '.join(storms) or 'none yet'}")
            return 2
    broken = 0
    for name, storm in storms.items():
        if options.names and not any(wanted in name for wanted in options.names):
            continue
        if options.list:
            print(name)
            continue
        print(f"storm {name}, seed {options.seed} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        findings = storm(options.seed, options.minutes)
        took_s = time.monotonic() - started
        broken += len(findings)
        print(f"{name}: {'held' if not findings else 'BROKEN'} after {took_s:.0f} s")
        for finding in findings:
            print(f"  {finding}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
