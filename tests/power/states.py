"""Opens the disks that power cuts leave, as the till would, and says which promises were broken."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from posapp.codec.signing import SigningKey
from posapp.db.engine import open_sqlcipher
from posapp.errors import StoreError
from posapp.journal.verify import verify_chain
from posapp.store.schema import STORE_FILE
from posapp.store.store import chain_rows
from posapp.store.till_row import TillRow
from tests.power.recording import Disk, Op
from tests.stores import KEY, SECRET

PUBLIC = SigningKey(SECRET).public
_SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Tally:
    """How many disks were looked at, and what was wrong with which."""

    states: int = 0
    lost: list[str] = field(default_factory=list)


def power_cuts(ops: list[Op], states: int, seed: int) -> Tally:
    """So many power cuts at random moments after the till's enrolment, each with a disk of its own.

    About 100 a second.
    """
    chance = random.Random(seed)
    first = next(place for place, op in enumerate(ops) if op.name == "acks" and op.data)
    moments = sorted(chance.randrange(first + 1, len(ops) + 1) for _ in range(states))
    tally, disk, done = Tally(), Disk(), 0
    parent = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="posapp-power-", dir=parent) as name:
        for moment in moments:
            while done < moment:
                disk.do(ops[done])
                done += 1
            folder = Path(name) / "disk"
            folder.mkdir()
            disk.cut(folder, chance)
            tally.states += 1
            problem = _problem(folder, bytes(disk.acks))
            if problem:
                tally.lost.append(f"after call {moment} of {len(ops)}: {problem}")
            shutil.rmtree(folder)
    return tally


def _promises(acks: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(acks) - 39, 40):
        yield int.from_bytes(acks[at : at + 8], "big"), acks[at + 8 : at + 40]


def _problem(folder: Path, acks: bytes) -> str:
    """Which promise this disk breaks; empty for none."""
    try:
        database = open_sqlcipher(folder / STORE_FILE, KEY, create=False)
    except StoreError as error:
        return error.code
    try:
        with database.read() as connection:
            till = TillRow.load(connection)
            if till is None:
                return "not enrolled any more"
            signature = connection.exec_driver_sql("SELECT signature FROM till").scalar_one()
            damage: list[str] = []
            rows = list(chain_rows(connection, till.head, damage))
            verdict = verify_chain(till.genesis, rows, PUBLIC, till.head, signature)
            if verdict.broken_seq is not None or damage:
                return f"the chain breaks at {verdict.broken_seq}: {verdict.reason} {damage}"
            there = {seq: digest for seq, _, digest in rows}
            for seq, digest in _promises(acks):
                if there.get(seq) != digest:
                    return f"entry {seq} is lost; the journal ends at {till.head.seq}"
            sums = "SELECT count(*) FROM (SELECT 1 FROM posting GROUP BY place HAVING sum(amount_minor) <> 0)"  # noqa: E501
            if connection.exec_driver_sql(sums).scalar_one():
                return "a sale's postings do not add up"
    except StoreError as error:
        return error.code
    finally:
        database.close()
    return ""
