"""Two compensations of one sale, proofs that are none, and what was seen before a power cut."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.clock import SystemClock, SystemRandomness
from posapp.codec.signing import SigningKey
from posapp.domain.cash import CashKind
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import Operation
from posapp.domain.sale import SaleState, Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.errors import InputError, SaleError, StoreError
from posapp.journal.facts import SaleRetimed, SaleUncertain
from posapp.journal.postings import Account
from posapp.lanes import InlineLanes, Urgency
from posapp.ports import PrintState
from posapp.security_module.manager import ModuleManager
from posapp.services.move_cash import CashWish
from posapp.services.note_module import NoteModule
from posapp.services.override import Override
from posapp.services.recover_answers import RecoverAnswers
from posapp.services.request_refund import Claim
from posapp.services.settle_audit import SettleAudit
from posapp.services.shift import OpenShift
from posapp.services.take_payment import Due, Purpose, TakePayment
from posapp.services.two_people import TwoPeople
from posapp.services.void import Void
from posapp.store.backup import SqlBackups
from posapp.store.restore import restore
from posapp.store.store import open_store
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind
from tests.security_module.module_process import ModuleProcess
from tests.services.booked_module import BookedModule
from tests.services.counter import GRACE, KWAME, Counter, a_counter
from tests.services.easy_module import EasyModule
from tests.services.order_counter import (
    an_order_counter,
    consent,
    desk_of,
    give_role,
    started_again,
)
from tests.services.tariff_counter import TariffCounter
from tests.stores import KEY, TILL_ID, StoppedClock, a_meter_number

BOOK = SigningKey(bytes(range(7, 39)))


@pytest.fixture
def desk_counter(tmp_path: Path) -> Iterator[TariffCounter]:
    with an_order_counter(tmp_path) as made:
        yield made


@pytest.fixture
def module() -> EasyModule:
    return EasyModule(audit_key=BOOK.public)


@pytest.fixture
def counter(tmp_path: Path, module: EasyModule) -> Iterator[Counter]:
    made = a_counter(tmp_path, module, StoppedClock())
    NoteModule(made.store, module)()
    yield made
    made.store.close()


def balance(counter: TariffCounter, account: Account) -> int:
    day = counter.store.read(lambda r: r.site().business_date(counter.clock.now()))
    lines = counter.store.read(lambda r: r.ledger(day, 5_000))
    return sum(line.amount_minor for line in lines if line.account is account)


# ---------------------------------------------------------------- one sale, one compensation


def test_a_sale_whose_money_was_asked_back_is_not_given_back_a_second_time(desk_counter):
    counter, desk = desk_counter, desk_of(desk_counter)
    sale_id = counter.sale(1, 46_000).record.intent.sale_id
    desk.request_refund(Claim(sale_id, 46_000, "ID 123"), GRACE.operator_id, consent())
    before = balance(counter, Account.CASH)
    with pytest.raises(InputError, match="VOID_TOO_LATE"):
        desk.void(sale_id, GRACE.operator_id, consent())
    assert balance(counter, Account.CASH) == before
    assert balance(counter, Account.ELECTRICITY) == 0
    assert balance(counter, Account.REFUNDS) == -46_000


# ---------------------------------------------------------------- what was seen


def test_what_stood_on_the_screen_before_a_power_cut_is_not_voided_after_it(desk_counter):
    counter = desk_counter
    sale_id = counter.sale(1, 46_000).record.intent.sale_id  # shown; the mark of it is lost
    started_again(counter)
    with pytest.raises(InputError, match="VOID_TOO_LATE"):
        desk_of(counter).void(sale_id, GRACE.operator_id, consent())
    assert counter.store.read(lambda r: r.sale(sale_id)).state is SaleState.ISSUED


def test_no_copy_brings_out_the_token_of_a_voided_sale(desk_counter):
    counter, desk = desk_counter, desk_of(desk_counter)
    sale_id = counter.sale(1, 46_000).record.intent.sale_id
    desk.void(sale_id, GRACE.operator_id, consent())
    with pytest.raises(InputError, match="NOTHING_TO_REPRINT"):
        counter.reprint(sale_id)
    jobs = counter.store.read(lambda r: r.print_jobs_of_sale(sale_id))
    assert [job.state for job in jobs] == [PrintState.CANCELLED]


def test_two_people_who_burn_an_open_sale_stand_in_the_journal(counter, module):
    record = a_lost_sale(counter, module)
    sale_id = record.intent.sale_id
    module.away, module.made = False, {}
    began = counter.sell.place.began_seq
    override = Override(TwoPeople(counter.sign_in))
    void = Void(counter.store, module, counter.clock, override, began)
    assert void(sale_id, GRACE.operator_id, consent()).state is SaleState.CANCELLED
    today = counter.store.read(lambda r: r.site().business_date(counter.clock.now()))
    signed = counter.store.read(lambda r: r.signatures_on(today, 10))
    assert [(s.operation, s.subject) for s in signed] == [(Operation.VOID.value, sale_id)]


def test_a_slip_that_cannot_be_written_keeps_no_token_from_view(
    desk_counter, monkeypatch, expect_log
):
    expect_log("the sum of a payment has no slip")
    counter, desk = desk_counter, desk_of(desk_counter)
    rows = tuple((counter.context(n), counter.context(n).by_money(10_000)) for n in (1, 2))
    write = counter.store.write

    def full(work, urgency=Urgency.NORMAL):
        if urgency is not Urgency.SALE:
            raise StoreError("DISK_FULL")
        return write(work, urgency)

    monkeypatch.setattr(counter.store, "write", full)
    done = desk.sell_many(rows, (Tender(TenderKind.CASH, 20_000),), GRACE.operator_id)
    assert [one.record.state for one in done.sold] == [SaleState.ISSUED, SaleState.ISSUED]
    assert done.back_minor == 0


# ---------------------------------------------------------------- proofs that are none


def a_lost_sale(counter: Counter, module: EasyModule):
    module.lose = True
    with pytest.raises(SaleError, match="OUTCOME_UNKNOWN"):
        counter.sale(3, 50_000)
    return counter.store.read(lambda reader: reader.open_sales())[-1]


def a_stretch(after: int, *told: tuple[AuditKind, dict[int, object]]) -> bytes:
    """A book whose first entries head office has had and the module has forgotten."""
    before = last = hashlib.sha256(b"what came before").digest()
    entries = []
    for number, (kind, body) in enumerate(told, after + 1):
        entry = AuditEntry(number, last, 1_750_000_000_000, kind, dict(body))
        entries.append(entry.to_bytes())
        last = entry.hash()
    head = AuditHead.sign("RM-00117", after + len(told), last, BOOK)
    return AuditFile(after, before, tuple(entries), head).to_bytes()


def cancel(sequence: int, request_id: bytes = bytes(16)) -> tuple[AuditKind, dict[int, object]]:
    return AuditKind.CANCEL, {0: request_id, 1: TILL_ID, 2: sequence}


def settled(counter: Counter, data: bytes):
    override = Override(TwoPeople(counter.sign_in))
    verb = SettleAudit(counter.store, counter.module, counter.clock, override)
    return verb(data, KWAME.operator_id)


def test_a_book_that_begins_after_a_sale_does_not_prove_that_it_was_never_made(counter, module):
    record = a_lost_sale(counter, module)
    told = settled(counter, a_stretch(200, cancel(record.intent.sequence + 5)))
    assert told.silent == (record.intent.receipt,) and told.not_made == ()


def test_a_stretch_that_holds_the_number_before_and_after_a_sale_does(counter, module):
    counter.sale(1, 20_000)
    record = a_lost_sale(counter, module)
    number = record.intent.sequence
    told = settled(counter, a_stretch(200, cancel(number - 1), cancel(number + 1)))
    assert told.not_made == (record.intent.receipt,)


def test_a_number_burnt_before_the_sale_got_another_proves_nothing(counter, module):
    counter.sale(1, 20_000)
    record = a_lost_sale(counter, module)
    sale = record.intent
    told = settled(counter, a_stretch(200, cancel(sale.sequence - 1, sale.sale_id)))
    assert told.silent == (sale.receipt,) and told.not_made == ()


# ---------------------------------------------------------------- drawer, shift, numbers


def test_money_that_is_held_already_is_expected_once_when_its_sale_is_asked_for_again(tmp_path):
    module = BookedModule()
    counter = a_counter(tmp_path, module, StoppedClock())
    module.silent = True
    with pytest.raises(SaleError, match="OUTCOME_UNKNOWN"):
        counter.sale(3, 50_000)
    (record,) = counter.store.read(lambda r: r.open_sales())
    sale = record.intent
    counter.store.write(lambda u: u.append(SaleUncertain(record.intent_seq, "WRONG_MODULE")))
    retimed = SaleRetimed(sale.sale_id, sale.items, sale.sequence + 1)
    counter.store.write(lambda u: u.append(retimed))  # the right module is back, and silent
    told = counter.close_shift.preview(CashCount(((1, 250_000),)))
    assert (told.open_sales, told.expected_minor, told.variance_minor) == (1, 250_000, 0)
    counter.store.close()


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.AUDITOR])
def test_who_may_not_touch_cash_opens_no_drawer(counter, role):
    counter.close_shift(GRACE, CashCount(((1, 200_000),)))
    before = counter.store.read(lambda r: r.head().seq)
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        OpenShift(counter.store, counter.clock)(Operator(9, "Wanjiru Kamau", role), 0)
    assert counter.store.read(lambda r: r.head().seq) == before


def test_a_right_that_head_office_took_away_moves_no_cash_and_closes_no_shift(desk_counter):
    counter = desk_counter
    give_role(counter, KWAME, Role.AUDITOR)  # the old role still stands on the screen
    before = counter.store.read(lambda r: r.head().seq)
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        counter.move_cash(KWAME, CashWish(CashKind.DROP, 100, "why"))
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        counter.close_shift(KWAME, CashCount(((1, 200_000),)), "why")
    assert counter.store.read(lambda r: r.head().seq) == before


def test_receipts_of_payments_that_a_restore_has_lost_come_no_second_time(tmp_path):
    process = ModuleProcess.make(tmp_path / "module")
    clock = SystemClock()
    with process.running():
        module = ModuleManager(process.address, till_id=TILL_ID, clock=clock, hard_s=5)
        counter = a_counter(tmp_path / "till", module)
        stick = tmp_path / "stick"
        stick.mkdir()
        backup = stick / "K7M2" / SqlBackups(counter.store, stick, clock).make().name
        take, due = TakePayment(counter.store, counter.sell.place), (Due(Purpose.ACCOUNT, 1_000),)
        parts = (Tender(TenderKind.CASH, 1_000),)
        paid = [take(a_meter_number(n), due, parts, GRACE.operator_id) for n in (1, 2, 3)]
        sold = counter.sale(2, 20_000)
        counter.store.close()
        chance = SystemRandomness()
        folder = tmp_path / "till"
        restore(backup, folder, KEY, clock=clock, randomness=chance, software="posapp 9")
        store = open_store(
            folder, KEY, clock=clock, randomness=chance, lanes=InlineLanes(), reserve_bytes=0
        )
        assert RecoverAnswers(store, module)() == 1
        printed = [one.record.intent.receipt for one in (*paid, sold)]
        again = Counter(store, module, clock).sale(3, 20_000)
        assert again.record.intent.receipt > max(printed)
        store.close()
        module.close()
