"""Arguments to one command. Nothing heavy is imported before it is known which.

Every command is a row of `_COMMANDS`; its work is done in `posapp.bootstrap` or `posapp.demo`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from posapp import __version__
from posapp.errors import PosError

Arguments = argparse.Namespace
EXIT_REFUSED = 2  # the world was not as it must be; one sentence says how
EXIT_FAILED = 1  # a check did not hold
EXIT_CRASHED = 3  # a mistake of ours; a crash file holds the rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Problems end as one sentence on standard error."""
    arguments = _parser().parse_args(argv)
    run: Callable[[Arguments], int] = arguments.run
    try:
        return run(arguments)
    except PosError as error:
        from posapp.ui.messages import english

        print(english(error).line, file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return 130
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
    _data(parser)
    parser.set_defaults(run=_till)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (_add_demo, _add_module, _add_headoffice, _add_printer, _add_till, _add_checks):
        add(commands)
    return parser


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="the till's folder (default: the user's own)"
    )


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="a sample town with real processes, and the till")
    demo.add_argument("--headless", action="store_true", help="sell a scripted day, no window")
    demo.add_argument("--out", type=Path, metavar="DIR", help="where headless writes its results")
    demo.add_argument("--customers", type=int, default=500, metavar="N", help="500 to 100000")
    demo.add_argument("--seed", type=int, default=7, metavar="N", help="another town, same rules")
    demo.set_defaults(run=_demo)


