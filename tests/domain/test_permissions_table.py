"""C10: the whole table of who may do what, and for what it takes two."""

from __future__ import annotations

import pytest

from posapp.domain import permissions
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import RULES, Operation
from posapp.domain.role_limits import USUAL, RoleLimits
from posapp.errors import InputError

V, C, S = Role.VENDOR, Role.CLERK, Role.SUPERVISOR
T, A = Role.TECHNICIAN, Role.AUDITOR
ALL = {V, C, S}
# What a reader of the books expects: who begins, who stands by (nobody: one is enough).
MATRIX: dict[Operation, tuple[set[Role], set[Role]]] = {
    Operation.SELL: (ALL, set()),
    Operation.LOAD_AUTHORISATION: ({S}, ALL),
    Operation.LOAD_KEYS: ({S}, {C, S}),
    Operation.EXPORT_AUDIT: ({S}, set()),
    Operation.ACKNOWLEDGE_AUDIT: ({S}, set()),
    Operation.PAIR: ({S}, set()),
    Operation.VOID: (ALL, {S}),
    Operation.CHANGE_KEY: (ALL | {T}, {S}),
    Operation.CLEAR_CREDIT: ({C, S, T}, {S}),
    Operation.CLEAR_TAMPER: ({C, S, T}, {S}),
    Operation.POWER_LIMIT: ({C, S, T}, {S}),
    Operation.METER_TEST: (ALL | {T}, set()),
    Operation.TAKE_PAYMENT: (ALL, set()),
    Operation.CONFIRM_KEY: (ALL | {T}, set()),
    Operation.OLD_KEY: (ALL, {S}),
    Operation.SELL_UNKNOWN: (ALL, {S}),
    Operation.FREE_ISSUE: ({C, S}, {S}),
    Operation.REPLACE_CREDIT: ({C, S}, {S}),
    Operation.REQUEST_REFUND: (ALL, {S}),
    Operation.HANDLE_CASH: (ALL, set()),
    Operation.CLOSE_UNRESOLVED: ({S}, set()),
    Operation.SET_CLOCK: ({S}, set()),
    Operation.PRINT_CLAIM: ({S}, set()),
    Operation.SETTLE_AUDIT: ({S}, set()),
    Operation.ERASE_PERSON: ({S}, {C, S}),
    Operation.VIEW_REPORTS: (ALL | {T, A}, set()),
}
TWO = {
    Operation.LOAD_AUTHORISATION,
    Operation.LOAD_KEYS,
    Operation.VOID,
    Operation.CHANGE_KEY,
    Operation.CLEAR_CREDIT,
    Operation.CLEAR_TAMPER,
    Operation.POWER_LIMIT,
    Operation.OLD_KEY,
    Operation.SELL_UNKNOWN,
    Operation.FREE_ISSUE,
    Operation.REPLACE_CREDIT,
    Operation.REQUEST_REFUND,
    Operation.ERASE_PERSON,
}


def refusal(operation: Operation, first: Operator, second: Operator | None) -> str:
    try:
        permissions.check_first(operation, first)
        permissions.check_second(operation, first, second)
    except InputError as error:
        return error.code
    return ""


def test_c10_every_operation_has_its_rule_and_its_row_here():
    assert set(RULES) == set(Operation) == set(MATRIX)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("first_role", Role)
@pytest.mark.parametrize("second_role", [*Role, None])
def test_c10_the_role_matrix(operation: Operation, first_role: Role, second_role: Role | None):
    first = Operator(1, "First", first_role)
    second = None if second_role is None else Operator(2, "Second", second_role)
    firsts, seconds = MATRIX[operation]
    if first_role not in firsts:
        expected = "OPERATION_DENIED"
    elif not seconds:
        expected = ""
    elif second_role is None:
        expected = "SECOND_PERSON_REQUIRED"
    else:
        expected = "" if second_role in seconds else "SECOND_PERSON_DENIED"
    assert refusal(operation, first, second) == expected


def test_c10_what_makes_money_or_frees_a_meter_takes_two_people():
    assert {operation for operation, rule in RULES.items() if rule.people == 2} == TWO


def test_an_auditor_looks_and_signs_nothing():
    assert {o for o, rule in RULES.items() if A in rule.first} == {Operation.VIEW_REPORTS}
    assert not any({A, T} & rule.second for rule in RULES.values())


@pytest.mark.parametrize("role", Role)
def test_a_role_that_may_not_sell_has_no_money_limits(role: Role):
    limits = USUAL[role]
    assert limits.role is role
    if role not in ALL:
        assert (limits.max_sale_minor, limits.free_issues_a_day, limits.max_void_minor) == (0, 0, 0)


def test_limits_are_inclusive_and_say_how_much_is_left():
    limits = RoleLimits(C, 1_000, 2, 500, 300)
    limits.check_sale(1_000)
    limits.check_void(300)
    limits.check_free(500, 1)
    for code, ask in (
        ("AMOUNT_ABOVE_ROLE", lambda: limits.check_sale(1_001)),
        ("VOID_ABOVE_ROLE", lambda: limits.check_void(301)),
        ("FREE_UNITS_ABOVE_ROLE", lambda: limits.check_free(501, 0)),
        ("FREE_ISSUES_USED", lambda: limits.check_free(1, 2)),
    ):
        with pytest.raises(InputError, match=code):
            ask()


@pytest.mark.parametrize("operation", sorted(TWO))
def test_c10_nobody_is_the_second_beside_oneself(operation: Operation):
    alone = Operator(1, "Alone", S)
    assert refusal(operation, alone, alone) == "SECOND_PERSON_SAME"
    assert refusal(operation, alone, Operator(2, "Other", S)) == ""
