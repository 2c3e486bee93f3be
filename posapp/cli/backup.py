"""Copies of the till's store on a second disk or a stick: `posapp backup`."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import SUPPRESS, Arguments, Commands, add_data


def add(commands: Commands) -> None:
    """The commands and their options."""
    backup = commands.add_parser("backup", help="copy the till's store and read the copy back")
    add_data(backup, default=SUPPRESS)
    told = "of a second disk or a stick (default: [backup] folder in till.toml)"
    backup.add_argument("--folder", type=Path, metavar="DIR", help=told)
    backup.set_defaults(run=_backup)


def _backup(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    made = backups.backup(arguments.data, arguments.folder)
    print(f"{made.name}: {made.seq} entries, {made.size_bytes} bytes, read back and whole")
    return 0
