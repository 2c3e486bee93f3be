"""VERIFY: what a token is under a meter's key, and what is odd about it (`posapp.sts.verify`).

Who may ask this without end can find tokens that fit by trying: one random number in 65,536 has
a right checksum. So wrong ones are few an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posapp.clock import Clock, epoch_ms
from posapp.domain.meter import MeterConfiguration, MeterNumber
from posapp.errors import ModuleError, PosError
from posapp.security_module.reference.issue import Issuer, refusal
from posapp.security_module.reference.pacing import Allowance
from posapp.sts import verify
from posapp.sts.tokens import TokenClass

WRONG_AT_ONCE = 20
WRONG_EVERY_MS = 60_000
_KEY_SECTIONS = (3, 4, 8, 9)


@dataclass(frozen=True, slots=True)
class Found:
    """A token that fits. `fields` are those of `tokens.LAYOUTS`, none of a key-change token: they
    are a key. `doubts` are names of `verify.Doubt`, `made_ms` is 0 for a token without a TID.
    """

    token_class: int
    subclass: int
    name: str
    fields: dict[str, int] = field(repr=False)
    units: int
    doubts: tuple[str, ...]
    made_ms: int

    def body(self) -> dict[str, object]:
        """The reply to VERIFY."""
        return {
            "class": self.token_class,
            "subclass": self.subclass,
            "name": self.name,
            "fields": self.fields,
            "units": self.units,
            "doubts": list(self.doubts),
            "made": self.made_ms,
        }


class Verifier:
    """Answers for the keys of one issuer."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._wrong = Allowance(clock, WRONG_AT_ONCE, WRONG_EVERY_MS)

    def verify(self, digits: str, meter: MeterNumber, conf: MeterConfiguration) -> Found:
        """The token under the meter's key.

        Raises ModuleError VERIFY_TOO_OFTEN, KEY_NOT_FOUND(sgc, krn), TOKEN_FORM, TOKEN_RANGE,
        TOKEN_CRC, TOKEN_CLASS, TOKEN_SUBCLASS, and as `keys.decoder_key` does.
        """
        if not self._wrong.is_left:
            raise ModuleError("VERIFY_TOO_OFTEN")
        key = self._issuer.key(conf.sgc, conf.krn)
        expected = verify.Expectation(self._clock.now(), key.base_date, key.ken, key.kt)
        try:
            secret = self._issuer.decoder_key(key, meter, conf.ti, conf.ea)
            found = verify.verify(digits, secret, conf.ea, self._issuer.tables, expected)
        except ModuleError:
            raise
        except PosError as error:
            self._wrong.take()
            raise refusal(error) from None
        token = found.token
        is_key = token.token_class == TokenClass.MANAGEMENT and token.subclass in _KEY_SECTIONS
        return Found(
            token.token_class,
            token.subclass,
            token.name,
            {} if is_key else dict(token.fields),
            token.units or 0,
            tuple(doubt.value for doubt in found.doubts),
            epoch_ms(found.made_at) if found.made_at else 0,
        )
