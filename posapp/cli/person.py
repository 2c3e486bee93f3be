"""Customers' data at a till: `posapp person export|erase|list`, `posapp retention`."""

from __future__ import annotations

import argparse
from pathlib import Path

from posapp.cli.shared import SUPPRESS, Arguments, Commands, add_data, ask_secret


def add(commands: Commands) -> None:
    """The commands and their options."""
    person = commands.add_parser("person", help="customers' personal data at this till")
    verbs = person.add_subparsers(required=True, metavar="VERB")
    export = verbs.add_parser("export", help="all that is kept of one customer, as JSON")
    add_data(export, default=SUPPRESS)
    _customer(export)
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.set_defaults(run=_export)
    erase = verbs.add_parser("erase", help="delete one customer's row; asks two people's PINs")
    add_data(erase, default=SUPPRESS)
    _customer(erase)
    erase.add_argument("--operator", type=int, required=True, help="number of a supervisor")
    erase.add_argument("--second", type=int, required=True, help="number of a clerk or supervisor")
    erase.add_argument("--reason", required=True, help="why, for the journal")
    erase.set_defaults(run=_erase)
    listing = verbs.add_parser("list", help="customers as CSV, names and phones masked")
    add_data(listing, default=SUPPRESS)
    listing.add_argument("--out", type=Path, required=True, metavar="FILE")
    listing.set_defaults(run=_list)
    retention = commands.add_parser("retention", help="what is over its time; never the journal")
    add_data(retention, default=SUPPRESS)
    retention.add_argument("--delete", action="store_true", help="delete it")
    retention.set_defaults(run=_retention)


def _customer(parser: argparse.ArgumentParser) -> None:
    told = "head office's number of the customer"
    parser.add_argument("--customer", type=int, required=True, metavar="N", help=told)


def _export(arguments: Arguments) -> int:
    from posapp.bootstrap import people

    people.export_person(arguments.data, arguments.customer, arguments.out)
    print(f"what is kept of customer {arguments.customer} is in {arguments.out}")
    return 0


def _erase(arguments: Arguments) -> int:
    from posapp.bootstrap import people

    pins = (_pin(arguments.operator), _pin(arguments.second))
    both = (arguments.operator, arguments.second)
    people.erase_person(arguments.data, arguments.customer, both, pins, arguments.reason)
    print(f"customer {arguments.customer} is erased at this till; backups keep older copies")
    return 0


def _pin(number: int) -> str:
    return ask_secret(f"PIN of {number}: ").strip()


def _list(arguments: Arguments) -> int:
    from posapp.bootstrap import people

    people.export_people(arguments.data, arguments.out)
    print(f"the masked list is in {arguments.out}")
    return 0


def _retention(arguments: Arguments) -> int:
    from posapp.bootstrap import people

    found = (people.delete_overdue if arguments.delete else people.overdue)(arguments.data)
    for one in found:
        kept = f"kept {one.days} days" if one.days else "kept for ever"
        print(f"{one.kind}: {kept}, {one.count} {'deleted' if arguments.delete else 'over'}")
    return 0
