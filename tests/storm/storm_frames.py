"""Random and mutated frames and messages at a module and at a till: `python -m tests.storm frames`.

The promises: neither end raises anything unforeseen, hangs or grows; whatever a module makes of
nonsense, no request id and no TID is used twice; a till believes no answer that is none.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posapp.codec import cbor
from posapp.errors import ModuleError
from posapp.security_module.drivers.driver import (
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.security_module.drivers.link_driver import LinkDriver
from posapp.security_module.link import codec, pairing, session
from posapp.security_module.link.framing import ENCODED_MAX, PAYLOAD_MAX, Deframer, frame
from posapp.security_module.link.messages import order_of
from posapp.security_module.link.session import Session
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.gate import Gate
from posapp.security_module.reference.pairing_desk import PairingDesk, PairingWindow
from tests.security_module.engines import NOON_TID, SetClock, an_engine
from tests.security_module.lines import MODULE_ID, Chance, MemoryCable, introduce, line_keys
from tests.security_module.module_process import TILL, a_request

FRAMES = 200_000
SLOW_S = 2.0  # for one frame; a write transaction is in it and everybody's tests beside it
GROWTH_KIB = 32 * 1024  # what Python keeps of freed memory is in it
FINDINGS_MOST = 20
EXPECTED = (LineSilentError, LineLostError, WrongAnswerError, ModuleError)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 255, 1 << 31, 1 << 53, 1 << 63, -(1 << 64), (1 << 64) - 1),
    *(b"", bytes(16), bytes(32), bytes(600), "", "x", "9" * 20, "²" * 6, "x" * 600),
    *([], [[]], [[0] * 7], {}, {"a": {}}, {0: 0}, [[[[[[[[]]]]]]]]),
)


@dataclass
class Tally:
    """What was poured in, what came of it, and which promises were broken."""

    frames: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def finding(self, text: str) -> None:
        if len(self.findings) < FINDINGS_MOST:
            self.findings.append(text)


def mutated(chance: random.Random, good: bytes) -> bytes:
    """Some bytes changed, put in, taken out, doubled or cut off."""
    data = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0 if place < len(data):
                data[place] = chance.randrange(256)
            case 1 if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                data[place:place] = chance.randbytes(chance.randint(1, 8))
            case 3:
                del data[place : place + chance.randint(1, 8)]
            case 4:
                data += data[place : place + 64]
            case _:
                del data[max(place, 1) :]
    return bytes(data[:PAYLOAD_MAX]) or b"\x00"


def restructured(chance: random.Random, good: bytes) -> bytes:
    """A message with one field, at any depth, of an odd value; or without it."""
    try:
        values = cbor.decode(good)
    except Exception:
        return mutated(chance, good)
    spot: Any = values
    while True:
        names = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        if not names:
            break
        name = chance.choice(names)
        if isinstance(spot[name], (dict, list)) and spot[name] and chance.random() < 0.7:
            spot = spot[name]
            continue
        if isinstance(spot, dict) and chance.random() < 0.2:
            del spot[name]
        else:
            spot[name] = copy.deepcopy(chance.choice(ODD))
        break
    try:
        return cbor.encode(values)[:PAYLOAD_MAX] or b"\x00"
    except Exception:
        return mutated(chance, good)


class ModuleUnderFire:
    """A laboratory's gate in the clear, and a paired one, over one engine."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        clock = SetClock()
        self.engine, self.store = an_engine(folder / "module", clock)
        self.till_keys = line_keys(folder / "till", 1)
        keys, nobody = line_keys(folder / "module", 2), line_keys(folder / "laboratory", 3)
        introduce(self.till_keys, keys)
        self.window = PairingWindow(folder / "laboratory", nobody)
        self.window.open(clock.now(), Chance(4))
        desk = Desk(self.engine)
        pair = PairingDesk(self.window, nobody, MODULE_ID, clock, Chance(5))
        self.gates = (Gate(desk, nobody, pair), Gate(desk, keys))
        self.deframer = Deframer()
        self.sequence = 0
        self.clear = self._messages()

    def _messages(self) -> list[bytes]:
        request = a_request(1, NOON_TID)
        start = {"name": "T", "cert": self.till_keys.certificate, "nonce": bytes(32)}
        rid = {"rid": request.request_id, "till": TILL}
        return [
            codec.request(1, codec.HELLO, {}),
            codec.request(2, codec.STATUS, {"till": TILL}),
            codec.request(3, codec.FETCH, rid),
            codec.request(4, codec.CANCEL, {**rid, "seq": 1}),
            codec.request(5, pairing.PAIR_START, start),
            codec.request(6, pairing.PAIR_PROVE, {"proof": bytes(32)}),
        ]

    def order(self) -> bytes:
        """One that would be executed as it stands, or one that is over."""
        self.sequence += 1
        number = self.sequence if self.chance.random() < 0.8 else max(1, self.sequence - 50)
        tid = NOON_TID + number % 600
        meter = "58000079523" if number % 2 else "0100000000008"
        return codec.request(7, codec.ISSUE, order_of(a_request(number, tid, meter=meter)))

    def data(self) -> bytes:
        """Bytes for the line: a good message gone wrong, in a good frame or a broken one."""
        chance = self.chance
        kind = chance.randrange(8)
        if kind == 0:
            return chance.randbytes(chance.randint(1, 3_000))
        good = self.order() if kind < 4 else chance.choice(self.clear)
        payload = restructured(chance, good) if kind % 2 else mutated(chance, good)
        line = frame(payload)
        return mutated(chance, line) if kind == 7 else line

    def fire(self, tally: Tally) -> None:
        """One chunk at the gate in the clear."""
        self._take(self.gates[0], self.data(), tally)

    def fire_at_session(self, tally: Tally) -> None:
        """A session as it should be, with one piece of it gone wrong, or one of nobody's."""
        chance, gate = self.chance, self.gates[1]
        number = chance.randrange(1 << 32)
        ours = Session(self.till_keys.context(server=False), number, server=False)
        wrong = chance.randrange(4)
        for step in range(4):
            if step >= 2 and ours.shaken:
                ours.say(restructured(chance, self.order()))
            for payload in ours.pieces():
                bad = mutated(chance, payload) if step == wrong else payload
                for reply in self._take(gate, frame(bad), tally):
                    piece = session.Piece.read(reply)
                    if piece is not None and piece.kind == session.DATA:
                        with contextlib.suppress(session.SessionLostError):
                            ours.take(piece)

    def _take(self, gate: Gate, data: bytes, tally: Tally) -> list[bytes]:
        tally.frames += 1
        begun = time.monotonic()
        replies: list[bytes] = []
        for payload in self.deframer.feed(data):
            replies += gate.take(payload)
        replies += gate.heard()
        tally.slowest_s = max(tally.slowest_s, time.monotonic() - begun)
        for reply in replies:
            tally.ends["piece" if session.is_piece(reply) else _error_of(reply)] += 1
            if len(reply) > PAYLOAD_MAX:
                tally.finding(f"a reply of {len(reply)} bytes")
        if len(self.deframer._half) > ENCODED_MAX:
            tally.finding("a deframer that grows")
        return replies

    def doubles(self) -> list[str]:
        """Request ids or TIDs that were used twice."""
        with self.store._database.read() as connection:
            count = connection.exec_driver_sql
            made = count("SELECT count(*) FROM issues").scalar_one()
            ids = count("SELECT count(DISTINCT request_id) FROM issues").scalar_one()
            tids = count("SELECT count(*) FROM issued_tids").scalar_one()
            unique = count(
                "SELECT count(*) FROM (SELECT DISTINCT meter, base_date, tid FROM issued_tids)"
            ).scalar_one()
        return [] if (made, tids) == (ids, unique) else ["something was made twice"]


