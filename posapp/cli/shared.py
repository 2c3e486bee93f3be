"""What several commands use: their types, exit statuses, the till's folder, a PIN, a day."""

from __future__ import annotations

import argparse
import sys
from argparse import SUPPRESS as SUPPRESS
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

Arguments = argparse.Namespace
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

EXIT_FAILED = 1  # a check did not hold
EXIT_REFUSED = 2  # the world was not as it must be; one sentence says how
EXIT_CRASHED = 3  # a mistake of ours; a crash file holds the rest
EXIT_STOPPED = 130  # Ctrl+C, as shells count it


def add_data(parser: argparse.ArgumentParser, **options: Any) -> None:
    """The option that names the till's folder, None for the user's own.

    A command that has it too takes `default=SUPPRESS`, or it would forget what stood before it.
    """
    told = "the till's folder (default: the user's own)"
    parser.add_argument("--data", type=Path, metavar="DIR", help=told, **options)


def day(text: str) -> date:
    """A date like 2026-11-20."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-11-20") from None


def ask_pin() -> str:
    """A PIN from the keyboard without echo, or the first line of a pipe."""
    return ask_secret("PIN: ").strip()


def ask_secret(prompt: str) -> str:
    """What is typed after `prompt` without echo, or the next line of a pipe."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")
