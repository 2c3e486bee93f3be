"""A till in memory for screen tests: real prices and values, small fakes behind the verbs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from posapp import paths
from posapp.domain.cash import CashKind
from posapp.domain.customer import Customer
from posapp.domain.ids import ReceiptNumber
from posapp.domain.lease import Lease
from posapp.domain.meter import (
    EncryptionAlgorithm,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
    luhn_digit,
)
from posapp.domain.operator import Operator, Role
from posapp.domain.sale import SaleState, Tender, TenderKind, TokenKind
from posapp.domain.shift import Shift
from posapp.domain.site import Site
from posapp.errors import InputError, SaleError
from posapp.journal.cash_facts import NOT_COMPARED, ModuleCount
from posapp.journal.facts import SaleIntended, TokenItem
from posapp.lanes import InlineLanes
from posapp.ports import (
    FoundMeter,
    LastSale,
    LinkState,
    ModuleOffer,
    ModuleState,
    ModuleStatus,
    PrinterState,
    PrinterStatus,
    PrintJob,
    PrintState,
    SaleRecord,
    SyncStatus,
)
from posapp.pricing.pack import load_pack
from posapp.pricing.situation import Situation
from posapp.security_module.states import TABLE
from posapp.services.find import Find
from posapp.services.move_cash import CashDone
from posapp.services.quote import SaleContext
from posapp.services.recover import Recovery
from posapp.services.sell import Sold
from posapp.services.settle_audit import Settled
from posapp.services.shift import ClosedShift, ShiftPreview
from posapp.services.status import TillStatus
from posapp.services.till import Till

NOW = datetime(2026, 11, 18, 6, 42, tzinfo=UTC)  # 09:42 in Nairobi
TOKEN = "52601815908301661318"


class HandClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.at = NOW
        self.ms = 1_000_000

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> int:
        return self.ms

    def pass_ms(self, ms: int) -> None:
        self.ms += ms
        self.at += timedelta(milliseconds=ms)


def number(body: str) -> MeterNumber:
    return MeterNumber(body + luhn_digit(body))


SITE = Site(
    till_id=b"\x01" * 16,
    till_code="MM03",
    till_name="Till 3",
    utility="Umoja Power",
    utility_tax_number="P051234567A",
    vendor="Baraka General Store",
    vendor_address="27 Market Street, Mji Mpya",
    help_line="0800 000 111",
    zone="Africa/Nairobi",
    currency_code="KES",
)
PEOPLE = (
    Operator(1, "Grace Otieno", Role.CLERK),
    Operator(2, "Ibrahim Traoré", Role.CLERK),
    Operator(3, "Thandiwe Nkosi", Role.CLERK),
    Operator(4, "Kwame Mensah", Role.SUPERVISOR),
)
PINS = {1: "1234", 2: "2345", 3: "3456", 4: "9999"}
_NAMES = (
    ("Chukwuemeka Okafor", "Unit 3, Acacia Court", "1428600391", 4, 50000, 249),
    ("Fatou Diallo", "27 Market Street", "0712345678", 11, 20000, 100),
    ("Abebe Tadesse", "Kiosk 8, Bus Station", "3700415528", 16, 300000, 1175),
    ("Sibongile Dlamini", "5 Jacaranda Road", "3700418830", 23, 150000, 746),
    ("Mariam Traoré", "Plot 112, Kijiji East", "4512338120", 31, 10000, 68),
    ("Jean-Bosco Nkurunziza", "9 Lakeside Drive", "2290061384", 38, 75000, 373),
    ("Isabel Macuácua", "Flat 6, Baobab Lane", "5104477290", 45, 100000, 498),
    ("Amina Wanjiru", "14 Baobab Lane, Mji Mpya", "4512309876", 6 * 24 * 60, 50000, 224),
    ("Amina Wangari", "Plot 88, Kijiji West", "4512307741", 15 * 24 * 60, 40000, 180),
    ("Amina Hassan", "2 Wanyama Close", "0145782206", 1440, 30000, 140),
    ("Aminata Sow", "Shop 4, Wanjala Street", "1428655170", 20 * 1440, 90000, 400),
    ("B. Amir & Sons", "Wanjala Street 40", "4512361905", 3 * 1440, 70000, 310),
    ("Amisi Wandera", "Flat 12, Acacia Court", "6210093347", 100 * 1440, 20000, 90),
)


def _town() -> list[FoundMeter]:
    town = []
    for place, (name, address, body, ago, amount, units) in enumerate(_NAMES):
        old = name == "Aminata Sow"
        meter = Meter(
            number(body),
            MeterConfiguration(EncryptionAlgorithm.STA, "600727", 1, "01", 1993 if old else 2014),
            "ke-domestic",
            place + 1,
            MeterState.BLOCKED if name == "Amisi Wandera" else MeterState.ACTIVE,
        )
        customer = Customer(place + 1, name, f"2041{place:04d}", "+254 700 110 431", address)
        last = LastSale(NOW - timedelta(minutes=ago), amount, units)
        town.append(FoundMeter(meter, customer, last))
    return town


AMINA = number("4512309876")
BLOCKED = number("6210093347")


@lru_cache(maxsize=1)
def _pack():
    path = paths.resources() / "tariffs" / "ke-domestic.toml"
    return load_pack(path.read_text(encoding="utf-8"), "ke-domestic")


@dataclass
class World:
    """What the fakes share; tests turn its switches."""

    clock: HandClock = field(default_factory=HandClock)
    town: list[FoundMeter] = field(default_factory=_town)
    sales: list[SaleRecord] = field(default_factory=list)
    jobs: list[PrintJob] = field(default_factory=list)
    shift: Shift | None = None
    shifts: int = 13
    refuse: Exception | None = None
    printer: PrinterState = PrinterState.READY
    module: ModuleState = ModuleState.READY
    module_facts: dict = field(default_factory=dict)  # any other field of ModuleStatus
    module_says: Exception | None = None  # to a sign-in
    module_pins: list = field(default_factory=list)
    given: list = field(default_factory=list)  # (verb, ...) that the module was given
    link: LinkState = LinkState.ONLINE
    misses: int = 0
    left_open: list[SaleRecord] = field(default_factory=list)
    ended: list[SaleRecord] = field(default_factory=list)  # refused or cancelled
    expected_extra: int = 0
    counted_tokens: ModuleCount = NOT_COMPARED
    signed: int = 0
    synced: int = 0
    trials: list = field(default_factory=list)  # quotes that were printed to take home
    unresolved: list = field(default_factory=list)  # rows of the page Open points

    def pack(self):
        return _pack()

    def meter(self, wanted: MeterNumber) -> FoundMeter | None:
        return next((f for f in self.town if f.meter.number == wanted), None)


class Reading:
    """The few questions of the store that the screen asks."""

    def __init__(self, world: World) -> None:
        self._world = world

    def site(self):
        return SITE

    def meter(self, wanted):
        return self._world.meter(wanted)

    def search_digits(self, digits, limit):
        found = [
            f
            for f in self._world.town
            if f.meter.number.digits.startswith(digits) or f.meter.number.digits.endswith(digits)
        ]
        return tuple(found[:limit])

    def search_words(self, words, limit):
        def fits(found):
            text = f"{found.customer.name} {found.customer.address}".lower().split()
            return all(any(part.startswith(w.lower()) for part in text) for w in words)

        return tuple([f for f in self._world.town if fits(f)][:limit])

    def search_account(self, account, limit):
        return ()

    def sale_by_receipt(self, receipt):
        return next((s for s in self._all() if s.intent.receipt == receipt), None)

    def sale(self, sale_id):
        return next((s for s in self._all() if s.intent.sale_id == sale_id), None)

    def open_sales(self):
        return tuple(self._world.left_open)

    def _all(self):
        return (*self._world.sales, *self._world.left_open, *self._world.ended)

    def recent_meters(self, limit):
        known = {s.intent.meter: s for s in self._world.sales}
        latest = sorted(self._world.town, key=lambda f: f.last_sale.at, reverse=True)
        return tuple(latest[:limit]) if known or self._world.sales else ()

    def last_sale(self):
        return self._world.sales[-1] if self._world.sales else None

    def print_jobs_of_sale(self, sale_id):
        return tuple(j for j in self._world.jobs if j.sale_id == sale_id)

    def open_shift(self):
        return self._world.shift

    def shift(self, number):
        return self._world.shift

    def lease(self):
        return Lease(1, 20_000_000, 10_000_000, 5000, NOW + timedelta(days=12))

    def vended_total_minor(self):
        return sum(s.intent.amount_minor for s in self._world.sales)

    def last_shift_number(self):
        return self._world.shifts

    def tariff_codes(self):
        return ("ke-domestic",)

    def tariff_packs(self, code):
        path = paths.resources() / "tariffs" / f"{code}.toml"
        return (path.read_text(encoding="utf-8"),)

    def sales_on(self, day, limit, after_seq=0):
        return [s for s in self._world.sales if s.intent_seq > after_seq][:limit]

    def print_jobs(self, states, limit):
        return tuple(j for j in self._world.jobs if j.state in states)[:limit]


class FakeStore:
    def __init__(self, world: World) -> None:
        self._reading = Reading(world)

    def read(self, work):
        return work(self._reading)

    def write(self, work, urgency=None):
        return work(self._reading)

    def close(self):
        return None


def context_of(world: World, wanted: MeterNumber) -> SaleContext:
    found = world.meter(wanted)
    if found is None:
        raise SaleError("METER_NOT_FOUND", number=wanted.digits)
    problem = None
    if found.meter.state is MeterState.BLOCKED:
        problem = SaleError("METER_BLOCKED", number=wanted.digits)
    lease = Lease(1, 20_000_000, 10_000_000, 5000, NOW + timedelta(days=12))
    return SaleContext(
        found,
        world.pack(),
        Situation(datetime(2026, 11, 18, 9), bought_tenths=190),
        lease,
        17_284_000,
        world.clock.now(),
        problem,
    )


def intent_of(world: World, context, quote, tenders, operator_id) -> SaleIntended:
    place = len(world.sales) + len(world.left_open) + len(world.ended) + 1
    return SaleIntended(
        sale_id=place.to_bytes(16, "big"),
        receipt=18354 + place,
        shift=14,
        operator_id=operator_id,
        business_date=date(2026, 11, 18),
        meter=context.found.meter.number.digits,
        configuration=context.found.meter.configuration,
        customer_id=context.found.meter.customer_id,
        tariff=quote.tariff,
        currency="KES",
        lines=quote.lines,
        tenders=tenders,
        units_tenths=quote.units_tenths,
        month_units_before=190,
        items=(TokenItem(TokenKind.CREDIT, 0, 1, quote.units_tenths, quote.amount_minor),),
        module_id="SM-0041",
        sequence=place,
    )


def leave_open(world: World, amount_minor: int = 170000) -> SaleRecord:
    """A sale to Amina that was cut short after its intent."""
    context = context_of(world, AMINA)
    tenders = (Tender(TenderKind.CASH, amount_minor),)
    intent = intent_of(world, context, context.by_money(amount_minor), tenders, 1)
    record = SaleRecord(intent, intent.sequence, world.clock.now(), SaleState.REQUESTED)
    world.left_open.append(record)
    return record


def finish(world: World, record: SaleRecord, state: SaleState = SaleState.ISSUED) -> None:
    """The till asked the module by itself, behind the screen."""
    world.left_open.remove(record)
    if state is SaleState.ISSUED:
        world.sales.append(replace(record, state=state, tokens=(TOKEN,), audit_no=1))
    else:
        world.ended.append(replace(record, state=state))


class FakeSell:
    """Sells without a module; counts how often."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.revealed_ids: list[bytes] = []

    def __call__(self, context, quote, tenders, operator_id):
        world = self._world
        if world.refuse is not None:
            error, world.refuse = world.refuse, None
            raise error
        intent = intent_of(world, context, quote, tenders, operator_id)
        place = intent.sequence
        record = SaleRecord(intent, place, world.clock.now(), SaleState.ISSUED, (TOKEN,), place)
        world.sales.append(record)
        held = "PAPER_OUT" if world.printer is PrinterState.PAPER_OUT else ""
        state = PrintState.HELD if held else PrintState.PRINTED
        job = PrintJob(
            place, "receipt", "Receipt", b"", 0, state, world.clock.now(), intent.sale_id, held
        )
        world.jobs.append(job)
        found = replace(
            context.found,
            last_sale=LastSale(world.clock.now(), intent.amount_minor, intent.units_tenths),
        )
        world.town = [found if f.meter.number == found.meter.number else f for f in world.town]
        receipt = ReceiptNumber("MM03", intent.receipt)
        return Sold(record, receipt, context.found, intent.change_minor, place, 17_114_000)

    def revealed(self, sale_id):
        self.revealed_ids.append(sale_id)


