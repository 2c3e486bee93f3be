"""Thousands of seeded histories of one till and one head office, by their own rules, over a line
that loses, doubles, delays and reorders, with crashes and restored backups: nothing may be lost
or doubled, and once the line is good both sides must come to the same.
"""

import random
from dataclasses import dataclass, field

import pytest

from posapp.headoffice import branch as judging
from posapp.journal.chain import Entry, Head, genesis
from posapp.sync import engine
from posapp.sync.engine import (
    Acknowledge,
    ApplyRows,
    AskRows,
    Begin,
    Failed,
    Finish,
    Greet,
    PushAnswered,
    PushSent,
    RowsArrived,
    SendEntries,
    Welcomed,
)
from posapp.wire.feed import FeedRow
from posapp.wire.messages import Hello, Pushed, Rows, Verdict, Welcome

TILL = bytes(range(16))
SCHEDULES = 2000
ROUNDS_TO_CONVERGE = 6


@dataclass
class MemoryBranch:
    """Head office's side of one journal."""

    heads: list[Head] = field(default_factory=lambda: [genesis(TILL, 1)])
    entries: list[bytes] = field(default_factory=list)

    @property
    def head(self) -> Head:
        return self.heads[-1]

    def hash_at(self, seq: int) -> bytes | None:
        return self.heads[seq].hash if seq < len(self.heads) else None

    def append(self, data: bytes) -> None:
        self.heads.append(self.head.follow(data))
        self.entries.append(data)


class Office:
    """Head office by its own rules (`branch`), with a feed that is compacted by state."""

    def __init__(self) -> None:
        self.branch = MemoryBranch()
        self.rows: dict[str, int] = {}
        self.seq = 0

    def publish(self, key: str) -> None:
        self.seq += 1
        self.rows[key] = self.seq

    def answer(self, request, rng):
        """The reply; a crash before or after the commit gives none."""
        kind, content = request
        if kind == "hello":
            problem = judging.greet(self.branch, content)
            head = self.branch.head
            return Welcome(head.seq, head.hash, (("global", self.seq),), problem)
        if kind == "push":
            base_seq, base_hash, entries, signed = content
            verdict = judging.judge(
                self.branch, base_seq, base_hash, entries, lambda head: head == signed
            )
            if rng.random() < 0.03:
                return None
            for _, data, _ in verdict.new:
                self.branch.append(data)
            if rng.random() < 0.03:
                return None
            return Pushed(verdict.verdict, verdict.head.seq, verdict.head.hash)
        after, limit = content
        newer = sorted((seq, key) for key, seq in self.rows.items() if seq > after)
        page = newer[:limit]
        upto = page[-1][0] if len(page) < len(newer) else self.seq
        rows = tuple(FeedRow(seq, "customer", key, None, deleted=True) for seq, key in page)
        return Rows("global", upto, self.seq, rows)


@dataclass
class TillDisk:
    """What survives a crash of the till; each field changes in one transaction."""

    journal: MemoryBranch = field(default_factory=MemoryBranch)
    acked: int = 0
    cursor: int = 0
    replica: dict[str, int] = field(default_factory=dict)

    def sell(self, number: int) -> None:
        seq = self.journal.head.seq + 1
        self.journal.append(Entry(seq, 10, 1, number, {0: number}).to_bytes())

    def copy(self) -> "TillDisk":
        journal = MemoryBranch(list(self.journal.heads), list(self.journal.entries))
        return TillDisk(journal, self.acked, self.cursor, dict(self.replica))


class Line:
    """Loses, doubles and delays; a doubled request may come much later, out of order."""

    def __init__(self, rng: random.Random, office: Office) -> None:
        self.rng, self.office = rng, office
        self.loss = rng.choice([0.0, 0.05, 0.3])
        self.double = rng.choice([0.0, 0.1, 0.5])
        self.late: list[object] = []

    def exchange(self, request):
        rng = self.rng
        while self.late and rng.random() < 0.3:
            self.office.answer(self.late.pop(rng.randrange(len(self.late))), rng)
        if rng.random() < self.double:
            self.late.append(request)
        if rng.random() < self.loss:
            return None
        answer = self.office.answer(request, rng)
        return None if rng.random() < self.loss else answer

    def heal(self) -> None:
        for request in self.late:
            self.office.answer(request, self.rng)
        self.late, self.loss, self.double = [], 0.0, 0.0


class Crashed(Exception):  # noqa: N818
    """The till died here."""


def run_round(disk: TillDisk, line: Line, rng: random.Random, crash: float, sales) -> str:
    """What HttpSync does, on memory; it may end anywhere."""
    state = engine.State(batch_bytes=rng.choice([4096, 16384]))
    events = [Begin(disk.journal.head)]
    while True:
        state, effects = engine.step(state, events.pop(0))
        for effect in effects:
            if rng.random() < crash:
                raise Crashed
            if rng.random() < 0.1:
                sales(disk)
            if isinstance(effect, Finish):
                return effect.problem
            events.extend(do(effect, disk, line, rng))


