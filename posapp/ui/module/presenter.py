"""The module's page: what the state asks for, and what a supervisor gives the module. No Qt.

A document is read and shown before anybody signs for it; another file takes both signatures
back. The second person's PIN is here only until it is handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from posapp.codec.files import read_bounded, write_private
from posapp.domain import permissions
from posapp.domain.operator import Operator
from posapp.domain.permissions import RULES, Operation
from posapp.errors import ConfigError, InputError, PosError
from posapp.lanes import Lane
from posapp.ports import ModuleOffer
from posapp.services.two_people import Witness
from posapp.ui.running import Runner
from posapp.wire.audit import AuditAcknowledgement, SignedAcknowledgement
from posapp.wire.authorisation import Authorisation, SignedAuthorisation
from posapp.wire.key_file import FILE_BYTES_MAX, KeyFile, KeyFileHeader

if TYPE_CHECKING:
    from posapp.ports import ModuleStatus
    from posapp.services.status import TillStatus
    from posapp.services.till import Till

PIN_MIN = 4
SECONDS_MAX = 6  # people beside each other on the form


class Task(StrEnum):
    """What can be done with the module besides selling."""

    AUTHORISATION = "authorisation"
    KEYS = "keys"
    CONFIRMATION = "confirmation"
    AUDIT = "audit"
    PAIR = "pair"


OPERATIONS: Mapping[Task, Operation] = MappingProxyType(
    {
        Task.AUTHORISATION: Operation.LOAD_AUTHORISATION,
        Task.KEYS: Operation.LOAD_KEYS,
        Task.CONFIRMATION: Operation.ACKNOWLEDGE_AUDIT,
        Task.AUDIT: Operation.EXPORT_AUDIT,
        Task.PAIR: Operation.PAIR,
    }
)
_OFFERS = {
    Task.AUTHORISATION: ModuleOffer.AUTHORISATION,
    Task.KEYS: ModuleOffer.KEYS,
    Task.CONFIRMATION: ModuleOffer.AUDIT,
    Task.AUDIT: ModuleOffer.AUDIT,
    Task.PAIR: ModuleOffer.PAIRING,
}
# What a state's one action leads to; any other is done by hand, and then the till looks again.
_BY_ACTION = {
    "LOAD_AUTHORISATION": Task.AUTHORISATION,
    "LOAD_KEYS": Task.KEYS,
    "SEND_AUDIT": Task.AUDIT,
    "PAIR": Task.PAIR,
}
READ_FROM_FILE = frozenset({Task.AUTHORISATION, Task.KEYS, Task.CONFIRMATION})
Words = Authorisation | KeyFileHeader | AuditAcknowledgement


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its bytes, and what it says of itself before the module has checked."""

    data: bytes
    says: Words


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task: the authorisation's number, keys, entries; or where the audit is."""

    task: Task
    number: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class ModulePageState:
    """Everything the page shows. `second` is the place of the second person, -1 for nobody."""

    status: ModuleStatus | None = None
    operator: Operator | None = None
    people: tuple[Operator, ...] = ()
    task: Task | None = None
    entry: str = ""
    document: Document | None = None
    second: int = -1
    pin_length: int = 0
    busy: bool = False
    failure: PosError | None = None
    done: Done | None = None

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What this person may do with a module of this kind."""
        if self.operator is None or self.status is None:
            return ()
        return tuple(
            task
            for task in Task
            if _OFFERS[task] in self.status.offers
            and permissions.may_begin(OPERATIONS[task], self.operator)
        )

    @property
    def leads_to(self) -> Task | None:
        """The task that the state's action stands for."""
        return _BY_ACTION.get(self.status.action) if self.status else None

    @property
    def needs_two(self) -> bool:
        """Whether a second person signs for the task."""
        return self.task is not None and RULES[OPERATIONS[self.task]].people == 2

    @property
    def seconds(self) -> tuple[Operator, ...]:
        """Who may be the second person."""
        if self.task is None or self.operator is None:
            return ()
        operation, first = OPERATIONS[self.task], self.operator
        may = (p for p in self.people if permissions.may_witness(operation, first, p))
        return tuple(may)[:SECONDS_MAX]

    @property
    def second_person(self) -> Operator | None:
        """Who was chosen."""
        return self.seconds[self.second] if 0 <= self.second < len(self.seconds) else None


