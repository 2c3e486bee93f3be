"""No vending or decoder key leaves the module's process, and no PIN stays anywhere.

One day of real processes is hunted through: a paired till and a module with operators, wrong PINs,
sales, a key load, a key change, and a crash of each that may leave a core file.
"""

from __future__ import annotations

import os
import queue
import resource
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp import config
from posapp.bootstrap import module as bootstrap
from posapp.bootstrap import module_people
from posapp.bootstrap.store_key import FILE_NAME as STORE_KEY_FILE
from posapp.clock import SystemClock, SystemRandomness
from posapp.codec.pin import make_verifier
from posapp.codec.signing import SigningKey
from posapp.config import TillConfig
from posapp.domain.lease import Lease
from posapp.domain.operator import OperatorRecord
from posapp.security_module.manager import ModuleManager
from posapp.security_module.reference import operators
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.operators import Operators
from posapp.security_module.reference.seal import FileDevice
from posapp.security_module.reference.store import FILE_NAME as MODULE_STORE
from posapp.store.feed import SqlSyncStore
from posapp.store.schema import STORE_FILE
from posapp.sts.keys import decoder_key
from posapp.wire.authorisation import Authorisation, Grant, SignedAuthorisation
from posapp.wire.feed import FeedRow
from posapp.wire.introductions import ModuleCard, Trust
from posapp.wire.key_file import KeyFile, KeyFileHeader, KeyRecord, key_hash
from tests.conftest import ROOT
from tests.integration.secret_till import CRASHES as CRASH_FOLDER
from tests.secrets_hunt import Hunt, key_forms, pin_forms
from tests.security_module.engines import OFFICE, TWO_ABOVE_MINOR
from tests.security_module.module_process import ModuleProcess, write_key_file
from tests.services.counter import GRACE, a_configuration, a_counter
from tests.stores import KEY, TILL_ID, a_meter_number, again

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")

PIN = "739518264075"
WRONG_PIN = "739518264076"
OFFICERS = (SigningKey(b"\x11" * 32), SigningKey(b"\x12" * 32))
TRUST = Trust(
    tuple(key.public for key in OFFICE), tuple(key.public for key in OFFICERS), TWO_ABOVE_MINOR
)
KEYS: list[dict[str, Any]] = [
    {"sgc": sgc, "krn": krn, "kt": 2, "base_date": 2014, "ken": 255, "dkga": dkga}
    for sgc, krn, dkga in (("123456", 1, 2), ("201457", 1, 4), ("201457", 2, 4))
]
CHANGED_TO = ("201457", 2)
METERS = (1, 2, 3)
SALES = 12
TOKEN_CHARACTERS = 20
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
ANSWER_WITHIN_S = 30.0
ENDS_WITHIN_S = 20.0
CRASHES = (signal.SIGSEGV, signal.SIGABRT)


@contextmanager
def core_files_allowed(folder: Path) -> Iterator[None]:
    """What is started here may leave a core file in `folder`, as on a system that keeps them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with chdir(folder):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


class TillProcess:
    """The till of `secret_till`, and the person who types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "stderr.txt").open("a") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.secret_till", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._line() == "ready", (folder / "stderr.txt").read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("gone")

    def _line(self) -> str:
        return self._lines.get(timeout=ANSWER_WITHIN_S)

    def said(self, *words: object) -> str:
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return self._line()

    def ok(self, *words: object) -> str:
        answer = self.said(*words)
        assert answer.startswith("ok "), (words[0], answer)
        return answer.removeprefix("ok ")

    def crash(self, how: signal.Signals) -> int:
        """Its exit status."""
        self._process.send_signal(how)
        return self._process.wait(ENDS_WITHIN_S)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(ENDS_WITHIN_S)
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@dataclass
class Day:
    """What a day left behind, and what must not be in it."""

    folder: Path
    secrets: dict[str, bytes] = field(default_factory=dict)
    planted: bytes = field(default_factory=lambda: secrets.token_bytes(24))
    looked_at_bytes: int = 0
    in_memory: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def till(self) -> Path:
        return self.folder / "till"

    @property
    def module(self) -> Path:
        return self.folder / "module"

    def keys(self) -> Hunt:
        """Every vending key and every meter's key of the day, and what was planted."""
        named = {**self.secrets, "planted": self.planted}
        return Hunt(
            {
                form: value
                for name, secret in named.items()
                for form, value in key_forms(name, secret).items()
            }
        )

    def cores(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if "core" in path.name)

    def module_store_key(self) -> bytes:
        """As the module finds it when its supervisor signs in."""
        device = FileDevice.open(self.module / module_people.DEVICE_FILE)
        name = operators.module_id_in(self.module)
        people = Operators(self.module, name, device, SystemClock(), SystemRandomness())
        try:
            people.login(GRACE.operator_id, PIN)
            return people.data_key()
        finally:
            people.close()