def do(effect, disk, line, rng):
    own = disk.journal
    match effect:
        case Greet(head):
            reply = line.exchange(("hello", Hello("sim", 1, head.seq, head.hash)))
            if reply is None:
                return [Failed("LINE_DOWN")]
            return [Welcomed(reply, own.hash_at(reply.seq), {"global": disk.cursor})]
        case SendEntries(base_seq, base_hash, _):
            upto = min(own.head.seq, base_seq + rng.randrange(1, 6))
            request = (base_seq, base_hash, own.entries[base_seq:upto], own.heads[upto])
            reply = line.exchange(("push", request))
            answer = (
                Failed("LINE_DOWN")
                if reply is None
                else PushAnswered(reply, own.hash_at(reply.seq))
            )
            return [PushSent(upto), answer]
        case AskRows(_, after, _):
            reply = line.exchange(("pull", (after, rng.randrange(1, 4))))
            return [Failed("LINE_DOWN") if reply is None else RowsArrived(reply)]
        case Acknowledge(seq, hash_):
            assert own.hash_at(seq) == hash_, "acknowledged what is not ours"
            disk.acked = max(disk.acked, seq)
        case ApplyRows(_, rows, upto):
            disk.replica.update({row.key: row.seq for row in rows})
            disk.cursor = max(disk.cursor, upto)
    return []


