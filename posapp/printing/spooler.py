"""Moves durable print jobs to paper: every slip once as an original, later only as a copy.

    QUEUED (+ held: why)  no byte has left; it will be sent as it is
    SENDING, SENT         bytes have left; without a confirmation it may or may not be on paper
    HELD (+ held: why)    the printer stopped inside the slip and keeps it; it goes on by itself
    PRINTED               the printer confirmed it
    UNCERTAIN             line or power lost after the first byte; a COPY n follows in the queue

All work happens on the printer lane. `transfer.py` moves one slip, `protocol.py` talks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from posapp.clock import Clock
from posapp.domain.customer import Customer
from posapp.errors import InputError, PrintError, StoreError
from posapp.lanes import Lane, Lanes, Urgency
from posapp.ports import PrinterState, PrinterStatus, PrintJob, PrintState, Store, UnitOfWork
from posapp.printing.link import LinkFactory
from posapp.printing.profile import Profile
from posapp.printing.protocol import STEP_MS, Dialog
from posapp.printing.render.escpos import Slip
from posapp.printing.transfer import Progress, Transfer
from posapp.reports.copy import broken_slip, marked_copy
from posapp.reports.document import Document
from posapp.reports.people import resolver

log = logging.getLogger("posapp.print")

Renderer = Callable[[Document, Profile], Slip]

WAITING = (PrintState.HELD, PrintState.SENDING, PrintState.SENT, PrintState.QUEUED)
STARTED = (PrintState.SENDING, PrintState.SENT, PrintState.HELD)
RECOVERED_MAX = 1_000
COUNTED_MAX = 200  # `waiting` counts no further; documents come with the rows
RESENDS_MAX = 3  # copies made without a person asking; then someone must look at the printer
COPY_QUEUED = "COPY_QUEUED"
POLL_MS = 5_000
REOPEN_MS = 1_000
CLOSE_GRACE_MS = 1_500
IDLE_LISTEN_MS = 50


class Spooler:
    """Implements `ports.PrintQueue`. The caller calls `tick` about once a second, and `close`."""

    def __init__(
        self,
        store: Store,
        factory: LinkFactory | None,
        profile: Profile,
        renderer: Renderer,
        clock: Clock,
        lanes: Lanes,
    ) -> None:
        """`factory` None: there is no printer, jobs wait."""
        self._store = store
        self._factory = factory
        self._profile = profile
        self._renderer = renderer
        self._clock = clock
        self._lanes = lanes
        self._lock = threading.Lock()
        self._asked = False
        self._closing_ms: int | None = None
        self._recovered = False
        self._dialog: Dialog | None = None
        self._job: PrintJob | None = None
        self._transfer: Transfer | None = None
        self._first_id = 0
        self._void_first = False
        self._serial = 0
        self._resends: dict[int, int] = {}
        self._open_after_ms = 0
        self._poll_after_ms = 0
        self._open_problem = ""
        self._silent = False
        self._status = PrinterStatus(
            PrinterState.ABSENT if factory is None else PrinterState.UNKNOWN
        )

    # ------------------------------------------------------------ called from anywhere

    def wake(self) -> None:
        """There may be something to print. Returns at once."""
        self._schedule(Urgency.NORMAL)

    def tick(self) -> None:
        """Look after the printer: poll it, open it again, go on with a held slip."""
        self._schedule(Urgency.CHORE)

    def status(self) -> PrinterStatus:
        """What is known now."""
        return self._status

    def close(self) -> None:
        """Let a slip that is nearly out finish (at most 1.5 s), then give up the line."""
        self._closing_ms = self._clock.monotonic_ms()
        with suppress(RuntimeError):  # the lane may have ended before us
            self._lanes.run(Lane.PRINTER, self._drop).result()

    def _schedule(self, urgency: Urgency) -> None:
        with self._lock:
            if self._asked or self._closing_ms is not None:
                return
            self._asked = True
        self._lanes.run(Lane.PRINTER, self._work, urgency).add_done_callback(_report)

    # ------------------------------------------------------------ on the printer lane

    def _work(self) -> None:
        with self._lock:
            self._asked = False
        if not self._recovered:
            self._recover()
        while self._closing_ms is None and self._one():
            pass
        self._idle()
        self._look()

    def _one(self) -> bool:
        """Move one job; False when there is nothing that can move now."""
        if self._transfer is None:
            job = self._next()
            if job is None or not self._begin(job):
                return False
        return self._continue()

    def _stop(self) -> bool:
        closing = self._closing_ms
        return closing is not None and self._clock.monotonic_ms() - closing > CLOSE_GRACE_MS

    def _next(self) -> PrintJob | None:
        """The copy that a customer waits for, else the oldest."""
        first = self._first_id
        if first:
            job = self._store.read(lambda reader: reader.print_job(first))
            if job is not None and job.state is PrintState.QUEUED:
                return job
            self._first_id = 0
        queued = (PrintState.QUEUED,)
        jobs = self._store.read(lambda reader: reader.print_jobs(queued, 1))
        return jobs[0] if jobs else None

    def _begin(self, job: PrintJob) -> bool:
        """Open the line and start a slip; False when it has to wait, with the reason stored."""
        problem = self._ready()
        if problem:
            self._set(job, PrintState.QUEUED, problem)
            return False
        assert self._dialog is not None
        try:
            slip = self._slip_of(job)
        except InputError as error:
            log.error("print job %d cannot be drawn: %s", job.job_id, error.code)
            self._set(job, PrintState.CANCELLED, error.code)
            return False
        self._serial = self._serial % 9999 + 1
        id4 = f"{self._serial:04d}".encode("ascii")
        # Durable before the first byte: from here on a lost till means a copy.
        if not self._claimed(job):
            return False
        self._job = job
        self._transfer = Transfer(self._dialog, slip, id4, self._profile, self._clock)
        return True

    def _claimed(self, job: PrintJob) -> bool:
        """Whether it is ours to send: a void may have taken it back since it was read."""
        try:
            self._set(job, PrintState.SENDING, "")
        except StoreError as error:
            if error.code != "PRINT_JOB_MISSING":
                raise
            log.info("print job %d was taken back before it began", job.job_id)
            return False
        return True

    def _slip_of(self, job: PrintJob) -> Slip:
        document = Document.from_bytes(job.document)
        if job.copy_no > 0:
            document = marked_copy(document, job.copy_no, self._clock.now())
        slip = self._renderer(document.resolve(resolver(self._customer)), self._profile)
        if not self._void_first:
            return slip
        strip = broken_slip(document.language, document.zone)
        void = self._renderer(strip, self._profile)
        # Zeros for a printer that still waits for the rest of a picture; else it ignores them.
        # One piece: a question between them would be taken for dots and never answered.
        filler = bytes(self._profile.command_max + 16)
        pieces = (filler, *void.pieces, *slip.pieces)
        return Slip(pieces, void.length_mm + slip.length_mm)

    def _customer(self, customer_id: int) -> Customer | None:
        return self._store.read(lambda reader: reader.customer_name(customer_id))

    def _ready(self) -> str:
        """Open, hear and check the printer; why it cannot print now, or nothing.

        A line that died while it was idle is opened once more before that counts.
        """
        for _ in range(2):
            problem = self._open()
            if problem:
                return problem
            assert self._dialog is not None
            try:
                self._dialog.hello(lambda: self._closing_ms is not None)
            except PrintError as error:
                self._drop()
                self._open_problem = error.code
                self._silent = error.code == "PRINTER_SILENT"
                if error.code != "PRINTER_LINK_LOST":
                    return error.code
            else:
                self._silent = False
                return self._dialog.health.cause
        return self._open_problem

    def _open(self) -> str:
        if self._dialog is not None:
            return ""
        if self._factory is None:
            return "PRINTER_ABSENT"
        now = self._clock.monotonic_ms()
        if now < self._open_after_ms:
            return self._open_problem
        try:
            dialog = Dialog(self._factory(), self._profile, self._clock)
            dialog.watch()
        except PrintError as error:
            self._open_problem = error.code
            self._open_after_ms = now + REOPEN_MS
            self._silent = False
            return error.code
        self._dialog, self._open_problem = dialog, ""
        return ""

    def _continue(self) -> bool:
        """Move the slip in hand; True when it is finished one way or another."""
        assert self._job is not None and self._transfer is not None
        job, transfer = self._job, self._transfer
        try:
            progress = transfer.advance(self._stop)
        except PrintError as error:
            self._lost(job, transfer, error.code)
            return True
        if progress is Progress.HELD:
            self._set(job, PrintState.HELD, transfer.cause)
            transfer.resume()
            return False
        if progress is Progress.STOPPED:
            return False
        self._job = self._transfer = None
        if progress is Progress.PRINTED:
            self._set(job, PrintState.PRINTED, "")
            self._void_first = False
            self._resends.pop(job.job_id, None)
            return True
        self._unconfirmed(job, transfer)
        return True

    def _lost(self, job: PrintJob, transfer: Transfer, code: str) -> None:
        """Line or power went away with the slip in hand."""
        self._job = self._transfer = None
        self._drop()
        if transfer.started:
            log.info("print job %d lost its line (%s); a copy follows", job.job_id, code)
            self._void_first = True
            self._copy_instead(job)
        else:
            self._set(job, PrintState.QUEUED, code)

    def _unconfirmed(self, job: PrintJob, transfer: Transfer) -> None:
        """Everything was sent and the printer said nothing of it in time."""
        assert self._dialog is not None
        try:
            self._dialog.hello(self._stop)
        except PrintError as error:
            self._lost(job, transfer, error.code)
            return
        log.warning("print job %d was not confirmed by a printer that is well", job.job_id)
        self._set(job, PrintState.UNCERTAIN, "PRINTER_NO_ANSWER")
        self._drop()

    def _copy_instead(self, job: PrintJob) -> None:
        """The slip may be on paper: it stays UNCERTAIN and a marked copy is queued, as one."""
        resends = self._resends.pop(job.job_id, 0) + 1
        if resends > RESENDS_MAX:
            log.warning("print job %d was lost %d times; no more copies", job.job_id, resends)
            self._set(job, PrintState.UNCERTAIN, "PRINTER_LINK_LOST")
            return

        def write(uow: UnitOfWork) -> int:
            copies = [job.copy_no]
            if job.sale_id:
                copies += [other.copy_no for other in uow.print_jobs_of_sale(job.sale_id)]
            uow.set_print_job(job.job_id, PrintState.UNCERTAIN, COPY_QUEUED)
            return uow.add_print_job(
                job.kind,
                job.title,
                job.document,
                sale_id=job.sale_id,
                copy_no=max(copies) + 1,
            )

        copy_id = self._store.write(write)
        self._resends[copy_id] = resends
        self._first_id = copy_id

    def _recover(self) -> None:
        """Jobs that a killed till left half-way: nobody knows what is on paper."""
        self._recovered = True
        jobs = self._store.read(lambda reader: reader.print_jobs(STARTED, RECOVERED_MAX))
        for job in jobs:
            log.info("print job %d was under way when the till ended; a copy follows", job.job_id)
            self._copy_instead(job)
            self._void_first = True
        if jobs:
            self._first_id = 0  # several: in their old order

    def _idle(self) -> None:
        """With nothing in hand: keep the line open and hear how the printer is."""
        now = self._clock.monotonic_ms()
        if self._transfer is not None or self._factory is None or self._closing_ms is not None:
            return
        try:
            if self._dialog is None:
                if self._open():
                    return
                self._poll_after_ms = 0
            dialog = self._dialog
            assert dialog is not None
            if now >= self._poll_after_ms:
                self._poll_after_ms = now + POLL_MS
                dialog.ask_health()
                dialog.listen(STEP_MS)
            while dialog.listen(IDLE_LISTEN_MS):
                pass
        except PrintError as error:
            self._open_problem = error.code
            self._drop()

    def _look(self) -> None:
        """Renew what `status` says."""
        jobs = self._store.read(lambda reader: reader.print_jobs(WAITING, COUNTED_MAX))
        state = PrinterState.ABSENT if self._dialog is None else self._dialog.health.state
        if self._silent and state in (PrinterState.ABSENT, PrinterState.UNKNOWN):
            state = PrinterState.OFFLINE  # the line is there, the printer does not speak
        self._status = PrinterStatus(state, len(jobs))

    def _set(self, job: PrintJob, state: PrintState, held: str) -> None:
        """Write a state if it is news."""
        known = self._store.read(lambda reader: reader.print_job(job.job_id))
        if known is None or (known.state, known.held) != (state, held):
            self._store.write(lambda uow: uow.set_print_job(job.job_id, state, held), Urgency.CHORE)

    def _drop(self) -> None:
        if self._dialog is not None:
            self._dialog.close()
            self._dialog = None


def _report(done: Future[None]) -> None:
    """Nobody waits for this work: what went wrong in it must not stay unheard."""
    error = done.exception()
    if error is not None:
        log.error("printing was interrupted", exc_info=error)
