"""How vending keys come to be: made here, or typed in; and the value that two people compare."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from posapp.clock import Randomness
from posapp.domain.meter import KeyType
from posapp.errors import InputError
from posapp.sts.keys import VendingKey, des, with_odd_parity

SECRET_BYTES = {2: 8, 4: 20}  # by DKGA
CHECK_LABEL = b"posapp/key-check/1"


@dataclass(frozen=True, slots=True)
class Attributes:
    """Everything of a vending key but the secret; `VendingKey` says what each may be."""

    sgc: str
    krn: int
    kt: KeyType = KeyType.UNIQUE
    base_date: int = 2014
    ken: int = 255
    dkga: int = 4
    active_from: datetime | None = None
    issue_until: datetime | None = None
    permitted: frozenset[tuple[int, int]] | None = None

    def key(self, secret: bytes) -> VendingKey:
        """The whole key. Raises InputError VENDING_KEY_..., UNKNOWN_DKGA, DKGA_WITHDRAWN."""
        return VendingKey(
            secret,
            self.sgc,
            self.krn,
            self.kt,
            self.base_date,
            self.ken,
            self.dkga,
            self.active_from,
            self.issue_until,
            self.permitted,
        )


def make_key(attributes: Attributes, randomness: Randomness) -> VendingKey:
    """A new key from the random source: 160 bits for DKGA04, a DES key with parity for DKGA02."""
    secret = randomness.bytes(SECRET_BYTES.get(attributes.dkga, 20))
    return attributes.key(with_odd_parity(secret) if attributes.dkga == 2 else secret)


def import_key(attributes: Attributes, text: str) -> VendingKey:
    """A key that another key office made, from hex digits; blanks between them do not matter.

    Raises InputError VENDING_KEY_HEX, VENDING_KEY_LENGTH, VENDING_KEY_PARITY; none quotes it.
    """
    digits = re.sub(r"\s", "", text)
    if not re.fullmatch(r"([0-9A-Fa-f]{2}){1,64}", digits):
        raise InputError("VENDING_KEY_HEX")
    return attributes.key(bytes.fromhex(digits))


def check_value(key: VendingKey) -> str:
    """Six hex digits that say which key it is, and nothing else of it.

    DKGA02: the first three bytes of eight zero bytes under the DES key, as key offices print it.
    DKGA04: those of HMAC-SHA-256 of a fixed label under the key, our own rule.
    """
    if key.dkga == 2:
        return des(key.secret, bytes(8))[:3].hex().upper()
    return hmac.digest(key.secret, CHECK_LABEL, "sha256")[:3].hex().upper()
