"""A month at one till, random but possible: what the books say afterwards is checked by hand.

The model is a plain dict of sums; nothing of the ledger's own arithmetic is used in it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from posapp.domain.cash import CashKind
from posapp.domain.operator import Operator, OperatorRecord, Role
from posapp.domain.sale import LineKind, SaleLine, Tender, TenderKind, TokenKind
from posapp.domain.shift import CashCount
from posapp.journal.facts import SaleEnded, SaleIntended, SaleIssued, SaleUncertain, TokenItem
from posapp.journal.postings import Account
from posapp.ports import Reader
from posapp.ports.ledger import PeriodTotals
from posapp.services.export_ledger import lines_on
from posapp.services.move_cash import CashWish, MoveCash
from posapp.services.reconcile import Reconcile
from posapp.services.report import DailyReport
from posapp.services.shift import CloseShift, OpenShift, PrintZ
from posapp.services.sign_in import SignIn
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore
from posapp.wire.feed import Entity, FeedRow
from tests.services.booked_module import BookedModule
from tests.services.counter import CountedQueue
from tests.stores import Seller, StoppedClock, a_store

CLERKS = (Operator(3, "Grace Otieno", Role.CLERK), Operator(4, "Ibrahim Traoré", Role.VENDOR))
TARIFFS = ("dom@3", "dom@4", "shop@1")
SALES_A_TRANSACTION = 40
STUCK, ENDED = 0.03, 0.06  # shares of sales without an answer, and without a token


@dataclass
class Model:
    """What must come out: sums by day, by account, by shift."""

    gross: Counter[date] = field(default_factory=Counter)
    tariffs: defaultdict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tenders: defaultdict[date, Counter[TenderKind]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    issued: Counter[date] = field(default_factory=Counter)
    abandoned: Counter[date] = field(default_factory=Counter)
    late: Counter[date] = field(default_factory=Counter)
    drawer: int = 0
    receipts: int = 0


class Month:
    """One till, one clock, one model."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.clock = StoppedClock()
        self.store: SqlStore = a_store(folder, self.clock)
        rows = [
            FeedRow(n, Entity.OPERATOR, str(p.operator_id), OperatorRecord(p, ""))
            for n, p in enumerate(CLERKS, 1)
        ]
        SqlSyncStore(self.store).apply_rows("global", rows, len(rows))
        self.random = random.Random(seed)
        self.seller = Seller(self.store, self.clock, seed)
        queue, module = CountedQueue(), BookedModule(gone=True)
        self.open = OpenShift(self.store, self.clock)
        sign_in = SignIn(self.store, module)
        self.close = CloseShift(
            self.store, queue, self.clock, Reconcile(self.store, module), sign_in
        )
        self.cash = MoveCash(self.store, queue, self.clock)
        self.report = DailyReport(self.store, queue, self.clock, None)  # type: ignore[arg-type]
        self.papers = PrintZ(self.store, queue)
        self.model = Model()
        self.stuck: list[tuple[int, SaleIntended]] = []
        self.days: list[date] = []
        self.sums: list[PeriodTotals] = []

    @property
    def day(self) -> date:
        return self.store.read(lambda r: r.site().business_date(self.clock.now()))

    def live(self, days: int, sales: int) -> None:
        """`days` days with `sales` sales in all, in one to three shifts each."""
        chance = self.random
        for left in range(days, 0, -1):
            today = sales // left if left > 1 else sales
            sales -= today
            shifts = chance.choice((1, 2, 3))
            self.days.append(self.day)
            for number in range(shifts, 0, -1):
                some = today // number
                today -= some
                self.shift(some)
            self.clock.move(hours=24 - 2 * shifts)

    def shift(self, sales: int) -> None:
        """Open, resolve what was stuck, sell, move cash, count, close."""
        chance, model = self.random, self.model
        person = chance.choice(CLERKS)
        opening = chance.choice((0, 100_000, 250_000))
        number = self.open(person, opening).number
        model.drawer = opening
        self._resolve()
        while sales:
            some = min(sales, SALES_A_TRANSACTION)
            sales -= some
            self.clock.move(seconds=chance.randrange(10, 60))
            self.store.write(
                lambda unit, some=some: [self._sell(unit, number, person) for _ in range(some)]
            )
            self._move(person)
        self.clock.move(hours=2)
        short = chance.choice((0, 0, 0, 500, -300))
        count = CashCount(((1, max(0, model.drawer - short)),))
        short = model.drawer - count.total_minor
        closed = self.close(person, count, "miscounted" if short else "")
        assert closed.shift.expected_minor == model.drawer, (number, model.drawer)
        self.sums.append(self._sums(closed.z_number))

    def _sums(self, z: int) -> PeriodTotals:
        """What a Z's stretch of the journal adds up to, as it stood at its end."""

        def read(reader: Reader) -> PeriodTotals:
            record = reader.z(z)
            assert record is not None
            return reader.period(record.fact.after_seq, record.fact.through_seq)

        return self.store.read(read)

    def _sell(self, unit, shift: int, person: Operator) -> None:
        chance, model, day = self.random, self.model, self.day
        lines = self._lines()
        due = sum(line.amount_minor for line in lines)
        tenders = self._tenders(due)
        sale = self.seller.intent(
            unit,
            chance.randrange(1, 200),
            shift=shift,
            operator_id=person.operator_id,
            business_date=day,
            tariff=chance.choice(TARIFFS),
            lines=lines,
            tenders=tenders,
            units_tenths=sum(line.units_tenths for line in lines),
        )
        item = TokenItem(TokenKind.CREDIT, 0, self.seller.tid, sale.units_tenths, due)
        self.seller.tid += 1
        sale = replace(sale, items=(item,))
        seq = unit.append(sale)
        model.receipts += 1
        end = chance.random()
        kept = _cash(sale)
        if end < STUCK:
            unit.append(SaleUncertain(seq, "WRONG_MODULE"))
            self.stuck.append((seq, sale))
            model.drawer += kept
        elif end < ENDED:
            unit.append(SaleEnded(seq, chance.choice((0, 1)), "KEY_EXPIRED"))
            model.abandoned[day] += 1
        else:
            unit.append(SaleIssued(seq, (self.seller.token(),), seq))
            model.drawer += kept
            self._count(day, sale)

    def _count(self, day: date, sale: SaleIntended) -> None:
        model = self.model
        model.issued[day] += 1
        model.gross[day] += sale.amount_minor
        model.tariffs[day][sale.tariff.partition("@")[0]] += sale.amount_minor
        for tender in sale.tenders:
            model.tenders[day][tender.kind] += tender.received_minor
        model.tenders[day][TenderKind.CASH] -= sale.change_minor

    def _resolve(self) -> None:
        """What was stuck in an earlier shift gets its token, or never does."""
        for seq, sale in self.stuck:
            if self.random.random() < 0.5:
                fact = SaleIssued(seq, (self.seller.token(),), seq)
                if sale.business_date == self.day:
                    self._count(self.day, sale)
                else:
                    self.model.late[self.day] += 1
            else:
                fact = SaleEnded(seq, SaleEnded.CANCELLED, "MODULE_LOST")
            self.store.write(lambda unit, fact=fact: unit.append(fact))
        self.stuck.clear()

    def _move(self, person: Operator) -> None:
        chance, model = self.random, self.model
        kind = chance.choice((None, None, *CashKind))
        if kind in (None, CashKind.RETURN):
            return
        amount = chance.randrange(1, 50_000) if kind.moves_cash else 0
        if kind in (CashKind.OUT, CashKind.DROP):
            amount = min(amount, model.drawer)
        if kind.moves_cash and not amount:
            return
        self.cash(person, CashWish(kind, amount, "why", "BAG" if kind is CashKind.DEPOSIT else ""))
        sign = {CashKind.IN: 1, CashKind.OUT: -1, CashKind.DROP: -1}.get(kind, 0)
        model.drawer += sign * amount

    def _lines(self) -> tuple[SaleLine, ...]:
        chance = self.random
        energy = chance.randrange(1_000, 200_000)
        lines = [SaleLine(LineKind.ENERGY, "block 1", energy, energy // 16, "16.50")]
        if chance.random() < 0.6:
            lines.append(SaleLine(LineKind.LEVY, chance.choice(("fuel", "rural")), energy // 20))
        if chance.random() < 0.3:
            lines.append(SaleLine(LineKind.FEE, "fixed fee", chance.randrange(1, 5_000)))
        if chance.random() < 0.2:
            lines.append(
                SaleLine(LineKind.ARREARS, "arrears old_meter", chance.randrange(1, 9_000))
            )
        rate = chance.choice(("16", "8"))
        lines.append(SaleLine(LineKind.TAX, "vat", energy * int(rate) // 100, 0, rate))
        if chance.random() < 0.5:
            lines.append(SaleLine(LineKind.ROUNDING, "rounding", chance.randrange(-50, 50)))
        return tuple(lines)

    def _tenders(self, due: int) -> tuple[Tender, ...]:
        chance = self.random
        kind = chance.choice((TenderKind.CASH, TenderKind.CASH, *TenderKind))
        if kind is TenderKind.CASH:
            return (Tender(kind, due + chance.choice((0, 0, 500, 12_345))),)
        if chance.random() < 0.3:
            part = due // 3
            over = chance.choice((0, 250))
            return (Tender(kind, part, "R1"), Tender(TenderKind.CASH, due - part + over))
        return (Tender(kind, due, "R2"),)

    # ------------------------------------------------------------ the proof

    def check(self) -> list[str]:
        """Every identity, day by day, against the model and the ledger; what does not hold."""
        model = self.model
        now = [self._sums(number) for number in range(1, len(self.sums) + 1)]
        wrong = [f"Z {n} adds up anew" for n, sums in enumerate(self.sums) if now[n] != sums]
        wrong += [f"Z {n} has gaps" for n, sums in enumerate(self.sums) if sums.gaps]
        for day in self.days:
            facts = self.report.facts(day)
            wrong += [f"{day} {i.key}" for i in facts.identities if not i.holds]
            same = {
                "issued": (facts.issued, model.issued[day]),
                "abandoned": (facts.abandoned >= model.abandoned[day], True),
                "gross": (facts.gross_minor, model.gross[day]),
                "tariffs": ({r.tariff: r.gross_minor for r in facts.tariffs}, model.tariffs[day]),
                "tenders": (
                    {r.kind: r.kept_minor for r in facts.tenders if r.kept_minor},
                    {k: v for k, v in model.tenders[day].items() if v},
                ),
                "late": (facts.late[0], model.late[day]),
                "gaps": (facts.gaps, 0),
            }
            wrong += [f"{day} {name} {a} {b}" for name, (a, b) in same.items() if a != b]
            wrong += self._ledger_of(day)
        return wrong

    def _ledger_of(self, day: date) -> list[str]:
        """The day's postings: each booking is zero, drawers end empty, lines add up by kind."""
        sums: Counter[int] = Counter()
        drawers: Counter[int] = Counter()
        for line in self.store.read(lambda r: list(lines_on(r, day))):
            sums[line.seq] += line.amount_minor
            if line.account is Account.CASH:
                drawers[line.shift] += line.amount_minor
        wrong = [f"{day} entry {seq}" for seq, left in sums.items() if left]
        return wrong + [f"{day} drawer {shift}" for shift, left in drawers.items() if left]

    def zs(self) -> list[bytes]:
        """The paper of every Z, as stored."""
        last = self.store.read(lambda r: r.last_z())
        assert last is not None
        return [self.papers.document(n) for n in range(1, last.fact.number + 1)]


def _cash(sale: SaleIntended) -> int:
    cash = sum(t.received_minor for t in sale.tenders if t.kind is TenderKind.CASH)
    return cash - sale.change_minor


def prove(folder: Path, days: int, sales: int, seed: int) -> list[str]:
    """Live a month and check all of it; what did not hold."""
    month = Month(folder, seed)
    month.live(days, sales)
    wrong = month.check()
    papers = month.zs()
    reports = [month.report.json(day) for day in month.days]
    wrong += month.store.check_projections().differences
    month.store.rebuild()
    if month.zs() != papers:
        wrong.append("a Z changed")
    month.clock.move(hours=50)
    wrong += [
        f"the report of {day} changed"
        for day, before in zip(month.days, reports, strict=True)
        if month.report.json(day) != before
    ]
    zs = [z for day in month.days for z in month.store.read(lambda r, day=day: r.zs_on(day))]
    if [z.fact.number for z in zs] != list(range(1, len(zs) + 1)):
        wrong.append("the numbers of the Zs have gaps")
    ends = [z.fact.last_receipt for z in zs]
    if ends != sorted(ends) or ends[-1] != month.model.receipts:
        wrong.append("receipts stand in no Z")
    balance: Counter[Account] = Counter()
    for day in (month.days[0] + timedelta(days=n) for n in range(days + 2)):
        for line in month.store.read(lambda r, day=day: list(lines_on(r, day))):
            balance[line.account] += line.amount_minor
    if sum(balance.values()) or balance[Account.CASH]:
        wrong.append("the ledger does not balance")
    month.store.close()
    return wrong
