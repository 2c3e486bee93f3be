"""What proves itself: `posapp tariff`, `posapp journal`."""

from __future__ import annotations

from pathlib import Path

from posapp.cli.shared import EXIT_FAILED, Arguments, Commands


def add(commands: Commands) -> None:
    """The commands and their options."""
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


def _tariff_check(arguments: Arguments) -> int:
    from posapp.pricing import check

    report = check.run(arguments.pack)
    for line in report.lines:
        print(line)
    return EXIT_FAILED if report.failed else 0


def _journal_verify(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    verdict, flaws = till.verify_journal(arguments.store)
    if verdict.broken_seq is None:
        print(f"{verdict.head.seq} entries hold; head {verdict.head.code}")
    else:
        print(f"entry {verdict.broken_seq} does not hold ({verdict.reason})")
    for flaw in flaws:
        print(flaw)
    if verdict.broken_seq is not None or flaws:
        return EXIT_FAILED
    print("every page, booking and document holds")
    return 0


def _journal_rebuild(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    differences = till.check_rebuild(arguments.store)
    for line in differences:
        print(line)
    print("the projections are what the journal says" if not differences else "they differ")
    return EXIT_FAILED if differences else 0