def _error_of(reply: bytes) -> str:
    read = codec.read_reply(reply)
    return "unreadable" if read is None else read.error or "ok"


class TillUnderFire:
    """A driver whose module's answers go wrong on the way: in the clear and in a session."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        engine, self.store = an_engine(folder / "far", SetClock())
        keys, module = line_keys(folder / "near", 11), line_keys(folder / "far", 12)
        introduce(keys, module)
        self.cables = (MemoryCable(Gate(Desk(engine))), MemoryCable(Gate(Desk(engine), module)))
        self.drivers = tuple(
            LinkDriver(_any(cable), Chance(13 + n), again_s=0.0, keys=keys if n else None)
            for n, cable in enumerate(self.cables)
        )
        self.sequence = 0

    def _fault(self, tally: Tally) -> Callable[[str, bytes], list[bytes]]:
        after = self.chance.randrange(5)
        seen = 0

        def fault(way: str, data: bytes) -> list[bytes]:
            nonlocal seen
            if way != "to the till":
                return [data]
            seen += 1
            if seen <= after:
                return [data]
            tally.frames += 1
            (payload,) = Deframer().feed(data)
            kind = self.chance.randrange(4)
            if kind == 0:
                return [mutated(self.chance, data), data]
            bad = restructured if kind == 1 else mutated
            return [frame(bad(self.chance, payload))]

        return fault

    def fire(self, tally: Tally) -> None:
        """One life of a line: opened, asked five things, given up."""
        which = self.chance.randrange(2)
        driver, cable = self.drivers[which], self.cables[which]
        cable.fault = self._fault(tally)
        begun = deadline = time.monotonic()  # everything is asked once
        try:
            driver.open(deadline)
            self.sequence += 1
            request = a_request(self.sequence, NOON_TID + self.sequence % 600)
            for ask in (
                lambda: driver.status(TILL, deadline),
                lambda: driver.issue(request, deadline),
                lambda: driver.fetch(request.request_id, TILL, deadline),
                lambda: driver.cancel(bytes(16), TILL, self.sequence, deadline),
            ):
                ask()
                tally.ends["answered"] += 1
        except EXPECTED as error:
            tally.ends[type(error).__name__] += 1
        finally:
            driver.close()
            for carried in cable.carried.values():
                carried.clear()
        tally.slowest_s = max(tally.slowest_s, time.monotonic() - begun)


def _any(value: Any) -> Any:
    return value


def resident_kib() -> int:
    """What this process holds in memory; 0 where the system does not say."""
    try:
        with Path("/proc/self/status").open(encoding="ascii") as lines:
            return next((int(x.split()[1]) for x in lines if x.startswith("VmRSS:")), 0)
    except OSError:
        return 0


def pour(seed: int, frames: int, deadline: float = float("inf")) -> Tally:
    """Up to `frames` frames, half at the module and half at the till."""
    chance, tally = random.Random(seed), Tally()
    logging.getLogger("posapp.module").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        module = ModuleUnderFire(Path(folder) / "a", chance)
        till = TillUnderFire(Path(folder) / "b", chance)
        settled_kib = 0
        try:
            while tally.frames < frames and time.monotonic() < deadline:
                aimed = chance.random()
                fire = module.fire if aimed < 0.5 else till.fire
                try:
                    (module.fire_at_session if aimed > 0.93 else fire)(tally)
                except Exception as error:
                    tally.finding(f"seed {seed}, frame {tally.frames}: {error!r}")
                if not settled_kib and tally.frames > frames // 4:
                    settled_kib = resident_kib()
            for broken in module.doubles():
                tally.finding(f"seed {seed}: {broken}")
        finally:
            module.store.close()
            till.store.close()
            logging.getLogger("posapp.module").setLevel(logging.NOTSET)
    grown = resident_kib() - settled_kib
    tally.ends["grown KiB"] = max(grown, 0)
    if settled_kib and grown > GROWTH_KIB:
        tally.finding(f"seed {seed}: {grown} KiB more than after a quarter of the frames")
    if tally.slowest_s > SLOW_S:
        tally.finding(f"seed {seed}: one frame took {tally.slowest_s:.1f} s")
    return tally


def storm(seed: int, minutes: float) -> list[str]:
    """200,000 frames, or as many as the time allows."""
    tally = pour(seed, FRAMES, time.monotonic() + minutes * 60)
    print(f"{tally.frames} frames, {tally.slowest_s * 1000:.0f} ms the slowest")
    for name, count in tally.ends.most_common():
        print(f"  {count:8d} {name}")
    return tally.findings
