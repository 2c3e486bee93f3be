"""Pairing: 24 digits, minutes, one try; afterwards each end knows the other's key and no other."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp.bootstrap import module as bootstrap
from posapp.codec import cbor
from posapp.errors import InputError, ModuleError
from posapp.security_module.drivers.driver import LineSilentError
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link import codec, pairing
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.identity import PEERS_MAX, LineKeys, Peer, pin_of
from posapp.security_module.link.transports import Address
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.gate import Gate
from posapp.security_module.reference.pairing_desk import WINDOW_S, PairingDesk, PairingWindow
from tests.security_module.engines import NOON, SetClock, an_engine
from tests.security_module.lines import (
    MODULE_ID,
    TO_MODULE,
    TO_TILL,
    Chance,
    MemoryCable,
    line_keys,
    whole,
)
from tests.security_module.module_process import ON_POSIX, TILL, ModuleProcess

SOON_S = 0.03
WRONG = "a wrong pairing code ended the pairing"


class Scene:
    """A module whose folder a person can reach, and a till that wants to pair."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self.engine, self._store = an_engine(folder / "module", self.clock)
        self.folder = folder / "module"
        self.module_keys = line_keys(self.folder, 2)
        self.till_keys = line_keys(folder / "till", 1)
        self.cable = MemoryCable(self.a_gate())

    def a_gate(self, seed: int = 4) -> Gate:
        """The module's process, started again."""
        window = PairingWindow(self.folder, self.module_keys)
        desk = PairingDesk(window, self.module_keys, MODULE_ID, self.clock, Chance(seed))
        return Gate(Desk(self.engine), self.module_keys, desk)

    def show_code(self, seed: int = 5) -> str:
        """`posapp module pair`, in another process."""
        keys = line_keys(self.folder, 6)
        return PairingWindow(self.folder, keys).open(self.clock.now(), Chance(seed))

    def driver(self, keys: LineKeys | None = None, seed: int = 7) -> LinkDriver:
        cable: Any = self.cable
        return LinkDriver(cable, Chance(seed), again_s=SOON_S, keys=keys or self.till_keys)

    def pair(self, code: str, name: str = "T001", keys: LineKeys | None = None) -> Any:
        return self.driver(keys).pair(code, name, time.monotonic() + 5)

    def nobody_is_trusted(self) -> bool:
        return not self.module_keys.peers() and not self.till_keys.peers()

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


def another(code: str) -> str:
    """A well-formed code that is another one."""
    body = (int(code[:22]) + 1) % 10**22
    return f"{body:022d}{98 - body * 100 % 97:02d}"


# ---------------------------------------------------------------- the code


def test_a_code_has_six_groups_and_its_own_check() -> None:
    code = pairing.new_code(Chance(1))
    shown = pairing.show_code(code)
    assert [len(group) for group in shown.split(" ")] == [4] * 6
    assert pairing.read_code(shown) == pairing.read_code(code.replace("-", "")) == code


def test_every_single_slip_and_every_swap_of_neighbours_is_found_at_the_till() -> None:
    for seed in range(20):
        code = pairing.new_code(Chance(seed))
        slips = [
            code[:i] + digit + code[i + 1 :]
            for i in range(len(code))
            for digit in "0123456789"
            if digit != code[i]
        ]
        swaps = [
            code[:i] + code[i + 1] + code[i] + code[i + 2 :]
            for i in range(len(code) - 1)
            if code[i] != code[i + 1]
        ]
        for wrong in slips + swaps:
            with pytest.raises(InputError):
                pairing.read_code(wrong)


@pytest.mark.parametrize("text", ["", "1", "x" * 24, "1" * 23, "1" * 25, "²" * 24, "٣" * 24])
def test_what_is_no_code_is_refused_before_anything_is_sent(scene: Scene, text: str) -> None:
    scene.show_code()
    with pytest.raises(InputError) as caught:
        scene.pair(text)
    assert caught.value.code == "PAIR_CODE_FORM"
    assert not scene.cable.carried[TO_MODULE]


def test_codes_do_not_repeat_and_use_all_their_digits() -> None:
    codes = {pairing.new_code(Chance(seed)) for seed in range(300)}
    assert len(codes) == 300
    assert all({code[i] for code in codes} == set("0123456789") for i in range(22))


