"""People with a PIN inside the module: five tries that no restart gives back, roles, idle time."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posapp.codec.sealed import DAILY, Cost
from posapp.errors import ConfigError, InputError, ModuleError, PosError, StoreError
from posapp.security_module.reference.operators import (
    FILE_NAME,
    MAY,
    OPERATORS_MAX,
    Action,
    Operator,
    Operators,
    Role,
    module_id_in,
)
from posapp.security_module.reference.seal import FileDevice, VouchedFile
from tests.security_module.engines import CountedRandomness, SetClock

MODULE = "REF-0000A001"
CHEAP = Cost(64, 1)
DATA_KEY = bytes(range(100, 132))
PIN = "739182640517"  # the boss's; long enough that it is nowhere by chance
WRONG = "739182640518"
VENDOR_PIN = "4711"
BOSS = Operator(1, "Grace Otieno", Role.SUPERVISOR)
VENDOR = Operator(2, "Ben Kamau", Role.VENDOR)


class Place:
    """A module's folder with its operators; `open` as often as a module is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.device = FileDevice.create(folder / "device.secret", CountedRandomness())
        Operators.create(
            folder, MODULE, self.device, CountedRandomness(), BOSS, PIN, DATA_KEY, cost=CHEAP
        )
        self._opened: list[Operators] = []

    def open(self, *, cost: Cost = CHEAP) -> Operators:
        self.close()
        device = FileDevice.open(self.folder / "device.secret")
        people = Operators(self.folder, MODULE, device, self.clock, CountedRandomness(), cost=cost)
        self._opened.append(people)
        return people

    def close(self) -> None:
        for people in self._opened:
            people.close()

    def staffed(self) -> Operators:
        """With a vendor beside the boss, nobody signed in."""
        people = self.open()
        people.login(1, PIN)
        people.add(VENDOR, VENDOR_PIN)
        people.logout()
        return people


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.close()


def left(people: Operators, number: int) -> int:
    return next(tries for operator, tries in people.all() if operator.number == number)


# --- signing in -----------------------------------------------------------------------------------


def test_the_first_supervisor_opens_the_stores_key_with_the_pin(place):
    people = place.open()
    with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
        people.data_key()
    assert people.signed_in is None
    assert people.login(1, PIN) is Role.SUPERVISOR
    assert people.data_key() == DATA_KEY
    assert people.signed_in == BOSS


def test_everybody_opens_the_same_key_with_a_pin_of_their_own(place):
    place.staffed()
    people = place.open()
    assert people.login(2, VENDOR_PIN) is Role.VENDOR
    assert people.data_key() == DATA_KEY
    assert people.login(1, PIN) is Role.SUPERVISOR
    assert people.data_key() == DATA_KEY


def test_a_wrong_pin_counts_down_and_the_right_one_gives_all_tries_back(place):
    people = place.open()
    for expected in (4, 3, 2):
        with pytest.raises(ModuleError) as caught:
            people.login(1, WRONG)
        assert (caught.value.code, caught.value.params) == ("PIN_WRONG", {"left": expected})
        assert people.signed_in is None
    people.login(1, PIN)
    assert left(people, 1) == 5


def test_the_fifth_wrong_pin_blocks_and_then_the_right_one_is_not_even_tried(place):
    people = place.staffed()
    for _ in range(4):
        with pytest.raises(ModuleError, match="PIN_WRONG"):
            people.login(2, "0000")
    for pin in ("0000", VENDOR_PIN, VENDOR_PIN):
        with pytest.raises(ModuleError, match="PIN_BLOCKED") as caught:
            people.login(2, pin)
        assert caught.value.params == {"name": "Ben Kamau"}
    again = place.open()
    with pytest.raises(ModuleError, match="PIN_BLOCKED"):
        again.login(2, VENDOR_PIN)
    assert again.login(1, PIN) is Role.SUPERVISOR  # the others go on


def test_a_supervisor_unblocks_and_the_old_pin_works_again(place):
    people = place.staffed()
    for _ in range(5):
        with pytest.raises(ModuleError):
            people.login(2, "0000")
    with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
        people.unblock(2)
    people.login(1, PIN)
    people.unblock(2)
    assert left(people, 2) == 5
    assert people.login(2, VENDOR_PIN) is Role.VENDOR


def test_a_pin_of_no_possible_form_and_a_stranger_cost_no_try(place):
    people = place.open()
    for pin in ("", "123", "1" * 13, "12a4", "１２３４"):
        with pytest.raises(InputError, match="PIN_FORM"):
            people.login(1, pin)
    with pytest.raises(InputError, match="OPERATOR_UNKNOWN"):
        people.login(7, PIN)
    assert left(people, 1) == 5


