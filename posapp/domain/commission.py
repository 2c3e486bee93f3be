"""What a vendor earns on what was sold: rules from head office, exact sums, rounded once a Z.

A rule is a table in a TOML file (`commission.toml` in the till's folder):

    [[rule]]
    code = "share"          # stands on paper and in the ledger
    kind = "share"          # per cent of `of`: "energy" (before levies and taxes) or "gross"
    of = "energy"
    rate = "2.5"

    [[rule]]
    code = "handling"
    kind = "per_sale"       # or per_kwh, per_free_token; in major units of the currency
    rate = "1.50"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from posapp.domain.money import Currency, round_minor
from posapp.errors import ConfigError

RULES_MAX = 10
CODE_MAX = 20
RATE_MAX = 10_000


class CommissionKind(StrEnum):
    """What a rule counts."""

    SHARE = "share"
    PER_KWH = "per_kwh"
    PER_SALE = "per_sale"
    PER_FREE_TOKEN = "per_free_token"


class ShareOf(StrEnum):
    """What a share is taken of."""

    ENERGY = "energy"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class Sold:
    """What there is to earn on: minor units, tenths of a kWh, sales and free tokens."""

    energy_minor: int
    gross_minor: int
    units_tenths: int
    sales: int
    free_tokens: int


@dataclass(frozen=True, slots=True)
class CommissionRule:
    """One rule. `rate` is per cent of a share, else major units of the currency."""

    code: str
    kind: CommissionKind
    rate: Decimal
    of: ShareOf = ShareOf.ENERGY

    def base(self, sold: Sold) -> int:
        """What the rate is multiplied with."""
        if self.kind is CommissionKind.SHARE:
            return sold.energy_minor if self.of is ShareOf.ENERGY else sold.gross_minor
        return {
            CommissionKind.PER_KWH: sold.units_tenths,
            CommissionKind.PER_SALE: sold.sales,
            CommissionKind.PER_FREE_TOKEN: sold.free_tokens,
        }[self.kind]

    def earned_minor(self, sold: Sold, unit: Currency) -> int:
        """Minor units, half up, of the whole period at once."""
        exact = self.rate * self.base(sold)
        if self.kind is CommissionKind.SHARE:
            return round_minor(exact / 100)
        if self.kind is CommissionKind.PER_KWH:
            exact /= 10
        return round_minor(exact * unit.scale)


def parse(text: str, where: str) -> tuple[CommissionRule, ...]:
    """The rules of a TOML text. Raises ConfigError CONFIG_SYNTAX or COMMISSION_RULE(field)."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("CONFIG_SYNTAX", file=where, reason=str(error)) from None
    rows = tables.pop("rule", [])
    if tables or not isinstance(rows, list) or len(rows) > RULES_MAX:
        raise ConfigError("COMMISSION_RULE", file=where, field="rule")
    rules = tuple(_rule(row, where) for row in rows)
    if len({rule.code for rule in rules}) != len(rules):
        raise ConfigError("COMMISSION_RULE", file=where, field="code")
    return rules


def _rule(row: object, where: str) -> CommissionRule:
    def bad(field: str) -> ConfigError:
        return ConfigError("COMMISSION_RULE", file=where, field=field)

    if not isinstance(row, dict):
        raise bad("rule")
    unknown = row.keys() - {"code", "kind", "rate", "of"}
    if unknown:
        raise bad(min(unknown))
    code, rate = row.get("code"), row.get("rate")
    if not isinstance(code, str) or not 1 <= len(code) <= CODE_MAX:
        raise bad("code")
    try:
        kind = CommissionKind(str(row.get("kind")))
    except ValueError:
        raise bad("kind") from None
    try:
        of = ShareOf(str(row.get("of", ShareOf.ENERGY.value)))
    except ValueError:
        raise bad("of") from None
    if "of" in row and kind is not CommissionKind.SHARE:
        raise bad("of")
    try:
        exact = Decimal(rate) if isinstance(rate, str) else Decimal("NaN")
    except InvalidOperation:
        raise bad("rate") from None
    if not exact.is_finite() or not 0 < exact <= RATE_MAX:
        raise bad("rate")
    return CommissionRule(code, kind, exact, of)
