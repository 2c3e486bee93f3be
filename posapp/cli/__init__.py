"""Arguments to one command. Nothing heavy is imported before it is known which.

Each file here is a noun with its verbs; the work is done in `posapp.bootstrap` or `posapp.demo`.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from posapp import __version__
from posapp.cli import backup, checks, demo, headoffice, module, person, printer, report, sts, till
from posapp.cli.shared import (
    EXIT_CRASHED,
    EXIT_REFUSED,
    EXIT_STOPPED,
    Arguments,
    add_data,
)
from posapp.errors import PosError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Problems end as one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):  # a console of Windows knows few letters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    run: Callable[[Arguments], int] = arguments.run
    try:
        return run(arguments)
    except PosError as error:
        from posapp.ui.messages import english

        print(english(error).line, file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_STOPPED
    except BrokenPipeError:  # whoever read our output has gone
        return EXIT_REFUSED
    except Exception as error:  # nobody at a counter can read a traceback
        from posapp import log, paths
        from posapp.clock import SystemClock

        folder = getattr(arguments, "data", None) or paths.data_folder()
        where = log.write_crash(folder / "crash", error, SystemClock().now())
        print(_unexpected(where), file=sys.stderr)
        return EXIT_CRASHED


def _unexpected(where: Path | None) -> str:
    kept = f" What happened is kept in {where}." if where else ""
    return (
        "The program stopped at something it did not expect. What was stored before is safe, "
        f"and an open sale is finished at the next start.{kept}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="posapp", description="A till for prepaid electricity.")
    parser.add_argument("--version", action="version", version=f"posapp {__version__}")
    add_data(parser)
    parser.set_defaults(run=till.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for noun in (demo, module, headoffice, printer, till, person, backup, sts, checks, report):
        noun.add(commands)
    return parser
