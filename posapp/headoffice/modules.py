"""Security modules as head office knows them: what they may make, and what they say they made.

Totals of an authorisation only grow and its numbers have no gaps; the books that modules send are
kept whole, because two entries with one number are how a copied module gives itself away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from posapp.clock import epoch_ms, from_epoch_ms
from posapp.codec.signing import SigningKey
from posapp.domain.lease import Lease
from posapp.errors import InputError
from posapp.headoffice import feed, leases
from posapp.headoffice.office import Office
from posapp.headoffice.schema import (
    ACTIVE,
    meta,
    module,
    module_authorisation,
    module_entry,
    module_fork,
    module_grant,
    till,
)
from posapp.wire.audit import (
    AuditAcknowledgement,
    AuditFile,
    SignedAcknowledgement,
    entry_hash,
    genesis,
)
from posapp.wire.authorisation import (
    LEASE_DAYS_MAX,
    Authorisation,
    Grant,
    SignedAuthorisation,
    added_minor,
)
from posapp.wire.feed import Entity, till_scope
from posapp.wire.fields import INT_MAX
from posapp.wire.introductions import ModuleCard, Trust
from posapp.wire.time_word import SignedTime

TRUST_KEY = "module_trust"
CHUNK = 500  # entries in one statement
LISTED_MAX = 10_000

Key = tuple[str, int]  # SGC and KRN


@dataclass(frozen=True, slots=True)
class Growth:
    """How much more of one vending key: 0.1 kWh, 0.00001 of the currency, declared minor units."""

    units: int = 0
    money_units: int = 0
    value_minor: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What the next authorisation adds and asks; see `posapp.wire.authorisation`."""

    growths: Mapping[Key, Growth]
    days: int
    unacknowledged_max: int
    opening_hours: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """An authorisation, and how many signers modules want for what it adds."""

    signed: SignedAuthorisation
    needed: int

    @property
    def complete(self) -> bool:
        """Whether it may be loaded as it is."""
        return len(self.signed.signatures) >= self.needed


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What became of an audit file: `new` entries were not here before; `known` is our newest."""

    signed: SignedAcknowledgement
    new: int
    known: int


@dataclass(frozen=True, slots=True)
class Known:
    """A module as head office has it: numbers of its last authorisation and audit entry here."""

    module_id: str
    till_code: str
    authorisation: int
    entry: int
    fingerprint: str
    copied: bool


def listing(office: Office) -> tuple[Known, ...]:
    """All modules, by name; at most 10,000."""
    wanted = (
        select(module, till.c.code)
        .join(till, till.c.till_id == module.c.till_id, isouter=True)
        .order_by(module.c.module_id)
        .limit(LISTED_MAX)
    )
    with office.database.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(
        Known(
            row.module_id,
            row.code or "",
            row.authorisation,
            row.entry,
            ModuleCard.read(bytes(row.card)).fingerprint,
            row.copied_ms is not None,
        )
        for row in rows
    )


def set_trust(
    office: Office,
    others: Sequence[bytes],
    officers: Sequence[bytes],
    two_above_minor: int | None,
) -> Trust:
    """Whom new modules are to believe: this office, other signers, the key officers.

    Modules that were made before go on as they are. Raises InputError TRUST_INVALID(field).
    """
    trust = Trust((office.key.public, *others), tuple(officers), two_above_minor)
    text = trust.to_text().encode("ascii")
    with office.write() as connection:
        present = connection.execute(select(meta.c.key).where(meta.c.key == TRUST_KEY)).first()
        if present is None:
            connection.execute(insert(meta).values(key=TRUST_KEY, value=text))
        else:
            connection.execute(update(meta).where(meta.c.key == TRUST_KEY).values(value=text))
    return trust


def trust_of(office: Office) -> Trust:
    """What `set_trust` said last; before it: this office alone, one signature for all."""
    with office.database.read() as connection:
        return _trust(connection, office)


def register(office: Office, card: ModuleCard) -> bool:
    """Know a module by its card; whether it is new. Raises InputError MODULE_CARD_OTHER."""
    with office.write() as connection:
        row = _row(connection, card.module_id)
        if row is not None:
            if ModuleCard.read(bytes(row.card)) != card:
                raise InputError("MODULE_CARD_OTHER", module_id=card.module_id)
            return False
        connection.execute(
            insert(module).values(
                module_id=card.module_id,
                card=card.to_text().encode("ascii"),
                added_ms=epoch_ms(office.clock.now()),
                authorisation=0,
                single_growth_minor=0,
                entry=0,
                hash=genesis(card.module_id),
            )
        )
    return True


def authorise(
    office: Office,
    module_id: str,
    till_code: str,
    terms: Terms,
    others: Sequence[SigningKey] = (),
    *,
    allow_incomplete: bool = False,
) -> Issued:
    """The next numbered authorisation of a module at a till; it renews the till's lease too.

    Signed by this office and `others`. Raises InputError MODULE_NOT_REGISTERED, MODULE_COPIED,
    MODULE_AT_TILL (a module moves only by being made anew), TILL_UNKNOWN, TILL_SUSPENDED,
    GROWTH_RANGE, AUTHORISATION_INVALID(field), SIGNER_UNKNOWN, SIGNER_TWICE, and
    SIGNERS_TOO_FEW(found, needed) unless `allow_incomplete`.
    """
    if not 1 <= terms.days <= LEASE_DAYS_MAX:
        raise InputError("AUTHORISATION_INVALID", field="lease_days")
    now = from_epoch_ms(epoch_ms(office.clock.now()))
    with office.write() as connection:
        row = _known(connection, module_id)
        place = connection.execute(till.select().where(till.c.code == till_code)).first()
        if place is None:
            raise InputError("TILL_UNKNOWN", code=till_code[:40])
        if place.status != ACTIVE:
            raise InputError("TILL_SUSPENDED")
        if row.till_id is not None and bytes(row.till_id) != bytes(place.till_id):
            raise InputError("MODULE_AT_TILL", module_id=module_id)
        keys = _signers(connection, office, others)
        since = int(row.single_growth_minor) + _added(office, terms)
        needed = _trust(connection, office).needed(since)
        if len(keys) < needed and not allow_incomplete:
            raise InputError("SIGNERS_TOO_FEW", found=len(keys), needed=needed)
        lease = _renew_lease(connection, office, place, now, terms.days)
        signed = SignedAuthorisation.sign(
            Authorisation(
                module_id=module_id,
                number=int(row.authorisation) + 1,
                issued_at=now,
                till_id=bytes(place.till_id),
                currency_code=office.utility.currency_code,
                lease=lease,
                lease_days=terms.days,
                unacknowledged_max=terms.unacknowledged_max,
                grants=_grow(connection, module_id, terms.growths),
                opening_hours=terms.opening_hours,
            ),
            *keys,
        )
        _keep(connection, signed, 0 if max(len(keys), needed) > 1 else since)
    return Issued(signed, needed)


def newest(office: Office, module_id: str) -> SignedAuthorisation:
    """The last authorisation of a module. Raises InputError MODULE_NOT_REGISTERED,
    MODULE_COPIED, AUTHORISATION_NONE.
    """
    table = module_authorisation
    with office.database.read() as connection:
        row = _known(connection, module_id)
        mine = (table.c.module_id == module_id) & (table.c.number == row.authorisation)
        kept = connection.execute(select(table.c.data).where(mine)).first()
    if kept is None:
        raise InputError("AUTHORISATION_NONE", module_id=module_id)
    return SignedAuthorisation.read(bytes(kept.data))


def acknowledge(office: Office, file: AuditFile) -> Acknowledged:
    """Verify a module's book as far as a file brings it, keep it, and say so under our signature.

    Raises InputError MODULE_NOT_REGISTERED, SIGNATURE_INVALID, AUDIT_BROKEN(number, reason),
    AUDIT_MISSING(after, first) when entries before it never came; and AUDIT_FORK(module_id,
    number) when two entries have one number: then the file is kept as evidence, and nothing is
    acknowledged or authorised for this module again (MODULE_COPIED).
    """
    now_ms = epoch_ms(office.clock.now())
    head = file.head
    with office.write() as connection:
        row = _row(connection, head.module_id)
        if row is None:
            raise InputError("MODULE_NOT_REGISTERED", module_id=head.module_id)
        verdict = file.check(ModuleCard.read(bytes(row.card)).audit_key)
        if verdict.broken_number is not None:  # who carried the file may have changed it
            raise InputError("AUDIT_BROKEN", number=verdict.broken_number, reason=verdict.reason)
        fork = _fork(connection, row, file)
        if fork is None:
            if row.copied_ms is not None:
                raise InputError("MODULE_COPIED", module_id=row.module_id)
            if file.after > row.entry:
                raise InputError("AUDIT_MISSING", after=row.entry, first=file.after + 1)
            new = _append(connection, row, file)
        else:
            _keep_fork(connection, row, file, fork, now_ms)
    if fork is not None:
        raise InputError("AUDIT_FORK", module_id=head.module_id, number=fork)
    word = AuditAcknowledgement(head.module_id, head.number, head.hash32, now_ms)
    signed = SignedAcknowledgement.sign(word, office.key)
    return Acknowledged(signed, new, max(int(row.entry), head.number))


def say_time(office: Office, module_id: str) -> SignedTime:
    """What time it is, for a module whose clock was false, as of the newest entry of it here.

    Raises InputError MODULE_NOT_REGISTERED, MODULE_COPIED, AUDIT_NONE.
    """
    with office.database.read() as connection:
        row = _known(connection, module_id)
    if not row.entry:
        raise InputError("AUDIT_NONE", module_id=module_id)
    now_ms = epoch_ms(office.clock.now())
    word = AuditAcknowledgement(module_id, int(row.entry), bytes(row.hash), now_ms)
    return SignedTime.sign(word, office.key)


def _row(connection: Connection, module_id: str) -> Any:
    return connection.execute(module.select().where(module.c.module_id == module_id)).first()


def _known(connection: Connection, module_id: str) -> Any:
    row = _row(connection, module_id)
    if row is None:
        raise InputError("MODULE_NOT_REGISTERED", module_id=module_id[:40])
    if row.copied_ms is not None:
        raise InputError("MODULE_COPIED", module_id=module_id)
    return row


def _trust(connection: Connection, office: Office) -> Trust:
    row = connection.execute(select(meta.c.value).where(meta.c.key == TRUST_KEY)).first()
    return Trust((office.key.public,), (), None) if row is None else Trust.read(bytes(row.value))


def _signers(
    connection: Connection, office: Office, others: Sequence[SigningKey]
) -> list[SigningKey]:
    """This office and the others, each known to modules and each once."""
    trusted = _trust(connection, office).office
    keys = [office.key, *others]
    if len({key.public for key in keys}) != len(keys):
        raise InputError("SIGNER_TWICE")
    if not {key.public for key in keys} <= set(trusted):
        raise InputError("SIGNER_UNKNOWN")
    return keys


def _renew_lease(
    connection: Connection, office: Office, place: Any, now: datetime, days: int
) -> Lease:
    """The till's next lease, which goes down by line too, so that both ways say the same."""
    until = now + timedelta(days=days)
    mine = till.c.till_id == place.till_id
    values = {"lease_number": place.lease_number + 1, "lease_until_ms": epoch_ms(until)}
    connection.execute(update(till).where(mine).values(**values))
    fresh = connection.execute(till.select().where(mine)).one()
    signed = leases.current(fresh, office.key)
    if fresh.public_key is not None:
        scope = till_scope(bytes(fresh.till_id))
        feed.publish(connection, [feed.Change(scope, Entity.LEASE, "lease", signed)])
        feed.sequence(connection)
    return signed.lease


