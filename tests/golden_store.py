"""Makes the small store of a release that every later one must be able to open.

    python -m tests.golden_store

writes `tests/data/store-NNNN.db` (NNNN: its schema; the key is `tests.stores.KEY`) and what is in
it beside it. Once a release, never again for the same schema: what was released does not change.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from posapp.db import migrations
from posapp.domain.sale import SaleState
from posapp.journal.facts import SaleEnded, ShiftOpened
from posapp.store.feed import SqlSyncStore
from posapp.store.schema import MIGRATIONS, STORE_FILE
from posapp.wire.feed import FeedRow
from tests.stores import Seller, a_customer, a_meter, a_store

DATA = Path(__file__).resolve().parent / "data"
SOLD = 5


def make(folder: Path) -> dict[str, object]:
    """A closed store with sold, refused, requested and open sales; what is in it."""
    store = a_store(folder)
    rows = []
    for number in range(1, 4):
        customer, meter = a_customer(number), a_meter(number, customer_id=number)
        rows.append(FeedRow(2 * number - 1, "customer", str(number), customer))
        rows.append(FeedRow(2 * number, "meter", meter.number.digits, meter))
    SqlSyncStore(store).apply_rows("global", rows, 6)
    store.write(lambda unit: unit.append(ShiftOpened(1, 3, 10_000)))
    seller = Seller(store)
    sold = [seller.sell(number % 3 + 1) for number in range(SOLD)]
    refused, _ = seller.begin()
    store.write(lambda unit: unit.append(SaleEnded(refused, SaleEnded.REFUSED, "KEY_EXPIRED")))
    _, requested = seller.begin(2)
    store.write(lambda unit: unit.set_sale_state(requested.sale_id, SaleState.REQUESTED))
    _, left_open = seller.begin(3)
    head = store.read(lambda reader: reader.head())
    store.close()
    return {
        "head": [head.epoch, head.seq, head.hash.hex()],
        "sold": [sale.sale_id.hex() for sale in sold],
        "open": [requested.sale_id.hex(), left_open.sale_id.hex()],
        "vended_minor": sum(s.amount_minor for s in (*sold, requested, left_open)),
        "receipt": left_open.receipt,
    }


def main() -> int:
    """Write the golden store of this software's schema; 1 when there is one."""
    schema = migrations.known_versions(MIGRATIONS)[-1]
    target = DATA / f"store-{schema}.db"
    if target.exists():
        print(f"{target.name} is released and stays as it is", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        told = make(Path(name) / "till")
        assert not (Path(name) / "till" / f"{STORE_FILE}-wal").exists()
        shutil.copyfile(Path(name) / "till" / STORE_FILE, target)
    text = json.dumps(told, indent=1) + "\n"
    target.with_suffix(".json").write_text(text, encoding="ascii")
    print(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
