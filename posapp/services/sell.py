"""Sell what was quoted, under the key the meter has or with the set that gives it another.

How an order becomes durable, is made and told is in `place`; how it is finished, in `issue`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.domain.sale import SaleKind, Tender, TokenKind
from posapp.errors import InputError, Outcome, SaleError
from posapp.journal.facts import TokenItem
from posapp.ports import Clock, PrintQueue, Randomness, SecurityModule, Store, UnitOfWork
from posapp.pricing.quote import Quote
from posapp.services.key_plan import KeyPlan, KeyPolicy
from posapp.services.override import Signed
from posapp.services.place import Goods, Order, Place, check_tenders
from posapp.services.place import Sold as Sold
from posapp.services.quote import SaleContext, prepare, prepare_for
from posapp.sts.tid import next_tid

QUOTE_VALID = timedelta(minutes=5)  # a customer counts coins; prices do not wait for ever

CREDIT_ELECTRICITY = 0  # token subclasses, IEC 62055-41 6.2.2
CREDIT_MONEY = 4


class Sell:
    """Runs on the sale lane. One instance a till; sales follow one another."""

    def __init__(
        self,
        store: Store,
        module: SecurityModule,
        queue: PrintQueue,
        clock: Clock,
        randomness: Randomness,
        *,
        policy: KeyPolicy = KeyPolicy.BUNDLE,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self.place = Place(store, module, queue, clock, randomness)

    def __call__(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        *,
        batch: bytes = b"",
        signed: Signed | None = None,
    ) -> Sold:
        """Sell what was quoted. Sales of one payment share `batch`.

        `signed` is what `sell_signed` had a second person sign: the meter's present key although
        it is due for another, or a meter nobody knows. Raises SaleError (or
        StoreError): with outcome NOT_EXECUTED there is no token and no money is counted; with
        UNKNOWN the sale is kept and recovery will finish it.
        """
        try:
            return self._sell(context, quote, tenders, operator_id, batch, signed)
        except InputError as error:  # a right, a limit, a reference: all before the intent
            raise SaleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params) from error

    def _sell(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        batch: bytes,
        signed: Signed | None,
    ) -> Sold:
        check_tenders(quote.amount_minor, tenders)
        if self._clock.now() - context.prepared_at > QUOTE_VALID:
            raise SaleError("QUOTE_EXPIRED")
        plan, unknown = context.key_plan, False
        if signed is not None:
            unknown = signed.operation is Operation.SELL_UNKNOWN
            plan = plan if unknown else plan.with_old_key()
        order = Order(
            found=context.found,
            configuration=plan.present,
            operation=signed.operation if signed else Operation.SELL,
            operator_id=operator_id,
            amount_minor=quote.amount_minor,
            compose=self._composer(context, quote, tenders, plan, batch, unknown=unknown),
            keys=plan.keys,
            signed=signed,
        )
        return self.place(order)

    def revealed(self, sale_id: bytes) -> None:
        """The token is on the screen. A local step; losing it in a power cut loses nothing."""
        self.place.revealed(sale_id)

    def _composer(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        plan: KeyPlan,
        batch: bytes,
        *,
        unknown: bool,
    ) -> Callable[[UnitOfWork, datetime, Operator], Goods]:
        def compose(uow: UnitOfWork, now: datetime, person: Operator) -> Goods:
            uow.role_limits(person.role).check_sale(quote.amount_minor)
            number = context.found.meter.number
            if unknown and uow.meter(number) is None:
                current = prepare_for(uow, context.found, now, self._policy)
            else:
                current = prepare(uow, number, now, self._policy)
            again = _still_right(current, context, quote, plan)
            base = plan.credit.base_date
            items = token_items(again, now, plan, uow.tid_high_water(number, base))
            return Goods(
                kind=SaleKind.UNKNOWN_METER if unknown else SaleKind.SALE,
                items=items,
                lines=again.lines,
                tenders=tenders,
                tariff=again.tariff,
                units_tenths=again.units_tenths,
                month_units_before=again.situation.bought_tenths,
                free_tenths=again.free_tenths,
                fees=again.fees,
                rate=again.rate,
                invoice=again.invoice.words if again.invoice else ("", ""),
                batch=batch,
            )

        return compose


def token_items(
    quote: Quote, now: datetime, plan: KeyPlan, high_water: int | None
) -> tuple[TokenItem, ...]:
    """The tokens of a sale in the order they are entered: the set of another key, free units,
    then the credit. After a set, TIDs count from the new key's base date.

    Raises SaleError where a TID cannot be made.
    """
    items = list(plan.set_items())
    base, said = plan.credit.base_date, plan.credit.base_date if plan.change else 0
    tid = high_water
    if quote.free_tenths:
        tid = next_tid(now, base, tid)
        units = quote.free_token_units
        free = TokenItem(TokenKind.CREDIT, CREDIT_ELECTRICITY, tid, units, 0, base_date=said)
        items.append(free)
    subclass = CREDIT_MONEY if quote.carries_money else CREDIT_ELECTRICITY
    tid = next_tid(now, base, tid)
    credit = TokenItem(TokenKind.CREDIT, subclass, tid, quote.token_units, quote.amount_minor)
    items.append(replace(credit, base_date=said))
    return tuple(items)


def _still_right(current: SaleContext, context: SaleContext, quote: Quote, plan: KeyPlan) -> Quote:
    """The quote as things are at the commit. Whatever moved since it was shown stops the sale,
    also where the price is the same: the customer may have bought just now.
    """
    if current.found.meter != context.found.meter:
        raise SaleError("QUOTE_CHANGED", what="meter")
    if current.key_plan != context.key_plan:
        raise SaleError("QUOTE_CHANGED", what="key")
    if plan.change is None and current.key_plan.change is not None:
        current = replace(current, problem=None)  # a supervisor stands by the old key
    again = current.again(quote)
    moved = again.situation.differences(quote.situation)
    if again.tariff != quote.tariff:
        moved = ("tariff", *moved)
    if moved or _figures(again) != _figures(quote):
        raise SaleError("QUOTE_CHANGED", what=",".join(moved) or "price")
    return again


def _figures(quote: Quote) -> tuple[object, ...]:
    return (
        quote.tariff,
        quote.amount_minor,
        quote.units_tenths,
        quote.free_tenths,
        quote.token_units,
        quote.lines,
        quote.fees,
        quote.debts,
    )
