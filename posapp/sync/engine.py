"""What a till does next with head office: (state, event) -> (state, effects), without I/O.

A position is (epoch, seq, hash) and both sides check it: nothing is called acknowledged unless
head office's hash at a position is our own. Entries go up before rows come down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from posapp.journal.chain import Head
from posapp.wire.feed import FeedRow
from posapp.wire.messages import Pushed, Rows, Verdict, Welcome

BATCH_BYTES_MIN = 4 * 1024
BATCH_BYTES_FIRST = 16 * 1024  # about two seconds of a slow line
BATCH_BYTES_MAX = 256 * 1024
PULL_BYTES = 256 * 1024  # before compression; about 30 kB on the line
STEPS_MAX = 10_000  # of one round; a head office that never ends is a fault

# Only a person at head office can end these; selling elsewhere is not touched by them.
SUSPENDING = frozenset(
    {"TILL_UNKNOWN", "TILL_SUSPENDED", "TILL_ROLLED_BACK", "TILL_FORKED", "EPOCH_UNKNOWN"}
)


class Phase(StrEnum):
    """Where a round stands."""

    IDLE = "idle"
    GREETING = "greeting"
    PUSHING = "pushing"
    SHOWING = "showing"  # our side of a fork, once, for head office to keep
    PULLING = "pulling"


@dataclass(frozen=True, slots=True)
class State:
    """Everything the machine remembers; `batch_bytes` outlives a round.

    `base` is what head office has, as far as both agree; `target` our head when the round began;
    `shared` as in `Begin`.
    """

    phase: Phase = Phase.IDLE
    batch_bytes: int = BATCH_BYTES_FIRST
    target: Head | None = None
    base: tuple[int, bytes] = (0, b"")
    shared: tuple[int, bytes] | None = None
    sent_upto: int = 0
    scopes: tuple[tuple[str, int], ...] = ()
    cursors: Mapping[str, int] | None = None
    problem: str = ""
    steps: int = 0


# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a round; `head` is our journal's end now.

    `shared` is what both sides last agreed on, given when our side of a fork was not shown yet:
    a till brought back from a backup is a fork that its journal explains.
    """

    head: Head
    shared: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Head office answered the greeting. `own_hash` is ours at its position, None if beyond us."""

    welcome: Welcome
    own_hash: bytes | None
    cursors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PushSent:
    """How far the entries of the push now on its way go."""

    upto: int


@dataclass(frozen=True, slots=True)
class PushAnswered:
    """Head office answered a push. `own_hash` is ours at its position, None if beyond us."""

    pushed: Pushed
    own_hash: bytes | None


@dataclass(frozen=True, slots=True)
class RowsArrived:
    """Rows of a scope, every signature already checked."""

    rows: Rows


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer: `code` says why (a line that is down, a forged reply, a refusal)."""

    code: str


Event = Begin | Welcomed | PushSent | PushAnswered | RowsArrived | Failed

# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class Greet:
    """Say hello with our position."""

    head: Head


@dataclass(frozen=True, slots=True)
class SendEntries:
    """Push entries after a position, at least one, about `max_bytes` on the wire."""

    base_seq: int
    base_hash: bytes
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Remember that head office has everything up to here; the hash is our own."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class AskRows:
    """Pull rows of a scope after a position."""

    scope: str
    after: int
    max_bytes: int = PULL_BYTES


