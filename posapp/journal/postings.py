"""Double entry of a sold sale: what the drawer got and what it was for, in minor units.

Till and head office book from the same facts with the same rules, so their sums must agree.
"""

from __future__ import annotations

from enum import IntEnum

from posapp.domain.sale import LineKind, TenderKind
from posapp.errors import SaleError
from posapp.journal.facts import SaleIntended


class Account(IntEnum):
    """Where an amount stands; debits are positive, credits negative. Numbers are stored."""

    CASH = 1
    MOBILE = 2
    CARD = 3
    ON_ACCOUNT = 4
    ELECTRICITY = 11
    LEVY = 12
    FEE = 13
    VAT = 14
    ARREARS = 15
    ROUNDING = 16


_DEBIT = {
    TenderKind.CASH: Account.CASH,
    TenderKind.MOBILE: Account.MOBILE,
    TenderKind.CARD: Account.CARD,
    TenderKind.ACCOUNT: Account.ON_ACCOUNT,
}
_CREDIT = {
    LineKind.ENERGY: Account.ELECTRICITY,
    LineKind.LEVY: Account.LEVY,
    LineKind.FEE: Account.FEE,
    LineKind.TAX: Account.VAT,
    LineKind.ARREARS: Account.ARREARS,
    LineKind.ROUNDING: Account.ROUNDING,
}


def postings(sale: SaleIntended) -> tuple[tuple[Account, int], ...]:
    """(account, amount) by account, one each, without zeros; the amounts sum to zero.

    Change leaves the drawer in cash. Raises SaleError TENDER_TOO_SMALL or CHANGE_WITHOUT_CASH.
    """
    sums: dict[Account, int] = {}
    for tender in sale.tenders:
        account = _DEBIT[tender.kind]
        sums[account] = sums.get(account, 0) + tender.received_minor
    change = sale.change_minor
    if change < 0:
        raise SaleError("TENDER_TOO_SMALL", missing_minor=-change)
    if change:
        if sums.get(Account.CASH, 0) < change:
            raise SaleError("CHANGE_WITHOUT_CASH", change_minor=change)
        sums[Account.CASH] -= change
    for line in sale.lines:
        account = _CREDIT[line.kind]
        sums[account] = sums.get(account, 0) - line.amount_minor
    booked = tuple((account, sums[account]) for account in sorted(sums) if sums[account])
    if sum(amount for _, amount in booked):
        raise SaleError("POSTINGS_UNBALANCED")
    return booked
