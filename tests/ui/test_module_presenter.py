"""The module's page without a screen: who may, in which order, and what is kept of a PIN."""

from __future__ import annotations

import pytest
from ui_town import PEOPLE, World, build_till

from posapp.errors import ConfigError, InputError, ModuleError
from posapp.ports import ModuleOffer, ModuleState
from posapp.security_module.states import TABLE
from posapp.ui.module.presenter import ModulePresenter, Task
from posapp.ui.running import Direct
from posapp.wire.audit import AuditAcknowledgement, SignedAcknowledgement
from tests.security_module.engines import OFFICE, an_authorisation, signed

GRACE, IBRAHIM, THANDIWE, KWAME = PEOPLE
MODULE_ID = "REF-00000001"


@pytest.fixture
def world():
    made = World()
    made.module_facts = {"module_id": MODULE_ID}
    return made


class Page:
    """A presenter with what it showed and where it led."""

    def __init__(self, world, operator=KWAME, runner=None):
        self.led = []
        self.shown = []
        self.world = world
        till = build_till(world)
        self.presenter = ModulePresenter(
            till, runner or Direct(), self.shown.append, self.led.append
        )
        self.presenter.start(operator)
        self.look()

    def look(self):
        self.presenter.show_status(build_till(self.world).status())

    @property
    def state(self):
        return self.presenter.state

    def load(self, task, path, second=0, pin="1234"):
        self.presenter.choose(task)
        self.presenter.type_entry(str(path))
        self.presenter.enter()
        self.presenter.choose_second(second)
        self.presenter.type_pin(pin)
        self.presenter.enter()


@pytest.fixture
def page(world):
    return Page(world)


@pytest.fixture
def word(tmp_path):
    path = tmp_path / "authorisation"
    path.write_bytes(signed(an_authorisation(7)))
    return path


def test_a_clerk_sees_everything_and_may_give_it_nothing(world):
    page = Page(world, GRACE)
    assert page.state.tasks == ()
    page.presenter.choose(Task.AUTHORISATION)
    assert page.state.task is None


def test_a_supervisor_is_offered_what_this_kind_of_module_takes(world, page):
    assert page.state.tasks == tuple(Task)
    world.module_facts["offers"] = frozenset({ModuleOffer.AUDIT})
    page.look()
    assert page.state.tasks == (Task.CONFIRMATION, Task.AUDIT)


@pytest.mark.parametrize("state", ModuleState)
def test_the_one_action_of_every_state_leads_somewhere(world, state):
    world.module = state
    page = Page(world)
    page.presenter.enter()
    action = TABLE[state].action
    led = {"SELL": "sell", "SIGN_IN": "sign_in"}.get(action)
    tasks = {
        "LOAD_AUTHORISATION": Task.AUTHORISATION,
        "LOAD_KEYS": Task.KEYS,
        "SEND_AUDIT": Task.AUDIT,
        "PAIR": Task.PAIR,
    }
    assert page.led == ([led] if led else [])
    assert page.state.task is tasks.get(action)
    assert not page.state.busy


def test_two_people_load_an_authorisation_that_was_read_before(world, page, word):
    page.presenter.choose(Task.AUTHORISATION)
    page.presenter.type_entry(f"  {word} ")
    page.presenter.enter()
    assert page.state.document.says.number == 7 and world.given == []
    page.presenter.enter()
    assert world.given == []  # nobody stands by
    assert [p.name for p in page.state.seconds] == [GRACE.name, IBRAHIM.name, THANDIWE.name]
    page.presenter.choose_second(1)
    page.presenter.type_pin("234")
    page.presenter.enter()
    assert world.given == []  # no PIN is that short
    page.presenter.type_pin("2345")
    page.presenter.enter()
    ((verb, document, first, witness),) = world.given
    assert (verb, document, first) == ("authorisation", word.read_bytes(), KWAME.operator_id)
    assert (witness.operator_id, witness.pin) == (IBRAHIM.operator_id, "2345")
    assert page.state.task is None and page.state.done.number == 7


def test_no_pin_stays_behind_and_none_is_in_what_is_shown(world, page, word):
    world.refuse = InputError("PIN_WRONG", left=4)
    page.load(Task.AUTHORISATION, word, pin="874512")
    assert page.state.failure.code == "PIN_WRONG" and page.state.pin_length == 0
    assert page.presenter._pin == ""
    assert all("874512" not in repr(state) for state in page.shown)
    page.presenter.enter()
    assert world.given == []