class History:
    """One seed: a stormy phase, then a good line."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.office = Office()
        self.disk = TillDisk()
        self.line = Line(self.rng, self.office)
        self.sold = 0

    def sell(self, disk: TillDisk) -> None:
        self.sold += 1
        disk.sell(self.sold)

    def storm(self) -> None:
        for _ in range(self.rng.randrange(2, 7)):
            for _ in range(self.rng.randrange(0, 6)):
                self.sell(self.disk)
            for _ in range(self.rng.randrange(0, 4)):
                self.office.publish(str(self.rng.randrange(6)))
            try:
                run_round(self.disk, self.line, self.rng, 0.04, self.sell)
            except Crashed:
                continue

    def converge(self) -> str:
        self.line.heal()
        problem = "never ran"
        for _ in range(ROUNDS_TO_CONVERGE):
            problem = run_round(self.disk, self.line, self.rng, 0.0, lambda _: None)
            if not problem or problem in engine.SUSPENDING:
                break
        return problem

    def check_prefix(self) -> None:
        """Nothing at head office that this journal did not write, in its order, once."""
        theirs = self.office.branch
        numbers = [Entry.from_bytes(data).at_ms for data in theirs.entries]
        assert len(set(numbers)) == len(numbers), "doubled"
        assert self.disk.acked <= theirs.head.seq, "acknowledged what head office lacks"


def test_no_sale_is_lost_or_doubled_and_both_sides_come_to_the_same():
    for seed in range(SCHEDULES):
        history = History(seed)
        history.storm()
        history.check_prefix()
        theirs, ours = history.office.branch, history.disk.journal
        assert ours.heads[: len(theirs.heads)] == theirs.heads, f"seed {seed}: not a prefix"
        assert history.converge() == "", f"seed {seed}"
        assert theirs.entries == ours.entries, f"seed {seed}: lost"
        assert history.disk.acked == ours.head.seq, f"seed {seed}"
        assert history.disk.replica == history.office.rows, f"seed {seed}: feed"


def test_a_restored_backup_is_noticed_before_anything_can_be_lost_or_doubled():
    noticed = 0
    for seed in range(SCHEDULES // 2):
        history = History(100_000 + seed)
        history.storm()
        backup = history.disk.copy()
        history.storm()
        history.line.heal()  # what was sent before the restore arrives at the latest now
        theirs = history.office.branch
        before = list(theirs.entries)
        history.disk = backup
        for _ in range(history.rng.randrange(0, 4)):
            history.sell(history.disk)
        ours = list(history.disk.journal.heads)
        is_prefix = ours[: len(theirs.heads)] == theirs.heads
        problem = history.converge()
        if is_prefix:
            assert problem == "", f"seed {seed}"
            assert theirs.entries == history.disk.journal.entries
        else:
            noticed += 1
            assert problem in ("TILL_ROLLED_BACK", "TILL_FORKED"), f"seed {seed}: {problem}"
            assert theirs.entries == before, f"seed {seed}: two histories mixed"
        numbers = [Entry.from_bytes(data).at_ms for data in theirs.entries]
        assert len(set(numbers)) == len(numbers), f"seed {seed}: doubled"
    assert noticed > 100


def test_the_storm_bites_when_either_side_stops_checking(monkeypatch):
    """The same histories lose or mix sales once positions are believed without their hashes."""
    monkeypatch.setattr(engine, "_disagreement", lambda _theirs, _ours: "")
    monkeypatch.setattr(judging, "greet", lambda _branch, _hello: "")
    monkeypatch.setattr(judging, "judge", judge_by_number_alone)
    harmed = 0
    for seed in range(100):
        history = History(100_000 + seed)
        history.storm()
        backup = history.disk.copy()
        history.storm()
        history.disk = backup
        for _ in range(3):
            history.sell(history.disk)
        try:
            said_nothing = history.converge() == ""
        except AssertionError:
            harmed += 1  # the store's own last check: it was told of an entry it does not have
        else:
            theirs, ours = history.office.branch.entries, history.disk.journal.entries
            harmed += said_nothing and theirs != ours
    assert harmed > 50


def judge_by_number_alone(branch, base_seq, _base_hash, entries, _is_signed):
    """The mistake others made: what has a known number is taken for the known thing."""
    head, new = branch.head, []
    for seq, data in enumerate(entries, base_seq + 1):
        if seq > head.seq:
            head = head.follow(data)
            new.append((Entry.from_bytes(data), data, head))
    return judging.Judgement(Verdict.ACK, head, tuple(new))


def test_two_tills_from_one_store_never_mix_their_histories():
    forked = 0
    for seed in range(SCHEDULES // 4):
        history = History(200_000 + seed)
        history.storm()
        clone = history.disk.copy()
        problems = set()
        for _ in range(6):
            for disk in (history.disk, clone):
                history.sell(disk)
                history.line.heal()
                problems.add(run_round(disk, history.line, history.rng, 0.0, lambda _: None))
        theirs = history.office.branch
        own = [
            disk.journal.heads[: len(theirs.heads)] == theirs.heads
            for disk in (history.disk, clone)
        ]
        assert sum(own) == 1, f"seed {seed}"
        forked += bool(problems & {"TILL_FORKED", "TILL_ROLLED_BACK"})
    assert forked == SCHEDULES // 4


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Welcome(0, bytes(32), ()), "TILL_FORKED"),
        (Welcome(9, bytes(32), ()), "TILL_ROLLED_BACK"),
        (Welcome(0, genesis(TILL, 1).hash, (), "TILL_SUSPENDED"), "TILL_SUSPENDED"),
    ],
)
def test_a_greeting_that_does_not_fit_suspends_at_once(reply, expected):
    branch = MemoryBranch()
    state, _ = engine.step(engine.State(), Begin(branch.head))
    event = Welcomed(reply, branch.hash_at(reply.seq), {})
    assert engine.step(state, event)[1] == (Finish(expected),)
    assert Finish(expected).suspended


def test_a_head_office_that_never_ends_is_left():
    disk = TillDisk()
    state, _ = engine.step(engine.State(), Begin(disk.journal.head))
    welcome = Welcome(0, disk.journal.head.hash, (("global", 1),))
    state, effects = engine.step(state, Welcomed(welcome, disk.journal.head.hash, {}))
    for seq in range(1, engine.STEPS_MAX + 10):
        state, effects = engine.step(state, RowsArrived(Rows("global", seq, seq + 1, ())))
        if isinstance(effects[-1], Finish):
            break
    assert effects[-1] == Finish("SYNC_ENDLESS")


def test_batches_grow_with_success_and_shrink_with_failure():
    disk = TillDisk()
    for number in range(10):
        disk.sell(number)
    own = disk.journal
    state, _ = engine.step(engine.State(), Begin(own.head))
    state, effects = engine.step(
        state, Welcomed(Welcome(0, own.heads[0].hash, ()), own.heads[0].hash, {})
    )
    assert effects[-1] == SendEntries(0, own.heads[0].hash, engine.BATCH_BYTES_FIRST)
    state, _ = engine.step(state, PushSent(4))
    ack = PushAnswered(Pushed(Verdict.ACK, 4, own.heads[4].hash), own.heads[4].hash)
    state, effects = engine.step(state, ack)
    assert effects[-1] == SendEntries(4, own.heads[4].hash, engine.BATCH_BYTES_FIRST * 2)
    state, effects = engine.step(state, Failed("LINE_STALLED"))
    assert effects == (Finish("LINE_STALLED"),)
    assert state.batch_bytes == engine.BATCH_BYTES_FIRST


def test_an_acknowledgement_of_less_than_was_sent_is_not_believed():
    disk = TillDisk()
    disk.sell(1)
    own = disk.journal
    state, _ = engine.step(engine.State(), Begin(own.head))
    state, _ = engine.step(
        state, Welcomed(Welcome(0, own.heads[0].hash, ()), own.heads[0].hash, {})
    )
    state, _ = engine.step(state, PushSent(1))
    answer = PushAnswered(Pushed(Verdict.ACK, 0, own.heads[0].hash), own.heads[0].hash)
    assert engine.step(state, answer)[1] == (Finish("SYNC_OUT_OF_STEP"),)