class FakeSignIn:
    def __init__(self, world: World) -> None:
        self._world = world

    def people(self):
        return PEOPLE

    def __call__(self, operator_id, pin):
        if pin != PINS[operator_id]:
            self._world.misses += 1
            raise InputError("PIN_WRONG", left=5 - self._world.misses)
        return next(p for p in PEOPLE if p.operator_id == operator_id)

    def check(self, operator_id, pin):
        return self(operator_id, pin)

    def at_module(self, operator_id, pin):
        self._world.module_pins.append((operator_id, pin))
        return self._world.module_says

    def out(self):
        self._world.module_pins.append("out")


class FakeClose:
    def __init__(self, world: World) -> None:
        self._world = world
        self.closed: list[tuple] = []

    def _expected(self) -> int:
        world = self._world
        assert world.shift is not None
        kept = sum(s.intent.amount_minor for s in world.sales)
        return world.shift.opening_minor + kept + world.expected_extra

    def preview(self, count):
        expected = self._expected()
        world = self._world
        left = len(world.left_open)
        variance = count.total_minor - expected
        return ShiftPreview(expected, count.total_minor, variance, left, 0, world.counted_tokens)

    def __call__(self, operator, count, reason="", witness=None):
        world = self._world
        if world.left_open or not world.counted_tokens.agrees:
            if witness is None:
                raise SaleError("MODULE_DISAGREES", module_tokens=2, ledger_tokens=1, orphans=1)
            world.signed = FakeSignIn(world)(witness.operator_id, witness.pin).operator_id
        variance = count.total_minor - self._expected()
        if variance and not reason.strip():
            raise InputError("REASON_MISSING", variance_minor=variance)
        shift = replace(
            world.shift,
            closed_at=world.clock.now(),
            counted_minor=count.total_minor,
            expected_minor=self._expected(),
            variance_reason=reason,
        )
        self.closed.append((shift, count, reason))
        world.shift = None
        world.shifts = shift.number
        return ClosedShift(shift, 99, 14)