def test_a_wrong_pin_signs_out_whoever_was_there(place):
    people = place.staffed()
    people.login(1, PIN)
    with pytest.raises(ModuleError, match="PIN_WRONG"):
        people.login(2, "0000")
    with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
        people.require(Action.SELL)
    assert people.data_key() == DATA_KEY  # the store stays open for recovery


def test_nobody_stays_signed_in_over_the_idle_time(place):
    people = place.open()
    people.login(1, PIN)
    place.clock.move(minutes=14)
    people.require(Action.SELL)  # work counts, looking does not
    place.clock.move(minutes=14)
    assert people.signed_in == BOSS
    place.clock.move(minutes=1)
    assert people.signed_in is None
    with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
        people.require(Action.SELL)


# --- roles ----------------------------------------------------------------------------------------

ALLOWED = {
    Role.VENDOR: {Action.SELL, Action.CHANGE_KEY},
    Role.CLERK: {Action.SELL, Action.CHANGE_KEY},
    Role.SUPERVISOR: set(Action),
    Role.TECHNICIAN: {Action.CHANGE_KEY, Action.ENGINEER, Action.SET_TIME},
}


@pytest.mark.parametrize("role", list(Role))
def test_c10_each_role_may_do_its_own_work_and_no_other(place, role):
    people = place.staffed()
    people.login(1, PIN)
    people.add(Operator(3, "Someone", role), "8080")
    people.login(3, "8080")
    for action in Action:
        if action in ALLOWED[role]:
            assert people.require(action).role is role
        else:
            with pytest.raises(ModuleError, match="ROLE_DENIED") as caught:
                people.require(action)
            assert caught.value.params["role"] == role
    assert set(MAY) == set(Action)


def test_only_a_supervisor_changes_the_operators(place):
    people = place.staffed()
    changes = (
        lambda: people.add(Operator(3, "C", Role.CLERK), "8080"),
        lambda: people.remove(2),
        lambda: people.unblock(1),
        lambda: people.change_pin(1, "8080"),
        lambda: people.change_role(2, Role.SUPERVISOR, "8080"),
    )
    for change in changes:
        with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
            change()
    people.login(2, VENDOR_PIN)
    for change in changes:
        with pytest.raises(ModuleError, match="ROLE_DENIED"):
            change()
    assert [operator for operator, _ in people.all()] == [BOSS, VENDOR]


# --- adding, changing, removing -------------------------------------------------------------------


def test_a_new_pin_replaces_the_old_one_and_anybody_may_change_their_own(place):
    people = place.staffed()
    people.login(2, VENDOR_PIN)
    people.change_pin(2, "8080")
    people = place.open()
    with pytest.raises(ModuleError, match="PIN_WRONG"):
        people.login(2, VENDOR_PIN)
    people.login(2, "8080")
    people.login(1, PIN)
    people.change_pin(2, "9090")
    assert people.login(2, "9090") is Role.VENDOR


def test_a_changed_role_needs_a_new_seal_and_signs_out(place):
    people = place.staffed()
    people.login(1, PIN)
    people.change_role(2, Role.SUPERVISOR, "8080")
    people.change_role(1, Role.CLERK, "9090")
    assert people.signed_in is None
    people = place.open()
    assert people.login(2, "8080") is Role.SUPERVISOR
    assert people.login(1, "9090") is Role.CLERK


def test_a_removed_operator_is_gone_and_the_last_supervisor_stays(place):
    people = place.staffed()
    people.login(1, PIN)
    with pytest.raises(InputError, match="OPERATOR_LAST"):
        people.remove(1)
    with pytest.raises(InputError, match="OPERATOR_LAST"):
        people.change_role(1, Role.CLERK, PIN)
    people.remove(2)
    people.add(Operator(3, "Second", Role.SUPERVISOR), "8080")
    people.remove(1)
    assert people.signed_in is None
    people = place.open()
    with pytest.raises(InputError, match="OPERATOR_UNKNOWN"):
        people.login(2, VENDOR_PIN)
    assert people.login(3, "8080") is Role.SUPERVISOR


def test_who_cannot_be_added_is_refused_by_name(place, tmp_path):
    people = place.staffed()
    people.login(1, PIN)
    with pytest.raises(InputError, match="OPERATOR_EXISTS"):
        people.add(Operator(2, "Other", Role.CLERK), "8080")
    with pytest.raises(InputError, match="PIN_FORM"):
        people.add(Operator(3, "Other", Role.CLERK), "80")
    for values in ((0, "A"), (10000, "A"), (True, "A"), (3, ""), (3, "A" * 41)):
        with pytest.raises(InputError, match="OPERATOR_FIELD"):
            Operator(*values, Role.CLERK)
    for number in range(3, OPERATORS_MAX + 1):
        people.add(Operator(number, "Many", Role.CLERK), "8080")
    with pytest.raises(InputError, match="OPERATORS_FULL"):
        people.add(Operator(900, "One more", Role.CLERK), "8080")
    again = (place.folder, MODULE, place.device, CountedRandomness(), BOSS, PIN, DATA_KEY)
    with pytest.raises(ConfigError, match="SEAL_EXISTS"):
        Operators.create(*again, cost=CHEAP)
    with pytest.raises(InputError, match="OPERATOR_FIELD"):
        Operators.create(tmp_path / "x", *again[1:4], VENDOR, PIN, DATA_KEY, cost=CHEAP)


