"""`posapp headoffice`: customers, tariffs, people and leases down, sales up."""

from __future__ import annotations

from pathlib import Path

from posapp.cli import ceremony
from posapp.cli.shared import EXIT_FAILED, Arguments, Commands, ask_pin

ROLES = ("vendor", "clerk", "supervisor", "technician", "auditor")


def add(commands: Commands) -> None:
    """The command and its options."""
    office = commands.add_parser("headoffice", help="head office: customers down, sales up")
    verbs = office.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make a head office folder with its own keys")
    init.add_argument("--dir", type=Path, required=True)
    init.add_argument("--utility", required=True)
    init.add_argument("--zone", default="Africa/Nairobi", help="IANA time zone of its shops")
    init.add_argument("--currency", default="KES", help="ISO 4217")
    init.add_argument("--tax-number", default="", help="the utility's VAT number, on receipts")
    init.add_argument("--help-line", default="", help="a number for customers, on receipts")
    init.set_defaults(run=_init)
    serve = verbs.add_parser("serve", help="answer tills over HTTP until stopped")
    serve.add_argument("--dir", type=Path, required=True)
    serve.add_argument("--listen", default="127.0.0.1:8080", help="HOST:PORT")
    serve.set_defaults(run=_serve)
    load = verbs.add_parser("import", help="load a utility's own CSV files and tariff packs")
    load.add_argument("--dir", type=Path, required=True)
    load.add_argument("files", type=Path, nargs="+", help="customers.csv meters.csv *.toml")
    load.set_defaults(run=_import)
    enrol = verbs.add_parser("enrol", help="make a one-time code that enrols one till")
    enrol.add_argument("--dir", type=Path, required=True)
    enrol.add_argument("--till", required=True, help="four letters or digits, printed on receipts")
    enrol.add_argument("--name", default="", help="what the shop calls it (Till 3)")
    enrol.add_argument("--vendor", default="", help="name of the shop")
    enrol.add_argument("--address", default="", help="address of the shop")
    enrol.add_argument("--float", default="100000.00", metavar="AMOUNT", help="what it may sell")
    enrol.set_defaults(run=_enrol)
    operator = verbs.add_parser("operator", help="add a person who may sign in, or change one")
    operator.add_argument("--dir", type=Path, required=True)
    who = operator.add_mutually_exclusive_group(required=True)
    who.add_argument("--name", help="of a new person, who gets the next number")
    who.add_argument("--number", type=int, metavar="N", help="of a person who is there already")
    operator.add_argument("--role", default="vendor", choices=ROLES)
    change = operator.add_mutually_exclusive_group()
    change.add_argument("--pin", action="store_true", help="ask for a new PIN for number N")
    change.add_argument("--remove", action="store_true", help="number N has left")
    operator.set_defaults(run=_operator, misuse=operator.error)
    limits = verbs.add_parser("limits", help="how much one role may do at the tills")
    limits.add_argument("--dir", type=Path, required=True)
    limits.add_argument("--role", required=True, choices=ROLES)
    limits.add_argument("--max-sale", metavar="AMOUNT", help="of one sale")
    limits.add_argument("--max-void", metavar="AMOUNT", help="of one sale that is voided")
    limits.add_argument("--free-issues", type=int, metavar="N", help="of one person and day")
    limits.add_argument("--free-units", metavar="KWH", help="of one free issue")
    limits.set_defaults(run=_limits)
    person = verbs.add_parser("person", help="one customer's data: told, or erased everywhere")
    person.add_argument("--dir", type=Path, required=True)
    person.add_argument("--customer", type=int, required=True, metavar="N")
    what = person.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="FILE", help="write it as JSON")
    what.add_argument("--erase", action="store_true", help="here, and at tills when they call")
    person.set_defaults(run=_person)
    ceremony.add_authorising(verbs)
    ceremony.add_keys(verbs)


def _init(arguments: Arguments) -> int:
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


def _serve(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    headoffice.serve(arguments.dir, arguments.listen)
    return 0


def _import(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice
    from posapp.ui.messages import english

    report = headoffice.import_files(arguments.dir, arguments.files)
    print(report.text(lambda error: f"{english(error).what} [{error.code}]"))
    return EXIT_FAILED if report.bad_rows else 0


def _enrol(arguments: Arguments) -> int:
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


def _person(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice, people

    number = arguments.customer
    if arguments.erase:
        headoffice.erase_person(arguments.dir, number)
        print(f"customer {number} is erased; tills follow when they next talk with head office")
    else:
        data = headoffice.export_person(arguments.dir, number)
        people.write_private(arguments.out, [data.decode("utf-8")])
        print(f"what is kept of customer {number} is in {arguments.out}")
    return 0


def _limits(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    said = headoffice.set_limits(
        arguments.dir,
        arguments.role,
        max_sale=arguments.max_sale,
        max_void=arguments.max_void,
        free_units=arguments.free_units,
        free_issues=arguments.free_issues,
    )
    print(said)
    return 0


def _operator(arguments: Arguments) -> int:
    from posapp.bootstrap import headoffice

    number, changes = arguments.number, arguments.pin or arguments.remove
    if (number is not None) != changes:
        arguments.misuse("--number N goes with one of --pin and --remove; --name with neither")
    if arguments.remove:
        print(f"{headoffice.remove_operator(arguments.dir, number)} ({number}) is removed")
    elif arguments.pin:
        print(f"{headoffice.set_pin(arguments.dir, number, ask_pin())} ({number}) has a new PIN")
    else:
        number = headoffice.add_operator(arguments.dir, arguments.name, arguments.role, ask_pin())
        print(f"{arguments.name} is operator {number}")
    return 0
