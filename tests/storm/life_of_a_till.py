"""A till's whole life against a plain dict: sold, cut, killed, closed, backed up, brought back.

The store, the verbs and the module's engine are real; the power and the line are ours to cut.
"""

from __future__ import annotations

import copy
import functools
import shutil
import tempfile
from collections import Counter as Tally
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from posapp.domain.cash import CashKind
from posapp.domain.sale import SOLD_STATES, SaleState, Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.errors import InputError, ModuleError, Outcome, PosError
from posapp.ports import IssueRequest, IssueResult, NotFound, SaleRecord
from posapp.security_module.link.messages import AuditPage, Report
from posapp.security_module.manager import ModuleManager
from posapp.services.desk import Desk
from posapp.services.move_cash import CashWish
from posapp.services.recover_answers import RecoverAnswers
from posapp.store.backup import SqlBackups
from posapp.store.feed import SqlSyncStore
from posapp.store.restore import restore
from posapp.store.schema import STORE_FILE
from posapp.wire.feed import GLOBAL
from tests.security_module.engines import an_engine
from tests.services.counter import GRACE
from tests.services.order_counter import BY_KWAME, again, consent, desk_of, due_for_another_key
from tests.services.tariff_counter import (
    ENERGY,
    MODULE_BEGUN,
    MORNING,
    VAT,
    EngineDriver,
    TariffCounter,
    a_tariff,
    a_tariff_counter,
    close,
)
from tests.stores import KEY, TILL_ID, SeededRandomness, StoppedClock, a_meter_number

METERS = (1, 2, 3)
GROUP_METER = 2  # it is due for another key: its first sale is a group of tokens
PAGE = 200  # entries of the module's book in one answer
FAULTS = (
    *("", "refuse", "lose request", "lose answer", "cut before", "cut after"),
    *("go before", "go after", "cut write 1", "cut write 2", "cut write 3"),
)


Backup = tuple[Path, dict[str, Any], dict[int, bytes]]  # its file, the model, hashes by number


class PowerCut(BaseException):
    """No code of ours may catch it: the process is gone."""


class LifeClock(StoppedClock):
    """People set the one clock back; the other one only ever goes on."""

    def __init__(self) -> None:
        super().__init__(MORNING)
        self._ticks = 0

    def monotonic_ms(self) -> int:
        self._ticks += 1
        return self._ticks

    def move(self, **by: int) -> None:
        self._ticks += max(0, int(timedelta(**by) / timedelta(milliseconds=1)))
        super().move(**by)


class FaultyDriver(EngineDriver):
    """A module with a book, on a line that fails once in the way that was asked for."""

    away = False
    fault = ""

    def __init__(self, engine: Any, made: dict[bytes, int]) -> None:
        super().__init__(engine)
        self.made = made  # request -> value in minor units: what it really did

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        self._there(Outcome.NOT_EXECUTED)
        fault, self.fault = self.fault, ""
        if fault == "refuse":  # a refusal uses up the number
            self.engine.cancel(request.request_id, request.till_id, request.sequence)
            raise ModuleError("FIELD_RANGE", outcome=Outcome.NOT_EXECUTED)
        self.away = fault.startswith("go")  # and stays away until it comes
        if fault in ("lose request", "go before"):
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        if fault == "cut before":
            raise PowerCut
        answer = super().issue(request, deadline)
        self.made[request.request_id] = sum(item.value_minor for item in request.items)
        if fault in ("lose answer", "go after"):
            raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        if fault == "cut after":
            raise PowerCut
        return answer

    def status(self, till_id: bytes, deadline: float) -> Report:
        self._there(Outcome.NOT_EXECUTED)
        return super().status(till_id, deadline)

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> IssueResult | NotFound:
        self._there(Outcome.UNKNOWN)
        return super().fetch(request_id, till_id, deadline)

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None:
        self._there(Outcome.UNKNOWN)
        super().cancel(request_id, till_id, sequence, deadline)

    def load_authorisation(self, document: bytes, deadline: float) -> int:
        return self.engine.load_authorisation(document)

    def acknowledge_audit(self, document: bytes, deadline: float) -> int:
        return self.engine.acknowledge(document)

    def read_audit(self, after: int, deadline: float) -> AuditPage:
        self._there(Outcome.NOT_EXECUTED)
        entries, head = self.engine.audit_page(after, PAGE)
        return AuditPage(entries, head.number, head.hash32, head.signature)

    def _there(self, outcome: Outcome) -> None:
        if self.away:
            raise ModuleError("MODULE_TIMEOUT", outcome=outcome)


@functools.cache
def _template() -> Path:
    """A furnished till and its module, both closed; each life begins with a copy."""
    folder = Path(tempfile.mkdtemp(prefix="posapp-life-"))
    counter = a_tariff_counter(folder, a_tariff(ENERGY, VAT), meters=METERS, shift=False)
    due_for_another_key(counter, GROUP_METER)
    close(counter)
    return folder


