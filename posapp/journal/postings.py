"""Double entry of everything that moves money: what went where, and what it was for.

Till and head office book from the same facts with the same rules, so their sums must agree.
The chart of accounts is explained in resources/ledger/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from posapp.domain.cash import CashKind
from posapp.domain.sale import LineKind, SaleLine, TenderKind
from posapp.errors import SaleError
from posapp.journal.cash_facts import CashMoved, Commission
from posapp.journal.facts import SaleIntended


class Account(IntEnum):
    """Where an amount stands; debits are positive, credits negative. Numbers are stored."""

    CASH = 1
    MOBILE = 2
    CARD = 3
    ON_ACCOUNT = 4
    CHEQUE = 5
    SAFE = 6
    BANK = 7
    ELECTRICITY = 11
    LEVY = 12
    FEE = 13
    VAT = 14
    ARREARS = 15
    ROUNDING = 16
    PAYMENTS = 17
    REFUNDS = 18
    HELD = 19
    UTILITY = 20
    COMMISSION = 21
    OVER_SHORT = 22
    EXPENSES = 23


class Booking(IntEnum):
    """What a group of postings that add up to zero is about. Numbers are stored."""

    SALE = 0
    OPENING = 1
    CASH = 2
    CLOSING = 3
    HELD = 4
    RELEASED = 5
    COMMISSION = 6
    VOID = 7
    REFUND = 8
    HANDED_BACK = 9


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a booking. `code` tells apart what one account holds: a tax with its rate, a
    levy, a fee, the account of arrears; empty elsewhere. Minor units, never 0.
    """

    account: Account
    code: str
    amount_minor: int


_DEBIT = {
    TenderKind.CASH: Account.CASH,
    TenderKind.MOBILE: Account.MOBILE,
    TenderKind.CARD: Account.CARD,
    TenderKind.ACCOUNT: Account.ON_ACCOUNT,
    TenderKind.CHEQUE: Account.CHEQUE,
}
_CREDIT = {
    LineKind.ENERGY: Account.ELECTRICITY,
    LineKind.LEVY: Account.LEVY,
    LineKind.FEE: Account.FEE,
    LineKind.TAX: Account.VAT,
    LineKind.ARREARS: Account.ARREARS,
    LineKind.ROUNDING: Account.ROUNDING,
    LineKind.PAYMENT: Account.PAYMENTS,
}
TENDER_OF = {account: kind for kind, account in _DEBIT.items()}
"""The way of paying that an account holds the money of."""

_BY_CODE = (Account.LEVY, Account.FEE, Account.VAT, Account.ARREARS, Account.PAYMENTS)
# (to, from) of each movement.
_MOVES = {
    CashKind.IN: (Account.CASH, Account.SAFE),
    CashKind.OUT: (Account.EXPENSES, Account.CASH),
    CashKind.DROP: (Account.SAFE, Account.CASH),
    CashKind.DEPOSIT: (Account.BANK, Account.SAFE),
    CashKind.RETURN: (Account.HELD, Account.CASH),
}


def sold(sale: SaleIntended) -> tuple[Posting, ...]:
    """What a sale with its tokens books. Change leaves the drawer in cash.

    Raises SaleError TENDER_TOO_SMALL or CHANGE_WITHOUT_CASH.
    """
    return _balanced([*_received(sale), *_credits(sale.lines, -1)])


def held(sale: SaleIntended) -> tuple[Posting, ...]:
    """The money of a sale whose outcome nobody knows: in the drawer, and still the customer's."""
    return _balanced([*_received(sale), Posting(Account.HELD, "", -sale.amount_minor)])


def released(sale: SaleIntended) -> tuple[Posting, ...]:
    """The token of a held sale came after all: the money is what was sold."""
    return _balanced([Posting(Account.HELD, "", sale.amount_minor), *_credits(sale.lines, -1)])


def handed_back(sale: SaleIntended) -> tuple[Posting, ...]:
    """A held sale ended without a token in its own shift: the customer has the money again."""
    return negated(held(sale))


def voided(sale: SaleIntended) -> tuple[Posting, ...]:
    """A sale undone before anybody saw its token."""
    return negated(sold(sale))


