"""What a tariff needs to know of one meter now, read from the till's own store."""

from __future__ import annotations

from datetime import datetime

from posapp.domain.meter import Meter, MeterNumber
from posapp.ports import MeterHistory, Reader
from posapp.pricing.situation import Debt, FeeState, Situation
from posapp.pricing.tariff import TariffPack


def read_situation(reader: Reader, meter: Meter, pack: TariffPack, now: datetime) -> Situation:
    """A meter at `now` (aware UTC) under a tariff, as this snapshot of the store has it.

    What head office said of the account holds as of its own moment; what this till sold since
    then is added to it. Sales of other tills are known only through head office.
    """
    site = reader.site()
    standing = reader.standing(meter.number)
    as_of = None if standing is None else standing.as_of
    month = site.business_date(now).replace(day=1)
    history = reader.history(meter.number, month, pack.average_months, as_of)
    average = None if standing is None else standing.average_tenths
    if average is None and history.earlier_tenths is not None:
        # Rounded up: whoever is above a limit by less than a tenth is above it all the same.
        average = -(-history.earlier_tenths // pack.average_months)
    return Situation(
        at=site.local(now).replace(tzinfo=None),
        bought_tenths=history.bought_tenths,
        free_tenths=history.free_tenths,
        average_tenths=average,
        entitled=standing is not None and standing.entitled,
        last_bought=history.last_bought,
        fees=_fees(history, {} if standing is None else dict(standing.fees), as_of),
        debts=() if standing is None else _debts(standing.debts, dict(history.arrears_paid)),
        rate=None if pack.pegged is None else reader.rate(pack.pegged.currency.code),
        ct_ratio=meter.ct_ratio,
    )


def debts_left(reader: Reader, number: MeterNumber) -> tuple[Debt, ...]:
    """What the accounts of a meter owe now: as head office told, less what was paid here since."""
    standing = reader.standing(number)
    if standing is None or not standing.debts:
        return ()
    month = standing.as_of.date()
    paid = reader.history(number, month, 1, standing.as_of).arrears_paid
    return _debts(standing.debts, dict(paid))


def _fees(
    history: MeterHistory, told: dict[str, FeeState], as_of: datetime | None
) -> tuple[tuple[str, FeeState], ...]:
    """The newer of what head office told and what this till's own sales left."""
    found = dict(told)
    for fee in history.fees:
        if fee.code not in told or as_of is None or fee.at > as_of:
            found[fee.code] = fee.state
    return tuple(sorted(found.items(), key=lambda pair: pair[0]))


def _debts(debts: tuple[Debt, ...], paid: dict[str, int]) -> tuple[Debt, ...]:
    left = []
    for debt in debts:
        own = min(paid.get(debt.account, 0), debt.balance_minor)
        paid[debt.account] = paid.get(debt.account, 0) - own
        if debt.balance_minor > own:
            left.append(Debt(debt.account, debt.balance_minor - own, debt.since))
    return tuple(left)
