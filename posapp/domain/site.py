"""The place a till stands in: what head office said of it when it was enrolled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from posapp.domain.money import Currency, currency


@dataclass(frozen=True, slots=True)
class Site:
    """One till at one shop. `day_starts_at` is the local business-day cut-off."""

    till_id: bytes
    till_code: str
    till_name: str
    utility: str
    utility_tax_number: str
    vendor: str
    vendor_address: str
    help_line: str
    zone: str
    currency_code: str
    day_starts_at: str = "00:00"

    @property
    def currency(self) -> Currency:
        return currency(self.currency_code)

    def local(self, moment: datetime) -> datetime:
        """A moment on the shop's own clock."""
        from zoneinfo import ZoneInfo  # late: the window shows a site's name before any time

        return moment.astimezone(ZoneInfo(self.zone))

    def business_date(self, moment: datetime) -> date:
        """The date a sale at `moment` belongs to: local, shifted by the cut-off."""
        cut = time.fromisoformat(self.day_starts_at)
        return (self.local(moment) - timedelta(hours=cut.hour, minutes=cut.minute)).date()