def a_model() -> dict[str, Any]:
    """`want` are the intents that nobody knows the end of: what each would leave in the drawer."""
    return {
        "shift": 0,
        "drawer": 0,
        "sold": {},  # sale id -> minor units
        "over": set(),  # refused, cancelled or voided
        "want": {},  # sale id -> minor units
        "held": {},  # sale id -> minor units, taken in a shift that ended meanwhile
        "receipts": [],
        "zs": 0,
    }


class Life:
    """One till. Every word is something people or the world do to it; `check` is what holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(_template(), folder, dirs_exist_ok=True)
        self.clock = LifeClock()
        engine, self.module_store = an_engine(folder / "module", self.clock, begun=MODULE_BEGUN)  # type: ignore[arg-type]
        self.made: dict[bytes, int] = {}
        self.driver = FaultyDriver(engine, self.made)
        self.model = a_model()
        self.shown: dict[bytes, tuple[str, ...]] = {}  # what a customer has seen
        self.orphans: dict[bytes, int] = {}  # what the module made and a restore forgot
        self.marks: dict[str, int] = {}
        self.entries: dict[int, bytes] = {}
        self.backups: list[Backup] = []
        self._start()

    def _start(self) -> None:
        store = again(self.folder / "till", clock=self.clock)
        self.manager = ModuleManager("", till_id=TILL_ID, clock=self.clock, driver=self.driver)
        self.counter = TariffCounter(store, self.manager, self.clock, folder=self.folder)
        self.desk: Desk = desk_of(self.counter)

    def _stop(self) -> None:
        self.manager.close()
        self.counter.store.close()

    def close(self) -> None:
        self._stop()
        self.module_store.close()

    # ------------------------------------------------------------ what people do

    def open_shift(self, opening_minor: int) -> None:
        self.model["shift"] = self.counter.open_shift(GRACE, opening_minor).number
        self.model["drawer"] = opening_minor

    def sell(self, meter: int, amount_minor: int, over_minor: int, fault: str) -> None:
        received = amount_minor + over_minor
        wants = [(meter, amount_minor)]
        self._order(wants, lambda: [self.counter.sale(meter, amount_minor, received)], fault)

    def sell_two(self, amount_minor: int, fault: str) -> None:
        """One payment for two meters."""
        wants = [(1, amount_minor), (3, 2 * amount_minor)]

        def act() -> list[Any]:
            rows = []
            for meter, amount in wants:
                context = self.counter.context(meter)
                rows.append((context, context.by_money(amount)))
            cash = (Tender(TenderKind.CASH, 3 * amount_minor),)
            done = self.desk.sell_many(tuple(rows), cash, GRACE.operator_id)
            return list(done.sold)

        self._order(wants, act, fault)

    def give(self, meter: int, fault: str) -> None:
        """A free issue: Grace asks for it and Kwame stands by."""
        give = self.desk.give_credit.free
        number = a_meter_number(meter)
        self._order(
            [(meter, 0)],
            lambda: [give(number, 100, GRACE.operator_id, consent("hardship"))],
            fault,
        )

    def void(self, sale_id: bytes) -> None:
        """A supervisor stands by; a token that was seen is never taken back."""
        code, model = "", self.model
        try:
            self.desk.void(sale_id, GRACE.operator_id, consent("wrong meter"))
        except InputError as error:
            code = error.code
        if code:
            assert code == "VOID_TOO_LATE", code
            assert self._record(sale_id).state in SOLD_STATES
            return
        model["drawer"] -= model["sold"].pop(sale_id)
        model["over"].add(sale_id)
        self.shown.pop(sale_id, None)

    def move(self, kind: CashKind, amount_minor: int) -> None:
        model = self.model
        sign = {CashKind.IN: 1, CashKind.OUT: -1, CashKind.DROP: -1}.get(kind, 0)
        before, code = self._head(), ""
        try:
            self.counter.move_cash(GRACE, CashWish(kind, amount_minor, "why"))
        except PosError as error:
            code = error.code
        if code:
            assert (code, sign) == ("CASH_NOT_THERE", -1), code
            assert amount_minor > model["drawer"] and self._head() == before
            return
        model["drawer"] += sign * amount_minor

    def hand_back(self) -> None:
        """What customers paid for sales that never got their tokens."""
        for held in self.counter.store.read(lambda r: r.held_sales()):
            if held.open or held.amount_minor > self.model["drawer"]:
                continue
            wish = CashWish(CashKind.RETURN, held.amount_minor, "no token", receipt=held.receipt)
            self.counter.move_cash(GRACE, wish)
            self.model["drawer"] -= held.amount_minor

    def close_shift(self, short_minor: int) -> None:
        """Count, close, make the Z; Kwame signs where that is needed."""
        model, shift = self.model, self.counter.close_shift
        waiting = sum(model["want"][one] for one in self._unanswered())
        count = CashCount(((1, max(0, model["drawer"] + waiting - short_minor)),))
        preview = shift.preview(count)
        assert preview.expected_minor == model["drawer"] + waiting
        witness = BY_KWAME if preview.needs_signature else None
        closed = shift(GRACE, count, "miscounted" if preview.variance_minor else "", witness)
        model["zs"] += 1
        assert closed.z_number == model["zs"]
        model["held"] |= model["want"]
        model["shift"] = model["drawer"] = 0

    def set_clock_back(self) -> None:
        """Nothing is sold until it is right again."""
        floor = self.counter.store.read(lambda reader: reader.clock_floor())
        right, before = self.clock.moment, self._head()
        self.clock.moment = floor - timedelta(hours=1)
        refusal: PosError | None = None
        try:
            self.counter.sale(1, 20_000)
        except PosError as error:
            refusal = error
        self.clock.moment = right
        assert refusal is not None, "sold with a clock that went back"
        assert getattr(refusal, "outcome", Outcome.NOT_EXECUTED) is Outcome.NOT_EXECUTED
        open_before = bool(self.model["want"])  # it is finished first, whatever the clock says
        self._settle([])
        assert self._head() == before or open_before

    def back_up(self) -> None:
        self.clock.move(minutes=1)
        stick = self.folder / "stick"
        stick.mkdir(exist_ok=True)
        made = SqlBackups(self.counter.store, stick, self.clock).make()
        kept = self.folder / f"kept-{len(self.backups)}"  # the stick itself keeps one a day
        kept.mkdir()
        path = Path(shutil.copy(stick / "K7M2" / made.name, kept))
        self.backups.append((path, copy.deepcopy(self.model), dict(self.entries)))

    def restore(self, backup: Backup) -> None:
        """The disk dies; the stick and the module's book bring all of it back but the sales."""
        assert not self.driver.away
        path, model, entries = backup
        printed = [self._record(one).intent.receipt for one in self.shown]
        self._stop()
        clock, chance = self.clock, SeededRandomness(3)
        folder = self.folder / "till"
        restore(path, folder, KEY, clock=clock, randomness=chance, software="posapp 9")
        self.model, self.entries, self.marks = copy.deepcopy(model), dict(entries), {}
        self._start()
        RecoverAnswers(self.counter.store, self.manager)()
        self.counter.recover()
        self._settle([])
        known = self.model["sold"].keys() | self.model["over"]
        self.orphans = {one: v for one, v in self.made.items() if one not in known}
        self.shown = {one: t for one, t in self.shown.items() if one in known}
        told = self.counter.store.read(lambda r: r.orphans(1000))
        assert {one.found.request_id: one.found.value_minor for one in told} == self.orphans
        following = self.counter.store.write(lambda unit: unit.next_receipt())
        assert following > max(printed, default=0), "a receipt's number would come twice"
        self.model["skip"] = following
        self.check()

    # ------------------------------------------------------------ what the world does

    def kill(self) -> None:
        """The process is gone; what was on the disk at that moment is all that there is."""
        till, image = self.folder / "till", self.folder / "image"
        shutil.copytree(till, image)
        self._stop()  # a test cannot leave its own locks behind; what it writes now is thrown away
        for file in till.glob(f"{STORE_FILE}*"):
            file.unlink()
        for file in image.glob(f"{STORE_FILE}*"):
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, till / file.name)
        shutil.rmtree(image)
        self._start()
        self.counter.recover()
        self._settle([])
        self.check()

    def go_away(self, *, away: bool) -> None:
        self.driver.away = away
        if not away:
            self.clock.move(minutes=2)  # it is looked for again after a while
            self.counter.recover()
            self._settle([])

    # ------------------------------------------------------------ the model's own books

    def _order(
        self, wants: list[tuple[int, int]], act: Callable[[], list[Any]], fault: str
    ) -> None:
        self.clock.move(minutes=1)
        died = False
        sold: list[Any] = []
        if fault.startswith("cut write"):
            self._cut_write(int(fault[-1]))
        else:
            self.driver.fault = fault
        try:
            sold = act()
        except PosError as error:
            if getattr(error, "outcome", Outcome.NOT_EXECUTED) is Outcome.EXECUTED:
                raise
        except PowerCut:
            died = True
        self.driver.fault = ""
        vars(self.counter.store).pop("write", None)
        for one in sold:
            self.shown[one.record.intent.sale_id] = one.record.tokens
        self._settle(wants)
        if died:
            self.kill()

    def _cut_write(self, count: int) -> None:
        write, calls = self.counter.store.write, []

        def dying(work: Any, *urgency: Any) -> Any:
            calls.append(work)
            if len(calls) < count:
                return write(work, *urgency)

            def half(unit: Any) -> None:
                work(unit)
                raise PowerCut

            return write(half, *urgency)

        self.counter.store.write = dying  # type: ignore[method-assign,assignment]

    def _settle(self, wants: list[tuple[int, int]]) -> None:
        """Enter the new intents as what was wanted, and every end by what the module did."""
        model = self.model
        expected = (max(model["receipts"], default=0)) + 1
        expected = max(expected, model.get("skip", 0))
        for meter, minor in wants:
            record = self._receipt(expected)
            if record is None:
                break
            intent = record.intent
            assert (intent.meter, intent.amount_minor) == (a_meter_number(meter).digits, minor)
            model["want"][intent.sale_id] = minor
            model["receipts"].append(expected)
            expected += 1
        assert self._receipt(expected) is None, "an intent that nobody asked for"
        for sale_id in list(model["want"]):
            state = self._record(sale_id).state
            if state in SOLD_STATES:
                assert sale_id in self.made, "a token from nowhere"
                minor = model["want"].pop(sale_id)
                model["sold"][sale_id] = minor
                model["drawer"] += 0 if model["held"].pop(sale_id, None) is not None else minor
            elif state in (SaleState.REFUSED, SaleState.CANCELLED):
                assert sale_id not in self.made, "a token that nobody can be given"
                del model["want"][sale_id]
                model["held"].pop(sale_id, None)
                model["over"].add(sale_id)

    def _receipt(self, number: int) -> SaleRecord | None:
        return self.counter.store.read(lambda reader: reader.sale_by_receipt(number))

    def _record(self, sale_id: bytes) -> SaleRecord:
        record = self.counter.store.read(lambda reader: reader.sale(sale_id))
        assert record is not None
        return record

    def _head(self) -> int:
        return self.counter.store.read(lambda reader: reader.head()).seq

    def _unanswered(self) -> list[bytes]:
        """Open sales whose money no shift holds yet."""
        return [one for one in self.model["want"] if one not in self.model["held"]]

    # ------------------------------------------------------------ what holds

    def check_drawer(self) -> None:
        """After every step."""
        store, model = self.counter.store, self.model
        shift = store.read(lambda reader: reader.open_shift())
        assert (shift.number if shift else 0) == model["shift"]
        if shift is not None:
            assert store.read(lambda r: r.drawer_minor(shift.number)) == model["drawer"]

    def check(self) -> None:
        """After every restart. I1 to I11 are those of the sync protocol's page."""
        store, model = self.counter.store, self.model
        for sale_id, tokens in self.shown.items():  # I1
            assert self._record(sale_id).tokens == tokens
        verdict = store.verify_journal()  # I2
        assert verdict.broken_seq is None
        assert store.flaws() == ()  # I5
        vended, lease = store.read(lambda r: (r.vended_total_minor(), r.lease()))
        waiting = sum(model["want"].values())  # I6
        assert vended == sum(model["sold"].values()) + waiting + sum(self.orphans.values())
        assert lease is not None and vended <= lease.authorised_total_minor
        self._check_tids()  # I7
        waits = {r.intent.sale_id for r in store.read(lambda reader: reader.open_sales())}
        assert waits == set(model["want"])
        if not self.driver.away:
            assert not waits, "recovered, and an intent has no end"
        for mark, value in self._marks().items():  # I9
            assert value >= self.marks.get(mark, value), mark
            self.marks[mark] = value
        head = store.read(lambda reader: reader.head())  # I10
        self.entries[head.seq] = head.hash
        for seq, digest in self.entries.items():
            assert store.hash_of(head.epoch, seq) == digest, "an entry is gone"
        assert store.check_projections().differences == ()  # I11
        last = store.read(lambda reader: reader.last_z())
        assert (last.fact.number if last else 0) == model["zs"]
        self.check_drawer()

    def _check_tids(self) -> None:
        tids: Tally[tuple[str, int, int]] = Tally()
        for number in self.model["receipts"]:
            record = self._receipt(number)
            assert record is not None, f"receipt {number} is gone"
            base = record.intent.configuration.base_date
            if record.state in SOLD_STATES:
                tids.update(
                    (record.intent.meter, base, i.tid) for i in record.intent.items if i.tid
                )
        assert max(tids.values(), default=1) == 1

    def _marks(self) -> dict[str, int]:
        """What never goes back."""
        store = self.counter.store
        floor, module = store.read(lambda r: (r.clock_floor(), r.last_sequence(self._module_id())))
        return {
            "clock floor": int(floor.timestamp()),
            "sequence": module,
            "cursor": SqlSyncStore(store).cursor(GLOBAL),
            "lease": store.read(lambda r: r.lease()).number,  # type: ignore[union-attr]
        }

    def _module_id(self) -> str:
        return self.module_store.module_id
