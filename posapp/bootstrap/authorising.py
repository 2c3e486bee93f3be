"""What head office lets modules make: `posapp headoffice trust|signer|authorise|countersign` and
`acknowledge`. Files go to the module by stick or line; the numbers stay in head office's database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from posapp.bootstrap import headoffice
from posapp.bootstrap.ceremony import read_card, read_file, read_officers
from posapp.clock import Randomness, SystemRandomness, from_epoch_ms
from posapp.codec.files import write_private
from posapp.codec.sealed import RARE, Cost
from posapp.codec.signing import SigningKey
from posapp.domain.energy import units_text
from posapp.domain.money import currency, money_text, parse_amount
from posapp.errors import ConfigError, InputError
from posapp.headoffice import modules, opening_hours
from posapp.headoffice.ceremony.signer_file import SignerFile
from posapp.headoffice.modules import Growth, Terms
from posapp.headoffice.office import Office
from posapp.wire import audit, authorisation
from posapp.wire.audit import AuditFile
from posapp.wire.authorisation import Authorisation, SignedAuthorisation
from posapp.wire.fields import INT_MAX
from posapp.wire.introductions import ModuleCard, fingerprint

AskPin = Callable[[str], str]  # the name of whose PIN it is -> what was typed
FILE_BYTES_MAX = authorisation.DOCUMENT_BYTES_MAX + 2048


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asks for, as typed: `SGC:KRN` -> amount; openings like mon-fri=07:00-18:00."""

    units: Mapping[str, str]
    money: Mapping[str, str]
    value: Mapping[str, str]
    days: int
    unacknowledged: int
    openings: Sequence[str] = ()


def make_signer(
    name: str,
    pin: str,
    out: Path,
    *,
    randomness: Randomness | None = None,
    cost: Cost = RARE,
) -> str:
    """A second signer's key file; the fingerprint of its public key.

    Raises InputError OFFICER_NAME, OFFICER_PIN_FORM; ConfigError FILE_EXISTS, FILE_UNWRITABLE.
    """
    made = SignerFile.make(name, pin, randomness or SystemRandomness(), cost=cost)
    made.store(out)
    return fingerprint(made.public)


def change_signer_pin(
    path: Path, pin: str, new_pin: str, *, randomness: Randomness | None = None
) -> str:
    """A new PIN for a signer's key file; the name.

    Raises InputError SEAL_REFUSED, SIGNER_FILE, OFFICER_PIN_FORM; ConfigError FILE_...
    """
    changed = SignerFile.load(path).with_pin(pin, new_pin, randomness or SystemRandomness())
    changed.store(path, new=False)
    return changed.name


def list_modules(folder: Path) -> list[str]:
    """One line a module: its till, what it was allowed last, how far its audit is here."""
    with headoffice.opened(folder) as office:
        rows = modules.listing(office)
    return [
        f"module {row.module_id} till {row.till_code or 'none'} "
        f"authorisation {row.authorisation} audit up to {row.entry} card {row.fingerprint}"
        + (" COPIED" if row.copied else "")
        for row in rows
    ]


def write_trust(
    folder: Path,
    out: Path,
    *,
    signers: Sequence[Path] = (),
    officers: Path | None = None,
    two_above: str | None = None,
) -> str:
    """Whom new modules believe, kept here and written for `posapp module init`; its fingerprint.

    When one signer alone granted more than `two_above` (an amount of the currency; 0.1 kWh counts
    as a minor unit at least), two must sign. Raises InputError TRUST_INVALID, SIGNER_FILE,
    OFFICERS_FILE, AMOUNT_...
    """
    _refuse_existing(out)
    others = [SignerFile.load(path).public for path in signers]
    people = read_officers(officers) if officers is not None else ()
    with headoffice.opened(folder) as office:
        unit = currency(office.utility.currency_code)
        limit = None if two_above is None else parse_amount(two_above, unit)
        trust = modules.set_trust(office, others, people, limit)
    write_private(out, trust.to_text().encode("ascii"), new=True)
    return trust.fingerprint


