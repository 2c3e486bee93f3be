"""One write transaction: appends facts, projects them, and signs the head once at its end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from posapp.clock import Clock, epoch_ms, from_epoch_ms
from posapp.codec.signing import SigningKey
from posapp.domain.clock_limits import ClockLimits
from posapp.domain.sale import SaleState
from posapp.domain.site import Site
from posapp.errors import StoreError
from posapp.journal.chain import Entry, Head
from posapp.journal.facts import ClockCorrected, ClockSet, Fact, SaleIntended
from posapp.journal.restore_facts import AnswersRecovered
from posapp.ports import PrintState
from posapp.store.disk import Disk
from posapp.store.leases import take_authorisation
from posapp.store.meta import module_key_name, set_clock_offset_ms, set_meta
from posapp.store.projections import Projector
from posapp.store.queries import Queries
from posapp.store.schema import RECOVERING, place_of
from posapp.store.till_row import TillRow

_ENTRY = "INSERT INTO journal (place, entry, hash) VALUES (?, ?, ?)"
_SEQUENCE = (
    "INSERT INTO module_sequence (module_id, last) VALUES (?, ?)"
    " ON CONFLICT DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last"
)
# The same step twice is allowed (a recovery asks again); going back is not.
_REQUESTED = "UPDATE sale SET step = 1 WHERE sale_id = ? AND state IN (0, 4) AND step <= 1"
_REVEALED = "UPDATE sale SET step = 2 WHERE sale_id = ? AND state = 1"
_JOB = (
    "INSERT INTO print_job (sale_id, kind, title, document, copy_no, state, queued_ms)"
    " VALUES (?, ?, ?, ?, ?, 'queued', ?) RETURNING job_id"
)
_RECOVERED = "DELETE FROM meta WHERE key = ?"
# What a void has taken back never starts: the spooler may have read it a moment before.
_JOB_STATE = (
    "UPDATE print_job SET state = ?, held = ? WHERE job_id = ?"
    " AND NOT (state = 'cancelled' AND held = 'VOIDED')"
)
CLOCK_SLACK_MS = 120_000  # two honest clocks and a slow line differ by less
_STEPS = {SaleState.REQUESTED: _REQUESTED, SaleState.REVEALED: _REVEALED}


class SqlUnitOfWork(Queries):
    """Implements `ports.UnitOfWork`. Made by the store for one transaction on its lane."""

    def __init__(
        self,
        connection: Connection,
        site: Site | None,
        till: TillRow | None,
        key: SigningKey | None,
        clock: Clock,
        open_intents: dict[int, SaleIntended],
        *,
        disk: Disk,
        clock_limits: ClockLimits,
    ) -> None:
        super().__init__(connection, site, clock_limits)
        self.new_offset_ms: int | None = None  # what the store's clock shifts by once it is durable
        self.till = till
        self._key = key
        self._clock = clock
        self._disk = disk
        self._projector = None if till is None else Projector(connection, till, open_intents)
        self._appended = False
        self._floor_raised = False

    def append(self, fact: Fact) -> int:
        """See `ports.UnitOfWork`. Also raises SaleError TID_TAKEN and StoreError RECEIPT_GAP,
        SALE_STATE_WRONG, SHIFT_STATE_WRONG for a fact that does not follow from those before it,
        for a new intent DISK_FULL when too little space is free for what comes after it, and
        RESTORE_UNFINISHED until the module was asked what it made after a backup.
        """
        till = self._enrolled()
        assert self._projector is not None
        if isinstance(fact, SaleIntended):
            self._disk.require()
            if self.recovering_since() is not None:
                raise StoreError("RESTORE_UNFINISHED")
        seq = till.head.seq + 1
        at_ms = epoch_ms(self._clock.now())
        data = Entry(seq, fact.KIND, fact.VERSION, at_ms, fact.to_body()).to_bytes()
        head = till.head.follow(data)
        place = place_of(head.epoch, seq)
        self._run(_ENTRY, (place, data, head.hash))
        till.head = head
        till.floor_ms = max(till.floor_ms, at_ms)
        self._projector.apply(place, at_ms, fact)
        if isinstance(fact, AnswersRecovered):
            self._run(_RECOVERED, (RECOVERING,))
        self._appended = True
        return seq

    def next_receipt(self) -> int:
        """The number the next intent must carry; taken only by appending that intent."""
        return self._enrolled().receipt + 1

    def next_sequence(self, module_id: str, above: int = 0) -> int:
        row = self._run(_SEQUENCE, (module_id, above + 1)).first()
        assert row is not None
        return int(row[0])

    def set_sale_state(self, sale_id: bytes, state: SaleState) -> None:
        """Raises StoreError SALE_STATE_WRONG when the sale is not where this step starts."""
        statement = _STEPS.get(state)
        if statement is None or self._run(statement, (sale_id,)).rowcount != 1:
            raise StoreError("SALE_STATE_WRONG", state=state.value)

    def add_print_job(
        self, kind: str, title: str, document: bytes, *, sale_id: bytes = b"", copy_no: int = 0
    ) -> int:
        queued_ms = epoch_ms(self._clock.now())
        row = self._run(_JOB, (sale_id or None, kind, title, document, copy_no, queued_ms)).first()
        assert row is not None
        return int(row[0])

    def set_print_job(self, job_id: int, state: PrintState, held: str = "") -> None:
        if self._run(_JOB_STATE, (state.value, held, job_id)).rowcount != 1:
            raise StoreError("PRINT_JOB_MISSING", job=job_id)

    def take_authorisation(self, document: bytes) -> bool:
        return take_authorisation(self._connection, document)

    def set_pin_misses(self, operator_id: int, misses: int) -> None:
        self._run("UPDATE operator SET misses = ? WHERE operator_id = ?", (misses, operator_id))

    def raise_clock_floor(self, moment: datetime) -> None:
        till = self._enrolled()
        if epoch_ms(moment) > till.floor_ms:
            till.floor_ms = epoch_ms(moment)
            self._floor_raised = True

    def set_clock(self, moment: datetime, operator_id: int) -> None:
        till, trusted_ms = self._enrolled(), epoch_ms(moment)
        computer_ms = epoch_ms(self._clock.now()) - self.clock_offset_ms()
        fact = ClockSet(till.floor_ms, computer_ms, trusted_ms, operator_id)
        floor_ms = max(till.floor_ms, trusted_ms)
        self.append(fact)
        till.floor_ms = floor_ms  # the entry's own time is the one that was wrong
        set_clock_offset_ms(self._connection, fact.offset_ms)
        self.new_offset_ms = fact.offset_ms

    def note_module_key(self, module_id: str, key: bytes) -> None:
        if not self.module_key(module_id):
            set_meta(self._connection, module_key_name(module_id), key)

    def trust_time(self, moment: datetime) -> None:
        till, at_ms = self._enrolled(), epoch_ms(moment)
        wrong_ms = abs(epoch_ms(self._clock.now()) - at_ms)
        if self.clock_offset_ms() and wrong_ms > CLOCK_SLACK_MS:
            self.set_clock(moment, 0)  # a person's word gives way to head office's
        if till.floor_ms - at_ms > CLOCK_SLACK_MS:
            self.append(ClockCorrected(till.floor_ms, at_ms))
            till.floor_ms = at_ms
        else:
            self.raise_clock_floor(moment)

    # What is pending in this transaction is answered from memory.

    def head(self) -> Head:
        return self._enrolled().head

    def vended_total_minor(self) -> int:
        return self._enrolled().vended_minor

    def clock_floor(self) -> datetime:
        return from_epoch_ms(self._enrolled().floor_ms)

    def finish(self) -> None:
        """Write the till's row, signed, if anything changed it; called once, before the commit."""
        if self._appended:
            assert self._key is not None
            self._enrolled().save(self._connection, self._key)
        elif self._floor_raised:
            self._enrolled().save_floor(self._connection)

    def _enrolled(self) -> TillRow:
        if self.till is None:
            raise StoreError("NOT_ENROLLED")
        return self.till
