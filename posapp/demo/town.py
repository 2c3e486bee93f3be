"""The sample town: people, meters, tariffs and test keys, made from a seed.

It writes the same files a real utility would load (`customers.csv`, `meters.csv`, `accounts.csv`)
and the key file that only a test module takes. The same seed makes the same town.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posapp import paths
from posapp.domain.meter import luhn_digit
from posapp.errors import InputError
from posapp.sts.keys import with_odd_parity

CUSTOMERS_MIN, CUSTOMERS_MAX = 500, 100_000
METERS_PER_HUNDRED = 120  # landlords, shops and pumps have more than one
# code of the pack = its file in resources/tariffs/
TARIFFS = {
    "KE-D1": "ke-domestic",
    "KE-DS": "ke-standing-charge",
    "KE-SC": "ke-small-business",
    "KE-DA": "ke-accounts",
}
USUAL_TARIFFS = 3  # the first ones; the last one is for those with an account
# places in the list of meters, after all that the day sells to otherwise
INDEBTED_AT, ENTITLED_AT, PENDING_AT = 60, 61, 64
ACCOUNTS = {
    INDEBTED_AT: ("no", "water:1850.00:2025-02-28 rent:640.00:2025-05-31"),
    ENTITLED_AT: ("yes", ""),
}
ACCOUNTS_AS_OF = "2025-07-01T00:00"
TILL_CODE = "MM03"
AUTHORISATION = "authorisation"  # the file of head office's word for the module
CURRENT_SGC, DES_SGC, OLD_SGC = "600701", "600702", "600193"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who works at the till, with the PIN that the demo prints."""

    name: str
    role: str
    pin: str


STAFF = (
    Person("Grace Otieno", "clerk", "246810"),
    Person("Ibrahim Traoré", "vendor", "135790"),
    Person("Kwame Mensah", "supervisor", "975310"),
)
CLERK, _, SUPERVISOR = STAFF


def staff_by_number() -> tuple[Person, ...]:
    """As head office and the module number them from 1: a module begins with a supervisor."""
    return (SUPERVISOR, *(person for person in STAFF if person is not SUPERVISOR))


@dataclass(frozen=True, slots=True)
class TownMeter:
    """One row of `meters.csv`."""

    meter: str
    customer_id: int
    tariff: str
    ea: int
    sgc: str
    krn: int
    ti: str
    base_date: int
    ken: int
    phases: int
    maker: str
    state: str
    new_sgc: str = ""
    new_krn: str = ""


@dataclass(frozen=True, slots=True)
class Town:
    """What was made and where its files are."""

    folder: Path
    customers: tuple[tuple[int, str, str, str, str], ...]
    meters: tuple[TownMeter, ...]
    customers_csv: Path
    meters_csv: Path
    accounts_csv: Path
    keys_json: Path

    @property
    def old_meter(self) -> TownMeter:
        """The one meter of base date 1993: it needs its key change before it can buy."""
        return next(meter for meter in self.meters if meter.base_date == 1993)

    @property
    def blocked_meter(self) -> TownMeter:
        """The one meter that head office has blocked."""
        return next(meter for meter in self.meters if meter.state == "blocked")

    @property
    def pending_meter(self) -> TownMeter:
        """Which is to move to the town's newer supply group with its next sale."""
        return self.meters[PENDING_AT]

    @property
    def indebted_meter(self) -> TownMeter:
        """Whose customer owes for water and rent: a part of each payment goes there first."""
        return self.meters[INDEBTED_AT]

    @property
    def entitled_meter(self) -> TownMeter:
        """Whose customer is on the utility's list for free units."""
        return self.meters[ENTITLED_AT]


