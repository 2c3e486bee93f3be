"""What waits for a person, and that each step ends it the way the module's book says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.clock import epoch_ms
from posapp.codec.signing import SigningKey
from posapp.domain.sale import SaleState
from posapp.errors import InputError, SaleError
from posapp.journal.restore_facts import OrphanFound, OrphanItem, OrphanSettled
from posapp.ports import PrintState
from posapp.reports.document import Document
from posapp.services.note_module import NoteModule
from posapp.services.override import Override
from posapp.services.print_claim import PrintClaim
from posapp.services.settle_audit import SettleAudit
from posapp.services.settle_orphan import SettleOrphan
from posapp.services.two_people import TwoPeople
from posapp.services.unresolved import ListUnresolved, Matter, Step
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind, genesis
from tests.services.counter import GRACE, KWAME, Counter, a_counter
from tests.services.easy_module import EasyModule
from tests.stores import TILL_ID, StoppedClock, a_meter_number

BOOK = SigningKey(bytes(range(7, 39)))


@pytest.fixture
def module() -> EasyModule:
    return EasyModule(audit_key=BOOK.public)


@pytest.fixture
def counter(tmp_path: Path, module: EasyModule) -> Iterator[Counter]:
    counter = a_counter(tmp_path, module, StoppedClock())
    NoteModule(counter.store, module)()
    yield counter
    counter.store.close()


def lose_a_sale(counter: Counter, module: EasyModule):
    """Money taken, tokens made, and the module gone before it could say so."""
    module.lose = True
    with pytest.raises(SaleError, match="OUTCOME_UNKNOWN"):
        counter.sale(3, 50_000)
    return counter.store.read(lambda reader: reader.open_sales())[-1]


def listed(counter: Counter):
    return ListUnresolved(counter.store, counter.module, counter.clock)()


def override(counter: Counter) -> Override:
    return Override(TwoPeople(counter.sign_in))


def claim(counter: Counter, sale_id: bytes, operator_id: int = KWAME.operator_id) -> int:
    verb = PrintClaim(
        counter.store, counter.module, counter.queue, counter.clock, override(counter)
    )
    return verb(sale_id, operator_id)


def settle(counter: Counter, data: bytes, operator_id: int = KWAME.operator_id):
    verb = SettleAudit(counter.store, counter.module, counter.clock, override(counter))
    return verb(data, operator_id)


def a_book(clock, *told: tuple[AuditKind, dict[int, object]], module_id: str = "RM-00117") -> bytes:
    last, entries = genesis(module_id), []
    for number, (kind, body) in enumerate(told, 1):
        entry = AuditEntry(number, last, epoch_ms(clock.now()), kind, dict(body))
        entries.append(entry.to_bytes())
        last = entry.hash()
    head = AuditHead.sign(module_id, len(entries), last, BOOK)
    return AuditFile(0, genesis(module_id), tuple(entries), head).to_bytes()


def issue(record, till: bytes = TILL_ID) -> tuple[AuditKind, dict[int, object]]:
    sale = record.intent
    digest = hashlib.sha256(b"digits").digest()
    body = {0: sale.sale_id, 1: till, 2: sale.sequence, 3: 9, 4: sale.meter, 5: [], 6: digest}
    return AuditKind.ISSUE, body


def test_a_till_that_owes_nobody_anything_lists_nothing(counter):
    counter.sale(3, 50_000)
    (slip,) = listed(counter)
    assert (slip.matter, slip.params) == (Matter.SLIPS, {"count": 1})

    def printed(uow):
        for job in uow.print_jobs((PrintState.QUEUED,), 10):
            uow.set_print_job(job.job_id, PrintState.PRINTED)

    counter.store.write(printed)
    assert listed(counter) == ()


def test_an_open_sale_is_asked_for_while_its_module_is_there_and_claimed_when_not(counter, module):
    record = lose_a_sale(counter, module)
    (row,) = listed(counter)
    assert row.matter is Matter.OPEN_SALE and row.sale_id == record.intent.sale_id
    assert row.steps == (Step.WAIT, Step.PRINT_CLAIM, Step.SETTLE_AUDIT)
    assert row.params["receipt"] == record.intent.receipt
    module.away = False
    assert listed(counter)[0].steps == (Step.ASK_MODULE,)
    assert counter.recover().resolved[0].state is SaleState.ISSUED
    assert [row.matter for row in listed(counter)] == [Matter.SLIPS]


def test_a_claim_slip_holds_the_sale_and_names_its_receipt(counter, module):
    record = lose_a_sale(counter, module)
    sale_id = record.intent.sale_id
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        claim(counter, sale_id, GRACE.operator_id)
    job_id = claim(counter, sale_id)
    job = counter.store.read(lambda reader: reader.print_job(job_id))
    assert (job.kind, job.copy_no) == ("claim", 0)
    title = Document.from_bytes(job.document).title
    assert title.startswith("CLAIM K7M2-0000001-")
    (row, slips) = listed(counter)
    assert (row.matter, slips.matter) == (Matter.UNKNOWN_SALE, Matter.SLIPS)
    copy_id = claim(counter, sale_id)
    again = counter.store.read(lambda reader: reader.print_job(copy_id))
    assert again.copy_no == 1
    signed = counter.store.read(
        lambda r: r.signatures_on(r.site().business_date(counter.clock.now()), 10)
    )
    assert [s.subject for s in signed] == [sale_id, sale_id]
    module.away = False
    with pytest.raises(InputError, match="CLAIM_ASK_FIRST"):
        claim(counter, sale_id)
    counter.recover()
    with pytest.raises(InputError, match="CLAIM_ENDED"):
        claim(counter, sale_id)
    # The receipt is an original of its own, and a copy of it is not a copy of the claim.
    kinds = [
        (job.kind, job.copy_no)
        for job in counter.store.read(lambda reader: reader.print_jobs_of_sale(sale_id))
    ]
    assert sorted(kinds) == [("claim", 0), ("claim", 1), ("receipt", 0)]

    def printed(uow):
        for job in uow.print_jobs_of_sale(sale_id):
            uow.set_print_job(job.job_id, PrintState.PRINTED)

    counter.store.write(printed)
    copy_id = counter.reprint(sale_id)
    copied = counter.store.read(lambda reader: reader.print_job(copy_id))
    assert (copied.kind, copied.copy_no) == ("receipt", 1)
    assert counter.store.read(lambda reader: reader.print_counts(1)) == (1, 0)
    assert counter.store.check_projections().ok


def test_the_book_that_tells_of_a_sale_makes_it_sold_without_a_new_token_time(counter, module):
    record = lose_a_sale(counter, module)
    claim(counter, record.intent.sale_id)
    vended = counter.store.read(lambda reader: reader.vended_total_minor())
    told = settle(counter, a_book(counter.clock, issue(record)))
    assert told.made == (record.intent.receipt,) and told.not_made == told.silent == ()
    after = counter.store.read(lambda reader: reader.sale(record.intent.sale_id))
    assert (after.state, after.tokens) == (SaleState.ISSUED, ())
    assert after.ended_reason == "SETTLED_BY_AUDIT" and after.intent.items == record.intent.items
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == vended
    assert counter.store.read(lambda reader: reader.last_sale()) is None  # no digits to show
    assert Matter.UNKNOWN_SALE not in {row.matter for row in listed(counter)}
    assert counter.store.check_projections().ok
    assert counter.store.verify_journal().broken_seq is None


@pytest.mark.parametrize("how", ["burnt", "passed"])
def test_a_number_burnt_or_passed_proves_that_no_token_was_made(counter, module, how):
    record = lose_a_sale(counter, module)
    sale = record.intent
    if how == "burnt":
        told = AuditKind.CANCEL, {0: sale.sale_id, 1: TILL_ID, 2: sale.sequence}
    else:
        told = AuditKind.CANCEL, {0: bytes(16), 1: TILL_ID, 2: sale.sequence + 1}
    result = settle(counter, a_book(counter.clock, told))
    assert result.not_made == (sale.receipt,)
    after = counter.store.read(lambda reader: reader.sale(sale.sale_id))
    assert (after.state, after.ended_reason) == (SaleState.REFUSED, "AUDIT_NOT_MADE")
    assert counter.store.read(lambda reader: reader.vended_total_minor()) == 0
    assert counter.store.check_projections().ok


def test_a_refusal_or_another_tills_order_in_the_book_proves_nothing(counter, module):
    record = lose_a_sale(counter, module)
    refusal = AuditKind.REFUSAL, {0: record.intent.sale_id, 1: TILL_ID, 10: "KEY_EXPIRED"}
    other = AuditKind.CANCEL, {0: bytes(16), 1: bytes(16), 2: 900}
    same = AuditKind.CANCEL, {0: bytes(16), 1: TILL_ID, 2: record.intent.sequence}
    result = settle(counter, a_book(counter.clock, refusal, other, same))
    assert result.silent == (record.intent.receipt,)
    after = counter.store.read(lambda reader: reader.sale(record.intent.sale_id))
    assert after.state is SaleState.REQUESTED


def test_a_book_that_was_changed_or_is_a_strangers_settles_nothing(counter, module):
    record = lose_a_sale(counter, module)
    good = a_book(counter.clock, issue(record))
    place = good.index(record.intent.sale_id)
    bent = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    with pytest.raises(InputError, match="AUDIT_INVALID"):
        settle(counter, bent)
    with pytest.raises(InputError, match="AUDIT_KEY_UNKNOWN"):
        settle(counter, a_book(counter.clock, issue(record), module_id="RM-99999"))
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        settle(counter, good, GRACE.operator_id)
    module.away = False
    with pytest.raises(InputError, match="SETTLE_ASK_FIRST"):
        settle(counter, good)
    after = counter.store.read(lambda reader: reader.sale(record.intent.sale_id))
    assert after.state is SaleState.REQUESTED


def test_the_key_of_a_book_is_the_first_one_that_was_seen(counter, module):
    module.audit_key = SigningKey(bytes(32)).public
    assert not NoteModule(counter.store, module)()
    assert counter.store.read(lambda reader: reader.module_key("RM-00117")) == BOOK.public


def test_an_orphan_is_listed_until_a_supervisor_says_what_became_of_it(counter):
    meter = a_meter_number(4).digits
    found = OrphanFound(
        request_id=bytes(range(16)),
        module_id="RM-00117",
        sequence=77,
        issue_no=5,
        made_ms=epoch_ms(counter.clock.now()),
        meter=meter,
        items=(OrphanItem(0, 0, 1_000_000, 2014, 100, 25_000),),
        tokens=("12345678901234567890",),
        business_date=counter.clock.now().date().toordinal(),
    )
    counter.store.write(lambda uow: uow.append(found))
    (row,) = listed(counter)
    assert row.matter is Matter.ORPHAN and row.steps == (Step.COUNTED, Step.NOT_PAID)
    assert row.params == {"meter": meter, "amount_minor": 25_000}
    verb = SettleOrphan(counter.store, TwoPeople(counter.sign_in))
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        verb(row.seq, OrphanSettled.COUNTED, GRACE.operator_id, "")
    verb(row.seq, OrphanSettled.COUNTED, KWAME.operator_id, "in the drawer")
    assert listed(counter) == ()
    with pytest.raises(InputError, match="ORPHAN_SETTLED"):
        verb(row.seq, OrphanSettled.COUNTED, KWAME.operator_id, "")


def test_a_module_that_would_refuse_is_listed_with_its_reason(counter, module):
    module.hold = "AUDIT_FULL"
    (row,) = listed(counter)
    assert row.matter is Matter.MODULE_HOLD
    assert row.params == {"hold": "AUDIT_FULL", "waiting": 0, "maximum": 0}
    assert row.steps == (Step.SEE_MODULE,)
