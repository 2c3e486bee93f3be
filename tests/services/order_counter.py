"""A counter with all its verbs, and meters that are due for another key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from posapp.domain.meter import EncryptionAlgorithm, Meter
from posapp.domain.operator import Operator, Role
from posapp.lanes import InlineLanes
from posapp.services.desk import Desk, make_desk
from posapp.services.override import Consent
from posapp.services.two_people import TwoPeople, Witness
from posapp.store.feed import SqlSyncStore
from posapp.store.store import SqlStore, open_store
from posapp.sts.meter import VirtualMeter
from posapp.wire.feed import Entity, FeedRow
from tests.services.counter import KWAME, PIN, a_configuration
from tests.services.tariff_counter import (
    ENERGY,
    VAT,
    TariffCounter,
    a_tariff,
    a_tariff_counter,
    close,
)
from tests.stores import KEY, SeededRandomness, StoppedClock

BY_KWAME = Witness(KWAME.operator_id, PIN)


def consent(reason: str = "inspection", note: str = "", witness: Witness = BY_KWAME) -> Consent:
    """Kwame stands by."""
    return Consent(reason, note, witness)


def due_for_another_key(counter: TariffCounter, number: int, **changes: Any) -> Meter:
    """Head office wants this meter under TI 02, and one with EA07 under SGC 123456."""
    c = a_configuration(number)
    sgc = c.sgc if c.ea is EncryptionAlgorithm.MISTY1 else "123456"
    wanted = replace(c, sgc=sgc, krn=1, ti="02")
    return counter.put(number, pending=wanted, **changes)


def desk_of(counter: TariffCounter) -> Desk:
    people = TwoPeople(counter.sign_in)
    return make_desk(
        counter.store, counter.module, counter.queue, counter.clock, counter.sell, people
    )


def give_role(counter: TariffCounter, person: Operator, role: Role) -> None:
    """Head office says that somebody has another role from now on; the PIN stays."""
    records = counter.store.read(lambda reader: reader.operators())
    own = next(r for r in records if r.operator.operator_id == person.operator_id)
    changed = replace(own, operator=replace(own.operator, role=role))
    sync = SqlSyncStore(counter.store)
    at = sync.cursor("roles") + 1
    row = FeedRow(at, Entity.OPERATOR, str(person.operator_id), changed)
    sync.apply_rows("roles", [row], at)


def entered(twin: VirtualMeter, tokens: tuple[str, ...]) -> list[str]:
    """What the meter says to each, in order."""
    return [twin.enter(token).value for token in tokens]


@contextmanager
def an_order_counter(
    folder: Path, *values: Any, meters: tuple[int, ...] = (1, 2, 3)
) -> Iterator[TariffCounter]:
    """Open for the length of a test; the tariff is 20.00 a kWh and 15 % tax."""
    counter = a_tariff_counter(folder, a_tariff(ENERGY, VAT), *values, meters=meters)
    try:
        yield counter
    finally:
        close(counter)


def started_again(counter: TariffCounter) -> None:
    """The program died and was started anew over the same store; the module went on."""
    counter.store.close()
    counter.store = again(counter.folder / "till", clock=counter.clock)
    counter.__post_init__()


def again(folder: Path, *, clock: StoppedClock) -> SqlStore:
    return open_store(
        folder,
        KEY,
        clock=clock,
        randomness=SeededRandomness(2),
        lanes=InlineLanes(),
        reserve_bytes=0,
    )
