"""The thirteen controls on a module, one short real proof each; the last test finds the long ones.

Engines work on real sealed stores here; processes are killed and paired where a control is about
them. What the till's screens add to C10 and C13 is tested with the screens.
"""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from posapp.bootstrap import module as bootstrap
from posapp.clock import epoch_ms
from posapp.codec.sealed import Cost
from posapp.errors import ConfigError, ModuleError, StoreError
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link import codec
from posapp.security_module.link.transports import Address
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.login_desk import LOGIN
from posapp.security_module.reference.operators import MAY, Action, Operator, Operators, Role
from posapp.security_module.reference.seal import FileDevice
from posapp.security_module.reference.store import create_store, open_store
from posapp.wire.audit import AuditKind, genesis, verify_entries
from tests.bootstrap.test_module_people import ask, order_now, served
from tests.security_module.controls import code_of, kinds, last_body, load, refused, sell
from tests.security_module.engines import (
    MODULE_ID,
    NOON,
    NOON_TID,
    OFFICE,
    STRANGER,
    TRUST,
    CountedRandomness,
    SetClock,
    a_grant,
    a_store,
    an_acknowledgement,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.lines import Chance, introduce, line_keys
from tests.security_module.module_process import (
    HMAC_SECRET,
    TEST_KEYS,
    TILL,
    ModuleProcess,
    a_request,
    write_key_file,
)

DAY = 1440
PIN = "482915730641"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def engine(tmp_path: Path, clock: SetClock) -> Iterator[Engine]:
    """A module that trusts OFFICE and has no authorisation yet."""
    made, store = an_engine(tmp_path / "module", clock, trust=TRUST)
    yield made
    store.close()


def test_c01_the_sum_of_all_tokens_never_passes_what_was_granted(engine: Engine) -> None:
    granted, sold, chance = 2_000, 0, random.Random(4)
    load(engine, grants=(a_grant(units=granted),))
    for number in range(1, 40):
        units = chance.randrange(1, 150)
        if sold + units > granted:
            assert (
                refused(engine, a_request(number, NOON_TID + number, units=units)) == "LIMIT_UNITS"
            )
        else:
            sell(engine, number, units)
            sold += units
        assert engine.report(TILL).limits[0].units == granted - sold >= 0
    assert sold > granted - 150


def test_c02_only_the_next_number_signed_by_enough_raises_a_limit(engine: Engine) -> None:
    load(engine)
    first = signed(an_authorisation())
    many = {"grants": (a_grant(units=1 << 41, money=1 << 41, value=1 << 41),)}
    flipped = bytearray(signed(an_authorisation(2)))
    flipped[40] ^= 1
    wrong = {
        signed(an_authorisation(3)): "AUTHORISATION_NUMBER",
        signed(an_authorisation(2, module_id="REF-OTHER")): "AUTHORISATION_FOREIGN",
        signed(an_authorisation(2), STRANGER): "SIGNERS_TOO_FEW",
        signed(an_authorisation(2, **many), OFFICE[0]): "SIGNERS_TOO_FEW",
        signed(an_authorisation(2, issued_at=NOON - timedelta(91))): "AUTHORISATION_EXPIRED",
    }
    for document, code in wrong.items():
        assert code_of(lambda d=document: engine.load_authorisation(d)) == code
        assert last_body(engine)[10] == code
    with pytest.raises(ModuleError):
        engine.load_authorisation(bytes(flipped))
    assert engine.load_authorisation(first) == 1  # a replay changes nothing
    assert load(engine, 2) == 2


def test_c03_a_key_makes_nothing_before_its_first_and_after_its_last_second(tmp_path: Path) -> None:
    until = NOON + timedelta(minutes=2)
    row = {**TEST_KEYS[0], "secret": HMAC_SECRET}
    row |= {"active_from": NOON.isoformat(), "issue_until": until.isoformat()}
    keys = load_key_file(write_key_file(tmp_path / "keys.json", [row]))
    create_store(tmp_path, bytes(32), MODULE_ID, keys, 0, TRUST.to_text().encode())
    store, clock = open_store(tmp_path, bytes(32)), SetClock(NOON - timedelta(seconds=1))
    engine = Engine(store, clock, CountedRandomness())
    load(engine)
    assert refused(engine, a_request(1, NOON_TID)) == "KEY_NOT_ACTIVE"
    clock.move(seconds=1)
    sell(engine, 2)
    (info,) = engine.report(TILL).keys
    assert info.issue_until_ms == epoch_ms(until)  # what a till warns of 30, 7 and 1 days before
    clock.move(minutes=3)
    assert refused(engine, a_request(3, NOON_TID + 3)) == "KEY_ISSUE_ENDED"
    store.close()


def test_c04_one_token_too_many_waits_for_head_offices_signed_word(
    engine: Engine, clock: SetClock
) -> None:
    load(engine, unacknowledged_max=2, lease_days=3)
    sell(engine, 1)
    sell(engine, 2)
    assert refused(engine, a_request(3, NOON_TID + 3)) == "AUDIT_FULL"
    assert engine.report(TILL).state == "hold_audit"
    foreign = an_acknowledgement(engine, NOON, None, STRANGER)
    assert code_of(lambda: engine.acknowledge(foreign)) == "SIGNERS_TOO_FEW"
    engine.acknowledge(an_acknowledgement(engine, NOON))
    sell(engine, 4)
    clock.move(days=3, seconds=1)
    assert refused(engine, a_request(5, NOON_TID + 3 * DAY)) == "LEASE_EXPIRED"
    assert engine.report(TILL).state == "hold_lease"


@pytest.mark.parametrize(("days", "code"), [(-1, "CLOCK_BEHIND"), (1, ""), (365, "LEASE_EXPIRED")])
def test_c05_a_false_clock_stops_the_module_or_stays_within_the_lease(
    engine: Engine, clock: SetClock, days: int, code: str
) -> None:
    load(engine, lease_days=14)
    sell(engine, 1)
    clock.move(days=days)
    request = a_request(2, NOON_TID + 2 + days * DAY)
    if code:
        assert refused(engine, request) == code
    else:
        assert engine.issue(order(request)).tokens


def test_c06_the_module_takes_the_proposed_tid_or_names_the_lowest_and_never_one_twice(
    engine: Engine,
) -> None:
    load(engine)
    sell(engine, 1, tid=NOON_TID)
    with pytest.raises(ModuleError) as caught:
        sell(engine, 2, tid=NOON_TID)
    assert (caught.value.code, caught.value.params["lowest_tid"]) == ("TID_WINDOW", NOON_TID + 1)
    sell(engine, 3, tid=NOON_TID + 1)
    midnight = NOON_TID - NOON_TID % DAY + 1
    assert refused(engine, a_request(4, midnight)) == "TID_WINDOW"  # kept for tokens without a sale


def test_c07_a_try_is_counted_before_the_pin_is_checked_and_a_kill_gives_none_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FileDevice.create(tmp_path / "device.secret", CountedRandomness())
    boss = Operator(1, "Boss", Role.SUPERVISOR)
    Operators.create(
        *(tmp_path, MODULE_ID, device, CountedRandomness(), boss, PIN, bytes(32)), cost=Cost(8, 1)
    )

    def people() -> Operators:
        return Operators(
            *(tmp_path, MODULE_ID, device, SetClock(), CountedRandomness()), cost=Cost(8, 1)
        )

    def power_fails(*_: object) -> None:
        raise KeyboardInterrupt

    first = people()
    with monkeypatch.context() as cut:
        cut.setattr(first, "_open", power_fails)  # what looks at the PIN
        with pytest.raises(KeyboardInterrupt):
            first.login(1, PIN)
    first.close()
    after = people()
    assert {o.number: left for o, left in after.all()} == {1: 4}
    for left in (3, 2, 1, 0):
        with pytest.raises(ModuleError) as caught:
            after.login(1, "000000000000")
        assert caught.value.params.get("left", 0) == left
    assert code_of(lambda: after.login(1, PIN)) == "PIN_BLOCKED"
    after.close()


def test_c08_a_module_talks_to_its_paired_till_and_a_till_to_its_own_module_only(
    tmp_path: Path,
) -> None:
    modules = [ModuleProcess.make(tmp_path / name, "tcp:127.0.0.1:0") for name in ("one", "two")]
    ours, foreign = line_keys(tmp_path / "till", 1), line_keys(tmp_path / "stranger", 2)
    ends = [bootstrap.line_keys(module.folder)[1] for module in modules]
    introduce(ours, ends[0], modules[0].module_id)
    introduce(line_keys(tmp_path / "other till", 3), ends[1], modules[1].module_id)
    foreign.trust(ours.peers()[0])

    def code(keys: object, module: ModuleProcess) -> str:
        driver = LinkDriver(Address.parse(module.address), Chance(5), keys=keys)  # type: ignore[arg-type]
        try:
            driver.open(time.monotonic() + 5)
        except ModuleError as error:
            return error.code
        finally:
            driver.close()
        return ""

    with modules[0].running(), modules[1].running():
        assert code(ours, modules[0]) == ""
        assert code(foreign, modules[0]) == "NOT_PAIRED"
        assert code(None, modules[0]) == "NOT_PAIRED"
        assert code(ours, modules[1]) == "WRONG_MODULE"


def test_c09_everything_is_an_entry_and_a_copied_module_shows_by_one_number_twice(
    tmp_path: Path,
) -> None:
    engine, store = an_engine(tmp_path / "one", trust=TRUST)
    load(engine)
    assert refused(engine, a_request(9, 5)) == "TID_WINDOW"
    sell(engine, 10)
    common = len(whole_audit(engine))
    assert kinds(engine)[-3:] == [AuditKind.AUTHORISATION, AuditKind.REFUSAL, AuditKind.ISSUE]
    store.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    books = []
    for name, units in (("one", 100), ("two", 200)):
        engine, store = an_engine(tmp_path / name, trust=TRUST)
        sell(engine, 11, units)
        books.append(whole_audit(engine))
        store.close()
    office = verify_entries(0, genesis(MODULE_ID), books[0])
    assert office.broken_number is None
    twice = verify_entries(office.number, office.hash32, books[1][common:])
    assert twice.reason == "AUDIT_NUMBER_TWICE"


def test_c10_in_the_module_too_a_vendor_only_sells(tmp_path: Path) -> None:
    for action in (Action.LOAD_KEYS, Action.OPERATORS):
        assert MAY[action] == {Role.SUPERVISOR}
    assert Role.VENDOR not in MAY[Action.ENGINEER] | MAY[Action.SET_TIME]
    module = served(tmp_path / "m", pin=PIN)
    with module.running():
        assert not ask(module.address, LOGIN, operator=1, pin=PIN).error
        new = {"do": "add", "operator": 2, "name": "Ann", "role": "technician", "pin": "770413"}
        assert not ask(module.address, "OPERATORS", **new).error
        assert not ask(module.address, LOGIN, operator=2, pin="770413").error
        assert ask(module.address, codec.ISSUE, **order_now(1)).error == "ROLE_DENIED"
        assert ask(module.address, "OPERATORS", do="list").error == "ROLE_DENIED"


def test_c11_neither_key_nor_pin_nor_token_is_in_the_folder_or_the_log_of_a_module(
    tmp_path: Path,
) -> None:
    module = served(tmp_path / "m", pin=PIN)
    with module.running():
        assert not ask(module.address, LOGIN, operator=1, pin=PIN).error
        token = str(ask(module.address, codec.ISSUE, **order_now(1)).fields.rows("tokens", 1, 1)[0])
    hidden = (HMAC_SECRET.encode(), bytes.fromhex(HMAC_SECRET), PIN.encode(), token.encode())
    for path in module.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(secret in data for secret in hidden), path
    assert not any(secret.decode("latin-1") in module.errors() for secret in hidden)


def test_c12_a_byte_changed_in_the_sealed_store_is_an_error_and_never_another_token(
    tmp_path: Path,
) -> None:
    engine, store = an_engine(tmp_path / "sound", trust=TRUST)
    load(engine)
    store.close()
    source = tmp_path / "sound" / "module.db"
    whole = source.read_bytes()
    shutil.copytree(tmp_path / "sound", tmp_path / "copy")
    engine, store = an_engine(tmp_path / "copy", trust=TRUST)
    expected = engine.issue(order(a_request(1, NOON_TID))).tokens
    store.close()
    errors = 0
    for place in range(7, len(whole), len(whole) // 24):
        folder = tmp_path / f"flip-{place}"
        shutil.copytree(tmp_path / "sound", folder)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        (folder / "module.db").write_bytes(damaged)
        try:
            with closing(a_store(folder)) as store:
                flipped = Engine(store, SetClock(), CountedRandomness())
                assert flipped.issue(order(a_request(1, NOON_TID))).tokens == expected
        except (StoreError, ModuleError):
            errors += 1
    assert errors > 12


def test_c13_a_soft_module_says_that_it_is_not_certified_and_takes_no_real_key(
    tmp_path: Path,
) -> None:
    real = write_key_file(tmp_path / "real.json", mark="production")
    with pytest.raises(ConfigError, match="KEYS_NOT_TEST"):
        bootstrap.init(tmp_path / "refused", real)
    module = ModuleProcess.make(tmp_path / "m", "tcp:127.0.0.1:0")
    with module.running():
        assert module.words.endswith("NOT CERTIFIED - TEST KEYS")
        hello = ask(module.address, codec.HELLO)
        assert hello.fields.flag("certified") is False
        status = ask(module.address, codec.STATUS, till=TILL)
        keys = status.fields.rows("keys", 1, 16)
        assert all(row[6] is True for row in keys)


def test_each_control_has_its_long_proofs_too() -> None:
    tests = Path(__file__).parents[1]
    named = set()
    for path in tests.rglob("test_*.py"):
        if path != Path(__file__):
            named |= set(re.findall(r"def test_c([0-9]+)_", path.read_text(encoding="utf-8")))
    here = re.findall(r"^def test_c([0-9]+)_", Path(__file__).read_text(encoding="utf-8"), re.M)
    assert [int(number) for number in here] == list(range(1, 14))
    assert {int(number) for number in named} >= {*range(1, 8), 9, 10, 11, 12}