def crash(module: ModuleProcess, how: signal.Signals) -> int:
    """Its exit status."""
    os.kill(module.pid, how)
    return module.stop()


def only_planted(found: list[str]) -> bool:
    return bool(found) and all(line.split(": ")[1].startswith("planted") for line in found)


def a_secret(dkga: int) -> bytes:
    """20 bytes, or a DES key, whose bytes have odd parity."""
    if dkga == 4:
        return secrets.token_bytes(20)
    return bytes(byte ^ (byte.bit_count() + 1) % 2 for byte in secrets.token_bytes(8))


def make_module(day: Day) -> ModuleProcess:
    """A module with a supervisor, whose keys nobody else has."""
    rows = [{**row, "secret": a_secret(int(row["dkga"])).hex()} for row in KEYS]
    day.module.mkdir()
    keys, trust = write_key_file(day.folder / "keys.json", rows), day.folder / "trust.json"
    trust.write_text(TRUST.to_text(), encoding="ascii")
    module_id = bootstrap.init(day.module, keys, trust, supervisor=GRACE.name, pin=PIN)
    for key in load_key_file(keys):
        day.secrets[f"vending key {key.sgc}/{key.krn}"] = key.secret
        for number in METERS:
            meter, c = a_meter_number(number), a_configuration(number)
            if c.sgc == key.sgc:
                name = f"key of {meter.digits} under {key.krn}"
                day.secrets[name] = decoder_key(key, meter, c.ti, c.ea)
    return ModuleProcess(day.module, f"pty:{day.module / 'line'}", module_id, in_clear=False)


def make_till(day: Day) -> None:
    """An enrolled till with its town; its person has the PIN of the day."""
    nobody = ModuleManager("serial:none", till_id=TILL_ID, clock=SystemClock())
    counter = a_counter(day.till, nobody)
    record = OperatorRecord(GRACE, make_verifier(PIN, secrets.token_bytes(16)))
    row = FeedRow(1_000, "operator", str(GRACE.operator_id), record)
    SqlSyncStore(counter.store).apply_rows("global", [row], row.seq)
    counter.store.close()
    (day.till / STORE_KEY_FILE).write_text(KEY.hex() + "\n", encoding="ascii")
    address = f"serial:{day.module / 'line'}"
    config.save(TillConfig(day.till, module_address=address, store_key="keyfile"))


def authorisation(module_id: str) -> bytes:
    now = datetime.now(UTC)
    lease = Lease(2, 1 << 40, 1 << 40, 1, now + timedelta(days=7))
    grants = tuple(Grant(str(row["sgc"]), int(row["krn"]), 1 << 30, 0, 1 << 30) for row in KEYS)
    said = Authorisation(module_id, 1, now, TILL_ID, "KES", lease, 7, 1_000, grants)
    return SignedAuthorisation.sign(said, *OFFICE).to_bytes()


def key_file(day: Day, module_id: str) -> bytes:
    """One more vending key, sealed to the module; it passes through the till."""
    card = ModuleCard.read((day.module / bootstrap.CARD_FILE).read_bytes())
    secret = day.secrets["loaded vending key"] = secrets.token_bytes(20)
    now = datetime.now(UTC)
    record = KeyRecord(secret, "654321", 1, 2, 2014, 255, 4)
    header = KeyFileHeader(
        module_id=module_id,
        key_hash=key_hash(card.seal_key),
        test=True,
        serial=1,
        issued_at=now,
        load_before=now + timedelta(days=30),
    )
    return KeyFile.make(header, card.seal_key, [record], OFFICERS).to_bytes()