# ---------------------------------------------------------------- a pairing


def test_after_pairing_both_ends_know_each_other_and_talk_sealed(scene: Scene) -> None:
    scene.pair(scene.show_code())
    assert [p.certificate for p in scene.module_keys.peers()] == [scene.till_keys.certificate]
    (module,) = scene.till_keys.peers()
    assert (module.name, module.pin) == (MODULE_ID, pin_of(scene.module_keys.certificate))
    driver = scene.driver()
    assert driver.open(time.monotonic() + 5).module_id == MODULE_ID
    assert driver.is_sealed
    driver.close()


def test_a_module_says_in_hello_whether_it_is_paired_and_takes_pairings(scene: Scene) -> None:
    def flags() -> list[Any]:
        (reply,) = scene.a_gate().take(codec.request(5, codec.HELLO, {}))
        said = cbor.decode(reply)["ok"]
        return [said["session"], said["paired"], said["pairing"]]

    assert flags() == [False, False, False]
    code = scene.show_code()
    assert flags() == [False, False, True]
    scene.pair(code)
    assert flags() == [True, True, False]


def test_a_code_works_once(scene: Scene, tmp_path: Path) -> None:
    code = scene.show_code()
    scene.pair(code)
    with pytest.raises(ModuleError) as caught:
        scene.pair(code, "T002", line_keys(tmp_path / "second", 11))
    assert caught.value.code == "PAIR_CLOSED"
    assert len(scene.module_keys.peers()) == 1


def test_one_wrong_code_ends_the_pairing(scene: Scene, expect_log: Callable[[str], None]) -> None:
    expect_log(WRONG)
    code = scene.show_code()
    with pytest.raises(ModuleError) as caught:
        scene.pair(another(code))
    assert caught.value.code == "PAIR_CODE_WRONG"
    with pytest.raises(ModuleError) as caught:
        scene.pair(code)
    assert caught.value.code == "PAIR_CLOSED"
    assert scene.nobody_is_trusted()


def test_a_wrong_try_is_gone_even_when_the_module_dies_while_it_checks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = scene.show_code()
    taken = PairingWindow.take

    def dies(self: PairingWindow, now: Any) -> bytes | None:
        taken(self, now)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PairingWindow, "take", dies)
        with pytest.raises(KeyboardInterrupt):
            scene.pair(another(code))
    scene.cable.plug(scene.a_gate())
    with pytest.raises(ModuleError) as caught:
        scene.pair(code)
    assert caught.value.code == "PAIR_CLOSED"


@pytest.mark.parametrize("seconds", [WINDOW_S, 10 * WINDOW_S, -1, -86_400])
def test_a_window_closes_by_itself_and_a_clock_put_back_does_not_keep_it(
    scene: Scene, seconds: int
) -> None:
    code = scene.show_code()
    scene.clock.moment = NOON + timedelta(seconds=seconds)
    with pytest.raises(ModuleError) as caught:
        scene.pair(code)
    assert caught.value.code == "PAIR_CLOSED"


def test_a_window_is_open_until_its_last_second(scene: Scene) -> None:
    code = scene.show_code()
    scene.clock.moment = NOON + timedelta(seconds=WINDOW_S - 1)
    scene.pair(code)


def test_a_new_window_takes_the_place_of_the_old_one(scene: Scene) -> None:
    old, new = scene.show_code(1), scene.show_code(2)
    assert old != new
    scene.pair(new)


def test_pairing_again_replaces_what_was_known_under_the_name(scene: Scene, tmp_path: Path) -> None:
    scene.pair(scene.show_code())
    new_till = line_keys(tmp_path / "new disk", 12)
    scene.pair(scene.show_code(), "T001", new_till)
    assert [p.certificate for p in scene.module_keys.peers()] == [new_till.certificate]


def test_a_module_that_is_full_says_so_and_trusts_nobody_new(scene: Scene, tmp_path: Path) -> None:
    for number in range(PEERS_MAX):
        keys = line_keys(tmp_path / f"{number}", 20 + number)
        scene.module_keys.trust(Peer.read(f"T{number}", keys.certificate))
    with pytest.raises(ModuleError) as caught:
        scene.pair(scene.show_code(), "T999")
    assert caught.value.code == "LINE_PEERS_FULL"
    assert scene.module_keys.peer("T999") is None


