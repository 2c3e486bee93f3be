"""What a till may sell, and to which day a sale belongs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from posapp.domain.lease import Lease
from posapp.domain.operator import Operator, Role
from posapp.domain.site import Site
from posapp.errors import SaleError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LEASE = Lease(1, 100_000, 50_000, 1_000, NOW + timedelta(days=12))


def a_site(**changes):
    values = {
        "till_id": bytes(16),
        "till_code": "MM03",
        "till_name": "Till 3",
        "utility": "Umoja Power",
        "utility_tax_number": "P051234567Q",
        "vendor": "Baraka General Store",
        "vendor_address": "Market Street",
        "help_line": "0800 100 200",
        "zone": "Africa/Nairobi",
        "currency_code": "KES",
    }
    return Site(**(values | changes))


@pytest.mark.parametrize(
    ("amount", "vended", "now", "code"),
    [
        (999, 0, NOW, "AMOUNT_BELOW_MINIMUM"),
        (50_001, 0, NOW, "AMOUNT_ABOVE_LIMIT"),
        (5_000, 95_001, NOW, "FLOAT_TOO_LOW"),
        (5_000, 0, NOW + timedelta(days=13), "LEASE_EXPIRED"),
    ],
)
def test_a_sale_outside_the_lease_is_refused(amount, vended, now, code):
    with pytest.raises(SaleError) as refusal:
        LEASE.check(amount, vended, now)
    assert refusal.value.code == code


def test_the_last_cent_of_the_float_can_be_sold():
    LEASE.check(5_000, 95_000, NOW)


def test_the_day_of_a_sale_is_local_and_has_a_cut_off():
    late = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # 01:30 next day in Nairobi
    assert a_site().business_date(late) == date(2026, 11, 21)
    assert a_site(day_starts_at="04:00").business_date(late) == date(2026, 11, 20)


def test_initials_are_of_the_first_and_last_name():
    assert Operator(1, "Grace Akinyi Otieno", Role.CLERK).initials == "GO"
    assert Operator(1, "Grace", Role.CLERK).initials == "G"
