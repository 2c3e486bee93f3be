"""One slip on its way down one line, in windows, until the printer confirms it.

It can be left and taken up again at any step: a slip that waits for paper waits here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from posapp.clock import Clock
from posapp.printing.profile import Profile
from posapp.printing.protocol import STEP_MS, Dialog
from posapp.printing.render.escpos import Slip

WINDOWS_AHEAD = 2  # pieces a printer may owe; two fit its buffer, and questions still get in
ASK_EVERY_MS = 1_000
STALL_MS = 30_000  # nothing moves and no cause is known
SILENCE_MS = 15_000  # asked in vain: the line is dead although nothing said so
ACK_BASE_MS = 10_000
SETTLE_MS = 1_000
SLOWEST_BYTES_S = 960  # 9600 baud


class Progress(StrEnum):
    """Where a slip stands when `advance` comes back."""

    PRINTED = "printed"
    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    STOPPED = "stopped"


class Transfer:
    """Sends the pieces of a slip, then waits for the acknowledgement."""

    def __init__(
        self, dialog: Dialog, slip: Slip, id4: bytes, profile: Profile, clock: Clock
    ) -> None:
        self._dialog = dialog
        self._profile = profile
        self._clock = clock
        self._id4 = id4
        self._pieces = slip.pieces
        self._index = 0
        self._current = b""  # the piece on its way, with its question at the end
        self._offset = 0
        self._paper_ms = slip.length_mm * 1000 // profile.speed_mm_s
        self._line_ms = len(slip.data) * 1000 // SLOWEST_BYTES_S
        now = clock.monotonic_ms()
        self._moved_ms = self._heard_ms = self._asked_ms = now
        self._sent_all_ms: int | None = None
        self.started = False
        self.cause = ""

    @property
    def sent_all(self) -> bool:
        """Whether every byte has left."""
        return self._index >= len(self._pieces)

    def resume(self) -> None:
        """Take up a held slip: the time it waited does not count against it."""
        now = self._clock.monotonic_ms()
        self._moved_ms = self._heard_ms = now
        if self._sent_all_ms is not None:
            self._sent_all_ms = now

    def advance(self, stop: Callable[[], bool]) -> Progress:
        """Go on until the slip is printed, held, given up, or `stop` says so (within 0.2 s).

        Raises PrintError PRINTER_LINK_LOST.
        """
        while True:
            progress = self._step()
            if progress is not None:
                return progress
            if stop():
                return Progress.STOPPED

    def _step(self) -> Progress | None:
        dialog, now = self._dialog, self._clock.monotonic_ms()
        between = self._offset == 0
        waits = self.sent_all or (between and dialog.owed >= WINDOWS_AHEAD)
        if dialog.listen(STEP_MS if waits else 0):
            self._heard_ms = now
        if self.sent_all and dialog.confirmed(self._id4):
            return Progress.PRINTED
        self.cause = dialog.health.cause
        self._ask(now)
        if self.cause:
            if self._silent(now):
                return Progress.UNCONFIRMED
            return Progress.HELD
        if self.sent_all:
            return self._overdue(now)
        if not waits:
            self._send(now)
        return Progress.UNCONFIRMED if now - self._moved_ms > STALL_MS else None

    def _send(self, now: int) -> None:
        dialog = self._dialog
        if not self._current:
            last = self._index == len(self._pieces) - 1
            question = dialog.ack_command(self._id4) if last else dialog.credit_command()
            self._current = self._pieces[self._index] + question
        taken = dialog.send(self._current[self._offset :], STEP_MS)
        if taken:
            self.started = True
            self._moved_ms = now
        self._offset += taken
        if self._offset == len(self._current):
            self._index += 1
            self._offset, self._current = 0, b""
            if self.sent_all:
                self._sent_all_ms = now

    def _ask(self, now: int) -> None:
        """Only between commands: inside a picture the question would be taken for dots."""
        if self._offset == 0 and self.started and now - self._asked_ms >= ASK_EVERY_MS:
            self._asked_ms = now
            self._dialog.ask_health()

    def _silent(self, now: int) -> bool:
        return self._profile.eot and self._offset == 0 and now - self._heard_ms > SILENCE_MS

    def _overdue(self, now: int) -> Progress | None:
        assert self._sent_all_ms is not None
        waited = now - self._sent_all_ms
        estimate = self._paper_ms + self._line_ms
        if self._dialog.confirmed(self._id4) is None:
            # A printer that confirms nothing: healthy after the time it needs is all we get.
            return Progress.PRINTED if waited > estimate + SETTLE_MS else None
        return Progress.UNCONFIRMED if waited > ACK_BASE_MS + 3 * estimate else None