def _grow(
    connection: Connection, module_id: str, growths: Mapping[Key, Growth]
) -> tuple[Grant, ...]:
    """All grants of a module after `growths`, in the order of their keys."""
    mine = module_grant.c.module_id == module_id
    # No LIMIT: what would be more than a document's 64 keys was never stored.
    grants = {
        (row.sgc, row.krn): Grant(
            row.sgc, row.krn, row.units_total, row.money_units_total, row.value_total_minor
        )
        for row in connection.execute(module_grant.select().where(mine)).all()
    }
    for (sgc, krn), growth in growths.items():
        old = grants.get((sgc, krn))
        grown = Grant(
            sgc,
            krn,
            (old.units_total if old else 0) + growth.units,
            (old.money_units_total if old else 0) + growth.money_units,
            (old.value_total_minor if old else 0) + growth.value_minor,
        )
        values = {
            "units_total": grown.units_total,
            "money_units_total": grown.money_units_total,
            "value_total_minor": grown.value_total_minor,
        }
        grants[sgc, krn] = grown
        if old is None:
            new = insert(module_grant).values(module_id=module_id, sgc=sgc, krn=krn, **values)
            connection.execute(new)
        else:
            same = mine & (module_grant.c.sgc == sgc) & (module_grant.c.krn == krn)
            connection.execute(update(module_grant).where(same).values(**values))
    return tuple(grants[key] for key in sorted(grants))


