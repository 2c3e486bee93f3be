"""A serial cable between a till and a module that fails when it is told to, and counts that it did.

One thread owns both ends: the till's is a pty that can vanish and come back under its name, the
module's is the pty of whichever process serves now.
"""

from __future__ import annotations

import os
import queue
import random
import select
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from posapp.security_module.reference.pty_posix import PtyEndpoint
from tests.security_module.lines import MODEM_NOISE, TO_MODULE, TO_TILL

READ_BYTES = 4096
IDLE_S = 0.25
WRITE_S = 1.0
OBEYED_S = 10.0  # a till that does not read holds the thread for 2 s
LATE_S = (0.05, 0.8)  # less and more than what the till waits before it asks again
SLOW_BYTES, SLOW_S = 3, 1.0  # so many at one byte a second, then the rest at once
BACK_S = (0.02, 0.2)
SKIP_MOST = 5
LATE_COPIES = 20


class Fault(StrEnum):
    """What can happen to one piece of bytes on its way."""

    DROP = "drop"
    FLIP = "flip"
    CUT = "cut"
    DOUBLE = "double"
    DELAY = "delay"
    SLOW = "one byte a second"
    NOISE = "noise before HELLO"


class Cable:
    """Start it, `connect` a module, give `address` to a till. `happened` counts what took effect.

    A fault that was armed waits for one of the next pieces of either way, noise for a HELLO.
    """

    def __init__(self, link: Path, chance: random.Random) -> None:
        self.address = f"serial:{link}"
        self.happened: Counter[str] = Counter()
        self.pieces = 0
        self._link = link
        self._chance = chance
        self._armed: deque[Fault] = deque()
        self._noise = 0
        self._skip = 0
        self._moved = threading.Condition()  # guards what is armed and counted
        self._till: PtyEndpoint | None = None
        self._module: int | None = None
        self._pulled = True
        self._used = False  # whether anything was carried since the plug was last put in
        self._back_at: float | None = None
        self._orders_seen: deque[bytes] = deque(maxlen=LATE_COPIES)
        self._ways: dict[str, deque[tuple[float, bytes]]] = {TO_MODULE: deque(), TO_TILL: deque()}
        self._orders: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]]
        self._orders = queue.SimpleQueue()
        self._bell_heard, self._bell = os.pipe()
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._do(self._put_in)

    # ------------------------------------------------------------ what it is told

    def connect(self, module_address: str) -> None:
        """The module that serves now. A port that went with the one before comes back."""
        path = Path(module_address.removeprefix("serial:")).resolve()
        self._do(lambda: self._reach(path))

    def unplug(self) -> None:
        """The till's port vanishes. It counts when something had been said over it."""
        self._do(self._pull)

    def plug(self) -> None:
        """The port is back under its name."""
        self._do(self._put_in)

    def arm(self, fault: Fault) -> None:
        """Let it happen to one of the next pieces."""
        with self._moved:
            if fault is Fault.NOISE:
                self._noise += 1
            else:
                self._armed.append(fault)

    @property
    def waiting(self) -> int:
        """How many faults were armed and have not happened yet."""
        with self._moved:
            return len(self._armed) + self._noise

    def after(self, pieces: int, within_s: float) -> bool:
        """Wait until so many more pieces came by."""
        with self._moved:
            wanted = self.pieces + pieces
            return self._moved.wait_for(lambda: self.pieces >= wanted, within_s)

    def calm(self) -> None:
        """Nothing is armed and nothing on its way is held back any more."""
        with self._moved:
            self._armed.clear()
            self._noise = 0
        self._do(self._forget)

    def repeat(self) -> None:
        """Copies of the newest orders in the clear come once more, long after their time."""
        self._do(self._say_again)

    def close(self) -> None:
        """Both ends are given up."""
        self._ending = True
        os.write(self._bell, b"!")
        self._thread.join()
        for handle in (self._bell, self._bell_heard):
            os.close(handle)

    def _do(self, order: Callable[[], None]) -> None:
        """In the thread, so that no end is closed under its hands."""
        done = threading.Event()
        self._orders.put((order, done))
        os.write(self._bell, b"!")
        assert done.wait(OBEYED_S), "the cable does not obey"

    # ------------------------------------------------------------ both ends

    def _put_in(self) -> None:
        self._pulled = self._used = False
        self._back_at = None
        if self._till is None:
            self._till = PtyEndpoint(self._link)

    def _pull(self) -> None:
        self._pulled = True
        if self._till is not None and self._used:
            self.happened["unplug"] += 1
        self._let_go_of_till()

    def _reach(self, path: Path) -> None:
        self._let_go_of_module()
        self._module = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if not self._pulled:
            self._put_in()

    def _say_again(self) -> None:
        for order in self._orders_seen:
            self.happened["late copy of an order"] += 1
            self._send(TO_MODULE, order)
        self._orders_seen.clear()

    def _let_go_of_till(self) -> None:
        till, self._till = self._till, None
        self._used = False
        self._forget()
        if till is not None:
            till.close()

    def _forget(self) -> None:
        for way in self._ways.values():
            way.clear()

    def _let_go_of_module(self) -> None:
        module, self._module = self._module, None
        if module is not None:
            os.close(module)

    def _module_died(self) -> None:
        """Its power came with the cable, and the port goes with it; or it did not."""
        self._let_go_of_module()
        if self._chance.random() < 0.5:
            self._let_go_of_till()

    # ------------------------------------------------------------ carrying

    def _run(self) -> None:
        while not self._ending:
            with suppress(queue.Empty):
                while True:
                    order, done = self._orders.get_nowait()
                    order()
                    done.set()
            if self._back_at is not None and time.monotonic() >= self._back_at:
                self._put_in()
            self._deliver()
            self._listen()
        self._let_go_of_till()
        self._let_go_of_module()

    def _listen(self) -> None:
        till = None if self._till is None else self._till._ours
        handles = [h for h in (self._bell_heard, till, self._module) if h is not None]
        ready, _, _ = select.select(handles, [], [], self._pause_s())
        for handle in ready:
            if handle == self._bell_heard:
                os.read(handle, READ_BYTES)
            elif handle == till:
                if self._till is not None:
                    self._carry(TO_MODULE, self._till.receive(0.0))
            elif handle == self._module:
                try:
                    data = os.read(handle, READ_BYTES)
                except OSError:
                    data = b""
                if data:
                    self._carry(TO_TILL, data)
                else:
                    self._module_died()

    def _pause_s(self) -> float:
        due = [way[0][0] for way in self._ways.values() if way]
        if self._back_at is not None:
            due.append(self._back_at)
        return max(0.0, min([IDLE_S, *(moment - time.monotonic() for moment in due)]))

    def _carry(self, way: str, data: bytes) -> None:
        if not data or self._till is None or self._module is None:
            return  # into nothing
        self._used = True
        if b"ISSUE" in data:
            self._orders_seen.append(data)
        with self._moved:
            self.pieces += 1
            self._moved.notify_all()
            fault = self._next_fault(way, data)
        if fault is None:
            self._send(way, data)
            return
        self._spoil(fault, way, data)
        with self._moved:
            self.happened[fault] += 1
            self._moved.notify_all()

    def _next_fault(self, way: str, data: bytes) -> Fault | None:
        if self._noise and way == TO_MODULE and b"HELLO" in data:
            self._noise -= 1
            return Fault.NOISE
        if not self._armed or len(data) < 2:
            return None
        if self._skip:
            self._skip -= 1
            return None
        self._skip = self._chance.randint(0, SKIP_MOST)
        return self._armed.popleft()

    def _spoil(self, fault: Fault, way: str, data: bytes) -> None:
        chance, now = self._chance, time.monotonic()
        place = chance.randrange(1, len(data))
        if fault is Fault.FLIP:
            bad = data[place] ^ 1 << chance.randrange(8)
            self._send(way, data[:place] + bytes([bad]) + data[place + 1 :])
        elif fault is Fault.DOUBLE:
            self._send(way, data + data)
        elif fault is Fault.DELAY:
            self._send(way, data, at=now + chance.uniform(*LATE_S))
        elif fault is Fault.SLOW:
            for byte in range(min(SLOW_BYTES, len(data) - 1)):
                self._send(way, data[byte : byte + 1], at=now + byte * SLOW_S)
            self._send(way, data[SLOW_BYTES:], at=now + SLOW_BYTES * SLOW_S)
        elif fault is Fault.NOISE:
            noise = chance.choice((MODEM_NOISE, chance.randbytes(chance.randint(1, 80))))
            self._send(TO_TILL, noise)
            self._send(TO_MODULE, noise + data)
        elif fault is Fault.CUT:
            self._send(way, data[:place])
            self._deliver()
            self._let_go_of_till()
            self._back_at = now + chance.uniform(*BACK_S)

    def _send(self, way: str, data: bytes, at: float = 0.0) -> None:
        """Never before what was sent that way earlier."""
        waiting = self._ways[way]
        if waiting:
            at = max(at, waiting[-1][0])
        if data:
            waiting.append((at, data))

    def _deliver(self) -> None:
        now = time.monotonic()
        for way, waiting in self._ways.items():
            while waiting and waiting[0][0] <= now:
                _, data = waiting.popleft()
                if way == TO_TILL and self._till is not None:
                    self._till.send(data)
                elif way == TO_MODULE and self._module is not None:
                    self._to_module(data)

    def _to_module(self, data: bytes) -> None:
        while data and self._module is not None:
            _, ready, _ = select.select([], [self._module], [], WRITE_S)
            try:
                data = data[os.write(self._module, data) :] if ready else b""
            except OSError:
                self._module_died()