def authorise(
    folder: Path,
    module_id: str,
    till_code: str,
    wishes: Wishes,
    out: Path,
    *,
    card: Path | None = None,
    signers: Sequence[Path] = (),
    ask: AskPin = lambda _: "",
    allow_incomplete: bool = False,
) -> list[str]:
    """The next authorisation of a module, stored and written to `out`; lines that say what it is.

    `card` makes the module known at its first time. Raises what `modules.authorise` raises;
    InputError GRANT_FORM(text), UNITS_..., AMOUNT_..., SEAL_REFUSED; ConfigError FILE_...
    """
    _refuse_existing(out)
    with headoffice.opened(folder) as office:
        terms = _terms(office, wishes)
        if card is not None:
            modules.register(office, _card_of(card, module_id))
        keys = _open_signers(signers, ask)
        issued = modules.authorise(
            office, module_id, till_code, terms, keys, allow_incomplete=allow_incomplete
        )
    write_private(out, issued.signed.to_bytes(), new=True)
    lines = describe(issued.signed)
    if not issued.complete:
        lines.append("NOT COMPLETE: a second signer has to countersign it")
    return lines


def write_again(folder: Path, module_id: str, out: Path) -> list[str]:
    """The newest authorisation of a module once more, when its file was lost; no new number.

    Raises InputError MODULE_NOT_REGISTERED, AUTHORISATION_NONE.
    """
    _refuse_existing(out)
    with headoffice.opened(folder) as office:
        signed = modules.newest(office, module_id)
    write_private(out, signed.to_bytes(), new=True)
    return describe(signed)


def read_authorisation(path: Path) -> SignedAuthorisation:
    """From a file; nobody's trust is asked. Raises ConfigError, InputError."""
    return SignedAuthorisation.read(read_file(path, FILE_BYTES_MAX))


def countersign(path: Path, signer: Path, out: Path, ask: AskPin) -> list[str]:
    """One more signature under what another signed; needs no head office folder.

    Raises InputError SIGNATURE_INVALID, SIGNER_TWICE, SEAL_REFUSED; ConfigError FILE_...
    """
    _refuse_existing(out)
    signed = read_authorisation(path)
    signed.check([public for public, _ in signed.signatures], 1)
    (key,) = _open_signers([signer], ask)
    if key.public in dict(signed.signatures):
        raise InputError("SIGNER_TWICE")
    both = signed.countersign(key)
    write_private(out, both.to_bytes(), new=True)
    return describe(both)


def acknowledge(
    folder: Path, audit_file: Path, out: Path, *, card: Path | None = None
) -> list[str]:
    """Verify and keep a module's audit, write the acknowledgement; lines that say what came.

    Raises what `modules.acknowledge` raises (AUDIT_FORK above all); ConfigError FILE_...
    """
    _refuse_existing(out)
    found = AuditFile.from_bytes(read_file(audit_file, audit.FILE_BYTES_MAX))
    with headoffice.opened(folder) as office:
        if card is not None:
            modules.register(office, _card_of(card, found.head.module_id))
        word = modules.acknowledge(office, found)
    write_private(out, word.signed.to_bytes(), new=True)
    said = word.signed.acknowledgement
    lines = [f"module {said.module_id}: {word.new} new entries, whole up to {said.number}"]
    if word.known > said.number:
        lines.append(
            f"LOOK: up to {word.known} came before. An old file, or a module that was put back?"
        )
    return lines


def say_time(folder: Path, module_id: str, out: Path) -> list[str]:
    """Write what time it is for a module whose clock was false; lines that say so.

    Raises what `modules.say_time` raises; ConfigError FILE_...
    """
    _refuse_existing(out)
    with headoffice.opened(folder) as office:
        signed = modules.say_time(office, module_id)
    write_private(out, signed.to_bytes(), new=True)
    said = from_epoch_ms(signed.word.at_ms)
    return [f"module {module_id}: it is {said:%Y-%m-%d %H:%M} UTC, entry {signed.word.number}"]