def sell_all_day(day: Day, module: ModuleProcess, till: TillProcess) -> None:
    person = GRACE.operator_id
    code = bootstrap.pair(day.module).splitlines()[0]
    till.ok("pair", "".join(word for word in code.split() if word.isdigit()))
    assert till.said("sign_in", person, WRONG_PIN) == "no PIN_WRONG"
    till.ok("sign_in", person, PIN)
    assert till.said("login", person, WRONG_PIN) == "no PIN_WRONG"
    till.ok("login", person, PIN)
    till.ok("authorise", authorisation(module.module_id).hex())
    till.ok("load_keys", key_file(day, module.module_id).hex())
    for number in range(SALES):
        meter = a_meter_number(METERS[number % len(METERS)])
        assert len(till.ok("sell", meter.digits, 20_000, person)) == TOKEN_CHARACTERS
    changed = a_meter_number(METERS[0]).digits
    assert len(till.ok("change_key", changed, *CHANGED_TO).split()) >= 2
    assert till.said("sell", changed, 1, person).startswith("no ")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of selling, then a crash of both; a short morning, then the other crash."""
    day = Day(tmp_path_factory.mktemp("day"))
    module = make_module(day)
    make_till(day)
    for how in CRASHES:
        with core_files_allowed(day.module), module.running():
            till = TillProcess(day.till)
            try:
                till.ok("plant", day.planted.hex())
                if how is CRASHES[0]:
                    sell_all_day(day, module, till)
                    hunt = day.keys()
                    day.in_memory = hunt.in_memory(till.pid)
                    day.looked_at_bytes = hunt.looked_at_bytes
                else:
                    till.ok("login", GRACE.operator_id, PIN)
                    till.ok("sell", a_meter_number(2).digits, 20_000, GRACE.operator_id)
                day.statuses += [till.crash(how), crash(module, how)]
                for core in day.cores(day.till):  # the next one may have the same name
                    core.rename(day.till / f"kept-{how.name}-{core.name}")
            finally:
                till.end()
    return day


def test_the_day_was_sold_and_both_were_stopped_by_a_crash(day: Day) -> None:
    assert day.statuses == [-how for how in CRASHES for _ in range(2)]
    store = again(day.till)
    sold = store.read(lambda reader: reader.vended_total_minor())
    store.close()
    assert sold == (SALES + 1) * 20_000
    told = "".join(path.read_text() for path in (day.till / CRASH_FOLDER).iterdir())
    assert told.count("PIN_WRONG") >= 2


def test_no_key_is_in_the_memory_of_the_running_till(day: Day) -> None:
    assert day.looked_at_bytes > 20_000_000
    assert only_planted(day.in_memory), day.in_memory


def test_no_key_is_in_a_core_file_of_the_till(day: Day) -> None:
    cores = day.cores(day.till)
    if not cores:
        pytest.skip(f"core files go elsewhere here: {CORE_PATTERN.read_text().strip()}")
    assert len(cores) >= len(CRASHES)
    for core in cores:
        found = day.keys().in_file(core)
        assert only_planted(found), found


def test_no_key_is_in_any_file_or_table_of_the_till(day: Day) -> None:
    hunt = day.keys()
    files = [path for path in day.till.rglob("*") if path.is_file()]
    assert {"till.log", "fault.txt", STORE_FILE} <= {path.name for path in files}
    cores = day.cores(day.till)
    found = [line for path in files if path not in cores for line in hunt.in_file(path)]
    assert found + hunt.in_store(day.till / STORE_FILE, KEY) == []


def test_no_key_is_in_clear_in_the_modules_folder(day: Day) -> None:
    assert day.keys().in_folder(day.module) == []


def test_the_hunt_finds_in_the_modules_opened_store_what_is_nowhere_else(day: Day) -> None:
    found = day.keys().in_store(day.module / MODULE_STORE, day.module_store_key())
    names = {line.split(": ")[1] for line in found}
    assert {name for name in day.secrets if "vending" in name} <= names


def test_the_module_leaves_no_core_file_even_where_they_are_kept(day: Day) -> None:
    assert day.cores(day.module) == []


def test_no_pin_is_in_any_store_log_journal_or_crash_file(day: Day) -> None:
    hunt = Hunt({**pin_forms(PIN), **{f"wrong {n}": f for n, f in pin_forms(WRONG_PIN).items()}})
    cores = day.cores(day.till)  # the PIN passed through that process
    found = [
        line
        for folder in (day.till, day.module)
        for path in folder.rglob("*")
        if path.is_file() and path not in cores
        for line in hunt.in_file(path)
    ]
    found += hunt.in_store(day.till / STORE_FILE, KEY)
    found += hunt.in_store(day.module / MODULE_STORE, day.module_store_key())
    assert found == []
    assert hunt.looked_at_bytes > 100_000