@dataclass(frozen=True, slots=True)
class ApplyRows:
    """Apply rows and their cursor in one transaction."""

    scope: str
    rows: tuple[FeedRow, ...]
    upto: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The round is over. No problem: everything known at its start is on both sides."""

    problem: str = ""

    @property
    def suspended(self) -> bool:
        """Whether only head office can let this till go on talking."""
        return self.problem in SUSPENDING


Effect = Greet | SendEntries | Acknowledge | AskRows | ApplyRows | Finish
Step = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event) -> Step:
    """The next state and what to do now, in order. An event that fits no phase ends the round."""
    state = replace(state, steps=state.steps + 1)
    if state.steps > STEPS_MAX:
        return _end(state, "SYNC_ENDLESS")
    match event:
        case Begin(head, shared) if state.phase is Phase.IDLE:
            begun = State(Phase.GREETING, state.batch_bytes, head, shared=shared)
            return begun, (Greet(head),)
        case Welcomed() if state.phase is Phase.GREETING:
            return _welcomed(state, event)
        case PushSent() if state.phase is Phase.SHOWING:
            return state, ()
        case PushAnswered() if state.phase is Phase.SHOWING:
            return _end(state, "TILL_FORKED")
        case Failed() if state.phase is Phase.SHOWING:
            return _end(state, "TILL_FORKED")
        case PushSent(upto) if state.phase is Phase.PUSHING:
            return replace(state, sent_upto=upto), ()
        case PushAnswered() if state.phase is Phase.PUSHING:
            return _push_answered(state, event)
        case RowsArrived(rows) if state.phase is Phase.PULLING:
            return _rows_arrived(state, rows)
        case Failed(code):
            return _failed(state, code)
    return _end(state, "SYNC_OUT_OF_STEP")


def _welcomed(state: State, event: Welcomed) -> Step:
    welcome = event.welcome
    problem = welcome.problem or _disagreement(welcome.hash, event.own_hash)
    if problem:
        return _forked(state) if problem == "TILL_FORKED" else _end(state, problem)
    state = replace(
        state,
        base=(welcome.seq, welcome.hash),
        scopes=welcome.scopes,
        cursors=event.cursors,
    )
    effects: tuple[Effect, ...] = (Acknowledge(welcome.seq, welcome.hash),)
    return _go_on(state, effects)


def _forked(state: State) -> Step:
    """Head office keeps what it cannot append as evidence, if it is shown what there is."""
    assert state.target is not None
    if state.shared is None or state.shared[0] >= state.target.seq:
        return _end(state, "TILL_FORKED")
    show = SendEntries(*state.shared, state.batch_bytes)
    return replace(state, phase=Phase.SHOWING), (show,)


def _push_answered(state: State, event: PushAnswered) -> Step:
    pushed = event.pushed
    if pushed.verdict is Verdict.FORK:
        return _end(state, "TILL_FORKED")
    if pushed.verdict is Verdict.SUSPENDED:
        return _end(state, "TILL_SUSPENDED")
    if pushed.verdict is Verdict.INVALID:
        return _failed(state, "PUSH_INVALID")
    # ACK and GAP both name a position that head office has; only our own hash makes it true.
    problem = _disagreement(pushed.hash, event.own_hash)
    if problem:
        return _end(state, problem)
    if pushed.verdict is Verdict.ACK and pushed.seq < state.sent_upto:
        return _end(state, "SYNC_OUT_OF_STEP")
    before = state.base[0]
    state = replace(state, base=(pushed.seq, pushed.hash))
    if pushed.verdict is Verdict.GAP:
        if pushed.seq >= before:
            return _end(state, "SYNC_OUT_OF_STEP")  # it claims to lack what it has
        return _go_on(state, ())
    grown = min(state.batch_bytes * 2, BATCH_BYTES_MAX)
    return _go_on(replace(state, batch_bytes=grown), (Acknowledge(pushed.seq, pushed.hash),))


def _rows_arrived(state: State, rows: Rows) -> Step:
    scope, cursor = _current(state)
    if rows.scope != scope or rows.upto <= cursor or (rows.rows and rows.rows[0].seq <= cursor):
        return _end(state, "FEED_OUT_OF_STEP")
    apply = ApplyRows(scope, rows.rows, rows.upto)
    assert state.cursors is not None
    cursors = {**state.cursors, scope: rows.upto}
    scopes = tuple((s, rows.head if s == scope else head) for s, head in state.scopes)
    return _go_on(replace(state, cursors=cursors, scopes=scopes), (apply,))


def _failed(state: State, code: str) -> Step:
    if state.phase is Phase.PUSHING:
        halved = max(state.batch_bytes // 2, BATCH_BYTES_MIN)
        state = replace(state, batch_bytes=halved)
    return _end(state, code)


def _go_on(state: State, effects: tuple[Effect, ...]) -> Step:
    """Push while there is something, then pull scope by scope, then end."""
    assert state.target is not None
    seq, hash_ = state.base
    if seq < state.target.seq:
        send = SendEntries(seq, hash_, state.batch_bytes)
        return replace(state, phase=Phase.PUSHING, sent_upto=0), (*effects, send)
    state = replace(state, phase=Phase.PULLING)
    while state.scopes:
        scope, cursor = _current(state)
        head = state.scopes[0][1]
        if cursor < head:
            return state, (*effects, AskRows(scope, cursor))
        if cursor > head:  # head office lost rows it once sent: say so, keep what we have
            state = replace(state, problem="FEED_WENT_BACK")
        state = replace(state, scopes=state.scopes[1:])
    done, finish = _end(state, state.problem)
    return done, (*effects, *finish)


def _current(state: State) -> tuple[str, int]:
    assert state.cursors is not None
    scope = state.scopes[0][0]
    return scope, state.cursors.get(scope, 0)


def _disagreement(theirs: bytes, ours: bytes | None) -> str:
    """Why a position of head office's is none of ours; empty when it is."""
    if ours is None:
        return "TILL_ROLLED_BACK"
    return "" if ours == theirs else "TILL_FORKED"


def _end(state: State, problem: str) -> Step:
    return State(batch_bytes=state.batch_bytes), (Finish(problem),)
