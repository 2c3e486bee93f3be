"""Make till and module know each other, by the code that the module's window shows."""

from __future__ import annotations

from posapp.domain.permissions import Operation
from posapp.ports import ModuleStatus, SecurityModule
from posapp.services.two_people import TwoPeople


class Pair:
    """Runs on the sale lane, up to 10 s. `name` is what the module calls this till (1..32)."""

    def __init__(self, module: SecurityModule, people: TwoPeople, name: str) -> None:
        self._module = module
        self._people = people
        self._name = name

    def __call__(self, code: str, operator_id: int) -> ModuleStatus:
        """Pair by the 24 digits, blanks allowed.

        Raises InputError OPERATION_DENIED, OPERATOR_UNKNOWN, PAIR_CODE_FORM and ModuleError
        PAIR_CLOSED, PAIR_CODE_WRONG, PAIR_MODULE_UNPROVEN, PORT_..., MODULE_ABSENT.
        """
        self._people.check(Operation.PAIR, operator_id)
        return self._module.pair(code, self._name)