@pytest.mark.parametrize("change", ["file", "second"])
def test_whatever_changes_takes_the_second_signature_back(page, word, change):
    page.presenter.choose(Task.AUTHORISATION)
    page.presenter.type_entry(str(word))
    page.presenter.enter()
    page.presenter.choose_second(0)
    page.presenter.type_pin("1234")
    if change == "file":
        page.presenter.type_entry(f"{word}x")
        assert page.state.document is None
    else:
        page.presenter.choose_second(1)
    assert page.state.pin_length == 0 and page.presenter._pin == ""


def test_a_document_for_another_module_is_not_offered_for_signing(page, tmp_path):
    path = tmp_path / "other"
    path.write_bytes(signed(an_authorisation(7, module_id="REF-0000BEEF")))
    page.presenter.choose(Task.AUTHORISATION)
    page.presenter.type_entry(str(path))
    page.presenter.enter()
    assert page.state.failure.code == "AUTHORISATION_FOREIGN" and page.state.document is None


@pytest.mark.parametrize("task", [Task.AUTHORISATION, Task.KEYS, Task.CONFIRMATION])
@pytest.mark.parametrize("kind", ["missing", "folder", "too long", "rubbish"])
def test_a_file_that_is_none_is_one_sentence(page, tmp_path, task, kind):
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    elif kind == "too long":
        path.write_bytes(bytes(33 * 1024))
    elif kind == "rubbish":
        path.write_bytes(b"rubbish")
    page.presenter.choose(task)
    page.presenter.type_entry(str(path))
    page.presenter.enter()
    expected = ConfigError if kind != "rubbish" else InputError
    assert isinstance(page.state.failure, expected)
    assert not page.state.busy and page.state.task is task


def test_one_person_takes_a_confirmation_the_audit_and_a_code(world, page, tmp_path):
    path = tmp_path / "confirmation"
    word = AuditAcknowledgement(MODULE_ID, 12, bytes(32), 1_795_000_000_000)
    path.write_bytes(SignedAcknowledgement.sign(word, OFFICE[0]).to_bytes())
    page.load(Task.CONFIRMATION, path)
    page.presenter.choose(Task.AUDIT)
    page.presenter.type_entry(str(tmp_path / "audit"))
    page.presenter.enter()
    assert (tmp_path / "audit").read_bytes() == b"the whole book"
    assert (tmp_path / "audit").stat().st_mode & 0o077 == 0
    page.presenter.choose(Task.PAIR)
    page.presenter.type_entry("1111 2222")
    page.presenter.enter()
    assert [given[0] for given in world.given] == ["confirmation", "audit", "pair"]
    assert world.given[2][1:] == ("1111 2222", KWAME.operator_id)


def test_the_audit_is_written_over_no_other_file(page, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"another file")
    page.presenter.choose(Task.AUDIT)
    page.presenter.type_entry(str(precious))
    page.presenter.enter()
    assert page.state.failure.code == "FILE_EXISTS" and not page.state.busy
    assert precious.read_bytes() == b"another file"


def test_what_the_module_says_stays_on_the_form_until_something_is_typed(world, page):
    world.refuse = ModuleError("PAIR_CODE_WRONG")
    page.presenter.choose(Task.PAIR)
    page.presenter.type_entry("1111 2222")
    page.presenter.enter()
    assert page.state.failure.code == "PAIR_CODE_WRONG" and page.state.entry == "1111 2222"
    page.presenter.type_entry("1111 2223")
    assert page.state.failure is None


class Held:
    """Keeps work until it is let go."""

    def __init__(self):
        self.work = []

    def run(self, lane, work, then, failed, **_):
        self.work.append((lane, work, then, failed))


def test_nothing_can_be_pressed_twice_and_nobody_waits_on_the_screens_thread(world):
    runner = Held()
    page = Page(world, runner=runner)
    runner.work.clear()
    page.presenter.choose(Task.PAIR)
    page.presenter.type_entry("1111")
    for _ in range(3):
        page.presenter.enter()
        page.presenter.back()
    assert len(runner.work) == 1 and page.state.busy and world.given == []
    _, work, then, _ = runner.work[0]
    then(work())
    assert page.state.done.task is Task.PAIR and not page.state.busy


def test_another_person_begins_anew(page, word):
    page.presenter.choose(Task.AUTHORISATION)
    page.presenter.type_entry(str(word))
    page.presenter.start(GRACE)
    assert page.state.task is None and page.state.entry == "" and page.state.tasks == ()
