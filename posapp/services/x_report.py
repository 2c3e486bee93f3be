"""X: how the open shift stands, at any time. It changes nothing and is never final."""

from __future__ import annotations

from posapp.domain.commission import CommissionRule
from posapp.errors import SaleError
from posapp.ports import Clock, PrintQueue, Reader, Store, UnitOfWork
from posapp.reports.document import Document
from posapp.reports.shift_slip import build_shift_slip
from posapp.services.shift_sums import shift_facts


class XReport:
    """Runs on the report lane; 0.1 s after 3,000 sales."""

    def __init__(
        self, store: Store, queue: PrintQueue, clock: Clock, rules: tuple[CommissionRule, ...] = ()
    ) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._rules = rules

    def document(self) -> bytes:
        """The slip of now. Raises SaleError SHIFT_NOT_OPEN."""
        return self._store.read(self._build).to_bytes()

    def __call__(self) -> int:
        """Queue the slip; its print job. Raises SaleError SHIFT_NOT_OPEN."""

        def write(uow: UnitOfWork) -> int:
            document = self._build(uow)
            return uow.add_print_job("shift", document.title, document.to_bytes())

        job_id = self._store.write(write)
        self._queue.wake()
        return job_id

    def _build(self, reader: Reader) -> Document:
        shift = reader.open_shift()
        if shift is None:
            raise SaleError("SHIFT_NOT_OPEN")
        return build_shift_slip(shift_facts(reader, shift, self._clock.now(), self._rules))
