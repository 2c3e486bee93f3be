"""`posapp module`: the reference security module."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import Arguments, Commands


def add(commands: Commands) -> None:
    """The command and its options."""
    module = commands.add_parser("module", help="the reference security module (test keys only)")
    verbs = module.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a module folder from a key file marked test")
    init.add_argument("--dir", type=Path, required=True)
    init.add_argument("--keys", type=Path, required=True, help="JSON key file, marked test")
    init.set_defaults(run=_init)
    serve = verbs.add_parser("serve", help="answer on a serial line or TCP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", required=True, help="pty:LINK or tcp:HOST:PORT")
    serve.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    serve.set_defaults(run=_serve)


def _init(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.init(arguments.dir, arguments.keys)
    return 0


def _serve(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.serve(arguments.dir, arguments.listen, sta_tables=arguments.sta_tables)
    return 0
