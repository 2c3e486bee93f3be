"""The states of a security module as till, screen and paper know them."""

from __future__ import annotations

from enum import StrEnum


class ModuleState(StrEnum):
    """What the till knows of its module now.

    ABSENT -> OPENING -> HANDSHAKE -> READY <-> BUSY; a broken line goes LINK_LOST -> RECOVERING
    -> READY. WRONG_MODULE, NOT_PAIRED and FW_TOO_OLD end a handshake. From LOCKED to PIN_BLOCKED
    the module is there and makes no token yet; TAMPERED and ZEROISED never end.
    """

    ABSENT = "absent"
    OPENING = "opening"
    HANDSHAKE = "handshake"
    WRONG_MODULE = "wrong_module"
    NOT_PAIRED = "not_paired"
    FW_TOO_OLD = "fw_too_old"
    READY = "ready"
    BUSY = "busy"
    LINK_LOST = "link_lost"
    RECOVERING = "recovering"
    LOCKED = "locked"
    LIMIT_USED = "limit_used"
    KEY_EXPIRED = "key_expired"
    KEY_MISSING = "key_missing"
    HOLD_LEASE = "hold_lease"
    HOLD_AUDIT = "hold_audit"
    CLOCK_BAD = "clock_bad"
    PIN_BLOCKED = "pin_blocked"
    TAMPERED = "tampered"
    ZEROISED = "zeroised"

    @property
    def answers(self) -> bool:
        """Whether the module can be asked what became of an earlier request."""
        return self in _ANSWERING

    @property
    def holds(self) -> bool:
        """Whether the module is there and will make no token until a person has acted."""
        return self in _HOLDING


_HOLDING = frozenset(
    {
        ModuleState.LOCKED,
        ModuleState.LIMIT_USED,
        ModuleState.KEY_EXPIRED,
        ModuleState.KEY_MISSING,
        ModuleState.HOLD_LEASE,
        ModuleState.HOLD_AUDIT,
        ModuleState.CLOCK_BAD,
        ModuleState.PIN_BLOCKED,
        ModuleState.TAMPERED,
        ModuleState.ZEROISED,
    }
)
_ANSWERING = _HOLDING | {ModuleState.READY, ModuleState.BUSY, ModuleState.RECOVERING}
