"""The folder of a module with operators: where its secrets are, and what `module.toml` decides."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posapp import cli
from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_people
from posapp.bootstrap.module_config import ModuleConfig, TokenPlace, read_config
from posapp.bootstrap.module_people import Change, ClosedModule, FolderToken
from posapp.codec.sealed import Cost
from posapp.errors import ConfigError, InputError, ModuleError
from posapp.security_module.link import codec
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.messages import order_of
from posapp.security_module.link.transports import Address
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.login_desk import LOGIN, LOGOUT, OPERATORS
from posapp.security_module.reference.operators import Operator, Operators, Role
from posapp.security_module.reference.seal import FileDevice
from posapp.sts import ciphers, keys, tid, tokens
from posapp.sts.numbers import MeterNumber
from posapp.wire.audit import AuditEntry, AuditKind
from tests.security_module.engines import NOON_TID, CountedRandomness, SetClock
from tests.security_module.module_process import (
    HMAC_SECRET,
    METER,
    TEST_KEYS,
    TILL,
    ModuleProcess,
    a_configuration,
    a_request,
    write_key_file,
)
from tests.security_module.soft_tokens import LIBRARY, USER_PIN, a_token, needs_soft_hsm

MODULE = "REF-0000A001"
BOSS = Operator(1, "Grace Otieno", Role.SUPERVISOR)
PIN = "739182640517"
CHEAP = Cost(64, 1)
VENDING = keys.VendingKey(
    bytes.fromhex(HMAC_SECRET), "201457", 1, a_configuration().kt, 2014, 255, 4
)
LONG_KEYS = [key for key in TEST_KEYS if key["dkga"] == 4 and key["kt"] == 2]


def make(folder):
    folder.mkdir(exist_ok=True)
    module_people.make(folder, MODULE, bytes(32), BOSS, PIN, CountedRandomness(), cost=CHEAP)


def token_folder(folder, keys="true", device="true"):
    token = a_token()
    folder.mkdir(exist_ok=True)
    (folder / "hsm.pin").write_text(USER_PIN, encoding="ascii")
    (folder / "hsm.pin").chmod(0o600)
    (folder / "module.toml").write_text(
        f'[pkcs11]\nlibrary = "{LIBRARY}"\ntoken = "{token.label}"\npin_file = "hsm.pin"\n'
        f"keys = {keys}\ndevice = {device}\n",
        encoding="utf-8",
    )
    return folder


# --- the folder -----------------------------------------------------------------------------------


def test_without_a_token_the_device_secret_is_a_file_and_a_second_try_makes_another(tmp_path):
    make(tmp_path)
    first = (tmp_path / "device.secret").read_bytes()
    module_people.make(tmp_path, MODULE, bytes(32), BOSS, PIN, ALSO, cost=CHEAP)
    assert (tmp_path / "device.secret").read_bytes() != first
    secret = module_people.line_secret(tmp_path)
    assert len(secret) == 32 and secret == module_people.line_secret(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["device.secret", "operators.sealed"]


class Also:
    def bytes(self, count: int) -> bytes:
        return b"\x55" * count


ALSO = Also()


@needs_soft_hsm
def test_a_token_keeps_what_it_is_told_and_no_more(tmp_path):
    for name, wants_keys, wants_device in (
        ("a", "true", "true"),
        ("b", "true", "false"),
        ("c", "false", "true"),
    ):
        folder = token_folder(tmp_path / name, wants_keys, wants_device)
        make(folder)
        assert (folder / "device.secret").exists() == (wants_device == "false")
        secret = module_people.line_secret(folder)
        assert secret == module_people.line_secret(folder)
        token = FolderToken(folder)
        backend = token.key_backend(FileDevice(bytes(32)))
        assert (backend is None) == (wants_keys == "false")
        token.close()


@needs_soft_hsm
def test_a_token_that_is_away_keeps_the_module_from_starting(tmp_path):
    folder = token_folder(tmp_path / "module")
    make(folder)
    text = (folder / "module.toml").read_text(encoding="utf-8")
    (folder / "module.toml").write_text(text.replace('token = "', 'token = "x'), encoding="utf-8")
    with pytest.raises(ModuleError, match="HSM_ABSENT"):
        module_people.line_secret(folder)


@needs_soft_hsm
def test_a_key_for_dkga02_makes_no_module_where_a_token_keeps_the_keys(tmp_path):
    folder = token_folder(tmp_path / "module")
    with pytest.raises(ModuleError, match="HSM_KEY_KIND"):
        bootstrap.init(folder, write_key_file(tmp_path / "keys.json", [TEST_KEYS[1]]))
    assert not (folder / "module.db").exists()


def test_the_configuration_is_read_strictly(tmp_path):
    assert read_config(tmp_path) == ModuleConfig()
    path = tmp_path / "module.toml"
    path.write_text('sta_tables = "t.toml"\n', encoding="utf-8")
    assert read_config(tmp_path) == ModuleConfig(tmp_path / "t.toml")
    good = 'library = "l.so"\ntoken = "sts"\npin_file = "p"\n'
    path.write_text(f"[pkcs11]\n{good}keys = true\n", encoding="utf-8")
    place = TokenPlace("l.so", "sts", tmp_path / "p", keys=True, device=False)
    assert read_config(tmp_path) == ModuleConfig(None, place)
    for text, field in (
        ("sta_tables = 1", "sta_tables"),
        ("other = 1", "other"),
        ("pkcs11 = 1", "pkcs11"),
        (f"[pkcs11]\n{good}keys = 1", "pkcs11.keys"),
        (f"[pkcs11]\n{good}pin = '1'", "pkcs11.pin"),
        ('[pkcs11]\nlibrary = "l.so"\ntoken = ""\npin_file = "p"', "pkcs11.token"),
        ('[pkcs11]\nlibrary = "l.so"\ntoken = "sts"', "pkcs11.pin_file"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="CONFIG_FIELD") as caught:
            read_config(tmp_path)
        assert caught.value.params["field"] == field
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ConfigError, match="CONFIG_SYNTAX"):
        read_config(tmp_path)


# --- an opened module -----------------------------------------------------------------------------


class Closed:
    """A module with operators in this process, asked as over a line."""

    def __init__(self, folder: Path, *, cost: Cost = CHEAP) -> None:
        self.clock = SetClock()
        self.engines: list[Engine] = []
        self._calls = 0
        self.module = ClosedModule(folder, self.clock, CountedRandomness(), self._engine, cost=cost)

    def _engine(self, store, around):
        engine = around.engine(store, self.clock, CountedRandomness())
        self.engines.append(engine)
        return engine

    def ask(self, op: str, **body: object) -> codec.Reply:
        self._calls += 1
        payload = codec.request(self._calls, op, body)
        reply = codec.read_reply(self.module.desk.answer(payload) or b"")
        assert reply is not None
        return reply

    def audited(self, kind: AuditKind) -> list[dict[int, object]]:
        entries, _ = self.engines[-1].audit_page(0, 64)
        return [e.body for e in map(AuditEntry.from_bytes, entries) if e.kind is kind]


@pytest.fixture
def closed(tmp_path, monkeypatch):
    monkeypatch.setattr(module_people, "make", functools.partial(module_people.make, cost=CHEAP))
    key_file = write_key_file(tmp_path / "keys.json")
    bootstrap.init(tmp_path / "m", key_file, supervisor="Boss", pin=PIN, clock=SetClock())
    made: list[Closed] = []

    def start() -> Closed:
        for one in made:
            one.module.close()
        made.append(Closed(tmp_path / "m"))
        return made[-1]

    yield start
    for one in made:
        one.module.close()


def test_no_order_runs_without_a_person_and_its_number_is_burnt(closed):
    module = closed()
    assert module.ask(codec.ISSUE, **order_of(a_request(1, NOON_TID))).error == "LOGIN_REQUIRED"
    module.ask(LOGIN, operator=1, pin=PIN)
    module.clock.move(minutes=20)
    late = order_of(a_request(1, NOON_TID + 20))
    assert module.ask(codec.ISSUE, **late).error == "LOGIN_REQUIRED"
    module.ask(LOGIN, operator=1, pin=PIN)
    assert module.ask(codec.ISSUE, **late).error == "STALE"
    assert not module.ask(codec.ISSUE, **order_of(a_request(2, NOON_TID + 20))).error


def test_the_report_says_that_nobody_is_signed_in(closed):
    module = closed()
    module.ask(LOGIN, operator=1, pin=PIN)
    assert module.ask(codec.STATUS, till=bytes(16)).fields.text("state") == "ready"
    module.clock.move(minutes=20)
    reply = module.ask(codec.STATUS, till=bytes(16))
    assert reply.fields.text("state") == "locked"
    assert reply.fields.text("problem") == "LOGIN_REQUIRED"


def test_a_technician_sells_nothing_and_every_coming_and_going_is_audited(closed):
    module = closed()
    module.ask(LOGIN, operator=1, pin="000000000000")
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(OPERATORS, do="add", operator=2, name="Tom", role="technician", pin="8080")
    module.ask(LOGOUT)
    module.ask(LOGIN, operator=2, pin="8080")
    assert module.ask(codec.ISSUE, **order_of(a_request(1, NOON_TID))).error == "ROLE_DENIED"
    told = [(body[20], body[21]) for body in module.audited(AuditKind.LOGIN)]
    assert told == [(1, "supervisor"), (1, "add 2"), (2, "technician")]
    assert [body[20] for body in module.audited(AuditKind.LOGOUT)] == [1]
    refused = [body.get(21) or body.get(10) for body in module.audited(AuditKind.REFUSAL)]
    assert refused == ["PIN_WRONG", "ROLE_DENIED"]


def test_c12_a_list_of_operators_put_back_from_an_old_copy_opens_nothing(closed, tmp_path):
    module = closed()
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(OPERATORS, do="add", operator=2, name="Tom", role="vendor", pin="8080")
    module.module.close()
    path = tmp_path / "m" / "operators.sealed"
    old = path.read_bytes()
    module = closed()
    module.ask(LOGIN, operator=1, pin=PIN)
    module.ask(OPERATORS, do="remove", operator=2)
    module.ask(LOGIN, operator=1, pin=PIN)
    module.module.close()
    path.write_bytes(old)
    module = closed()
    assert module.ask(LOGIN, operator=2, pin="8080").error == "SEAL_OLD"
    assert module.ask(codec.STATUS, till=TILL).error == "LOGIN_REQUIRED"


def test_c12_flipped_bytes_of_a_closed_folder_never_open_another_module(closed, tmp_path):
    closed().module.close()
    folder = tmp_path / "m"
    for name, stride in (("module.db", 1499), ("operators.sealed", 29), ("device.secret", 5)):
        path = folder / name
        whole = path.read_bytes()
        for at in range(0, len(whole), stride):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << at % 8
            path.write_bytes(flipped)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("posapp.security_module.reference.login_desk.log.error", quiet)
                patch.setattr("posapp.security_module.reference.desk.log.error", quiet)
                digits = sold(Closed, folder)
            assert not digits or is_right(digits)
            path.write_bytes(whole)


def quiet(*_: object) -> None:
    """A damaged store is logged as an error; here that is the point."""


def sold(kind: type[Closed], folder: Path) -> str:
    """The digits that a module makes, or nothing."""
    try:
        module = kind(folder)
    except ModuleError:
        return ""
    try:
        if module.ask(LOGIN, operator=1, pin=PIN).error:
            return ""
        reply = module.ask(codec.ISSUE, **order_of(a_request(1, NOON_TID)))
        return "" if reply.error else reply.fields.rows("tokens", 1, 1)[0]
    finally:
        module.module.close()


def is_right(digits: str) -> bool:
    """Whether the meter would take them."""
    decoder = keys.decoder_key(VENDING, MeterNumber(METER), "01", a_configuration().ea)
    told = tokens.decode(digits, decoder, a_configuration().ea, ciphers.sample_tables())
    return told.token_class == 0


# --- the command ----------------------------------------------------------------------------------


def test_a_supervisor_keeps_the_operators_from_the_command_line(
    closed, tmp_path, monkeypatch, capsys
):
    folder = str(tmp_path / "m")

    def run(*arguments: str, pins: tuple[str, ...]) -> tuple[int, str]:
        given = iter(pins)
        monkeypatch.setattr("posapp.cli.module.ask_secret", lambda _: next(given))
        status = cli.main(["module", "operators", "--dir", folder, *arguments])
        return status, "".join(capsys.readouterr())

    status, told = run("add", "2", "Ben", "vendor", pins=(PIN, "4711"))
    assert (status, told) == (0, "1 supervisor Boss, tries left: 5\n2 vendor Ben, tries left: 5\n")
    assert run("pin", "2", pins=(PIN, "8080"))[0] == 0
    assert "2 clerk Ben" in run("role", "2", "clerk", pins=(PIN, "8080"))[1]
    assert run("unblock", "2", pins=(PIN,))[0] == 0
    status, told = run("--as", "2", "list", pins=("8080",))
    assert status == 2 and "ROLE_DENIED" in told
    status, told = run("list", pins=("000000000000",))
    assert status == 2 and "Tries left: 4." in told
    assert "Ben" not in run("remove", "2", pins=(PIN,))[1]
    module = closed()
    status, told = run("list", pins=(PIN,))
    assert status == 2 and "STORE_IN_USE" in told
    module.module.close()
    with pytest.raises(InputError, match="OPERATOR_FIELD"):
        module_people.change(Path(folder), 1, PIN, Change("add", 0, "X", "clerk", pin="4711"))
    assert "4711" not in repr(Change("pin", 1, pin="4711"))


# --- real processes -------------------------------------------------------------------------------


def ask(address: str, op: str, **body: object) -> codec.Reply:
    """One request over a line of its own."""
    line, deframer = Address.parse(address).open(), Deframer()
    try:
        deadline = time.monotonic() + 20
        line.send(frame(codec.request(7, op, body)), deadline)
        while time.monotonic() < deadline:
            for payload in deframer.feed(line.receive(deadline)):
                reply = codec.read_reply(payload)
                assert reply is not None
                return reply
        raise AssertionError("no answer")
    finally:
        line.close()


def served(folder: Path, key_rows=None, *, pin: str = "") -> ModuleProcess:
    folder.mkdir(exist_ok=True)
    file = write_key_file(folder.with_suffix(".json"), key_rows)
    supervisor = "Boss" if pin else None
    module_id = bootstrap.init(folder, file, supervisor=supervisor, pin=pin)
    return ModuleProcess(folder, "tcp:127.0.0.1:0", module_id)


def order_now(sequence: int) -> dict[str, object]:
    return dict(order_of(a_request(sequence, tid.tid_at(datetime.now(UTC), 2014))))


def test_c11_a_closed_module_is_opened_over_its_line_and_the_pin_is_nowhere(tmp_path):
    module = served(tmp_path / "m", pin=PIN)
    with module.running():
        assert ask(module.address, codec.ISSUE, **order_now(1)).error == "LOGIN_REQUIRED"
        assert ask(module.address, LOGIN, operator=1, pin="739182640518").error == "PIN_WRONG"
        module.restart()
        refused = ask(module.address, LOGIN, operator=1, pin="739182640518")
        assert refused.params == {"left": 3}  # a kill gives nothing back
        assert not ask(module.address, LOGIN, operator=1, pin=PIN).error
        assert not ask(module.address, codec.ISSUE, **order_now(2)).error
    assert not (module.folder / "module.key").exists()
    for path in module.folder.rglob("*"):
        if path.is_file():
            assert b"73918264051" not in path.read_bytes(), path
    assert "73918264051" not in module.errors()


@needs_soft_hsm
@pytest.mark.parametrize("pin", ["", PIN], ids=["laboratory", "closed"])
def test_a_module_on_a_token_sells_what_the_meter_takes(tmp_path, pin):
    module = served(token_folder(tmp_path / "m"), LONG_KEYS, pin=pin)
    with module.running():
        if pin:
            assert not ask(module.address, LOGIN, operator=1, pin=pin).error
        reply = ask(module.address, codec.ISSUE, **order_now(1))
        digits = reply.fields.rows("tokens", 1, 1)[0]
    assert is_right(digits)
    for path in module.folder.rglob("*"):  # the vending key left the disk with the key file
        if path.is_file():
            assert bytes.fromhex(HMAC_SECRET) not in path.read_bytes(), path


def test_two_modules_of_one_folder_are_refused(closed, tmp_path):
    module = closed()
    with pytest.raises(Exception, match="STORE_IN_USE"):
        Operators(
            tmp_path / "m",
            module.module.module_id,
            FileDevice.open(tmp_path / "m" / "device.secret"),
            SetClock(),
            CountedRandomness(),
        )
