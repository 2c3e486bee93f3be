"""Decoding under candidate keys, counted: the more keys are tried, the less a fit is worth.

Every trial adds the chance that it fits by accident; a fit is judged by the sum so far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterConfiguration, MeterNumber
from posapp.errors import InputError
from posapp.sts import verify
from posapp.sts.explain.case import Case, MeterRecord
from posapp.sts.keys import VendingKey, decoder_key
from posapp.sts.tid import KEN_NEVER
from posapp.sts.tokens import DecodedToken, decode, extract_class, number_of
from posapp.sts.verify import CRC_CHANCE, Doubt, Expectation

_KeyName = tuple[str, int, KeyType, int]  # SGC, KRN, KT, base date


@dataclass(frozen=True, slots=True)
class Fit:
    """Digits whose checksum is right under some key data.

    `token` is None for a reserved class or a subclass without a layout. `chance` is that of a
    coincidence, all trials so far counted; of one with the oddities this one has, when
    it has any.
    """

    configuration: MeterConfiguration
    token: DecodedToken | None
    doubts: tuple[Doubt, ...]
    chance: Fraction

    @property
    def plausible(self) -> bool:
        """Whether nothing is odd about the token."""
        return self.token is not None and not self.doubts


class Trials:
    """The search of one case. `complete` turns false when the limit stops it."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.count = 0
        self.complete = True
        self._chance = Fraction(0)
        self._seen: set[tuple[str, bytes, int]] = set()
        self._chances: dict[tuple[int, EncryptionAlgorithm, Expectation], Fraction] = {}
        self._keys: dict[tuple[MeterNumber, MeterConfiguration], tuple[bytes, ...]] = {}
        self._on_file: dict[_KeyName, list[VendingKey]] = {}
        for key in case.keys:
            self._on_file.setdefault(_key_name(key), []).append(key)

    def keys(self, number: MeterNumber, configuration: MeterConfiguration) -> tuple[bytes, ...]:
        """The decoder keys that a meter can have with this key data, from the keys on file."""
        place = (number, configuration)
        if place not in self._keys:
            candidates = self._on_file.get(_key_name(configuration), ())
            found = (_derived(key, number, configuration) for key in candidates)
            self._keys[place] = tuple(dict.fromkeys(key for key in found if key is not None))
        return self._keys[place]

    def own(self, digits: str) -> Fit | None:
        """The token under the meter's current key data, whatever the meter will say of it.

        Expiry, key type and date of manufacture are not counted as odd: they are what the
        meter refuses for.
        """
        record = self._case.record
        expected = replace(
            self._case.expectation(record, record.current),
            ken=KEN_NEVER,
            kt=KeyType.UNIQUE,
            manufactured=None,
        )
        return self._fit(digits, record.number, record.current, expected)

    def under(
        self, digits: str, record: MeterRecord, configuration: MeterConfiguration
    ) -> Fit | None:
        """The token under any meter's key data."""
        expected = self._case.expectation(record, configuration)
        return self._fit(digits, record.number, configuration, expected)

    def issued(
        self, digits: str, number: MeterNumber, configuration: MeterConfiguration
    ) -> DecodedToken | None:
        """An issued token under the key data it was made with; not counted as a trial."""
        for key in self.keys(number, configuration):
            try:
                return decode(digits, key, configuration.ea, self._case.tables)
            except InputError:
                continue
        return None

    def test(self, digits: str) -> Fit | None:
        """A class 1 token, which needs no key."""
        configuration = self._case.record.current
        expected = self._case.expectation(self._case.record, configuration)
        return self._attempt(digits, b"", configuration, expected)

    def _fit(
        self,
        digits: str,
        number: MeterNumber,
        configuration: MeterConfiguration,
        expected: Expectation,
    ) -> Fit | None:
        for key in self.keys(number, configuration):
            if (digits, key, configuration.ea) in self._seen:
                continue
            if self.count >= self._case.trials_max:
                self.complete = False
                return None
            self._seen.add((digits, key, configuration.ea))
            fit = self._attempt(digits, key, configuration, expected)
            if fit is not None:
                return fit
        return None

    def _attempt(
        self, digits: str, key: bytes, configuration: MeterConfiguration, expected: Expectation
    ) -> Fit | None:
        ea = configuration.ea
        self.count += 1
        self._chance += self._chance_of(extract_class(number_of(digits))[0], ea, expected)
        try:
            token = decode(digits, key, ea, self._case.tables)
        except InputError as error:
            if error.code == "TOKEN_CRC":
                return None
            return Fit(configuration, None, (), self.count * CRC_CHANCE)
        odd = verify.doubts(token, ea, expected)
        return Fit(configuration, token, odd, self.count * CRC_CHANCE if odd else self._chance)

    def _chance_of(
        self, token_class: int, ea: EncryptionAlgorithm, expected: Expectation
    ) -> Fraction:
        place = (token_class, ea, expected)
        if place not in self._chances:
            self._chances[place] = verify.coincidence(token_class, ea, expected)
        return self._chances[place]


def _key_name(of: VendingKey | MeterConfiguration) -> _KeyName:
    """What a vending key is found by."""
    return of.sgc, of.krn, of.kt, of.base_date


def _derived(
    key: VendingKey, number: MeterNumber, configuration: MeterConfiguration
) -> bytes | None:
    """The decoder key, None for combinations that have none (DKGA02 with EA11, an initial key)."""
    try:
        return decoder_key(key, number, configuration.ti, configuration.ea)
    except InputError:
        return None


def configuration_of(key: VendingKey, like: MeterConfiguration) -> MeterConfiguration:
    """The key data of a meter that had this vending key, its tariff index and EA kept."""
    return replace(like, sgc=key.sgc, krn=key.krn, kt=key.kt, base_date=key.base_date, ken=key.ken)
