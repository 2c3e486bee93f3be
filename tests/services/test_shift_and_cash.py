"""A drawer's day: cash in and out, X at any time, a blind count, a Z that never changes."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta

import pytest

from posapp.domain.cash import CashKind
from posapp.domain.commission import parse
from posapp.domain.operator import Operator, Role
from posapp.domain.sale import SaleState, Tender, TenderKind
from posapp.domain.shift import CashCount
from posapp.errors import InputError, SaleError, StoreError
from posapp.journal.facts import SaleEnded, ZMade
from posapp.journal.postings import Account, Booking
from posapp.printing.previewer import DocumentPreviewer
from posapp.printing.profile import load_profile
from posapp.services.move_cash import CashWish
from posapp.services.shift import CloseShift
from posapp.services.two_people import Witness
from posapp.store.feed import SqlSyncStore
from posapp.wire.feed import Entity, FeedRow
from tests.services.booked_module import BookedModule
from tests.services.counter import GRACE, KWAME, PIN, Counter, a_counter
from tests.stores import START, StoppedClock, a_meter_number

SIGNED = Witness(KWAME.operator_id, PIN)


@pytest.fixture
def module() -> BookedModule:
    return BookedModule()


@pytest.fixture
def counter(tmp_path, module):
    made = a_counter(tmp_path, module, StoppedClock())
    yield made
    made.store.close()


def paper(document: bytes) -> str:
    return DocumentPreviewer(load_profile("generic-80"), lambda *_: "").text(document)


def ledger(counter: Counter) -> list:
    day = counter.store.read(lambda r: r.site().business_date(counter.clock.now()))
    return list(counter.store.read(lambda r: r.ledger(day, 5_000)))


def balance(counter: Counter, account: Account) -> int:
    return sum(line.amount_minor for line in ledger(counter) if line.account is account)


def count_of(minor: int) -> CashCount:
    return CashCount(((1, minor),))


def move(counter: Counter, kind: CashKind, amount: int = 0, **more):
    wish = CashWish(kind, amount, more.pop("reason", "why"), **more)
    return counter.move_cash(more.pop("by", GRACE), wish)


def close(counter: Counter, *, short: int = 0, witness: Witness | None = None):
    expected = counter.close_shift.preview(count_of(0)).expected_minor
    reason = "lost" if short else ""
    return counter.close_shift(GRACE, count_of(expected - short), reason, witness)


def test_expected_cash_is_float_and_sales_and_what_went_in_and_out(counter):
    counter.sale(1, 50_000, received=60_000)
    move(counter, CashKind.IN, 30_000)
    move(counter, CashKind.OUT, 4_000, reason="water")
    move(counter, CashKind.DROP, 100_000)
    move(counter, CashKind.DRAWER, reason="changed a note")
    expected = 200_000 + 50_000 + 30_000 - 4_000 - 100_000
    assert counter.close_shift.preview(count_of(0)).expected_minor == expected
    closed = close(counter, short=500)
    assert closed.shift.variance_minor == -500
    assert balance(counter, Account.CASH) == 0
    assert balance(counter, Account.OVER_SHORT) == 500
    assert balance(counter, Account.EXPENSES) == 4_000
    assert balance(counter, Account.SAFE) == -200_000 - 30_000 + 100_000 + expected - 500
    assert sum(line.amount_minor for line in ledger(counter)) == 0
    move(counter, CashKind.DEPOSIT, 100_000, reference="BAG 7")
    assert balance(counter, Account.BANK) == 100_000


@pytest.mark.parametrize(
    ("kind", "amount", "more", "code"),
    [
        (CashKind.DROP, 200_001, {}, "CASH_NOT_THERE"),
        (CashKind.OUT, 0, {}, "CASH_AMOUNT"),
        (CashKind.IN, -5, {}, "CASH_AMOUNT"),
        (CashKind.DRAWER, 5, {}, "CASH_AMOUNT"),
        (CashKind.DRAWER, 0, {"reason": " "}, "CASH_REASON_MISSING"),
        (CashKind.OUT, 5, {"reason": ""}, "CASH_REASON_MISSING"),
        (CashKind.DEPOSIT, 5, {}, "CASH_REFERENCE_MISSING"),
        (CashKind.RETURN, 5, {"receipt": 1}, "CASH_NOTHING_HELD"),
        (CashKind.DROP, 5, {"receipt": 1}, "CASH_NOTHING_HELD"),
    ],
)
def test_what_makes_no_sense_moves_nothing(counter, kind, amount, more, code):
    before = counter.store.read(lambda r: r.head())
    with pytest.raises((InputError, SaleError)) as refusal:
        move(counter, kind, amount, **more)
    assert refusal.value.code == code
    assert counter.store.read(lambda r: r.head()) == before


def test_only_who_has_the_shift_or_a_supervisor_touches_its_drawer(counter):
    other = Operator(7, "Amina", Role.CLERK)
    auditor = Operator(8, "Yaw", Role.AUDITOR)
    own = counter.store.read(lambda r: r.operators())[0]
    sync = SqlSyncStore(counter.store)
    at = sync.cursor("roles") + 1
    record = replace(own, operator=other)
    sync.apply_rows("roles", [FeedRow(at, Entity.OPERATOR, "7", record)], at)
    for person, code in ((other, "SHIFT_OF_ANOTHER"), (auditor, "OPERATION_DENIED")):
        with pytest.raises((InputError, SaleError)) as refusal:
            counter.move_cash(person, CashWish(CashKind.DROP, 100))
        assert refusal.value.code == code
    counter.move_cash(KWAME, CashWish(CashKind.DROP, 100))
    close(counter)
    with pytest.raises(SaleError) as refusal:
        move(counter, CashKind.DROP, 100)
    assert refusal.value.code == "SHIFT_NOT_OPEN"


def test_a_z_is_numbered_without_gaps_and_prints_the_same_bytes_for_ever(counter):
    numbers, papers = [], []
    for round_no in range(3):
        for meter in range(1, 4):
            counter.sale(meter + 3 * round_no, 20_000)
        closed = close(counter)
        numbers.append(closed.z_number)
        papers.append(counter.print_z.document(closed.z_number))
        job = counter.store.read(lambda r, closed=closed: r.print_job(closed.job_id))
        assert job.document == papers[-1]
        counter.clock.move(hours=1)
        counter.open_shift(GRACE, 200_000)
    assert numbers == [1, 2, 3]
    assert [counter.print_z.document(n) for n in numbers] == papers
    counter.store.rebuild()
    assert [counter.print_z.document(n) for n in numbers] == papers
    assert counter.store.check_projections().ok
    with pytest.raises(InputError) as refusal:
        counter.print_z.document(4)
    assert refusal.value.code == "Z_UNKNOWN"


def test_every_receipt_number_is_in_one_z_and_abandoned_ones_say_why(counter, module):
    counter.sale(1, 20_000)
    module.refuse = "KEY_EXPIRED"
    with pytest.raises(SaleError):
        counter.sale(2, 20_000)
    module.refuse = ""
    first = close(counter)
    counter.clock.move(hours=1)
    counter.open_shift(GRACE, 0)
    counter.sale(3, 20_000)
    second = close(counter)
    zs = [counter.store.read(lambda r, n=n: r.z(n)).fact for n in (1, 2)]
    sums = [counter.store.read(lambda r, z=z: r.period(z.after_seq, z.through_seq)) for z in zs]
    assert [(s.first_receipt, s.last_receipt, s.gaps) for s in sums] == [(1, 2, 0), (3, 3, 0)]
    assert (sums[0].issued, sums[0].refused) == (1, 1)
    assert [(a.receipt, a.reason) for a in sums[0].abandoned] == [(2, "KEY_EXPIRED")]
    assert zs[1].after_seq == zs[0].through_seq
    text = paper(counter.print_z.document(first.z_number))
    assert "Z 1" in text and text.count("K7M2-0000002") == 2  # the last, and abandoned
    assert "K7M2-0000003" in paper(counter.print_z.document(second.z_number))


def test_an_x_changes_nothing_and_says_that_it_is_not_final(counter):
    counter.sale(1, 20_000)
    before = counter.store.read(lambda r: r.head())
    text = paper(counter.x_report.document())
    assert "X REPORT" in text and "2,200.00" in text and "Not a closing" in text
    assert counter.store.read(lambda r: r.head()) == before
    close(counter)
    with pytest.raises(SaleError) as refusal:
        counter.x_report()
    assert refusal.value.code == "SHIFT_NOT_OPEN"


def test_a_module_that_made_more_than_was_sold_needs_a_supervisor(counter, module):
    counter.sale(1, 20_000)
    till_id = counter.store.read(lambda r: r.site().till_id)
    module.make(bytes(16), till_id, 1)
    module.make(bytes(15) + b"1", bytes(16), 3)  # another till's
    preview = counter.close_shift.preview(count_of(0))
    assert preview.needs_signature and preview.module.orphans == (2,)
    with pytest.raises(SaleError) as refusal:
        close(counter)
    assert refusal.value.code == "MODULE_DISAGREES"
    assert refusal.value.params == {"module_tokens": 2, "ledger_tokens": 1, "orphans": 1}
    with pytest.raises(InputError) as refusal:
        close(counter, witness=Witness(GRACE.operator_id, PIN))
    assert refusal.value.code == "OPERATION_DENIED"
    with pytest.raises(InputError) as refusal:
        close(counter, witness=Witness(KWAME.operator_id, "000000"))
    assert refusal.value.code == "PIN_WRONG"
    closed = close(counter, witness=SIGNED)
    text = paper(counter.print_z.document(closed.z_number))
    assert "in no sale of ours" in text and KWAME.name in text
    # The same orphan is not held against the next shift.
    counter.clock.move(hours=1)
    counter.open_shift(GRACE, 0)
    counter.sale(2, 20_000)
    assert not counter.close_shift.preview(count_of(0)).needs_signature
    close(counter)


def test_a_sale_in_our_book_and_not_in_the_modules_is_found(counter, module):
    counter.sale(1, 20_000)
    counter.sale(2, 20_000)
    del module.book[-1]
    preview = counter.close_shift.preview(count_of(0))
    assert (preview.module.module_tokens, preview.module.ledger_tokens) == (1, 2)
    assert preview.needs_signature


def test_a_module_that_is_not_there_is_compared_at_the_next_close(counter, module):
    counter.sale(1, 20_000)
    module.gone = True
    closed = close(counter)
    assert "was not compared" in paper(counter.print_z.document(closed.z_number))
    module.gone = False
    till_id = counter.store.read(lambda r: r.site().till_id)
    module.make(bytes(16), till_id, 1)
    counter.clock.move(hours=1)
    counter.open_shift(GRACE, 0)
    preview = counter.close_shift.preview(count_of(0))
    assert preview.module.module_tokens == 2 and preview.module.orphans == (2,)


def stuck(counter, module) -> int:
    """A sale that the module executed and never answered; its receipt."""
    module.gone = True
    with pytest.raises(SaleError) as refusal:
        counter.sale(5, 50_000)
    assert refusal.value.code == "OUTCOME_UNKNOWN"
    return refusal.value.params["receipt"]


def test_a_day_closes_with_a_stuck_sale_an_orphan_and_a_difference(counter, module):
    counter.sale(1, 20_000)
    receipt = stuck(counter, module)
    with pytest.raises(SaleError) as refusal:
        close(counter)
    assert refusal.value.code == "SALE_UNRESOLVED"
    closed = close(counter, short=700, witness=SIGNED)
    assert closed.shift.expected_minor == 200_000 + 20_000 + 50_000
    assert balance(counter, Account.HELD) == -50_000
    before = counter.print_z.document(closed.z_number)
    assert "Held, not finished" in paper(before)
    # In the next shift the token comes after all: it is that shift's sale, and no cash moves.
    module.gone = False
    counter.clock.move(hours=20)
    counter.open_shift(GRACE, 100_000)
    assert len(counter.recover().resolved) == 1
    assert counter.store.read(lambda r: r.sale_by_receipt(receipt)).state is SaleState.ISSUED
    assert counter.store.read(lambda r: r.held_sales()) == ()
    second = close(counter)
    assert second.shift.expected_minor == 100_000
    z = counter.store.read(lambda r: r.z(second.z_number)).fact
    sums = counter.store.read(lambda r: r.period(z.after_seq, z.through_seq))
    assert (sums.late_issued, sums.sales, sums.gross_minor) == (1, 1, 50_000)
    assert counter.print_z.document(closed.z_number) == before
    assert counter.store.check_projections().ok


def test_money_of_a_sale_that_never_came_is_given_back_once(counter, module):
    receipt = stuck(counter, module)
    seq = counter.store.read(lambda r: r.sale_by_receipt(receipt)).intent_seq
    close(counter, witness=SIGNED)
    counter.clock.move(hours=2)
    counter.open_shift(GRACE, 100_000)
    wish = {"receipt": receipt, "reason": "no token came"}
    with pytest.raises(InputError):  # it may still come
        move(counter, CashKind.RETURN, 50_000, **wish)
    counter.store.write(lambda u: u.append(SaleEnded(seq, SaleEnded.CANCELLED, "MODULE_LOST")))
    (owed,) = counter.store.read(lambda r: r.held_sales())
    assert (owed.receipt, owed.amount_minor, owed.open) == (receipt, 50_000, False)
    with pytest.raises(InputError):
        move(counter, CashKind.RETURN, 49_999, **wish)
    move(counter, CashKind.RETURN, 50_000, **wish)
    assert counter.store.read(lambda r: r.held_sales()) == ()
    with pytest.raises(InputError):
        move(counter, CashKind.RETURN, 50_000, **wish)
    assert counter.close_shift.preview(count_of(0)).expected_minor == 50_000
    assert counter.store.check_projections().ok


def test_commission_is_counted_once_a_z_and_kept_back_from_the_utility(counter):
    rules = parse(
        '[[rule]]\ncode = "share"\nkind = "share"\nof = "gross"\nrate = "2.5"\n'
        '[[rule]]\ncode = "each"\nkind = "per_sale"\nrate = "1.50"\n'
        '[[rule]]\ncode = "free"\nkind = "per_free_token"\nrate = "9"\n',
        "commission.toml",
    )
    counter.sale(1, 20_000)
    counter.sale(2, 30_001)
    closing = CloseShift(
        counter.store, counter.queue, counter.clock, counter.reconcile, counter.sign_in, rules
    )
    expected = closing.preview(count_of(0)).expected_minor
    closed = closing(GRACE, count_of(expected))
    z: ZMade = counter.store.read(lambda r: r.z(closed.z_number)).fact
    earned = [(c.code, c.base, c.amount_minor) for c in z.commissions]
    assert earned == [("share", 50_001, 1250), ("each", 2, 300)]
    assert balance(counter, Account.UTILITY) == 1_550
    assert balance(counter, Account.COMMISSION) == -1_550


def test_tenders_are_counted_apart_and_add_up_to_what_was_sold(counter):
    sums = Tally()
    for number, kind in enumerate(TenderKind):
        context = counter.prepare(a_meter_number(number + 1))
        reference = "" if kind is TenderKind.CASH else f"R{number}"
        tender = Tender(kind, 20_000 + number, reference)
        counter.sell(context, context.by_money(20_000 + number), (tender,), GRACE.operator_id)
        sums[kind] += 20_000 + number
    seq = counter.store.read(lambda r: r.head()).seq
    totals = counter.store.read(lambda r: r.period(0, seq))
    assert sum(t.amount_minor for t in totals.tenders) == totals.gross_minor == sum(sums.values())
    assert [t.count for t in totals.tenders] == [1] * len(TenderKind)
    drawer = counter.store.read(lambda r: r.drawer_parts(1))
    assert drawer == {Booking.OPENING: 200_000, Booking.SALE: sums[TenderKind.CASH]}


def test_a_z_out_of_turn_is_not_taken(counter):
    closed = close(counter)
    z = counter.store.read(lambda r: r.z(closed.z_number)).fact
    for number in (1, 3):
        wrong = replace(z, number=number)
        with pytest.raises(StoreError) as refusal:
            counter.store.write(lambda u, wrong=wrong: u.append(wrong))
        assert refusal.value.code == "Z_GAP"


def test_a_z_belongs_to_the_business_date_on_which_it_was_made(counter):
    counter.clock.move(hours=15, minutes=30)  # 00:30 in Nairobi
    closed = close(counter)
    z = counter.store.read(lambda r: r.z(closed.z_number)).fact
    (opening,) = [line for line in ledger_on(counter, 0) if line.account is Account.CASH]
    assert z.business_date == opening.business_date + timedelta(days=1)


def ledger_on(counter: Counter, days: int) -> list:
    """The opening's lines; the shift was opened on START's own date."""
    day = START.date() + timedelta(days=days)
    return list(counter.store.read(lambda r: r.ledger(day, 5_000)))
