"""What the module will and will not make: once per request, once per TID, never with a dead key.

Nothing here knows frames or sockets (`desk.py`, `server.py`). The order of the checks is part
of the promise: what was answered once is answered the same, whatever has changed since. How
much may be made is in `limits.py` and `authority.py`, what is written about it in `audit.py`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from posapp import __version__
from posapp.clock import Clock, Randomness, epoch_ms
from posapp.codec import cbor
from posapp.codec.hpke import OpeningKey
from posapp.codec.signing import SigningKey
from posapp.domain.meter import MeterConfiguration, MeterNumber
from posapp.domain.sale import TokenKind
from posapp.errors import ConfigError, InputError, ModuleError, Outcome, StoreError
from posapp.security_module.link.messages import (
    BOOT_BYTES,
    Answer,
    Hello,
    KeyInfo,
    LimitInfo,
    Missing,
    Order,
    Report,
)
from posapp.security_module.reference import audit, limits, self_test, tidying
from posapp.security_module.reference.audit import AuditBook
from posapp.security_module.reference.authority import Authority
from posapp.security_module.reference.books import Books, IssueRow, Standing, StoredAnswer
from posapp.security_module.reference.issue import Issuer, Keeper, Made, StoredKeys, refusal
from posapp.security_module.reference.issue import Policy as Policy
from posapp.security_module.reference.key_loading import KeyLoading, Load
from posapp.security_module.reference.operators import Action
from posapp.security_module.reference.pacing import Allowance
from posapp.security_module.reference.store import ModuleStore
from posapp.security_module.reference.verifying import Found, Verifier
from posapp.sts import sta
from posapp.sts.keys import KeyAttributes
from posapp.sts.sta import StaTables
from posapp.wire.audit import AuditHead, AuditKind, SignedAcknowledgement
from posapp.wire.authorisation import SignedAuthorisation
from posapp.wire.introductions import ModuleCard
from posapp.wire.time_word import SignedTime

T = TypeVar("T")
log = logging.getLogger("posapp.module.engine")

# Refused for a reason that can pass: the number is burnt with the refusal, so that a copy of
# the frame that comes later cannot run behind the till's back.
_CAN_PASS = frozenset(
    {
        "AMOUNT_ABOVE_LIMIT",
        "AUDIT_FULL",
        "AUTHORISATION_MISSING",
        "BASE_DATE_MISMATCH",
        "CLOCK_AHEAD",
        "CLOCK_BEHIND",
        "HSM_ABSENT",
        "HSM_FAILED",
        "HSM_KEY_CHANGED",
        "HSM_KEY_GONE",
        "HSM_TIMEOUT",
        "KEY_CHANGE_EXPIRED",
        "KEY_NOT_ACTIVE",
        "KEY_NOT_FOUND",
        "KEY_TYPE",
        "LEASE_EXPIRED",
        "LIMIT_CURRENCY",
        "LIMIT_UNITS",
        "LIMIT_VALUE",
        "LOGIN_REQUIRED",
        "NEW_KEY_NOT_FOUND",
        "OUTSIDE_HOURS",
        "ROLE_DENIED",
        "TILL_FOREIGN",
    }
)

# What the module would do with any order now, by the refusal's code; see `posapp.ports`.
_STATES = {
    "AUDIT_FULL": "hold_audit",
    "AUTHORISATION_MISSING": "hold_lease",
    "CLOCK_BEHIND": "clock_bad",
    "KEY_EXPIRED": "key_expired",
    "KEY_NOT_FOUND": "key_missing",
    "LEASE_EXPIRED": "hold_lease",
    "LIMIT_UNITS": "limit_used",
    "LOGIN_REQUIRED": "locked",
}


class Engine:
    """One opened module. Called by one thread; each call is one transaction.

    `keeper` keeps the vending keys; without it they are those of the store. `allow` refuses an
    order that nobody signed in may place, `permit` another action, `attended` says whether anybody
    is signed in. `bound` says that the module's own secret cannot be copied with its disk; else
    raises ConfigError KEYS_NOT_TEST at once if a key of the store is not marked as a test key and
    takes no other. A start is an entry of the audit: raises StoreError.
    """

    def __init__(
        self,
        store: ModuleStore,
        clock: Clock,
        randomness: Randomness,
        policy: Policy | None = None,
        *,
        tables: StaTables = sta.SAMPLE,
        keeper: Keeper | None = None,
        allow: Callable[[Order], None] | None = None,
        permit: Callable[[Action], None] | None = None,
        attended: Callable[[], bool] = lambda: True,
        bound: bool = False,
    ) -> None:
        stored = () if keeper else store.keys()
        if not bound and not all(key.test for key in stored):
            raise ConfigError("KEYS_NOT_TEST")
        self._store = store
        self._clock = clock
        self._policy = policy or Policy()
        self._keeper = keeper or StoredKeys(stored, store.put_key)
        self._allow = allow
        self._permit = permit
        self._attended = attended
        self._issuer = Issuer(self._keeper, tables, self._policy, randomness)
        self._verifier = Verifier(self._issuer, clock)
        self._boot = randomness.bytes(BOOT_BYTES)
        self._tests = Allowance(clock, self_test.AT_ONCE, self_test.EVERY_MS)
        self._tidy_due = True
        self._signing, self._seal_secret = store.identity(randomness)
        self._audit = AuditBook(store.module_id, self._signing, clock)
        self._authority = Authority(store.module_id, *store.words())
        self._loading = KeyLoading(
            store.module_id,
            OpeningKey(self._seal_secret),
            self._authority.officers,
            bound=bound,
        )
        self._begin()

    def _begin(self) -> None:
        with self._store.write() as books:
            self._list_keys(books)
            started = {18: self.hello().firmware, 19: self._boot}
            self._audit.append(books, AuditKind.START, started)

    # ------------------------------------------------------------ questions

    def hello(self) -> Hello:
        """Who this is."""
        return Hello(
            self._store.module_id, self._boot, f"posapp-module {__version__}", certified=False
        )

    def card(self) -> ModuleCard:
        """Its public keys, for head office."""
        return card_of(self._store.module_id, self._signing, self._seal_secret)

    def report(self, till: bytes) -> Report:
        """STATUS for one till. Raises StoreError."""
        with self._store.read() as books:
            standing, rows = books.standing(), books.limits()
            head = books.audit_head()
            last, count = books.last_sequence(till), books.issue_count()
        assert head is not None, "there is at least this start"
        problem = self._problem(standing, all(limits.is_used_up(row) for row in rows))
        current = self._authority.current
        return Report(
            self.hello(),
            tuple(_info(key) for key in self._keeper.attributes()),
            last,
            epoch_ms(self._clock.now()),
            count,
            state=_STATES.get(problem, "ready"),
            problem=problem,
            limited=not self._authority.is_laboratory,
            limits=tuple(
                LimitInfo(
                    *(row.sgc, row.krn, row.units_granted - row.units_used),
                    *(row.money_granted - row.money_used,),
                    row.value_granted_minor - row.value_used_minor,
                )
                for row in rows
            ),
            lease_until_ms=self._authority.lease_until_ms(standing),
            unacknowledged=standing.unacknowledged,
            unacknowledged_max=current.unacknowledged_max if current else 0,
            authorisation=self._authority.number,
            audit_no=head[0],
            audit_hash=head[1],
            audit_key=self._audit.public,
        )

    def _problem(self, standing: Standing, used_up: bool) -> str:
        """The code by which any order would be refused now; empty for none."""
        now = self._clock.now()
        if not self._attended():
            return "LOGIN_REQUIRED"
        try:
            self._check_clock(standing)
            self._authority.check(standing, now, 1)
        except ModuleError as error:
            return error.code
        known = self._keeper.attributes()
        if not known:
            return "KEY_NOT_FOUND"
        if not any(self._issuer.is_usable(key, now) for key in known):
            return "KEY_EXPIRED"
        return "LIMIT_UNITS" if used_up and not self._authority.is_laboratory else ""

    def fetch(self, request_id: bytes, till: bytes) -> Answer | Missing:
        """The stored answer to a till's own request. Raises StoreError."""
        with self._store.read() as books:
            found = books.answer(request_id)
            if found is None or found.till != till:
                return Missing(books.last_sequence(till))
        return self._replay(request_id, found)

    def verify(self, digits: str, meter: MeterNumber, conf: MeterConfiguration) -> Found:
        """What a token is under a meter's key, and what is odd about it.

        Raises like `Verifier.verify`.
        """
        return self._verifier.verify(digits, meter, conf)

    def audit_page(self, after: int, limit: int) -> tuple[tuple[bytes, ...], AuditHead]:
        """Entries after a number, as many as fit, and the signed end of the chain."""
        with self._store.read() as books:
            return self._audit.page(books, after, limit), self._audit.head(books)

    # ------------------------------------------------------------ what changes something

    def cancel(self, request_id: bytes, till: bytes, sequence: int) -> int:
        """Burn a number; the till's highest one afterwards.

        Raises ModuleError ALREADY_ISSUED (EXECUTED), StoreError.
        """
        with self._store.write() as books:
            found = books.answer(request_id)
            if found is not None and found.till == till:
                raise ModuleError("ALREADY_ISSUED", outcome=Outcome.EXECUTED)
            if sequence > books.last_sequence(till):
                books.use_up(till, sequence)
                body = {0: request_id, 1: till, 2: sequence}
                self._audit.note(books, AuditKind.CANCEL, body)
            return books.last_sequence(till)

    def issue(self, order: Order) -> Answer:
        """All tokens of an order, or those made for it before. One transaction, one fsync.

        Raises ModuleError NOT_EXECUTED: RID_CONFLICT, STALE(last_sequence), CLOCK_BEHIND,
        CLOCK_AHEAD(newest_tid), KEY_NOT_FOUND(sgc, krn), NEW_KEY_NOT_FOUND(sgc, krn), KEY_TYPE,
        BASE_DATE_MISMATCH, KEY_EXPIRED, KEY_NOT_ACTIVE, KEY_ISSUE_ENDED, KEY_SUBCLASS,
        TID_WINDOW(lowest_tid, base_date), RESERVED_USED, UNSUPPORTED, FIELD_RANGE, TILL_FOREIGN,
        what `Authority.check` and `limits.use` refuse, and what the standard's own rules do;
        StoreError when the disk fails (then: fetch).
        """
        digest = hashlib.sha256(cbor.encode(order.body())).digest()
        with self._store.write() as books:
            found = books.answer(order.request_id)
            if found is not None and found.digest == digest:
                return self._replay(order.request_id, found)
            try:
                if found is not None:
                    raise ModuleError("RID_CONFLICT")
                made = self._make(order, books)
            except ModuleError as error:
                refused = error
            else:
                issue_no = self._enter(order, digest, made, books)
                digits = tuple(token for one in made for token in one.tokens)
                module_id = self._store.module_id
                return Answer(order.request_id, digits, module_id, issue_no, replayed=False)
            told = audit.refusal_body(refused.code, order.request_id, order.till)
            noted = self._audit.note(books, AuditKind.REFUSAL, told)
            if refused.code in _CAN_PASS:
                books.use_up(order.till, order.sequence)
            elif not noted:
                raise refused  # nothing to write down
        raise refused

    def _replay(self, request_id: bytes, found: StoredAnswer) -> Answer:
        return Answer(
            request_id, found.tokens, self._store.module_id, found.audit_no, replayed=True
        )

    def _make(self, order: Order, books: Books) -> tuple[Made, ...]:
        """Every rule there is; nothing is written but what is used of the limits."""
        last = books.last_sequence(order.till)
        if order.sequence <= last:
            raise ModuleError("STALE", last_sequence=last)
        now, standing = self._clock.now(), books.standing()
        self._check_clock(standing)
        self._authority.check_order(order.till, sum(item.value_minor for item in order.items))
        if self._allow is not None:
            self._allow(order)
        self._authority.check(standing, now, 0)
        made = self._issuer.make(order, books, now)
        self._authority.check(standing, now, sum(len(one.tokens) for one in made))
        if not self._authority.is_laboratory:
            limits.use(books, made)
        return made

    def _check_clock(self, standing: Standing) -> None:
        now_ms, floor_ms = epoch_ms(self._clock.now()), standing.clock_floor_ms
        if now_ms < floor_ms - self._policy.clock_slack_ms:
            raise ModuleError("CLOCK_BEHIND", clock_ms=now_ms, floor_ms=floor_ms)

    def _enter(self, order: Order, digest: bytes, made: tuple[Made, ...], books: Books) -> int:
        now_ms = epoch_ms(self._clock.now())
        books.use_up(order.till, order.sequence)
        c = order.configuration
        issue_no = books.record(
            IssueRow(
                request_id=order.request_id,
                till=order.till,
                sequence=order.sequence,
                digest=digest,
                at_ms=now_ms,
                meter=order.meter.digits,
                sgc=c.sgc,
                krn=c.krn,
                tokens=tuple(token for one in made for token in one.tokens),
                items=tuple(_tid_row(one) for one in made if TokenKind(one.item.kind).takes_tid),
            )
        )
        body = audit.issue_body(order, issue_no, made)
        self._book(books, body, sum(len(one.tokens) for one in made))
        return issue_no

    def _book(self, books: Books, body: dict[int, Any], tokens: int) -> None:
        """An ISSUE entry, its tokens counted, and the clock's new floor."""
        number = self._audit.append(books, AuditKind.ISSUE, body, tokens)
        standing, now_ms = books.standing(), epoch_ms(self._clock.now())
        values = {"tokens_made": standing.tokens_made + tokens}
        if now_ms > standing.clock_floor_ms:
            values |= {"clock_floor_ms": now_ms, "floor_entry": number}
        books.set_standing(**values)

    # ------------------------------------------------------------ people

    def note_person(self, kind: AuditKind, operator: int, detail: str, generation: int) -> None:
        """Enter who came, went or was refused; `generation` is the operators'. StoreError."""
        body = {20: operator, 21: detail, 22: generation}
        with self._store.write() as books:
            known = books.standing().people_generation
            books.set_standing(people_generation=max(generation, known))
            if kind is AuditKind.REFUSAL:
                self._audit.note(books, kind, body)
            else:
                self._audit.append(books, kind, body)

    def may_bind(self, till: bytes) -> bool:
        """Whether a paired till may be bound to this id by an order under it."""
        return self._authority.is_for(till)

    def note_impostor(self, till: bytes, peer: str) -> None:
        """Enter that the till paired as `peer` asked under another till's id. StoreError."""
        with self._store.write() as books:
            body = {1: till, 10: "TILL_IMPOSTOR", 24: peer}
            self._audit.note(books, AuditKind.REFUSAL, body)

    # ------------------------------------------------------------ runs for many meters

    def record_run(self, rows: int, tokens: int, digest: bytes) -> None:
        """Count a bulk run of key changes before any of its tokens is shown.

        Raises ModuleError CLOCK_BEHIND and what `Authority.check` raises; StoreError.
        """
        with self._store.write() as books:
            standing = books.standing()
            try:
                self._check_clock(standing)
                self._authority.check(standing, self._clock.now(), tokens)
            except ModuleError as error:
                refused = error
            else:
                self._book(books, audit.run_body(rows, tokens, digest), tokens)
                return
            told = {10: refused.code, **audit.run_body(rows, tokens, digest)}
            self._audit.note(books, AuditKind.REFUSAL, told)
        raise refused

    # ------------------------------------------------------------ head office's word

    def load_authorisation(self, data: bytes) -> int:
        """Take the next authorisation; its number. The one it has already is taken again.

        Raises ModuleError with the code of what `Authority.judge` or the document's form
        refuses: nothing of it is used then. StoreError.
        """

        def load(books: Books) -> Authority:
            signed = SignedAuthorisation.read(data)
            current = self._authority.current
            if current is not None and current == signed.authorisation:
                return self._authority
            judged = self._authority.judge(signed, books, self._clock.now())
            self._authority.take(judged, signed, books)
            told = {12: judged.authorisation.number, 13: hashlib.sha256(data).digest()}
            self._audit.append(books, AuditKind.AUTHORISATION, told)
            return self._authority.after(signed)

        self._authority = self._heard(load, data)
        return self._authority.number

    def load_keys(self, data: bytes) -> int:
        """Take the keys of a key file; how many there are now. The newest one is taken again.

        Raises ModuleError with the code of what `KeyLoading.judge` or the keeper refuses, then no
        key of it is used; HSM_... when a device fails half-way, and StoreError: then load it again.
        """

        def begin(books: Books) -> Load:
            if self._permit is not None:
                self._permit(Action.LOAD_KEYS)
            known, now = self._keeper.attributes(), self._clock.now()
            judged = self._loading.judge(data, books.standing(), known, now)
            for key in judged.keys:
                self._keeper.check(key.attributes())
            if judged.keys:
                self._audit.append(books, AuditKind.KEYS, {13: judged.digest, 23: judged.serial})
                books.set_standing(
                    keys_serial=judged.serial, keys_file=judged.digest, keys_loading=True
                )
            return judged

        load = self._heard(begin, data)
        try:
            for key in load.keys:
                self._keeper.load(key)
        finally:
            self._issuer.look()
        if load.keys:
            with self._store.write() as books:
                self._list_keys(books)
                books.set_standing(keys_loading=False)
        return len(self._keeper.attributes())

    def _list_keys(self, books: Books) -> None:
        """Enter which keys there are, unless the newest such entry says the same."""
        body = audit.keys_body(self._keeper.attributes())
        known = hashlib.sha256(cbor.encode(body)).digest()
        if books.standing().keys_known != known:
            self._audit.append(books, AuditKind.KEYS, body)
            books.set_standing(keys_known=known)

    def acknowledge(self, data: bytes) -> int:
        """Head office has the audit up to a number: that number.

        Raises ModuleError with the code of what `Authority.acknowledge` refuses; StoreError.
        """

        def take(books: Books) -> int:
            signed = SignedAcknowledgement.read(data)
            corrected = self._authority.acknowledge(signed, books)
            number = signed.acknowledgement.number
            if corrected is not None:
                self._note_clock(books, corrected, number)
            return number

        acknowledged = self._heard(take, data)
        self._tidy_due = True
        return acknowledged

    def set_time(self, data: bytes) -> int:
        """Head office says what time it is; the moment (ms) that has surely passed since.

        Raises ModuleError with the code of what `Authority.hear_time` refuses; StoreError.
        """

        def take(books: Books) -> int:
            if self._permit is not None:
                self._permit(Action.SET_TIME)
            signed = SignedTime.read(data)
            changed = self._authority.hear_time(signed, books)
            if changed is not None:
                entry = self._note_clock(books, changed, signed.word.number)
                books.set_standing(floor_entry=entry)
            return books.standing().clock_floor_ms

        return self._heard(take, data)

    def _note_clock(self, books: Books, floors: tuple[int, int], number: int) -> int:
        told = {14: floors[0], 15: floors[1], 16: number}
        return self._audit.append(books, AuditKind.CLOCK, told)

    # ------------------------------------------------------------ its own state

    def self_test(self) -> dict[str, Any]:
        """Try out what every token needs; what was tried. Up to a second for each 100 MB.

        Raises ModuleError SELFTEST_FAILED(step): ciphers, keys, tables, store or audit;
        SELFTEST_TOO_OFTEN; HSM_...
        """
        if not self._tests.is_left:
            raise ModuleError("SELFTEST_TOO_OFTEN")
        self._tests.take()
        self_test.check_ciphers(self._issuer.tables)
        keys = self_test.check_keeper(self._keeper)
        with self._store.read() as books:
            return {"ok": True, "keys": keys, "entries": self_test.check_books(books, self._audit)}

    def tidy(self) -> None:
        """Between requests: forget a little of what head office has. Some milliseconds."""
        if not self._tidy_due:
            return
        try:
            with self._store.write() as books:
                self._tidy_due = tidying.tidy(books, self._policy)
        except StoreError as error:
            self._tidy_due = False  # a sale will say what is wrong with the disk
            log.warning("the store was not tidied: %s", error.code)

    def _heard(self, take: Callable[[Books], T], data: bytes) -> T:
        """What a document leads to; a refusal is an entry of the audit."""
        with self._store.write() as books:
            try:
                return take(books)
            except ModuleError as error:
                refused = error
            except InputError as error:
                refused = refusal(error)
            told = audit.refused_document_body(refused.code, data)
            if not self._audit.note(books, AuditKind.REFUSAL, told):
                raise refused
        raise refused


def _tid_row(made: Made) -> dict[str, Any]:
    item = made.item
    return {
        "base_date": item.base_date,
        "tid": item.tid,
        "reserved": item.reserved,
        "kind": item.kind,
        "subclass": item.subclass,
        "units": made.units or made.money_units or item.units,
        "value_minor": item.value_minor,
    }


def _info(key: KeyAttributes) -> KeyInfo:
    return KeyInfo(
        *(key.sgc, key.krn, int(key.kt), key.base_date, key.ken, key.dkga, key.test),
        active_from_ms=epoch_ms(key.active_from) if key.active_from else 0,
        issue_until_ms=epoch_ms(key.issue_until) if key.issue_until else 0,
    )


def card_of(module_id: str, signing: SigningKey, seal_secret: bytes) -> ModuleCard:
    """A module's public keys, signed by itself."""
    sealing = X25519PrivateKey.from_private_bytes(seal_secret).public_key()
    return ModuleCard.make(module_id, sealing.public_bytes_raw(), signing.public, signing)