def test_two_processes_do_not_share_one_modules_tries(place):
    place.open()
    with pytest.raises(StoreError, match="STORE_IN_USE"):
        Operators(place.folder, MODULE, place.device, place.clock, CountedRandomness())


# --- C7: tries are on the disk before they are made -----------------------------------------------

CHILD = """
import os, signal, sys
from pathlib import Path
from posapp.clock import SystemClock, SystemRandomness
from posapp.codec import sealed
from posapp.errors import PosError
from posapp.security_module.reference import operators
from posapp.security_module.reference.seal import FileDevice

folder, module, number, pin, where = Path(sys.argv[1]), *sys.argv[2:6]
people = operators.Operators(
    folder, module, FileDevice.open(folder / "device.secret"), SystemClock(), SystemRandomness()
)
steps = iter(range(1000))

def die_at(name):
    count = next(steps)
    print(name, count, flush=True)
    if where in (name, str(count)):
        os.kill(os.getpid(), signal.SIGKILL)

def wrapped(owner, name):
    inner = getattr(owner, name)
    def call(*arguments, **options):
        die_at(name)
        answer = inner(*arguments, **options)
        die_at(name + " done")
        return answer
    setattr(owner, name, call)

wrapped(sealed.SealedBox, "open")
wrapped(os, "fsync")
wrapped(Path, "replace")
try:
    people.login(int(number), pin)
except PosError as error:
    print(error.code, flush=True)
else:
    print("OPENED", flush=True)
"""


