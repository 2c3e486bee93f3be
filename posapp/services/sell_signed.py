"""Sell where a supervisor must stand by: under a key that is to go, or to an unknown meter."""

from __future__ import annotations

from posapp.domain.meter import Meter, MeterConfiguration, MeterNumber
from posapp.domain.permissions import Operation
from posapp.domain.sale import Tender
from posapp.errors import InputError, SaleError
from posapp.ports import Clock, FoundMeter, Reader, Store
from posapp.pricing.quote import Quote
from posapp.services.override import Consent, Override
from posapp.services.quote import SaleContext, prepare_for
from posapp.services.sell import Sell, Sold


class SellSigned:
    """Runs on the sale lane, as `Sell` does."""

    def __init__(self, store: Store, clock: Clock, sell: Sell, override: Override) -> None:
        self._store = store
        self._clock = clock
        self._sell = sell
        self._override = override

    def prepare_unknown(
        self, number: MeterNumber, configuration: MeterConfiguration, tariff: str
    ) -> SaleContext:
        """The context of a sale to a meter of which only its label is known.

        Raises InputError METER_KNOWN where head office knows it after all.
        """
        found = FoundMeter(Meter(number, configuration, tariff), None, None)

        def read(reader: Reader) -> SaleContext:
            if reader.meter(number) is not None:
                raise InputError("METER_KNOWN", number=number.digits)
            return prepare_for(reader, found, self._clock.now())

        return self._store.read(read)

    def to_unknown(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        consent: Consent,
    ) -> Sold:
        """Sell to a meter that head office never told of. A token for the wrong key is lost:
        there is no reversal. Raises as `Override` and `Sell`.
        """
        meter, c = context.found.meter, context.found.meter.configuration
        parameters = {
            0: meter.number.digits,
            1: [int(c.ea), c.sgc, c.krn, c.ti, c.base_date, c.ken, c.tct],
            2: meter.tariff,
            3: quote.amount_minor,
        }
        signed = self._override(Operation.SELL_UNKNOWN, operator_id, consent, parameters)
        return self._sell(context, quote, tenders, operator_id, signed=signed)

    def with_old_key(
        self,
        context: SaleContext,
        quote: Quote,
        tenders: tuple[Tender, ...],
        operator_id: int,
        consent: Consent,
    ) -> Sold:
        """Sell under the key the meter has although it is due for another.

        Raises SaleError KEY_CHANGE_NOT_DUE, and as `Override` and `Sell`.
        """
        number, present = context.found.meter.number, context.key_plan.present
        if context.key_plan.change is None:
            raise SaleError("KEY_CHANGE_NOT_DUE", number=number.digits)
        parameters = {
            0: number.digits,
            1: [present.sgc, present.krn, present.ti, present.base_date],
            2: quote.amount_minor,
        }
        signed = self._override(Operation.OLD_KEY, operator_id, consent, parameters)
        return self._sell(context, quote, tenders, operator_id, signed=signed)
