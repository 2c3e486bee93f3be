"""The town's meters as a process of their own: they hold keys, and a till must not.

Lines in: `NUMBER DIGITS`. Lines out: the meter's verdict and its register in tenths of a kWh.
Started as `python -m posapp.demo.meters KEYS METERS`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.security_module.reference.keys import load_key_file
from posapp.sts.ciphers import sample_tables
from posapp.sts.keys import decoder_key
from posapp.sts.meter import VirtualMeter


def installed(keys_json: Path, meters_csv: Path) -> dict[str, VirtualMeter]:
    """A virtual meter for every row of the town's file, with the key its maker gave it."""
    keys = {(key.sgc, key.krn): key for key in load_key_file(keys_json)}
    tables = sample_tables()
    made: dict[str, VirtualMeter] = {}
    with meters_csv.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number, ea = MeterNumber(row["meter"]), EncryptionAlgorithm(int(row["ea"]))
            key = keys[row["sgc"], int(row["krn"])]
            made[number.digits] = VirtualMeter(
                number,
                decoder_key(key, number, row["ti"], ea),
                ea,
                tables,
                krn=key.krn,
                ti=row["ti"],
                ken=int(row["ken"]),
            )
    return made


def main(arguments: list[str]) -> int:
    """Answer until the pipe closes."""
    meters = installed(Path(arguments[0]), Path(arguments[1]))
    print(f"ready {len(meters)}", flush=True)
    for line in sys.stdin:
        number, _, digits = line.strip().partition(" ")
        meter = meters.get(number)
        if meter is None:
            print("NoSuchMeter 0", flush=True)
            continue
        print(f"{meter.enter(digits).value} {meter.electricity_tenths}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
