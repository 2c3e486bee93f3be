"""Prepare a sale to one meter, then price it on every key press without waiting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from posapp.domain.clock_limits import ClockState
from posapp.domain.lease import Lease
from posapp.domain.meter import MeterNumber, MeterState
from posapp.errors import PosError, SaleError
from posapp.ports import Clock, FoundMeter, Reader, SaleRecord, Store
from posapp.pricing.explain import Reason, Sale, compare
from posapp.pricing.pack import TariffPack
from posapp.pricing.quote import Quote, by_money, by_units, price_again
from posapp.pricing.situation import Situation
from posapp.services.key_plan import KeyPlan, KeyPolicy, read_key_plan
from posapp.services.packs import parsed_pack
from posapp.services.situation import read_situation
from posapp.sts.tid import check_ken, next_tid

REASONS_MAX = 3  # what is smaller is not worth its line


@dataclass(frozen=True, slots=True)
class SaleContext:
    """Everything a price depends on, read once. Pricing from here is pure and takes < 1 ms.

    `earlier` is the newest sale to the meter here. `problem` says why this meter cannot be sold
    to at all; pricing then raises it.
    """

    found: FoundMeter
    pack: TariffPack | None
    situation: Situation | None
    lease: Lease | None
    float_left_minor: int
    prepared_at: datetime
    problem: PosError | None = None
    earlier: SaleRecord | None = None
    key: KeyPlan | None = None

    @property
    def key_plan(self) -> KeyPlan:
        """Under which key it buys."""
        return self.key or KeyPlan(self.found.meter.configuration)

    def by_money(self, amount_minor: int) -> Quote:
        """What `amount_minor` buys. Raises SaleError; no token is made."""
        pack, situation, lease = self._ready()
        self._within(lease, amount_minor)
        return by_money(pack, amount_minor, situation)

    def by_units(self, units_tenths: int, *, cash: bool = False) -> Quote:
        """What `units_tenths` cost, in whole coins for `cash`. Raises SaleError; no token is
        made.
        """
        pack, situation, lease = self._ready()
        quote = by_units(pack, units_tenths, situation, cash=cash)
        self._within(lease, quote.amount_minor)
        return quote

    def again(self, quote: Quote) -> Quote:
        """What was asked for in `quote`, priced as things are here. Raises SaleError."""
        pack, situation, lease = self._ready()
        again = price_again(pack, quote, situation)
        self._within(lease, again.amount_minor)
        return again

    def why(self, quote: Quote) -> tuple[Reason, ...]:
        """Why it is fewer units than at the earlier sale, or more."""
        if self.earlier is None:
            return ()
        now = Sale(quote.amount_minor, quote.units_tenths, quote.tariff, quote.lines)
        return compare(breakdown(self.earlier), now)[:REASONS_MAX]

    def _ready(self) -> tuple[TariffPack, Situation, Lease]:
        if self.problem is not None:
            raise self.problem
        assert self.pack is not None and self.lease is not None and self.situation is not None
        return self.pack, self.situation, self.lease

    def _within(self, lease: Lease, amount_minor: int) -> None:
        vended = lease.authorised_total_minor - self.float_left_minor
        lease.check(amount_minor, vended, self.prepared_at)


class PrepareSale:
    """Runs on the lookup lane when a customer was found."""

    def __init__(self, store: Store, clock: Clock, *, policy: KeyPolicy = KeyPolicy.BUNDLE) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    def __call__(self, number: MeterNumber) -> SaleContext:
        """Read the meter, its tariff, its month and the lease in one snapshot.

        Raises InputError METER_NOT_FOUND; anything else that stops a sale is in `problem`.
        """
        now = self._clock.now()

        def read(reader: Reader) -> SaleContext:
            context = prepare(reader, number, now, self._policy)
            return replace(context, earlier=reader.last_sale_of(number))

        return self._store.read(read)


def prepare(
    reader: Reader, number: MeterNumber, now: datetime, policy: KeyPolicy = KeyPolicy.BUNDLE
) -> SaleContext:
    """The context of a sale at `now` as this snapshot has it; the commit asks again."""
    found = reader.meter(number)
    if found is None:
        raise SaleError("METER_NOT_FOUND", number=number.digits)
    return prepare_for(reader, found, now, policy)


def prepare_for(
    reader: Reader, found: FoundMeter, now: datetime, policy: KeyPolicy = KeyPolicy.BUNDLE
) -> SaleContext:
    """The same for a meter that was found, or whose configuration was typed in."""
    number = found.meter.number
    lease = reader.lease()
    left = 0
    if lease is not None:
        left = max(0, lease.authorised_total_minor - reader.vended_total_minor())
    pack, problem = _pack(reader, found.meter.tariff, reader.site().local(now))
    plan = read_key_plan(reader, found.meter)
    stop = _obstacle(reader, found, now, plan) or _key_first(plan, number, policy)
    problem = stop or (problem if lease else SaleError("LEASE_MISSING"))
    situation = None if pack is None else read_situation(reader, found.meter, pack, now)
    return SaleContext(found, pack, situation, lease, left, now, problem, key=plan)


def _pack(reader: Reader, code: str, local: datetime) -> tuple[TariffPack | None, PosError | None]:
    """The newest version that holds at `local`; versions switch at their own local instant."""
    texts = reader.tariff_packs(code)
    problem: PosError = SaleError("TARIFF_MISSING", tariff=code)
    for text in texts:
        try:
            pack = parsed_pack(text, code)
        except PosError as error:
            problem = error
            continue
        if _holds(pack, local):
            return pack, None
        problem = SaleError("TARIFF_NOT_EFFECTIVE", tariff=pack.reference)
    return None, problem


def _holds(pack: TariffPack, local: datetime) -> bool:
    """Whether a version has begun and not ended; in an hour that the clock passes twice it does
    each at the first pass.
    """

    def passed(wall: datetime) -> bool:
        first = wall.replace(tzinfo=local.tzinfo).astimezone(UTC)
        return wall <= local.replace(tzinfo=None) or first <= local.astimezone(UTC)

    until = pack.effective_until
    return passed(pack.effective_from) and not (until is not None and passed(until))


def breakdown(record: SaleRecord) -> Sale:
    """A sale as `explain` compares it."""
    sale = record.intent
    return Sale(sale.amount_minor, sale.units_tenths, sale.tariff, sale.lines)


def clock_is_back(reader: Reader, now: datetime) -> bool:
    """Whether the clock stands clearly before a moment that is known to have passed."""
    return reader.clock_limits().judge(now, reader.clock_floor()) is ClockState.BACK


def clock_problem(reader: Reader, now: datetime) -> SaleError | None:
    """Why nothing may be sold by a clock that says `now`: CLOCK_BACK or CLOCK_JUMPED."""
    floor = reader.clock_floor()
    state = reader.clock_limits().judge(now, floor)
    if state in (ClockState.BACK, ClockState.JUMPED):
        return SaleError(f"CLOCK_{state.name}", floor=floor, now=now)
    return None


def _key_first(plan: KeyPlan, number: MeterNumber, policy: KeyPolicy) -> PosError | None:
    """Where credit waits for the key change: what is in its way."""
    if plan.change is None or policy is KeyPolicy.BUNDLE:
        return None
    code = "KEY_CHANGE_FIRST" if plan.unanswered is None else "KEY_CHANGE_UNANSWERED"
    return SaleError(code, number=number.digits)


def _obstacle(reader: Reader, found: FoundMeter, now: datetime, plan: KeyPlan) -> PosError | None:
    meter = found.meter
    if meter.state is MeterState.BLOCKED:
        return SaleError("METER_BLOCKED", number=meter.number.digits)
    problem = clock_problem(reader, now)
    if problem is not None:
        return problem
    base = plan.credit.base_date
    try:
        tid = next_tid(now, base, reader.tid_high_water(meter.number, base))
        check_ken(tid, plan.credit.ken)
    except PosError as error:
        return error
    return None
