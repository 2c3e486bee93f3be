"""`posapp module`: the reference security module."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import Arguments, Commands, ask_pin, ask_secret
from posapp.clock import from_epoch_ms


def add(commands: Commands) -> None:
    """The command and its options."""
    module = commands.add_parser("module", help="the reference security module (test keys only)")
    verbs = module.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a module folder from a key file marked test")
    init.add_argument("--dir", type=Path, required=True)
    init.add_argument(
        "--keys", type=Path, help="JSON key file, marked test; may be left out with --trust"
    )
    init.add_argument("--trust", type=Path, metavar="FILE", help="whose documents it believes")
    init.add_argument(
        "--supervisor",
        metavar="NAME",
        help="the first operator, number 1, whose PIN is asked for; the module then starts closed",
    )
    init.set_defaults(run=_init)
    serve = verbs.add_parser("serve", help="answer on a serial line or TCP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", required=True, help="pty:LINK, unix:PATH, tcp:HOST:PORT")
    serve.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    serve.add_argument(
        "--new-sta-tables", action="store_true", help="others than this module began with"
    )
    clear = serve.add_mutually_exclusive_group()
    clear.add_argument(
        "--paired-only",
        action="store_true",
        help="a laboratory's module too answers nobody in the clear; then any tcp: address",
    )
    clear.add_argument(
        "--in-clear",
        action="store_true",
        help="for tests: a module with limits or operators answers anybody until it is paired",
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
    change.add_argument(
        "--as",
        type=int,
        default=0,
        dest="operator",
        metavar="NUMBER",
        help="sign this operator in, where there are any; the PIN is asked for",
    )
    change.set_defaults(run=_key_change)
    pair = verbs.add_parser("pair", help="show a code with which a till pairs with this module")
    pair.add_argument("--dir", type=Path, required=True)
    pair.set_defaults(run=_pair)
    unpair = verbs.add_parser("unpair", help="forget a till; without --till list those paired")
    unpair.add_argument("--dir", type=Path, required=True)
    unpair.add_argument("--till", default="", metavar="NAME")
    unpair.set_defaults(run=_unpair)
    _add_operators(verbs)
    _add_errands(verbs)


def _add_errands(verbs: Commands) -> None:
    """What head office sends to a running module, and wants from it, as files."""
    for verb, told in (
        ("authorise", "hand a running module head office's authorisation"),
        ("acknowledge", "hand it head office's word on its audit"),
        ("load-keys", "hand it a key file of `headoffice keys export`"),
        ("set-time", "hand it head office's word of the time"),
        ("self-test", "let it try out its ciphers, keys, store and audit"),
        ("audit", "write its audit to a file for head office"),
    ):
        errand = verbs.add_parser(verb, help=told)
        errand.add_argument("--address", required=True, help="as a till has it: serial:PORT ...")
        errand.add_argument(
            "--dir", type=Path, help="its folder, for a module that answers paired tills only"
        )
        errand.add_argument(
            "--as",
            type=int,
            default=0,
            dest="operator",
            metavar="NUMBER",
            help="sign this operator in first; the PIN is asked for",
        )
        if verb == "audit":
            errand.add_argument("--out", type=Path, required=True, metavar="FILE")
        elif verb != "self-test":
            errand.add_argument("file", type=Path, metavar="FILE")
        errand.set_defaults(run=_errand, verb=verb)


def _add_operators(verbs: Commands) -> None:
    people = verbs.add_parser("operators", help="who may work with a module that is not served now")
    people.add_argument("--dir", type=Path, required=True)
    people.add_argument(
        "--as", type=int, default=1, dest="supervisor", metavar="NUMBER", help="yourself; 1"
    )
    people.set_defaults(run=_operators)
    dos = people.add_subparsers(dest="do", required=True, metavar="DO")
    dos.add_parser("list", help="everybody, with the tries left")
    for do, told in (
        ("add", "a new person; the PIN is asked for"),
        ("pin", "another PIN"),
        ("role", "another role, and with it another PIN"),
        ("unblock", "five more tries with the same PIN"),
        ("remove", "this person no longer works here"),
    ):
        verb = dos.add_parser(do, help=told)
        verb.add_argument("number", type=int)
        if do == "add":
            verb.add_argument("name")
        if do in ("add", "role"):
            verb.add_argument("role", choices=("vendor", "clerk", "supervisor", "technician"))


def _init(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    name = arguments.supervisor
    pin = "" if name is None else ask_pin()
    module.init(arguments.dir, arguments.keys, arguments.trust, supervisor=name, pin=pin)
    return 0


def _operators(arguments: Arguments) -> int:
    from posapp.bootstrap import module_people

    pin = ask_secret("Supervisor's PIN: ").strip()
    new = ask_secret("New PIN: ").strip() if arguments.do in ("add", "pin", "role") else ""
    given = {
        name: getattr(arguments, name) for name in ("number", "name", "role") if name in arguments
    }
    wanted = module_people.Change(arguments.do, pin=new, **given)
    print(module_people.change(arguments.dir, arguments.supervisor, pin, wanted))
    return 0


def _serve(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.serve(
        arguments.dir,
        arguments.listen,
        sta_tables=arguments.sta_tables,
        new_tables=arguments.new_sta_tables,
        paired_only=arguments.paired_only,
        in_clear=arguments.in_clear,
    )
    return 0


def _key_change(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    to = arguments.to_sgc, arguments.to_krn, arguments.to_ti
    run = module.change_keys(
        arguments.dir,
        arguments.meters,
        arguments.out,
        to,
        arguments.sta_tables,
        operator=arguments.operator,
        pin=ask_pin() if arguments.operator else "",
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


def _errand(arguments: Arguments) -> int:
    from posapp.bootstrap import module_errand
    from posapp.bootstrap.module_errand import Errand

    pin = ask_pin() if arguments.operator else ""
    errand = Errand(arguments.address, arguments.dir, arguments.operator, pin)
    if arguments.verb == "authorise":
        number = module_errand.authorise(errand, arguments.file)
        print(f"The module has authorisation {number}.")
    elif arguments.verb == "acknowledge":
        number = module_errand.acknowledge(errand, arguments.file)
        print(f"Entries up to {number} are acknowledged.")
    elif arguments.verb == "set-time":
        moment = from_epoch_ms(module_errand.set_time(errand, arguments.file))
        print(f"The module knows that it is after {moment:%Y-%m-%d %H:%M} UTC.")
    elif arguments.verb == "self-test":
        number = module_errand.self_test(errand)
        print(f"The module found no fault in itself; its audit has {number} entries.")
    elif arguments.verb == "load-keys":
        number = module_errand.load_keys(errand, arguments.file)
        print(f"The module has {number} vending keys.")
    else:
        count = module_errand.fetch_audit(errand, arguments.out)
        print(f"{count} entries are in {arguments.out}.")
    return 0
