"""Builders of realistic journals: a town's sales under block tariffs, with everything random
that is random in life. Used by the tests of wire, sync and head office.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from posapp.codec.signing import SigningKey
from posapp.domain.ids import uuid7
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration, luhn_digit
from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.journal.chain import Entry, Head, genesis
from posapp.journal.facts import (
    Fact,
    SaleIntended,
    SaleIssued,
    ShiftOpened,
    TillEnrolled,
    TokenItem,
)

START_MS = 1_795_060_800_000  # 2026-11-19 04:00 UTC
BASE_2014_MS = 1_388_534_400_000
DAY = date(2026, 11, 19)


@dataclass
class TownMeter:
    """What a sale needs to know of a meter."""

    number: str
    configuration: MeterConfiguration
    customer_id: int
    tariff: str
    month_tenths: int = 0
    fee_paid: bool = False


def town_meters(rng: random.Random, count: int = 600) -> list[TownMeter]:
    """Meters with random numbers of 11 digits, two EAs, three tariffs."""
    meters = []
    for place in range(count):
        body = "".join(rng.choice("0123456789") for _ in range(10))
        ea = EncryptionAlgorithm.STA if rng.random() < 0.6 else EncryptionAlgorithm.MISTY1
        tariff = rng.choice(["dom@3", "dom@3", "life@2", "com@1"])
        ti = {"dom@3": "01", "life@2": "02", "com@1": "07"}[tariff]
        configuration = MeterConfiguration(ea, "600675", 1, ti, 2014)
        customer = rng.randrange(1, 501) if place >= 500 else place + 1
        meter = TownMeter(body + luhn_digit(body), configuration, customer, tariff)
        meter.month_tenths = rng.choice([0, 0, rng.randrange(1, 2500)])
        meter.fee_paid = meter.month_tenths > 0
        meters.append(meter)
    rng.shuffle(meters)
    return meters


_BLOCKS = {
    "dom@3": (("block 1", 1000, "16.50"), ("block 2", None, "18.57")),
    "life@2": (("block 1", 300, "12.14"), ("block 2", 700, "16.50"), ("block 3", None, "18.57")),
    "com@1": (("energy", None, "20.97"),),
}


def price(meter: TownMeter, tender: int) -> tuple[list[SaleLine], int]:
    """Lines that add up to `tender` (minor units) and the units in tenths of a kWh."""
    lines: list[SaleLine] = []
    net = int((Decimal(tender) / Decimal("1.16")).to_integral_value(ROUND_DOWN))
    if meter.tariff == "com@1" and not meter.fee_paid:
        fee = min(30000, net // 2)
        lines.append(SaleLine(LineKind.FEE, "fixed fee", fee))
        net -= fee
    used, units, energy = meter.month_tenths, 0, 0
    for code, size, rate in _BLOCKS[meter.tariff]:
        room = None if size is None else max(0, size - used)
        used = max(0, used - (size or 0))
        minor_per_kwh = Decimal(rate) * 100 + Decimal("3.5")
        fits = int((Decimal(net - energy) * 10 / minor_per_kwh).to_integral_value(ROUND_DOWN))
        take = fits if room is None else min(room, fits)
        if take <= 0:
            continue
        amount = Decimal(take) * Decimal(rate) * 10
        cost = int(amount.to_integral_value(ROUND_HALF_UP))
        lines.append(SaleLine(LineKind.ENERGY, code, cost, take, rate))
        units += take
        energy += cost + int(Decimal(take) * Decimal("0.35"))
    levy = int((Decimal(units) * Decimal("0.35")).to_integral_value(ROUND_HALF_UP))
    lines.append(SaleLine(LineKind.LEVY, "levy", levy, 0, "0.035"))
    subtotal = sum(line.amount_minor for line in lines)
    tax = int((Decimal(subtotal) * Decimal("0.16")).to_integral_value(ROUND_HALF_UP))
    lines.append(SaleLine(LineKind.TAX, "vat", tax, 0, "16"))
    left = tender - subtotal - tax
    if left:
        lines.append(SaleLine(LineKind.ROUNDING, "rounding", left))
    return lines, units


class Journal:
    """A till's journal in memory: appends facts, keeps the chain, signs the head."""

    def __init__(self, rng: random.Random, till_id: bytes = b"", epoch: int = 1) -> None:
        self.rng = rng
        self.till_id = till_id or rng.randbytes(16)
        self.key = SigningKey(rng.randbytes(32))
        self.heads = [genesis(self.till_id, epoch)]
        self.entries: list[bytes] = []
        self.at_ms = START_MS
        self.receipt = 411
        self.sequence = 1205
        self.audit_no = 90_113
        self.meters = town_meters(rng)

    @property
    def head(self) -> Head:
        return self.heads[-1]

    def append(self, fact: Fact) -> int:
        seq = self.head.seq + 1
        data = Entry(seq, fact.KIND, fact.VERSION, self.at_ms, fact.to_body()).to_bytes()
        self.entries.append(data)
        self.heads.append(self.head.follow(data))
        return seq

    def open(self) -> None:
        self.append(TillEnrolled("0.1.0", self.key.public))
        self.append(ShiftOpened(7, 3, 500_000))

    def sell(self) -> SaleIntended:
        """One sale of a random meter: the intent and, a little later, its outcome."""
        rng = self.rng
        self.at_ms += rng.randrange(15_000, 240_000)
        meter = rng.choice(self.meters)
        tender = rng.choice([2000, 5000, 10000, 10000, 20000, 20000, 50000, 100000, 35000, 150000])
        lines, units = price(meter, tender)
        received = tender if rng.random() < 0.7 else -(-tender // 50000) * 50000
        tid = (self.at_ms - BASE_2014_MS) // 60_000
        self.receipt += 1
        self.sequence += 1
        fact = SaleIntended(
            sale_id=uuid7(self.at_ms - rng.randrange(0, 3), rng.randbytes(10)).bytes,
            receipt=self.receipt,
            shift=7,
            operator_id=3,
            business_date=datetime.fromtimestamp(self.at_ms / 1000, UTC).date(),
            meter=meter.number,
            configuration=meter.configuration,
            customer_id=meter.customer_id,
            tariff=meter.tariff,
            currency="KES",
            lines=tuple(lines),
            tenders=(Tender(TenderKind.CASH, received),),
            units_tenths=units,
            month_units_before=meter.month_tenths,
            items=(TokenItem(TokenKind.CREDIT, 0, tid, units, tender),),
            module_id="RM-00117",
            sequence=self.sequence,
        )
        intent_seq = self.append(fact)
        self.at_ms += int(rng.gauss(420, 60))
        self.audit_no += 1
        token = f"{rng.randrange(1 << 66):020d}"
        self.append(SaleIssued(intent_seq, (token,), self.audit_no))
        meter.month_tenths += units
        meter.fee_paid = True
        return fact
