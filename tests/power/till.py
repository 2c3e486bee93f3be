"""The till under the recorder: sells, notes what it was promised, and meets a failing disk.

python -m tests.power.till FOLDER sell SALES full|normal
python -m tests.power.till FOLDER fail KIND ERRNO FROM UPTO STEP
"""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path

from posapp.db import engine, pragmas
from posapp.errors import StoreError
from posapp.journal.facts import ShiftClosed, ShiftOpened
from posapp.store.store import SqlStore
from tests.power.recording import ACKS
from tests.stores import Seller, a_store, again

PAGES_BETWEEN_CHECKPOINTS = 40  # so that a short run has many
SHIFT_SALES = 6
FAILING_SALES = 8


def _synchronous(level: int) -> None:
    others = tuple(pair for pair in pragmas._COMMON if pair[0] != "synchronous")
    pragmas._COMMON = (("synchronous", level), *others)


class _Teller:
    """Sells, and notes every promise: position and hash of the journal after a commit."""

    def __init__(self, store: SqlStore, acks: Path) -> None:
        self.store = store
        self._acks = acks.open("ab", buffering=0)

    def promise(self) -> None:
        head = self.store.read(lambda reader: reader.head())
        self._acks.write(head.seq.to_bytes(8, "big") + head.hash)

    def sell(self, sales: int) -> None:
        seller, shift = Seller(self.store), 0
        for number in range(sales):
            if number % SHIFT_SALES == 0:
                shift += 1
                if shift > 1:
                    closed = ShiftClosed(shift - 1, 3, 0, 0, (), "", 0, 0)
                    self.store.write(lambda unit, fact=closed: unit.append(fact))
                opened = ShiftOpened(shift, 3, 0)
                self.store.write(lambda unit, fact=opened: unit.append(fact))
                self.promise()
            seq, sale = seller.begin(number % 9 + 1)
            self.promise()
            seller.end(seq, sale)
            self.promise()


def _sell(folder: Path, sales: int) -> None:
    store = a_store(folder)
    teller = _Teller(store, folder / ACKS)
    teller.promise()
    teller.sell(sales)
    store.close()


def _fail(folder: Path, kind: str, number: int, places: range) -> None:
    """Meet each failure in a store of its own; print what it led to."""
    shim = ctypes.CDLL(None)
    for k in places:
        own = folder / f"{kind}{number}-{k}"
        own.mkdir()
        store = a_store(own)
        acks = folder.parent / f"{own.name}.acks"
        teller = _Teller(store, acks)
        shim.power_arm(ord(kind), k, number)
        word = "unseen"
        try:
            teller.sell(FAILING_SALES)
        except StoreError as error:
            word = error.code
        if word == "unseen" and store.disk().failures:
            word = "checkpoint"
        met = shim.power_failed()
        shim.power_arm(0, 0, 0)
        try:
            store.close()
        except StoreError as error:
            word = error.code
        print(k, word if met else "never", _broken(own, acks.read_bytes()))


def _broken(folder: Path, acks: bytes) -> str:
    """Which promise does not hold in a closed store; `kept` for none."""
    promises = {acks[i : i + 8]: acks[i + 8 : i + 40] for i in range(0, len(acks), 40)}
    store = again(folder)
    try:
        if store.verify_journal().broken_seq is not None:
            return "chain"
        for seq, digest in promises.items():
            if store.hash_of(1, int.from_bytes(seq, "big")) != digest:
                return f"lost-{int.from_bytes(seq, 'big')}"
        Seller(store, seed=99).sell(40)
        return "kept"
    finally:
        store.close()


def main(words: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    engine.CHECKPOINT_PAGES = PAGES_BETWEEN_CHECKPOINTS
    folder = Path(words[0])
    if words[1] == "sell":
        _synchronous({"full": 2, "normal": 1}[words[3]])
        _sell(folder, int(words[2]))
    else:
        _fail(folder, words[2], int(words[3]), range(*map(int, words[4:7])))


if __name__ == "__main__":
    main(sys.argv[1:])
