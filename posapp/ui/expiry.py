"""When a vending key ends soon: at 30 days, at 7, at 1 and when it is over (STS 202-6). No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posapp.ports import ModuleStatus, SupplyKey

STEPS = (1, 7, 30)  # days; the smallest that fits counts


@dataclass(frozen=True, slots=True)
class Expiry:
    """A key that ends within `step` days; `left` may be less than a day, 0 or below is over."""

    key: SupplyKey
    step: int
    left: timedelta

    @property
    def days(self) -> int:
        """Days left as people count them: a day that has begun counts."""
        return max(0, -(-self.left // timedelta(days=1)))

    @property
    def colour(self) -> str:
        """`bad` on the last day, `warn` before."""
        return "bad" if self.step <= 1 else "warn"


def expiry_of(key: SupplyKey, now: datetime) -> Expiry | None:
    """How a key stands; None while more than 30 days are left. `step` 0: it is over."""
    left = key.ends_at - now
    if left <= timedelta(0):
        return Expiry(key, 0, left)
    step = next((days for days in STEPS if left <= timedelta(days=days)), None)
    return None if step is None else Expiry(key, step, left)


def next_expiry(status: ModuleStatus, now: datetime) -> Expiry | None:
    """The living key that ends first, if that is soon.

    One that is over warns nobody any more (the state says so when it was the last): old
    revisions stay in a module long after their meters have new keys.
    """
    found = (expiry_of(key, now) for key in status.keys)
    soon = [expiry for expiry in found if expiry is not None and expiry.step > 0]
    return min(soon, key=lambda expiry: expiry.left, default=None)
