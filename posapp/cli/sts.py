"""`posapp sts`: laboratory tools for tokens."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import EXIT_FAILED, Arguments, Commands


def add(commands: Commands) -> None:
    """The command and its verbs."""
    sts = commands.add_parser("sts", help="laboratory tools for tokens (test keys only)")
    verbs = sts.add_subparsers(required=True, metavar="VERB")
    vectors = verbs.add_parser("vectors", help="recompute every vector of a file")
    vectors.add_argument("file", type=Path)
    vectors.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    vectors.set_defaults(run=_vectors)


def _vectors(arguments: Arguments) -> int:
    from posapp.sts import vectors

    report = vectors.run(arguments.file, arguments.sta_tables)
    for line in report.lines:
        print(line)
    return EXIT_FAILED if report.failed else 0
