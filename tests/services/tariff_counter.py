"""A counter whose clock, tariffs and accounts a test decides, over a real store and module engine.

The engine is called as a driver of the real manager, without a process, so that a sale can be
made at any minute of any year.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from posapp.domain.lease import Lease
from posapp.domain.meter import Meter
from posapp.domain.sale import Tender, TenderKind
from posapp.domain.standing import Debt, FeeState, Rate, Standing
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.ports import IssueRequest, IssueResult, NotFound, SaleRecord
from posapp.pricing.pack import check_pack, load_pack
from posapp.pricing.situation import Situation
from posapp.reports.document import Document, KeyValue
from posapp.security_module.link.messages import Hello, Missing, Report
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.store import ModuleStore
from posapp.services.quote import SaleContext
from posapp.services.sell import Sold
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import decoder_key
from posapp.sts.meter import VirtualMeter
from posapp.wire.feed import GLOBAL, Entity, FeedRow, FeedValue, TariffText
from posapp.wire.lease import SignedLease
from tests.pricing.tariff_builder import pack_text
from tests.security_module.engines import SetClock, an_engine, order
from tests.security_module.module_process import write_key_file
from tests.services.counter import GRACE, Counter, a_configuration, furnish
from tests.stores import HEAD_OFFICE, TILL_ID, StoppedClock, a_meter_number, a_site, a_store

MORNING = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)  # nine o'clock in Nairobi
MODULE_BEGUN = datetime(2025, 1, 1, tzinfo=UTC)
CODE = "TEST"

ENERGY = {"kind": "per_kwh", "code": "energy", "price": Decimal("20.00")}
BLOCKS = {
    "kind": "blocks",
    "code": "energy",
    "blocks": [{"up_to": 50, "price": Decimal("10.00")}, {"price": Decimal("20.00")}],
}
VAT = {"kind": "vat", "code": "vat", "percent": 15, "of": ["energy"], "included": False}


def proven(text: str) -> str:
    """The pack with what its example costs by its own prices: a till takes no other."""
    if "pegged" in text:
        text += "rate = 1\n"
    for outcome in check_pack(load_pack(text, "made up")):
        for failure in outcome.failures:
            got = failure.partition(" ")[0]
            text = text.replace("\ncost = 1\n", f"\ncost = {got}\n")
    return text


def a_tariff(*components: dict[str, Any], version: int = 1, **head: Any) -> TariffText:
    """A version of the tariff that every meter of these tests has."""
    fields = {"code": CODE, "effective_from": date(2026, 1, 1), **head, "version": version}
    text = proven(pack_text(components, **fields))
    return TariffText(fields["code"], text, version)


def a_standing(number: int, as_of: datetime, **account: Any) -> Standing:
    return Standing(a_meter_number(number), as_of, **account)


class EngineDriver:
    """The engine as a line's other end; `refuses` is thrown once, before it is asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_open = False
        self.refuses: ModuleError | None = None

    def open(self, deadline: float) -> Hello:
        self.is_open = True
        return self.engine.hello()

    def check(self) -> None:
        return None

    def status(self, till_id: bytes, deadline: float) -> Report:
        return self.engine.report(till_id)

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        refused, self.refuses = self.refuses, None
        if refused is not None:
            raise refused
        answer = self.engine.issue(order(request))
        return IssueResult(request.request_id, answer.tokens, answer.module_id, answer.audit_no)

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> IssueResult | NotFound:
        found = self.engine.fetch(request_id, till_id)
        if isinstance(found, Missing):
            return NotFound(found.last_sequence)
        return IssueResult(request_id, found.tokens, found.module_id, found.audit_no, replayed=True)

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None:
        self.engine.cancel(request_id, till_id, sequence)

    def interrupt(self) -> None:
        return None

    def close(self) -> None:
        self.is_open = False


