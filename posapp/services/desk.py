"""The counter's verbs beside the plain sale, in one value, as pages and tests get them."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.ports import Clock, PrintQueue, SecurityModule, Store
from posapp.services.change_key import ChangeKey
from posapp.services.engineer import Engineer
from posapp.services.give_credit import GiveCredit
from posapp.services.override import Override
from posapp.services.request_refund import RequestRefund
from posapp.services.sell import Sell
from posapp.services.sell_many import SellMany
from posapp.services.sell_signed import SellSigned
from posapp.services.take_payment import TakePayment
from posapp.services.two_people import TwoPeople
from posapp.services.void import Void


@dataclass(frozen=True, slots=True)
class Desk:
    """Each runs on the sale lane; all go through one `Place`, so orders follow one another."""

    sell_signed: SellSigned
    sell_many: SellMany
    change_key: ChangeKey
    engineer: Engineer
    give_credit: GiveCredit
    take_payment: TakePayment
    void: Void
    request_refund: RequestRefund


def make_desk(
    store: Store,
    module: SecurityModule,
    queue: PrintQueue,
    clock: Clock,
    sell: Sell,
    people: TwoPeople,
) -> Desk:
    """The verbs over one store and one module; `sell` brings the place where orders are made."""
    override, place = Override(people), sell.place
    return Desk(
        sell_signed=SellSigned(store, clock, sell, override),
        sell_many=SellMany(store, queue, clock, sell),
        change_key=ChangeKey(store, place),
        engineer=Engineer(store, place, override),
        give_credit=GiveCredit(store, place, override),
        take_payment=TakePayment(store, place),
        void=Void(store, module, clock, override, place.began_seq),
        request_refund=RequestRefund(store, queue, clock, override),
    )