def describe(signed: SignedAuthorisation) -> list[str]:
    """What an authorisation allows, for the eyes of who signs or loads it."""
    said = signed.authorisation
    unit = currency(said.currency_code)
    lines = [
        f"authorisation {said.number} for module {said.module_id}",
        f"issued {said.issued_at:%Y-%m-%d %H:%M} UTC, good for {said.lease_days} days, "
        f"{said.unacknowledged_max} tokens unacknowledged",
        f"till may sell {money_text(said.lease.authorised_total_minor, unit)} in all, "
        f"until {said.lease.valid_until:%Y-%m-%d %H:%M} UTC",
    ]
    lines += [_grant_line(said, place) for place in range(len(said.grants))]
    if said.opening_hours:
        lines.append("open " + ", ".join(map(_opening, said.opening_hours)) + " (UTC)")
    lines += [f"signed by {fingerprint(public)}" for public, _ in signed.signatures]
    return lines


def _grant_line(said: Authorisation, place: int) -> str:
    grant = said.grants[place]
    parts = [f"SGC {grant.sgc} KRN {grant.krn} in all {units_text(grant.units_total)} units"]
    if grant.money_units_total:
        money = Decimal(grant.money_units_total) / authorisation.MONEY_UNITS
        parts.append(f"{money:,.5f} {said.currency_code} of currency tokens")
    value = money_text(grant.value_total_minor, currency(said.currency_code))
    return ", ".join([*parts, f"{value} declared"])


def _opening(hours: tuple[int, int]) -> str:
    start, end = hours
    first = f"{opening_hours.DAYS[start // 1440]} {start % 1440 // 60:02d}:{start % 60:02d}"
    last = (end - 1) // 1440  # 24:00 belongs to the day it ends
    minute = end - last * 1440
    return f"{first} to {opening_hours.DAYS[last]} {minute // 60:02d}:{minute % 60:02d}"


def _terms(office: Office, wishes: Wishes) -> Terms:
    unit = currency(office.utility.currency_code)
    units = {_place(k): _scaled(v, 10) for k, v in wishes.units.items()}
    money = {_place(k): _scaled(v, authorisation.MONEY_UNITS) for k, v in wishes.money.items()}
    value = {_place(k): parse_amount(v, unit) for k, v in wishes.value.items()}
    places = sorted({*units, *money, *value})
    growths = {p: Growth(units.get(p, 0), money.get(p, 0), value.get(p, 0)) for p in places}
    local = office.utility.site(bytes(16), "0000", "", "", "").local(office.clock.now())
    hours = opening_hours.parse(wishes.openings, local) if wishes.openings else ()
    return Terms(growths, wishes.days, wishes.unacknowledged, hours)


def _place(text: str) -> tuple[str, int]:
    sgc, _, krn = text.partition(":")
    if len(sgc) != 6 or not (sgc + krn).isascii() or not sgc.isdigit() or len(krn) != 1:
        raise InputError("GRANT_FORM", text=text[:40])
    if krn not in "123456789":
        raise InputError("GRANT_FORM", text=text[:40])
    return sgc, int(krn)


def _scaled(text: str, scale: int) -> int:
    """A decimal number of at most as many places as `scale` has, as an integer."""
    try:
        scaled = Decimal(text) * scale
    except InvalidOperation:
        raise InputError("GRANT_FORM", text=text[:40]) from None
    if not scaled.is_finite() or not 0 <= scaled <= INT_MAX or scaled != scaled.to_integral():
        raise InputError("GRANT_FORM", text=text[:40])
    return int(scaled)


def _card_of(path: Path, module_id: str) -> ModuleCard:
    card = read_card(path)
    if card.module_id != module_id:
        raise InputError("MODULE_CARD_FOREIGN", module_id=card.module_id)
    return card


def _open_signers(paths: Sequence[Path], ask: AskPin) -> list[SigningKey]:
    files = [SignerFile.load(path) for path in paths]
    return [file.open(ask(file.name)) for file in files]


def _refuse_existing(out: Path) -> None:
    """Before anything is counted: an authorisation that cannot be written is a lost number."""
    if out.exists():
        raise ConfigError("FILE_EXISTS", file=str(out))
    if not out.parent.is_dir():
        raise ConfigError("FILE_UNWRITABLE", file=str(out), reason="no such folder")