@dataclass
class TariffCounter(Counter):
    """A counter with words for what head office tells and what a customer sees."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    driver: EngineDriver | None = None
    module_store: ModuleStore | None = None
    folder: Path = Path()
    cursor: int = 0  # of what head office told

    def tell(self, *values: FeedValue) -> None:
        """Head office sends these now."""
        rows = []
        for value in values:
            self.cursor += 1
            entity, key = _place(value)
            rows.append(FeedRow(self.cursor, entity, key, value))
        SqlSyncStore(self.store).apply_rows(GLOBAL, rows, self.cursor)

    def forget(self, value: FeedValue) -> None:
        """Head office has deleted it."""
        self.cursor += 1
        row = FeedRow(self.cursor, *_place(value), None, deleted=True)
        SqlSyncStore(self.store).apply_rows(GLOBAL, [row], self.cursor)

    def put(self, number: int, tariff: str = CODE, **changes: Any) -> Meter:
        """A meter of its own customer, on a tariff."""
        plain = Meter(a_meter_number(number), a_configuration(number), tariff, number)
        meter = replace(plain, **changes)
        self.tell(meter)
        return meter

    def context(self, number: int) -> SaleContext:
        return self.prepare(a_meter_number(number))

    def situation(self, number: int) -> Situation:
        found = self.context(number).situation
        assert found is not None
        return found

    def refused(
        self,
        number: int,
        amount_minor: int,
        code: str = "FIELD_RANGE",
        outcome: Outcome = Outcome.NOT_EXECUTED,
    ) -> SaleError:
        """The module answers a sale so: the error that the cashier sees."""
        assert self.driver is not None
        self.driver.refuses = ModuleError(code, outcome=outcome)
        try:
            self.sale(number, amount_minor)
        except SaleError as error:
            return error
        raise AssertionError("the module's refusal was not told")

    def overtaken(self, number: int, amount_minor: int, what: Any) -> str:
        """Quote, let `what` happen, and sell: the names of what moved, or the error's code."""
        context = self.context(number)
        quote = context.by_money(amount_minor)
        what()
        before = self.store.read(lambda reader: reader.head().seq)
        try:
            self.sell(context, quote, (Tender(TenderKind.CASH, amount_minor),), GRACE.operator_id)
        except SaleError as error:
            assert self.store.read(lambda reader: reader.head().seq) == before
            return str(error.params.get("what", error.code))
        return ""

    def twin(self, number: int) -> VirtualMeter:
        """The meter itself, as its maker coded it."""
        configuration, meter = a_configuration(number), a_meter_number(number)
        wanted = (configuration.sgc, configuration.krn)
        keys = load_key_file(write_key_file(self.folder / "twin-keys.json"))
        key = next(k for k in keys if (k.sgc, k.krn) == wanted)
        secret = decoder_key(key, meter, configuration.ti, configuration.ea)
        return VirtualMeter(meter, secret, configuration.ea, sample_tables())

    def receipt(self, sold: Sold) -> dict[str, str]:
        """The left and right words of its slip."""
        job = self.store.read(lambda r: r.print_jobs_of_sale(sold.record.intent.sale_id))[0]
        blocks = Document.from_bytes(job.document).blocks
        return {b.left: b.right for b in blocks if isinstance(b, KeyValue)}


def lines_of(record: SaleRecord) -> dict[str, int]:
    """Amounts by the code of their line."""
    return {line.code: line.amount_minor for line in record.intent.lines}


def fee_of(record: SaleRecord, code: str) -> FeeState:
    return dict(record.intent.fees)[code]


def a_debt(account: str, balance_minor: int, since: date = date(2025, 6, 30)) -> Debt:
    return Debt(account, balance_minor, since)


def a_tariff_counter(
    folder: Path,
    *values: FeedValue,
    start: datetime = MORNING,
    zone: str = "Africa/Nairobi",
    meters: Iterable[int] = (1,),
    shift: bool = True,
) -> TariffCounter:
    """Grace's shift is open; `values` are told, `meters` have the tariff TEST."""
    clock = StoppedClock(start)
    store = a_store(folder / "till", clock, site=replace(a_site(), zone=zone))
    furnish(store, clock)
    counter = counter_over(store, folder, clock)
    lease = Lease(2, 10**12, 10**11, 100, start + timedelta(days=900))
    counter.tell(SignedLease.sign(TILL_ID, lease, HEAD_OFFICE), *values)
    for number in meters:
        counter.put(number)
    if shift:
        counter.open_shift(GRACE, 0)
    return counter


def counter_over(store: SqlStore, folder: Path, clock: StoppedClock) -> TariffCounter:
    """A counter over a store, with a new module in `folder`."""
    module_clock = SetClock(clock.now())
    engine, module_store = an_engine(folder / "module", module_clock, begun=MODULE_BEGUN)
    module_clock.now = clock.now  # type: ignore[method-assign]  # one time for both
    driver = EngineDriver(engine)
    manager = ModuleManager("", till_id=TILL_ID, clock=clock, driver=driver)
    cursor = SqlSyncStore(store).cursor(GLOBAL)
    return TariffCounter(
        store,
        manager,
        clock,
        driver=driver,
        module_store=module_store,
        folder=folder,
        cursor=cursor,
    )


def close(counter: TariffCounter) -> None:
    counter.module.close()
    counter.store.close()
    assert counter.module_store is not None
    counter.module_store.close()


def _place(value: FeedValue) -> tuple[str, str]:
    if isinstance(value, TariffText):
        return Entity.TARIFF, value.key
    if isinstance(value, Standing):
        return Entity.STANDING, value.meter.digits
    if isinstance(value, Rate):
        return Entity.RATE, value.currency
    if isinstance(value, Meter):
        return Entity.METER, value.number.digits
    assert isinstance(value, SignedLease)
    return Entity.LEASE, "lease"
