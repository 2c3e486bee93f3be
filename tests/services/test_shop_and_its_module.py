"""The till's verbs for its module, over a real module process with limits and operators."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.domain.permissions import Operation
from posapp.domain.sale import SaleState
from posapp.errors import InputError, ModuleError, Outcome, PosError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.facts import ModuleLoaded
from posapp.ports import IssueRequest, IssueResult, ModuleState
from posapp.security_module.manager import ModuleManager
from posapp.services.acknowledge_audit import AcknowledgeAudit
from posapp.services.export_audit import ExportAudit
from posapp.services.load_document import LoadAuthorisation
from posapp.services.pair import Pair
from posapp.services.two_people import TwoPeople, Witness
from posapp.wire.audit import AuditFile
from tests.services.counter import GRACE, KWAME, PIN, Counter, a_counter
from tests.services.staffed_module import Shop

GRACE_STANDS_BY = Witness(GRACE.operator_id, PIN)


class Till:
    """One till at one shop's module."""

    def __init__(self, folder: Path, shop: Shop) -> None:
        self.shop = shop
        self.module: ModuleManager = shop.manager()
        self.counter: Counter = a_counter(folder / "till", self.module)
        self.people = TwoPeople(self.counter.sign_in)
        self.load = LoadAuthorisation(self.counter.store, self.module, self.people)
        self.pair = Pair(self.module, self.people, "Front counter")

    def open_for_business(self, **grants: int) -> None:
        self.pair(self.shop.code(), KWAME.operator_id)
        self.counter.sign_in(KWAME.operator_id, PIN)
        document = self.shop.authorisation(**grants)
        self.load(document, KWAME.operator_id, GRACE_STANDS_BY)
        self.counter.sign_in(GRACE.operator_id, PIN)

    def state(self) -> ModuleState:
        return self.module.status().state

    def code_of(self, number: int = 1) -> str:
        with pytest.raises(PosError) as caught:
            self.counter.sale(number, 50_000)
        return caught.value.code

    def receipts(self) -> int:
        return self.counter.store.write(lambda uow: uow.next_receipt()) - 1

    def facts(self) -> list[ModuleLoaded]:
        data = self.counter.store.read(lambda reader: reader.entries(0, 1000))
        entries = [Entry.from_bytes(entry) for entry in data]
        read = [facts.read(e.kind, e.version, e.body) for e in entries]
        return [fact for fact in read if isinstance(fact, ModuleLoaded)]


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    shop = Shop.make(tmp_path)
    with shop.module.running():
        made = Till(tmp_path, shop)
        yield made
        made.module.close()
        made.counter.store.close()
    assert shop.module.errors() == ""


def test_from_an_unpaired_module_to_a_sale_and_its_audit_at_head_office(till: Till) -> None:
    till.open_for_business()
    assert till.state() is ModuleState.READY
    sold = till.counter.sale(1, 50_000)
    assert len(sold.record.tokens) == 1
    status = till.module.refresh()
    assert (status.authorisation, status.unacknowledged) == (1, 1)
    (fact,) = till.facts()
    assert fact == ModuleLoaded(
        Operation.LOAD_AUTHORISATION.value, till.shop.module.module_id, 1, 2, 1
    )
    export = ExportAudit(till.module, till.people)
    audit = AuditFile.from_bytes(export(KWAME.operator_id))
    assert audit.check(status.audit_key).reason == ""
    acknowledge = AcknowledgeAudit(till.module, till.people)
    document = till.shop.acknowledgement(audit)
    assert acknowledge(document, KWAME.operator_id) == audit.head.number
    assert till.module.status().unacknowledged == 0  # without another question


def test_whenever_nobody_is_signed_in_the_module_is_locked_and_no_intent_is_written(
    till: Till,
) -> None:
    till.open_for_business()
    before = till.receipts()
    till.counter.sign_in.out()
    assert till.state() is ModuleState.LOCKED
    assert till.code_of() == "STATE_LOCKED"
    till.counter.sign_in(GRACE.operator_id, PIN)
    assert till.state() is ModuleState.READY
    till.shop.module.restart()
    till.module.poll()  # finds the line broken
    till.module.poll()  # and the module behind it again
    assert till.state() is ModuleState.LOCKED
    assert till.code_of() == "STATE_LOCKED"
    assert till.receipts() == before and till.counter.open_sales() == 0
    trouble = till.counter.sign_in.at_module(GRACE.operator_id, "000000")
    assert trouble is not None and (trouble.code, trouble.params) == ("PIN_WRONG", {"left": 4})
    assert till.state() is ModuleState.LOCKED
    unknown = till.counter.sign_in.at_module(77, PIN)
    assert unknown is not None and unknown.code == "OPERATOR_UNKNOWN"
    with pytest.raises(InputError, match="PIN_WRONG"):
        till.counter.sign_in(GRACE.operator_id, "000000")  # stays at the till
    assert till.counter.sign_in(GRACE.operator_id, PIN) == GRACE
    assert till.state() is ModuleState.READY
    assert till.counter.sale(1, 50_000).record.tokens
    till.shop.module.kill()
    assert till.counter.sign_in(GRACE.operator_id, PIN) == GRACE  # to look and to report


def test_an_open_sale_waits_until_somebody_is_signed_in_again_and_then_gets_its_token(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.open_for_business()
    with monkeypatch.context() as cable:
        cable.setattr(till.module, "issue", lost)
        assert till.code_of() == "OUTCOME_UNKNOWN"
    till.counter.sign_in.out()
    assert till.counter.recover().resolved == ()
    assert till.counter.open_sales() == 1
    till.counter.sign_in(GRACE.operator_id, PIN)
    (record,) = till.counter.recover().resolved
    assert record.state is SaleState.ISSUED and len(record.tokens) == 1


def lost(_request: IssueRequest) -> IssueResult:
    raise ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)


def test_a_pin_never_goes_out_in_the_clear(till: Till) -> None:
    said: list[bytes] = []
    till.shop.module.kill()
    till.shop.module.in_clear = True  # one that was made badly, or somebody in its place
    till.shop.module.start()
    driver = till.module._driver
    driver.open(time.monotonic() + 5)
    line = driver._line  # type: ignore[attr-defined]
    send = line.send
    line.send = lambda data, deadline: (said.append(data), send(data, deadline))[1]
    trouble = till.counter.sign_in.at_module(GRACE.operator_id, PIN)
    assert trouble is not None and trouble.code == "SESSION_REQUIRED"
    assert said and not any(PIN.encode() in data for data in said)


def test_a_held_module_refuses_in_one_sentence_before_anything_is_written(till: Till) -> None:
    till.open_for_business(units=600, unseen=1)
    till.counter.sale(1, 10_000)
    till.module.poll()  # as the till's caretaker does every second
    assert till.state() is ModuleState.HOLD_AUDIT
    before = till.receipts()
    assert till.code_of() == "STATE_HOLD_AUDIT"
    assert till.receipts() == before and till.counter.open_sales() == 0
    with pytest.raises(ModuleError, match="AUTHORISATION_NUMBER"):
        till.load(till.shop.authorisation(number=5), KWAME.operator_id, GRACE_STANDS_BY)
    assert len(till.facts()) == 1
