"""`posapp sts`: laboratory tools for tokens; `posapp.bootstrap.laboratory` does their work."""

from __future__ import annotations

import argparse
import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posapp.cli.shared import EXIT_FAILED, EXIT_STOPPED, Arguments, Commands

if TYPE_CHECKING:
    from posapp.bootstrap.laboratory import Laboratory, Wanted

Payload = dict[str, Any]
_AMOUNT = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,20})?", re.ASCII)  # more fits into no token
_DIGITS = 20
_GROUP = 4
_CLOCK_CHANGES = (
    "The clocks of {zone} are changed: in an hour that comes twice, two tokens share one TID."
)
_ECHO_MAX = 40  # of what was typed and is no token
_USUAL: dict[str, Any] = {
    "of": "electricity",
    "money": False,
    "count": 1,
    "reserved": False,
    "subclass": 0,
    "maker": 0,
    "meter": None,
    "decoder_key": None,
    "ea": 7,
    "sgc": "",
    "krn": None,
    "ti": "01",
    "tct": 2,
    "base_date": 2014,
    "zone": "UTC",
}
_CREDITS = ("electricity", "water", "gas", "time")
_KINDS = (
    "credit",
    "power-limit",
    "phase-unbalance",
    "clear-credit",
    "clear-tamper",
    "tariff-rate",
    "water-factor",
    "extended",
)


# ---------------------------------------------------------------- options


def add(commands: Commands) -> None:
    """The command and its verbs."""
    sts = commands.add_parser("sts", help="laboratory tools for tokens (test keys only)")
    verbs = sts.add_subparsers(required=True, metavar="VERB")
    for verb in (_add_vectors, _add_make, _add_decode, _add_class1, _add_explain, _add_change):
        verb(verbs)


def _add_vectors(verbs: Commands) -> None:
    vectors = verbs.add_parser("vectors", help="recompute every vector of a file")
    vectors.add_argument("file", type=Path)
    _add_common(vectors)
    vectors.set_defaults(run=_vectors)


def _add_make(verbs: Commands) -> None:
    make = verbs.add_parser("make", help="make a credit or a management token")
    make.add_argument("kind", choices=_KINDS)
    make.add_argument(
        "value",
        nargs="*",
        help="credit: an amount; limits: watts; clear-credit: a register or all; "
        "extended: INDEX VALUE, or 63 FLAG on|off",
    )
    make.add_argument("--of", choices=_CREDITS, default="electricity", help="what is credited")
    make.add_argument("--money", action="store_true", help="the amount is money, not units")
    make.add_argument("--count", type=int, default=1, metavar="N", help="so many, one TID each")
    make.add_argument("--reserved", action="store_true", help="take the 00:01 of the day")
    make.add_argument("--at", metavar="TIME", help="when it is issued (default: now)")
    _add_meter(make)
    make.set_defaults(run=_make)


def _add_decode(verbs: Commands) -> None:
    decode = verbs.add_parser("decode", help="say what tokens hold, with a key or without")
    decode.add_argument("digits", nargs="+", help="twenty digits each")
    _add_meter(decode)
    decode.set_defaults(run=_decode)


def _add_class1(verbs: Commands) -> None:
    class1 = verbs.add_parser("class1", help="the list of tests and displays, for every meter")
    class1.add_argument("--texts", type=Path, metavar="FILE", help="other words for the list")
    class1.add_argument("--control", type=_hex, metavar="HEX", help="one token, by its control")
    class1.add_argument("--subclass", type=int, choices=(0, 1, 2), default=0)
    class1.add_argument("--maker", type=int, default=0, metavar="N", help="manufacturer code")
    _add_common(class1)
    class1.set_defaults(run=_class1)


def _add_explain(verbs: Commands) -> None:
    explain = verbs.add_parser("explain", help="say why a meter refused a token")
    explain.add_argument("digits", nargs="+", help="what was typed, in groups or not")
    explain.add_argument(
        "--record", type=Path, required=True, metavar="FILE", help="the meter's record, JSON"
    )
    explain.add_argument("--keys", type=Path, metavar="FILE", help="key file, marked test")
    explain.add_argument(
        "--shown",
        metavar="RESULT",
        help="what the display said: UsedError, OldError, CRCError ..., or its number",
    )
    _add_zone(explain)
    _add_common(explain)
    explain.set_defaults(run=_explain)


