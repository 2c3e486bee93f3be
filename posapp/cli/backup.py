"""Copies of the till's store on a second disk or a stick: `posapp backup`, `posapp restore`."""

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
    restore = commands.add_parser("restore", help="bring a backup back; the till must be closed")
    add_data(restore, default=SUPPRESS)
    restore.add_argument("file", type=Path, help="a file that ends in .backup")
    restore.set_defaults(run=_restore)


def _backup(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    made = backups.backup(arguments.data, arguments.folder)
    print(f"{made.name}: {made.seq} entries, {made.size_bytes} bytes, read back and whole")
    return 0


def _restore(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    done = backups.restore(arguments.data, arguments.file)
    print(f"{done.report.sales} sales up to entry {done.report.head.seq} are back")
    if done.aside is not None:
        print(f"what was there before is kept in {done.aside}")
    print("before it sells again, the till asks the module what was sold since")
    return 0
