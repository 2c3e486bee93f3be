"""A till brought back from a backup: nothing in its place is lost, and the module fills the gap."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posapp.clock import SystemClock, SystemRandomness, from_epoch_ms
from posapp.db.engine import open_sqlcipher
from posapp.domain.meter import MeterNumber
from posapp.errors import InputError, SaleError, StoreError
from posapp.journal import facts
from posapp.journal.chain import Entry
from posapp.journal.restore_facts import (
    RESTORE_FACTS,
    AnswersRecovered,
    OrphanFound,
    OrphanItem,
    OrphanSettled,
    StoreRestored,
)
from posapp.lanes import InlineLanes
from posapp.ports import AuditPart
from posapp.security_module.manager import ModuleManager
from posapp.services.recover_answers import BLIND_RECEIPTS, SCANNED_MAX, RecoverAnswers
from posapp.store import restore as store_restore
from posapp.store.backup import SqlBackups
from posapp.store.restore import ASIDE, MAKING, Restored, restore
from posapp.store.schema import STORE_FILE
from posapp.store.store import SqlStore, open_store
from posapp.wire.audit import AuditEntry, AuditKind
from tests.security_module.module_process import ModuleProcess
from tests.services.counter import GRACE, KWAME, Counter, a_counter
from tests.stores import KEY, TILL_ID, Seller, a_store


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleManager]:
    process = ModuleProcess.make(tmp_path / "module")
    with process.running():
        manager = ModuleManager(process.address, till_id=TILL_ID, clock=SystemClock(), hard_s=5)
        yield manager
        manager.close()


def _backup(store: SqlStore, stick: Path) -> Path:
    stick.mkdir(exist_ok=True)
    made = SqlBackups(store, stick, SystemClock()).make()
    return stick / "K7M2" / made.name


def _restore(backup: Path, folder: Path, key: bytes = KEY) -> Restored:
    clock, randomness = SystemClock(), SystemRandomness()
    return restore(backup, folder, key, clock=clock, randomness=randomness, software="posapp 9")


def _open(folder: Path) -> SqlStore:
    return open_store(
        folder,
        KEY,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        lanes=InlineLanes(),
        reserve_bytes=0,
    )


def _last(store: SqlStore) -> facts.Fact | None:
    seq = store.read(lambda reader: reader.head()).seq
    (data,) = store.read(lambda reader: reader.entries(seq - 1, 1))
    entry = Entry.from_bytes(data)
    return facts.read(entry.kind, entry.version, entry.body)


def _code(work: Callable[[], object]) -> str:
    with pytest.raises((StoreError, SaleError, InputError)) as caught:
        work()
    return caught.value.code


# ------------------------------------------------------------ the gap and the module


def test_what_the_module_made_since_the_backup_is_booked_before_anything_is_sold(
    tmp_path: Path, module: ModuleManager
):
    counter = a_counter(tmp_path / "till", module)
    for number in (1, 2):
        counter.sale(number, 20_000)
    backup = _backup(counter.store, tmp_path / "stick")
    lost = [counter.sale(number, 30_000 + number) for number in (3, 4, 5)]
    vended = counter.store.read(lambda reader: reader.vended_total_minor())
    counter.store.close()

    assert _restore(backup, tmp_path / "till").aside == tmp_path / "till" / f"{ASIDE}1"
    store = _open(tmp_path / "till")
    again = Counter(store, module, SystemClock())
    assert _code(lambda: again.sale(6, 20_000)) == "RESTORE_UNFINISHED"

    assert RecoverAnswers(store, module)() == 3
    orphans = store.read(lambda reader: reader.orphans(10))
    assert [one.found.request_id for one in orphans] == [s.record.intent.sale_id for s in lost]
    assert [one.found.tokens for one in orphans] == [s.record.tokens for s in lost]
    assert [one.found.value_minor for one in orphans] == [30_003, 30_004, 30_005]
    assert [one.found.meter for one in orphans] == [s.record.intent.meter for s in lost]
    assert store.read(lambda reader: reader.vended_total_minor()) == vended, "the float is held"
    for one in lost:
        intent = one.record.intent
        high = store.read(
            lambda r, i=intent: r.tid_high_water(MeterNumber(i.meter), i.configuration.base_date)
        )
        assert high == intent.items[-1].tid, "its TID is taken"
    told = _last(store)
    assert isinstance(told, AnswersRecovered) and (told.orphans, told.is_listed) == (3, True)

    sold = again.sale(5, 20_000)
    assert sold.record.intent.receipt > lost[-1].record.intent.receipt, "no number comes twice"
    assert sold.record.intent.items[0].tid > lost[-1].record.intent.items[0].tid
    assert RecoverAnswers(store, module)() == 0
    assert store.verify_journal().broken_seq is None and store.check_projections().ok
    store.close()


def test_a_sale_that_was_open_in_the_backup_is_finished_and_is_no_orphan(
    tmp_path: Path, module: ModuleManager, monkeypatch: pytest.MonkeyPatch
):
    counter = a_counter(tmp_path / "till", module)
    counter.sale(1, 20_000)
    taken: list[Path] = []
    issue = module.issue

    def backed_up_meanwhile(request):
        taken.append(_backup(counter.store, tmp_path / "stick"))
        return issue(request)

    monkeypatch.setattr(module, "issue", backed_up_meanwhile)
    sold = counter.sale(2, 25_000)
    monkeypatch.undo()
    counter.store.close()
    _restore(taken[0], tmp_path / "till")
    store = _open(tmp_path / "till")
    again = Counter(store, module, SystemClock())
    assert RecoverAnswers(store, module)() == 0
    assert again.open_sales() == 1
    (finished,) = again.recover().resolved
    assert finished.tokens == sold.record.tokens
    store.close()


def test_a_power_cut_while_orphans_are_booked_books_none_twice(
    tmp_path: Path, module: ModuleManager, monkeypatch: pytest.MonkeyPatch
):
    counter = a_counter(tmp_path / "till", module)
    backup = _backup(counter.store, tmp_path / "stick")
    for number in (1, 2, 3):
        counter.sale(number, 20_000)
    counter.store.close()
    _restore(backup, tmp_path / "till")
    store = _open(tmp_path / "till")
    answers, fetch, asked = RecoverAnswers(store, module), module.fetch, []

    def once(request_id: bytes, till_id: bytes) -> object:
        asked.append(request_id)
        if len(asked) == 3:
            raise StoreError("STORE_DISK_ERROR")
        return fetch(request_id, till_id)

    monkeypatch.setattr(module, "fetch", once)
    assert _code(answers) == "STORE_DISK_ERROR"
    assert len(store.read(lambda reader: reader.orphans(10))) == 2
    monkeypatch.undo()
    assert answers() == 1
    assert len(store.read(lambda reader: reader.orphans(10))) == 3
    store.close()


class _LongBook:
    """A module whose book has an entry a minute; the first ones are forgotten."""

    LENGTH, FORGOTTEN = 9_000, 4_000

    def __init__(self) -> None:
        self.asked = 0

    def read_audit(self, after: int) -> AuditPart:
        self.asked += 1
        numbers = range(max(after, self.FORGOTTEN) + 1, self.LENGTH + 1)[:6]
        entries = tuple(
            AuditEntry(n, bytes(32), 60_000 * n, AuditKind.REFUSAL, {}).to_bytes() for n in numbers
        )
        return AuditPart(entries, self.LENGTH, bytes(32), bytes(64))


@pytest.mark.parametrize("minute", [1, 4_000, 4_300, 6_123, 8_999, 20_000])
def test_the_place_in_a_long_book_is_searched(tmp_path: Path, minute: int):
    store, book = a_store(tmp_path), _LongBook()
    start = RecoverAnswers(store, book)._start(from_epoch_ms(60_000 * minute))  # type: ignore[arg-type]
    assert start < minute, "nothing newer is left out"
    if minute > book.FORGOTTEN + SCANNED_MAX:
        assert start >= min(minute, book.LENGTH) - SCANNED_MAX // 5, "little older is read"
    assert book.asked < 12
    store.close()


def test_only_a_supervisor_goes_on_without_the_module(tmp_path: Path, module: ModuleManager):
    counter = a_counter(tmp_path / "till", module)
    backup = _backup(counter.store, tmp_path / "stick")
    counter.store.close()
    _restore(backup, tmp_path / "till")
    store = _open(tmp_path / "till")
    answers = RecoverAnswers(store, module)
    assert _code(lambda: answers.go_on_without(GRACE, "stolen")) == "OPERATION_DENIED"
    assert _code(lambda: answers.go_on_without(KWAME, " ")) == "REASON_MISSING"
    assert store.read(lambda reader: reader.recovering_since()) is not None
    answers.go_on_without(KWAME, "the module was stolen with the drawer")
    told = _last(store)
    assert isinstance(told, AnswersRecovered) and not told.is_listed
    assert (told.operator_id, told.reason[:10]) == (KWAME.operator_id, "the module")
    sold = Counter(store, module, SystemClock()).sale(1, 20_000)
    assert sold.record.intent.receipt == BLIND_RECEIPTS + 1
    store.close()


def test_an_orphan_is_settled_once(tmp_path: Path):
    store = a_store(tmp_path)
    item = OrphanItem(1, 0, 6_800_000, 2014, 93, 20_000)
    found = OrphanFound(bytes(16), "M-1", 4, 9, 1, "04500000000", (item,), ("1" * 20,), 1)
    seq = store.write(lambda unit: unit.append(found))
    settled = OrphanSettled(seq, OrphanSettled.COUNTED, 2, "in the drawer")
    store.write(lambda unit: unit.append(settled))
    assert store.read(lambda reader: reader.orphans(10)) == ()
    assert store.read(lambda reader: reader.is_orphan(bytes(16)))
    assert _code(lambda: store.write(lambda unit: unit.append(settled))) == "SALE_STATE_WRONG"
    assert store.check_projections().ok
    store.close()


def test_the_facts_of_a_restore_are_read_as_they_were_written():
    item = OrphanItem(1, 0, 6_800_000, 2014, 93, 20_000)
    written = (
        StoreRestored(bytes(16), 5, "posapp 1"),
        AnswersRecovered("M-1", 4, 9, 17, 2, True, 3, "why"),
        OrphanFound(bytes(16), "M-1", 4, 9, 1, "04500000000", (item, item), ("1" * 20,), 7),
        OrphanSettled(4, 2, 2, "none"),
    )
    assert tuple(type(fact) for fact in written) == RESTORE_FACTS
    for fact in written:
        assert facts.read(fact.KIND, fact.VERSION, fact.to_body()) == fact


# ------------------------------------------------------------ the place


def test_a_log_that_was_left_behind_is_never_read_into_the_restored_store(tmp_path: Path):
    store = a_store(tmp_path / "till")
    seller = Seller(store)
    for number in range(8):
        seller.sell(number + 1)
    backup = _backup(store, tmp_path / "stick")
    head = store.read(lambda reader: reader.head())
    for number in range(8):
        seller.sell(number + 1)
    files = {path.name: path.read_bytes() for path in (tmp_path / "till").iterdir()}
    store.close()
    for name, content in files.items():  # as a power cut leaves it: a live log beside it
        (tmp_path / "till" / name).write_bytes(content)
    done = _restore(backup, tmp_path / "till")
    assert done.aside is not None and done.report.head == head
    assert not (tmp_path / "till" / f"{STORE_FILE}-wal").exists()
    store = _open(tmp_path / "till")
    assert store.read(lambda reader: reader.head()).seq == head.seq + 1
    assert store.hash_of(head.epoch, head.seq) == head.hash
    assert isinstance(_last(store), StoreRestored)
    assert store.verify_journal().broken_seq is None and store.check_projections().ok
    store.close()
    # And nothing that only the old store had is lost.
    old = open_sqlcipher(done.aside / STORE_FILE, KEY, create=False)
    with old.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar_one() == 33
    old.close()


@pytest.mark.parametrize("cut_at", range(8))
def test_a_power_cut_in_a_restore_leaves_a_folder_that_the_next_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_at: int
):
    store = a_store(tmp_path / "till")
    seller = Seller(store)
    seller.sell()
    backup = _backup(store, tmp_path / "stick")
    seller.sell(2)
    files = {path.name: path.read_bytes() for path in (tmp_path / "till").iterdir()}
    store.close()
    for name, content in files.items():
        (tmp_path / "till" / name).write_bytes(content)
    calls = 0

    class CutError(BaseException):
        pass

    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal calls
        if self.name.startswith(STORE_FILE) and "stick" not in str(self):
            calls += 1
            if calls == cut_at + 1:
                raise CutError
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        try:
            _restore(backup, tmp_path / "till")
            assert calls <= cut_at
        except CutError:
            assert not (tmp_path / "till" / STORE_FILE).exists() or calls == 1
    _restore(backup, tmp_path / "till")
    store = _open(tmp_path / "till")
    assert store.verify_journal().broken_seq is None
    assert not (tmp_path / "till" / MAKING).exists()
    store.close()
    asides = sorted((tmp_path / "till").glob(f"{ASIDE}*"))
    old = open_sqlcipher(asides[0] / STORE_FILE, KEY, create=False)
    with old.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar_one() == 5
    old.close()


def test_nothing_is_touched_by_a_backup_that_does_not_hold(tmp_path: Path):
    store = a_store(tmp_path / "till")
    Seller(store).sell()
    backup = _backup(store, tmp_path / "stick")
    assert _code(lambda: _restore(backup, tmp_path / "till")) == "STORE_IN_USE"
    store.close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "till").iterdir()}
    whole = backup.read_bytes()
    chance = random.Random(5)
    for _ in range(10):
        place = chance.randrange(len(whole))
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        code = _code(lambda: _restore(backup, tmp_path / "till"))
        assert code in ("BACKUP_DAMAGED", "STORE_DAMAGED", "STORE_KEY_WRONG")
    backup.write_bytes(whole)
    assert _code(lambda: _restore(backup, tmp_path / "till", bytes(32))) == "STORE_KEY_WRONG"
    assert _code(lambda: _restore(tmp_path / "stick", tmp_path / "till")) == "BACKUP_NAME"
    assert {p.name: p.read_bytes() for p in (tmp_path / "till").iterdir()} == before


def test_a_new_machine_needs_only_the_backup_and_the_key(tmp_path: Path):
    store = a_store(tmp_path / "till")
    Seller(store).sell()
    backup = _backup(store, tmp_path / "stick")
    store.close()
    done = _restore(backup, tmp_path / "new" / "till")
    assert done.aside is None and done.report.sales == 1
    store = _open(tmp_path / "new" / "till")
    assert store.read(lambda reader: reader.recovering_since()) == done.made
    store.close()


def test_a_disk_that_fails_in_a_restore_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = a_store(tmp_path / "till")
    backup = _backup(store, tmp_path / "stick")
    store.close()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_restore.shutil, "copyfile", full)
    assert _code(lambda: _restore(backup, tmp_path / "till")) == "RESTORE_FAILED"
    monkeypatch.undo()
    _open(tmp_path / "till").close()
