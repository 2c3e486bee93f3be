"""C10: the whole table of who may do what, and for what it takes two."""

from __future__ import annotations

import pytest

from posapp.domain import permissions
from posapp.domain.operator import Operator, Role
from posapp.domain.permissions import RULES, Operation
from posapp.errors import InputError

V, C, S = Role.VENDOR, Role.CLERK, Role.SUPERVISOR
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
    Operation.CHANGE_KEY: (ALL, {S}),
    Operation.CLEAR_CREDIT: ({C, S}, {S}),
    Operation.CLEAR_TAMPER: ({C, S}, {S}),
    Operation.POWER_LIMIT: ({C, S}, {S}),
    Operation.METER_TEST: (ALL, set()),
}
TWO = {
    Operation.LOAD_AUTHORISATION,
    Operation.LOAD_KEYS,
    Operation.VOID,
    Operation.CHANGE_KEY,
    Operation.CLEAR_CREDIT,
    Operation.CLEAR_TAMPER,
    Operation.POWER_LIMIT,
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


@pytest.mark.parametrize("operation", sorted(TWO))
def test_c10_nobody_is_the_second_beside_oneself(operation: Operation):
    alone = Operator(1, "Alone", S)
    assert refusal(operation, alone, alone) == "SECOND_PERSON_SAME"
    assert refusal(operation, alone, Operator(2, "Other", S)) == ""
