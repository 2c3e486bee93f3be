"""How much one role may do without asking somebody else. Head office may set other figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from posapp.domain.operator import Role
from posapp.errors import InputError

NO_LIMIT = 10**15  # minor units: the lease is the only limit then


@dataclass(frozen=True, slots=True)
class RoleLimits:
    """The limits of one role; each is inclusive and 0 forbids.

    `max_sale_minor` and `max_void_minor` are minor units of the site's currency, of one sale;
    `free_issues_a_day` counts per person and business date, `free_tenths` is 0.1 kWh of one
    free issue.
    """

    role: Role
    max_sale_minor: int
    free_issues_a_day: int
    free_tenths: int
    max_void_minor: int

    def check_sale(self, amount_minor: int) -> None:
        """Raises InputError AMOUNT_ABOVE_ROLE(maximum_minor)."""
        if amount_minor > self.max_sale_minor:
            raise InputError("AMOUNT_ABOVE_ROLE", maximum_minor=self.max_sale_minor)

    def check_void(self, amount_minor: int) -> None:
        """Raises InputError VOID_ABOVE_ROLE(maximum_minor)."""
        if amount_minor > self.max_void_minor:
            raise InputError("VOID_ABOVE_ROLE", maximum_minor=self.max_void_minor)

    def check_free(self, units_tenths: int, issued_today: int) -> None:
        """Raises InputError FREE_UNITS_ABOVE_ROLE(maximum_tenths), FREE_ISSUES_USED(count)."""
        if units_tenths > self.free_tenths:
            raise InputError("FREE_UNITS_ABOVE_ROLE", maximum_tenths=self.free_tenths)
        if issued_today >= self.free_issues_a_day:
            raise InputError("FREE_ISSUES_USED", count=self.free_issues_a_day)


# What holds until head office says something else; who may not begin a thing has zeros for it.
USUAL: Mapping[Role, RoleLimits] = MappingProxyType(
    {
        limits.role: limits
        for limits in (
            RoleLimits(Role.VENDOR, NO_LIMIT, 0, 0, NO_LIMIT),
            RoleLimits(Role.CLERK, NO_LIMIT, 5, 1_000, NO_LIMIT),
            RoleLimits(Role.SUPERVISOR, NO_LIMIT, 20, 5_000, NO_LIMIT),
            RoleLimits(Role.TECHNICIAN, 0, 0, 0, 0),
            RoleLimits(Role.AUDITOR, 0, 0, 0, 0),
        )
    }
)