def _add_module(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    module = commands.add_parser("module", help="the reference security module (test keys only)")
    verbs = module.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a module folder from a key file marked test")
    init.add_argument("--dir", type=Path, required=True)
    init.add_argument("--keys", type=Path, required=True, help="JSON key file, marked test")
    init.set_defaults(run=_module_init)
    serve = verbs.add_parser("serve", help="answer on a serial line or TCP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", required=True, help="pty:LINK or tcp:HOST:PORT")
    serve.set_defaults(run=_module_serve)


def _add_headoffice(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    office = commands.add_parser("headoffice", help="head office: customers down, sales up")
    verbs = office.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a head office folder with its own keys")
    init.add_argument("--dir", type=Path, required=True)
    init.add_argument("--utility", required=True)
    init.add_argument("--zone", default="Africa/Nairobi", help="IANA time zone of its shops")
    init.add_argument("--currency", default="KES", help="ISO 4217")
    init.add_argument("--tax-number", default="", help="the utility's VAT number, on receipts")
    init.add_argument("--help-line", default="", help="a number for customers, on receipts")
    init.set_defaults(run=_office_init)
    serve = verbs.add_parser("serve", help="answer tills over HTTP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", default="127.0.0.1:8080", help="HOST:PORT")
    serve.set_defaults(run=_office_serve)
    load = verbs.add_parser("import", help="load a utility's own CSV files and tariff packs")
    load.add_argument("--dir", type=Path, required=True)
    load.add_argument("files", type=Path, nargs="+", help="customers.csv meters.csv *.toml")
    load.set_defaults(run=_office_import)
    enrol = verbs.add_parser("enrol", help="make a one-time code that enrols one till")
    enrol.add_argument("--dir", type=Path, required=True)
    enrol.add_argument("--till", required=True, help="four letters or digits, printed on receipts")
    enrol.add_argument("--name", default="", help="what the shop calls it (Till 3)")
    enrol.add_argument("--vendor", default="", help="name of the shop")
    enrol.add_argument("--address", default="", help="address of the shop")
    enrol.add_argument("--float", default="100000.00", metavar="AMOUNT", help="what it may sell")
    enrol.set_defaults(run=_office_enrol)
    operator = verbs.add_parser("operator", help="add a person who may sign in, or change one")
    operator.add_argument("--dir", type=Path, required=True)
    who = operator.add_mutually_exclusive_group(required=True)
    who.add_argument("--name", help="of a new person, who gets the next number")
    who.add_argument("--number", type=int, metavar="N", help="of a person who is there already")
    operator.add_argument("--role", default="vendor", choices=("vendor", "clerk", "supervisor"))
    change = operator.add_mutually_exclusive_group()
    change.add_argument("--pin", action="store_true", help="ask for a new PIN for number N")
    change.add_argument("--remove", action="store_true", help="number N has left")
    operator.set_defaults(run=_office_operator, misuse=operator.error)


def _add_printer(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    printer = commands.add_parser(
        "printer", help="a virtual ESC/POS printer that runs out of paper"
    )
    verbs = printer.add_subparsers(required=True, metavar="VERB")
    serve = verbs.add_parser("serve", help="print to pictures until stopped")
    serve.add_argument("--listen", default="tcp:127.0.0.1:9100", help="tcp:HOST:PORT or pty:LINK")
    serve.add_argument("--out", type=Path, help="folder for slips as .bin, .png and .txt")
    serve.add_argument("--paper-mm", type=int, default=50_000, help="paper on the roll")
    serve.add_argument("--control", metavar="HOST:PORT", help="line to pull cables and open covers")
    serve.set_defaults(run=_printer_serve)


def _add_till(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enrol = commands.add_parser("enrol", help="make this machine a till of a head office")
    _data(enrol)
    enrol.add_argument("--url", required=True, help="head office, http://HOST:PORT")
    enrol.add_argument("--code", required=True, help="the one-time code")
    enrol.add_argument("--module", default="", help="serial:PORT or tcp:HOST:PORT")
    enrol.add_argument("--printer", default="none", help="tcp:HOST:PORT, serial:PORT or none")
    enrol.add_argument("--key", default="keyring", choices=("keyring", "keyfile"))
    enrol.set_defaults(run=_enrol)
    sell = commands.add_parser("sell", help="one sale without the window; asks for the PIN")
    _data(sell)
    sell.add_argument("meter")
    sell.add_argument("amount", help="in the site's currency, for example 500 or 500.00")
    sell.add_argument("--operator", type=int, required=True, help="number of the person")
    sell.set_defaults(run=_sell)
    report = commands.add_parser("report", help="a day's sales as PDF or slip")
    _data(report)
    report.add_argument("name", choices=("daily",))
    report.add_argument("--date", type=_day, required=True, metavar="YYYY-MM-DD")
    report.add_argument("--pdf", type=Path, metavar="FILE")
    report.add_argument("--slip", type=Path, metavar="FILE", help="plain text, 48 columns")
    report.set_defaults(run=_report)


def _add_checks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sts = commands.add_parser("sts", help="laboratory tools for tokens (test keys only)")
    verbs = sts.add_subparsers(required=True, metavar="VERB")
    vectors = verbs.add_parser("vectors", help="recompute every vector of a file")
    vectors.add_argument("file", type=Path)
    vectors.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    vectors.set_defaults(run=_sts_vectors)
    tariff = commands.add_parser("tariff", help="tariff packs")
    verbs = tariff.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="load a pack and run its own published examples")
    check.add_argument("pack", type=Path)
    check.set_defaults(run=_tariff_check)
    journal = commands.add_parser("journal", help="the till's journal")
    verbs = journal.add_subparsers(required=True, metavar="VERB")
    verify = verbs.add_parser("verify", help="find the first link that does not hold")
    verify.add_argument("store", type=Path, help="a till's folder")
    verify.set_defaults(run=_journal_verify)
    rebuild = verbs.add_parser("rebuild", help="rebuild the projections and compare")
    rebuild.add_argument("--check", action="store_true", required=True)
    rebuild.add_argument("store", type=Path, help="a till's folder")
    rebuild.set_defaults(run=_journal_rebuild)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-11-20") from None


def _till(arguments: Arguments) -> int:
    from posapp.bootstrap import window

    return window.run(arguments.data)


def _demo(arguments: Arguments) -> int:
    from posapp.demo import run

    return run(
        headless=arguments.headless,
        out=arguments.out,
        customers=arguments.customers,
        seed=arguments.seed,
    )


def _module_init(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.init(arguments.dir, arguments.keys)
    return 0


def _module_serve(arguments: Arguments) -> int:
    from posapp.bootstrap import module

    module.serve(arguments.dir, arguments.listen)
    return 0


def _office_init(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    headoffice.init(
        arguments.dir,
        utility=arguments.utility,
        zone=arguments.zone,
        currency_code=arguments.currency,
        tax_number=arguments.tax_number,
        help_line=arguments.help_line,
    )
    return 0


def _office_serve(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    headoffice.serve(arguments.dir, arguments.listen)
    return 0


def _office_import(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice
    from posapp.ui.messages import english

    report = headoffice.import_files(arguments.dir, arguments.files)
    print(report.text(lambda error: f"{english(error).what} [{error.code}]"))
    return EXIT_FAILED if report.bad_rows else 0


def _office_enrol(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    print(
        headoffice.enrol(
            arguments.dir,
            arguments.till,
            till_name=arguments.name or f"Till {arguments.till}",
            vendor=arguments.vendor,
            vendor_address=arguments.address,
            float_text=arguments.float,
        )
    )
    return 0


def _office_operator(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    number, changes = arguments.number, arguments.pin or arguments.remove
    if (number is not None) != changes:
        arguments.misuse("--number N goes with one of --pin and --remove; --name with neither")
    if arguments.remove:
        print(f"{headoffice.remove_operator(arguments.dir, number)} ({number}) is removed")
    elif arguments.pin:
        print(f"{headoffice.set_pin(arguments.dir, number, _pin())} ({number}) has a new PIN")
    else:
        number = headoffice.add_operator(arguments.dir, arguments.name, arguments.role, _pin())
        print(f"{arguments.name} is operator {number}")
    return 0


def _printer_serve(arguments: Arguments) -> int:
    from posapp.bootstrap import printer

    printer.serve(
        arguments.listen,
        out=arguments.out,
        paper_mm=arguments.paper_mm,
        control=arguments.control,
    )
    return 0


def _enrol(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    site = till.enrol(
        arguments.data,
        url=arguments.url,
        code=arguments.code,
        module_address=arguments.module,
        printer_address=arguments.printer,
        key_source=arguments.key,
    )
    print(f"{site.till_name} is a till of {site.utility}")
    return 0


def _sell(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    print(
        till.sell_once(
            arguments.data, arguments.meter, arguments.amount, arguments.operator, _pin()
        )
    )
    return 0


def _report(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    till.write_report(arguments.data, arguments.date, arguments.pdf, arguments.slip)
    return 0


def _sts_vectors(arguments: Arguments) -> int:
    from posapp.sts import vectors

    report = vectors.run(arguments.file, arguments.sta_tables)
    for line in report.lines:
        print(line)
    return EXIT_FAILED if report.failed else 0


def _tariff_check(arguments: Arguments) -> int:
    from posapp.pricing import check

    report = check.run(arguments.pack)
    for line in report.lines:
        print(line)
    return EXIT_FAILED if report.failed else 0


def _journal_verify(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    verdict = till.verify_journal(arguments.store)
    if verdict.broken_seq is None:
        print(f"{verdict.head.seq} entries hold; head {verdict.head.code}")
        return 0
    print(f"entry {verdict.broken_seq} does not hold ({verdict.reason})")
    return EXIT_FAILED


def _journal_rebuild(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    differences = till.check_rebuild(arguments.store)
    for line in differences:
        print(line)
    print("the projections are what the journal says" if not differences else "they differ")
    return EXIT_FAILED if differences else 0


def _pin() -> str:
    """A PIN from the keyboard without echo, or the first line of a pipe."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("PIN: ")
    return sys.stdin.readline().strip()
