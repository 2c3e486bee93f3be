"""Builders of realistic journals: a town's sales under block tariffs, with everything random
that is random in life. Used by the tests of wire, sync and head office.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime

from posapp import paths
from posapp.codec.signing import SigningKey
from posapp.domain.ids import uuid7
from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration, luhn_digit
from posapp.domain.sale import Tender, TenderKind, TokenKind
from posapp.journal.chain import Entry, Head, genesis
from posapp.journal.facts import (
    Fact,
    SaleIntended,
    SaleIssued,
    ShiftOpened,
    TillEnrolled,
    TokenItem,
)
from posapp.pricing.components import MonthlyFee
from posapp.pricing.pack import TariffPack, load_pack
from posapp.pricing.quote import by_money
from posapp.pricing.situation import FeeState, Situation

START_MS = 1_795_060_800_000  # 2026-11-19 04:00 UTC
BASE_2014_MS = 1_388_534_400_000
DAY = date(2026, 11, 19)


@dataclass
class TownMeter:
    """What a sale needs to know of a meter."""

    number: str
    configuration: MeterConfiguration
    customer_id: int
    pack: TariffPack
    month_tenths: int = 0
    fee_paid: bool = False


def town_meters(rng: random.Random, count: int = 600) -> list[TownMeter]:
    """Meters with random numbers of 11 digits, two EAs, three tariffs."""
    meters = []
    for place in range(count):
        body = "".join(rng.choice("0123456789") for _ in range(10))
        ea = EncryptionAlgorithm.STA if rng.random() < 0.6 else EncryptionAlgorithm.MISTY1
        place_of_pack = rng.choice([0, 0, 1, 2])
        pack = town_packs()[place_of_pack]
        configuration = MeterConfiguration(ea, "600675", 1, f"0{place_of_pack + 1}", 2014)
        customer = rng.randrange(1, 501) if place >= 500 else place + 1
        meter = TownMeter(body + luhn_digit(body), configuration, customer, pack)
        meter.month_tenths = rng.choice([0, 0, rng.randrange(1, 2500)])
        meter.fee_paid = meter.month_tenths > 0
        meters.append(meter)
    rng.shuffle(meters)
    return meters


@functools.cache
def town_packs() -> tuple[TariffPack, ...]:
    """The shipped tariffs of one country: blocks, a levy, a standing charge, VAT."""
    names = ("ke-domestic", "ke-standing-charge", "ke-small-business")
    folder = paths.resources() / "tariffs"
    return tuple(
        load_pack((folder / f"{name}.toml").read_text(encoding="utf-8"), name) for name in names
    )


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

    def situation(self, meter: TownMeter) -> Situation:
        """Of a meter whose fees of the month are paid, or all due."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC).replace(tzinfo=None)
        fees = tuple(
            (component.code, FeeState(at.date()))
            for component in meter.pack.components
            if isinstance(component, MonthlyFee) and meter.fee_paid
        )
        return Situation(at, meter.month_tenths, fees=fees)

    def sell(self) -> SaleIntended:
        """One sale of a random meter: the intent and, a little later, its outcome."""
        rng = self.rng
        self.at_ms += rng.randrange(15_000, 240_000)
        meter = rng.choice(self.meters)
        tender = rng.choice([5000, 10000, 10000, 20000, 20000, 50000, 100000, 35000, 150000])
        if not meter.fee_paid:
            tender = max(tender, 20000)  # the standing charge is taken first
        quote = by_money(meter.pack, tender, self.situation(meter))
        units = quote.units_tenths
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
            tariff=quote.tariff,
            currency="KES",
            lines=quote.lines,
            tenders=(Tender(TenderKind.CASH, received),),
            units_tenths=units,
            month_units_before=meter.month_tenths,
            items=(TokenItem(TokenKind.CREDIT, 0, tid, units, tender),),
            module_id="RM-00117",
            sequence=self.sequence,
            fees=quote.fees,
        )
        intent_seq = self.append(fact)
        self.at_ms += int(rng.gauss(420, 60))
        self.audit_no += 1
        token = f"{rng.randrange(1 << 66):020d}"
        self.append(SaleIssued(intent_seq, (token,), self.audit_no))
        meter.month_tenths += units
        meter.fee_paid = True
        return fact