def build(folder: Path, *, customers: int, seed: int) -> Town:
    """Make the town's files in `folder`. Raises InputError DEMO_CUSTOMERS outside 500..100 000."""
    if not CUSTOMERS_MIN <= customers <= CUSTOMERS_MAX:
        raise InputError("DEMO_CUSTOMERS", least=CUSTOMERS_MIN, most=CUSTOMERS_MAX)
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    names = tomllib.loads((paths.resources() / "demo" / "names.toml").read_text(encoding="utf-8"))
    people = tuple(_customer(chance, number, names) for number in range(1, customers + 1))
    meters = _meters(chance, customers, tuple(TARIFFS)[:USUAL_TARIFFS], names["makers"])
    town = Town(
        folder,
        people,
        meters,
        folder / "customers.csv",
        folder / "meters.csv",
        folder / "accounts.csv",
        folder / "keys-test.json",
    )
    _write_csv(town.customers_csv, ("customer_id", "name", "account", "phone", "address"), people)
    fields = tuple(TownMeter.__slots__)
    rows = [tuple(getattr(meter, field) for field in fields) for meter in meters]
    _write_csv(town.meters_csv, fields, rows)
    accounts = [
        (meters[place].meter, ACCOUNTS_AS_OF, *account) for place, account in ACCOUNTS.items()
    ]
    _write_csv(town.accounts_csv, ("meter", "as_of", "entitled", "debts"), accounts)
    town.keys_json.write_text(json.dumps(_keys(seed), indent=1), encoding="utf-8")
    return town


def _customer(
    chance: random.Random, number: int, names: dict[str, Any]
) -> tuple[int, str, str, str, str]:
    name = f"{chance.choice(names['given'])} {chance.choice(names['family'])}"
    street, place = chance.choice(names["streets"]), chance.choice(names["places"])
    address = f"{chance.randint(1, 240)} {street}, {place}"
    phone = f"07{chance.randint(0, 99_999_999):08d}"
    return number, name, f"{310_000 + number:07d}", phone, address


def _meters(
    chance: random.Random, customers: int, tariffs: tuple[str, ...], makers: dict[str, str]
) -> tuple[TownMeter, ...]:
    count = customers * METERS_PER_HUNDRED // 100
    made: dict[str, TownMeter] = {}
    while len(made) < count:
        place = len(made)
        maker = chance.choice(sorted(makers))
        four = place % 50 == 7  # a few makers have four-digit codes and longer numbers
        body = f"{'00' if four else ''}{maker}{chance.randint(0, 99_999_999):08d}"
        number = body + luhn_digit(body)
        if number in made:
            continue
        owner = place + 1 if place < customers else chance.randint(1, customers)
        made[number] = _meter(number, owner, place, chance, tariffs, makers[maker])
    return tuple(made.values())


def _meter(
    number: str,
    owner: int,
    place: int,
    chance: random.Random,
    tariffs: tuple[str, ...],
    maker: str,
) -> TownMeter:
    tariff = tariffs[min(chance.choices((0, 1, 2), (70, 18, 12))[0], len(tariffs) - 1)]
    ea, sgc, krn, base = (11, CURRENT_SGC, 2, 2014) if place % 2 else (7, CURRENT_SGC, 2, 2014)
    if place % 10 == 4:
        ea, sgc, krn = 7, DES_SGC, 1
    if place == 12:
        ea, sgc, krn, base = 7, OLD_SGC, 1, 1993
    if place in ACCOUNTS:
        tariff = "KE-DA"
    phases = 3 if place % 15 == 9 else 1
    state = "blocked" if place == 25 else "active"
    new_key = (CURRENT_SGC, "2") if place == PENDING_AT else ("", "")
    return TownMeter(
        *(number, owner, tariff, ea, sgc, krn, "01", base, 255, phases, maker, state), *new_key
    )


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _keys(seed: int) -> dict[str, object]:
    """Test keys of the town: nobody's real supply group, and marked so."""

    def secret(name: str, size: int) -> bytes:
        return hashlib.sha256(f"posapp demo town {seed} {name}".encode()).digest()[:size]

    def key(sgc: str, krn: int, base_date: int, dkga: int, value: bytes) -> dict[str, object]:
        return {
            "sgc": sgc,
            "krn": krn,
            "kt": 2,
            "base_date": base_date,
            "ken": 255,
            "dkga": dkga,
            "secret": value.hex(),
        }

    return {
        "marked": "test",
        "keys": [
            key(CURRENT_SGC, 2, 2014, 4, secret("current", 20)),
            key(DES_SGC, 1, 2014, 2, with_odd_parity(secret("des", 8))),
            key(OLD_SGC, 1, 1993, 2, with_odd_parity(secret("old", 8))),
        ],
    }
