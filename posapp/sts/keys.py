"""Vending keys, and the decoder key that a meter has from one of them (IEC 62055-41 6.5).

The result goes to `tokens`. Keys live in the security module's process; a till never has one.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from posapp.domain.digits import is_digits, is_within
from posapp.domain.meter import MAGNETIC_CARD, EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, SaleError
from posapp.sts import tid as tids
from posapp.sts.ciphers import KEY_BYTES
from posapp.sts.numbers import pan

_SECRET_BYTES = {2: 8, 4: 20}  # by DKGA: a DES key with odd parity, or 160 plain bits
_WITHDRAWN_DKGA = (1, 3)  # 01 for a closed list of early meters, 03 with two DES keys
# Moments outside these years cannot be kept or shown everywhere, and no key is so old or so new.
_YEARS = range(1970, 9999)


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """What is known of a vending key without the key: all that may leave its keeper.

    `sgc` is six digits, `krn` 1..9, `base_date` a year of `tid.BASE_DATES`, `ken` 0..255,
    `dkga` 2 or 4. `active_from` and `issue_until` are aware moments of the years 1970..9998,
    kept in UTC, or None for no such limit, `permitted` the (class, subclass) pairs it may make
    or None for all; these three are known from one source. `test` is the mark of the file the
    key came in: without it the key is a utility's own and no laboratory tool takes it.
    Raises InputError SGC_MISSING, DKGA_WITHDRAWN, UNKNOWN_DKGA, VENDING_KEY_ATTRIBUTE(field).
    """

    sgc: str
    krn: int
    kt: KeyType
    base_date: int
    ken: int
    dkga: int
    active_from: datetime | None = None
    issue_until: datetime | None = None
    permitted: frozenset[tuple[int, int]] | None = None
    test: bool = False

    def __post_init__(self) -> None:
        _check_generation(self)
        _check_attributes(self)


@dataclass(frozen=True, slots=True)
class VendingKey:
    """A vending key with its attributes (see `KeyAttributes`); `repr` leaves the secret out.

    The secret has 8 bytes with odd parity for DKGA02, 20 bytes for DKGA04.
    Raises InputError SGC_MISSING, DKGA_WITHDRAWN, UNKNOWN_DKGA, VENDING_KEY_LENGTH,
    VENDING_KEY_PARITY, VENDING_KEY_ATTRIBUTE(field).
    """

    secret: bytes = field(repr=False)
    sgc: str
    krn: int
    kt: KeyType
    base_date: int
    ken: int
    dkga: int
    active_from: datetime | None = None
    issue_until: datetime | None = None
    permitted: frozenset[tuple[int, int]] | None = None
    test: bool = False

    def __post_init__(self) -> None:
        _check_generation(self)
        if type(self.secret) is not bytes:
            raise InputError("VENDING_KEY_ATTRIBUTE", field="secret")
        expected = _SECRET_BYTES[self.dkga]
        if len(self.secret) != expected:
            raise InputError("VENDING_KEY_LENGTH", length=len(self.secret), expected=expected)
        if self.dkga == 2 and with_odd_parity(self.secret) != self.secret:
            raise InputError("VENDING_KEY_PARITY", sgc=self.sgc, krn=self.krn)
        _check_attributes(self)

    def attributes(self) -> KeyAttributes:
        """All of it but the secret."""
        return KeyAttributes(*(getattr(self, name.name) for name in fields(KeyAttributes)))


AnyKey = VendingKey | KeyAttributes  # where no secret is needed


def _check_generation(key: AnyKey) -> None:
    if not key.sgc:
        raise InputError("SGC_MISSING")
    if key.dkga in _WITHDRAWN_DKGA:
        raise InputError("DKGA_WITHDRAWN", dkga=key.dkga)
    if type(key.dkga) is not int or key.dkga not in _SECRET_BYTES:
        raise InputError("UNKNOWN_DKGA", dkga=key.dkga)


def _check_attributes(key: AnyKey) -> None:
    """Types are checked too: with a KT of 3 for KeyType.COMMON a decoder key would be wrong."""
    checks = {
        "sgc": is_digits(key.sgc, 6),
        "krn": is_within(key.krn, 1, 9),
        "kt": type(key.kt) is KeyType,
        "base_date": type(key.base_date) is int and key.base_date in tids.BASE_DATES,
        "ken": is_within(key.ken, 0, 255),
        "permitted": key.permitted is None
        or (type(key.permitted) is frozenset and all(map(_is_kind, key.permitted))),
        "test": type(key.test) is bool,
    }
    for name, right in checks.items():
        if not right:
            raise InputError("VENDING_KEY_ATTRIBUTE", field=name)
    for name in ("active_from", "issue_until"):
        object.__setattr__(key, name, _in_utc(name, getattr(key, name)))


def _in_utc(name: str, moment: datetime | None) -> datetime | None:
    """The moment in UTC, so that nobody has to ask again whether it can be told there."""
    if moment is None:
        return None
    is_aware = isinstance(moment, datetime) and moment.tzinfo is not None
    try:
        found = moment.astimezone(UTC) if is_aware else None
    except OverflowError:  # not in UTC's calendar
        found = None
    if found is None or found.year not in _YEARS:
        raise InputError("VENDING_KEY_ATTRIBUTE", field=name)
    return found


def with_odd_parity(secret: bytes) -> bytes:
    """A DES key with the lowest bit of each byte set for odd parity: do this at import.

    Implementations differ on whether the last step of DKGA02 sees the adjusted key; for a key
    with right parity all agree.
    """
    return bytes(b & 0xFE | (b >> 1).bit_count() + 1 & 1 for b in secret)


def _is_kind(kind: object) -> bool:
    """Whether a class and subclass are ones that a vending key can make."""
    return isinstance(kind, tuple) and len(kind) == 2 and kind[0] in (0, 2) and kind[1] in range(16)


def permitted_kinds(names: Iterable[str]) -> frozenset[tuple[int, int]]:
    """The (class, subclass) pairs of names like `0.4`. Raises InputError VENDING_KEY_ATTRIBUTE."""
    pairs = [name.split(".") for name in names]
    if not all(len(pair) == 2 and all(part.isdecimal() for part in pair) for pair in pairs):
        raise InputError("VENDING_KEY_ATTRIBUTE", field="permitted")
    return frozenset((int(token_class), int(subclass)) for token_class, subclass in pairs)


def check_issue(key: AnyKey, kind: tuple[int, int], tid: int, moment: datetime, tct: int) -> None:
    """Refuse a token with a TID that must not be made under this key (6.1.9, 6.5.2.6).

    `kind` is class 0 or 2 and the subclass, `moment` aware, `tct` the meter's token carrier
    type. Key changes have rules of their own: `posapp.sts.key_change.check_change`. Raises
    SaleError KEY_EXPIRED(ken); KEY_TYPE_NO_CREDIT(kt) for credit under a default key;
    KEY_TYPE_CARRIER(kt, tct) for a common key with anything but a magnetic card; and what
    `check_active` raises.
    """
    tids.check_ken(tid, key.ken)
    check_active(key, moment)
    if key.permitted is not None and kind not in key.permitted:
        raise SaleError("KEY_SUBCLASS", token_class=kind[0], subclass=kind[1])
    if kind[0] == 0 and key.kt not in (KeyType.UNIQUE, KeyType.COMMON):
        raise SaleError("KEY_TYPE_NO_CREDIT", kt=int(key.kt))
    if key.kt == KeyType.COMMON and tct != MAGNETIC_CARD:
        raise SaleError("KEY_TYPE_CARRIER", kt=int(key.kt), tct=tct)


def check_active(key: AnyKey, moment: datetime) -> None:
    """Refuse a key outside the time it may make tokens in.

    Raises SaleError KEY_NOT_ACTIVE(active_from), KEY_ISSUE_ENDED(issue_until). One source.
    """
    if key.active_from is not None and moment < key.active_from:
        raise SaleError("KEY_NOT_ACTIVE", active_from=key.active_from)
    if key.issue_until is not None and moment > key.issue_until:
        raise SaleError("KEY_ISSUE_ENDED", issue_until=key.issue_until)


def decoder_key(key: VendingKey, number: MeterNumber, ti: str, ea: EncryptionAlgorithm) -> bytes:
    """The key inside a meter: 8 bytes for EA07, 16 for EA11 (6.5.3).

    `ti` is the tariff index, two digits. Raises what `check_derivation` raises.
    """
    check_derivation(key, number, ti, ea)
    if key.dkga == 4:
        return dkga04_key(hmac.digest(key.secret, dkga04_data(key, number, ti, ea), "sha256"), ea)
    return _dkga02(key, number, ti)


def check_derivation(key: AnyKey, number: MeterNumber, ti: str, ea: EncryptionAlgorithm) -> None:
    """Refuse a meter's key that must not be derived from this vending key (6.5.3).

    Raises InputError TARIFF_INDEX, KEY_TYPE (an initial key is the manufacturer's alone; a
    common key needs DKGA02 and an 11-digit number, because sources disagree about the rest),
    DKGA_EA (DKGA02 makes 64 bits, too few for EA11).
    """
    if not is_digits(ti, 2):
        raise InputError("TARIFF_INDEX", ti=str(ti)[:10])
    if key.kt == KeyType.INITIAL or (
        key.kt == KeyType.COMMON and (key.dkga == 4 or len(number.digits) == 13)
    ):
        raise InputError("KEY_TYPE", kt=int(key.kt), dkga=key.dkga)
    if key.dkga == 2 and ea != EncryptionAlgorithm.STA:
        raise InputError("DKGA_EA", dkga=key.dkga, ea=int(ea))


def pan_block(number: MeterNumber, kt: KeyType) -> bytes:
    """The PAN without its first and last digit, as eight bytes of two digits (6.5.3.1).

    For a common key the meter's own digits are zeros.
    """
    digits = pan(number)[1:-1]
    if kt == KeyType.COMMON:
        digits = digits[: -len(number.digits)] + "0" * len(number.digits)
    return bytes.fromhex(digits)


def control_block(key: AnyKey, ti: str) -> bytes:
    """KT, SGC, TI and KRN as digits, then F (6.5.3.2)."""
    return bytes.fromhex(f"{key.kt:d}{key.sgc}{ti}{key.krn}FFFFFF")


def _dkga02(key: VendingKey, number: MeterNumber, ti: str) -> bytes:
    """DES of both blocks under the vending key, and the three together (6.5.3.4)."""
    data = _xor(pan_block(number, key.kt), control_block(key, ti))
    return _xor(_xor(des(key.secret, data), data), key.secret)


def des(key: bytes, block: bytes) -> bytes:
    """Single DES of one block, as triple DES with the same key three times."""
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(block)


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def dkga04_data(key: AnyKey, number: MeterNumber, ti: str, ea: EncryptionAlgorithm) -> bytes:
    """The counted fields that DKGA04 hashes: algorithm and label, then the meter (6.5.3.6)."""
    base_date = key.base_date % 100
    text = (
        f"\x04\x0204\x02{base_date:02d}\x02{ea:02d}\x02{ti}\x00"
        f"\x04\x06{key.sgc}\x01{key.kt:d}\x01{key.krn}\x12{pan(number)}"
    )
    return text.encode("ascii") + (KEY_BYTES[ea] * 8).to_bytes(4, "big")


def dkga04_key(mac: bytes, ea: EncryptionAlgorithm) -> bytes:
    """The decoder key: the front of HMAC-SHA-256 over `dkga04_data` (6.5.3.6).

    The HMAC is all that needs the vending key, so a device that never gives it away can make it.
    """
    return mac[: KEY_BYTES[ea]]
