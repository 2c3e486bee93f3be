"""From a durable intent to a durable outcome: the one road to tokens, for sale and recovery.

The rule that carries everything: the same request with the same TID may be asked again and
again, a new TID or number only after the module said that it did not execute the old one. A
silent module leaves the sale REQUESTED; it is never called failed.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from posapp.domain.meter import MeterConfiguration
from posapp.domain.sale import SOLD_STATES, SaleState
from posapp.errors import ModuleError, Outcome, SaleError
from posapp.journal.facts import (
    SaleEnded,
    SaleIntended,
    SaleIssued,
    SaleRetimed,
    SaleUncertain,
    TokenItem,
)
from posapp.lanes import Urgency
from posapp.ports import (
    Clock,
    IssueRequest,
    IssueResult,
    ModuleState,
    NotFound,
    SaleRecord,
    SecurityModule,
    Store,
    UnitOfWork,
)
from posapp.services.quote import clock_is_back
from posapp.services.slips import earlier_sale, receipt_of
from posapp.sts.tid import tid_at

ASKS_MAX = 3  # how often one visit asks before it leaves the sale for later
RETIMES_MAX = 3
RETIME_AHEAD = timedelta(hours=12)  # the reference module's own limit for a till's clock
ANSWER_KEPT = timedelta(days=7)  # so long no module forgets what it made (module-link.md 10.1)

log = logging.getLogger("posapp.sale")


class Issue:
    """Asks the module for what an open sale intends and writes down what became of it."""

    def __init__(self, store: Store, module: SecurityModule, clock: Clock) -> None:
        self._store = store
        self._module = module
        self._clock = clock
        self._till_id = store.read(lambda reader: reader.site().till_id)

    def fresh(self, record: SaleRecord) -> SaleRecord:
        """A sale whose intent was just written: ask at once. About three hard time-outs at most.

        Returns the ISSUED record. Raises SaleError: NOT_EXECUTED (refused, and so recorded) or
        UNKNOWN (the sale stays open and recovery will finish it).
        """
        return self._ask(record, resumed=False)

    def resume(self, record: SaleRecord) -> SaleRecord:
        """A sale found open: first ask whether it was executed, then the same again."""
        return self._ask(record, resumed=True)

    def burn(self, record: SaleRecord) -> SaleRecord:
        """Make sure that an open sale never runs and write it CANCELLED, or, where the module has
        made its tokens already, write those. Up to 10 s each way.

        Raises ModuleError where the module cannot be asked; the sale stays as it is.
        """
        intent = record.intent
        try:
            self._same_module(intent)
            self._module.cancel(intent.sale_id, self._till_id, intent.sequence)
        except ModuleError as error:
            if error.outcome is not Outcome.EXECUTED:
                raise
            return self.resume(record)
        ended = SaleEnded(record.intent_seq, SaleEnded.CANCELLED, "BURNT")
        self._store.write(lambda uow: uow.append(ended), Urgency.SALE)
        return replace(record, state=SaleState.CANCELLED, ended_reason="BURNT")

    def _ask(self, record: SaleRecord, *, resumed: bool) -> SaleRecord:
        asked_before = resumed
        asks = retimes = 0
        lost = ModuleError("MODULE_TIMEOUT", outcome=Outcome.UNKNOWN)
        while asks < ASKS_MAX:
            asks += 1
            try:
                result = self._once(record, fetch_first=asked_before)
            except ModuleError as error:
                if error.code == "TID_WINDOW" and retimes < RETIMES_MAX:
                    if self._time_fits(record, error):
                        record, retimes, asks = self._retime(record, error), retimes + 1, 0
                        continue
                    error = ModuleError(
                        "MODULE_CLOCK_WRONG", outcome=Outcome.NOT_EXECUTED, **error.params
                    )
                    if resumed:  # the clock may be right tomorrow; the money is taken already
                        return self._leave_open(record, error)
                    asked_before = True  # so that it is burnt: it must not run tomorrow either
                if asked_before and error.code == "STALE":
                    if not self._remembered(record):
                        lost = ModuleError("RESULT_EXPIRED", outcome=Outcome.UNKNOWN)
                        break
                    record, lost = self._renumber(record, error), error
                    continue
                if asked_before and _passes(error) and self._burnt(record):
                    return self._leave_open(self._renumber(record, error), error)
                if error.outcome is Outcome.UNKNOWN or (asked_before and not _refusal(error)):
                    lost, asked_before = error, True
                    if error.code in _HOPELESS or not self._reachable():
                        break
                elif not asked_before or self._burnt(record):
                    raise self._end(record, error) from error
                continue
            return self._store_outcome(record, result)
        return self._leave_open(record, lost)

    def _time_fits(self, record: SaleRecord, error: ModuleError) -> bool:
        """Whether the token time that the module wants can be right.

        A token from the future makes all later ones of the meter look old, so both clocks must
        agree within half a day, and ours must be between what is known to have passed and the
        end of the lease.
        """
        lowest = error.params.get("lowest_tid")
        if not isinstance(lowest, int):
            return False
        base_date = _base_date(record, error)
        now = self._clock.now()
        lease, is_back = self._store.read(lambda r: (r.lease(), clock_is_back(r, now)))
        if lease is None or now > lease.valid_until or is_back:
            return False
        latest = now + RETIME_AHEAD
        return lowest <= tid_at(latest, base_date)

    def _remembered(self, record: SaleRecord) -> bool:
        """Whether the module must still have the answer, if it ever made the token.

        Its number is used up and there is no answer: within this time that is a refusal whose
        word was lost, later the answer may have been forgotten. A wrong clock proves nothing.
        """
        now = self._clock.now()
        is_back = self._store.read(lambda reader: clock_is_back(reader, now))
        return not is_back and now - record.at <= ANSWER_KEPT

    def _burnt(self, record: SaleRecord) -> bool:
        """Make sure that no late frame of a request that was asked before can ever run."""
        intent = record.intent
        try:
            self._module.cancel(intent.sale_id, self._till_id, intent.sequence)
        except ModuleError as error:
            log.info("a refused request could not be burnt (%s); it is asked for again", error.code)
            return False
        return True

    def _once(self, record: SaleRecord, *, fetch_first: bool) -> IssueResult:
        intent = record.intent
        request = self._request(intent)
        if fetch_first:
            self._same_module(intent)
            try:
                answer = self._module.fetch(request.request_id, request.till_id)
            except ModuleError as error:  # not even "not found": nothing is known of the request
                raise ModuleError(error.code, outcome=Outcome.UNKNOWN, **error.params) from error
            if not isinstance(answer, NotFound):
                return answer
            if answer.last_sequence >= intent.sequence:  # this number can make nothing any more
                raise ModuleError("STALE", last_sequence=answer.last_sequence)
            self._somebody_works_there()
        return self._module.issue(request)

    def _same_module(self, intent: SaleIntended) -> None:
        """Only the module that was asked knows what became of a request."""
        status = self._module.status()
        if status.state is not ModuleState.READY:
            status = self._module.refresh()
        if status.module_id != intent.module_id:
            raise ModuleError(
                "WRONG_MODULE",
                outcome=Outcome.UNKNOWN,
                expected=intent.module_id,
                found=status.module_id,
            )

    def _somebody_works_there(self) -> None:
        """A locked module would refuse and burn the request, and the money is taken already."""
        if self._module.refresh().state is ModuleState.LOCKED:
            raise ModuleError("LOGIN_REQUIRED", outcome=Outcome.UNKNOWN)

    def _request(self, intent: SaleIntended) -> IssueRequest:
        return IssueRequest(
            request_id=intent.sale_id,
            till_id=self._till_id,
            sequence=intent.sequence,
            meter=intent.meter,
            configuration=intent.configuration,
            items=intent.items,
        )

    def _reachable(self) -> bool:
        try:
            self._module.refresh()
        except ModuleError:
            return False
        return True

    def _retime(self, record: SaleRecord, error: ModuleError) -> SaleRecord:
        lowest = error.params["lowest_tid"]
        assert isinstance(lowest, int)
        intent = record.intent
        log.info("module asked for a later token time; the intent is written again")
        base_date = _base_date(record, error)
        items = _later(intent.items, lowest, base_date, intent.configuration)
        return self._write_again(record, items, 0)

    def _renumber(self, record: SaleRecord, error: ModuleError) -> SaleRecord:
        """The same items with the same TIDs under a new number: the old one is used up."""
        log.info("a number made nothing (%s); the intent is written again", error.code)
        last = error.params.get("last_sequence")
        return self._write_again(record, record.intent.items, last if isinstance(last, int) else 0)

    def _write_again(
        self, record: SaleRecord, items: tuple[TokenItem, ...], above: int
    ) -> SaleRecord:
        """A new durable version of a refused intent, with a number above one."""

        def write(uow: UnitOfWork) -> SaleRecord:
            intent = record.intent
            sequence = uow.next_sequence(intent.module_id, above=above)
            uow.append(SaleRetimed(intent.sale_id, items, sequence))
            again = replace(intent, items=items, sequence=sequence)
            return replace(record, intent=again, state=SaleState.INTENT)

        return self._store.write(write, Urgency.SALE)

    def _end(self, record: SaleRecord, error: ModuleError) -> SaleError:
        """Write that no token was made, and give the error for the screen."""
        how = SaleEnded.REFUSED if _refusal(error) or _passes(error) else SaleEnded.CANCELLED
        ended = SaleEnded(record.intent_seq, how, error.code)
        self._store.write(lambda uow: uow.append(ended), Urgency.SALE)
        return SaleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params)

    def _store_outcome(self, record: SaleRecord, result: IssueResult) -> SaleRecord:
        if len(result.tokens) != len(record.intent.items_by_token):
            raise SaleError("MODULE_ANSWER_WRONG", outcome=Outcome.UNKNOWN)
        issued = SaleIssued(record.intent_seq, result.tokens, result.audit_no)

        def write(uow: UnitOfWork) -> SaleRecord:
            known = uow.sale(record.intent.sale_id)
            if known is not None and known.state in SOLD_STATES:
                return known  # somebody else recovered it meanwhile; the module answers once
            earlier = earlier_sale(uow, record.intent.meter)
            uow.append(issued)
            done = replace(
                record, state=SaleState.ISSUED, tokens=result.tokens, audit_no=result.audit_no
            )
            certified = self._module.status().certified
            title, document = receipt_of(uow, done, certified=certified, earlier=earlier)
            uow.add_print_job("receipt", title, document, sale_id=record.intent.sale_id)
            return done

        return self._store.write(write, Urgency.SALE)

    def _leave_open(self, record: SaleRecord, lost: ModuleError) -> SaleRecord:
        """Write what is new about a sale that cannot be finished now, and say that it is open."""
        intent = record.intent
        if lost.code in _FOR_A_SUPERVISOR:
            if record.state is not SaleState.UNKNOWN:
                uncertain = SaleUncertain(record.intent_seq, lost.code)
                self._store.write(lambda uow: uow.append(uncertain), Urgency.SALE)
        elif record.state is SaleState.INTENT:
            sale_id = intent.sale_id
            self._store.write(
                lambda uow: uow.set_sale_state(sale_id, SaleState.REQUESTED), Urgency.SALE
            )
        log.debug("the outcome of a sale is not known yet (%s)", lost.code)
        raise outcome_unknown(intent, lost.code) from lost


def outcome_unknown(intent: SaleIntended, cause: str) -> SaleError:
    """The error for a sale whose intent is durable and whose outcome is not known here."""
    return SaleError(
        "OUTCOME_UNKNOWN",
        outcome=Outcome.UNKNOWN,
        receipt=intent.receipt,
        amount_minor=intent.amount_minor,
        meter=intent.meter,
        cause=cause,
    )


# Asking again at once cannot help: it would only hold up the till.
_HOPELESS = frozenset({"LOGIN_REQUIRED", "MODULE_TIMEOUT", "RESULT_EXPIRED", "WRONG_MODULE"})

# The sale becomes UNKNOWN: no answer will come by itself; the module's own audit settles it.
_FOR_A_SUPERVISOR = frozenset({"RESULT_EXPIRED", "WRONG_MODULE"})

# What the module refuses for a while and not because of the request, which it burns all the same.
_PASSING = frozenset(
    {
        "HSM_ABSENT",
        "HSM_FAILED",
        "HSM_KEY_CHANGED",
        "HSM_KEY_GONE",
        "HSM_TIMEOUT",
        "LOGIN_REQUIRED",
    }
)

# What the module itself answers when it will not; everything else says nothing about the request.
_REFUSALS = frozenset(
    {
        "AMOUNT_ABOVE_LIMIT",
        "AUDIT_FULL",
        "AUTHORISATION_MISSING",
        "BASE_DATE_MISMATCH",
        "CLOCK_AHEAD",
        "CLOCK_BEHIND",
        "DKGA_EA",
        "FIELD_RANGE",
        "KEY_CHANGE_EXPIRED",
        "KEY_CHANGE_NOTHING",
        "KEY_CHANGE_TYPE",
        "KEY_EXPIRED",
        "KEY_ISSUE_ENDED",
        "KEY_NOT_ACTIVE",
        "KEY_NOT_FOUND",
        "KEY_SUBCLASS",
        "KEY_TYPE",
        "KEY_TYPE_CARRIER",
        "KEY_TYPE_NO_CREDIT",
        "LEASE_EXPIRED",
        "LIMIT_CURRENCY",
        "LIMIT_UNITS",
        "LIMIT_VALUE",
        "MODULE_CLOCK_WRONG",
        "NEW_KEY_NOT_FOUND",
        "OUTSIDE_HOURS",
        "RESERVED_USED",
        "RID_CONFLICT",
        "ROLE_DENIED",
        "STALE",
        "TID_WINDOW",
        "TILL_FOREIGN",
        "UNSUPPORTED",
    }
)


def _base_date(record: SaleRecord, error: ModuleError) -> int:
    """The year from which a TID that the module wants counts."""
    said = error.params.get("base_date")
    return said if isinstance(said, int) else record.intent.configuration.base_date


def _later(
    items: tuple[TokenItem, ...], lowest: int, base_date: int, meter: MeterConfiguration
) -> tuple[TokenItem, ...]:
    """The items with the TIDs of one base date moved up until the first is `lowest`."""
    tids = {
        place: item.tid
        for place, item in enumerate(items)
        if item.kind.takes_tid and (item.base_date or meter.base_date) == base_date
    }
    by = max(0, lowest - min(tids.values(), default=lowest))
    return tuple(
        replace(item, tid=item.tid + by) if place in tids else item
        for place, item in enumerate(items)
    )


def _refusal(error: ModuleError) -> bool:
    """Whether the module itself said no to this request (and so never executed it)."""
    return error.outcome is Outcome.NOT_EXECUTED and error.code in _REFUSALS


def _passes(error: ModuleError) -> bool:
    """Whether the module said no for a reason that passes: a paid sale is not ended by it."""
    return error.outcome is Outcome.NOT_EXECUTED and error.code in _PASSING