class FakeCash:
    """Moves what it is told to, in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, operator, wish):
        world = self._world
        if wish.kind in (CashKind.OUT, CashKind.DROP) and wish.amount_minor > 500_000:
            raise SaleError("CASH_NOT_THERE")
        world.given.append(("cash", operator.operator_id, wish))
        return CashDone(None, 43)


def module_status(world: World) -> ModuleStatus:
    words = TABLE[world.module]
    known = ModuleStatus(
        world.module,
        "SM-0041",
        "1.0",
        sentence=words.sentence,
        action=words.action,
        colour=words.colour,
        offers=frozenset(ModuleOffer),
    )
    return replace(known, **world.module_facts)


def given(world: World, verb: str, answer):
    """A verb of the module: notes what it was given, or refuses as the world says."""

    def do(*arguments):
        if world.refuse is not None:
            error, world.refuse = world.refuse, None
            raise error
        world.given.append((verb, *arguments))
        return answer() if callable(answer) else answer

    return do


class FakeTruth:
    """The unresolved matters that a test put there; each step is noted and takes its row away."""

    def __init__(self, world):
        self._world = world
        self.answers = self
        self.print_claim = self._verb("claim")
        self.settle_audit = self._verb("settle", Settled(made=(7,)))
        self.settle_orphan = self._verb("orphan")
        self.set_clock = self._verb("set_clock")
        self.go_on_without = self._verb("go_on")

    def __call__(self):
        return self._verb("answers")()

    def unresolved(self):
        return tuple(self._world.unresolved)

    def _verb(self, name, answer=None):
        do = given(self._world, name, answer)

        def step(*arguments):
            result = do(*arguments)
            self._world.unresolved[:1] = []
            return result

        return step


def till_status(world: World) -> TillStatus:
    """What the strip is told."""
    return TillStatus(
        module=module_status(world),
        printer=PrinterStatus(world.printer, len([j for j in world.jobs if j.held])),
        sync=SyncStatus(world.link, 12 if world.link is LinkState.OFFLINE else 0, NOW),
        float_left_minor=17_284_000,
        float_authorised_minor=20_000_000,
        lease_until=NOW + timedelta(days=12, hours=3),
        clock_trusted=True,
        shift=world.shift,
        open_sales=len(world.left_open),
    )


def other_verbs(world: World):
    """What drawer and module can do besides selling."""
    return {
        "load_authorisation": given(world, "authorisation", 7),
        "load_keys": given(world, "keys", 3),
        "export_audit": given(world, "audit", b"the whole book"),
        "acknowledge_audit": given(world, "confirmation", 12),
        "move_cash": FakeCash(world),
        "x_report": given(world, "x", 41),
        "print_z": given(world, "z", 42),
    }


def build_till(world: World, lanes=None, report=None):
    """The bundle the window gets."""
    store = FakeStore(world)
    find = Find(store, world.clock)

    def open_shift(operator, opening_minor):
        world.shift = Shift(
            world.shifts + 1, operator.operator_id, world.clock.now(), opening_minor
        )
        return world.shift

    def reprint(sale_id):
        copy = PrintJob(
            len(world.jobs) + 1,
            "receipt",
            "Receipt",
            b"",
            sum(j.sale_id == sale_id for j in world.jobs),
            PrintState.PRINTED,
            world.clock.now(),
            sale_id,
        )
        world.jobs.append(copy)
        return copy.job_id

    def sync_now():
        world.synced += 1
        world.link = LinkState.ONLINE
        return SyncStatus(world.link)

    return Till(
        site=SITE,
        lanes=lanes or InlineLanes(),
        clock=world.clock,
        store=store,
        sign_in=FakeSignIn(world),
        open_shift=open_shift,
        close_shift=FakeClose(world),
        **other_verbs(world),
        find=find,
        prepare_sale=lambda wanted: context_of(world, wanted),
        sell=FakeSell(world),
        desk=None,
        reprint=reprint,
        print_trial=lambda _context, quote, _operator_id: world.trials.append(quote),
        recover=lambda: Recovery((), tuple(world.left_open)),
        truth=FakeTruth(world),
        report=report,
        pair=given(world, "pair", lambda: module_status(world)),
        look_at_module=lambda: module_status(world),
        status=lambda: till_status(world),
        previewer=None,
        sync_now=sync_now,
        close=lambda: None,
        test_keys=True,
    )
