"""Print a slip again, marked as a copy. There is one original for ever."""

from __future__ import annotations

from posapp.domain.sale import SOLD_STATES
from posapp.errors import InputError
from posapp.ports import PrintQueue, PrintState, Store, UnitOfWork

COPIES_MAX = 99
ON_ITS_WAY = (PrintState.QUEUED, PrintState.SENDING, PrintState.SENT, PrintState.HELD)


class Reprint:
    """Runs on the sale lane."""

    def __init__(self, store: Store, queue: PrintQueue) -> None:
        self._store = store
        self._queue = queue

    def __call__(self, sale_id: bytes) -> int:
        """Queue COPY n of a sale's slip; its job id.

        Raises InputError NOTHING_TO_REPRINT (no token was made, or it was voided), SLIP_WAITING
        (it has not come out yet and will by itself) or TOO_MANY_COPIES.
        """

        def write(uow: UnitOfWork) -> int:
            # A claim slip told of the same sale while it was open; it is no original of this.
            jobs = [job for job in uow.print_jobs_of_sale(sale_id) if job.kind == "receipt"]
            record = uow.sale(sale_id)
            # A voided sale's token was made and is nobody's: no copy may bring it out.
            if not jobs or record is None or record.state not in SOLD_STATES:
                raise InputError("NOTHING_TO_REPRINT")
            if any(job.state in ON_ITS_WAY for job in jobs):
                raise InputError("SLIP_WAITING")
            copy_no = max(job.copy_no for job in jobs) + 1
            if copy_no > COPIES_MAX:
                raise InputError("TOO_MANY_COPIES", copies=COPIES_MAX)
            first = jobs[0]
            return uow.add_print_job(
                first.kind, first.title, first.document, sale_id=sale_id, copy_no=copy_no
            )

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id