def _add_change(verbs: Commands) -> None:
    change = verbs.add_parser("key-change", help="new keys for one meter, or for a file of them")
    change.add_argument("--meters", type=Path, metavar="FILE", help="CSV of many meters")
    change.add_argument("--out", type=Path, metavar="FILE", help="CSV with their tokens")
    change.add_argument("--to-sgc", metavar="CODE", help="default: unchanged")
    change.add_argument("--to-krn", type=int, metavar="N", help="default: unchanged")
    change.add_argument("--to-ti", metavar="NN", help="default: unchanged")
    change.add_argument("--three-token", action="store_true", help="EA07 meters that keep the SGC")
    _add_meter(change)
    change.set_defaults(run=_key_change, misuse=change.error)


def _add_meter(parser: argparse.ArgumentParser) -> None:
    """Whose key: a vending key of a file and a meter, or a decoder key as it is."""
    parser.add_argument("--keys", type=Path, metavar="FILE", help="key file, marked test")
    parser.add_argument("--meter", metavar="NUMBER", help="11 or 13 digits, a PAN or a card")
    parser.add_argument("--ea", type=int, choices=(7, 11), default=7, help="07 STA, 11 MISTY1")
    parser.add_argument("--sgc", default="", metavar="CODE", help="default: the file's first")
    parser.add_argument("--krn", type=int, metavar="N", help="default: the file's first of the SGC")
    parser.add_argument("--ti", default="01", metavar="NN", help="tariff index (01)")
    parser.add_argument("--tct", type=int, default=2, metavar="N", help="token carrier type (2)")
    parser.add_argument("--decoder-key", type=_key, metavar="HEX", help="instead of --keys")
    parser.add_argument(
        "--base-date", type=int, default=2014, metavar="YEAR", help="of a --decoder-key (2014)"
    )
    _add_zone(parser)
    _add_common(parser)


def _add_zone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--zone",
        default="UTC",
        metavar="NAME",
        help="only for a supply group whose TIDs count local time, not for where you are (UTC)",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sta-tables", type=Path, metavar="FILE", help="a site's STA tables")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise argparse.ArgumentTypeError("hexadecimal digits are expected") from None


def _key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:  # its own words would quote the key
        raise argparse.ArgumentTypeError("hexadecimal digits are expected") from None


# ---------------------------------------------------------------- runs


def _vectors(arguments: Arguments) -> int:
    from posapp.bootstrap.sta_tables import choose
    from posapp.sts import vectors

    report = vectors.run(arguments.file, choose(arguments.sta_tables))
    if arguments.json:
        counts = {"passed": report.passed, "failed": report.failed, "skipped": report.skipped}
        _answer({**counts, "lines": list(report.lines[:-1])})
    else:
        print("\n".join(report.lines))
    return EXIT_FAILED if report.failed else 0


def _make(arguments: Arguments) -> int:
    from posapp.bootstrap import laboratory as room

    bench, wanted = _bench(arguments)
    at = None if arguments.at is None else room.moment(arguments.at, bench.zone)
    if arguments.kind == "credit":
        payload = bench.credit(
            wanted,
            _amount(arguments.value),
            of=arguments.of,
            money=arguments.money,
            count=arguments.count,
            reserved=arguments.reserved,
            at=at,
        )
    else:
        _apart(arguments, f"make {arguments.kind}", "of", "money", "count", "reserved")
        subclass = room.MANAGEMENT[arguments.kind]
        value = room.management_value(arguments.kind, arguments.value)
        payload = bench.management(wanted, subclass, value, at=at)
    return _tell(arguments, payload)


def _apart(arguments: Arguments, what: str, *names: str) -> None:
    """Refuse options that mean nothing here rather than leave them out in silence."""
    from posapp.errors import InputError

    for name in names:
        if getattr(arguments, name) not in (_USUAL[name], None):
            option = "--" + name.replace("_", "-")
            raise InputError("OPTIONS_APART", one=option, other=what)


