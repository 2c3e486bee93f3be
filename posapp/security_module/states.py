"""What each state of a module means for the person at the counter, and how a report becomes one.

A table, so that no state is without its sentence, its one action and its colour. The words of
the codes are the screen's; what the module itself says of its state always wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from posapp.clock import from_epoch_ms
from posapp.errors import SaleError
from posapp.ports import ModuleState
from posapp.security_module.link.messages import Report
from posapp.sts import tid

CLOCK_APART_MAX = timedelta(hours=12)  # the reference module takes no token time further ahead

_LAST_MS = 253_402_300_799_999  # the end of the year 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

COLOURS = ("ok", "warn", "bad", "off", "busy")


@dataclass(frozen=True, slots=True)
class StateWords:
    """`sentence` and `action` are codes with words; `colour` is one of COLOURS."""

    sentence: str
    action: str
    colour: str


TABLE: MappingProxyType[ModuleState, StateWords] = MappingProxyType(
    {
        ModuleState.ABSENT: StateWords("STATE_ABSENT", "PLUG_IN", "bad"),
        ModuleState.OPENING: StateWords("STATE_OPENING", "WAIT", "busy"),
        ModuleState.HANDSHAKE: StateWords("STATE_HANDSHAKE", "WAIT", "busy"),
        ModuleState.WRONG_MODULE: StateWords("STATE_WRONG_MODULE", "PLUG_IN_OURS", "bad"),
        ModuleState.NOT_PAIRED: StateWords("STATE_NOT_PAIRED", "PAIR", "bad"),
        ModuleState.FW_TOO_OLD: StateWords("STATE_FW_TOO_OLD", "UPDATE_MODULE", "bad"),
        ModuleState.READY: StateWords("STATE_READY", "SELL", "ok"),
        ModuleState.BUSY: StateWords("STATE_BUSY", "WAIT", "ok"),
        ModuleState.LINK_LOST: StateWords("STATE_LINK_LOST", "CHECK_CABLE", "bad"),
        ModuleState.RECOVERING: StateWords("STATE_RECOVERING", "WAIT", "busy"),
        ModuleState.LOCKED: StateWords("STATE_LOCKED", "SIGN_IN", "warn"),
        ModuleState.LIMIT_USED: StateWords("STATE_LIMIT_USED", "LOAD_AUTHORISATION", "bad"),
        ModuleState.KEY_EXPIRED: StateWords("STATE_KEY_EXPIRED", "LOAD_KEYS", "bad"),
        ModuleState.KEY_MISSING: StateWords("STATE_KEY_MISSING", "LOAD_KEYS", "bad"),
        ModuleState.HOLD_LEASE: StateWords("STATE_HOLD_LEASE", "LOAD_AUTHORISATION", "bad"),
        ModuleState.HOLD_AUDIT: StateWords("STATE_HOLD_AUDIT", "SEND_AUDIT", "bad"),
        ModuleState.CLOCK_BAD: StateWords("STATE_CLOCK_BAD", "SET_CLOCK", "bad"),
        ModuleState.PIN_BLOCKED: StateWords("STATE_PIN_BLOCKED", "UNBLOCK", "bad"),
        ModuleState.TAMPERED: StateWords("STATE_TAMPERED", "CALL_HEAD_OFFICE", "bad"),
        ModuleState.ZEROISED: StateWords("STATE_ZEROISED", "CALL_HEAD_OFFICE", "bad"),
    }
)

ACTIONS = frozenset(words.action for words in TABLE.values())

# What a module may say of itself; anything else in its report is no state of a module.
_OWN_WORDS = {state.value: state for state in ModuleState if state.holds} | {
    ModuleState.READY.value: ModuleState.READY
}

# A refusal that says more about the module than about the one request it refused.
_BY_REFUSAL = MappingProxyType(
    {
        "AUDIT_FULL": ModuleState.HOLD_AUDIT,
        "LEASE_EXPIRED": ModuleState.HOLD_LEASE,
        "LOGIN_REQUIRED": ModuleState.LOCKED,
        "MODULE_LOGIN_REFUSED": ModuleState.LOCKED,
        "NOT_PAIRED": ModuleState.NOT_PAIRED,
        "PIN_BLOCKED": ModuleState.PIN_BLOCKED,
        "PROTOCOL_VERSION": ModuleState.FW_TOO_OLD,
        "TAMPERED": ModuleState.TAMPERED,
        "WRONG_MODULE": ModuleState.WRONG_MODULE,
        "ZEROISED": ModuleState.ZEROISED,
    }
)


@dataclass(frozen=True, slots=True)
class KeyFact:
    """What is known of one key: whether it can make a token now, and what it has left.

    `units_left` and `money_left` are None where the module sets no limit.
    """

    base_date: int
    ken: int
    issue_until: datetime | None = None
    units_left: int | None = None
    money_left: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says, in the terms of the states.

    `own_state` is the module's own word ("" when it says none). `unacknowledged_max` 0 means
    that the module counts no unacknowledged tokens. Times are aware UTC.
    """

    clock: datetime
    keys: tuple[KeyFact, ...]
    own_state: str = ""
    lease_until: datetime | None = None
    unacknowledged: int = 0
    unacknowledged_max: int = 0


