"""Recomputes published test vectors; `posapp sts vectors FILE` prints what this finds.

The format is documented in the file's own `format` member. Every number a vector gives is
compared: keys, fields, blocks, the 66-bit token and the digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from posapp.codec.files import read_json
from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, PosError
from posapp.sts import amounts, ciphers, crc, key_change, keys, numbers, sta, tid, tokens
from posapp.sts.meter import VirtualMeter

Values = dict[str, Any]
_SAMPLE_KIND = "STA sample tables"
_FILE_BYTES_MAX = 64 << 20  # a hundred times the published set


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value that came out otherwise."""

    what: str
    expected: object
    found: object


@dataclass(frozen=True, slots=True)
class VectorReport:
    """The outcome of a file. `lines` name failures and skipped kinds and end with `summary`."""

    passed: int
    failed: int
    skipped: int
    lines: tuple[str, ...]

    @property
    def summary(self) -> str:
        """`N passed, M failed` and, where there are any, `, K skipped`."""
        return self.lines[-1]


class _Check:
    """Collects what differs within one vector."""

    def __init__(self, vector: Values, tables: sta.StaTables) -> None:
        self.inputs: Values = vector.get("inputs", {})
        self.expected: Values = vector.get("intermediate", {})
        self.tokens: list[Values] = vector.get("tokens", [])
        sample = vector.get("sta_tables") == "sample" or vector.get("kind") == _SAMPLE_KIND
        self.tables = ciphers.sample_tables() if sample else tables
        self.mismatches: list[Mismatch] = []
        self.compared = 0

    def same(self, what: str, expected: object, found: object) -> None:
        self.compared += 1
        if expected != found:
            self.mismatches.append(Mismatch(what, expected, found))

    def given(self, what: str, found: object) -> None:
        """Compare with the vector's intermediate value, when it has one of that name."""
        if what in self.expected:
            self.same(what, self.expected[what], found)

    def token(
        self, position: int, token_class: int, block: int, cipher: ciphers.BlockCipher | None
    ) -> str:
        """Compare every stage of one token with the vector's and return its digits."""
        given = self.tokens[position]
        encrypted = block if cipher is None else cipher.encrypt(block)
        number = tokens.insert_class(encrypted, token_class)
        digits = tokens.digits_of(number)
        stages = {
            "token_class": token_class,
            "subclass": block >> 60,
            "data_block": f"{block:016x}",
            "encrypted_block": f"{encrypted:016x}",
            "token66": f"{number:017x}",
            "digits": digits,
        }
        for name, found in stages.items():
            if name in given:
                self.same(name, given[name], found)
        layout = tokens.LAYOUTS[token_class, block >> 60]
        found_fields = layout.read(block)
        for name, value in given.get("fields", {}).items():
            self.same(name, value, found_fields.get(name))
        return digits


def _number(inputs: Values) -> MeterNumber:
    """The meter: a full PAN when there is one, so that its check digits are verified too."""
    return numbers.parse_pan(inputs["pan"]) if "pan" in inputs else MeterNumber(inputs["drn"])


def _decoder_key(check: _Check, inputs: Values, expected: Values) -> bytes:
    """The decoder key, given or derived; each step of the derivation is compared."""
    if "decoder_key" in inputs:
        return bytes.fromhex(inputs["decoder_key"])
    key = _vending_key(inputs)
    number, ti, ea = _number(inputs), inputs["ti"], EncryptionAlgorithm(inputs["ea"])
    derived = keys.decoder_key(key, number, ti, ea)
    pan_block, control = keys.pan_block(number, key.kt), keys.control_block(key, ti)
    steps = {
        "pan_block": pan_block.hex(),
        "control_block": control.hex(),
        "pan_xor_control": bytes(a ^ b for a, b in zip(pan_block, control, strict=True)).hex(),
        "dkga04_data": keys.dkga04_data(key, number, ti, ea).hex(),
        "decoder_key": derived.hex(),
    }
    for name, found in steps.items():
        if name in expected:
            check.same(name, expected[name].lower(), found)
    return derived


def _vending_key(inputs: Values) -> keys.VendingKey:
    secret = bytes.fromhex(inputs["vending_key"])
    return keys.VendingKey(
        secret=keys.with_odd_parity(secret) if inputs["dkga"] == 2 else secret,
        sgc=inputs["sgc"],
        krn=inputs["krn"],
        kt=KeyType(inputs["kt"]),
        base_date=inputs["base_date"],
        ken=inputs.get("ken", tid.KEN_NEVER),
        dkga=inputs["dkga"],
    )


