"""A whole counter for tests: real encrypted store, real module process, the real use cases.

The clock and the random source are given; the printer is only counted (paper has its own tests).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from posapp import paths
from posapp.clock import Clock, SystemClock, SystemRandomness
from posapp.codec.pin import make_verifier
from posapp.domain.customer import Customer
from posapp.domain.lease import Lease
from posapp.domain.meter import (
    EncryptionAlgorithm,
    Meter,
    MeterConfiguration,
    MeterNumber,
    MeterState,
)
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.sale import Tender, TenderKind
from posapp.lanes import InlineLanes, Lanes
from posapp.ports import PrinterState, PrinterStatus, SecurityModule
from posapp.pricing.pack import load_pack
from posapp.services.move_cash import MoveCash
from posapp.services.quote import PrepareSale
from posapp.services.reconcile import Reconcile
from posapp.services.recover import Recover
from posapp.services.reprint import Reprint
from posapp.services.sell import Sell, Sold
from posapp.services.shift import CloseShift, OpenShift, PrintZ
from posapp.services.sign_in import SignIn
from posapp.services.x_report import XReport
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore
from posapp.wire.feed import FeedRow, FeedValue, TariffText
from posapp.wire.lease import SignedLease
from tests.stores import HEAD_OFFICE, TILL_ID, a_meter_number, a_store

PIN = "246810"
GRACE = Operator(1, "Grace Otieno", Role.CLERK)
KWAME = Operator(2, "Kwame Mensah", Role.SUPERVISOR)
METERS = 40
OLD_METER = a_meter_number(900)
BLOCKED_METER = a_meter_number(901)
KEYLESS_METER = a_meter_number(902)
FLOAT_MINOR = 100_000_000
MAX_SALE_MINOR = 5_000_000


@dataclass
class CountedQueue:
    """Stands where the spooler stands; counts how often it is woken."""

    woken: int = 0

    def wake(self) -> None:
        self.woken += 1

    def status(self) -> PrinterStatus:
        return PrinterStatus(PrinterState.UNKNOWN)


@dataclass
class Counter:
    """The use cases over one store and one module."""

    store: SqlStore
    module: SecurityModule
    clock: Clock
    queue: CountedQueue = field(default_factory=CountedQueue)

    def __post_init__(self) -> None:
        self.prepare = PrepareSale(self.store, self.clock)
        self.sell = Sell(self.store, self.module, self.queue, self.clock, SystemRandomness())
        self.recover = Recover(self.store, self.module, self.queue, self.clock)
        self.open_shift = OpenShift(self.store, self.clock)
        self.sign_in = SignIn(self.store, self.module)
        self.reconcile = Reconcile(self.store, self.module)
        self.close_shift = CloseShift(
            self.store, self.queue, self.clock, self.reconcile, self.sign_in
        )
        self.move_cash = MoveCash(self.store, self.queue, self.clock)
        self.x_report = XReport(self.store, self.queue, self.clock)
        self.print_z = PrintZ(self.store, self.queue)
        self.sign_in = SignIn(self.store, self.module)
        self.reprint = Reprint(self.store, self.queue)

    def sale(
        self, meter: int | MeterNumber, amount_minor: int, received: int | None = None
    ) -> Sold:
        """Quote and sell for cash, as fast as two Enters."""
        number = a_meter_number(meter) if isinstance(meter, int) else meter
        context = self.prepare(number)
        quote = context.by_money(amount_minor)
        cash = Tender(TenderKind.CASH, received if received is not None else amount_minor)
        return self.sell(context, quote, (cash,), GRACE.operator_id)

    def open_sales(self) -> int:
        return len(self.store.read(lambda reader: reader.open_sales()))


def a_configuration(number: int) -> MeterConfiguration:
    """Both algorithms and both key derivations, under the keys of the test module."""
    if number % 3 == 0:
        return MeterConfiguration(EncryptionAlgorithm.STA, "123456", 1, "01", 2014)
    ea = EncryptionAlgorithm.MISTY1 if number % 2 else EncryptionAlgorithm.STA
    return MeterConfiguration(ea, "201457", 1, "01", 2014)


def town_rows(clock: Clock) -> list[FeedValue]:
    """What head office would send: tariff, people, lease, customers, meters."""
    text = (paths.resources() / "tariffs" / "ke-domestic.toml").read_text(encoding="utf-8")
    tariff = load_pack(text, "ke-domestic").code
    verifier = make_verifier(PIN, hashlib.sha256(b"salt").digest()[:16])
    lease = Lease(1, FLOAT_MINOR, MAX_SALE_MINOR, 1_000, clock.now() + timedelta(days=14))
    rows: list[FeedValue] = [
        TariffText(tariff, text),
        OperatorRecord(GRACE, verifier),
        OperatorRecord(KWAME, verifier),
        SignedLease.sign(TILL_ID, lease, HEAD_OFFICE),
    ]
    for number in range(1, METERS + 1):
        name = ("Amina Wanjiru", "Fatou Diallo", "Abebe Tadesse", "Mariam Traoré")[number % 4]
        rows.append(Customer(number, name, f"0310{number:03d}", f"07001{number:05d}", "1 High St"))
        rows.append(Meter(a_meter_number(number), a_configuration(number), tariff, number))
    sta = EncryptionAlgorithm.STA
    old = MeterConfiguration(sta, "123456", 2, "01", 1993)
    keyless = MeterConfiguration(sta, "999999", 1, "01", 2014)
    rows.append(Meter(OLD_METER, old, tariff, 1))
    rows.append(Meter(BLOCKED_METER, a_configuration(1), tariff, 1, MeterState.BLOCKED))
    rows.append(Meter(KEYLESS_METER, keyless, tariff, 1))
    return rows


_ENTITY = {
    "TariffText": "tariff",
    "OperatorRecord": "operator",
    "SignedLease": "lease",
    "Customer": "customer",
    "Meter": "meter",
}


def furnish(store: SqlStore, clock: Clock) -> None:
    """Give an enrolled store its town."""
    values = town_rows(clock)
    rows = [
        FeedRow(seq, _ENTITY[type(value).__name__], _key(value), value)
        for seq, value in enumerate(values, 1)
    ]
    SqlSyncStore(store).apply_rows("global", rows, len(rows))


def _key(value: FeedValue) -> str:
    if isinstance(value, Meter):
        return value.number.digits
    if isinstance(value, Customer):
        return str(value.customer_id)
    if isinstance(value, OperatorRecord):
        return str(value.operator.operator_id)
    return value.code if isinstance(value, TariffText) else "lease"


def a_counter(
    folder: Path, module: SecurityModule, clock: Clock | None = None, lanes: Lanes | None = None
) -> Counter:
    """A furnished counter with Grace's shift open."""
    clock = clock or SystemClock()
    store = a_store(folder, clock, lanes or InlineLanes())  # type: ignore[arg-type]
    furnish(store, clock)
    counter = Counter(store, module, clock)
    counter.open_shift(GRACE, 200_000)
    return counter