def _decode(arguments: Arguments) -> int:
    from posapp.errors import InputError
    from posapp.ui.messages import english

    bench, wanted = _bench(arguments)
    found: list[Payload] = []
    for digits in _whole(arguments.digits):
        try:
            found.append(bench.decode(wanted, digits))
        except InputError as error:
            if not error.code.startswith("TOKEN_"):
                raise
            shown = digits if len(digits) <= _ECHO_MAX else f"{digits[:_ECHO_MAX]}..."
            found.append({"digits": shown, "problem": error.code, "says": english(error).line})
    _tell(arguments, {"tokens": found})
    return EXIT_FAILED if any("problem" in token for token in found) else 0


def _whole(words: list[str]) -> list[str]:
    """Tokens as they were given, or put together from groups that the shell took apart."""
    if len(words) > 1 and all(len(word) <= _GROUP + 1 for word in words):
        together = "".join(words)
        return [together[i : i + _DIGITS] for i in range(0, len(together), _DIGITS)]
    return words


def _class1(arguments: Arguments) -> int:
    from posapp.bootstrap import laboratory as room

    room.refuse_in_service(arguments.data)
    if arguments.control is None:
        _apart(arguments, "class1 without --control", "subclass", "maker")
    else:
        one = room.meter_test(arguments.subclass, arguments.control, arguments.maker)
        return _tell(arguments, {"tokens": [one]})
    payload = room.meter_tests(arguments.texts)
    if arguments.json:
        return _answer(payload)
    print(f"{'':4}{'2-digit makes':26}{'4-digit makes':26}")
    for test in payload["tests"]:
        two, four = _grouped(test["two_digit_makes"]), _grouped(test["four_digit_makes"])
        doubt = "" if test["confirmed"] else " (one source)"
        print(f"{test['number']:<4}{two:26}{four:26}{test['text']}{doubt}")
    return 0


def _explain(arguments: Arguments) -> int:
    from posapp.bootstrap import laboratory as room
    from posapp.domain.meter import EncryptionAlgorithm
    from posapp.sts.explain import to_json
    from posapp.ui import doctor_words

    bench = _laboratory(arguments)
    keys = room.test_keys(arguments.keys)
    wanted = room.Wanted(None, EncryptionAlgorithm.STA, "", 0, "01", 2, keys, None, 2014)
    typed = "".join(arguments.digits)
    found, case = bench.explain(wanted, typed, arguments.record, shown=arguments.shown)
    if arguments.json:
        return _answer(to_json(found))
    print("\n".join(doctor_words.lines(found, case)))
    return 0


def _key_change(arguments: Arguments) -> int:
    if (arguments.meters is None) != (arguments.out is None):
        arguments.misuse("--meters FILE and --out FILE go together")
    if arguments.keys is None:
        arguments.misuse("--keys FILE is needed: both keys come from it")
    if arguments.meters is not None:
        return _campaign(arguments)
    _apart(arguments, "key-change", "decoder_key", "base_date")
    bench, wanted = _bench(arguments)
    to = (
        wanted.sgc if arguments.to_sgc is None else arguments.to_sgc,
        wanted.krn if arguments.to_krn is None else arguments.to_krn,
        wanted.ti if arguments.to_ti is None else arguments.to_ti,
    )
    return _tell(arguments, bench.key_change(wanted, to, third_token=arguments.three_token))


def _campaign(arguments: Arguments) -> int:
    from posapp.bootstrap import campaign
    from posapp.bootstrap import laboratory as room
    from posapp.bootstrap.sta_tables import choose
    from posapp.clock import SystemClock
    from posapp.sts.bulk.campaign import Target
    from posapp.ui.messages import WORDS

    room.refuse_in_service(arguments.data)
    own = ("meter", "decoder_key", "ea", "sgc", "krn", "ti", "tct", "base_date", "zone")
    _apart(arguments, "--meters", *own)
    show = sys.stderr.isatty() and not arguments.json
    with _Interrupted() as interrupted:
        written = campaign.run(
            arguments.meters,
            arguments.out,
            room.test_keys(arguments.keys),
            Target(
                arguments.to_sgc,
                arguments.to_krn,
                arguments.to_ti,
                three_token=arguments.three_token,
            ),
            choose(arguments.sta_tables),
            SystemClock().now(),
            kept=[path for path in (arguments.keys, arguments.sta_tables) if path is not None],
            progress=_show_rows if show else None,
            cancelled=interrupted.asked,
        )
    report = written.report
    if arguments.json:
        names = ("rows", "done", "refused", "cancelled")
        problems = {"problems": dict(report.problems), "first_lines": dict(report.first_lines)}
        values = {name: getattr(report, name) for name in names}
        _answer(values | problems | {"file": str(written.file)})
    else:
        for code, count in report.problems.items():
            what, _, act = WORDS.get(code, ("", "", ""))
            says = " ".join(part for part in (what, act) if part and "{" not in part)
            print(f"{count} refused, the first on line {report.first_lines[code]}: {says} [{code}]")
        print(f"{report.done} meters have new keys, {report.refused} refused: {written.file}")
        if report.cancelled:
            print(f"Stopped after {report.rows} rows; run it again for a whole file.")
    if report.cancelled:
        return EXIT_STOPPED
    return EXIT_FAILED if report.refused else 0