# ---------------------------------------------------------------- faults and strangers


@pytest.mark.parametrize("direction", [TO_MODULE, TO_TILL])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_frame_lost_or_doubled_while_pairing_is_asked_again(
    scene: Scene, direction: str, number: int
) -> None:
    for pieces in ([], [0, 0]):
        seen = [0]

        def fault(
            way: str, data: bytes, seen: list[int] = seen, pieces: list[int] = pieces
        ) -> list[bytes]:
            seen[0] += way == direction
            return [data for _ in pieces] if seen[0] == number and way == direction else [data]

        scene.cable.fault = fault
        scene.pair(scene.show_code())
        assert seen[0] >= number
    assert len(scene.module_keys.peers()) == len(scene.till_keys.peers()) == 1


def test_an_answer_that_never_comes_leaves_a_till_that_can_pair_again(scene: Scene) -> None:
    seen = [0]

    def fault(way: str, data: bytes) -> list[bytes]:
        seen[0] += way == TO_TILL
        return [] if way == TO_TILL and seen[0] >= 3 else [data]

    scene.cable.fault = fault
    with pytest.raises(LineSilentError):
        scene.driver().pair(scene.show_code(), "T001", time.monotonic() + 0.1)
    assert scene.module_keys.peers() and not scene.till_keys.peers()
    scene.cable.fault = whole
    scene.pair(scene.show_code())
    assert len(scene.module_keys.peers()) == len(scene.till_keys.peers()) == 1


class Middle:
    """Somebody on the cable who puts certificates and nonces of his own in the place of theirs."""

    def __init__(self, field: str, way: str, value: Any) -> None:
        self._field, self._way, self._value = field, way, value

    def __call__(self, way: str, data: bytes) -> list[bytes]:
        (payload,) = Deframer().feed(data)
        values = cbor.decode(payload)
        fields = values if way == TO_MODULE else values.get("ok", {})
        if way == self._way and "nonce" in fields and self._field in fields:
            fields[self._field] = self._value
            return [frame(cbor.encode(values))]
        return [data]


FOREIGN = {
    "nonce": bytes(32),
    "name": "T666",
    "module": "REF-666",
    "salt": bytes(16),
    "passes": 1,
    "memory": 8,
}


@pytest.mark.parametrize(
    ("way", "field"),
    [
        *((TO_MODULE, field) for field in ("cert", "nonce", "name")),
        *((TO_TILL, field) for field in ("cert", "nonce", "module", "salt", "passes", "memory")),
    ],
)
def test_somebody_in_the_middle_changes_nothing_unseen(
    scene: Scene, tmp_path: Path, way: str, field: str, expect_log: Callable[[str], None]
) -> None:
    expect_log(WRONG)
    value = (
        line_keys(tmp_path / "middle", 66).certificate if field == "cert" else FOREIGN.get(field)
    )
    scene.cable.fault = Middle(field, way, value)
    with pytest.raises(ModuleError) as caught:
        scene.pair(scene.show_code())
    assert caught.value.code == "PAIR_CODE_WRONG"
    assert scene.nobody_is_trusted()


def test_a_module_that_does_not_know_the_code_is_not_trusted(scene: Scene) -> None:
    scene.cable.fault = _answers_with_the_tills_own_proof()
    with pytest.raises(ModuleError) as caught:
        scene.pair(scene.show_code())
    assert caught.value.code == "PAIR_MODULE_UNPROVEN"
    assert not scene.till_keys.peers()


def _answers_with_the_tills_own_proof() -> Callable[[str, bytes], list[bytes]]:
    heard: list[bytes] = []

    def fault(way: str, data: bytes) -> list[bytes]:
        (payload,) = Deframer().feed(data)
        values: Mapping[str, Any] = cbor.decode(payload)
        if way == TO_MODULE and "proof" in values:
            heard.append(values["proof"])
        if way == TO_TILL and "proof" in values.get("ok", {}):
            return [frame(cbor.encode({**values, "ok": {"proof": heard[0]}}))]
        return [data]

    return fault


