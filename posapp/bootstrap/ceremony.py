"""Runs the offline key ceremony: `posapp headoffice keys init|make|import|list|export|officers`.

For a machine without a network, in a folder of its own. What comes back are lines to print; no
line holds a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness
from posapp.codec.files import read_bounded, write_private
from posapp.codec.sealed import RARE, Cost
from posapp.errors import ConfigError, InputError
from posapp.headoffice.ceremony import keys as key_making
from posapp.headoffice.ceremony import vault as vaults
from posapp.headoffice.ceremony.keys import Attributes, check_value
from posapp.headoffice.ceremony.vault import Vault
from posapp.sts.keys import VendingKey
from posapp.wire import introductions
from posapp.wire.introductions import ModuleCard
from posapp.wire.signatures import PUBLIC_BYTES

OFFICERS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Exported:
    """A key file that was written; `fingerprint` is the card's, to be compared with the module."""

    module_id: str
    serial: int
    keys: int
    test: bool
    load_before: str
    fingerprint: str


def init(
    folder: Path,
    names: Sequence[str],
    pins: Sequence[str],
    *,
    test: bool,
    randomness: Randomness | None = None,
    cost: Cost = RARE,
) -> list[str]:
    """Make a vault with two officers. Raises what `vault.create` raises."""
    source = randomness or SystemRandomness()
    vault = vaults.create(folder, names, pins, source, test=test, cost=cost)
    try:
        return _officer_lines(vault)
    finally:
        vault.close()


def make(
    folder: Path,
    pins: Sequence[str],
    attributes: Attributes,
    *,
    randomness: Randomness | None = None,
) -> list[str]:
    """A new random key. Raises InputError KEY_THERE, VENDING_KEY_..., what `open_vault` raises."""
    source = randomness or SystemRandomness()
    with _opened(folder, pins) as vault:
        key = key_making.make_key(attributes, source)
        vault.add(key)
        vault.save(source)
    return [key_line(key)]


def import_key(
    folder: Path,
    pins: Sequence[str],
    attributes: Attributes,
    text: str,
    *,
    randomness: Randomness | None = None,
) -> list[str]:
    """A key typed in as hex. Raises also InputError VENDING_KEY_HEX."""
    key = key_making.import_key(attributes, text)
    with _opened(folder, pins) as vault:
        vault.add(key)
        vault.save(randomness or SystemRandomness())
    return [key_line(key)]


def list_keys(folder: Path, pins: Sequence[str]) -> list[str]:
    """Attributes and check value of each key, never more."""
    with _opened(folder, pins) as vault:
        mark = "test" if vault.test else "production"
        return [f"{len(vault.keys)} {mark} keys", *(key_line(key) for key in vault.keys)]


def export(
    folder: Path,
    pins: Sequence[str],
    module_id: str,
    card_file: Path,
    out: Path,
    *,
    wanted: Sequence[tuple[str, int]] = (),
    load_days: int = 30,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> Exported:
    """A key file for one module with the `wanted` keys (SGC, KRN), or with all.

    The serial is stored before the file is written. Raises InputError MODULE_CARD,
    MODULE_CARD_FOREIGN, KEY_NOT_THERE, KEYS_NONE, KEYS_TOO_MANY; ConfigError FILE_...
    """
    card = read_card(card_file)
    if card.module_id != module_id:
        raise InputError("MODULE_CARD_FOREIGN", module_id=card.module_id)
    if out.exists():
        raise ConfigError("FILE_EXISTS", file=str(out))
    with _opened(folder, pins) as vault:
        chosen = [vault.find(*place) for place in dict.fromkeys(wanted)] or vault.keys
        made = vault.export(card, chosen, (clock or SystemClock()).now(), load_days)
        vault.save(randomness or SystemRandomness())
    write_private(out, made.to_bytes(), new=True)
    header = made.header
    until = f"{header.load_before:%Y-%m-%d %H:%M} UTC"
    return Exported(
        header.module_id, header.serial, len(chosen), header.test, until, card.fingerprint
    )


def officers(folder: Path, pins: Sequence[str], out: Path | None = None) -> list[str]:
    """Who they are; `out`: their public keys as a file for `posapp headoffice trust`."""
    with _opened(folder, pins) as vault:
        people = vault.officers
        lines = _officer_lines(vault)
    if out is not None:
        rows = [{"name": person.name, "public": person.key.public.hex()} for person in people]
        text = json.dumps({"version": OFFICERS_VERSION, "officers": rows}, indent=2) + "\n"
        write_private(out, text.encode("ascii"), new=True)
    return lines


def change_pin(
    folder: Path,
    pins: Sequence[str],
    place: int,
    new_pin: str,
    *,
    randomness: Randomness | None = None,
) -> str:
    """A new PIN for officer 0 or 1; the name. Both are there: the file opens in no other way.

    Raises InputError OFFICER_PIN_FORM, OFFICER_PIN_SAME.
    """
    with _opened(folder, pins) as vault:
        vault.change_pin(place, new_pin)
        vault.save(randomness or SystemRandomness())
        return vault.officers[place].name


def read_card(path: Path) -> ModuleCard:
    """A module's card from a file. Raises ConfigError FILE_UNREADABLE, InputError MODULE_CARD."""
    return ModuleCard.read(read_file(path, introductions.TEXT_BYTES_MAX))


def read_officers(path: Path) -> tuple[bytes, ...]:
    """The public keys of a file that `officers` wrote. Raises InputError OFFICERS_FILE."""
    try:
        value = json.loads(read_file(path, introductions.TEXT_BYTES_MAX))
        if value["version"] != OFFICERS_VERSION:
            raise InputError("OFFICERS_FILE")
        keys = tuple(bytes.fromhex(row["public"]) for row in value["officers"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("OFFICERS_FILE") from None
    if not keys or any(len(key) != PUBLIC_BYTES for key in keys):
        raise InputError("OFFICERS_FILE")
    return keys


def read_file(path: Path, bytes_max: int) -> bytes:
    """A file of at most `bytes_max` bytes. Raises ConfigError FILE_UNREADABLE."""
    try:
        return read_bounded(path, bytes_max)
    except OSError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=error.strerror) from None
    except ValueError as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=str(error)) from None


def key_line(key: VendingKey) -> str:
    """One key for people: everything but the secret, and the check value."""
    parts = [
        f"SGC {key.sgc} KRN {key.krn} KT {int(key.kt)} base date {key.base_date}",
        f"KEN {key.ken} DKGA {key.dkga:02d} check value {check_value(key)}",
    ]
    if key.active_from is not None:
        parts.append(f"active from {key.active_from:%Y-%m-%dT%H:%MZ}")
    if key.issue_until is not None:
        parts.append(f"issue until {key.issue_until:%Y-%m-%dT%H:%MZ}")
    if key.permitted is not None:
        kinds = " ".join(f"{major}.{minor}" for major, minor in sorted(key.permitted))
        parts.append(f"makes only {kinds or 'nothing'}")
    return " ".join(parts)


def _officer_lines(vault: Vault) -> list[str]:
    return [
        f"officer {place} {person.name} key {introductions.fingerprint(person.key.public)}"
        for place, person in enumerate(vault.officers, 1)
    ]


@contextmanager
def _opened(folder: Path, pins: Sequence[str]) -> Iterator[Vault]:
    vault = vaults.open_vault(folder, pins)
    try:
        yield vault
    finally:
        vault.close()