def _cipher(check: _Check) -> tuple[ciphers.BlockCipher, bytes, EncryptionAlgorithm]:
    key = _decoder_key(check, check.inputs, check.expected)
    ea = EncryptionAlgorithm(check.inputs["ea"])
    return ciphers.cipher(ea, key, check.tables), key, ea


def _wall(text: str) -> datetime:
    """Vectors give wall-clock times in the group's own rule, so any one zone will do."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


# ---------------------------------------------------------------- one function a kind


def _credit(check: _Check) -> None:
    cipher, key, ea = _cipher(check)
    given = check.inputs
    subclass = check.tokens[0]["subclass"]
    if "amount" in given:
        units = amounts.whole_units(Decimal(given["amount"]), amounts.UNITS_PER_KWH)
        check.same("units", given.get("units", units), units)
    else:
        units = given["units"]
    field = amounts.encode_units(units)
    check.given("amount_field", f"{field:04x}")
    check.given("units_carried", amounts.decode_units(field))
    block = tokens.credit_block(subclass, given["rnd"], given["tid"], units)
    check.token(0, 0, block, cipher)
    digits = tokens.credit(key, ea, subclass, given["rnd"], given["tid"], units, check.tables)
    check.same("credit()", check.tokens[0]["digits"], digits)
    decoded = tokens.decode(digits, key, ea, check.tables)
    check.same("decoded units", amounts.decode_units(field), decoded.units)
    check.same("decoded tid", given["tid"], decoded.tid)


def _currency(check: _Check) -> None:
    cipher, key, ea = _cipher(check)
    given = check.inputs
    if "amount" in given:
        units = amounts.whole_units(Decimal(given["amount"]), amounts.UNITS_PER_CURRENCY)
        check.same("units", given.get("units", units), units)
    else:
        units = given["units"]
    s_and_e, field = amounts.encode_currency(units)
    check.given("s_and_e", f"{s_and_e:x}")
    check.given("amount_field", f"{field:04x}")
    carried = amounts.decode_currency(s_and_e, field)
    check.given("units_carried", carried)
    subclass = check.tokens[0]["subclass"]
    check.token(0, 0, tokens.currency_block(subclass, given["tid"], units), cipher)
    digits = tokens.currency_credit(key, ea, subclass, given["tid"], units, check.tables)
    check.same("currency_credit()", check.tokens[0]["digits"], digits)
    check.same("decoded units", carried, tokens.decode(digits, key, ea, check.tables).units)


def _meter_test(check: _Check) -> None:
    subclass, given = check.tokens[0]["subclass"], check.inputs
    control, maker = int(given["control"], 16), given.get("mfr_code") or 0
    check.token(0, 1, tokens.meter_test_block(subclass, control, maker), None)


def _management(check: _Check) -> None:
    cipher, key, ea = _cipher(check)
    given = check.inputs
    subclass = tokens.Management(check.tokens[0]["subclass"])
    value = given.get("value")
    if value is None:
        value = amounts.encode_units(given["watts"])
        check.given("watts_carried", amounts.decode_units(value))
    check.given("value_field", f"{value:04x}")
    block = tokens.management_block(subclass, given["rnd"], given["tid"], value)
    check.token(0, 2, block, cipher)
    digits = tokens.management(key, ea, subclass, given["rnd"], given["tid"], value, check.tables)
    check.same("decoded value", value, tokens.decode(digits, key, ea, check.tables).fields["value"])


def _key_change(check: _Check) -> None:
    old, new = check.inputs["old"], check.inputs["new"]
    old_key = _decoder_key(check, old, check.expected["old"])
    new_key = _decoder_key(check, new, check.expected["new"])
    carried = {**new, **(check.inputs.get("carried_in_tokens") or {})}
    if carried.get("sgc") is None:  # a two-token set carries none
        carried["sgc"] = new["sgc"]
    ea = EncryptionAlgorithm(old["ea"])
    change = key_change.NewKey(
        key=new_key,
        kt=KeyType(carried["kt"]),
        krn=carried["krn"],
        ti=carried["ti"],
        ken=carried.get("ken", tid.KEN_NEVER),
        sgc=carried["sgc"],
        rollover=bool(check.inputs["ro"]),
    )
    blocks = key_change.blocks(ea, change, third_token=check.inputs["three_token"])
    check.same("tokens of the set", len(check.tokens), len(blocks))
    cipher = ciphers.cipher(ea, old_key, check.tables)
    made = [check.token(i, 2, block, cipher) for i, block in enumerate(blocks)]
    digits = key_change.change_set(
        old_key, ea, change, check.tables, third_token=check.inputs["three_token"]
    )
    check.same("change_set()", made, list(digits))


def _decode(check: _Check) -> None:
    _, key, ea = _cipher(check)
    decoded = tokens.decode(check.inputs["digits"], key, ea, check.tables)
    check.given("token_class", decoded.token_class)
    check.given("subclass", decoded.subclass)
    check.given("data_block", f"{decoded.block:016x}")
    check.given("encrypted_block", f"{decoded.encrypted_block:016x}")
    for name, value in check.expected.get("fields", {}).items():
        # The format calls the sixteen bits of a credit `value` too.
        found = decoded.fields.get("amount" if name not in decoded.fields else name)
        check.same(name, value, found)


def _rejected(check: _Check) -> None:
    _, key, ea = _cipher(check)
    digits, expected = check.inputs["digits"], check.expected["result"].split(" ")[0]
    meter = VirtualMeter(_any_meter(check.inputs), key, ea, check.tables)
    check.same("meter", expected, meter.enter(digits).value)
    by_code = {"TOKEN_FORM": "FormatError", "TOKEN_RANGE": "FormatError", "TOKEN_CRC": "CRCError"}
    found = "decoded"
    try:
        tokens.decode(digits, key, ea, check.tables)
    except InputError as error:
        found = by_code.get(error.code, error.code)
    check.same("decode()", expected, found)


def _any_meter(inputs: Values) -> MeterNumber:
    """The meter of a vector that may name none, because only its key matters there."""
    return _number(inputs) if "pan" in inputs or "drn" in inputs else MeterNumber("0" * 11)


def _scenario(check: _Check) -> None:
    given = check.inputs["meter"]
    meter = VirtualMeter(
        _any_meter(given),
        bytes.fromhex(given["key"]),
        EncryptionAlgorithm(given["ea"]),
        check.tables,
        kt=KeyType(given.get("kt", KeyType.UNIQUE)),
        krn=given.get("krn", 1),
        ti=given.get("ti", "01"),
        ken=given.get("ken", tid.KEN_NEVER),
        tct=given.get("tct", 2),
        first_tid=given.get("first_tid", 0),
    )
    for step in check.inputs["steps"]:
        check.same(step.get("what", "step"), step["result"], meter.enter(step["digits"]).value)
    state = meter.to_state()
    final = {
        **{name: state[name] for name in ("key", "kt", "krn", "ti", "ken", "sgc", "credit")},
        "smallest_tid": meter.tids[0],
        "largest_tid": meter.tids[-1],
    }
    for name, expected in check.expected.get("final_state", {}).items():
        check.same(name, expected, final.get(name))


def _crc(check: _Check) -> None:
    padded = bytes.fromhex(check.inputs["padded56"])
    data = int.from_bytes(padded[1:7], "big")
    in_money = len(padded) == 8  # CRC_C: one more byte
    found = crc.currency_field(data) if in_money else crc.field(padded[0], data)
    check.given("crc_field", f"{found:04x}")


def _sta(check: _Check) -> None:
    key = bytes.fromhex(check.inputs["decoder_key"])
    as_number = int.from_bytes(key, "big")
    block = int(check.inputs["data_block"], 16)
    cipher = ciphers.cipher(EncryptionAlgorithm.STA, key, check.tables)
    encrypted = cipher.encrypt(block)
    number = tokens.insert_class(encrypted, check.inputs["token_class"])
    check.given("complement", f"{~as_number & (1 << 64) - 1:016x}")
    check.given("rotated_right_12", f"{sta.prepared_key(as_number):016x}")
    check.given("encrypted_block", f"{encrypted:016x}")
    check.given("token66", f"{number:017x}")
    check.given("digits", tokens.digits_of(number))
    check.same("decrypted", block, cipher.decrypt(encrypted))


def _misty1(check: _Check) -> None:
    cipher = ciphers.cipher(
        EncryptionAlgorithm.MISTY1, bytes.fromhex(check.inputs["key"]), check.tables
    )
    block = int(check.inputs["plaintext"], 16)
    check.given("ciphertext", f"{cipher.encrypt(block):016x}")
    check.same("decrypted", block, cipher.decrypt(cipher.encrypt(block)))


def _des(check: _Check) -> None:
    found = keys.des(bytes.fromhex(check.inputs["key"]), bytes.fromhex(check.inputs["plaintext"]))
    check.given("ciphertext", found.hex())


def _drn(check: _Check) -> None:
    try:
        MeterNumber(check.inputs["drn"])
        valid = True
    except InputError:
        valid = False
    check.given("valid", valid)


def _pan(check: _Check) -> None:
    number = MeterNumber(check.inputs["drn"])
    check.given("iin", numbers.iin(number))
    check.given("pan", numbers.pan(number))
    check.same("meter of the PAN", number, numbers.parse_pan(numbers.pan(number)))


def _tid(check: _Check) -> None:
    moment, base_date = _wall(check.inputs["time"]), check.inputs["base_date"]
    make = tid.reserved_tid if check.inputs.get("reserved") else tid.tid_at
    found = make(moment, base_date)
    check.given("tid", found)
    check.given("tid_hex", f"{found:06x}")


def _derivation(check: _Check) -> None:
    check.given("decoder_key", _decoder_key(check, check.inputs, check.expected).hex())


def _ken(check: _Check) -> None:
    given = check.inputs
    check.same("tid", given["tid"], tid.tid_at(_wall(given["time"]), given["base_date"]))
    check.given("expired", tid.is_expired(given["tid"], given["ken"]))


_THINGS = ("electricity", "water", "gas", "time")
_VALUED = (
    "SetMaximumPowerLimit",
    "ClearCredit",
    "SetTariffRate",
    "ClearTamperCondition",
    "SetMaximumPhasePowerUnbalanceLimit",
    "SetWaterMeterFactor",
    "ExtendedTokenSet write",
)
_SECTIONS = tuple(f"Set{nth}SectionDecoderKey" for nth in ("1st", "2nd", "3rd", "4th"))

KINDS: dict[str, Callable[[_Check], None]] = {
    **{f"TransferCredit {thing}": _credit for thing in _THINGS},
    **{f"TransferCredit {thing} currency": _currency for thing in _THINGS},
    "InitiateMeterTest/Display, 2-digit manufacturer": _meter_test,
    "InitiateMeterTest/Display, 4-digit manufacturer": _meter_test,
    "ExtendedTokenSet read": _meter_test,
    **dict.fromkeys(_VALUED, _management),
    "KeyChange": _key_change,
    **{f"{layout.name} (decode)": _decode for layout in tokens.LAYOUTS.values()},
    **{f"{name} (decode)": _decode for name in _SECTIONS},
    "Rejected token": _rejected,
    "MeterScenario": _scenario,
    "CRC": _crc,
    _SAMPLE_KIND: _sta,
    "MISTY1": _misty1,
    "DES": _des,
    "DRN check digit": _drn,
    "PAN": _pan,
    "TID": _tid,
    "KEN": _ken,
    "DecoderKey": _derivation,
}


def run(path: Path, tables: sta.StaTables = sta.SAMPLE) -> VectorReport:
    """Recompute every vector of a file, EA07 with `tables` unless a vector says `sample`.

    Raises InputError VECTORS_INVALID(file, expected) when `path` is not of the format; a vector
    that cannot be computed at all counts as failed.
    """
    passed = own = 0
    failures: list[str] = []
    skipped: Counter[str] = Counter()
    for vector in _vectors(path):
        kind = str(vector.get("kind"))
        if kind not in KINDS:
            skipped[kind] += 1
            continue
        check = _Check(vector, tables)
        own += check.tables is not tables
        problem = _problem(KINDS[kind], check)
        if problem:
            failures.append(f"FAILED {vector.get('id', '?')} {kind}: {problem}")
        else:
            passed += 1
    summary = f"{passed} passed, {len(failures)} failed"
    if skipped:
        summary += f", {skipped.total()} skipped"
    named = [f"skipped {count} of {kind}" for kind, count in sorted(skipped.items())]
    if own:  # or a site would think that its own tables were proven
        named.append(f"{own} say that they are for the sample tables and used those")
    return VectorReport(passed, len(failures), skipped.total(), (*failures, *named, summary))


def _problem(compare: Callable[[_Check], None], check: _Check) -> str:
    """What is wrong with a vector, or nothing. One that compares nothing proves nothing."""
    try:
        compare(check)
    except PosError as error:
        return str(error)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return f"incomplete or malformed: {error!r}"
    if check.mismatches:
        first = check.mismatches[0]
        return f"{first.what}: expected {first.expected}, found {first.found}"
    return "" if check.compared else "nothing to compare"


def _vectors(path: Path) -> Iterator[Values]:
    try:
        content = read_json(path, _FILE_BYTES_MAX)
    except OSError as error:
        raise InputError("VECTORS_INVALID", file=str(path), expected=error.strerror) from None
    except ValueError:
        raise InputError("VECTORS_INVALID", file=str(path), expected="JSON") from None
    found = content.get("vectors") if isinstance(content, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(v, dict) for v in found):
        raise InputError("VECTORS_INVALID", file=str(path), expected="a list of vectors")
    yield from found
