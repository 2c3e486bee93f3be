"""A store with a day in it, and what one changed byte of its file does to whoever reads it."""

from __future__ import annotations

from pathlib import Path

from posapp.errors import PosError
from posapp.store.schema import STORE_FILE
from tests.stores import Seller, a_store, again


def a_day(folder: Path, sales: int = 12) -> bytes:
    """The bytes of a closed store with so many sales and their documents."""
    store = a_store(folder)
    seller = Seller(store)
    for meter in range(sales):
        seller.sell(meter=meter)
    store.close()
    assert not list(folder.glob(f"{STORE_FILE}-wal")), "all of it is in the one file"
    return (folder / STORE_FILE).read_bytes()


def is_found(folder: Path, good: bytes, place: int, bit: int) -> bool:
    """Whether reading everything back says that byte `place` is not what it was."""
    data = bytearray(good)
    data[place] ^= 1 << bit
    path = folder / STORE_FILE
    path.write_bytes(data)
    for left in folder.glob(f"{STORE_FILE}-*"):
        left.unlink()
    try:
        store = again(folder, read_only=True)
    except PosError:
        return True
    try:
        return store.verify_journal().broken_seq is not None or bool(store.flaws())
    except PosError:
        return True
    finally:
        store.close()
