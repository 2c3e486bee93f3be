"""`posapp printer`: the virtual ESC/POS printer."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import Arguments, Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    printer = commands.add_parser(
        "printer", help="a virtual ESC/POS printer that runs out of paper"
    )
    verbs = printer.add_subparsers(required=True, metavar="VERB")
    serve = verbs.add_parser("serve", help="print to pictures until stopped")
    serve.add_argument("--listen", default="tcp:127.0.0.1:9100", help="tcp:HOST:PORT or pty:LINK")
    serve.add_argument("--out", type=Path, help="folder for slips as .bin, .png and .txt")
    serve.add_argument("--paper-mm", type=int, default=50_000, help="paper on the roll")
    serve.add_argument("--control", metavar="HOST:PORT", help="line to pull cables and open covers")
    serve.set_defaults(run=_serve)


def _serve(arguments: Arguments) -> int:
    from posapp.bootstrap import printer

    printer.serve(
        arguments.listen,
        out=arguments.out,
        paper_mm=arguments.paper_mm,
        control=arguments.control,
    )
    return 0
