"""C10: without two people a module is not even asked; the second one's misses count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.domain.operator import Operator
from posapp.domain.permissions import Operation
from posapp.errors import InputError, ModuleError, Outcome, StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.facts import ModuleLoaded
from posapp.ports import ModuleState, ModuleStatus
from posapp.services.load_document import LoadAuthorisation, LoadKeys
from posapp.services.pair import Pair
from posapp.services.two_people import TwoPeople, Witness
from tests.services.counter import GRACE, KWAME, PIN, Counter, a_counter
from tests.stores import StoppedClock

BY_GRACE = Witness(GRACE.operator_id, PIN)


class NotedModule:
    """Takes everything and notes it; has no operators."""

    def __init__(self) -> None:
        self.given: list[tuple[str, object]] = []
        self.says: ModuleError | None = None

    def status(self) -> ModuleStatus:
        return ModuleStatus(ModuleState.READY, "M-1")

    def load_authorisation(self, document: bytes) -> int:
        self.given.append(("authorisation", document))
        if self.says is not None:
            raise self.says
        return 3

    def load_keys(self, document: bytes) -> int:
        self.given.append(("keys", document))
        if self.says is not None:
            raise self.says
        return 2

    def pair(self, code: str, name: str) -> ModuleStatus:
        self.given.append((code, name))
        return self.status()


class Desk:
    """The verbs over a real store."""

    def __init__(self, folder: Path) -> None:
        self.module = NotedModule()
        self.counter: Counter = a_counter(folder, self.module, StoppedClock())  # type: ignore[arg-type]
        store, module = self.counter.store, self.module
        self.people = TwoPeople(self.counter.sign_in)
        self.load = LoadAuthorisation(store, module, self.people)  # type: ignore[arg-type]
        self.keys = LoadKeys(store, module, self.people)  # type: ignore[arg-type]
        self.pair = Pair(module, self.people, "Front counter")  # type: ignore[arg-type]
        self.entries = self._count()

    def _count(self) -> int:
        return len(self.counter.store.read(lambda reader: reader.entries(0, 1000)))

    def newest(self) -> object:
        entry = Entry.from_bytes(
            self.counter.store.read(lambda reader: reader.entries(0, 1000))[-1]
        )
        return facts.read(entry.kind, entry.version, entry.body)

    def journalled(self) -> int:
        return self._count() - self.entries


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "till")
    yield made
    made.counter.store.close()


@pytest.mark.parametrize(
    ("first", "witness", "code"),
    [
        (GRACE, Witness(KWAME.operator_id, PIN), "OPERATION_DENIED"),
        (KWAME, Witness(KWAME.operator_id, PIN), "SECOND_PERSON_SAME"),
        (KWAME, Witness(77, PIN), "OPERATOR_UNKNOWN"),
        (KWAME, Witness(GRACE.operator_id, "000000"), "PIN_WRONG"),
    ],
    ids=["not a supervisor", "the same person", "nobody", "a wrong PIN"],
)
def test_c10_without_two_people_the_module_is_not_even_asked(
    desk: Desk, first: Operator, witness: Witness, code: str
) -> None:
    for load in (desk.load, desk.keys):
        with pytest.raises(InputError, match=code):
            load(b"document", first.operator_id, witness)
    assert desk.module.given == [] and desk.journalled() == 0


def test_c10_two_people_load_and_the_journal_knows_both(desk: Desk) -> None:
    assert desk.load(b"word", KWAME.operator_id, BY_GRACE) == 3
    assert desk.keys(b"file", KWAME.operator_id, BY_GRACE) == 2
    assert desk.module.given == [("authorisation", b"word"), ("keys", b"file")]
    assert desk.journalled() == 2


@pytest.mark.parametrize(
    "says",
    [
        ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN),
        ModuleError("HSM_FAILED"),
    ],
    ids=["no answer", "half-way"],
)
def test_c10_a_document_that_the_module_may_have_names_both_people_too(
    desk: Desk, says: ModuleError
) -> None:
    desk.module.says = says
    for load, operation in (
        (desk.load, Operation.LOAD_AUTHORISATION),
        (desk.keys, Operation.LOAD_KEYS),
    ):
        with pytest.raises(ModuleError) as caught:
            load(b"document", KWAME.operator_id, BY_GRACE)
        assert caught.value.code == "LOAD_UNCERTAIN"
        assert caught.value.outcome is Outcome.UNKNOWN
        assert desk.newest() == ModuleLoaded(
            operation.value, "M-1", ModuleLoaded.UNCERTAIN, KWAME.operator_id, GRACE.operator_id
        )


def test_c10_a_document_that_the_module_refuses_is_no_fact(desk: Desk) -> None:
    desk.module.says = ModuleError("SIGNATURE_INVALID")
    with pytest.raises(ModuleError, match="SIGNATURE_INVALID"):
        desk.load(b"document", KWAME.operator_id, BY_GRACE)
    assert desk.journalled() == 0


def test_c10_wrong_pins_of_a_second_person_count_as_that_person_s_misses(desk: Desk) -> None:
    for left in (4, 3, 2, 1):
        with pytest.raises(InputError) as caught:
            desk.people.check(Operation.LOAD_KEYS, KWAME.operator_id, Witness(1, "000000"))
        assert caught.value.params == {"left": left}
    for _ in range(2):
        with pytest.raises(InputError, match="PIN_BLOCKED"):
            desk.people.check(Operation.LOAD_KEYS, KWAME.operator_id, Witness(1, PIN + "0"))
    with pytest.raises(InputError, match="PIN_BLOCKED"):
        desk.counter.sign_in.check(GRACE.operator_id, PIN)


def test_c10_a_journal_that_cannot_be_written_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("DISK_FULL")

    write = desk.counter.store.write
    calls = iter([write, write, full])  # two for the PIN, then the fact
    monkeypatch.setattr(desk.counter.store, "write", lambda *a: next(calls)(*a))
    with pytest.raises(StoreError, match="DISK_FULL"):
        desk.load(b"word", KWAME.operator_id, BY_GRACE)
    assert desk.module.given == [("authorisation", b"word")]


def test_only_a_supervisor_pairs(desk: Desk) -> None:
    with pytest.raises(InputError, match="OPERATION_DENIED"):
        desk.pair("1" * 24, GRACE.operator_id)
    desk.pair("1" * 24, KWAME.operator_id)
    assert desk.module.given == [("1" * 24, "Front counter")]


def test_a_pin_is_not_in_the_words_of_a_witness() -> None:
    assert PIN not in repr(Witness(1, PIN))
