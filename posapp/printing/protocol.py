"""The conversation with an ESC/POS printer: what its bytes mean, and asking without hanging.

python-escpos cannot tell whether a slip was printed; the acknowledgement (`GS ( H`, else
`GS r`) and the status model here can. `spooler.py` decides what follows from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from posapp.clock import Clock
from posapp.errors import PrintError
from posapp.ports import PrinterState
from posapp.printing.link import Link
from posapp.printing.profile import Profile

HELLO_MS = 2_000
RECOVER_MS = 10_000  # an upper limit for freeing a printer that is stuck inside a command
RECOVER_STEP_MS = 1_000
STEP_MS = 100  # no single wait is longer, so that closing takes effect at once
INFO_MAX = 80

_EOT = b"\x10\x04"
_ASB_ON = b"\x1da\xff"
_GS_R = b"\x1dr\x01"


# ---------------------------------------------------------------- bytes from the printer


@dataclass(frozen=True, slots=True)
class EotAnswer:
    """The answer to `DLE EOT n`; which n is known from the order of asking."""

    byte: int


@dataclass(frozen=True, slots=True)
class AsbAnswer:
    """Four bytes sent by the printer itself when something changes (`GS a`)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """The answer to `GS r 1`: given in its turn, and not at all without paper."""

    byte: int


@dataclass(frozen=True, slots=True)
class Printed:
    """The answer to `GS ( H`: everything before it is on paper."""

    id4: bytes


Answer = EotAnswer | AsbAnswer | PaperAnswer | Printed


