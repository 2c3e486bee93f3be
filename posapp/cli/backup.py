"""Copies of the till's store on a second disk or a stick: `posapp backup`, `posapp restore`."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import SUPPRESS, Arguments, Commands, add_data, ask_secret


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
    told = "with the code on the recovery paper, which is asked for"
    restore.add_argument("--recovery", action="store_true", help=told)
    told = "where a folder without settings keeps its key"
    restore.add_argument("--key", choices=("keyring", "keyfile"), help=told)
    restore.set_defaults(run=_restore)
    recovery = commands.add_parser("recovery", help="the paper that opens the store's key")
    verbs = recovery.add_subparsers(required=True, metavar="VERB")
    paper = verbs.add_parser("paper", help="a new code for the safe; an older paper is void")
    add_data(paper, default=SUPPRESS)
    paper.set_defaults(run=_paper)
    key = verbs.add_parser("key", help="bring the key back into the keystore; asks for the code")
    add_data(key, default=SUPPRESS)
    key.set_defaults(run=_key)


def _backup(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    made = backups.backup(arguments.data, arguments.folder)
    print(f"{made.name}: {made.seq} entries, {made.size_bytes} bytes, read back and whole")
    return 0


def _restore(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    code = ask_secret("Recovery code: ") if arguments.recovery else ""
    done = backups.restore(arguments.data, arguments.file, code, arguments.key)
    print(f"{done.report.sales} sales up to entry {done.report.head.seq} are back")
    if done.aside is not None:
        print(f"what was there before is kept in {done.aside}")
    print("before it sells again, the till asks the module what was sold since")
    return 0


def _paper(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    print(backups.recovery_paper(arguments.data))
    print("write it down now, and keep it in the safe: it is shown once")
    return 0


def _key(arguments: Arguments) -> int:
    from posapp.bootstrap import backups

    backups.recover_key(arguments.data, ask_secret("Recovery code: "))
    print("the keystore has the store's key again")
    return 0
