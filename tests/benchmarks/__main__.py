"""Run the benchmarks and print each one's ratio to its limit.

Every bench_<file>.py in this folder is found; its functions `bench_<name>() -> list[Row]` are
run. NAME picks files or functions by part of their name.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.row import Row

Bench = Callable[[], list[Row]]
HERE = Path(__file__).resolve().parent


def discover(folder: Path = HERE, package: str = "tests.benchmarks") -> dict[str, Bench]:
    """Every benchmark by its name `<file>.<function>`, without the `bench_`, sorted."""
    found: dict[str, Bench] = {}
    for path in sorted(folder.glob("bench_*.py")):
        module = importlib.import_module(f"{package}.{path.stem}")
        for name, value in sorted(vars(module).items()):
            if name.startswith("bench_") and callable(value):
                own = f"{path.stem.removeprefix('bench_')}.{name.removeprefix('bench_')}"
                found[own] = value
    return found


def table(rows: list[Row]) -> str:
    """The rows as aligned text, one line each."""
    width = max([len(row.name) for row in rows], default=4)
    lines = [f"{'what':<{width}}  {'ours':>12}  {'limit':>12}  {'ratio':>7}  {'target':>7}"]
    for row in rows:
        lines.append(
            f"{row.name:<{width}}  {_figure(row.ours, row.unit):>12}  "
            f"{_figure(row.limit, row.unit):>12}  {row.ratio:>6.2f}x  "
            f"{'<=' + format(row.target_ratio, 'g') + 'x':>7}  {'ok' if row.ok else 'TOO SLOW'}"
        )
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 10 else 3
    return f"{value:.{digits}f} {unit}"


def as_json(rows: list[Row]) -> str:
    """The rows with the versions they were measured on."""
    return json.dumps(
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "rows": [
                {
                    "name": row.name,
                    "ours": row.ours,
                    "limit": row.limit,
                    "unit": row.unit,
                    "ratio": row.ratio,
                    "target_ratio": row.target_ratio,
                    "ok": row.ok,
                }
                for row in rows
            ],
        },
        indent=2,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 when a row misses its target, 2 when a name fits nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a benchmark's name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    options = parser.parse_args(arguments)
    benches = discover()
    for wanted in options.names:
        if not any(wanted in name for name in benches):
            print(f"No benchmark is called {wanted}. There are: {', '.join(benches)}")
            return 2
    chosen = {
        name: bench
        for name, bench in benches.items()
        if not options.names or any(wanted in name for wanted in options.names)
    }
    if options.list:
        print("\n".join(chosen))
        return 0
    rows: list[Row] = []
    for name, bench in chosen.items():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows.extend(bench())
    print(table(rows))
    if options.json is not None:
        options.json.write_text(as_json(rows) + "\n", encoding="utf-8")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
