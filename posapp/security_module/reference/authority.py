"""Whom the module believes, what head office allowed it last, and until when.

A laboratory's module (made without `--trust`) believes nobody and is allowed everything. The
rest makes nothing before its first authorisation, nor too long after the last signed word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.errors import InputError, ModuleError
from posapp.security_module.reference import limits
from posapp.security_module.reference.books import Books, LimitRow, Standing
from posapp.wire.audit import AuditAcknowledgement, SignedAcknowledgement
from posapp.wire.authorisation import Authorisation, SignedAuthorisation
from posapp.wire.introductions import Trust
from posapp.wire.time_word import SignedTime

DAY_MS = 86_400_000
WORD_SLACK_MS = 3_600_000  # how far head office's clock may be ahead of ours: less is no proof


@dataclass(frozen=True, slots=True)
class Load:
    """What an authorisation changes when it is taken."""

    authorisation: Authorisation
    rows: tuple[LimitRow, ...]
    single_growth_minor: int


class Authority:
    """The rules of one module's trust. `current` is None before the first authorisation."""

    def __init__(self, module_id: str, trust: bytes | None, authorisation: bytes | None) -> None:
        """Raises InputError for a text or document that cannot have been stored."""
        self._module_id = module_id
        self._trust = None if trust is None else Trust.read(trust)
        self.current: Authorisation | None = None
        if authorisation is not None:
            self.current = SignedAuthorisation.read(authorisation).authorisation

    @property
    def is_laboratory(self) -> bool:
        """Whether it was made without anybody to trust: no limits, no lease."""
        return self._trust is None

    @property
    def officers(self) -> tuple[bytes, ...] | None:
        """Who may sign key files, two at a time; None for a laboratory's module."""
        return None if self._trust is None else self._trust.officers

    @property
    def number(self) -> int:
        """Of the newest authorisation; 0 before the first."""
        return self.current.number if self.current else 0

    def lease_until_ms(self, standing: Standing) -> int:
        """The last moment tokens may be made in, by the newest signed word; 0 for none.

        A clock that runs ahead stops here too: no TID is ever made far in the future.
        """
        if self.current is None:
            return 0
        return standing.last_word_ms + self.current.lease_days * DAY_MS

    def after(self, signed: SignedAuthorisation) -> Authority:
        """This authority once a document is durable."""
        later = Authority(self._module_id, None, signed.to_bytes())
        later._trust = self._trust
        return later

    # ------------------------------------------------------------ may tokens be made now

    def check(self, standing: Standing, now: datetime, tokens: int) -> None:
        """Refuse `tokens` more at `now`.

        Raises ModuleError AUTHORISATION_MISSING, LEASE_EXPIRED(until), OUTSIDE_HOURS,
        AUDIT_FULL(waiting, maximum).
        """
        if self._trust is None:
            return
        if self.current is None:
            raise ModuleError("AUTHORISATION_MISSING")
        until_ms = self.lease_until_ms(standing)
        if epoch_ms(now) > until_ms:
            raise ModuleError(
                "LEASE_EXPIRED", until=f"{from_epoch_ms(until_ms):%d.%m.%Y %H:%M} UTC"
            )
        if not self.current.open_at(now.astimezone(UTC)):
            raise ModuleError("OUTSIDE_HOURS")
        maximum = self.current.unacknowledged_max
        if standing.unacknowledged + tokens > maximum:
            raise ModuleError("AUDIT_FULL", waiting=standing.unacknowledged, maximum=maximum)

    def is_for(self, till: bytes) -> bool:
        """Whether orders may come under this id: any for a laboratory's module."""
        if self._trust is None:
            return True
        return self.current is not None and self.current.till_id == till

    def check_order(self, till: bytes, value_minor: int) -> None:
        """Refuse another till than the one it was authorised for, and a sale above its lease.

        Raises ModuleError TILL_FOREIGN, AMOUNT_ABOVE_LIMIT(maximum_minor).
        """
        if self.current is None:
            return
        if self.current.till_id != till:
            raise ModuleError("TILL_FOREIGN")
        maximum = self.current.lease.max_sale_minor
        if value_minor > maximum:
            raise ModuleError("AMOUNT_ABOVE_LIMIT", maximum_minor=maximum)

    # ------------------------------------------------------------ what head office says

    def judge(self, signed: SignedAuthorisation, books: Books, now: datetime) -> Load:
        """What a document would change, or why it is not taken.

        Raises InputError AUTHORISATION_UNTRUSTED (a laboratory's module),
        AUTHORISATION_FOREIGN(module), AUTHORISATION_NUMBER(number, expected),
        AUTHORISATION_CURRENCY(expected), AUTHORISATION_EXPIRED(until), SIGNATURE_INVALID,
        SIGNERS_TOO_FEW(found, needed), and what `limits.grown` raises.
        """
        said = signed.authorisation
        trust = self._trusted()
        signed.check(trust.office, 1)
        if said.module_id != self._module_id:
            raise InputError("AUTHORISATION_FOREIGN", module=said.module_id)
        if said.number != self.number + 1:
            raise InputError("AUTHORISATION_NUMBER", number=said.number, expected=self.number + 1)
        before = books.limits()
        rows = limits.grown(before, said.grants)
        if self.current is not None and said.currency_code != self.current.currency_code:
            raise InputError("AUTHORISATION_CURRENCY", expected=self.current.currency_code)
        growth = limits.growth_minor(before, rows, said.currency_code)
        since = books.standing().single_growth_minor + growth
        signed.check(trust.office, trust.needed(since))
        if now > said.lease.valid_until:
            raise InputError("AUTHORISATION_EXPIRED", until=said.lease.valid_until)
        two = len({public for public, _ in signed.signatures} & set(trust.office)) >= 2
        return Load(said, rows, 0 if two else since)

    def take(self, load: Load, signed: SignedAuthorisation, books: Books) -> None:
        """Write it down; `after` is what holds once that is durable."""
        for row in load.rows:
            books.put_limit(row)
        books.set_standing(
            authorisation=signed.to_bytes(), single_growth_minor=load.single_growth_minor
        )
        self._hear(books, epoch_ms(load.authorisation.issued_at))

    def acknowledge(self, signed: SignedAcknowledgement, books: Books) -> tuple[int, int] | None:
        """Head office has the audit up to an entry; the clock floors before and after, if it
        proves that our floor was false.

        An entry that says a later time than the word that acknowledges it was written by a
        clock that ran ahead. Raises InputError AUTHORISATION_UNTRUSTED, SIGNATURE_INVALID,
        SIGNERS_TOO_FEW, AUTHORISATION_FOREIGN(module), ACKNOWLEDGEMENT_OLD(number, expected),
        ACKNOWLEDGEMENT_OTHER(number): our chain has another entry there, or none.
        """
        said = signed.acknowledgement
        signed.check(self._trusted().office)
        tokens, standing = self._known(said, books), books.standing()
        books.set_standing(
            acknowledged_no=said.number,
            tokens_acknowledged=tokens,
            issues_acknowledged=books.last_issue(said.number) or standing.issues_acknowledged,
        )
        corrected = self._corrected(said, books)
        self._hear(books, said.at_ms)
        return corrected

    def hear_time(self, signed: SignedTime, books: Books) -> tuple[int, int] | None:
        """Head office says what time it is: the clock floors before and after, if one changes.

        It moves the floor up to that moment, or down when our floor is false; never past the end of
        the lease, which only an authorisation or an acknowledgement begins anew. Raises ModuleError
        AUTHORISATION_MISSING; InputError TIME_BEYOND_LEASE(until), and otherwise as `acknowledge`.
        """
        said = signed.word
        signed.check(self._trusted().office)
        self._known(said, books)
        if self.current is None:
            raise ModuleError("AUTHORISATION_MISSING")
        standing = books.standing()
        until_ms = self.lease_until_ms(standing)
        if said.at_ms > until_ms:
            raise InputError(
                "TIME_BEYOND_LEASE", until=f"{from_epoch_ms(until_ms):%d.%m.%Y %H:%M} UTC"
            )
        floor_ms = said.at_ms - WORD_SLACK_MS
        if floor_ms > standing.clock_floor_ms:
            books.set_standing(clock_floor_ms=floor_ms)
            return standing.clock_floor_ms, floor_ms
        return self._corrected(said, books)

    def _known(self, said: AuditAcknowledgement, books: Books) -> int:
        """The tokens made up to an entry of our own book, not one before what was acknowledged.

        Raises InputError AUTHORISATION_FOREIGN, ACKNOWLEDGEMENT_OLD, ACKNOWLEDGEMENT_OTHER.
        """
        if said.module_id != self._module_id:
            raise InputError("AUTHORISATION_FOREIGN", module=said.module_id)
        seen = books.standing().acknowledged_no
        if said.number < seen:
            raise InputError("ACKNOWLEDGEMENT_OLD", number=said.number, expected=seen)
        found = books.audit_at(said.number)
        if found is None or found[0] != said.hash32:
            raise InputError("ACKNOWLEDGEMENT_OTHER", number=said.number)
        return found[1]

    @staticmethod
    def _corrected(said: AuditAcknowledgement, books: Books) -> tuple[int, int] | None:
        """The floors before and after, when a word about what set ours proves it false."""
        standing = books.standing()
        known = max(said.at_ms, standing.last_word_ms - WORD_SLACK_MS)
        is_false = standing.clock_floor_ms > known + WORD_SLACK_MS
        if said.number < standing.floor_entry or not is_false:
            return None
        books.set_standing(clock_floor_ms=known)
        return standing.clock_floor_ms, known

    def _hear(self, books: Books, word_ms: int) -> None:
        """A word is a proof that its time has passed, and begins the lease anew."""
        standing = books.standing()
        books.set_standing(
            last_word_ms=max(word_ms, standing.last_word_ms),
            clock_floor_ms=max(word_ms - WORD_SLACK_MS, standing.clock_floor_ms),
        )

    def _trusted(self) -> Trust:
        if self._trust is None:
            raise InputError("AUTHORISATION_UNTRUSTED")
        return self._trust
