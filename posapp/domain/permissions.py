"""Who may do what at the till, and for what two people must stand there; the one table of it.

What gives a module more to sell with, or makes a token that nobody pays for, is never one
person's: supervisors have loaded stolen stations, and clerks have watched them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from posapp.domain.operator import Operator, Role
from posapp.errors import InputError


class Operation(StrEnum):
    """What a person does at the till beyond looking. The values stand in journals."""

    SELL = "sell"
    LOAD_AUTHORISATION = "load_authorisation"
    LOAD_KEYS = "load_keys"
    EXPORT_AUDIT = "export_audit"
    ACKNOWLEDGE_AUDIT = "acknowledge_audit"
    PAIR = "pair"
    VOID = "void"
    CHANGE_KEY = "change_key"
    CLEAR_CREDIT = "clear_credit"
    CLEAR_TAMPER = "clear_tamper"
    POWER_LIMIT = "power_limit"
    METER_TEST = "meter_test"
    TAKE_PAYMENT = "take_payment"
    CONFIRM_KEY = "confirm_key"
    OLD_KEY = "old_key"
    SELL_UNKNOWN = "sell_unknown"
    FREE_ISSUE = "free_issue"
    REPLACE_CREDIT = "replace_credit"
    REQUEST_REFUND = "request_refund"
    HANDLE_CASH = "handle_cash"
    CLOSE_UNRESOLVED = "close_unresolved"
    SET_CLOCK = "set_clock"
    PRINT_CLAIM = "print_claim"
    SETTLE_AUDIT = "settle_audit"
    ERASE_PERSON = "erase_person"
    VIEW_REPORTS = "view_reports"


@dataclass(frozen=True, slots=True)
class Rule:
    """`first` may begin it; where `second` names anybody, one more person of those must sign."""

    first: frozenset[Role]
    second: frozenset[Role] = frozenset()

    @property
    def people(self) -> int:
        """How many it takes."""
        return 2 if self.second else 1


_SELLERS = frozenset({Role.VENDOR, Role.CLERK, Role.SUPERVISOR})
_STAFF = frozenset({Role.CLERK, Role.SUPERVISOR})
_ENGINEERS = frozenset({Role.CLERK, Role.SUPERVISOR, Role.TECHNICIAN})
_SUPERVISOR = frozenset({Role.SUPERVISOR})

RULES: Mapping[Operation, Rule] = MappingProxyType(
    {
        Operation.SELL: Rule(_SELLERS),
        Operation.LOAD_AUTHORISATION: Rule(_SUPERVISOR, _SELLERS),
        Operation.LOAD_KEYS: Rule(_SUPERVISOR, _STAFF),
        Operation.EXPORT_AUDIT: Rule(_SUPERVISOR),
        Operation.ACKNOWLEDGE_AUDIT: Rule(_SUPERVISOR),
        Operation.PAIR: Rule(_SUPERVISOR),
        Operation.VOID: Rule(_SELLERS, _SUPERVISOR),
        Operation.CHANGE_KEY: Rule(_SELLERS | _ENGINEERS, _SUPERVISOR),
        Operation.CLEAR_CREDIT: Rule(_ENGINEERS, _SUPERVISOR),
        Operation.CLEAR_TAMPER: Rule(_ENGINEERS, _SUPERVISOR),
        Operation.POWER_LIMIT: Rule(_ENGINEERS, _SUPERVISOR),
        Operation.METER_TEST: Rule(_SELLERS | _ENGINEERS),
        Operation.TAKE_PAYMENT: Rule(_SELLERS),
        Operation.CONFIRM_KEY: Rule(_SELLERS | _ENGINEERS),
        Operation.OLD_KEY: Rule(_SELLERS, _SUPERVISOR),
        Operation.SELL_UNKNOWN: Rule(_SELLERS, _SUPERVISOR),
        Operation.FREE_ISSUE: Rule(_STAFF, _SUPERVISOR),
        Operation.REPLACE_CREDIT: Rule(_STAFF, _SUPERVISOR),
        Operation.REQUEST_REFUND: Rule(_SELLERS, _SUPERVISOR),
        Operation.HANDLE_CASH: Rule(_SELLERS),
        Operation.CLOSE_UNRESOLVED: Rule(_SUPERVISOR),
        Operation.SET_CLOCK: Rule(_SUPERVISOR),
        Operation.PRINT_CLAIM: Rule(_SUPERVISOR),
        Operation.SETTLE_AUDIT: Rule(_SUPERVISOR),
        Operation.ERASE_PERSON: Rule(_SUPERVISOR, _STAFF),
        Operation.VIEW_REPORTS: Rule(frozenset(Role)),
    }
)


def may_begin(operation: Operation, person: Operator) -> bool:
    """Whether this person may be the first."""
    return person.role in RULES[operation].first


def may_witness(operation: Operation, first: Operator, person: Operator) -> bool:
    """Whether this person may be the second beside `first`."""
    other = person.operator_id != first.operator_id
    return other and person.role in RULES[operation].second


def check_first(operation: Operation, person: Operator) -> None:
    """Raises InputError OPERATION_DENIED(name) unless this person may be the first."""
    if not may_begin(operation, person):
        raise InputError("OPERATION_DENIED", name=person.name)


def check_second(operation: Operation, first: Operator, second: Operator | None) -> None:
    """Raises InputError SECOND_PERSON_REQUIRED, SECOND_PERSON_SAME, SECOND_PERSON_DENIED(name).

    An operation of one person takes no second.
    """
    if not RULES[operation].second:
        return
    if second is None:
        raise InputError("SECOND_PERSON_REQUIRED")
    if second.operator_id == first.operator_id:
        raise InputError("SECOND_PERSON_SAME", name=first.name)
    if not may_witness(operation, first, second):
        raise InputError("SECOND_PERSON_DENIED", name=second.name)
