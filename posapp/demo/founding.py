"""Makes the town's head office and module in a process of its own, so the till stays small.

Started as `python -m posapp.demo.founding FOLDER CUSTOMERS SEED`; it prints `ready CODE`, the
one-time code of the till.
"""

from __future__ import annotations

import sys
from pathlib import Path

from posapp import paths
from posapp.bootstrap import headoffice, module
from posapp.demo.town import STAFF, TARIFFS, build
from posapp.errors import PosError

TILL_CODE, FLOAT = "MM03", "250000.00"


def found(folder: Path, customers: int, seed: int) -> str:
    """Everything that is there before the first process answers; the till's code."""
    town = build(folder / "town", customers=customers, seed=seed)
    module.init(folder / "module", town.keys_json)
    office = folder / "headoffice"
    headoffice.init(
        office,
        utility="Umoja Power",
        zone="Africa/Nairobi",
        currency_code="KES",
        tax_number="P051234567Q",
        help_line="0800 100 200",
    )
    packs = [paths.resources() / "tariffs" / f"{name}.toml" for name in TARIFFS.values()]
    headoffice.import_files(office, [*packs, town.customers_csv, town.meters_csv])
    for person in STAFF:
        headoffice.add_operator(office, person.name, person.role, person.pin)
    return headoffice.enrol(
        office,
        TILL_CODE,
        till_name="Till 3",
        vendor="Baraka General Store",
        vendor_address="Market Street, Mji Mpya",
        float_text=FLOAT,
    )


def main(arguments: list[str]) -> int:
    """0, or 2 with the reason on standard error."""
    try:
        print("ready", found(Path(arguments[0]), int(arguments[1]), int(arguments[2])), flush=True)
    except PosError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