def test_a_pairing_that_was_overheard_cannot_be_played_again(
    scene: Scene, expect_log: Callable[[str], None]
) -> None:
    expect_log(WRONG)
    scene.pair(scene.show_code())
    recorded = bytes(scene.cable.carried[TO_MODULE])
    scene.module_keys.forget("T001")
    scene.show_code()  # a new window
    scene.cable.plug(scene.a_gate(seed=99))
    # The module's nonce is a new one, so the old proof is wrong; it costs the window.
    scene.cable.send(recorded, 0)
    assert not scene.module_keys.peers()


def test_without_a_window_nothing_can_be_paired(scene: Scene) -> None:
    with pytest.raises(ModuleError) as caught:
        scene.pair(pairing.new_code(Chance(1)))
    assert caught.value.code == "PAIR_CLOSED"
    gate = scene.a_gate()
    for op in pairing.PAIR_OPS:
        body = {"name": "T", "cert": scene.till_keys.certificate, "nonce": bytes(32)}
        (reply,) = gate.take(codec.request(5, op, {**body, "proof": bytes(32)}))
        read = codec.read_reply(reply)
        assert read is not None and read.error == "PAIR_CLOSED"


@pytest.mark.parametrize("field", ["name", "cert", "nonce"])
def test_a_wild_field_is_refused_and_leaves_the_window_open(scene: Scene, field: str) -> None:
    code = scene.show_code()
    good = {"name": "T", "cert": scene.till_keys.certificate, "nonce": bytes(32)}
    gate = scene.a_gate()
    for wild in (None, 5, "", b"", "x" * 33, bytes(31), bytes(600), [1]):
        (reply,) = gate.take(codec.request(5, pairing.PAIR_START, {**good, field: wild}))
        read = codec.read_reply(reply)
        assert read is not None and (read.error, read.params) == ("FIELD_RANGE", {"field": field})
    scene.pair(code)


def test_a_pairing_window_made_by_hand_or_moved_in_is_no_window(
    scene: Scene, expect_log: Callable[[str], None]
) -> None:
    expect_log("the pairing window cannot be read")
    scene.pair(scene.show_code())
    peers = (scene.folder / "line-peers").read_bytes()
    for content in (b"", b"x" * 100, peers):
        (scene.folder / "line-pairing").write_bytes(content)
        (reply,) = scene.a_gate().take(codec.request(5, codec.HELLO, {}))
        assert cbor.decode(reply)["ok"]["pairing"] is False


# ---------------------------------------------------------------- real processes


def _listens(folder: Path) -> list[str]:
    return (
        [f"pty:{folder / 'line'}", f"unix:{folder / 'socket'}", "tcp:127.0.0.1:0"]
        if ON_POSIX
        else ["tcp:127.0.0.1:0"]
    )


@pytest.mark.parametrize("place", range(3 if ON_POSIX else 1))
def test_a_running_module_is_paired_by_its_folder_and_then_sells_to_that_till_only(
    tmp_path: Path, place: int
) -> None:
    module = ModuleProcess.make(tmp_path / "module", _listens(tmp_path)[place])
    with module.running():
        address = Address.parse(module.address)
        clear = LinkDriver(address, Chance(1), again_s=1.0)
        assert clear.open(time.monotonic() + 5).module_id == module.module_id
        clear.close()
        words = _cli("pair", module.folder)
        code = "".join(part for part in words.split("\n")[0].split() if part.isdigit())
        keys = line_keys(tmp_path / "till", 2)
        driver = LinkDriver(address, Chance(3), again_s=1.0, keys=keys)
        driver.pair(code, "T001", time.monotonic() + 5)
        driver.open(time.monotonic() + 5)
        assert driver.is_sealed
        driver.status(TILL, time.monotonic() + 5)
        module.restart()
        driver.open(time.monotonic() + 5)
        driver.close()
        with pytest.raises(ModuleError) as caught:
            clear.open(time.monotonic() + 5)
        assert caught.value.code == "NOT_PAIRED"
        assert bootstrap.unpair(module.folder, "").startswith("paired T001 ")
        assert bootstrap.unpair(module.folder, "T002") == "T002 was not paired"
        assert _cli("unpair", module.folder, "--till", "T001") == "paired with nobody"
        with pytest.raises(ModuleError) as caught:
            driver.open(time.monotonic() + 5)
        assert caught.value.code == "NOT_PAIRED"
    assert module.errors() == ""


def _cli(verb: str, folder: Path, *more: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "posapp", "module", verb, "--dir", str(folder), *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return run.stdout.strip()
