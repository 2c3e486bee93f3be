"""`posapp report NAME`: a day, its ledger, an X or a Z into files."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import SUPPRESS, Arguments, Commands, add_data, day


def add(commands: Commands) -> None:
    """The command and its options."""
    report = commands.add_parser("report", help="a day, its ledger, an X or a Z into files")
    add_data(report, default=SUPPRESS)
    report.add_argument("name", choices=("daily", "ledger", "z", "x"))
    report.add_argument("--date", type=day, metavar="YYYY-MM-DD", help="daily and ledger")
    report.add_argument("--from", dest="first", type=day, metavar="YYYY-MM-DD", help="ledger")
    report.add_argument("--to", dest="last", type=day, metavar="YYYY-MM-DD", help="ledger")
    report.add_argument("--number", type=int, default=0, help="of a Z")
    report.add_argument("--pdf", type=Path, metavar="FILE", help="daily, z, x")
    report.add_argument("--slip", type=Path, metavar="FILE", help="plain text, 48 columns")
    report.add_argument("--csv", type=Path, metavar="FILE", help="daily, ledger")
    report.add_argument("--json", type=Path, metavar="FILE", help="daily")
    report.set_defaults(run=_report)


def _report(arguments: Arguments) -> int:
    from posapp.bootstrap import reports

    wanted = reports.Wanted(arguments.pdf, arguments.slip, arguments.csv, arguments.json)
    if arguments.name == "daily":
        first, _ = reports.dates(arguments.date, None, None)
        reports.daily(arguments.data, first, wanted)
    elif arguments.name == "ledger":
        dates = reports.dates(arguments.date, arguments.first, arguments.last)
        reports.ledger(arguments.data, *dates, wanted)
    elif arguments.name == "z":
        reports.z(arguments.data, arguments.number, wanted)
    else:
        reports.x(arguments.data, wanted)
    return 0
