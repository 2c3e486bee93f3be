"""How much a role may do is head office's word: said by a command, told to every till."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posapp import cli
from posapp.bootstrap import headoffice
from posapp.cli.headoffice import ROLES
from posapp.domain.operator import Role
from posapp.domain.role_limits import NO_LIMIT, USUAL, RoleLimits
from posapp.errors import InputError
from posapp.headoffice import admin


def told(till, role):
    assert till.sync.run_once().problem == ""
    return till.store.values.get(("role_limits", role))


def test_limits_go_down_and_what_was_not_named_stays(office, till):
    assert told(till, "clerk") is None
    admin.set_limits(office, "clerk", {"max_sale_minor": 500_000})
    assert told(till, "clerk") == replace(USUAL[Role.CLERK], max_sale_minor=500_000)
    admin.set_limits(office, "clerk", {"free_issues_a_day": 0, "free_tenths": 250})
    assert told(till, "clerk") == RoleLimits(Role.CLERK, 500_000, 0, 250, NO_LIMIT)
    assert told(till, "vendor") is None


@pytest.mark.parametrize(
    ("role", "wanted", "code"),
    [
        ("cleaner", {}, "OPERATOR_ROLE"),
        ("clerk", {"free_issues_a_day": -1}, "ROLE_LIMIT"),
        ("clerk", {"max_sale_minor": NO_LIMIT + 1}, "ROLE_LIMIT"),
        ("clerk", {"free_issues_a_day": 10_001}, "ROLE_LIMIT"),
        ("clerk", {"free_tenths": 18_201_625}, "ROLE_LIMIT"),
    ],
)
def test_limits_that_no_till_could_read_are_refused(office, till, role, wanted, code):
    with pytest.raises(InputError) as refused:
        admin.set_limits(office, role, wanted)
    assert refused.value.code == code
    assert told(till, "clerk") is None


def test_the_command_takes_amounts_and_units_as_people_write_them(tmp_path, capsys):
    folder = tmp_path / "office"
    headoffice.init(folder, utility="Town Power", zone="Africa/Nairobi", currency_code="KES")
    limits = ["headoffice", "limits", "--dir", str(folder), "--role", "clerk"]
    assert cli.main([*limits, "--max-sale", "5,000.00", "--free-units", "50"]) == 0
    assert cli.main([*limits, "--free-issues", "2", "--max-void", "0"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert "5,000.00" in said and "2 free issues a day of 50.0 kWh" in said
    assert "void up to KSh 0.00" in said and "float" not in said
    with pytest.raises(SystemExit):
        cli.main([*limits[:-1], "cleaner"])


def test_every_role_can_be_given_to_a_person():
    assert {role.value for role in Role} == set(ROLES)
