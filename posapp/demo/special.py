"""The part of the scripted day that is not a plain sale: accounts, keys, two tenders, two people.

Each is one order through the same verb that the window uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posapp.demo.stage import Stage
from posapp.demo.town import SUPERVISOR, TownMeter
from posapp.domain.cash import CashKind
from posapp.domain.meter import MeterNumber
from posapp.domain.operator import Operator
from posapp.domain.sale import Tender, TenderKind
from posapp.lanes import Lane, Urgency
from posapp.services.move_cash import CashWish
from posapp.services.override import Consent
from posapp.services.place import Sold
from posapp.services.till import Till
from posapp.services.two_people import Witness

ORDERS = 5
DROP_MINOR = 300_000
FREE_TENTHS = 150
_PAID, _SPLIT_CASH = 100_000, 40_000


@dataclass(frozen=True, slots=True)
class Special:
    """The orders by what is special about them."""

    entitled: Sold
    indebted: Sold
    changed_key: Sold
    split: Sold
    free: Sold

    @property
    def orders(self) -> tuple[Sold, ...]:
        """In the order they were placed."""
        return self.entitled, self.indebted, self.changed_key, self.split, self.free


def sell_specials(stage: Stage, till: Till, clerk: Operator) -> Special:
    """Five orders, an answer about a key, an X and cash to the safe; about 1 s.

    Raises PosError when the town itself does not work.
    """
    town = stage.town
    cash = (Tender(TenderKind.CASH, _PAID),)
    two = (Tender(TenderKind.CASH, _SPLIT_CASH), Tender(TenderKind.MOBILE, 60_000, "QK00417"))

    def sell(meter: TownMeter, tenders: tuple[Tender, ...]) -> Sold:
        context = till.prepare_sale(MeterNumber(meter.meter))
        quote = context.by_money(_PAID)
        return _on_sale_lane(till, lambda: till.sell(context, quote, tenders, clerk.operator_id))

    def give() -> Sold:
        supervisor = next(p for p in till.sign_in.people() if p.name == SUPERVISOR.name)
        witness = Witness(supervisor.operator_id, SUPERVISOR.pin)
        consent = Consent("goodwill", "a day without power", witness)
        number = MeterNumber(town.meters[0].meter)
        return till.desk.give_credit.free(number, FREE_TENTHS, clerk.operator_id, consent)

    orders = (
        sell(town.entitled_meter, cash),
        sell(town.indebted_meter, cash),
        sell(town.pending_meter, cash),
        sell(town.meters[1], two),
        _on_sale_lane(till, give),
    )
    for sold in orders:
        till.sell.revealed(sold.record.intent.sale_id)
    number = MeterNumber(town.pending_meter.meter)
    till.lanes.run(
        Lane.SALE, lambda: till.desk.change_key.answer(number, clerk.operator_id, took=True)
    ).result()
    till.lanes.run(Lane.SALE, lambda: till.move_cash(clerk, _drop())).result()
    till.lanes.run(Lane.REPORT, till.x_report).result()
    return Special(*orders)


def _drop() -> CashWish:
    return CashWish(CashKind.DROP, DROP_MINOR)


def _on_sale_lane(till: Till, act: Callable[[], Sold]) -> Sold:
    return till.lanes.run(Lane.SALE, act, Urgency.SALE).result()
