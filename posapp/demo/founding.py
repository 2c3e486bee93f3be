"""Makes the town's head office and module in a process of its own, so the till stays small.

Started as `python -m posapp.demo.founding FOLDER CUSTOMERS SEED`; it prints `ready`, the one-time
code of the till and the digits with which till and module pair. `AUTHORISATION` in the folder
is head office's word on what the module may make.
"""

from __future__ import annotations

import sys
from pathlib import Path

from posapp import paths
from posapp.bootstrap import authorising, headoffice, module, module_people
from posapp.bootstrap.authorising import Wishes
from posapp.bootstrap.module_people import Change
from posapp.clock import SystemClock, SystemRandomness
from posapp.demo.town import (
    AUTHORISATION,
    CURRENT_SGC,
    DES_SGC,
    OLD_SGC,
    TARIFFS,
    TILL_CODE,
    Town,
    build,
    staff_by_number,
)
from posapp.errors import PosError
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.reference.pairing_desk import PairingWindow

FLOAT = "250000.00"
# Ten times what a day sells, and more than the float; the old key only leads to the new one.
GRANTS = Wishes(
    units={f"{CURRENT_SGC}:2": "40000", f"{DES_SGC}:1": "10000", f"{OLD_SGC}:1": "1"},
    money={},
    value={f"{CURRENT_SGC}:2": "900000", f"{DES_SGC}:1": "300000", f"{OLD_SGC}:1": "100"},
    days=14,
    unacknowledged=1000,
)


def found(folder: Path, customers: int, seed: int) -> tuple[str, str]:
    """Everything that is there before the first process answers; the till's code, the digits."""
    town = build(folder / "town", customers=customers, seed=seed)
    office = folder / "headoffice"
    code = _head_office(office, town)
    module_id = _module(folder, town)
    authorising.authorise(
        office,
        module_id,
        TILL_CODE,
        GRANTS,
        folder / AUTHORISATION,
        card=folder / "module" / module.CARD_FILE,
    )
    return code, _pairing_digits(folder / "module")


def _head_office(office: Path, town: Town) -> str:
    headoffice.init(
        office,
        utility="Umoja Power",
        zone="Africa/Nairobi",
        currency_code="KES",
        tax_number="P051234567Q",
        help_line="0800 100 200",
    )
    packs = [paths.resources() / "tariffs" / f"{name}.toml" for name in TARIFFS.values()]
    tables = [town.customers_csv, town.meters_csv, town.accounts_csv]
    headoffice.import_files(office, [*packs, *tables])
    for person in staff_by_number():
        headoffice.add_operator(office, person.name, person.role, person.pin)
    return headoffice.enrol(
        office,
        TILL_CODE,
        till_name="Till 3",
        vendor="Baraka General Store",
        vendor_address="Market Street, Mji Mpya",
        float_text=FLOAT,
    )


def _module(folder: Path, town: Town) -> str:
    """Made to believe this head office only, with the same people under the same numbers."""
    place, trust = folder / "module", folder / "trust.json"
    authorising.write_trust(folder / "headoffice", trust)
    first, *others = staff_by_number()
    module_id = module.init(place, town.keys_json, trust, supervisor=first.name, pin=first.pin)
    for number, person in enumerate(others, 2):
        wanted = Change("add", number, person.name, person.role, person.pin)
        module_people.change(place, 1, first.pin, wanted)
    return module_id


def _pairing_digits(place: Path) -> str:
    """What the module would show; the window stays open for some minutes."""
    randomness = SystemRandomness()
    keys = LineKeys(place, module_people.line_secret(place), randomness)
    return PairingWindow(place, keys).open(SystemClock().now(), randomness)


def main(arguments: list[str]) -> int:
    """0, or 2 with the reason on standard error."""
    try:
        code, pairing = found(Path(arguments[0]), int(arguments[1]), int(arguments[2]))
        print("ready", code, pairing, flush=True)
    except PosError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
