"""`posapp headoffice keys` and what head office lets modules make: their options and questions.

PINs come from the terminal without echo, or as lines of a pipe in the order they are asked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from posapp.cli.shared import Arguments, Commands, ask_secret
from posapp.errors import InputError

if TYPE_CHECKING:
    from posapp.headoffice.ceremony.keys import Attributes

OFFICERS = ("first", "second")


def add_keys(verbs: Commands) -> None:
    """`posapp headoffice keys VERB`."""
    keys = verbs.add_parser("keys", help="the offline key ceremony: two officers, one sealed file")
    nouns = keys.add_subparsers(required=True, metavar="VERB")
    init = _verb(nouns, "init", "make the sealed file; asks for both officers' PINs", _init)
    init.add_argument("--officer", action="append", required=True, help="a name; give it twice")
    init.add_argument("--mark", required=True, choices=("test", "production"), help="of all files")
    _attributes(_verb(nouns, "make", "make a new vending key", _make))
    imported = _verb(nouns, "import", "take in a key as hex digits, typed without echo", _import)
    _attributes(imported)
    _verb(nouns, "list", "attributes and check value of every key", _list)
    export = _verb(nouns, "export", "a key file for one module", _export)
    export.add_argument("--module", required=True, metavar="ID", help="the module's id")
    export.add_argument("--public-key", type=Path, required=True, metavar="FILE", help="its card")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.add_argument(
        "--key", type=_place, action="append", default=[], metavar="SGC:KRN", help="default: all"
    )
    export.add_argument("--days", type=int, default=30, metavar="N", help="to be loaded within")
    officers = _verb(nouns, "officers", "who they are; change a PIN", _officers)
    officers.add_argument("--new-pin", type=int, choices=(1, 2), metavar="N", help="of officer N")
    officers.add_argument("--out", type=Path, metavar="FILE", help="public keys, for `trust`")


def add_authorising(verbs: Commands) -> None:
    """`posapp headoffice trust|signer|authorise|countersign|acknowledge`."""
    signer = verbs.add_parser("signer", help="make a second signer's key file; asks for a PIN")
    what = signer.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="FILE", help="the new file")
    what.add_argument("--new-pin", type=Path, metavar="FILE", help="another PIN for this file")
    signer.add_argument("--name", help="of the person, for a new file")
    signer.set_defaults(run=_signer, misuse=signer.error)
    _verb(verbs, "modules", "the security modules that head office knows", _modules)
    trust = _verb(verbs, "trust", "write whom new modules believe, and when two must sign", _trust)
    trust.add_argument("--signer", type=Path, action="append", default=[], metavar="FILE")
    trust.add_argument("--officers", type=Path, metavar="FILE", help="of `keys officers --out`")
    trust.add_argument(
        "--two-above", metavar="AMOUNT", help="more than this by one signer needs a second"
    )
    trust.add_argument("--out", type=Path, required=True, metavar="FILE")
    _authorise_options(_verb(verbs, "authorise", "let a module make more tokens", _authorise))
    both = verbs.add_parser("countersign", help="add a second signature, on any machine")
    both.add_argument("--authorisation", type=Path, required=True, metavar="FILE")
    both.add_argument("--signer", type=Path, required=True, metavar="FILE")
    both.add_argument("--out", type=Path, required=True, metavar="FILE")
    both.set_defaults(run=_countersign)
    time = _verb(verbs, "time", "tell a module whose clock was false what time it is", _time)
    time.add_argument("--module", required=True, metavar="ID")
    time.add_argument("--out", type=Path, required=True, metavar="FILE")
    acknowledge = _verb(verbs, "acknowledge", "verify a module's audit and say so", _acknowledge)
    acknowledge.add_argument("--audit", type=Path, required=True, metavar="FILE")
    acknowledge.add_argument("--card", type=Path, metavar="FILE", help="at its first time")
    acknowledge.add_argument("--out", type=Path, required=True, metavar="FILE")


def _authorise_options(authorise: argparse.ArgumentParser) -> None:
    authorise.add_argument("--module", required=True, metavar="ID")
    authorise.add_argument("--out", type=Path, required=True, metavar="FILE")
    authorise.add_argument("--till", metavar="CODE", help="four letters or digits")
    authorise.add_argument("--card", type=Path, metavar="FILE", help="the module's, at first")
    for name, unit in (("units", "KWH"), ("money", "AMOUNT"), ("value", "AMOUNT")):
        authorise.add_argument(
            f"--{name}",
            type=_grant,
            action="append",
            default=[],
            metavar=f"SGC:KRN={unit}",
            help={
                "units": "more of it in units; may be given for several keys",
                "money": "more of it in currency tokens",
                "value": "more declared value",
            }[name],
        )
    authorise.add_argument("--days", type=int, default=14, metavar="N", help="until the next word")
    authorise.add_argument(
        "--unacknowledged", type=int, default=2000, metavar="N", help="tokens before an audit"
    )
    authorise.add_argument(
        "--open",
        action="append",
        default=[],
        metavar="DAYS=HH:MM-HH:MM",
        help="mon-fri=07:00-18:00",
    )
    authorise.add_argument("--signer", type=Path, action="append", default=[], metavar="FILE")
    authorise.add_argument(
        "--to-countersign", action="store_true", help="write it though a second must still sign"
    )
    authorise.add_argument("--again", action="store_true", help="write the newest one once more")
    authorise.set_defaults(misuse=authorise.error)


def _verb(
    verbs: Commands, name: str, text: str, run: Callable[[Arguments], int]
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    verb.add_argument("--dir", type=Path, required=True)
    verb.set_defaults(run=run)
    return verb


def _attributes(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--sgc", required=True, help="supply group code, six digits")
    verb.add_argument("--krn", type=int, required=True, help="key revision, 1 to 9")
    verb.add_argument("--kt", type=int, default=2, choices=range(4), help="key type (2: unique)")
    verb.add_argument("--base-date", type=int, default=2014, choices=(1993, 2014, 2035))
    verb.add_argument("--ken", type=int, default=255, help="key expiry number, 0 to 255")
    verb.add_argument(
        "--dkga", type=int, default=4, choices=(2, 4), help="04 unless meters are old"
    )
    verb.add_argument("--active-from", type=_moment, metavar="TIME", help="2026-11-20T00:00 (UTC)")
    verb.add_argument("--issue-until", type=_moment, metavar="TIME")
    verb.add_argument("--permitted", nargs="*", metavar="CLASS.SUBCLASS", help="default: all")


def _init(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony
    from posapp.headoffice.ceremony.officers import check_pin

    if len(arguments.officer) != len(OFFICERS):
        raise InputError("OFFICERS_TWO")
    pins = [_new_pin(name) for name in arguments.officer]
    for pin in pins:
        check_pin(pin)
    lines = ceremony.init(arguments.dir, arguments.officer, pins, test=arguments.mark == "test")
    return _say(lines)


def _make(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony

    attributes = _chosen(arguments)
    if arguments.dkga == 2:
        print(
            "WARNING: a DKGA02 key is one DES key; a stolen token and 2^56 tries open its whole "
            "supply group. Make it for old meters only, and for a short time.",
            file=sys.stderr,
        )
    return _say(ceremony.make(arguments.dir, _pins(), attributes))


def _import(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony

    attributes = _chosen(arguments)
    pins = _pins()
    text = ask_secret("Key, hex digits: ")
    return _say(ceremony.import_key(arguments.dir, pins, attributes, text))


def _list(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony

    return _say(ceremony.list_keys(arguments.dir, _pins()))


def _export(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony

    made = ceremony.export(
        arguments.dir,
        _pins(),
        arguments.module,
        arguments.public_key,
        arguments.out,
        wanted=arguments.key,
        load_days=arguments.days,
    )
    mark = "test" if made.test else "production"
    return _say(
        [
            f"key file {made.serial} for module {made.module_id}: {made.keys} {mark} keys",
            f"to be loaded before {made.load_before}",
            f"the module must show {made.fingerprint}",
        ]
    )


def _officers(arguments: Arguments) -> int:
    from posapp.bootstrap import ceremony

    pins = _pins()
    if arguments.new_pin is None:
        return _say(ceremony.officers(arguments.dir, pins, arguments.out))
    place = arguments.new_pin - 1
    name = ceremony.change_pin(
        arguments.dir, pins, place, _new_pin(f"the {OFFICERS[place]} officer")
    )
    return _say([f"{name} has a new PIN"])


def _signer(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    if (arguments.name is None) != (arguments.out is None):
        arguments.misuse("--name goes with --out")
    if arguments.new_pin is not None:
        pin = ask_secret("PIN: ")
        name = authorising.change_signer_pin(arguments.new_pin, pin, _new_pin("the signer"))
        return _say([f"{name} has a new PIN"])
    shown = authorising.make_signer(arguments.name, _new_pin(arguments.name), arguments.out)
    return _say([f"signer {arguments.name} key {shown}"])


def _modules(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    return _say(authorising.list_modules(arguments.dir))


def _trust(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    shown = authorising.write_trust(
        arguments.dir,
        arguments.out,
        signers=arguments.signer,
        officers=arguments.officers,
        two_above=arguments.two_above,
    )
    return _say([f"trust {shown}"])


def _authorise(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    if arguments.again:
        return _say(authorising.write_again(arguments.dir, arguments.module, arguments.out))
    if arguments.till is None:
        arguments.misuse("--till CODE is needed, unless --again writes the newest one")
    wishes = authorising.Wishes(
        dict(arguments.units),
        dict(arguments.money),
        dict(arguments.value),
        arguments.days,
        arguments.unacknowledged,
        arguments.open,
    )
    lines = authorising.authorise(
        arguments.dir,
        arguments.module,
        arguments.till,
        wishes,
        arguments.out,
        card=arguments.card,
        signers=arguments.signer,
        ask=_pin_of,
        allow_incomplete=arguments.to_countersign,
    )
    return _say(lines)


def _countersign(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    for line in authorising.describe(authorising.read_authorisation(arguments.authorisation)):
        print(line)
    authorising.countersign(arguments.authorisation, arguments.signer, arguments.out, _pin_of)
    return _say(["countersigned"])


def _acknowledge(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    return _say(
        authorising.acknowledge(arguments.dir, arguments.audit, arguments.out, card=arguments.card)
    )


def _time(arguments: Arguments) -> int:
    from posapp.bootstrap import authorising

    return _say(authorising.say_time(arguments.dir, arguments.module, arguments.out))


def _chosen(arguments: Arguments) -> Attributes:
    from posapp.domain.meter import KeyType
    from posapp.headoffice.ceremony.keys import Attributes
    from posapp.sts.keys import permitted_kinds

    permitted = None if arguments.permitted is None else permitted_kinds(arguments.permitted)
    return Attributes(
        arguments.sgc,
        arguments.krn,
        KeyType(arguments.kt),
        arguments.base_date,
        arguments.ken,
        arguments.dkga,
        arguments.active_from,
        arguments.issue_until,
        permitted,
    )


def _pins() -> list[str]:
    return [ask_secret(f"PIN of the {place} officer: ") for place in OFFICERS]


def _pin_of(name: str) -> str:
    return ask_secret(f"PIN of {name}: ")


def _new_pin(name: str) -> str:
    """A PIN typed twice, or one line of a pipe. Raises InputError OFFICER_PIN_DIFFERS."""
    pin = ask_secret(f"New PIN of {name}: ")
    if sys.stdin.isatty() and ask_secret("The same again: ") != pin:
        raise InputError("OFFICER_PIN_DIFFERS")
    return pin


def _say(lines: list[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-20T00:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _place(text: str) -> tuple[str, int]:
    sgc, _, krn = text.partition(":")
    if not krn.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no key like 201457:1")
    return sgc, int(krn)


def _grant(text: str) -> tuple[str, str]:
    place, sign, amount = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is no wish like 201457:1=1000")
    return place, amount
