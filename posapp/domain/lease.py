"""The lease: how much, how long and under what limits a till may sell without head office.

Totals are cumulative and only ever grow, so a lost, doubled or reordered lease makes no money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posapp.errors import SaleError


@dataclass(frozen=True, slots=True)
class Lease:
    """What head office signed. Amounts in minor units of the site's currency."""

    number: int
    authorised_total_minor: int
    max_sale_minor: int
    min_sale_minor: int
    valid_until: datetime

    def check(self, amount_minor: int, vended_total_minor: int, now: datetime) -> None:
        """Raise SaleError when a sale of `amount_minor` is outside the lease; no token is made."""
        if now > self.valid_until:
            raise SaleError("LEASE_EXPIRED", until=self.valid_until)
        if amount_minor < self.min_sale_minor:
            raise SaleError("AMOUNT_BELOW_MINIMUM", minimum_minor=self.min_sale_minor)
        if amount_minor > self.max_sale_minor:
            raise SaleError("AMOUNT_ABOVE_LIMIT", maximum_minor=self.max_sale_minor)
        if vended_total_minor + amount_minor > self.authorised_total_minor:
            left = max(0, self.authorised_total_minor - vended_total_minor)
            raise SaleError("FLOAT_TOO_LOW", left_minor=left)
