"""The town's meters as a process of their own: they hold keys, and a till must not.

Lines in: `NUMBER DIGITS`. Lines out: the meter's verdict and all that was ever credited to it in
tenths of a kWh. Started as `python -m posapp.demo.meters KEYS METERS [FOLDER]`.

The tables of EA07 are chosen as the module chooses them, so that both inherit a site's own.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from posapp import paths
from posapp.bootstrap.sta_tables import choose
from posapp.clock import Clock, SystemClock
from posapp.codec.files import UNFINISHED, read_json, write_private
from posapp.domain.meter import EncryptionAlgorithm, MeterNumber
from posapp.errors import InputError, PosError
from posapp.security_module.reference.keys import load_key_file
from posapp.sts.keys import decoder_key
from posapp.sts.meter import VirtualMeter
from posapp.sts.sta import StaTables

STATE_BYTES_MAX = 1 << 18  # a memory of 10 000 TIDs, the largest there is, takes 100 kB


def installed(keys_json: Path, meters_csv: Path, tables: StaTables) -> dict[str, VirtualMeter]:
    """A virtual meter for every row of the town's file, with the key its maker gave it."""
    keys = {(key.sgc, key.krn): key for key in load_key_file(keys_json)}
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
                kt=key.kt,
                krn=key.krn,
                ti=row["ti"],
                ken=int(row["ken"]),
            )
    return made


class Memory:
    """The meters' memories in a folder, one file a meter; keys are in them, so it is private."""

    def __init__(self, folder: Path, tables: StaTables) -> None:
        self._folder, self._tables = paths.private_folder(folder), tables
        for left in folder.glob(f"*{UNFINISHED}"):  # of a process that was killed
            left.unlink()

    def recall(self, meters: dict[str, VirtualMeter]) -> None:
        """Put every kept meter in the place of the new one. Raises InputError METER_STATE."""
        for number in meters:
            path = self._path(number)
            if path.exists():
                meters[number] = self._read(path)

    def _read(self, path: Path) -> VirtualMeter:
        try:
            meter = VirtualMeter.from_state(read_json(path, STATE_BYTES_MAX), self._tables)
        except ValueError:
            raise InputError("METER_STATE", field="file") from None
        if meter.number.digits != path.stem:
            raise InputError("METER_STATE", field="number")
        return meter

    def keep(self, meter: VirtualMeter) -> None:
        """Write one memory so that it is either the old one or the new, also after a power cut."""
        state = json.dumps(meter.to_state()).encode("utf-8")
        write_private(self._path(meter.number.digits), state)

    def _path(self, number: str) -> Path:
        return self._folder / f"{number}.json"


def answers(
    lines: Iterable[str], meters: dict[str, VirtualMeter], memory: Memory | None, clock: Clock
) -> Iterator[str]:
    """An answer a line. What a meter took is written before it is said.

    The meters know the time, so that wrong entries lock a keypad here as they do in a house.
    """
    for line in lines:
        number, _, digits = line.strip().partition(" ")
        meter = meters.get(number)
        if meter is None:
            yield "NoSuchMeter 0"
            continue
        before = meter.to_state()
        result = meter.enter(digits, clock.now())
        if memory is not None and meter.to_state() != before:
            memory.keep(meter)
        yield f"{result.value} {meter.electricity_tenths}"


def main(arguments: list[str]) -> int:
    """Answer until the pipe closes; 1 when keys, tables or a memory cannot be used."""
    try:
        tables = choose()
        meters = installed(Path(arguments[0]), Path(arguments[1]), tables)
        memory = Memory(Path(arguments[2]), tables) if len(arguments) > 2 else None
        if memory is not None:
            memory.recall(meters)
    except PosError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"ready {len(meters)}", flush=True)
    for answer in answers(sys.stdin, meters, memory, SystemClock()):
        print(answer, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
