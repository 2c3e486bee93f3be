"""Builders of real till stores and of facts that follow from each other, for tests and speed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from posapp.codec import cbor
from posapp.codec.signing import SigningKey
from posapp.domain.customer import Customer
from posapp.domain.ids import uuid7
from posapp.domain.meter import (
    EncryptionAlgorithm,
    Meter,
    MeterConfiguration,
    MeterNumber,
    luhn_digit,
)
from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.domain.site import Site
from posapp.journal.facts import SaleIntended, SaleIssued, TokenItem
from posapp.lanes import InlineLanes, Lanes
from posapp.ports import Store, UnitOfWork
from posapp.store.store import SqlStore, create_store, open_store

KEY = bytes(range(32))
TILL_ID = bytes(range(16))
SECRET = bytes(range(100, 132))
HEAD_OFFICE = SigningKey(bytes(range(50, 82)))
START = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
MODULE_ID = "RM-00117"
BASE_DATE = 2014
DOCUMENT = cbor.encode(bytes(697))  # as large as a receipt


class StoppedClock:
    """Stands until it is moved."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic_ms(self) -> int:
        return int((self.moment - START) / timedelta(milliseconds=1))

    def move(self, **by: int) -> None:
        self.moment += timedelta(**by)


class SeededRandomness:
    """The same bytes in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


def a_site() -> Site:
    return Site(
        till_id=TILL_ID,
        till_code="K7M2",
        till_name="Front counter",
        utility="Lake Power",
        utility_tax_number="P051234567X",
        vendor="Otieno General Store",
        vendor_address="Market Road 4",
        help_line="0800 111 222",
        zone="Africa/Nairobi",
        currency_code="KES",
    )


def a_store(
    folder: Path,
    clock: StoppedClock | None = None,
    lanes: Lanes | None = None,
    site: Site | None = None,
) -> SqlStore:
    """A new enrolled store; its journal has one entry."""
    store = create_store(
        folder,
        KEY,
        clock=clock or StoppedClock(),
        randomness=SeededRandomness(),
        lanes=lanes or InlineLanes(),
        reserve_bytes=0,
    )
    store.install(site or a_site(), TILL_ID, SECRET, HEAD_OFFICE.public, "posapp 0.1.0")
    return store


def again(folder: Path, *, read_only: bool = False, key: bytes = KEY) -> SqlStore:
    """The same store opened again."""
    return open_store(
        folder,
        key,
        clock=StoppedClock(),
        randomness=SeededRandomness(2),
        lanes=InlineLanes(),
        read_only=read_only,
        reserve_bytes=0,
    )


def a_meter_number(number: int, digits: int = 11) -> MeterNumber:
    """The `number`-th meter of a town."""
    body = str(4_500_000_000 + number * 7919 % 1_000_000_000).rjust(digits - 1, "0")
    return MeterNumber(body + luhn_digit(body))


def a_configuration() -> MeterConfiguration:
    return MeterConfiguration(EncryptionAlgorithm.MISTY1, "600675", 1, "01", BASE_DATE)


def a_meter(number: int = 1, customer_id: int = 0, tariff: str = "dom") -> Meter:
    return Meter(a_meter_number(number), a_configuration(), tariff, customer_id)


def a_customer(customer_id: int = 1, name: str = "Achieng Wanjiru Njoroge") -> Customer:
    return Customer(
        customer_id,
        name,
        account=f"LP-{customer_id:06d}",
        phone=f"+254 722 {customer_id:06d}",
        address=f"{customer_id} Oginga Odinga Street, Kisumu",
    )


LINES = (
    SaleLine(LineKind.ENERGY, "block 1", 12_045, 73, "16.50"),
    SaleLine(LineKind.ENERGY, "block 2", 3_714, 20, "18.57"),
    SaleLine(LineKind.LEVY, "levy", 326, 0, "0.035"),
    SaleLine(LineKind.FEE, "fixed fee", 1_000),
    SaleLine(LineKind.TAX, "vat", 2_734, 0, "16"),
    SaleLine(LineKind.ROUNDING, "rounding", 181),
)


class Seller:
    """Makes sales one after another the way the use case does: two transactions each."""

    def __init__(self, store: Store, clock: StoppedClock | None = None, seed: int = 7) -> None:
        self.store = store
        self.clock = clock or StoppedClock()
        self.random = random.Random(seed)
        self.tid = 6_700_000

    def intent(self, unit: UnitOfWork, meter: int = 1, **changes: object) -> SaleIntended:
        """The next sale's intent, not yet appended."""
        self.tid += 1
        at_ms = int(self.clock.now().timestamp() * 1000)
        sale = SaleIntended(
            sale_id=uuid7(at_ms, self.random.randbytes(10)).bytes,
            receipt=unit.next_receipt(),
            shift=1,
            operator_id=3,
            business_date=date(2026, 11, 19),
            meter=a_meter_number(meter).digits,
            configuration=a_configuration(),
            customer_id=meter,
            tariff="dom@3",
            currency="KES",
            lines=LINES,
            tenders=(Tender(TenderKind.CASH, 50_000),),
            units_tenths=93,
            month_units_before=0,
            items=(TokenItem(TokenKind.CREDIT, 0, self.tid, 93, 20_000),),
            module_id=MODULE_ID,
            sequence=unit.next_sequence(MODULE_ID),
        )
        return replace(sale, **changes)  # type: ignore[arg-type]

    def begin(self, meter: int = 1, **changes: object) -> tuple[int, SaleIntended]:
        """A durable intent and its position."""

        def work(unit: UnitOfWork) -> tuple[int, SaleIntended]:
            sale = self.intent(unit, meter, **changes)
            return unit.append(sale), sale

        return self.store.write(work)

    def token(self) -> str:
        return f"{self.random.randrange(1 << 66):020d}"

    def end(self, seq: int, sale: SaleIntended) -> int:
        """A durable outcome with its receipt; the print job's id."""

        def work(unit: UnitOfWork) -> int:
            unit.append(SaleIssued(seq, tuple(self.token() for _ in sale.items), seq + 90_000))
            return unit.add_print_job("receipt", "Receipt", DOCUMENT, sale_id=sale.sale_id)

        return self.store.write(work)

    def sell(self, meter: int = 1, **changes: object) -> SaleIntended:
        """One whole sale."""
        seq, sale = self.begin(meter, **changes)
        self.end(seq, sale)
        return sale