class ModulePresenter:
    """`leave` is called with `sell` or `sign_in` when the state's action is one of these."""

    def __init__(
        self,
        till: Till,
        tasks: Runner,
        changed: Callable[[ModulePageState], None],
        leave: Callable[[str], None],
    ) -> None:
        self._till = till
        self._tasks = tasks
        self._changed = changed
        self._leave = leave
        self._pin = ""
        self.state = ModulePageState()

    # ------------------------------------------------------------ coming and going

    def start(self, operator: Operator) -> None:
        """The page was opened by somebody; what another began is gone."""
        status = self.state.status
        self._pin = ""
        self._set(ModulePageState(status=status, operator=operator, people=self.state.people))
        self._tasks.run(
            Lane.LOOKUP, self._till.sign_in.people, self._people, self._fail, key="module.people"
        )

    def _people(self, people: tuple[Operator, ...]) -> None:
        self._set(replace(self.state, people=people))

    def show_status(self, status: TillStatus) -> None:
        """The window's poll."""
        if status.module != self.state.status:
            self._set(replace(self.state, status=status.module))

    # ------------------------------------------------------------ choosing and typing

    def choose(self, task: Task) -> None:
        """Begin a task, if this person may."""
        if task in self.state.tasks and not self.state.busy:
            self._begin(task)

    def back(self) -> None:
        """Leave the task, or take away what was told last."""
        if not self.state.busy:
            self._begin(None)

    def _begin(self, task: Task | None, done: Done | None = None) -> None:
        self._pin = ""
        self._set(
            replace(
                self.state,
                task=task,
                entry="",
                document=None,
                second=-1,
                pin_length=0,
                busy=False,
                failure=None,
                done=done,
            )
        )

    def type_entry(self, text: str) -> None:
        """A file's name, or the pairing code. Another file takes the signatures back."""
        if text != self.state.entry and not self.state.busy:
            self._pin = ""
            self._set(replace(self.state, entry=text, document=None, pin_length=0, failure=None))

    def choose_second(self, place: int) -> None:
        """Who stands by."""
        if 0 <= place < len(self.state.seconds) and not self.state.busy:
            self._pin = ""
            self._set(replace(self.state, second=place, pin_length=0, failure=None))

    def type_pin(self, pin: str) -> None:
        """The second person's PIN so far; only its length is shown."""
        if not self.state.busy:
            self._pin = pin
            self._set(replace(self.state, pin_length=len(pin), failure=None))

    # ------------------------------------------------------------ doing

    def enter(self) -> None:
        """The one next step: the state's action, the file, or the signature."""
        state = self.state
        if state.busy:
            return
        if state.task is None:
            self._act()
        elif not state.entry.strip():
            return
        elif state.task in READ_FROM_FILE and state.document is None:
            self._read(state.task)
        elif not state.needs_two or (
            state.second_person is not None and state.pin_length >= PIN_MIN
        ):
            self._do(state.task)

    def _act(self) -> None:
        state = self.state
        status = state.status
        if status is None:
            return
        if status.action in ("SELL", "SIGN_IN"):
            self._leave(status.action.lower())
        elif state.leads_to is not None:
            self.choose(state.leads_to)
        elif status.action != "WAIT":
            self._set(replace(state, busy=True, failure=None, done=None))
            self._tasks.run(Lane.MODULE, self._till.look_at_module, self._looked, self._look_failed)

    def _looked(self, status: ModuleStatus) -> None:
        self._set(replace(self.state, status=status, busy=False))

    def _look_failed(self, _error: PosError) -> None:
        """What it found is the module's state now, and that says it better."""
        self._set(replace(self.state, busy=False))

    def _read(self, task: Task) -> None:
        path = Path(self.state.entry.strip()).expanduser()
        self._set(replace(self.state, busy=True, failure=None))
        self._tasks.run(Lane.REPORT, lambda: read_document(task, path), self._was_read, self._fail)

    def _was_read(self, document: Document) -> None:
        status = self.state.status
        module_id = status.module_id if status else ""
        if module_id and document.says.module_id != module_id:
            self._fail(InputError("AUTHORISATION_FOREIGN", module=document.says.module_id))
            return
        self._set(replace(self.state, busy=False, document=document))

    def _do(self, task: Task) -> None:
        work = self._work(task)
        self._pin = ""
        self._set(replace(self.state, busy=True, failure=None, pin_length=0))
        lane = Lane.REPORT if task is Task.AUDIT else Lane.SALE
        self._tasks.run(lane, work, self._was_done, self._fail)

    def _work(self, task: Task) -> Callable[[], Done]:
        state, till, operator = self.state, self._till, self.state.operator
        assert operator is not None
        first, entry = operator.operator_id, state.entry.strip()
        if task is Task.PAIR:
            return lambda: Done(task, file=till.pair(entry, first).module_id)
        if task is Task.AUDIT:
            path = Path(entry).expanduser()
            return lambda: _written(path, till.export_audit(first))
        assert state.document is not None
        data = state.document.data
        if task is Task.CONFIRMATION:
            return lambda: Done(task, till.acknowledge_audit(data, first))
        person = state.second_person
        assert person is not None
        witness = Witness(person.operator_id, self._pin)
        load = till.load_keys if task is Task.KEYS else till.load_authorisation
        return lambda: Done(task, load(data, first, witness))

    def _was_done(self, done: Done) -> None:
        self._begin(None, done)

    def _fail(self, error: PosError) -> None:
        self._pin = ""
        self._set(replace(self.state, busy=False, failure=error, pin_length=0))

    def _set(self, state: ModulePageState) -> None:
        self.state = state
        self._changed(state)


def read_document(task: Task, path: Path) -> Document:
    """A file, and what it says. Raises ConfigError FILE_MISSING, FILE_UNREADABLE, InputError."""
    try:
        data = read_bounded(path, FILE_BYTES_MAX)
    except FileNotFoundError:
        raise ConfigError("FILE_MISSING", file=str(path)) from None
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason="it is too long") from None
    if task is Task.AUTHORISATION:
        return Document(data, SignedAuthorisation.read(data).authorisation)
    if task is Task.KEYS:
        return Document(data, KeyFile.read(data).header)
    return Document(data, SignedAcknowledgement.read(data).acknowledgement)


def _written(path: Path, data: bytes) -> Done:
    write_private(path, data, new=True)  # whoever mistypes a name loses no other file
    return Done(Task.AUDIT, len(data), str(path))