def refunded(sale: SaleIntended, amount_minor: int) -> tuple[Posting, ...]:
    """A refund that was asked for: taken from what the sale credited, owed to the customer.

    A part of the sale takes the same part of each of its lines; what rounding leaves stands with
    the first. Raises SaleError REFUND_TOO_LARGE unless 0 < amount <= the sale's.
    """
    whole = sale.amount_minor
    if not 0 < amount_minor <= whole:
        raise SaleError("REFUND_TOO_LARGE", maximum_minor=whole)
    lines = [
        Posting(p.account, p.code, p.amount_minor * amount_minor // whole)
        for p in _credits(sale.lines, 1)
    ]
    left = amount_minor - sum(p.amount_minor for p in lines)
    rest = Posting(lines[0].account, lines[0].code, left)
    return _balanced([*lines, rest, Posting(Account.REFUNDS, "", -amount_minor)])


def opened(opening_minor: int) -> tuple[Posting, ...]:
    """The opening float comes out of the safe."""
    return _move(Account.CASH, Account.SAFE, opening_minor)


def closed(counted_minor: int, expected_minor: int) -> tuple[Posting, ...]:
    """What was counted goes to the safe; what it differs by is over (credit) or short (debit)."""
    return _balanced(
        [
            Posting(Account.SAFE, "", counted_minor),
            Posting(Account.CASH, "", -expected_minor),
            Posting(Account.OVER_SHORT, "", expected_minor - counted_minor),
        ]
    )


def moved(fact: CashMoved) -> tuple[Posting, ...]:
    """Cash that moved without a sale; nothing for a drawer that was only opened."""
    if not fact.kind.moves_cash:
        return ()
    return _move(*_MOVES[fact.kind], fact.amount_minor)


def earned(commissions: Iterable[Commission]) -> tuple[Posting, ...]:
    """Commission is kept back from what is owed to the utility."""
    lines = [Posting(Account.COMMISSION, c.code, -c.amount_minor) for c in commissions]
    total = -sum(p.amount_minor for p in lines)
    return _balanced([Posting(Account.UTILITY, "", total), *lines])


def negated(lines: Iterable[Posting]) -> tuple[Posting, ...]:
    """The same the other way round."""
    return tuple(Posting(p.account, p.code, -p.amount_minor) for p in lines)


def tax_code(line: SaleLine) -> str:
    """`vat 16`: a tax by its component and its published rate."""
    return f"{line.code} {line.rate}".strip()


def _received(sale: SaleIntended) -> list[Posting]:
    """The tenders less the change, which is cash."""
    lines = [Posting(_DEBIT[t.kind], "", t.received_minor) for t in sale.tenders]
    change = sale.change_minor
    if change < 0:
        raise SaleError("TENDER_TOO_SMALL", missing_minor=-change)
    if change:
        cash = sum(p.amount_minor for p in lines if p.account is Account.CASH)
        if cash < change:
            raise SaleError("CHANGE_WITHOUT_CASH", change_minor=change)
        lines.append(Posting(Account.CASH, "", -change))
    return lines


def _credits(lines: Iterable[SaleLine], sign: int) -> list[Posting]:
    return [
        Posting(_CREDIT[line.kind], _code(line), sign * line.amount_minor)
        for line in lines
        if line.amount_minor
    ]


def _code(line: SaleLine) -> str:
    if line.kind is LineKind.TAX:
        return tax_code(line)
    if line.kind is LineKind.ARREARS:
        return line.code.partition(" ")[2] or line.code
    return line.code if _CREDIT[line.kind] in _BY_CODE else ""


def _move(to: Account, of: Account, amount_minor: int) -> tuple[Posting, ...]:
    return _balanced([Posting(to, "", amount_minor), Posting(of, "", -amount_minor)])


def _balanced(lines: Iterable[Posting]) -> tuple[Posting, ...]:
    """One line an account and code, in their order, without zeros."""
    sums: dict[tuple[Account, str], int] = {}
    for line in lines:
        key = line.account, line.code
        sums[key] = sums.get(key, 0) + line.amount_minor
    if sum(sums.values()):
        raise SaleError("POSTINGS_UNBALANCED")
    return tuple(Posting(*key, sums[key]) for key in sorted(sums) if sums[key])
