"""Decoder keys of many meters from a set of vending keys (IEC 62055-41 6.5.3).

DKGA04 is bound by its two SHA-256 a meter: the state after each vending key is made once and
copied. DKGA02 gives all meters of a vending key to one DES call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import PosError
from posapp.sts.bulk.arrays import Bytes, Flags, Integers, groups, slices
from posapp.sts.bulk.digits import ZERO, number_places, pans, two_digits
from posapp.sts.ciphers import KEY_BYTES
from posapp.sts.keys import (
    AnyKey,
    VendingKey,
    check_derivation,
    control_block,
    decoder_key,
    dkga04_data,
)

_HASH_BLOCK = 64
_HASH_BYTES = 32
_INNER = bytes(0x36 ^ byte for byte in range(256))  # RFC 2104, as a translation
_OUTER = bytes(0x5C ^ byte for byte in range(256))

# Where the fields of a meter stand in what DKGA04 hashes; the rest is the vending key's.
_TI_PLACES = slice(11, 13)
_PAN_PLACES = slice(27, 45)

# One meter for each length, to ask the single path whether a kind of derivation is allowed.
_ANY_METER = {False: MeterNumber("0" * 11), True: MeterNumber("0" * 13)}


# HMAC-SHA-256 under the vending key of an SGC and KRN, of a message: by a device that keeps it.
Hmac = Callable[[str, int, bytes], bytes]


class VendingKeys:
    """Vending keys in a row, each known by its place, with what all their meters share.

    With `hmac` no secret is needed: then they are attributes of DKGA04 keys that a device keeps.
    """

    def __init__(self, keys: Sequence[AnyKey], hmac: Hmac | None = None) -> None:
        self.keys = tuple(keys)
        self._hmac = hmac
        self.kt = _column(key.kt for key in keys)
        self.krn = _column(key.krn for key in keys)
        self.ken = _column(key.ken for key in keys)
        self.sgc = _column(int(key.sgc) for key in keys)
        self.base_date = _column(key.base_date for key in keys)
        self._dkga = _column(key.dkga for key in keys)
        controls = [np.frombuffer(control_block(key, "00"), np.uint8) for key in keys]
        self._controls = np.array(controls, np.uint8).reshape(-1, 8)
        self._messages: dict[EncryptionAlgorithm, Bytes] = {}

    def __repr__(self) -> str:
        return f"VendingKeys({len(self.keys)} keys)"

    def refusal(self, place: int, ea: EncryptionAlgorithm, *, long: bool) -> PosError | None:
        """Why a vending key makes no decoder keys for meters of this EA and length, or None."""
        try:
            check_derivation(self.keys[place], _ANY_METER[long], "00", ea)
        except PosError as error:
            return error
        return None

    def decoder_keys(
        self, which: Integers, numbers: Bytes, long: Flags, ti: Integers, ea: EncryptionAlgorithm
    ) -> Bytes:
        """The decoder key of each row: (rows, 8) bytes for EA07, (rows, 16) for EA11.

        `which` is the place of the row's vending key, `numbers` and `long` are what
        `digits.number_places` gives, `ti` 0..99. No row may be one that `refusal` is about.
        """
        made = np.empty((len(which), KEY_BYTES[ea]), np.uint8)
        for rows in slices(len(which)):
            full = pans(numbers[:, rows], long[rows])
            made[rows] = self._derived(which[rows], full, ti[rows], ea)
        return made

    def _derived(
        self, which: Integers, full: Bytes, ti: Integers, ea: EncryptionAlgorithm
    ) -> Bytes:
        dkga = self._dkga[which]
        made = np.empty((len(which), KEY_BYTES[ea]), np.uint8)
        for number, derive in ((2, self._dkga02), (4, self._dkga04)):
            rows = np.flatnonzero(dkga == number)
            if len(rows) == len(which):
                return derive(which, full, ti, ea)
            if len(rows):
                made[rows] = derive(which[rows], full[:, rows], ti[rows], ea)
        return made

    def _dkga04(self, which: Integers, full: Bytes, ti: Integers, ea: EncryptionAlgorithm) -> Bytes:
        """The front of HMAC-SHA-256 under the vending key (6.5.3.6)."""
        messages = self._shared_messages(ea)[which]
        messages[:, _TI_PLACES] = two_digits(ti).T
        messages[:, _PAN_PLACES] = full.T
        made = np.empty((len(which), KEY_BYTES[ea]), np.uint8)
        for place, rows in groups(which):
            hashed = self._hmacs(place, messages[rows])
            made[rows] = hashed[:, : KEY_BYTES[ea]]
        return made

    def _hmacs(self, place: int, messages: Bytes) -> Bytes:
        key = self.keys[place]
        if isinstance(key, VendingKey):
            return _hmacs(key.secret, messages)
        assert self._hmac is not None, "a key without its secret and without its keeper"
        made = [self._hmac(key.sgc, key.krn, message.tobytes()) for message in messages]
        return np.frombuffer(b"".join(made), np.uint8).reshape(-1, _HASH_BYTES)

    def _shared_messages(self, ea: EncryptionAlgorithm) -> Bytes:
        """What DKGA04 hashes for some meter of TI 00, a row for each vending key."""
        if ea not in self._messages:
            some = [dkga04_data(key, _ANY_METER[False], "00", ea) for key in self.keys]
            self._messages[ea] = np.array([np.frombuffer(m, np.uint8) for m in some], np.uint8)
        return self._messages[ea]

    def _dkga02(self, which: Integers, full: Bytes, ti: Integers, ea: EncryptionAlgorithm) -> Bytes:
        """DES of both blocks under the vending key, and the three together (6.5.3.4)."""
        assert ea == EncryptionAlgorithm.STA, "`refusal` keeps the others out"
        control = self._controls[which]
        tens = ti // 10
        # TI stands in the digits after KT and SGC, across two bytes (6.5.3.2).
        control[:, 3] |= tens.astype(np.uint8)
        control[:, 4] |= (ti - tens * 10).astype(np.uint8) << np.uint8(4)
        digits = full[1:-1] - np.uint8(ZERO)
        digits[5:, self.kt[which] == KeyType.COMMON] = 0  # the meter's own digits (6.5.3.1)
        data = (digits[0::2] << np.uint8(4) | digits[1::2]).T ^ control
        made = np.empty_like(data)
        for place, rows in groups(which):
            key = self.keys[place]
            assert isinstance(key, VendingKey), "no device keeps such a key"
            made[rows] = _des(key.secret, data[rows])
        made ^= data
        return made


def decoder_keys(
    key: VendingKey, numbers: Sequence[MeterNumber], ti: str, ea: EncryptionAlgorithm
) -> Bytes:
    """The keys inside many meters of one vending key and one tariff index, a row each.

    The same bytes as `posapp.sts.keys.decoder_key`, and it raises like it.
    """
    vending = VendingKeys([key])
    places, long = number_places(numbers)
    for length in np.unique(long).tolist():
        decoder_key(key, _ANY_METER[length], ti, ea)
    rows = len(numbers)
    tis = np.full(rows, int(ti), np.int64)
    return vending.decoder_keys(np.zeros(rows, np.int64), places, long, tis, ea)


def _column(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)


def _hmacs(secret: bytes, messages: Bytes) -> Bytes:
    """HMAC-SHA-256 of each row of `messages` as (rows, 32) bytes."""
    padded = secret.ljust(_HASH_BLOCK, b"\0")
    inner = hashlib.sha256(padded.translate(_INNER)).copy
    outer = hashlib.sha256(padded.translate(_OUTER)).copy
    made = []
    # Most of a campaign's time is this loop: four calls into OpenSSL a meter.
    for message in messages.view(f"V{messages.shape[1]}").ravel().tolist():
        first = inner()
        first.update(message)
        second = outer()
        second.update(first.digest())
        made.append(second.digest())
    return np.frombuffer(b"".join(made), np.uint8).reshape(-1, _HASH_BYTES)


def _des(key: bytes, blocks: Bytes) -> Bytes:
    """Single DES of each row of eight bytes, and the key exclusive-or on top."""
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    made = np.frombuffer(encryptor.update(blocks.tobytes()), np.uint8).reshape(-1, len(key))
    under: Bytes = made ^ np.frombuffer(key, np.uint8)
    return under
