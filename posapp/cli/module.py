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
    init.add_argument("--trust", type=Path, metavar="FILE", help="whose documents it believes")
    init.set_defaults(run=_init)
    serve = verbs.add_parser("serve", help="answer on a serial line or TCP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", required=True, help="pty:LINK, unix:PATH, tcp:HOST:PORT")
    serve.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    serve.add_argument(
        "--paired-only",
        action="store_true",
        help="answer nobody in the clear; then any tcp: address",
    )
    serve.set_defaults(run=_serve)
    change = verbs.add_parser("key-change", help="new keys for a list of meters (CSV), audited")
    change.add_argument("--dir", type=Path, required=True)
    change.add_argument("--meters", type=Path, required=True, metavar="FILE")
    change.add_argument("--out", type=Path, required=True, metavar="FILE")
    change.add_argument("--to-sgc", metavar="CODE", help="default: unchanged")
    change.add_argument("--to-krn", type=int, metavar="N", help="default: unchanged")
    change.add_argument("--to-ti", metavar="NN", help="default: unchanged")
    change.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    change.set_defaults(run=_key_change)
    pair = verbs.add_parser("pair", help="show a code with which a till pairs with this module")
    pair.add_argument("--dir", type=Path, required=True)
    pair.set_defaults(run=_pair)
    unpair = verbs.add_parser("unpair", help="forget a till; without --till list those paired")
    unpair.add_argument("--dir", type=Path, required=True)
    unpair.add_argument("--till", default="", metavar="NAME")
    unpair.set_defaults(run=_unpair)


def _init(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.init(arguments.dir, arguments.keys, arguments.trust)
    return 0


def _serve(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.serve(
        arguments.dir,
        arguments.listen,
        sta_tables=arguments.sta_tables,
        paired_only=arguments.paired_only,
    )
    return 0


def _key_change(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    to = arguments.to_sgc, arguments.to_krn, arguments.to_ti
    run = module.change_keys(
        arguments.dir, arguments.meters, arguments.out, to, arguments.sta_tables
    )
    report = run.report
    print(f"{report.rows} meters, {run.tokens} tokens, {report.refused} refused")
    for code, count in report.problems.items():
        print(f"  {code} {count}")
    return 0


def _pair(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    print(module.pair(arguments.dir))
    return 0


def _unpair(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    print(module.unpair(arguments.dir, arguments.till))
    return 0
