"""What head office lets one security module make, as one numbered and signed document.

It is the till's lease too. All totals are cumulative, so a lost, doubled or late document makes
no money; `number` counts 1, 2, 3 ... for each module, and the module takes only the next one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.domain.money import currency
from posapp.errors import InputError
from posapp.wire import signatures as signed
from posapp.wire.fields import INT_MAX, Fields
from posapp.wire.lease import SignedLease
from posapp.wire.signatures import Signatures

PURPOSE = b"posapp/authorisation/1"
_GRANTS = 9  # its key in the document; a lease by line has no such key
VERSION = 1
DOCUMENT_BYTES_MAX = 16 * 1024
GRANTS_MAX = 64  # supply groups and revisions that one module serves
LEASE_DAYS_MAX = 90
UNACKNOWLEDGED_MAX = 100_000  # tokens; the busiest till sells them in half a year
OPENINGS_MAX = 50
MONEY_UNITS = 100_000  # of subclass 4-7 in one of the currency
MINUTES_A_WEEK = 7 * 24 * 60

MODULE_ID_FORM = re.compile(r"[A-Z0-9][A-Z0-9-]{2,39}")
TILL_ID_BYTES = 16
_MOMENT_MS_MAX = 1 << 47
_GRANT_FIELDS = 5


def _bad(field: str) -> InputError:
    return InputError("AUTHORISATION_INVALID", field=field)


@dataclass(frozen=True, slots=True)
class Grant:
    """How much of one vending key may be used, ever; each total only grows.

    `units_total` in the unit of class 0 subclass 0-3 (0.1 kWh and so on), `money_units_total` in
    0.00001 of the currency (subclass 4-7), `value_total_minor` the declared value of all tokens.
    Raises InputError AUTHORISATION_INVALID(field).
    """

    sgc: str
    krn: int
    units_total: int
    money_units_total: int
    value_total_minor: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{6}", self.sgc):
            raise _bad("sgc")
        if type(self.krn) is not int or not 1 <= self.krn <= 9:
            raise _bad("krn")
        for name in ("units_total", "money_units_total", "value_total_minor"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= INT_MAX:
                raise _bad(name)


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One document's words. Times are aware and exact to the millisecond.

    `module_id` and `till_id` (16 bytes) are the only pair it is for. `lease` is the till's.
    The module makes nothing later than `lease_days` after `issued_at` of the newest signed word,
    nor with more than `unacknowledged_max` tokens that head office has not seen. `grants` are in
    the order of (SGC, KRN), each once. `opening_hours` are (from, to) minutes of the week in UTC
    from Monday 00:00, in order and apart; none: always open. Raises InputError
    AUTHORISATION_INVALID(field), CURRENCY_INVALID.
    """

    module_id: str
    number: int
    issued_at: datetime
    till_id: bytes
    currency_code: str
    lease: Lease
    lease_days: int
    unacknowledged_max: int
    grants: tuple[Grant, ...]
    opening_hours: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        lease = self.lease
        sums = (lease.min_sale_minor, lease.max_sale_minor, lease.authorised_total_minor)
        checks = {
            "module_id": bool(MODULE_ID_FORM.fullmatch(self.module_id)),
            "number": _within(self.number, 1, INT_MAX),
            "issued_at": _is_moment(self.issued_at),
            "till_id": len(self.till_id) == TILL_ID_BYTES,
            "currency_code": bool(re.fullmatch(r"[A-Z]{3}", self.currency_code)),
            "lease": all(_within(value, 0, INT_MAX) for value in sums)
            and _within(lease.number, 1, INT_MAX)
            and lease.min_sale_minor <= lease.max_sale_minor,
            "valid_until": _is_moment(lease.valid_until),
            "lease_days": _within(self.lease_days, 1, LEASE_DAYS_MAX),
            "unacknowledged_max": _within(self.unacknowledged_max, 1, UNACKNOWLEDGED_MAX),
            "grants": _in_order([(grant.sgc, grant.krn) for grant in self.grants])
            and len(self.grants) <= GRANTS_MAX,
            "opening_hours": _are_openings(self.opening_hours),
        }
        for name, right in checks.items():
            if not right:
                raise _bad(name)

    def open_at(self, moment: datetime) -> bool:
        """Whether the opening hours allow a token at an aware moment (`to` is outside)."""
        utc = moment.astimezone(UTC)
        minute = (utc.weekday() * 24 + utc.hour) * 60 + utc.minute
        hours = self.opening_hours
        return not hours or any(start <= minute < end for start, end in hours)

    def to_document(self) -> bytes:
        """The canonical bytes that are signed."""
        lease = self.lease
        return cbor.encode(
            {
                0: VERSION,
                1: self.module_id,
                2: self.number,
                3: epoch_ms(self.issued_at),
                4: self.till_id,
                5: self.currency_code,
                6: [
                    lease.number,
                    lease.authorised_total_minor,
                    lease.max_sale_minor,
                    lease.min_sale_minor,
                    epoch_ms(lease.valid_until),
                ],
                7: self.lease_days,
                8: self.unacknowledged_max,
                _GRANTS: [
                    [g.sgc, g.krn, g.units_total, g.money_units_total, g.value_total_minor]
                    for g in self.grants
                ],
                10: [list(hours) for hours in self.opening_hours],
            }
        )

    @classmethod
    def from_document(cls, document: bytes) -> Authorisation:
        """What signed bytes say. Raises InputError AUTHORISATION_INVALID, CBOR_INVALID."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise _bad("size")
        value = cbor.decode(document)
        try:
            found = _read(Fields(value))
        except InputError as error:
            if error.code == "AUTHORISATION_INVALID":
                raise
            raise _bad(str(error.params.get("field", "form"))) from None
        except (ValueError, TypeError, OverflowError):
            raise _bad("form") from None
        if found.to_document() != document:  # a key that nobody here knows
            raise _bad("fields")
        return found


@dataclass(frozen=True, slots=True)
class SignedAuthorisation:
    """`document` is what was signed, `authorisation` what it says, `signatures` by whom."""

    authorisation: Authorisation
    document: bytes
    signatures: Signatures

    @classmethod
    def sign(cls, authorisation: Authorisation, *keys: SigningKey) -> SignedAuthorisation:
        """A document signed by 1..8 different keys; times are cut to the millisecond."""
        document = authorisation.to_document()
        said = Authorisation.from_document(document)
        return cls(said, document, signed.sign(PURPOSE, document, keys))

    def countersign(self, key: SigningKey) -> SignedAuthorisation:
        """The same document with one more signer."""
        pairs = dict(self.signatures) | dict(signed.sign(PURPOSE, self.document, [key]))
        return SignedAuthorisation(self.authorisation, self.document, tuple(sorted(pairs.items())))

    @classmethod
    def read(cls, data: bytes) -> SignedAuthorisation:
        """From bytes, not yet checked against anyone's key.

        Raises InputError SIGNED_FORM, AUTHORISATION_INVALID, CBOR_INVALID.
        """
        document, signatures = signed.unpack(data, DOCUMENT_BYTES_MAX)
        return cls(Authorisation.from_document(document), document, signatures)

    def to_bytes(self) -> bytes:
        """What is written into a file or sent to the module."""
        return signed.pack(self.document, self.signatures)

    def check(self, trusted: Collection[bytes], needed: int) -> None:
        """Raise unless `needed` different signers out of `trusted` (public keys) signed it.

        InputError SIGNATURE_INVALID, SIGNERS_TOO_FEW(found, needed).
        """
        signed.check(PURPOSE, self.document, self.signatures, trusted, needed)


def lease_of(document: bytes) -> Lease:
    """The lease that a till keeps: of a lease's own document, or of an authorisation's.

    Raises InputError MESSAGE_INVALID, AUTHORISATION_INVALID, CBOR_INVALID.
    """
    value = cbor.decode(document)
    if isinstance(value, dict) and _GRANTS in value:
        return Authorisation.from_document(document).lease
    return SignedLease.read(document, b"").lease


def added_minor(units: int, money_units: int, value_minor: int, currency_code: str) -> int:
    """What more of one key counts in minor units, for the rule of two signers.

    The declared value alone would let one person grant energy for nothing: a unit (0.1 kWh and
    so on) counts as one minor unit at least, money on tokens as what it is.
    """
    per_minor = max(1, MONEY_UNITS // currency(currency_code).scale)
    return max(value_minor, units + -(-money_units // per_minor))


def _read(f: Fields) -> Authorisation:
    if f.integer(0) != VERSION:
        raise _bad("version")
    lease = _row(f.items(6, 5), 5)
    return Authorisation(
        module_id=f.text(1, 40),
        number=f.integer(2, low=1),
        issued_at=from_epoch_ms(f.integer(3, high=_MOMENT_MS_MAX)),
        till_id=f.data(4, length=TILL_ID_BYTES),
        currency_code=f.text(5, 3),
        lease=Lease(
            lease.integer(0),
            lease.integer(1),
            lease.integer(2),
            lease.integer(3),
            from_epoch_ms(lease.integer(4, high=_MOMENT_MS_MAX)),
        ),
        lease_days=f.integer(7),
        unacknowledged_max=f.integer(8),
        grants=tuple(_grant(row) for row in f.items(_GRANTS, GRANTS_MAX)),
        opening_hours=tuple(_hours(row) for row in f.items(10, OPENINGS_MAX)),
    )


def _grant(row: object) -> Grant:
    f = _row(row, _GRANT_FIELDS)
    return Grant(f.text(0, 6), f.integer(1), f.integer(2), f.integer(3), f.integer(4))


def _hours(row: object) -> tuple[int, int]:
    f = _row(row, 2)
    return f.integer(0), f.integer(1)


def _row(row: object, length: int) -> Fields:
    if not isinstance(row, list) or len(row) != length:
        raise _bad("row")
    return Fields(dict(enumerate(row)))


def _within(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_moment(moment: datetime) -> bool:
    return moment.tzinfo is not None and 0 <= epoch_ms(moment) <= _MOMENT_MS_MAX


def _in_order(keys: list[tuple[str, int]]) -> bool:
    return keys == sorted(set(keys))


def _are_openings(hours: tuple[tuple[int, int], ...]) -> bool:
    if len(hours) > OPENINGS_MAX:
        return False
    last = -1
    for start, end in hours:
        if not _within(start, 0, MINUTES_A_WEEK) or not _within(end, 0, MINUTES_A_WEEK):
            return False
        if not last < start < end:
            return False
        last = end
    return True