def _added(office: Office, terms: Terms) -> int:
    """What the growths count, all keys together. Raises InputError GROWTH_RANGE."""
    total = 0
    for grown in terms.growths.values():
        if min(grown.units, grown.money_units, grown.value_minor) < 0:
            raise InputError("GROWTH_RANGE")
        total += added_minor(
            grown.units, grown.money_units, grown.value_minor, office.utility.currency_code
        )
    return total


def _keep(connection: Connection, signed: SignedAuthorisation, single_growth_minor: int) -> None:
    """Store it; the last number is what one signer alone granted since two signed."""
    word = signed.authorisation
    connection.execute(
        insert(module_authorisation).values(
            module_id=word.module_id,
            number=word.number,
            issued_ms=epoch_ms(word.issued_at),
            data=signed.to_bytes(),
        )
    )
    connection.execute(
        update(module)
        .where(module.c.module_id == word.module_id)
        .values(
            authorisation=word.number,
            till_id=word.till_id,
            single_growth_minor=min(single_growth_minor, INT_MAX),
        )
    )


def _fork(connection: Connection, row: Any, file: AuditFile) -> int | None:
    """The first number for which this file, which holds, has another entry than we."""
    hashes = {file.after: file.after_hash32}
    for number, data in enumerate(file.entries, file.after + 1):
        if number > row.entry:
            break
        hashes[number] = entry_hash(data)
    # No LIMIT: as many rows as the file has entries, which has its own.
    kept = {0: genesis(row.module_id)} | {
        int(entry.number): bytes(entry.hash)
        for entry in connection.execute(
            select(module_entry.c.number, module_entry.c.hash).where(
                module_entry.c.module_id == row.module_id,
                module_entry.c.number >= min(hashes),
                module_entry.c.number <= max(hashes),
            )
        )
    }
    return next((n for n in sorted(hashes) if n in kept and kept[n] != hashes[n]), None)


