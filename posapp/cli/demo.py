"""`posapp demo`."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import Arguments, Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    demo = commands.add_parser("demo", help="a sample town with real processes, and the till")
    demo.add_argument("--headless", action="store_true", help="sell a scripted day, no window")
    demo.add_argument("--out", type=Path, metavar="DIR", help="where headless writes its results")
    demo.add_argument("--customers", type=int, default=500, metavar="N", help="500 to 100000")
    demo.add_argument("--seed", type=int, default=7, metavar="N", help="another town, same rules")
    demo.set_defaults(run=_demo)


def _demo(arguments: Arguments) -> int:
    from posapp.demo import run

    return run(
        headless=arguments.headless,
        out=arguments.out,
        customers=arguments.customers,
        seed=arguments.seed,
    )