def login_and_die(place: Place, pin: str, where: str) -> tuple[int, list[str]]:
    place.close()
    run = subprocess.run(
        [sys.executable, "-c", CHILD, place.folder, MODULE, "1", pin, where],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not run.stderr, run.stderr
    return run.returncode, run.stdout.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_c7_kill_9_during_the_check_does_not_give_tries_back(place):
    for expected in (4, 3, 2, 1, 0):
        status, _ = login_and_die(place, WRONG, "open")
        assert status == -signal.SIGKILL
        people = place.open()
        assert left(people, 1) == expected
    with pytest.raises(ModuleError, match="PIN_BLOCKED"):
        people.login(1, PIN)
    # Nor does a module plugged in again, in a process of its own, know better.
    assert login_and_die(place, PIN, "never") == (0, ["PIN_BLOCKED"])


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_c7_killed_at_any_step_no_pin_is_checked_for_free(place):
    _, steps = login_and_die(place, WRONG, "never")
    assert steps.pop() == "PIN_WRONG"
    checked = steps.index(next(step for step in steps if step.startswith("open ")))
    assert checked > steps.index(next(step for step in steps if step.startswith("replace done")))
    for step in range(len(steps)):
        people = place.open()
        people.login(1, PIN)
        status, _ = login_and_die(place, WRONG, str(step))
        assert status == -signal.SIGKILL
        tries = left(place.open(), 1)
        assert tries in (4, 5)
        if step >= checked:
            assert tries == 4, steps[step]


# --- C12: what is on the disk is as it was written, or nothing opens ------------------------------


def test_c12_flipped_bytes_of_the_sealed_files_open_nothing_and_give_no_other_key(place):
    place.staffed()
    place.close()
    for name, stride in ((FILE_NAME, 7), ("device.secret", 1)):
        path = place.folder / name
        whole = path.read_bytes()
        for at in range(0, len(whole), stride):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << at % 8
            path.write_bytes(flipped)
            with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
                place.open()
        path.write_bytes(whole)
    people = place.open()
    people.login(2, VENDOR_PIN)
    assert people.data_key() == DATA_KEY


def test_c12_even_who_can_vouch_gets_no_key_from_a_changed_entry(place):
    """With the device's secret in a file an attacker makes the MAC right; the seals still hold."""
    place.staffed()
    place.close()
    file = VouchedFile(place.folder / FILE_NAME, place.device, b"posapp/operators/1", 1 << 16)
    content = file.read()
    outcomes = set()
    for at in range(0, len(content), 5):
        flipped = bytearray(content)
        flipped[at] ^= 1
        file.write(bytes(flipped))
        try:
            people = place.open()
            people.login(2, VENDOR_PIN)
        except PosError as error:
            outcomes.add(error.code)
        else:  # a byte of somebody's name, of the count, or of the boss's own seal
            assert people.data_key() == DATA_KEY
            assert people.signed_in is not None
            assert people.signed_in.role is Role.VENDOR
    assert outcomes <= {"SEAL_DAMAGED", "PIN_WRONG", "OPERATOR_UNKNOWN", "PIN_BLOCKED"}
    assert {"SEAL_DAMAGED", "PIN_WRONG"} <= outcomes


def test_c12_a_role_written_over_in_the_file_opens_nothing(place):
    place.staffed()
    place.close()
    file = VouchedFile(place.folder / FILE_NAME, place.device, b"posapp/operators/1", 1 << 16)
    content = file.read()
    assert content.count(b"fvendor") == 1  # a text of six characters
    file.write(content.replace(b"fvendor", b"jsupervisor"))
    people = place.open()
    assert people.all()[1][0].role is Role.SUPERVISOR
    with pytest.raises(ModuleError, match="PIN_WRONG"):
        people.login(2, VENDOR_PIN)


def test_c12_an_old_copy_of_the_file_is_noticed_by_the_store(place):
    people = place.staffed()
    place.close()
    old = place.folder / "old"
    shutil.copy(place.folder / FILE_NAME, old)
    people = place.open()
    people.login(1, PIN)
    people.remove(2)
    seen = people.generation
    people.check_generation(seen)
    place.close()
    shutil.copy(old, place.folder / FILE_NAME)
    people = place.open()
    people.login(2, VENDOR_PIN)  # the copy is genuine ...
    with pytest.raises(ModuleError, match="SEAL_OLD"):  # ... but the store has seen more
        people.check_generation(seen + 10)


def test_a_module_moved_to_another_machine_stays_closed(place):
    place.close()
    (place.folder / "device.secret").unlink()
    FileDevice.create(place.folder / "device.secret", SetRandomness())
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        place.open()


class SetRandomness:
    def bytes(self, count: int) -> bytes:
        return b"\x55" * count


def test_another_modules_file_is_not_taken(place):
    place.close()
    assert module_id_in(place.folder) == MODULE
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        Operators(place.folder, "REF-0000A002", place.device, place.clock, CountedRandomness())


@pytest.mark.parametrize(
    "content", [b"", bytes(40), b"\xa0" + bytes(32), b"\xa1\x01\x02" + bytes(32)]
)
def test_a_folder_that_names_no_module_is_damaged(tmp_path, content):
    with pytest.raises(ConfigError, match="SEAL_MISSING"):
        module_id_in(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ModuleError, match="SEAL_DAMAGED"):
        module_id_in(tmp_path)


# --- C11: secrets are nowhere ---------------------------------------------------------------------


def test_c11_neither_pin_nor_key_is_in_any_file_log_error_or_repr(place, caplog):
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    people = place.staffed()
    for number, pin in ((1, WRONG), (1, PIN), (9, PIN), (1, PIN[:11] + "x")):
        try:
            people.login(number, pin)
        except PosError as error:
            said += [repr(error), str(error), repr(error.params), repr(error.__context__)]
    people.login(1, PIN)
    people.change_pin(1, PIN)
    attributes = {name: value for name, value in vars(people).items() if name != "_data_key"}
    said += [repr(people), repr(people.all()), repr(people.signed_in), repr(attributes)]
    said.append(caplog.text)
    shown = [PIN, WRONG, DATA_KEY.hex(), repr(DATA_KEY)[2:-1]]
    for text in said:
        assert not [secret for secret in shown if secret in text], text
    place.close()
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        content = path.read_bytes()
        for secret in (PIN.encode(), WRONG.encode(), DATA_KEY, DATA_KEY.hex().encode()):
            assert secret not in content, path


def test_the_key_is_wiped_at_the_end(place):
    people = place.open()
    people.login(1, PIN)
    key = people._data_key
    assert key is not None
    people.close()
    people.close()
    assert bytes(key) == bytes(32)
    with pytest.raises(ModuleError, match="LOGIN_REQUIRED"):
        people.data_key()


# --- cost -----------------------------------------------------------------------------------------


def test_a_try_costs_64_mib_and_three_passes_unless_told_otherwise(place):
    assert (DAILY.memory_kib, DAILY.passes) == (64 * 1024, 3)
    people = place.open(cost=DAILY)
    people.login(1, PIN)
    people.add(VENDOR, VENDOR_PIN)
    began = time.perf_counter()
    people.login(2, VENDOR_PIN)
    assert 0.03 < time.perf_counter() - began < 10