class Classifier:
    """Sorts a printer's bytes into answers, wherever the line cuts them."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Answer]:
        """The answers that are complete now; noise is skipped byte by byte."""
        self._pending += data
        while self._pending:
            used, answer = self._first()
            if used == 0:
                return
            del self._pending[:used]
            if answer is not None:
                yield answer

    def _first(self) -> tuple[int, Answer | None]:
        """Bytes used (0: more are needed) and what they were."""
        data = self._pending
        first = data[0]
        if first in (0x37, 0x5F):
            end = data.find(0)
            if end < 0:
                return (1, None) if len(data) > INFO_MAX else (0, None)
            block = bytes(data[: end + 1])
            if block[:2] == b"\x37\x22" and len(block) == 7:
                return end + 1, Printed(block[2:6])
            return end + 1, None
        if first & 0x93 == 0x12:
            return 1, EotAnswer(first)
        if first & 0x93 == 0x10:
            if len(data) < 4:
                return 0, None
            if all(byte & 0x90 == 0 for byte in data[1:4]):
                return 4, AsbAnswer(bytes(data[:4]))
            return 1, None
        if first & 0x90 == 0:
            return 1, PaperAnswer(first)
        return 1, None  # XON, XOFF and noise


# ---------------------------------------------------------------- what is known of it


@dataclass(frozen=True, slots=True)
class Health:
    """What the printer said last; None is unknown and never taken for good."""

    online: bool | None = None
    cover_open: bool | None = None
    paper_out: bool | None = None
    paper_low: bool | None = None
    error: bool | None = None

    def after_eot(self, number: int, byte: int) -> Health:
        """With the answer to `DLE EOT number`."""
        if number == 1:
            return replace(self, online=not byte & 0x08)
        if number == 2:
            known = replace(self, cover_open=bool(byte & 0x04), error=bool(byte & 0x40))
            return replace(known, paper_out=True) if byte & 0x20 else known
        if number == 4:
            return replace(self, paper_low=bool(byte & 0x0C), paper_out=bool(byte & 0x60))
        return self

    def after_asb(self, data: bytes) -> Health:
        """With an automatic status."""
        return Health(
            online=not data[0] & 0x08,
            cover_open=bool(data[0] & 0x20),
            paper_out=bool(data[2] & 0x0C),
            paper_low=bool(data[2] & 0x03),
            error=bool(data[1] & 0x6C),
        )

    @property
    def state(self) -> PrinterState:
        """One word for the screen; the worst first."""
        if self.cover_open:
            return PrinterState.COVER_OPEN
        if self.paper_out:
            return PrinterState.PAPER_OUT
        if self.error or self.online is False:
            return PrinterState.OFFLINE
        if self.online is None:
            return PrinterState.UNKNOWN
        return PrinterState.PAPER_LOW if self.paper_low else PrinterState.READY

    @property
    def cause(self) -> str:
        """Why it does not print, as an error code; empty when nothing is known against it."""
        causes = {
            PrinterState.COVER_OPEN: "COVER_OPEN",
            PrinterState.PAPER_OUT: "PAPER_OUT",
            PrinterState.OFFLINE: "PRINTER_OFFLINE",
        }
        return causes.get(self.state, "")


class Dialog:
    """One open line to one printer."""

    def __init__(self, link: Link, profile: Profile, clock: Clock) -> None:
        self._link = link
        self._profile = profile
        self._clock = clock
        self._classifier = Classifier()
        self._asked: deque[int] = deque()
        self._credits_asked = 0
        self._credits_got = 0
        self.health = Health()
        self.printed: set[bytes] = set()

    def close(self) -> None:
        """Give up the line."""
        self._link.close()

    # ------------------------------------------------------------ listening

    def listen(self, timeout_ms: int) -> bool:
        """Take in what the printer says, waiting at most `timeout_ms`; whether it said anything.

        Raises PrintError PRINTER_LINK_LOST.
        """
        data = self._link.read(timeout_ms)
        for answer in self._classifier.feed(data):
            if isinstance(answer, EotAnswer):
                number = self._asked.popleft() if self._asked else 0
                self.health = self.health.after_eot(number, answer.byte)
            elif isinstance(answer, AsbAnswer):
                self.health = self.health.after_asb(answer.data)
            elif isinstance(answer, PaperAnswer):
                self._credits_got = min(self._credits_got + 1, self._credits_asked)
            else:
                self.printed.add(answer.id4)
        return bool(data)

    def ask_health(self) -> None:
        """Send `DLE EOT` 1, 2 and 4; answers come by `listen`. Only between commands."""
        if not self._profile.eot:
            return
        for number in (1, 2, 4):
            self._asked.append(number)
            self._must_write(_EOT + bytes([number]))

    def hello(self, stop: Callable[[], bool]) -> None:
        """Find out whether the printer hears us, freeing it from a half-received command.

        Up to 12 s, or until `stop` says so. Raises PrintError PRINTER_SILENT when it does not
        answer and PRINTER_LINK_LOST when the line has gone.
        """
        if not self._profile.eot or self._heard(HELLO_MS, stop):
            return
        # A printer inside a picture takes everything for dots: fill what may be missing.
        deadline = self._clock.monotonic_ms() + RECOVER_MS
        filler = bytes(self._profile.command_max + 16)
        while self._clock.monotonic_ms() < deadline and not stop():
            self._link.write(filler, RECOVER_STEP_MS)
            if self._heard(RECOVER_STEP_MS, stop):
                return
        raise PrintError("PRINTER_SILENT")

    def _heard(self, timeout_ms: int, stop: Callable[[], bool]) -> bool:
        self._asked.clear()
        self.ask_health()
        deadline = self._clock.monotonic_ms() + timeout_ms
        while self._asked and self._clock.monotonic_ms() < deadline and not stop():
            self.listen(STEP_MS)
        return not self._asked

    def watch(self) -> None:
        """Let the printer say by itself what changes."""
        if self._profile.asb:
            self._must_write(_ASB_ON)

    # ------------------------------------------------------------ sending

    def send(self, data: bytes, timeout_ms: int) -> int:
        """Bytes taken within `timeout_ms`. Raises PrintError PRINTER_LINK_LOST."""
        return self._link.write(data, timeout_ms)

    def credit_command(self) -> bytes:
        """`GS r 1` to be appended to a piece: its answer says the piece was worked off."""
        if not self._profile.gs_r:
            return b""
        self._credits_asked += 1
        return _GS_R

    @property
    def owed(self) -> int:
        """Pieces that the printer has not worked off yet."""
        return self._credits_asked - self._credits_got

    def ack_command(self, id4: bytes) -> bytes:
        """What ends a slip so that the printer confirms it on paper; b"" if it cannot."""
        assert len(id4) == 4 and all(0x20 <= byte <= 0x7E for byte in id4)
        if self._profile.process_id:
            self.printed.discard(id4)  # numbers come round again
            return b"\x1d(H\x06\x0000" + id4
        return self.credit_command()

    def confirmed(self, id4: bytes) -> bool | None:
        """Whether the slip is on paper; None when this printer cannot confirm anything."""
        if self._profile.process_id:
            return id4 in self.printed
        return self.owed == 0 if self._profile.gs_r else None

    def _must_write(self, data: bytes) -> None:
        if self._link.write(data, STEP_MS) < len(data):
            # Its buffer is full: it will not hear this question, and that is an answer too.
            self._asked.clear()
