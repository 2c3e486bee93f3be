"""Finish what a power cut, a pulled cable or a killed program left open. Runs before any sale."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from posapp.errors import Outcome, PosError, SaleError
from posapp.ports import Clock, PrintQueue, SaleRecord, SecurityModule, Store
from posapp.services.issue import Issue

log = logging.getLogger("posapp.sale")


@dataclass(frozen=True, slots=True)
class Recovery:
    """`resolved` now have their token or their refusal; `unresolved` wait for the module."""

    resolved: tuple[SaleRecord, ...]
    unresolved: tuple[SaleRecord, ...]


class Recover:
    """Runs on the sale lane at start-up, at replug and before a sale that finds one open."""

    def __init__(
        self, store: Store, module: SecurityModule, queue: PrintQueue, clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._issue = Issue(store, module, clock)

    def __call__(self) -> Recovery:
        """Ask the module for every open sale, oldest first. Idempotent; raises StoreError when
        the open sales cannot be read.
        """
        resolved: list[SaleRecord] = []
        unresolved: list[SaleRecord] = []
        for record in self._store.read(lambda reader: reader.open_sales()):
            try:
                resolved.append(self._issue.resume(record))
            except SaleError as error:
                ended = error.outcome is Outcome.NOT_EXECUTED
                (resolved if ended else unresolved).append(self._again(record))
            except PosError as error:
                # One sale that cannot be written must not keep the others from their tokens.
                log.error("an open sale could not be finished: %s", error.code)
                unresolved.append(record)
        if resolved:
            self._queue.wake()
        return Recovery(tuple(resolved), tuple(unresolved))

    def _again(self, record: SaleRecord) -> SaleRecord:
        sale = self._store.read(lambda reader: reader.sale(record.intent.sale_id))
        return sale or record