def _append(connection: Connection, row: Any, file: AuditFile) -> int:
    """Keep the entries that are new; how many they are."""
    first = max(int(row.entry) - file.after, 0)
    rows = [
        {
            "module_id": row.module_id,
            "number": number,
            "hash": entry_hash(data),
            "entry": data,
        }
        for number, data in enumerate(file.entries[first:], file.after + first + 1)
    ]
    for start in range(0, len(rows), CHUNK):
        connection.execute(insert(module_entry), rows[start : start + CHUNK])
    if rows:
        values = {"entry": file.head.number, "hash": file.head.hash32}
        mine = module.c.module_id == row.module_id
        connection.execute(update(module).where(mine).values(**values))
    return len(rows)


def _keep_fork(connection: Connection, row: Any, file: AuditFile, number: int, now_ms: int) -> None:
    evidence = file.to_bytes()
    digest = hashlib.sha256(evidence).digest()
    same = (module_fork.c.module_id == row.module_id) & (module_fork.c.digest == digest)
    if connection.execute(select(module_fork.c.number).where(same)).first() is None:
        connection.execute(
            insert(module_fork).values(
                module_id=row.module_id,
                digest=digest,
                number=number,
                evidence=evidence,
                received_ms=now_ms,
            )
        )
    if row.copied_ms is None:
        mine = module.c.module_id == row.module_id
        connection.execute(update(module).where(mine).values(copied_ms=now_ms))