class _Interrupted:
    """Ctrl+C asks to stop at the next whole chunk; a second one stops at once."""

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> _Interrupted:
        import signal

        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        import signal

        signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked


def _show_rows(done: int, total: int | None) -> None:
    of = "" if total is None else f" of {total}"
    print(f"\r{done}{of} meters", end="", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- the bench


def _laboratory(arguments: Arguments) -> Laboratory:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from posapp.bootstrap import laboratory as room
    from posapp.bootstrap.sta_tables import choose
    from posapp.errors import InputError
    from posapp.sts.tid import has_fixed_offset

    room.refuse_in_service(arguments.data)
    try:
        zone = ZoneInfo(arguments.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError("ZONE_UNKNOWN", zone=arguments.zone[:40]) from None
    if not has_fixed_offset(zone):
        print(_CLOCK_CHANGES.format(zone=arguments.zone), file=sys.stderr)
    return room.Laboratory(choose(arguments.sta_tables), zone)


def _bench(arguments: Arguments) -> tuple[Laboratory, Wanted]:
    """The laboratory and whose key it works with."""
    from posapp.bootstrap import laboratory as room
    from posapp.domain.meter import EncryptionAlgorithm

    bench = _laboratory(arguments)
    if arguments.keys is not None:
        _apart(arguments, "--keys", "decoder_key")
    keys = room.test_keys(arguments.keys)
    first = next((k for k in keys if k.sgc == arguments.sgc or not arguments.sgc), None)
    return bench, room.Wanted(
        number=None if arguments.meter is None else room.meter_number(arguments.meter),
        ea=EncryptionAlgorithm(arguments.ea),
        sgc=arguments.sgc or (first.sgc if first else ""),
        krn=arguments.krn if arguments.krn is not None else first.krn if first else 1,
        ti=arguments.ti,
        tct=arguments.tct,
        vending_keys=keys,
        decoder_key=arguments.decoder_key,
        base_date=arguments.base_date,
    )


def _amount(values: list[str]) -> Decimal:
    from posapp.errors import InputError

    if len(values) != 1 or not _AMOUNT.fullmatch(values[0]):
        raise InputError("AMOUNT_FORM")
    return Decimal(values[0])


# ---------------------------------------------------------------- answers


def _answer(payload: Payload) -> int:
    print(json.dumps(payload, indent=1))
    return 0


def _tell(arguments: Arguments, payload: Payload) -> int:
    if arguments.json:
        return _answer(payload)
    for token in payload["tokens"]:
        print("  ".join((_grouped(token.get("digits", "")), *_said(token))).strip())
    return 0


def _said(token: Payload) -> list[str]:
    """The rest of a token's line, most wanted first."""
    if "says" in token:
        return [token["says"]]
    if "of" in token:
        return [f"{token['number']} of {token['of']}"]
    if "needs" in token:
        return [f"class {token['class']}; a key is needed to read more"]
    said = [token["name"]]
    if "asked" in token and Decimal(token["asked"]) != Decimal(token["amount"]):
        said.append(f"asked {token['asked']}, carries")
    said += [f"{name} {token[name]}" for name in ("amount", "watts", "tid") if name in token]
    shown = ("rnd", "tid", "amount", "s_and_e", *(("value",) if "watts" in token else ()))
    said += [f"{name} {value}" for name, value in token["fields"].items() if name not in shown]
    said += [token["made_at"]] if "made_at" in token else []
    return said + [f"({doubt})" for doubt in token.get("doubts", ())]


def _grouped(digits: str) -> str:
    plain = re.sub(r"[^0-9]", "", digits)
    if len(plain) != _DIGITS:
        return digits
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))