def facts_of(report: Report) -> Facts:
    """A report in the terms of the states. A key without a row has nothing granted."""
    left = {(row.sgc, row.krn): (row.units, row.money_units) for row in report.limits}
    nothing = (0, 0) if report.limited else (None, None)
    return Facts(
        clock=_moment(report.clock_ms) or _EPOCH,
        keys=tuple(
            KeyFact(
                k.base_date, k.ken, _moment(k.issue_until_ms), *left.get((k.sgc, k.krn), nothing)
            )
            for k in report.keys
        ),
        own_state=report.state,
        lease_until=_moment(report.lease_until_ms),
        unacknowledged=report.unacknowledged,
        unacknowledged_max=report.unacknowledged_max,
    )


def state_of(facts: Facts, now: datetime) -> ModuleState:
    """READY, or the first thing that keeps the module from making any token at all.

    A limit or an expiry that concerns some keys only leaves the module READY: the others sell.
    """
    own = _OWN_WORDS.get(facts.own_state.lower())
    if own is not None and own is not ModuleState.READY:
        return own
    if abs(facts.clock - now) > CLOCK_APART_MAX:
        return ModuleState.CLOCK_BAD
    if not facts.keys:
        return ModuleState.KEY_MISSING
    living = [key for key in facts.keys if not _is_over(key, facts.clock)]
    if not living:
        return ModuleState.KEY_EXPIRED
    if facts.lease_until is not None and facts.lease_until < facts.clock:
        return ModuleState.HOLD_LEASE
    if 0 < facts.unacknowledged_max <= facts.unacknowledged:
        return ModuleState.HOLD_AUDIT
    if all(_is_used_up(key) for key in living):
        return ModuleState.LIMIT_USED
    return ModuleState.READY


def state_of_refusal(code: str) -> ModuleState | None:
    """The state that a module's refusal reveals, None when it concerns the one request only."""
    return _BY_REFUSAL.get(code)


def _moment(at_ms: int) -> datetime | None:
    """A moment of the line: 0 is none, and one beyond the calendar is its end."""
    return from_epoch_ms(min(at_ms, _LAST_MS)) if at_ms > 0 else None


def _is_over(key: KeyFact, moment: datetime) -> bool:
    if key.issue_until is not None and key.issue_until <= moment:
        return True
    try:
        return tid.is_expired(tid.tid_at(moment, key.base_date), key.ken)
    except SaleError as error:
        return error.code == "BASE_DATE_ENDED"


def _is_used_up(key: KeyFact) -> bool:
    limits = [left for left in (key.units_left, key.money_left) if left is not None]
    return bool(limits) and not any(left > 0 for left in limits)
